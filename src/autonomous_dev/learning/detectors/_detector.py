"""
The one shape of all detectors: the outline of a series and the policy in, findings out.
"""

from __future__ import annotations

from typing import Protocol

from autonomous_dev.learning.detectors._finding import Finding
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.policy import Policy


class Detector(Protocol):
    """
    A pure function: the same series and policy give the same findings.
    """

    def __call__(self, outline: Outline, policy: Policy, /) -> tuple[Finding, ...]:
        """
        What this detector has to say about the series; nothing where there are too few samples.
        """
        ...
