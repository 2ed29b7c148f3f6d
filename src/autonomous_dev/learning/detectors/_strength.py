"""
How strongly two neighbouring segments differ, seen in every way that tells a real change from noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._partition import MIN_SEGMENT
from autonomous_dev.learning.detectors._ranks import normal_scores, rank_sum
from autonomous_dev.learning.detectors._samples import ROUNDING
from autonomous_dev.learning.detectors._signal import Signal

FEATURES: Final = (
    "log z, spikes drawn in, from Student's t",
    "log z of Mann and Whitney",
    "log number of samples",
    "log length of the shorter segment",
    "log length of the longer segment",
    "log inflation by correlation around the two levels",
    "log inflation by correlation of the ranks of the whole series",
    "log inflation by correlation of the whole series",
    "share of pairs in which the higher segment is higher",
    "log step over noise of the two segments",
    "log noise of the two segments over noise of the whole series",
    "log 92nd percentile over median of distances from the medians",
    "log z of the seven samples on either side",
    "difference of medians over difference of means",
    "share of samples equal to the one before",
    "share of samples drawn in",
    "log number of places proposed",
    "log residuals around one line over those around two levels",
    "whether the segment after is the last, and no longer than the one before",
    "whether the segment before is the first, and no longer than the one after",
)
"""What the confidence of a split rests on, in this order."""

NOISE_PRIOR: Final = 6.0
"""How many residuals of its own the noise of the whole series is worth to two neighbouring segments."""

_NEAR: Final = 7
_TAIL: Final = 0.92
_SEARCHED: Final = 1000
"""Samples on either side of a place among which a better one is looked for."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """
    The levels on both sides of one place, by means of samples with spikes drawn in.

    Attributes:
        start: First sample of the segment before.

        place: First sample of the segment after.

        end: Where that one ends, itself excluded.

        before: Level before, relative to the signal's middle.

        after: Level after.

        scale: Standard deviation around both levels; the noise of the whole series counts as six residuals.

        t: ``after - before`` over its standard error, correlation left aside.
    """

    start: int
    place: int
    end: int
    before: float
    after: float
    scale: float
    t: float

    @property
    def degrees(self) -> float:
        """
        Degrees of freedom of *t*.
        """
        return NOISE_PRIOR + max(self.end - self.start - 2, 0)

    @property
    def z(self) -> float:
        """
        The size of *t* as a Gaussian's z: the root of the log-likelihood ratio.
        """
        return math.sqrt(self.degrees * math.log1p(self.t**2 / self.degrees))


def contrast(signal: Signal, start: int, place: int, end: int) -> Contrast:
    """
    The two segments *start* to *place* and *place* to *end* against each other.
    """
    sums, left, right = signal.sums, place - start, end - place
    before, after = sums.mean(start, place), sums.mean(place, end)
    variance = signal.noise.scale**2 * NOISE_PRIOR + sums.residual(start, place) + sums.residual(place, end)
    scale = max(math.sqrt(variance / (NOISE_PRIOR + max(left + right - 2, 0))), ROUNDING)
    return Contrast(
        start, place, end, before, after, scale, (after - before) / (scale * math.sqrt(1 / left + 1 / right))
    )


def features(signal: Signal, split: Contrast, proposed: int) -> NDArray[np.float64]:
    """
    What the confidence of *split* rests on: shape (20,), in the order of FEATURES.
    """
    start, place, end = split.start, split.place, split.end
    left, right, n = place - start, end - place, end - start
    rank_z, share = rank_sum(signal.values[start:end], left)
    residuals = np.concatenate((signal.calm[start:place] - split.before, signal.calm[place:end] - split.after))
    before, after = signal.values[start:place], signal.values[place:end]
    medians = _median(before), _median(after)
    tail, half = min(n - 1, int(_TAIL * n)), n // 2
    far = np.partition(np.abs(np.concatenate((before - medians[0], after - medians[1]))), (half, tail))
    little = 1e-3 * split.scale
    step = split.after - split.before
    near = min(_NEAR, left), min(_NEAR, right)
    beside = signal.sums.mean(place, place + near[1]) - signal.sums.mean(place - near[0], place)
    last, first = end == len(signal) and right <= left, start == 0 and left <= right
    return np.array(
        [
            math.log(max(split.z, 0.1)),
            math.log(max(rank_z, 0.1)),
            math.log(len(signal)),
            math.log(min(left, right)),
            math.log(max(left, right)),
            _inflation(_correlation(residuals)),
            _inflation(signal.scores_noise.correlation),
            _inflation(signal.noise.correlation),
            share,
            math.log(max(abs(step) / split.scale, 0.05)),
            min(max(math.log(max(split.scale / max(signal.noise.scale, 1e-12), 1e-3)), -3.0), 3.0),
            math.log((float(far[tail]) + little) / (float(far[half]) + little)),
            math.log(max(abs(beside) / (split.scale * math.sqrt(1 / near[0] + 1 / near[1])), 0.1)),
            min(max((medians[1] - medians[0]) / step, -1.0), 3.0) if step else 0.0,
            signal.tied,
            signal.clipped,
            math.log(max(proposed, 1)),
            _line_over_step(signal, split),
            float(last),
            float(first),
        ]
    )


def torn(signal: Signal, split: Contrast) -> bool:
    """
    Whether a segment of three samples has one among them that lies nearer the other level: two make no level.
    """
    middle, sign = (split.before + split.after) / 2, split.after - split.before
    sides = ((split.start, split.place, -sign), (split.place, split.end, sign))
    return any(
        end - start == MIN_SEGMENT and bool(np.any((signal.values[start:end] - middle) * towards <= 0))
        for start, end, towards in sides
    )


def best_place(signal: Signal, start: int, end: int, near: int) -> int:
    """
    Where between *start* and *end*, and not far from *near*, two levels fit best: by values and by ranks together.
    """
    start, end = max(start, near - _SEARCHED), min(end, near + _SEARCHED)
    if end - start < 2 * MIN_SEGMENT:
        return near
    fit = fits(signal.calm[start:end]) + fits(normal_scores(signal.values[start:end]))
    return start + MIN_SEGMENT + int(np.argmax(fit))


def fits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Log-likelihood ratio of two levels against one, for a split at 3, …, n - 3; shape (n - 5,).
    """
    n = len(values)
    centred = values - values.sum() / n
    total = float(centred @ centred)
    places = np.arange(MIN_SEGMENT, n - MIN_SEGMENT + 1)
    if total <= ROUNDING**2 * n:
        return np.zeros(len(places))
    gains = np.cumsum(centred)[places - 1] ** 2 * (n / (places * (n - places)))
    result: NDArray[np.float64] = -n / 2 * np.log(np.maximum(1 - gains / total, 1e-6))
    return result


