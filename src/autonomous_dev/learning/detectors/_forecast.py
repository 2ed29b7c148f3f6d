"""
Forecasts: bounds of the policy that a creeping level will cross, and when.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._samples import Samples
from autonomous_dev.learning.detectors._slope import NORMAL_95
from autonomous_dev.learning.detectors._trend import Creep, creep
from autonomous_dev.policy import Policy, Threshold

MAX_HORIZON: Final = 200
"""Samples ahead that nobody looks beyond."""

_LEAST: Final = 0.05
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Line:
    """
    A line with its uncertainty, n samples behind it, in scaled units.

    Attributes:
        now: The level at the newest sample.

        slope: Per sample.

        slope_error: Its standard error.

        middle_error: Standard error of the level in the middle of the n samples.

        half: Samples from there to the newest: ``(n - 1) / 2``.
    """

    now: float
    slope: float
    slope_error: float
    middle_error: float
    half: float

    def error(self, ahead: float) -> float:
        """
        Standard error of the level so many samples *ahead* of the newest; negative for samples before it.
        """
        return math.hypot(self.middle_error, self.slope_error * (self.half + ahead))

    def crossed(self, bound: float, ahead: float) -> float:
        """
        Probability, in [0, 1], that the level has crossed *bound* so many samples *ahead*, if it goes on as it did.

        Args:
            bound: In scaled units, on the side that the line moves to.

            ahead: Samples after the newest.
        """
        beyond = math.copysign(1.0, self.slope) * (self.now + self.slope * ahead - bound)
        error = self.error(ahead)
        return _NORMAL.cdf(beyond / error) if error > 0 else float(beyond >= 0)

    def reaches(self, bound: float, share: float, horizon: float) -> float:
        """
        Samples until the level has crossed *bound* with probability *share*; *horizon* where that takes longer.
        """
        if self.crossed(bound, horizon) < share:
            return horizon
        low, high = 0.0, horizon
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if self.crossed(bound, middle) >= share else (middle, high)
        return high


def forecasts(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    One finding for each bound of *policy* on this metric that the trend will cross, and that is kept so far.

    It looks ahead at most as many samples as the trend has been seen for, and at most 200: what crosses later is no
    finding. ``horizon`` tells after how many samples the level (not the first odd sample) has crossed the bound with
    2.5%, 50% and 97.5% probability; the last is drawn in to what is looked ahead. The confidence is that of the trend
    times the probability that the bound is crossed within the horizon told, if the trend goes on.

    ``before`` is the level now, ``after`` the bound.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Its thresholds are in the series' own unit.
    """
    asked = [threshold for threshold in policy.thresholds if threshold.metric == outline.series.key.name]
    if not asked:
        return ()
    found = creep(outline)
    if found is None or not (math.isfinite(found.slope.low) and math.isfinite(found.slope.high)):
        return ()
    told = (_forecast(outline.samples, found, threshold) for threshold in asked)
    return tuple(finding for finding in told if finding is not None and finding.confidence >= _LEAST)


def line_of(found: Creep) -> Line:
    """
    The line that the samples of *found* creep along.
    """
    half = (found.samples - 1) / 2
    return Line(
        now=found.middle + found.slope.slope * half,
        slope=found.slope.slope,
        slope_error=(found.slope.high - found.slope.low) / (2 * NORMAL_95),
        middle_error=found.middle_error,
        half=half,
    )


def _forecast(samples: Samples, found: Creep, threshold: Threshold) -> Finding | None:
    line = line_of(found)
    bound = threshold.bound / samples.scale
    side = 1.0 if threshold.upper else -1.0
    broken = side * (samples.scaled[-1] - bound) > 0 or side * (line.now - bound) >= 0
    if broken or side * line.slope <= 0 or not math.isfinite(bound):
        return None
    horizon = float(min(found.samples, MAX_HORIZON))
    likeliest = line.reaches(bound, 0.5, horizon)
    if likeliest >= horizon:
        return None
    earliest, latest = line.reaches(bound, 0.025, horizon), line.reaches(bound, 0.975, horizon)
    effect, reach = bound - line.now, NORMAL_95 * line.error(0.0)
    first = int(samples.positions[found.start])
    return Finding(
        kind=Kind.FORECAST,
        confidence=found.confidence * line.crossed(bound, latest),
        start=first,
        start_range=(first, int(samples.positions[found.start + found.samples // 2])),
        before=samples.in_unit(line.now),
        after=threshold.bound,
        interval=(samples.in_unit(effect - reach), samples.in_unit(effect + reach)),
        samples_before=found.samples,
        samples_after=found.samples,
        horizon=(earliest, likeliest, latest),
    )
