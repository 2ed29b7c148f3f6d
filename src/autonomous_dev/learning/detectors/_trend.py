"""
Trends: a level that creeps instead of stepping.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._noise import estimate_noise
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._samples import MIN_SAMPLES, ROUNDING, scale_of
from autonomous_dev.learning.detectors._shape import line_beats_step
from autonomous_dev.policy import Policy

MAX_CONFIDENCE: Final = 0.99
_MAX_PAIRED: Final = 400
"""Samples whose pairs are all compared; a longer series is first drawn together into this many medians."""
_HALF_Z: Final = 2.6
_STEEPNESS: Final = 2.3


@dataclass(frozen=True, slots=True)
class Slope:
    """
    A robust slope with its 95% interval, in the values' unit per sample.

    Attributes:
        slope: Median of the slopes of all pairs; NaN for fewer than two samples.

        low: Lower end of the interval; ``-inf`` where too few samples leave it open.

        high: Upper end of the interval; ``inf`` where too few samples leave it open.
    """

    slope: float
    low: float
    high: float


def robust_slope(values: ArrayLike) -> Slope:
    """
    How fast *values* rise or fall from sample to sample, whatever a minority of them does.

    More than 400 samples are first drawn together into medians of neighbours.

    Args:
        values: Shape (n,), oldest first; NaN and infinities count as missing.

    Source:
        Theil-Sen estimator, Sen (1968), JASA 63(324).
    """
    column = np.asarray(values, dtype=np.float64)
    kept = np.flatnonzero(np.isfinite(column))
    if len(kept) < 2:
        return Slope(math.nan, -math.inf, math.inf)
    scale = scale_of(column[kept])
    pairs = _Pairs(kept.astype(np.float64), column[kept] / scale)
    slope = pairs.slope()
    return Slope(*(float(x) * scale for x in (slope.slope, slope.low, slope.high)))


def trends(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    The creeping change that a series shows since its last shift of level: none or one finding.

    The confidence is logistic in Kendall's z, corrected for autocorrelation: one half at 2.6, 0.8 at 3.2. Where
    a step describes the samples better than a line there is no trend.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Not asked; part of every detector's shape.

    Source:
        Mann-Kendall test, Kendall (1975), Rank Correlation Methods; its deviation is widened as that of an AR(1)
        process' mean.
    """
    del policy
    samples = outline.samples
    if len(samples) < MIN_SAMPLES:
        return ()
    steps = outline.steps
    start = steps.splits[-1].index if steps.splits else 0
    values = samples.scaled[start:]
    n = len(values)
    if n < MIN_SAMPLES or not line_beats_step(steps.values[start:]):
        return ()
    pairs = _Pairs(np.arange(n, dtype=np.float64), values)
    slope = pairs.slope()
    z = pairs.kendall_z(slope.slope)
    confidence = MAX_CONFIDENCE / (1 + math.exp(min(-_STEEPNESS * (abs(z) - _HALF_Z), 700.0)))
    if confidence < 0.05 or abs(slope.slope) * (n - 1) <= ROUNDING:
        return ()
    middle = float(np.median(values))
    reach = (n - 1) / 2
    before, after = (samples.in_unit(middle + slope.slope * side) for side in (-reach, reach))
    first, last = int(samples.positions[start]), int(samples.positions[start + n // 2])
    return (
        Finding(
            kind=Kind.TREND,
            confidence=confidence,
            start=first,
            start_range=(first, last),
            before=before,
            after=after,
            interval=(samples.in_unit(slope.low * (n - 1)), samples.in_unit(slope.high * (n - 1))),
            samples_before=n,
            samples_after=n,
        ),
    )


class _Pairs:
    """
    All pairs of up to 400 points; more points are drawn together first.
    """

    def __init__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        if len(x) > _MAX_PAIRED:
            bounds = np.linspace(0, len(x), _MAX_PAIRED + 1).astype(np.intp)
            blocks = list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
            x = np.array([np.mean(x[a:b]) for a, b in blocks])
            y = np.array([np.median(y[a:b]) for a, b in blocks])
        self.x, self.y = x, y
        first, second = np.triu_indices(len(x), 1)
        self.rises = y[second] - y[first]
        self.rises[np.abs(self.rises) <= ROUNDING] = 0.0
        self.runs = x[second] - x[first]

    def slope(self) -> Slope:
        slopes = np.sort(self.rises / self.runs)
        middle = float(np.median(slopes))
        half = NormalDist().inv_cdf(0.975) * math.sqrt(self._variance()) * self._inflation(middle) / 2
        low, high = math.floor(len(slopes) / 2 - half) - 1, math.ceil(len(slopes) / 2 + half)
        return Slope(
            middle,
            float(slopes[low]) if low >= 0 else -math.inf,
            float(slopes[high]) if high < len(slopes) else math.inf,
        )

    def kendall_z(self, slope: float) -> float:
        """
        Kendall's S over its standard deviation, one step nearer to 0 for continuity.
        """
        total = float(np.sum(np.sign(self.rises)))
        deviation = math.sqrt(self._variance()) * self._inflation(slope)
        return math.copysign(max(abs(total) - 1, 0.0), total) / deviation if deviation else 0.0

    def _inflation(self, slope: float) -> float:
        """
        How much wider the noise around *slope* makes a spread than independent noise would: that of an AR(1) process.
        """
        rest = self.y - slope * self.x
        rest = rest - np.median(rest)
        exact = float(np.max(np.abs(rest))) <= 8 * ROUNDING
        return 1.0 if exact else estimate_noise(rest, trim=0.05).inflation

    def _variance(self) -> float:
        n = len(self.y)
        ties = np.unique(self.y, return_counts=True)[1].astype(np.float64)
        tied = float(np.sum(ties * (ties - 1) * (2 * ties + 5)))
        return max(n * (n - 1) * (2 * n + 5) - tied, 0.0) / 18
