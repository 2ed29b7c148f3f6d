"""
Thresholds: bounds that the policy sets, and that the newest samples break.
"""

from __future__ import annotations

import sys

import numpy as np

from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.policy import Policy


def thresholds(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    One finding for each bound of *policy* on this metric that the newest sample breaks.

    It needs one sample. That the bound is broken now is certain; that it will be next time is the likelier the longer
    it has been: the confidence is ``1 - 0.2 / k`` after k samples in a row beyond the bound.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Its thresholds are in the series' own unit.
    """
    finite = outline.samples.positions
    if not len(finite):
        return ()
    values = outline.series.values[finite]
    findings = []
    for threshold in policy.thresholds:
        if threshold.metric != outline.series.key.name:
            continue
        kept = values <= threshold.bound if threshold.upper else values >= threshold.bound
        if kept[-1]:
            continue
        good = np.flatnonzero(kept)
        first = int(good[-1]) + 1 if len(good) else 0
        newest, start = float(values[-1]), int(finite[first])
        # The difference of two floats may be more than one can hold.
        effect = min(max(newest - threshold.bound, -sys.float_info.max), sys.float_info.max)
        findings.append(
            Finding(
                kind=Kind.THRESHOLD,
                confidence=1 - 0.2 / (len(values) - first),
                start=start,
                start_range=(start, start),
                before=threshold.bound,
                after=newest,
                interval=(effect, effect),
                samples_before=first,
                samples_after=len(values) - first,
            )
        )
    return tuple(findings)
