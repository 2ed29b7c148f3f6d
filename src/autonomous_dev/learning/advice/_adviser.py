"""
The one shape of all advisers: every series and the policy in, insights out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from autonomous_dev.learning._insight import LearningInsight
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series


class Adviser(Protocol):
    """
    A pure function: the same series and policy give the same insights.
    """

    def __call__(self, series: Sequence[Series], policy: Policy, /) -> tuple[LearningInsight, ...]:
        """
        What several series together say; nothing where one of them is missing.

        Args:
            series: The judged samples of every series, each oldest first.

            policy: What the user wants.
        """
        ...
