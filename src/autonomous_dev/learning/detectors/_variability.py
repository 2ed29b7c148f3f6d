"""
Variability: samples that scatter more, or less, than they did, whatever their level does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._odds import MAX_CONFIDENCE, probability
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._samples import ROUNDING
from autonomous_dev.learning.detectors._slope import NORMAL_95
from autonomous_dev.policy import Policy

MIN_SIDE: Final = 8
"""Samples on either side that a change of spread needs at least."""

_WIDTH: Final = 9
"""Samples that the local level is the median of."""

_CLEAR: Final = 4.0
"""Mean deviations from which on a level is clear of 0, so that noise can be in proportion to it."""

_GAUSSIAN: Final = math.sqrt(math.pi / 2)
"""Standard deviation of Gaussian noise over its mean absolute deviation."""

_STAGES: Final = 4
"""How often what follows a change of spread is asked for a newer one."""

_NEAR: Final = 5.0
"""How far a place's squared z may stay behind the best one's for the place to be as likely."""

_MOST_Z: Final = 6.0
_LEAST_ERROR: Final = 0.5
"""Deviations over their mean are never taken to scatter less: those of Gaussian noise do by 0.76."""

_BIAS: Final = -2.07
"""
This and the next three: fitted by ``benchmarks/calibrate_shapes.py fit variability --size 6000``, seed 1. In one of ten
of its series (by weight) the scatter changes 1.5- to 6-fold, either way; of the others one in five has a step, which in
half of them multiplies the noise too, one in seven creeps, one in twenty wanders, the rest is noise of eleven kinds; 20 to
1,000 samples. A change was right within 15% of the length.
"""
_Z: Final = 2.13
_LOG_SHORTER: Final = 1.37
_LOG_N: Final = -2.28
_LEAST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Spread:
    """
    One place at which the scatter of n samples changed.

    Attributes:
        index: Place, among the finite samples, of the first one of the new scatter.

        index_range: Smallest and largest place that are nearly as likely.

        z: Difference of the mean scores of deviations over its standard error; positive where it scatters more.

        contrast: Log of the ratio of the two mean deviations over its standard error: what the sizes say, as *z* is what
            their ranks say; the weaker of deviations and deviations over the level.

        before: Standard deviation before, in scaled units, as Gaussian noise would have it.

        after: The same after.

        errors: Standard errors of *before* and *after*.

        samples_before: Samples that *before* rests on.

        samples_after: Samples that *after* rests on.
    """

    index: int
    index_range: tuple[int, int]
    z: float
    contrast: float
    before: float
    after: float
    errors: tuple[float, float]
    samples_before: int
    samples_after: int

    @property
    def features(self) -> tuple[float, float, float]:
        """
        What the confidence is made of: geometric mean of |z| and the contrast, drawn in to 6; logs of the shorter side
        and of n.
        """
        return (
            min(math.sqrt(abs(self.z) * self.contrast), _MOST_Z),
            math.log(min(self.samples_before, self.samples_after)),
            math.log(self.samples_before + self.samples_after),
        )

    @property
    def confidence(self) -> float:
        """
        The probability that the scatter changed, and near there.
        """
        z, shorter, n = self.features
        return MAX_CONFIDENCE * probability(_BIAS + _Z * z + _LOG_SHORTER * shorter + _LOG_N * n)


def spread_change(outline: Outline) -> Spread | None:
    """
    The newest change of scatter, however sure; None for fewer than sixteen samples, or where none deviates.

    The deviations from the local level (a median of nine) are ranked and scored as Gaussian ones of that rank, so that
    neither heavy tails nor two modes mislead it, and all places are compared at once. A scatter that is in proportion
    to the level, as that of counts and of most durations is in part, changes with it: what counts at each place is the
    weaker of what the deviations and what the deviations over the level say.

    Source:
        Scores: Fligner & Killeen (1976), JASA 71(353).
    """
    values = outline.samples.scaled
    if len(values) < 2 * MIN_SIDE:
        return None
    level = _local_level(values)
    deviations = np.abs(values - level)
    deviations[deviations <= ROUNDING] = 0.0
    mean = float(np.mean(deviations))
    if not mean:
        return None
    relative = deviations / np.maximum(np.abs(level), _CLEAR * mean)
    newest: Spread | None = None
    start = 0
    for _ in range(_STAGES):
        if len(values) - start < 2 * MIN_SIDE:
            break
        found = _change(deviations[start:], relative[start:], start)
        if found is None or (newest is not None and found.confidence < 0.5):
            break
        newest, start = found, found.index
        if found.confidence < 0.5:
            break
    return newest


def variabilities(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    The newest change of how much a series scatters: none or one finding.

    ``before`` and ``after`` are standard deviations around the local level, in the series' unit (1.25 times the mean
    absolute deviation), and the effect is their difference: positive where it became noisier.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Not asked; part of every detector's shape.
    """
    del policy
    found = spread_change(outline)
    if found is None or found.confidence < _LEAST:
        return ()
    samples = outline.samples
    effect, reach = found.after - found.before, NORMAL_95 * math.hypot(*found.errors)
    low, high = (int(samples.positions[i]) for i in found.index_range)
    return (
        Finding(
            kind=Kind.VARIABILITY,
            confidence=found.confidence,
            start=int(samples.positions[found.index]),
            start_range=(low, high),
            before=samples.in_unit(found.before),
            after=samples.in_unit(found.after),
            interval=(samples.in_unit(effect - reach), samples.in_unit(effect + reach)),
            samples_before=found.samples_before,
            samples_after=found.samples_after,
        ),
    )


