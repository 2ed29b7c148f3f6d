"""
The runner or the code: how likely it is that the place where things ran made a change, and the insight that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from autonomous_dev.learning._causes import FRESH, group_id
from autonomous_dev.learning._chance import exactly, exactly_with_spread
from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Severity, Since
from autonomous_dev.learning._things import Located
from autonomous_dev.learning.detectors import Kind

CATEGORY: Final = "environment"

ODD: Final = frozenset({Kind.ANOMALY, *FRESH})
"""What the newest samples alone show, and may be gone with the next."""

ODD_SHARE: Final = 0.04
"""
Share of things whose newest samples are odd by chance: 3.5% of quiet windows of published benchmark histories end in one
sample that is 20% off, 4% of all their samples lie beyond six robust sd.
"""

SWITCH_MOVES: Final = 0.5
"""How often another runner moves anything: taken, not measured."""

COMMIT_MOVES: Final = 0.02
"""How often one commit moves many things at once: taken, not measured."""

_COMMIT_SPREAD: Final = ((0.85, 20.0), (0.15, 1.0))
"""What share such a commit moves: a twentieth on average, and in 15 of 100 cases any share. Taken, not measured."""

MOST: Final = 0.95
"""Nothing is surer than this: the code changed as well."""


def runners_part(moved: int, seen: int, by_chance: float) -> float:
    """
    The probability that the place where things ran made it, and not the code.

    Args:
        moved: How many things moved, from 1 on.

        seen: How many might have.

        by_chance: The chance of each to move there for a reason of its own, in (0, 1).
    """
    if moved <= seen * by_chance:
        return 0.0
    runner = SWITCH_MOVES * exactly_with_spread(moved, seen, 1.0)
    commit = COMMIT_MOVES * sum(part * exactly_with_spread(moved, seen, b) for part, b in _COMMIT_SPREAD)
    return runner / (runner + commit + exactly(moved, seen, by_chance))


def environment_insight(
    changes: Sequence[Located],
    since: Since | None,
    confidence: float,
    description: str,
    suggestion: str,
    identity: Sequence[str | int],
) -> LearningInsight:
    """
    One insight about the environment, with *changes* as its members.
    """
    lead = changes[0].insight
    evidence: Evidence | None = lead.evidence
    if evidence is not None and since is not None:
        evidence = replace(evidence, since=since)
    return LearningInsight(
        category=CATEGORY,
        description=description,
        confidence=confidence,
        suggested_action=suggestion,
        kind=Kind.ENVIRONMENT,
        direction=Direction.CHANGED,
        severity=Severity.INFO,
        evidence=evidence,
        id=group_id(Kind.ENVIRONMENT, identity),
        members=tuple(change.insight for change in changes),
    )
