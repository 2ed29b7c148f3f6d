"""
Simulated changes: how many are found, what else is reported, and how soon a step is seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from _contenders import FINDING, Contender, Report, contenders
from _detection_row import SAMPLES, SCORE, SHARE, Figure, Row, share
from _extent import Setting
from _segmentation_scores import margin_for, matches, pooled_f1
from _worlds import Simulated, world

GROUP: Final = "changes"
DELAYS: Final = "delays"
CHANGING: Final = 0.5
CLEAR: Final = 5.0
"""The z of an ideal test from which on a change is one that should be found."""
F1_TARGET, RECALL_TARGET = 0.82, 0.95

NOISE: Final = 0.04
STEPS: Final = {0.2: (2, 4), 0.5: (2, 3)}
"""By size of the step: samples until it is reported, and until it is a finding, at most."""
WAIT: Final = 20
NEAR: Final = 2

_CHUNK: Final = 250


@dataclass(frozen=True, slots=True)
class Part:
    """
    Some of the series: numbers *begin* up to *end*, of which the peers see those below *peers*.
    """

    begin: int
    end: int
    peers: int
    contenders: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Found:
    """
    Counts over series with changes.
    """

    hits: int = 0
    reported: int = 0
    true: int = 0
    clear_hits: int = 0
    clear: int = 0

    def plus(self, other: Found) -> Found:
        """
        Both together.
        """
        return Found(
            self.hits + other.hits,
            self.reported + other.reported,
            self.true + other.true,
            self.clear_hits + other.clear_hits,
            self.clear + other.clear,
        )


def found_in(series: Simulated, reports: Sequence[Report]) -> Found:
    """
    How the findings among *reports* agree with the changes of *series*.
    """
    findings = [report.index for report in reports if report.finding]
    hit = matches(series.changes, findings, margin_for(len(series.values)))
    clear = [place for place, z in zip(series.changes, series.strengths, strict=True) if z >= CLEAR]
    return Found(len(hit), len(findings), len(series.changes), sum(place in hit for place in clear), len(clear))


def change_rows(setting: Setting) -> list[Row]:
    """
    F1 over all changes, the share found of those that an ideal test sees with z >= 5, and F1 where no series is quiet.
    """
    extent = setting.extent
    parts = [
        Part(begin, min(begin + _CHUNK, extent.changed), extent.changed_peers, setting.contenders, setting.seed)
        for begin in range(0, extent.changed, _CHUNK)
    ]
    changed: dict[str, Found] = {}
    every: dict[str, Found] = {}
    for counted in setting.done(count_changes, parts):
        for (who, quiet), more in counted.items():
            every[who] = every.get(who, Found()).plus(more)
            if not quiet:
                changed[who] = changed.get(who, Found()).plus(more)
    what = f"simulated changes of z 3 to 25, in {CHANGING:.0%} of the series"
    recalls = {who: share(one.clear_hits, one.clear) for who, one in every.items()}
    precisions = {who: share(one.hits, one.reported) for who, one in every.items()}
    return [
        Row(GROUP, f"{what}: F1, findings (≥ 0.5)", SCORE, _f1s(every), F1_TARGET, at_most=False),
        Row(GROUP, "… F1 in those series alone", SCORE, _f1s(changed)),
        Row(GROUP, f"… recall where an ideal test has z ≥ {CLEAR:g}", SHARE, recalls, RECALL_TARGET, at_most=False),
        Row(GROUP, "… share of the findings that is right", SHARE, precisions),
    ]


def _f1s(found: Mapping[str, Found]) -> dict[str, Figure]:
    return {who: Figure(pooled_f1(one.hits, one.reported, one.true), one.true) for who, one in found.items()}


def count_changes(part: Part) -> dict[tuple[str, bool], Found]:
    """
    What the contenders find in the series of *part*: by contender, and whether nothing changes in the series.
    """
    found: dict[tuple[str, bool], Found] = {}
    for number in range(part.begin, part.end):
        rng = np.random.default_rng((part.seed, 3, number))
        (series,) = world(1, rng, changing=CHANGING)
        for one in contenders(part.contenders):
            if one.ours or number < part.peers:
                key = one.name, not series.changes
                found[key] = found.get(key, Found()).plus(found_in(series, one.find(series.values)))
    return found


def delay_rows(setting: Setting) -> list[Row]:
    """
    Samples from a step on, that one included, until a report says so within two samples of the right place.
    """
    rows = []
    for step, (soon, settled) in STEPS.items():
        waits = {
            one.name: [_waits(one, step, (setting.seed, 4, number)) for number in range(setting.extent.delays)]
            for one in contenders(setting.contenders)
        }
        what = f"median delay of a step of {step:.0%} (noise: Gaussian, sd {NOISE:.0%} of the level)"
        for i, (said, target) in enumerate(
            ((f"{what}, until reported at ≥ 0.5, unconfirmed or more", soon), ("… until a finding (≥ 0.5)", settled))
        ):
            medians = {who: float(np.median([wait[i] for wait in each])) for who, each in waits.items()}
            # Who misses most of the steps has no median; the row below says so.
            figures = {who: Figure(median, len(waits[who])) for who, median in medians.items() if math.isfinite(median)}
            rows.append(Row(DELAYS, said, SAMPLES, figures, target))
        late = {who: share(sum(math.isinf(wait[1]) for wait in each), len(each)) for who, each in waits.items()}
        rows.append(Row(DELAYS, f"… not a finding after {WAIT} samples", SHARE, late))
    return rows


def _waits(contender: Contender, step: float, seed: tuple[int, ...]) -> tuple[float, float]:
    """
    Samples until a report, and until a finding; infinite where there is none after 20.
    """
    rng = np.random.default_rng(seed)
    before = int(rng.integers(20, 101))
    values = 100 * (1 + NOISE * rng.normal(size=before + WAIT))
    values[before:] += 100 * step
    waits = [math.inf, math.inf]
    for after in range(1, WAIT + 1):
        near = [one for one in contender.find(values[: before + after]) if abs(one.index - before) <= NEAR]
        for i, said in enumerate((any(one.confidence >= FINDING for one in near), any(one.finding for one in near))):
            if said:
                waits[i] = min(waits[i], float(after))
        if waits[1] < math.inf:
            break
    return waits[0], waits[1]
