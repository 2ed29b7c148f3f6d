"""
Steps or a slope: which of the two a series looks like.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._samples import ROUNDING
from autonomous_dev.learning.detectors._segments import Segmentation

_MARGIN: Final = 2.0
"""How much better a line must be, in units of the Bayesian information criterion, to explain steps away."""

_STAIRS: Final = 8


def without_stairs(steps: Segmentation) -> Segmentation:
    """
    *steps* without those that only follow a slope.

    Where one straight line describes all samples from a split (or the beginning) on better than the steps there do,
    these steps are no changes of level. Only the last eight splits are asked, and the beginning.
    """
    places = [split.index for split in steps.splits]
    starts = [0, *places[:-1]]
    for kept in [0, *range(max(1, len(starts) - _STAIRS), len(starts))]:
        values, later = steps.values[starts[kept] :], [place - starts[kept] for place in places[kept:]]
        if later and _line_criterion(values) + _MARGIN < _step_criterion(values, later):
            return replace(steps, splits=steps.splits[:kept])
    return steps


def _line_criterion(values: NDArray[np.float64]) -> float:
    x = np.arange(len(values), dtype=np.float64)
    x -= x.mean()
    y = values - values.mean()
    slope = float(x @ y) / max(float(x @ x), 1.0)
    return _criterion(y - slope * x, 2)


def _step_criterion(values: NDArray[np.float64], places: list[int]) -> float:
    pieces = np.split(values, places)
    return _criterion(np.concatenate([piece - piece.mean() for piece in pieces]), 2 * len(places) + 1)


def _criterion(residuals: NDArray[np.float64], parameters: int) -> float:
    n = len(residuals)
    # A fit without any error would be infinitely good: rounding is the best that can be seen.
    variance = max(float(residuals @ residuals) / n, ROUNDING**2)
    return n * math.log(variance) + parameters * math.log(n)
