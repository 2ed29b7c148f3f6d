"""
How loudly an insight speaks, and which comes first.
"""

from __future__ import annotations

from typing import Final

from autonomous_dev.learning._insight import Direction, LearningInsight, Severity
from autonomous_dev.learning._ranking import impact
from autonomous_dev.learning.detectors import Kind

SURE: Final = 0.8
"""Confidence from which on an insight is worth acting on."""

LARGE: Final = 0.5
"""Relative effect from which on something worse is critical."""

NOTABLE: Final = 0.05
"""Relative effect from which on something worse is a warning; a broken threshold always is."""


def severity(kind: Kind, direction: Direction, confidence: float, relative_effect: float) -> Severity:
    """
    Critical for what surely got worse by half or more, warning from 5% on, else info.

    One odd sample is never critical; a broken threshold is at least a warning.

    Args:
        kind: What was found.

        direction: Only what is worse is more than info.

        confidence: Below SURE everything is info.

        relative_effect: Effect as a share of the level before; may be infinite.
    """
    if direction is not Direction.WORSE or confidence < SURE:
        return Severity.INFO
    share = abs(relative_effect)
    if share >= LARGE and kind is not Kind.ANOMALY:
        return Severity.CRITICAL
    return Severity.WARNING if share >= NOTABLE or kind is Kind.THRESHOLD else Severity.INFO


def importance(insight: LearningInsight) -> float:
    """
    ``confidence * impact``, where impact is 0.5 at a change by a quarter and nears 1 for large ones.
    """
    return insight.confidence * impact(insight)


def by_importance(insights: list[LearningInsight]) -> tuple[LearningInsight, ...]:
    """
    What got worse first, then what changed, then what got better; each by falling importance.
    """
    order = {Direction.WORSE: 0, Direction.CHANGED: 1, Direction.BETTER: 2}
    return tuple(sorted(insights, key=lambda i: (order[i.direction], -importance(i), i.description)))
