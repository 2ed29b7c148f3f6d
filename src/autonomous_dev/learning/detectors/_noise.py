"""
How noisy a series is, and how much each sample resembles the one before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._samples import ROUNDING

_LAGS: Final = (1, 2, 3)
_MAX_CORRELATION: Final = 0.95
_PRIOR_CORRELATION: Final = 0.2
"""
Correlation that a series too short to tell is taken to have. Benchmark histories of public projects have a
median near 0.18.
"""
_PRIOR_SAMPLES: Final = 12.0
"""How many samples that belief is worth."""


@dataclass(frozen=True, slots=True)
class Noise:
    """
    The noise of a series, steps and spikes apart.

    Attributes:
        scale: Standard deviation around the level, in the unit of the values given; 0 where values repeat exactly.

        correlation: Correlation of neighbouring samples, in [0, 0.95]: negative counts as none.
    """

    scale: float
    correlation: float

    @property
    def inflation(self) -> float:
        """
        How many times longer the standard error of a mean is than it would be without correlation.
        """
        return math.sqrt((1 + self.correlation) / (1 - self.correlation))


def estimate_noise(values: NDArray[np.float64], *, trim: float) -> Noise:
    """
    The noise of *values*, from their differences at lags 1, 2 and 3.

    Differences do not see the level, and leaving out the largest share *trim* of them makes them blind for steps
    and spikes. For an autoregressive series the mean square at lag k is 2 scale² (1 - correlation^k), which the
    lags are solved for.

    Args:
        values: Shape (n,), at most about 1 in size.

        trim: Share of the lag-1 differences, in [0, 0.5], that may be steps or spikes.

    Source:
        Difference-based estimation of scale: Hall, Kay & Titterington (1990), Biometrika 77(3).
    """
    n = len(values)
    if n < 2:
        return Noise(0.0, 0.0)
    dropped = math.ceil(trim * (n - 1)) if n >= 8 else 0
    squares = [
        _mean_square(values[lag:] - values[:-lag], lag * dropped)
        for lag in _LAGS
        if n > lag + 2 * lag * dropped or lag == 1
    ]
    if squares[0] <= ROUNDING**2:
        return Noise(0.0, 0.0)
    correlation = _correlation([square / squares[0] for square in squares[1:]])
    weight = n / (n + _PRIOR_SAMPLES)
    correlation = min(max(weight * correlation + (1 - weight) * _PRIOR_CORRELATION, 0.0), _MAX_CORRELATION)
    return Noise(math.sqrt(squares[0] / (2 * (1 - correlation))), correlation)


def noise_of_jumps(values: NDArray[np.float64]) -> Noise:
    """
    The noise of a series that is constant but for rare jumps: what its jumps would be, if they were noise.

    Args:
        values: Shape (n,), at most about 1 in size.
    """
    square = float(np.mean(np.diff(values) ** 2)) if len(values) > 1 else 0.0
    return Noise(math.sqrt(square / 2) if square > ROUNDING**2 else 0.0, 0.0)


def _mean_square(differences: NDArray[np.float64], dropped: int) -> float:
    kept = len(differences) - dropped
    smallest = np.sort(differences**2)[:kept]
    return float(np.mean(smallest)) / _trimmed_share(kept, len(differences))


@lru_cache(maxsize=4096)
def _trimmed_share(kept: int, total: int) -> float:
    """
    What a Gaussian's mean square shrinks to when only the smallest *kept* of *total* squares are averaged.
    """
    if kept >= total:
        return 1.0
    share = kept / total
    normal = NormalDist()
    bound = normal.inv_cdf((1 + share) / 2)
    return (share - 2 * bound * normal.pdf(bound)) / share


def _correlation(ratios: list[float]) -> float:
    # Lag 2 over lag 1 is 1 + c, lag 3 over lag 1 is 1 + c + c².
    estimates = []
    if ratios:
        estimates.append(ratios[0] - 1)
    if len(ratios) > 1:
        estimates.append((math.sqrt(max(4 * ratios[1] - 3, 0.0)) - 1) / 2)
    mean = sum(estimates) / len(estimates) if estimates else 0.0
    return min(max(mean, 0.0), _MAX_CORRELATION)
