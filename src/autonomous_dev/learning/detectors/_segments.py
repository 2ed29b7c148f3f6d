"""
Splits a series into segments of one level each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._confidence import change_log_odds, knee_log_odds
from autonomous_dev.learning.detectors._lines import find_knees
from autonomous_dev.learning.detectors._noise import Noise
from autonomous_dev.learning.detectors._partition import MIN_SEGMENT, propose
from autonomous_dev.learning.detectors._samples import ROUNDING
from autonomous_dev.learning.detectors._signal import Signal, read_signal
from autonomous_dev.learning.detectors._strength import Contrast, best_place, contrast, features, fits, torn

Weigher = Callable[[NDArray[np.float64]], float]
"""From the features of a split to the log-odds that it is real."""

LEAST: Final = -0.4
"""
Log-odds below which a split is taken back: a confidence of 0.4. F1 is highest where what is likelier than half the best
F1 is told: Lipton, Elkan & Narayanaswamy (2014), arXiv:1402.1892.
"""

DRIFTING: Final = 0.75
"""Correlation of neighbours from which on a series drifts rather than steps: lines describe it, and their knees."""

_LEAST_DRIFTING: Final = 30
"""Samples from which on that correlation is known well enough."""

_PLAIN: Final = 2.0

_NEAR_BEST: Final = 1.92
"""Log-likelihood within which a place is hardly worse than the best: half of chi-square's 95% point."""


@dataclass(frozen=True, slots=True)
class Split:
    """
    One boundary between two segments.

    Attributes:
        index: First sample of the new segment.

        index_range: Smallest and largest place that the data hardly tell from *index*, both included.

        odds: Log-odds that the change is real, in a world where DEFAULT_PRIOR of the series change.

        z: Difference of the two levels over its standard error, signed.

        before: Level of the segment before it, spikes drawn in.

        after: Level of the segment that it begins.

        error: Standard error of ``after - before``.

        samples_before: Length of the segment before it.

        samples_after: Length of the segment that it begins.
    """

    index: int
    index_range: tuple[int, int]
    odds: float
    z: float
    before: float
    after: float
    error: float
    samples_before: int
    samples_after: int


@dataclass(frozen=True, slots=True)
class Segmentation:
    """
    A series as steps.

    Attributes:
        values: Shape (n,): the values, spikes drawn in and a weekly season taken out.

        noise: Noise around the steps.

        splits: The boundaries, by increasing index.
    """

    values: NDArray[np.float64]
    noise: Noise
    splits: tuple[Split, ...]


def segment(values: NDArray[np.float64], positions: NDArray[np.intp] | None = None) -> Segmentation:
    """
    The steps in *values*, each with the odds that it is real.

    Places are proposed by the values and by their ranks. The least likely is taken back, and its neighbours are placed
    and weighed anew, until every one that is left has a confidence of 0.4 or better. A series that
    drifts all along is described by lines instead, and its splits are their knees.

    Args:
        values: Shape (n,), finite, at most about 1 in size.

        positions: Shape (n,): where each of them stands in the series; without them none is missing.
    """
    if not len(values):
        return Segmentation(values, Noise(0.0, 0.0), ())
    signal = read_signal(values, np.arange(len(values)) if positions is None else positions)
    calm = signal.calm + signal.middle
    if _drifts(signal.noise, len(signal)):
        return Segmentation(calm, signal.noise, _splits_of_knees(signal))
    kept, _ = weigh(signal, change_log_odds)
    return Segmentation(calm, signal.noise, tuple(_split(signal, each, odds) for each, odds, _ in kept))


def drifting(steps: Segmentation) -> bool:
    """
    Whether *steps* describe a series that drifts all along, so that its splits are knees.
    """
    return _drifts(steps.noise, len(steps.values))


def _drifts(noise: Noise, samples: int) -> bool:
    return samples >= _LEAST_DRIFTING and noise.correlation >= DRIFTING


Weighed = tuple[Contrast, float, NDArray[np.float64]]


