"""
Changes so fresh that only two samples show them: too early to believe, early enough to say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._noise import estimate_noise
from autonomous_dev.learning.detectors._partition import MIN_SEGMENT
from autonomous_dev.learning.detectors._samples import ROUNDING

FEATURES: Final = (
    "log distance of the nearer of both over the noise",
    "log of it over the farthest sample before",
    "log of it over the farthest neighbours before that lie on this side together",
    "log number of samples before",
    "share of samples before that lie as far on this side",
    "log distance of both from each other over the noise",
    "log inflation by correlation",
)
"""What the confidence of a fresh change rests on, in this order."""

_LEAST_DISTANCE: Final = 2.0
"""Noise scales that both must lie away."""
_TRIM: Final = 0.4
"""Share of differences that may be steps or spikes: odd samples are counted apart."""
_MAD_TO_SIGMA: Final = 1.4826
_FARTHEST: Final = 50.0


@dataclass(frozen=True, slots=True)
class Fresh:
    """
    Two newest samples beside the level before them.

    Attributes:
        before: Median of the samples before.

        after: Mean of both.

        error: Standard error of ``after - before``.

        samples_before: How many samples *before* rests on.

        features: Shape (7,), in the order of FEATURES.
    """

    before: float
    after: float
    error: float
    samples_before: int
    features: NDArray[np.float64]


def fresh_change(values: NDArray[np.float64]) -> Fresh | None:
    """
    The two newest of *values* where both lie on one side of all that is usual; else None.

    Args:
        values: Shape (n,), finite, since the last change of level.
    """
    base, pair = values[:-2], values[-2:]
    n = len(base)
    if n < MIN_SEGMENT:
        return None
    level = float(np.median(base))
    side = 1.0 if pair[0] > level else -1.0
    distance = float(np.min(side * (pair - level)))
    deviations = side * (base - level)
    noise = estimate_noise(base, trim=_TRIM)
    scale = max(noise.scale, _MAD_TO_SIGMA * float(np.median(np.abs(deviations))), ROUNDING)
    if distance <= _LEAST_DISTANCE * scale:
        return None
    together = float(np.max(np.minimum(deviations[1:], deviations[:-1]), initial=0.0))
    little = scale / _FARTHEST
    seen = np.array(
        [
            math.log(min(distance / scale, _FARTHEST**2)),
            _log_ratio(distance, float(np.max(np.abs(deviations))), little),
            _log_ratio(distance, together, little),
            math.log(n),
            float(np.mean(deviations >= distance)),
            math.log((abs(float(pair[1] - pair[0])) + little) / scale),
            2 * math.log(noise.inflation),
        ]
    )
    return Fresh(level, float(np.mean(pair)), scale * noise.inflation * math.sqrt(1 / 2 + 1 / n), n, seen)


def _log_ratio(distance: float, other: float, little: float) -> float:
    return min(max(math.log(distance / (max(other, 0.0) + little)), -3.0), 3.0)
