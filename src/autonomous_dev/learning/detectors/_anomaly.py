"""
Anomalies: a newest sample that is odd, and may be gone with the next one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._odds import probability
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._samples import MIN_SAMPLES, ROUNDING
from autonomous_dev.learning.detectors._slope import NORMAL_95
from autonomous_dev.policy import Policy

_WINDOW: Final = 300
"""Newest samples that say what is usual; what was longer ago is not asked."""

_LIMIT: Final = 0.75
_EXTREME: Final = 5.0
"""Times what is usual from which on an anomaly may be surer than 0.75 …"""
_EXTREME_LIMIT: Final = 0.85
_REACH: Final = 6.0
"""Noise scales that the newest sample must lie away from the level: 4% of real samples lie beyond 6."""
_REACH_SHORT: Final = 30.0
_BEYOND: Final = 2.0
"""Times the largest earlier deviation that it must lie away as well."""
_STEEPNESS: Final = 5.7
"""
Of the logistic curve over the log of the distance. Fitted, like its midpoint, by ``benchmarks/calibrate_shapes.py fit
anomaly --size 5000`` (seed 1): in one of ten of its series, by weight, the newest sample was put 4 to 60 sd away; the others
step, creep, wander or are noise of nine kinds; 8 to 300 samples. Of windows of public benchmark histories in random order
0.4% end in a sample that is odd with 0.5 or more.
"""
_MIDPOINT: Final = 0.535
_FARTHEST: Final = 1.5
"""A distance beyond this is no surer."""

_CALM_MEAN: Final = 0.657
"""Mean absolute deviation of Gaussian noise of sd 1 when the largest tenth is left out."""

_LEAST: Final = 0.05

_DAY: Final = 86_400_000_000_000
_WEEK: Final = 7
_NEW_DAY: Final = 0.45
"""Confidence that a sample of a weekday never seen before stays below: each first Monday would be odd otherwise."""


@dataclass(frozen=True, slots=True)
class Departure:
    """
    How far the newest sample lies from what is usual.

    Attributes:
        distance: Over what is surely odd; half of it may be.

        level: Median of the samples since the last step, in scaled units.

        scale: Standard deviation of Gaussian noise as calm as theirs, in scaled units.

        samples: How many these are.
    """

    distance: float
    level: float
    scale: float
    samples: int

    @property
    def oddness(self) -> float:
        """
        The probability that a practitioner calls the newest sample odd; logistic in the log of the distance.
        """
        return probability(_STEEPNESS * (self.feature - math.log(_MIDPOINT)))

    @property
    def feature(self) -> float:
        """
        Log of the distance, which is drawn in to 1.5: farther out nothing is surer.
        """
        return math.log(min(max(self.distance, ROUNDING), _FARTHEST))

    @property
    def limit(self) -> float:
        """
        The share of such odd samples that something real made, which the next one may show or not.
        """
        n, exact = self.samples, self.scale <= ROUNDING
        limit = _EXTREME_LIMIT if self.distance >= _EXTREME and n >= 2 * MIN_SAMPLES and not exact else _LIMIT
        # Samples that never moved say little about how rarely they do: nothing in n is compatible with 4 in n.
        return min(limit, 1 - 4 / (n + 1)) if exact else limit


def departure(outline: Outline) -> Departure | None:
    """
    How far the newest sample departs; None for fewer than four samples before it since the last step.
    """
    values = outline.samples.scaled
    index = len(values) - 1
    earlier = values[max(outline.start, index - _WINDOW) : max(index, 0)]
    n = len(earlier)
    if n < MIN_SAMPLES - 1:
        return None
    level = float(np.median(earlier))
    deviations = np.abs(earlier - level)
    scale = _scale(deviations)
    strayed = max(float(np.max(deviations)), _strayed_before(outline))
    usual = max((_REACH + _REACH_SHORT / n) * scale, _BEYOND * strayed, ROUNDING)
    return Departure(abs(float(values[-1]) - level) / usual, level, scale, n)


def anomalies(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    Whether the newest sample is odd: none or one finding.

    It is compared with the samples since the last step of level, never with the one before it alone. How far out is
    odd depends on the noise, and on how far any of the 300 samples before it strayed from the level of its own time:
    what two modes or a weekly season do each time is not odd. The confidence is logistic in the log of the distance
    and stays below 0.75 (0.85 for extreme distances), since nobody has seen what comes next; in a series of one sample
    a day it stays below one half on a weekday that was never seen before.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Not asked; part of every detector's shape.
    """
    del policy
    found = departure(outline)
    if found is None:
        return ()
    confidence = found.limit * found.oddness
    if confidence < _LEAST:
        return ()
    if _is_new_weekday(outline.series.times[outline.samples.positions]):
        confidence = min(confidence, _NEW_DAY)
    samples = outline.samples
    after, before = samples.in_unit(float(samples.scaled[-1])), samples.in_unit(found.level)
    reach = samples.in_unit(NORMAL_95 * found.scale * math.sqrt(1 + 1 / found.samples))
    place = int(samples.positions[-1])
    return (
        Finding(
            kind=Kind.ANOMALY,
            confidence=confidence,
            start=place,
            start_range=(place, place),
            before=before,
            after=after,
            interval=(after - before - reach, after - before + reach),
            samples_before=found.samples,
            samples_after=1,
        ),
    )


def _scale(deviations: NDArray[np.float64]) -> float:
    """
    The standard deviation of Gaussian noise with these *deviations*, shape (n,), a tenth of which may be anything.
    """
    calm = np.sort(deviations)[: math.ceil(0.9 * len(deviations))]
    return max(1.4826 * float(np.median(deviations)), float(np.mean(calm)) / _CALM_MEAN)


def _strayed_before(outline: Outline) -> float:
    """
    How far a sample of the 300 before the newest strayed from the level of its own segment, steps before the last.
    """
    values, start = outline.samples.scaled, outline.start
    oldest = max(len(values) - 1 - _WINDOW, 0)
    bounds = [oldest, *(split.index for split in outline.steps.splits if split.index > oldest)]
    strayed = 0.0
    for first, last in pairwise(bounds):
        if last <= start:
            piece = values[first:last]
            strayed = max(strayed, float(np.max(np.abs(piece - np.median(piece)))))
    return strayed


def _is_new_weekday(times: NDArray[np.int64]) -> bool:
    """
    Whether *times*, shape (n,), Unix nanoseconds, come about once a day, and none before on the newest one's weekday.
    """
    newest = times[-_WINDOW:]
    if not 0.9 <= float(np.median(np.diff(newest))) / _DAY <= 1.1:
        return False
    days = newest // _DAY
    return not bool(np.any((days[:-1] - days[-1]) % _WEEK == 0))
