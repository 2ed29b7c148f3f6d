"""
The steps of one series, found once and asked by every detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._samples import Samples, finite_samples
from autonomous_dev.learning.detectors._segments import Segmentation, segment
from autonomous_dev.learning.detectors._shape import without_stairs
from autonomous_dev.series import Series


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
    def steps(self) -> Segmentation:
        """
        The steps of the scaled samples, without those that only follow a slope.
        """
        return without_stairs(segment(self.samples.scaled))

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
