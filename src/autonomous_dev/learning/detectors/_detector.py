"""
The one shape of all detectors: a series and the policy in, findings out.
"""

from __future__ import annotations

from typing import Protocol

from autonomous_dev.learning.detectors._finding import Finding
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series


class Detector(Protocol):
    """
    A pure function: the same series and policy give the same findings.
    """

    def __call__(self, series: Series, policy: Policy, /) -> tuple[Finding, ...]:
        """
        What this detector has to say about *series*; nothing where there are too few samples.
        """
        ...
