"""
One step of known size and place in a window in which nothing else changes, and the best that can be done to find it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from _histories import spread
from _worlds import Simulated
from numpy.typing import NDArray

SPIKES: Final = 6.0
"""Robust sd beyond which a sample is no part of what steps are measured in: 4% of real samples lie there."""

_EDGE: Final = 5
_AROUND: Final = 7
_CLIP: Final = 3.0 * 1.4826


def one_step(window: NDArray[np.float64], strength: float, rng: np.random.Generator) -> Simulated:
    """
    *window* with a step at a random place, at least five samples from either end, up or down.

    Args:
        window: Shape (n,), n >= 10.

        strength: z = step / sd * sqrt(t (n - t) / n) for a step before sample t, what an ideal test sees.

        rng: The only source of chance.
    """
    n = len(window)
    place = int(rng.integers(_EDGE, n - _EDGE + 1))
    values = window.copy()
    values[place:] += (
        strength * spread(window, beyond=SPIKES) / math.sqrt(place * (n - place) / n) * float(rng.choice((-1.0, 1.0)))
    )
    return Simulated(values, (place,), (strength,), "real")


def newest_step(window: NDArray[np.float64], deviations: float, after: int, rng: np.random.Generator) -> Simulated:
    """
    *window* with a step of so many *deviations* before its newest *after* samples, up or down.
    """
    place = len(window) - after
    values = window.copy()
    values[place:] += deviations * spread(window, beyond=SPIKES) * float(rng.choice((-1.0, 1.0)))
    return Simulated(values, (place,), (deviations * math.sqrt(place * after / len(window)),), "real")


def best_split(values: NDArray[np.float64]) -> int:
    """
    The split that explains most: what somebody reaches who knows that there is exactly one.

    Spikes are clipped at three robust sd of the steps from the median of the seven samples around.
    """
    steps = np.diff(values)
    reach = _CLIP * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, _AROUND // 2, mode="edge"), _AROUND)
    middle = np.median(around, axis=1)
    clipped = np.clip(values, middle - reach, middle + reach) if reach else values
    n, before = len(values), np.arange(1, len(values))
    gain = np.abs(np.cumsum(clipped - clipped.mean())[:-1]) / np.sqrt(before * (n - before))
    return int(np.argmax(gain)) + 1
