"""
Series in which nothing changes: how often something is reported all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from _contenders import OURS, SURE, Report, contenders, find_ours
from _detection_row import SHARE, Figure, Row, share
from _extent import Setting
from _worlds import NULL_KINDS, null_series

GROUP: Final = "null"
LENGTHS: Final = (30, 100, 300)
TARGETS: Final = {"a finding (≥ 0.5)": 0.015, "a finding of ≥ 0.8": 0.005}
WORST: Final = 0.02
LOOKS: Final = "looks"
FIRST_LOOK, LAST_LOOK = 8, 300
EVER: Final = 0.03

_CHUNK: Final = 250
_LOOKED_CHUNK: Final = 25

ANSWERS: Final = ("any report", "a finding (≥ 0.5)", "a finding of ≥ 0.8", "an unconfirmed change (≥ 0.5)")


@dataclass(frozen=True, slots=True)
class Draw:
    """
    Null series that are drawn together.

    Attributes:
        kind: Of the noise.

        n: Length.

        size: How many.

        peers: How many of them the peers see.

        contenders: Who sees them.

        seed: Of the generator.
    """

    kind: str
    n: int
    size: int
    peers: int
    contenders: tuple[str, ...]
    seed: tuple[int, ...]


Counts = dict[str, tuple[int, ...]]
"""By contender: how many series have each of ANSWERS, and how many there are."""


def answers(reports: Sequence[Report]) -> tuple[int, ...]:
    """
    Which of ANSWERS the *reports* of one series are, as 0 or 1, and 1 for the series.
    """
    unconfirmed = [report for report in reports if not report.confirmed and report.confidence >= 0.5]
    finding, sure = any(report.finding for report in reports), any(report.sure for report in reports)
    return int(bool(reports)), int(finding), int(sure), int(bool(unconfirmed)), 1


def add(counts: Counts, who: str, more: tuple[int, ...]) -> None:
    """
    Count *more* for contender *who*.
    """
    counts[who] = tuple(a + b for a, b in zip(counts.get(who, (0,) * len(more)), more, strict=True))


def null_rows(setting: Setting) -> list[Row]:
    """
    Over all kinds and lengths, and the worst kind; AR(1) 0.5; each kind, and each length.
    """
    extent = setting.extent
    draws = [
        Draw(
            kind,
            n,
            min(_CHUNK, extent.null - begin),
            min(max(extent.null_peers - begin, 0), _CHUNK),
            setting.contenders,
            (setting.seed, 1, i, n, begin),
        )
        for i, kind in enumerate(NULL_KINDS)
        for n in LENGTHS
        for begin in range(0, extent.null, _CHUNK)
    ]
    cells: dict[tuple[str, int], Counts] = {}
    for draw, counted in zip(draws, setting.done(count_null, draws), strict=True):
        for who, more in counted.items():
            add(cells.setdefault((draw.kind, draw.n), {}), who, more)
    return _rows(cells)


def count_null(draw: Draw) -> Counts:
    """
    What the contenders report in the series of *draw*.
    """
    rng, counts = np.random.default_rng(draw.seed), Counts()
    for i in range(draw.size):
        values = null_series(draw.kind, draw.n, rng)
        for one in contenders(draw.contenders):
            if one.ours or i < draw.peers:
                add(counts, one.name, answers(one.find(values)))
    return counts


def _rows(cells: dict[tuple[str, int], Counts]) -> list[Row]:
    every = _merged(list(cells.values()))
    by_kind = {kind: _merged([cells[kind, n] for n in LENGTHS]) for kind in NULL_KINDS}
    rows = [
        Row(
            GROUP,
            f"simulated null series with {answer}",
            SHARE,
            _shares(every, i),
            TARGETS.get(answer),
            by_interval=True,
        )
        for i, answer in enumerate(ANSWERS)
    ]
    sure = ANSWERS.index("a finding of ≥ 0.8")
    worst = max(by_kind, key=lambda kind: by_kind[kind][OURS][sure])
    shares = _shares(by_kind[worst], sure)
    rows.append(Row(GROUP, f"… ≥ 0.8 in the worst kind ({worst})", SHARE, shares, WORST, by_interval=True))
    for answer in (ANSWERS[1], ANSWERS[2]):
        i = ANSWERS.index(answer)
        target = WORST if i == sure else None
        rows.append(
            Row(GROUP, f"null AR(1) 0.5 with {answer}", SHARE, _shares(by_kind["ar50"], i), target, by_interval=True)
        )
    for i in (1, 2):
        rows += [Row(GROUP, f"{kind}: {ANSWERS[i]}", SHARE, _shares(by_kind[kind], i)) for kind in NULL_KINDS]
        for n in LENGTHS:
            merged = _merged([cells[kind, n] for kind in NULL_KINDS])
            rows.append(Row(GROUP, f"{n} samples: {ANSWERS[i]}", SHARE, _shares(merged, i)))
    return rows


def _merged(counts: Sequence[Counts]) -> Counts:
    merged: Counts = {}
    for one in counts:
        for who, more in one.items():
            add(merged, who, more)
    return merged


def _shares(counts: Counts, answer: int) -> dict[str, Figure]:
    return {who: share(counted[answer], counted[-1]) for who, counted in counts.items()}


def looks_rows(setting: Setting) -> list[Row]:
    """
    Null series of 300 samples, all kinds in turn, looked at when they have 8, 9, … 300: which ever say 0.8 or more.
    """
    size = setting.extent.looked_at
    chunks = [(setting.seed, begin, min(begin + _LOOKED_CHUNK, size)) for begin in range(0, size, _LOOKED_CHUNK)]
    ever = sum(setting.done(count_ever, chunks))
    what = f"null series looked at after each of {LAST_LOOK} runs: ever a finding of ≥ {SURE}"
    return [Row(LOOKS, what, SHARE, {OURS: share(ever, size)}, EVER, by_interval=True)]


def count_ever(chunk: tuple[int, int, int]) -> int:
    """
    How many of the series with these numbers ever have a finding of 0.8 or more.
    """
    seed, begin, end = chunk
    ever = 0
    for number in range(begin, end):
        kind = NULL_KINDS[number % len(NULL_KINDS)]
        values = null_series(kind, LAST_LOOK, np.random.default_rng((seed, 2, number)))
        looks = range(FIRST_LOOK, LAST_LOOK + 1)
        ever += any(report.sure for n in looks for report in find_ours(values[:n]))
    return ever
