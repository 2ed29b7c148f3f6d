"""
The steps of one series, found once and asked by every detector.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._samples import Samples, finite_samples
from autonomous_dev.learning.detectors._segments import Segmentation, drifting, segment
from autonomous_dev.learning.detectors._shape import without_stairs
from autonomous_dev.series import Series

_KNOWN_SAMPLES: Final = 1500
"""Samples of the longest series that calibration knew."""


@dataclass(frozen=True)
class Outline:
    """
    One series with its finite samples, their noise and their steps; each is worked out when first asked for.

    Attributes:
        series: Any number of samples; NaN and infinities count as missing.
    """

    series: Series

    @cached_property
    def samples(self) -> Samples:
        """
        The finite samples, n of them, scaled into [-1, 1].
        """
        return finite_samples(self.series)

    @cached_property
    def reported(self) -> Segmentation:
        """
        The steps of the scaled samples, down to a confidence of 0.4.
        """
        found = segment(self.samples.scaled, self.samples.positions)
        # Calibration knows slopes in series of a usual length; a longer one makes stairs of them.
        return without_stairs(found) if len(self.samples) > _KNOWN_SAMPLES and not drifting(found) else found

    @cached_property
    def steps(self) -> Segmentation:
        """
        The steps that are findings: those with a confidence of one half or more.
        """
        return replace(self.reported, splits=tuple(split for split in self.reported.splits if split.odds >= 0))

    @property
    def drifts(self) -> bool:
        """
        Whether the series drifts all along, so that its splits are knees and not steps.
        """
        return drifting(self.reported)

    @property
    def start(self) -> int:
        """
        Place, among the finite samples, of the first one since the last step; 0 where there is none.
        """
        return self.steps.splits[-1].index if self.steps.splits else 0

    @property
    def newest(self) -> NDArray[np.float64]:
        """
        The scaled samples since the last step, shape (n - start,).
        """
        return self.samples.scaled[self.start :]
