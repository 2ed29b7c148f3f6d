"""
Real benchmark histories: false alarms where nothing changes, and steps of known size and place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from _change_rows import Found
from _contenders import FINDING, OURS, Report, contenders
from _detection_row import SCORE, SHARE, Figure, Row, share
from _extent import Setting
from _histories import calm_windows, load_histories
from _null_rows import ANSWERS, Counts, add, answers
from _segmentation_scores import MARGIN, matches, pooled_f1
from _single_steps import best_split, newest_step, one_step
from _worlds import Simulated

GROUP: Final = "histories"
LENGTHS: Final = (30, 100, 300)
SHUFFLED: Final = dict(zip(ANSWERS, (None, 0.012, 0.004, 0.02), strict=True))
F1_TARGETS: Final = {5.0: 0.89, 8.0: 0.96}
STRENGTHS: Final = (5.0, 12.0)
"""z of the steps, drawn log-uniformly."""
LATE: Final = {2: 0.93, 3: 0.98}
LATE_STEP: Final = 6.0
REPORTED_HALF: Final = 1
"""The projects at odd places: ``calibration.py`` takes windows from the others."""
ORACLE: Final = "one split, known to be there"

_CHUNK: Final = 100


@dataclass(frozen=True, slots=True)
class Windows:
    """
    Windows that are drawn together.

    Attributes:
        data: The folder of real series.

        n: Length.

        size: How many.

        peers: How many of them the peers see.

        contenders: Who sees them.

        seed: Of the generator.
    """

    data: Path
    n: int
    size: int
    peers: int
    contenders: tuple[str, ...]
    seed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What the contenders made of some windows.

    Attributes:
        calm: Counts of the windows in which nothing changes.

        stepped: By contender and smallest z: agreement with the steps.

        late: By contender and samples after a step of 6 sd: whether seen; whether a finding; how many.
    """

    calm: Counts
    stepped: dict[tuple[str, float], Found]
    late: dict[tuple[str, int], tuple[int, ...]]


def outcome_of(windows: Windows) -> Outcome:
    """
    Calm windows, each also with one step, and each also cut soon after a step.
    """
    rng = np.random.default_rng(windows.seed)
    outcome = Outcome({}, {}, {})
    histories = load_histories(windows.data, half=REPORTED_HALF)
    for i, window in enumerate(calm_windows(histories, windows.n, windows.size, rng)):
        stepped = one_step(window, math.exp(rng.uniform(*np.log(STRENGTHS))), rng)
        late = {after: newest_step(window, LATE_STEP, after, rng).values for after in LATE}
        _note_step(outcome, ORACLE, stepped, (Report(best_split(stepped.values)),))
        for one in contenders(windows.contenders):
            if not one.ours and i >= windows.peers:
                continue
            add(outcome.calm, one.name, answers(one.find(window)))
            _note_step(outcome, one.name, stepped, one.find(stepped.values))
            for after, values in late.items():
                _note_late(outcome, one.name, after, windows.n, one.find(values))
    return outcome


def _note_step(outcome: Outcome, who: str, stepped: Simulated, reports: tuple[Report, ...]) -> None:
    findings = [report.index for report in reports if report.finding]
    hits = len(matches(stepped.changes, findings))
    for least in F1_TARGETS:
        if stepped.strengths[0] >= least:
            before = outcome.stepped.get((who, least), Found())
            outcome.stepped[who, least] = before.plus(Found(hits, len(findings), 1))


def _note_late(outcome: Outcome, who: str, after: int, n: int, reports: tuple[Report, ...]) -> None:
    near = [report for report in reports if abs(report.index - (n - after)) <= MARGIN and report.confidence >= FINDING]
    more = int(bool(near)), int(any(report.finding for report in near)), 1
    before = outcome.late.get((who, after), (0, 0, 0))
    outcome.late[who, after] = tuple(a + b for a, b in zip(before, more, strict=True))


def history_rows(setting: Setting) -> list[Row]:
    """
    For each length and over all: shuffled calm windows, one step put into them, a step of 6 sd two and three samples old.
    """
    if setting.data is None:
        return []
    extent = setting.extent
    tasks = [
        Windows(
            setting.data,
            n,
            min(_CHUNK, extent.windows - begin),
            min(max(extent.windows_peers - begin, 0), _CHUNK),
            setting.contenders,
            (setting.seed, 6, n, begin),
        )
        for n in LENGTHS
        for begin in range(0, extent.windows, _CHUNK)
    ]
    outcomes: dict[int, list[Outcome]] = {n: [] for n in LENGTHS}
    for task, outcome in zip(tasks, setting.done(outcome_of, tasks), strict=True):
        outcomes[task.n].append(outcome)
    every = [outcome for n in LENGTHS for outcome in outcomes[n]]
    rows = _rows("", every, targets=True)
    for n in LENGTHS:
        rows += _rows(f"{n} samples: ", outcomes[n], targets=False)
    return rows


def _rows(begin: str, outcomes: list[Outcome], *, targets: bool) -> list[Row]:
    calm: Counts = {}
    stepped: dict[tuple[str, float], Found] = {}
    late: dict[tuple[str, int], tuple[int, ...]] = {}
    for outcome in outcomes:
        for who, counted in outcome.calm.items():
            add(calm, who, counted)
        for key, found in outcome.stepped.items():
            stepped[key] = stepped.get(key, Found()).plus(found)
        for late_key, seen in outcome.late.items():
            late[late_key] = tuple(a + b for a, b in zip(late.get(late_key, (0, 0, 0)), seen, strict=True))
    rows = [
        Row(
            GROUP,
            f"{begin}shuffled calm windows with {answer}",
            SHARE,
            {who: share(counted[i], counted[-1]) for who, counted in calm.items()},
            target if targets else None,
            by_interval=True,
        )
        for i, (answer, target) in enumerate(SHUFFLED.items())
    ]
    for least, target in F1_TARGETS.items():
        figures = {
            who: Figure(pooled_f1(found.hits, found.reported, found.true), found.true)
            for (who, z), found in stepped.items()
            if z == least
        }
        what = f"{begin}one step put into them, z ≥ {least:g}: F1, findings (≥ 0.5)"
        rows.append(Row(GROUP, what, SCORE, figures, target if targets else None, at_most=False))
    for after, target in LATE.items():
        newest = {who: counted for (who, samples), counted in late.items() if samples == after}
        what = f"{begin}a step of {LATE_STEP:g} sd with {after} samples after it: reported at ≥ 0.5"
        figures = {who: share(counted[0], counted[-1]) for who, counted in newest.items()}
        rows.append(Row(GROUP, what, SHARE, figures, target if targets else None, at_most=False))
        if OURS in newest:
            figures = {OURS: share(newest[OURS][1], newest[OURS][-1])}
            rows.append(Row(GROUP, "… as a finding, not as unconfirmed", SHARE, figures))
    return rows
