"""
``FeedbackLoop``: record an iteration, learn from it, suggest what to do, and learn from what became of that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypedDict

from autonomous_dev.conventions import (
    EVENT_OUTCOME,
    INSIGHT_ID,
    METRIC_NAME,
    SUGGESTION_APPLIED,
    SUGGESTION_HELPFUL,
    SUGGESTION_KIND,
)
from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.learning._insight import Direction, LearningInsight, Status
from autonomous_dev.learning._ranking import (
    Candidate,
    Helpfulness,
    count_outcomes,
    priorities,
    reason,
    subject,
)
from autonomous_dev.learning._tracker import MetricsTracker
from autonomous_dev.series import Attributes, attributes_of


class Suggestion(TypedDict):
    """
    What to do, and why.

    Attributes:
        category: The insight's.

        action: What to do.

        priority: In [0, 1], the highest first.

        reason: The insight, its confidence, and what moved it up or down.

        insight_id: Which insight it rests on.

        metric: The insight's metric; empty where it has none.

        kind: The insight's kind.

        confidence: The insight's.
    """

    category: str
    action: str
    priority: float
    reason: str
    insight_id: str
    metric: str
    kind: str
    confidence: float


class FeedbackLoop:
    """
    Closes the loop around a tracker: what people make of suggestions changes how later ones are ranked.

    Args:
        tracker: Where iterations are recorded. A subclass that overrides ``generate_insights`` is asked.
    """

    def __init__(self, tracker: MetricsTracker) -> None:
        if not isinstance(tracker, MetricsTracker):
            raise InvalidTypeError(f"tracker is {tracker!r}: expected a MetricsTracker")
        self.tracker = tracker

    def evaluate_iteration(
        self, metrics: Mapping[str, float], *, metadata: Mapping[str, Any] | None = None
    ) -> list[LearningInsight]:
        """
        Record one iteration, with what profilers and caches measured in it, and say what that shows.

        What is new in it counts as announced from then on: the next iteration has it as ongoing.

        Args:
            metrics: One value for each metric.

            metadata: What is known of the iteration, such as its commit.

        Returns:
            All insights of the tracker as of now.

        Raises:
            InvalidNameError, InvalidTypeError, InvalidValueError: If an argument cannot be recorded; nothing is then.

            StorageError: If a sample could not be stored.
        """
        self.tracker.record_run(metrics, metadata)
        insights = self.tracker.generate_insights()
        self.tracker.announce(self.tracker.newest_judgement)
        return insights

    def suggest_optimizations(self, context: Mapping[str, Any] | None = None) -> list[Suggestion]:
        """
        What to do about the insights, the most important first; empty where there are none.

        Args:
            context: What is being worked on. Keys that equal an attribute of a series raise its suggestions;
                ``task_type`` weighs categories by ``_ranking.TASK_WEIGHTS``, an unknown one changes nothing.

        Raises:
            InvalidTypeError: If *context* is no mapping.
        """
        if context is not None and not isinstance(context, Mapping):
            raise InvalidTypeError(f"context is {context!r}: expected a mapping such as {{'task_type': 'testing'}}")
        context = context or {}
        outcomes = count_outcomes(event.attributes for event in self.tracker.events(EVENT_OUTCOME))
        insights = [
            insight
            for insight in self.tracker.generate_insights()
            if insight.direction is not Direction.BETTER and insight.status is not Status.RESOLVED
        ]
        # One look at the series: each collects the whole program's instruments.
        newest = {(one.key.name, one.key.identity): one.contexts[-1] for one in self.tracker.series() if len(one)}
        candidates = [
            Candidate(insight, _attributes(insight, newest), outcomes.get(subject(insight), Helpfulness()))
            for insight in insights
        ]
        ranked = zip(candidates, priorities(candidates, context), strict=True)
        suggestions = [
            Suggestion(
                category=candidate.insight.category,
                action=candidate.insight.suggested_action,
                priority=priority,
                reason=reason(candidate, context),
                insight_id=_id_of(candidate.insight),
                metric=subject(candidate.insight)[0],
                kind=subject(candidate.insight)[1],
                confidence=candidate.insight.confidence,
            )
            for candidate, priority in ranked
        ]
        return sorted(suggestions, key=lambda suggestion: -suggestion["priority"])

    def record_outcome(
        self, suggestion: Suggestion | Mapping[str, Any], *, applied: bool, helpful: bool | None = None
    ) -> None:
        """
        Keep what became of a suggestion; later ones of its kind for its metric are ranked by it.

        Not applied, or not helpful, is a rejection. Confidences stay as they are.

        Args:
            suggestion: From ``suggest_optimizations``.

            applied: Whether it was done.

            helpful: Whether it helped; None where that is not known yet.

        Raises:
            InvalidTypeError: If *applied* or *helpful* is no bool.

            InvalidValueError: If *suggestion* is none of ours.

            StorageError: If it could not be stored.
        """
        if not isinstance(suggestion, Mapping) or not {"metric", "kind", "insight_id"} <= suggestion.keys():
            raise InvalidValueError(f"suggestion is {suggestion!r}: expected one from suggest_optimizations()")
        if not isinstance(applied, bool) or not (helpful is None or isinstance(helpful, bool)):
            raise InvalidTypeError(f"applied is {applied!r} and helpful {helpful!r}: expected True or False")
        outcome = {
            INSIGHT_ID: str(suggestion["insight_id"]),
            METRIC_NAME: str(suggestion["metric"]),
            SUGGESTION_KIND: str(suggestion["kind"]),
            SUGGESTION_APPLIED: applied,
        }
        if helpful is not None:
            outcome[SUGGESTION_HELPFUL] = helpful
        self.tracker.add_event(EVENT_OUTCOME, outcome)


def _attributes(insight: LearningInsight, newest: Mapping[tuple[str, Attributes], Attributes]) -> Mapping[str, Any]:
    """
    Identity and newest context of the insight's series.
    """
    evidence = insight.evidence
    if evidence is None:
        return {}
    return {**dict(newest.get((evidence.metric, attributes_of(evidence.identity)), ())), **evidence.identity}


def _id_of(insight: LearningInsight) -> str:
    if insight.id:
        return insight.id
    return hashlib.blake2b(f"{insight.category}\n{insight.description}".encode(), digest_size=6).hexdigest()
