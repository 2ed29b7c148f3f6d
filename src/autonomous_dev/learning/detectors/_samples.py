"""
What the detectors compute with: the finite samples of a series, scaled so that no square overflows.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.series import Series

MIN_SAMPLES: Final = 5
"""Finite samples that every detector but the threshold's needs."""

ROUNDING: Final = 8 * sys.float_info.epsilon
"""Smallest difference between scaled values that is not taken for rounding."""

_SMALLEST: Final = sys.float_info.min
"""Below this a float has lost digits, and dividing by it overflows: such values are as good as 0."""

_ABSURD: Final = 1e9
"""Values that lie this many times the typical size from the median are drawn in: one 1e308 would hide all else."""


@dataclass(frozen=True, slots=True)
class Samples:
    """
    The finite samples of one series, oldest first.

    Attributes:
        positions: Shape (n,): where each of them stands in the series.

        scaled: Shape (n,): their values over *scale*, in [-1, 1].

        scale: Largest absolute value, in the series' unit; 1 where all are 0.
    """

    positions: NDArray[np.intp]
    scaled: NDArray[np.float64]
    scale: float

    def __len__(self) -> int:
        return len(self.scaled)

    def in_unit(self, scaled: float) -> float:
        """
        A scaled value in the series' unit, drawn in to what a float can hold.
        """
        limit = sys.float_info.max
        return min(max(float(scaled) * self.scale, -limit), limit)


def finite_samples(series: Series) -> Samples:
    """
    The samples of *series* that are neither NaN nor infinite.
    """
    positions = np.flatnonzero(np.isfinite(series.values))
    values = _without_absurdities(series.values[positions])
    scale = scale_of(values)
    return Samples(positions, values / scale, scale)


def scale_of(values: NDArray[np.float64]) -> float:
    """
    The largest absolute value of *values*, shape (n,), to divide them by; 1 where all are as good as 0.
    """
    largest = float(np.max(np.abs(values))) if len(values) else 0.0
    return largest if largest >= _SMALLEST else 1.0


def _without_absurdities(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) < MIN_SAMPLES:
        return values
    low, middle, high = (float(q) for q in np.quantile(values / 4, (0.25, 0.5, 0.75), method="nearest"))
    typical = 4 * max(abs(middle), high - low)
    if not typical:
        return values
    middle *= 4
    # Python's floats overflow to infinity in silence, where numpy's would warn.
    return np.clip(values, middle - _ABSURD * typical, middle + _ABSURD * typical)
