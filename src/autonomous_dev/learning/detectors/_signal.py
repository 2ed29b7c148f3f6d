"""
One series made ready for the search of changes: season out, spikes drawn in, noise known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._noise import Noise, estimate_noise, noise_of_jumps
from autonomous_dev.learning.detectors._partition import Sums
from autonomous_dev.learning.detectors._ranks import normal_scores
from autonomous_dev.learning.detectors._season import without_week
from autonomous_dev.learning.detectors._spikes import without_spikes

_TRIM: Final = 0.05
"""Share of differences that may be steps; spikes are drawn in already."""


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """
    The samples of one series, n of them, in four readings.

    Attributes:
        middle: Median of the samples; all else is relative to it.

        values: Shape (n,): the samples, their weekly season taken out where they plainly have one.

        calm: Shape (n,): *values*, spikes drawn in.

        scores: Shape (n,): the normal scores of *values*.

        noise: Of *calm*.

        scores_noise: Of *scores*.

        sums: Cumulated *calm*.

        tied: Share of samples that equal the one before.

        clipped: Share of samples that were drawn in.
    """

    middle: float
    values: NDArray[np.float64]
    calm: NDArray[np.float64]
    scores: NDArray[np.float64]
    noise: Noise
    scores_noise: Noise
    sums: Sums
    tied: float
    clipped: float

    def __len__(self) -> int:
        return len(self.values)


def read_signal(samples: NDArray[np.float64], positions: NDArray[np.intp]) -> Signal:
    """
    *samples* made ready.

    Args:
        samples: Shape (n,), finite, at most about 1 in size; n of at least 1.

        positions: Shape (n,): where each of them stands in the series, missing ones counted.
    """
    middle = float(np.median(samples))
    values = without_week(samples - middle, positions)
    calm = without_spikes(values)
    scores = normal_scores(values)
    return Signal(
        middle=middle,
        values=values,
        calm=calm,
        scores=scores,
        noise=_noise_of(calm),
        scores_noise=_noise_of(scores),
        sums=Sums(calm),
        tied=float(np.mean(values[1:] == values[:-1])) if len(values) > 1 else 0.0,
        clipped=float(np.mean(calm != values)),
    )


def _noise_of(values: NDArray[np.float64]) -> Noise:
    noise = estimate_noise(values, trim=_TRIM)
    return noise if noise.scale else noise_of_jumps(values)