def weigh(signal: Signal, weigher: Weigher) -> tuple[list[Weighed], list[Weighed]]:
    """
    The splits of *signal* that stay, by increasing place, and those that were taken back, the least likely first.

    Args:
        signal: Of n samples.

        weigher: From features to log-odds; the calibration tries others than the shipped one.
    """
    places = propose(np.stack((signal.calm, signal.scores)), (signal.noise, signal.scores_noise))
    bounds = _plain(signal, _apart(signal, places))
    proposed = len(bounds) - 2
    for i in range(1, len(bounds) - 1):
        bounds[i] = best_place(signal, bounds[i - 1], bounds[i + 1], bounds[i])
    bounds = _apart(signal, bounds[1:-1])

    def weighed(i: int) -> Weighed:
        split = contrast(signal, *bounds[i - 1 : i + 2])
        found = features(signal, split, proposed)
        return split, -math.inf if torn(signal, split) else weigher(found), found

    kept = [weighed(i) for i in range(1, len(bounds) - 1)]
    dropped: list[Weighed] = []
    while kept:
        weakest = min(range(len(kept)), key=lambda i: kept[i][1])
        if kept[weakest][1] >= LEAST:
            break
        dropped.append(kept.pop(weakest))
        del bounds[weakest + 1]
        beside = [i for i in (weakest, weakest + 1) if 1 <= i < len(bounds) - 1]
        for i in beside:
            bounds[i] = best_place(signal, bounds[i - 1], bounds[i + 1], bounds[i])
        for j in range(max(weakest - 1, 1), min(weakest + 3, len(bounds) - 1)):
            if (kept[j - 1][0].start, kept[j - 1][0].place, kept[j - 1][0].end) != tuple(bounds[j - 1 : j + 2]):
                kept[j - 1] = weighed(j)
    return kept, dropped


def _splits_of_knees(signal: Signal) -> tuple[Split, ...]:
    found = []
    for knee in find_knees(signal.calm):
        odds = knee_log_odds(knee.strength, len(signal))
        if odds >= LEAST:
            found.append(
                Split(
                    index=knee.index,
                    index_range=knee.index_range,
                    odds=odds,
                    z=math.copysign(math.sqrt(knee.strength), knee.after - knee.before),
                    before=knee.before + signal.middle,
                    after=knee.after + signal.middle,
                    error=knee.error,
                    samples_before=knee.samples_before,
                    samples_after=knee.samples_after,
                )
            )
    return tuple(found)


def _apart(signal: Signal, places: list[int]) -> list[int]:
    """
    *places* between 0 and n, less the weaker of any two that leave a segment with fewer than three samples.
    """
    bounds = [0, *places, len(signal)]
    i = 1
    while i < len(bounds):
        if bounds[i] - bounds[i - 1] >= MIN_SEGMENT:
            i += 1
            continue
        inner = [j for j in (i - 1, i) if 0 < j < len(bounds) - 1]
        if not inner:
            break
        del bounds[min(inner, key=lambda j: _clearness(signal, bounds, j, inner))]
        i = max(i - 1, 1)
    return bounds


def _plain(signal: Signal, bounds: list[int]) -> list[int]:
    """
    *bounds* without the places whose z is below 2 however they are looked at: weighing those would be a waste.
    """
    strengths = [contrast(signal, *bounds[i - 1 : i + 2]).z for i in range(1, len(bounds) - 1)]
    while strengths:
        weakest = min(range(len(strengths)), key=strengths.__getitem__)
        if strengths[weakest] >= _PLAIN:
            break
        del strengths[weakest], bounds[weakest + 1]
        for i in (weakest, weakest + 1):
            if 1 <= i < len(bounds) - 1:
                strengths[i - 1] = contrast(signal, *bounds[i - 1 : i + 2]).z
    return bounds


def _clearness(signal: Signal, bounds: list[int], i: int, pair: list[int]) -> float:
    """
    How clearly place *i* parts its neighbours when the other of the *pair* is gone.
    """
    left = [b for j, b in enumerate(bounds[:i]) if j not in pair][-1]
    right = next(b for j, b in enumerate(bounds) if j > i and j not in pair)
    if bounds[i] - left < MIN_SEGMENT or right - bounds[i] < MIN_SEGMENT:
        return -1.0
    return contrast(signal, left, bounds[i], right).z


def _split(signal: Signal, found: Contrast, odds: float) -> Split:
    start, place, end = found.start, found.place, found.end
    left, right = place - start, end - place
    error = max(found.scale * signal.noise.inflation * math.sqrt(1 / left + 1 / right), ROUNDING)
    likely = fits(signal.calm[start:end])
    near = np.flatnonzero(likely >= likely[left - MIN_SEGMENT] - _NEAR_BEST * signal.noise.inflation**2)
    span = (min(start + MIN_SEGMENT + int(near[0]), place), max(start + MIN_SEGMENT + int(near[-1]), place))
    return Split(
        index=place,
        index_range=span,
        odds=odds,
        z=(found.after - found.before) / error,
        before=found.before + signal.middle,
        after=found.after + signal.middle,
        error=error,
        samples_before=left,
        samples_after=right,
    )
