"""
How sure a share or a difference of means is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

NORMAL_95: Final = 1.959963984540054

Interval = tuple[float, float]


def wilson(hits: int, n: int) -> Interval:
    """
    95% interval of the share that *hits* of *n* stand for; (0, 1) where *n* is 0.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22.
    """
    if not n:
        return 0.0, 1.0
    share, square = hits / n, NORMAL_95**2
    middle = share + square / (2 * n)
    reach = NORMAL_95 * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low, high = (middle - reach) / (1 + square / n), (middle + reach) / (1 + square / n)
    return max(low, 0.0) if hits else 0.0, min(high, 1.0) if hits < n else 1.0


def bootstrap(values: Sequence[float], *, seed: int, draws: int = 10_000) -> Interval:
    """
    95% percentile interval of the mean of *values*, drawn anew *draws* times; paired where they are differences.
    """
    column = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(column), size=(draws, len(column)))
    low, high = np.quantile(column[drawn].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)