def _local_level(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    For each of *values*, shape (n,), the median of the nine around it; at the ends that of the nearest nine.
    """
    half = _WIDTH // 2
    windows = np.lib.stride_tricks.sliding_window_view(values, _WIDTH)
    return np.pad(np.partition(windows, half, axis=1)[:, half], half, mode="edge")


def _change(deviations: NDArray[np.float64], relative: NDArray[np.float64], offset: int) -> Spread | None:
    first, second = _profile(_scores(deviations)), _profile(_scores(relative))
    weaker = np.where(first * second > 0, np.copysign(np.minimum(np.abs(first), np.abs(second)), first), 0.0)
    best = int(np.argmax(np.abs(weaker)))
    z = float(weaker[best])
    if not z:
        return None
    near = np.flatnonzero((weaker**2 >= z * z - _NEAR) & (weaker * z > 0)) + MIN_SIDE
    place = _place(deviations, near)
    sides = [(_GAUSSIAN * float(np.mean(side)), _error(side)) for side in (deviations[:place], deviations[place:])]
    return Spread(
        index=offset + place,
        index_range=(offset + int(near[0]), offset + int(near[-1])),
        z=z,
        contrast=max(min(_contrast(sizes, place) * math.copysign(1, z) for sizes in (deviations, relative)), 0.0),
        before=sides[0][0],
        after=sides[1][0],
        errors=(sides[0][1], sides[1][1]),
        samples_before=place,
        samples_after=len(deviations) - place,
    )


def _place(deviations: NDArray[np.float64], near: NDArray[np.intp]) -> int:
    """
    Of the places *near*, whose ranks speak for them about as much, the one that the sizes speak for most.

    The sizes are drawn in to four times their mean; their likelihood is that of exponential ones.
    """
    n = len(deviations)
    sums = np.cumsum(np.minimum(deviations, 4 * np.mean(deviations)))
    before = np.maximum(sums[near - 1] / near, ROUNDING)
    after = np.maximum((sums[-1] - sums[near - 1]) / (n - near), ROUNDING)
    return int(near[np.argmin(near * np.log(before) + (n - near) * np.log(after))])


def _contrast(sizes: NDArray[np.float64], place: int) -> float:
    """
    Log of the ratio of the means of *sizes*, shape (n,), from *place* on and before, over its standard error.

    One deviation of usual size is added to either side, and how many there are on either side is uncertain too: a side
    that never moved has no ratio else, and one jump in a constant series would be a great one.
    """
    usual = float(np.mean(sizes))
    sides = sizes[:place], sizes[place:]
    means = [(float(np.sum(side)) + usual) / (len(side) + 1) for side in sides]
    squares = sum(float(np.sum((side / mean - 1) ** 2)) for side, mean in zip(sides, means, strict=True))
    variance = max(squares / len(sizes), _LEAST_ERROR**2) * sum(1 / len(side) for side in sides)
    variance += sum(1 / (np.count_nonzero(side) + 0.5) - 1 / (len(side) + 0.5) for side in sides)
    return math.log(means[1] / means[0]) / math.sqrt(variance)


def _error(side: NDArray[np.float64]) -> float:
    return _GAUSSIAN * float(np.std(side)) / math.sqrt(len(side) - 1)


def _scores(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    For each of *sizes*, shape (n,), what the absolute value of Gaussian noise of that rank would be.

    Source:
        Inverse error function: S. Winitzki (2008), "A handy approximation for the error function and its inverse".
    """
    _, place, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    tail = np.log(1 - (ranks / (len(sizes) + 1)) ** 2)
    a = 0.147
    half = 2 / (math.pi * a) + tail / 2
    quantiles = math.sqrt(2) * np.sqrt(np.sqrt(half**2 - tail / a) - half)
    return np.asarray(quantiles[place.reshape(-1)], dtype=np.float64)


def _profile(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    For each place with eight scores on either side, z of the difference of the means after and before it.

    The variance is that around the best place, widened for scores that resemble their neighbours.
    """
    n = len(scores)
    scores = scores - np.mean(scores)
    total = float(scores @ scores)
    if total <= n * ROUNDING**2:
        return np.zeros(n - 2 * MIN_SIDE + 1)
    places = np.arange(MIN_SIDE, n - MIN_SIDE + 1)
    sums = np.cumsum(scores)
    raw = -sums[places - 1] * np.sqrt(n / (places * (n - places)))
    best = int(np.argmax(np.abs(raw)))
    place = int(places[best])
    rest = scores.copy()
    rest[:place] -= np.mean(rest[:place])
    rest[place:] -= np.mean(rest[place:])
    left = float(rest @ rest)
    alike = float(rest[1:] @ rest[:-1]) / left if left > 0 else 0.0
    alike = min(max(alike + (1 + 3 * max(alike, 0.0)) / n, 0.0), 0.9)
    return np.asarray(raw / math.sqrt(total / (n - 1) * (1 + alike) / (1 - alike)))
