"""
How loudly an insight speaks, which comes first, and why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from autonomous_dev.learning._insight import Direction, LearningInsight, Severity, Status
from autonomous_dev.learning._ranking import impact
from autonomous_dev.learning.detectors import Kind

SURE: Final = 0.8
"""Confidence from which on an insight is worth acting on."""

LARGE: Final = 0.5
"""Relative effect from which on something worse is critical."""

NOTABLE: Final = 0.05
"""Relative effect from which on something worse is a warning; a broken threshold always is."""

QUIET: Final = frozenset({Kind.ANOMALY, Kind.UNCONFIRMED})
"""Kinds that are shown and never announced: the next runs say whether they are anything, and that is announced."""

_MAYBE: Final = frozenset({Kind.ANOMALY, Kind.FORECAST, Kind.VARIABILITY, Kind.TAIL})
"""Kinds that are never critical: one odd sample, what has not happened yet, and what leaves the level where it was."""

_ORDER: Final = {Direction.WORSE: 0, Direction.CHANGED: 1, Direction.BETTER: 2}
_BOUNDS: Final[Mapping[str, str]] = {Kind.THRESHOLD: "beyond its bound", Kind.FORECAST: "from its bound"}
_WORDS: Final = {Direction.WORSE: ("slower", "worse"), Direction.BETTER: ("faster", "better")}


def severity(kind: Kind, direction: Direction, confidence: float, relative_effect: float) -> Severity:
    """
    Critical for what surely got worse by half or more, warning from 5% on, else info.

    One odd sample is never critical, what is unconfirmed is always info, a broken threshold is at least a warning.

    Args:
        kind: What was found.

        direction: Only what is worse is more than info.

        confidence: Below SURE everything is info.

        relative_effect: Effect as a share of the level before; may be infinite.
    """
    if direction is not Direction.WORSE or confidence < SURE or kind is Kind.UNCONFIRMED:
        return Severity.INFO
    share = abs(relative_effect)
    if share >= LARGE and kind not in _MAYBE:
        return Severity.CRITICAL
    return Severity.WARNING if share >= NOTABLE or kind in _BOUNDS else Severity.INFO


def importance(insight: LearningInsight) -> float:
    """
    ``confidence * impact``, where impact is 0.5 at a change by a quarter and nears 1 for large ones.
    """
    return insight.confidence * impact(insight)


def by_importance(insights: Sequence[LearningInsight]) -> tuple[LearningInsight, ...]:
    """
    What got worse first, then what changed, then what got better; each by falling importance.

    What is unconfirmed comes after all that, and what is over comes last.
    """
    return tuple(sorted(insights, key=_place))


def _place(insight: LearningInsight) -> tuple[bool, bool, int, float, str]:
    unconfirmed = insight.kind == Kind.UNCONFIRMED
    over = insight.status is Status.RESOLVED
    return over, unconfirmed, _ORDER[insight.direction], -importance(insight), insight.description


def weighed(insight: LearningInsight, *, allowed: bool, budget: float) -> LearningInsight:
    """
    *insight* with the reason for its place, and quiet where the budget of false discoveries has no room for it.

    Args:
        insight: Of a run.

        allowed: Whether the budget has room for it.

        budget: Share of announced insights that may be false.
    """
    parts = [f"{_percent(insight.confidence)} sure", _size(insight), _breadth(insight), _wait(insight)]
    if not allowed and insight.confidence >= SURE and insight.kind not in QUIET:
        parts.append(f"beyond the budget of {budget:.0%} false discoveries in this run")
        insight = replace(insight, severity=Severity.INFO)
    return replace(insight, reason=", ".join(part for part in parts if part))


def _percent(confidence: float) -> str:
    # Nothing that is uncertain is called certain.
    return f"{confidence if confidence in {0.0, 1.0} else min(max(confidence, 0.01), 0.99):.0%}"


def _size(insight: LearningInsight) -> str:
    evidence = insight.evidence
    if evidence is None or not evidence.effect or insight.kind == Kind.STALENESS:
        return ""
    share = abs(evidence.relative_effect)
    if math.isinf(share):
        return "from 0"
    amount = f"{100 * share:.2g}%" if share < 0.995 else f"{100 * share:.0f}%" if share < 10 else f"{share:.0f} times"
    return f"{amount} {_way(insight, rises=evidence.effect > 0)}"


def _way(insight: LearningInsight, *, rises: bool) -> str:
    if insight.kind in _BOUNDS:
        return _BOUNDS[insight.kind]
    if insight.kind == Kind.VARIABILITY:
        return "noisier" if rises else "calmer"
    if insight.direction is Direction.CHANGED:
        return "higher" if rises else "lower"
    return _WORDS[insight.direction][insight.category != "performance"]


def _breadth(insight: LearningInsight) -> str:
    return f"{len(insight.members)} series" if len(insight.members) > 1 else ""


def _wait(insight: LearningInsight) -> str:
    runs = insight.settles_in
    return f"settled in {runs} more {'run' if runs == 1 else 'runs'}" if runs else ""
