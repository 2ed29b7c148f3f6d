"""
Learn: from recorded series to insights, and from what people make of them.
"""

from __future__ import annotations

from autonomous_dev.learning._engine import Judgement, judge, judged_samples
from autonomous_dev.learning._feedback import FeedbackLoop, Suggestion
from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Severity, Since, Status
from autonomous_dev.learning._metric import Metric
from autonomous_dev.learning._polarity import polarity
from autonomous_dev.learning._policy_checks import UnrecordedThreshold, oversized_caches, unrecorded_thresholds
from autonomous_dev.learning._source import SeriesSource
from autonomous_dev.learning._status import SeriesStatus, State
from autonomous_dev.learning._tracker import MetricsTracker, TrendAnalysis

__all__ = [
    "Direction",
    "Evidence",
    "FeedbackLoop",
    "Judgement",
    "LearningInsight",
    "Metric",
    "MetricsTracker",
    "SeriesSource",
    "SeriesStatus",
    "Severity",
    "Since",
    "State",
    "Status",
    "Suggestion",
    "TrendAnalysis",
    "UnrecordedThreshold",
    "judge",
    "judged_samples",
    "oversized_caches",
    "polarity",
    "unrecorded_thresholds",
]
