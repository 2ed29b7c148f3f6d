"""
Learn: from recorded series to insights, and from what people make of them.
"""

from __future__ import annotations

from autonomous_dev.learning._engine import Judgement, judge
from autonomous_dev.learning._feedback import FeedbackLoop, Suggestion
from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Severity, Since, Status
from autonomous_dev.learning._judged import judged_samples
from autonomous_dev.learning._looking import Progress
from autonomous_dev.learning._memory import Memory
from autonomous_dev.learning._metric import Metric
from autonomous_dev.learning._polarity import polarity
from autonomous_dev.learning._policy_checks import UnrecordedThreshold, oversized_caches, unrecorded_thresholds
from autonomous_dev.learning._prior import estimate_prior
from autonomous_dev.learning._replay import Replay, replay
from autonomous_dev.learning._rules import Rule
from autonomous_dev.learning._source import SeriesSource
from autonomous_dev.learning._status import SeriesStatus, State
from autonomous_dev.learning._track_record import Precision, TrackRecord, track_record
from autonomous_dev.learning._tracker import MetricsTracker, TrendAnalysis
from autonomous_dev.learning._verdicts import Verdict
from autonomous_dev.learning.detectors import ChangePoint, detect_change_points
from autonomous_dev.learning.stream import AnomalyStream

__all__ = [
    "AnomalyStream",
    "ChangePoint",
    "Direction",
    "Evidence",
    "FeedbackLoop",
    "Judgement",
    "LearningInsight",
    "Memory",
    "Metric",
    "MetricsTracker",
    "Precision",
    "Progress",
    "Replay",
    "Rule",
    "SeriesSource",
    "SeriesStatus",
    "Severity",
    "Since",
    "State",
    "Status",
    "Suggestion",
    "TrackRecord",
    "TrendAnalysis",
    "UnrecordedThreshold",
    "Verdict",
    "detect_change_points",
    "estimate_prior",
    "judge",
    "judged_samples",
    "oversized_caches",
    "polarity",
    "replay",
    "track_record",
    "unrecorded_thresholds",
]
