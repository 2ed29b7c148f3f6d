"""
Draws spikes in, so that a single odd sample cannot pass for a change of level.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._noise import estimate_noise

_RADIUS: Final = 3
_CLIP: Final = 3.0
"""Deviations from the rolling median, in units of the noise, from which on a sample is drawn in."""
_TRIM: Final = 0.2


def rolling_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    For each sample the median of it and its three neighbours on either side.

    Near the ends the window shrinks on both sides alike, to three samples at the last: three samples of a new level
    at the end stay what they are, one odd sample does not.

    Args:
        values: Shape (n,).

    Returns:
        Shape (n,).
    """
    n = len(values)
    if n < 3:
        return values.copy()
    result = np.empty(n)
    width = 2 * _RADIUS + 1
    if n >= width:
        result[_RADIUS : n - _RADIUS] = np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)
    edges = range(n) if n < width else (*range(_RADIUS), *range(n - _RADIUS, n))
    for i in edges:
        radius = max(min(i, n - 1 - i, _RADIUS), 1)
        centre = min(max(i, radius), n - 1 - radius)
        result[i] = np.median(values[centre - radius : centre + radius + 1])
    return result


def without_spikes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    *values*, drawn in to at most three times the noise around their rolling median.

    Args:
        values: Shape (n,).

    Returns:
        Shape (n,).

    Source:
        Bounding the influence of outliers on change points: Fearnhead & Rigaill (2019), JASA 114(525).
    """
    middle = rolling_median(values)
    reach = _CLIP * estimate_noise(values, trim=_TRIM).scale
    return np.clip(values, middle - reach, middle + reach)
