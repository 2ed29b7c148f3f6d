"""
Robust slopes: how fast values creep, whatever a minority of them does, with an honest interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomous_dev.learning.detectors._samples import ROUNDING, scale_of

MAX_POINTS: Final = 120
"""Points whose pairs are all compared; a longer series is first drawn together into so many neighbourhoods."""

NORMAL_95: Final = NormalDist().inv_cdf(0.975)

_MAX_CORRELATION: Final = 0.97
_PRIOR_CORRELATION: Final = 0.2
"""Correlation of neighbours that few points are taken to have: near the median of public benchmark histories, 0.18."""

_PRIOR_POINTS: Final = 12.0
"""How many points that belief is worth."""

_CLIP: Final = 3.0 * 1.4826
"""Median absolute deviations (three Gaussian sd) beyond which a rest says no more about correlation."""


@dataclass(frozen=True, slots=True)
class Slope:
    """
    A robust slope with its 95% interval, in the values' unit per sample, however far apart in time samples are.

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

    More than 120 samples are first drawn together into medians of neighbours. The interval allows for noise that
    resembles its neighbour as an AR(1) process does.

    Args:
        values: Shape (n,), oldest first; NaN and infinities count as missing, and keep their places.

    Source:
        Theil-Sen estimator, Sen (1968), JASA 63(324).
    """
    column = np.asarray(values, dtype=np.float64)
    kept = np.flatnonzero(np.isfinite(column))
    if len(kept) < 2:
        return Slope(math.nan, -math.inf, math.inf)
    scale = scale_of(column[kept])
    pairs = Pairs(drawn_together(kept.astype(np.float64)), drawn_together(column[kept] / scale, robust=True))
    slope = pairs.slope
    # Python's floats overflow to infinity in silence, where numpy's would warn.
    return Slope(slope.slope * scale, slope.low * scale, slope.high * scale)


def drawn_together(values: NDArray[np.float64], *, robust: bool = False) -> NDArray[np.float64]:
    """
    Means of neighbours, shape (m,) with m <= 120; *values*, shape (n,), itself where it is as short.

    Args:
        values: Oldest first.

        robust: Medians instead of means.
    """
    n = len(values)
    if n <= MAX_POINTS:
        return values
    width = -(-n // MAX_POINTS)
    whole = n - n % width
    average = np.median if robust else np.mean
    points = average(values[:whole].reshape(-1, width), axis=1)
    return np.append(points, average(values[whole:])) if whole < n else np.asarray(points)


class Pairs:
    """
    All pairs of m points: the median of their slopes, and how surely they rise.

    Args:
        x: Shape (m,), m <= 120, increasing.

        y: Shape (m,), at most about 1 in size.
    """

    def __init__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self.x, self.y = x, y
        first, second = _pairs_of(len(x))
        self._rises = y[second] - y[first]
        self._rises[np.abs(self._rises) <= ROUNDING] = 0.0
        self._slopes = np.sort(self._rises / (x[second] - x[first]))

    @property
    def middle_slope(self) -> float:
        """
        The median of the slopes of all pairs.
        """
        half = len(self._slopes) // 2
        return float(self._slopes[half] + self._slopes[-half - 1]) / 2

    @cached_property
    def rest(self) -> NDArray[np.float64]:
        """
        What is left of y around the line of the middle slope, shape (m,), of median 0.
        """
        rest = self.y - self.middle_slope * self.x
        return np.asarray(rest - np.median(rest))

    @cached_property
    def correlation(self) -> float:
        """
        How much the rest of a point resembles that of the point before it, in [0, 0.97]; 0 where nothing is left.

        The estimate around a fitted line is too small by about (2 + 4 correlation) / m, which is added.

        Source:
            Bias of the correlation around a line: Kendall (1954), Biometrika 41(3/4).
        """
        rest, m = self.rest, len(self.rest)
        size = np.abs(rest)
        if float(np.max(size)) <= 8 * ROUNDING:
            return 0.0
        reach = _CLIP * float(np.median(size))
        rest = np.clip(rest, -reach, reach) if reach > ROUNDING else rest
        rest = rest - np.mean(rest)
        square = float(rest @ rest)
        raw = float(rest[1:] @ rest[:-1]) / square if square > ROUNDING**2 else 0.0
        raw += (2 + 4 * max(raw, 0.0)) / m
        weight = m / (m + _PRIOR_POINTS)
        # What is believed beforehand never takes correlation away: a walk would pass for a trend.
        believed = max(raw, weight * raw + (1 - weight) * _PRIOR_CORRELATION)
        return min(max(believed, 0.0), _MAX_CORRELATION)

    @property
    def inflation(self) -> float:
        """
        How many times wider the correlation makes a spread than independent noise would: that of an AR(1) process.
        """
        return math.sqrt((1 + self.correlation) / (1 - self.correlation))

    @cached_property
    def slope(self) -> Slope:
        """
        The middle slope with its 95% interval, in y's unit per unit of x.
        """
        pairs = len(self._slopes)
        # Sen's ranks: all slopes with which y - slope * x shows no significant trend.
        half = NORMAL_95 * math.sqrt(tied_variance(self.y)) * self.inflation / 2
        low, high = math.floor(pairs / 2 - half) - 1, math.ceil(pairs / 2 + half)
        return Slope(
            self.middle_slope,
            float(self._slopes[low]) if low >= 0 else -math.inf,
            float(self._slopes[high]) if high < pairs else math.inf,
        )

    @cached_property
    def kendall_z(self) -> float:
        """
        Kendall's S over its standard deviation, one step nearer to 0 for continuity; signed.

        Source:
            Kendall (1975), Rank Correlation Methods; the deviation is widened as that of an AR(1) process' mean.
        """
        total = float(np.sum(np.sign(self._rises)))
        deviation = math.sqrt(tied_variance(self.y)) * self.inflation
        return math.copysign(max(abs(total) - 1, 0.0), total) / deviation if deviation else 0.0


def tied_variance(y: NDArray[np.float64]) -> float:
    """
    The variance of Kendall's S when *y*, shape (m,), comes in random order; equal values count as ties.
    """
    m = len(y)
    ties = np.unique(y, return_counts=True)[1].astype(np.float64)
    tied = float(np.sum(ties * (ties - 1) * (2 * ties + 5)))
    return max(m * (m - 1) * (2 * m + 5) - tied, 0.0) / 18


@lru_cache(maxsize=8)
def _pairs_of(m: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first, second = np.triu_indices(m, 1)
    return first, second