def _median(values: NDArray[np.float64]) -> float:
    """
    What ``np.median`` gives, at a quarter of its cost for short columns.
    """
    low, high = (len(values) - 1) // 2, len(values) // 2
    parts = np.partition(values, (low, high) if high > low else low)
    return float(parts[low] + parts[high]) / 2


def _correlation(residuals: NDArray[np.float64]) -> float:
    squares = float(residuals @ residuals)
    if squares <= ROUNDING**2 * len(residuals):
        return 0.0
    return min(max(float(residuals[1:] @ residuals[:-1]) / squares, -0.5), 0.95)


def _inflation(correlation: float) -> float:
    return math.log((1 + correlation) / (1 - correlation))


def _line_over_step(signal: Signal, split: Contrast) -> float:
    values = signal.calm[split.start : split.end]
    x = np.arange(len(values)) - (len(values) - 1) / 2
    centred = values - values.sum() / len(values)
    spread = len(values) * (len(values) ** 2 - 1) / 12
    around_line = max(float(centred @ centred) - float(x @ centred) ** 2 / spread, 0.0)
    around_step = signal.sums.residual(split.start, split.place) + signal.sums.residual(split.place, split.end)
    noise = max(signal.noise.scale**2, ROUNDING**2)
    return min(max(math.log((around_line + noise) / (around_step + noise)), -2.0), 2.0)
