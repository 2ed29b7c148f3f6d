"""
Which suggestion comes first: confidence, impact, the context's fit, and what people made of earlier ones.

A priority is a probability-like number in (0, 1). Confidence and impact give it a start; everything else multiplies
its odds, so that it never leaves that range and equal evidence keeps its order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from autonomous_dev.conventions import METRIC_NAME, SUGGESTION_APPLIED, SUGGESTION_HELPFUL, SUGGESTION_KIND
from autonomous_dev.learning._insight import Direction, LearningInsight
from autonomous_dev.learning.detectors import Kind

TASK_WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = {
    "testing": {"performance": 2.0, "quality": 2.0},
    "refactoring": {"quality": 2.0, "performance": 1.5},
    "optimization": {"performance": 3.0, "cache": 3.0, "resource": 2.0},
    "performance": {"performance": 3.0, "cache": 3.0, "resource": 2.0},
    "bugfix": {"quality": 2.0},
    "feature": {"quality": 1.5, "performance": 1.5},
    "release": {"quality": 2.0, "performance": 2.0, "resource": 1.5},
    "infrastructure": {"resource": 2.0, "cache": 1.5},
}
"""Odds by which ``task_type`` in the context raises a category; an unknown task type changes nothing."""

CONTEXT_FIT: Final = 2.0
"""Odds for each key of the context that equals an attribute of the insight's series."""

HALF_IMPACT: Final = 0.25
"""Relative effect, as a share of the level before, whose impact is one half."""

REJECTIONS_TO_DEMOTE: Final = 5
"""Rejections more than acceptances, after which a kind stands below all others for that metric."""


@dataclass(frozen=True, slots=True)
class Helpfulness:
    """
    What people made of earlier suggestions of one kind for one metric.

    Attributes:
        accepted: Applied, or said to be helpful.

        rejected: Said not to be helpful, or not applied.
    """

    accepted: int = 0
    rejected: int = 0

    @property
    def odds(self) -> float:
        """
        Factor on a suggestion's odds: each side with one pseudo-count.
        """
        return (self.accepted + 1) / (self.rejected + 1)

    @property
    def demoted(self) -> bool:
        """
        Whether it has been rejected too often.
        """
        return self.rejected - self.accepted >= REJECTIONS_TO_DEMOTE


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    An insight to be ranked.

    Attributes:
        insight: It.

        attributes: Identity and newest context of its series.

        helpfulness: Of its kind, for its metric.
    """

    insight: LearningInsight
    attributes: Mapping[str, Any]
    helpfulness: Helpfulness


def subject(insight: LearningInsight) -> tuple[str, str]:
    """
    What helpfulness is counted by: the metric and the kind of an insight; its category where it has no evidence.
    """
    metric = insight.evidence.metric if insight.evidence is not None else ""
    return metric, insight.kind or insight.category


def impact(insight: LearningInsight) -> float:
    """
    How much an insight matters, in [0, 1]: half at a change by HALF_IMPACT; half where it has no evidence.

    A forecast matters the more, the nearer its bound is.
    """
    if insight.evidence is None:
        return 0.5
    relative = abs(insight.evidence.relative_effect)
    if insight.kind == Kind.FORECAST:
        return HALF_IMPACT / (relative + HALF_IMPACT)
    return 1.0 if math.isinf(relative) else relative / (relative + HALF_IMPACT)


def priorities(candidates: Sequence[Candidate], context: Mapping[str, Any]) -> list[float]:
    """
    The priority of each candidate, in [0, 1].

    ``start = confidence * (1 + impact) / 2``, then the odds ``start / (1 - start)`` are multiplied by CONTEXT_FIT for
    each fitting key, by TASK_WEIGHTS, and by helpfulness. A demoted kind gets half of the lowest priority of the others
    of its metric at most.
    """
    found = [_priority(candidate, context) for candidate in candidates]
    for place, candidate in enumerate(candidates):
        if candidate.helpfulness.demoted:
            metric = subject(candidate.insight)[0]
            others = [
                priority
                for priority, other in zip(found, candidates, strict=True)
                if subject(other.insight)[0] == metric and not other.helpfulness.demoted
            ]
            found[place] = min([found[place], *(priority / 2 for priority in others)])
    return found


def _priority(candidate: Candidate, context: Mapping[str, Any]) -> float:
    start = candidate.insight.confidence * (1.0 + impact(candidate.insight)) / 2.0
    task = TASK_WEIGHTS.get(str(context.get("task_type", "")), {})
    weight = task.get(candidate.insight.category, 1.0) * candidate.helpfulness.odds
    weight *= CONTEXT_FIT ** len(fitting(candidate.attributes, context))
    return weight * start / (1.0 - start + weight * start)


def fitting(attributes: Mapping[str, Any], context: Mapping[str, Any]) -> list[str]:
    """
    The keys of *context* that say the same as *attributes*.
    """
    known = {key: value for key, value in context.items() if isinstance(value, str | bool | int | float)}
    return [key for key in known if key != "task_type" and key in attributes and attributes[key] == known[key]]


def reason(candidate: Candidate, context: Mapping[str, Any]) -> str:
    """
    Why a candidate stands where it does, in words.
    """
    insight = candidate.insight
    parts = [insight.description, f"confidence {insight.confidence:.0%}"]
    if insight.direction is Direction.CHANGED and insight.evidence is not None and insight.kind != Kind.CAPACITY:
        parts.append("no polarity is known for this metric")
    fits = fitting(candidate.attributes, context)
    if fits:
        parts.append("fits " + ", ".join(f"{key}={context[key]}" for key in fits))
    known = candidate.helpfulness
    if known.accepted or known.rejected:
        parts.append(f"earlier ones: {known.accepted} taken, {known.rejected} rejected")
    return "; ".join(parts)


def count_outcomes(outcomes: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Helpfulness]:
    """
    Helpfulness by metric and kind, from the attributes of outcome events; one that cannot be read is passed over.
    """
    counted: dict[tuple[str, str], Helpfulness] = {}
    for outcome in outcomes:
        key = (str(outcome.get(METRIC_NAME, "")), str(outcome.get(SUGGESTION_KIND, "")))
        known = counted.get(key, Helpfulness())
        if outcome.get(SUGGESTION_HELPFUL) is True:
            counted[key] = Helpfulness(known.accepted + 1, known.rejected)
        elif outcome.get(SUGGESTION_HELPFUL) is False or outcome.get(SUGGESTION_APPLIED) is False:
            counted[key] = Helpfulness(known.accepted, known.rejected + 1)
        elif outcome.get(SUGGESTION_APPLIED) is True:
            counted[key] = Helpfulness(known.accepted + 1, known.rejected)
    return counted
