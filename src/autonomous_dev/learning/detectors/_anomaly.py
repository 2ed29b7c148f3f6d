"""
Anomalies: a newest sample that is odd, and may be gone with the next one.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._noise import estimate_noise
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._samples import MIN_SAMPLES, ROUNDING
from autonomous_dev.learning.detectors._segments import segment
from autonomous_dev.learning.detectors._shape import without_stairs
from autonomous_dev.policy import Policy

_LIMIT: Final = 0.75
_EXTREME: Final = 5.0
"""Times the confidence's midpoint from which on an anomaly may be surer than 0.75 …"""
_EXTREME_LIMIT: Final = 0.85
_REACH: Final = 6.0
"""Noise scales that the newest sample must lie away from the level: 4% of real samples lie beyond 6."""
_REACH_SHORT: Final = 30.0
_BEYOND: Final = 2.0
"""Times the largest earlier deviation that it must lie away as well."""
_STEEPNESS: Final = 4.0


def anomalies(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    Whether the newest sample is odd: none or one finding.

    It is compared with all samples since the last shift of level, never with the one before it alone. How far out is
    odd depends on the noise and on how far earlier samples strayed. The confidence is logistic in the log of the
    distance and stays below 0.75 (0.85 for extreme distances), since nobody has seen what comes next.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Not asked; part of every detector's shape.
    """
    del policy
    samples = outline.samples
    if len(samples) < MIN_SAMPLES:
        return ()
    earlier = samples.scaled[:-1]
    steps = without_stairs(segment(earlier))
    if steps.splits:
        earlier = earlier[steps.splits[-1].index :]
    n = len(earlier)
    if n < MIN_SAMPLES - 1:
        return ()
    level = float(np.median(earlier))
    deviations = np.abs(earlier - level)
    noise = estimate_noise(earlier, trim=0.1)
    scale = max(noise.scale, 1.4826 * float(np.median(deviations)))
    usual = max((_REACH + _REACH_SHORT / n) * scale, _BEYOND * float(np.max(deviations)), ROUNDING)
    newest = float(samples.scaled[-1])
    distance = abs(newest - level) / usual
    if distance < 0.5:
        return ()
    limit = _EXTREME_LIMIT if distance >= _EXTREME and n >= 2 * MIN_SAMPLES and scale > ROUNDING else _LIMIT
    if scale <= ROUNDING:
        # Samples that never moved say little about how rarely they do: nothing in n samples is compatible with 4 in n.
        limit = min(limit, 1 - 4 / (n + 1))
    confidence = limit / (1 + distance**-_STEEPNESS)
    index = len(samples) - 1
    after, before = samples.in_unit(newest), samples.in_unit(level)
    reach = samples.in_unit(1.96 * scale * math.sqrt(1 + 1 / n))
    return (
        Finding(
            kind=Kind.ANOMALY,
            confidence=confidence,
            start=int(samples.positions[index]),
            start_range=(int(samples.positions[index]),) * 2,
            before=before,
            after=after,
            interval=(after - before - reach, after - before + reach),
            samples_before=n,
            samples_after=1,
        ),
    )
