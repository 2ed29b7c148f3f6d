"""
Trends: a level that creeps instead of stepping.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._odds import MAX_CONFIDENCE, probability
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._samples import ROUNDING
from autonomous_dev.learning.detectors._slope import Pairs, Slope, drawn_together
from autonomous_dev.policy import Policy

MIN_CREEPING: Final = 8
"""Samples since the last step that a trend needs: of five, all in order, one in sixty series without any is."""

_MOST_Z: Final = 6.0
"""A z beyond this is no surer."""

_BIAS: Final = -3.05
"""
This and the next three: fitted by ``benchmarks/calibrate_shapes.py fit trend --size 12000``, seed 1. In a quarter of its
series something creeps, with an ideal z of 2 to 12; one in seven has a step, one in 27 is a random walk or autoregressive
with 0.9 (these weigh fourfold), the rest is noise of eleven kinds; 8 to 300 samples.
"""
_Z: Final = 1.49
_LINE: Final = 0.982
_FREE: Final = 0.916
_LEAST: Final = 0.05
_STAIRS: Final = 8
_MARGIN: Final = 2.0
"""How much better a line must be, in units of the criterion, to explain steps away."""


@dataclass(frozen=True, slots=True)
class Creep:
    """
    The slope of the samples since the last step that is none of its stairs, n of them, in scaled units.

    Attributes:
        start: Place of the first of them among the finite samples.

        samples: n.

        middle: Level in their middle, at sample ``(n - 1) / 2``.

        middle_error: Standard error of *middle*.

        slope: Per sample, with its interval.

        z: Kendall's z, corrected for correlation; signed.

        gain: How much better a line describes them than the best step: log of the ratio of the squared rests of step
            and line, times the points compared (at most 120).

        correlation: Of neighbouring rests, in [0, 0.97].
    """

    start: int
    samples: int
    middle: float
    middle_error: float
    slope: Slope
    z: float
    gain: float
    correlation: float

    @property
    def features(self) -> tuple[float, float, float]:
        """
        What the confidence is made of: |z|, drawn in to 6; the gain, drawn in to 1; log of what is not handed on.
        """
        return min(abs(self.z), _MOST_Z), math.tanh(self.gain / 4), math.log(1 - self.correlation)

    @property
    def confidence(self) -> float:
        """
        The probability that they creep, evenly and lastingly.

        Logistic in |z|, in the gain of the line over a step, and in how much of the noise is not handed on.
        """
        z, line, free = self.features
        odds = _BIAS + _Z * z + _LINE * line + _FREE * free
        return MAX_CONFIDENCE * probability(odds)


def creep(outline: Outline) -> Creep | None:
    """
    How the samples since the last step creep; None for fewer than eight of them, or where they do not move at all.
    """
    if len(outline.samples) < MIN_CREEPING:
        return None
    start = _start(outline.steps.values, [split.index for split in outline.steps.splits])
    values = outline.steps.values[start:]
    n = len(values)
    if n < MIN_CREEPING:
        return None
    x, y = drawn_together(np.arange(n, dtype=np.float64)), drawn_together(values)
    pairs = Pairs(x, y)
    if abs(pairs.middle_slope) * (n - 1) <= ROUNDING:
        return None
    half = (n - 1) / 2
    deviation = math.sqrt(float(pairs.rest @ pairs.rest) / (len(y) - 2))
    return Creep(
        start=start,
        samples=n,
        middle=float(np.median(y - pairs.middle_slope * (x - half))),
        middle_error=deviation * pairs.inflation / math.sqrt(len(y)),
        slope=pairs.slope,
        z=pairs.kendall_z,
        gain=_gain(x, y),
        correlation=pairs.correlation,
    )


def trends(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    The creeping change that a series shows since its last step: none or one finding.

    Its effect is that of the whole stretch: the slope is per sample, however irregular the times are, and the effect
    is the slope times the samples between the first and the last. Where a step describes the samples better than a
    line there hardly is a trend. It needs eight samples.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Not asked; part of every detector's shape.

    Source:
        Theil-Sen slope, Sen (1968), JASA 63(324); Mann-Kendall test, Kendall (1975), Rank Correlation Methods.
    """
    del policy
    found = creep(outline)
    if found is None or found.confidence < _LEAST:
        return ()
    samples, n = outline.samples, found.samples
    before, after = (samples.in_unit(found.middle + found.slope.slope * side) for side in ((1 - n) / 2, (n - 1) / 2))
    first, last = int(samples.positions[found.start]), int(samples.positions[found.start + n // 2])
    return (
        Finding(
            kind=Kind.TREND,
            confidence=found.confidence,
            start=first,
            start_range=(first, last),
            before=before,
            after=after,
            interval=(samples.in_unit(found.slope.low * (n - 1)), samples.in_unit(found.slope.high * (n - 1))),
            samples_before=n,
            samples_after=n,
        ),
    )


def _start(values: NDArray[np.float64], places: list[int]) -> int:
    """
    Place of the last step of *values*, shape (n,), that is one: those that only follow a slope are the slope's.

    Where one straight line describes all samples from a step (or the beginning) on better than the steps there do, by
    the Bayesian information criterion, these steps are stairs. The last eight are asked, and the beginning.
    """
    for start in sorted({0, *places[-_STAIRS:]}):
        rest, later = values[start:], [place - start for place in places if place > start]
        if not later:
            return start
        n = len(rest)
        x = np.arange(n) - (n - 1) / 2
        y = rest - np.mean(rest)
        line = y - float(x @ y) / float(x @ x) * x
        steps = np.concatenate([piece - np.mean(piece) for piece in np.split(y, later)])
        # A fit without any error would be infinitely good: rounding is the best that can be seen.
        fits = [max(float(left @ left), n * ROUNDING**2) for left in (line, steps)]
        if n * math.log(fits[0] / fits[1]) + _MARGIN < (2 * len(later) - 1) * math.log(n):
            return start
    return 0


def _gain(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """
    ``m * log(step / line)``: the squared rests of the best step, two points a side at least, and of a line.
    """
    m = len(y)
    y = y - np.mean(y)
    x = x - np.mean(x)
    total = float(y @ y)
    line = total - float(x @ y) ** 2 / float(x @ x)
    places = np.arange(2, m - 1)
    step = total - float(np.max(np.cumsum(y)[places - 1] ** 2 * (m / (places * (m - places)))))
    # A fit without any error would be infinitely good: rounding is the best that can be seen.
    least = m * ROUNDING**2
    return m * math.log(max(step, least) / max(line, least))
