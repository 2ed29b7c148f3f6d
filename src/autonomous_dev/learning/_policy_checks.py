"""
What the policy asks for that no series can answer: capacities, and thresholds on metrics that nobody recorded.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autonomous_dev.learning._insight import Direction, LearningInsight, Severity
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import Policy, Threshold


@dataclass(frozen=True, slots=True)
class UnrecordedThreshold:
    """
    A bound on a metric without a single sample.

    Attributes:
        threshold: The bound.

        nearest_name: The recorded metric that is spelled most alike; empty where none is.
    """

    threshold: Threshold
    nearest_name: str

    @property
    def reason(self) -> str:
        """
        That it was never recorded, and what may have been meant.
        """
        hint = f"; did you mean {self.nearest_name}?" if self.nearest_name else ""
        return f"{self.threshold.metric} was never recorded{hint}"

    def __str__(self) -> str:
        return f"policy line {self.threshold.line}: {self.reason}"


def unrecorded_thresholds(policy: Policy, names: Iterable[str]) -> tuple[UnrecordedThreshold, ...]:
    """
    The thresholds of *policy* whose metric is not among the recorded *names*, in the policy's order.
    """
    known = sorted(set(names))
    found = []
    for threshold in policy.thresholds:
        if threshold.metric not in known:
            nearest = difflib.get_close_matches(threshold.metric, known, n=1)
            found.append(UnrecordedThreshold(threshold, nearest[0] if nearest else ""))
    return tuple(found)


def oversized_caches(capacities: Mapping[str, int], policy: Policy) -> tuple[LearningInsight, ...]:
    """
    One insight for each cache whose capacity is above the policy's ``cache_size``, the largest first.

    Args:
        capacities: Capacity in entries by name of the cache.

        policy: Without a ``cache_size`` no cache is too large.
    """
    bound = policy.cache_size
    if bound is None:
        return ()
    too_large = sorted(((c, n) for n, c in capacities.items() if c > bound), key=lambda pair: (-pair[0], pair[1]))
    return tuple(
        LearningInsight(
            category="cache",
            description=f"cache {name} is worse than its bound: room for {capacity} entries, wanted at most {bound}",
            confidence=1.0,
            suggested_action=f"Give cache {name} a max_size of at most {bound}, or raise cache_size in the policy.",
            kind=Kind.THRESHOLD,
            direction=Direction.WORSE,
            severity=Severity.WARNING,
            id=hashlib.sha256(f"cache_size\0{name}".encode()).hexdigest()[:12],
        )
        for capacity, name in too_large
    )
