"""
From the findings of each series to insights: how sure, worth telling or not, and in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from autonomous_dev.learning._importance import severity
from autonomous_dev.learning._insight import Evidence, LearningInsight
from autonomous_dev.learning._memory import Memory
from autonomous_dev.learning._polarity import category, polarity
from autonomous_dev.learning._selection import (
    direction_of,
    histograms,
    once_per_histogram,
    told_by_buckets,
    worth_telling,
)
from autonomous_dev.learning._since import Commits, since_of
from autonomous_dev.learning._wording import describe, suggest
from autonomous_dev.learning.detectors import Finding, Kind
from autonomous_dev.learning.detectors._odds import shifted
from autonomous_dev.policy import Polarity, Policy
from autonomous_dev.series import Series, SeriesKey

_CHANGES: Final = frozenset(
    {Kind.CHANGE_POINT, Kind.UNCONFIRMED, Kind.HIT_RATIO, Kind.TREND, Kind.VARIABILITY, Kind.TAIL}
)
"""Kinds that say that a series changed: how many series do is part of how sure they are."""


@dataclass(frozen=True, slots=True)
class Odds:
    """
    What moves confidences: how many series change, and what people said of earlier insights.

    Attributes:
        of_changes: Log-odds on everything that says that a series changed.

        memory: Knows the log-odds of kinds and metrics.
    """

    of_changes: float
    memory: Memory

    def moved(self, findings: tuple[Finding, ...], metric: str) -> list[Finding]:
        """
        *findings* with the confidences that follow.
        """
        return [self._moved(finding, metric) for finding in findings]

    def _moved(self, finding: Finding, metric: str) -> Finding:
        by = self.memory.shift(finding.kind, metric) + (self.of_changes if finding.kind in _CHANGES else 0.0)
        return replace(finding, confidence=shifted(finding.confidence, by)) if by else finding


def told_of(
    asked: Sequence[Series], found: Sequence[tuple[Finding, ...]], policy: Policy, odds: Odds, commits: Commits
) -> list[LearningInsight]:
    """
    The insights that the findings of each series make.

    Args:
        asked: The judged samples of each series that detectors looked at.

        found: What they found, one tuple for each series.

        policy: Which way metrics are better, and what is worth telling.

        odds: What moves confidences.

        commits: In the order of the code.
    """
    insights: list[LearningInsight] = []
    for samples, findings in zip(asked, found, strict=True):
        if findings:
            key = samples.key
            better = polarity(key.name, key.unit, policy)
            chosen = worth_telling(odds.moved(findings, key.name), better, policy.metric(key.name))
            insights.extend(insight_of(samples, finding, better, commits) for finding in chosen)
    known = histograms(one.key for one in asked)
    return once_per_histogram(told_by_buckets(insights, known), known)


def insight_of(series: Series, finding: Finding, better: Polarity | None, commits: Commits) -> LearningInsight:
    """
    What *finding* says of *series*, in words.

    Args:
        series: The judged samples.

        finding: Of a detector.

        better: Which way the metric is better; None where nothing says.

        commits: In the order of the code.
    """
    key = series.key
    evidence = Evidence(
        metric=key.name,
        identity=dict(key.identity),
        unit=key.unit,
        before=finding.before,
        after=finding.after,
        effect=finding.effect,
        interval=finding.interval,
        since=since_of(series, finding, commits),
        samples_before=finding.samples_before,
        samples_after=finding.samples_after,
    )
    direction = direction_of(finding, better)
    about = category(key.name, key.unit)
    return LearningInsight(
        category=about,
        description=describe(finding.kind, direction, evidence, horizon=finding.horizon),
        confidence=finding.confidence,
        suggested_action=suggest(finding.kind, direction, about, evidence, settles_in=finding.settles_in),
        kind=finding.kind,
        direction=direction,
        severity=severity(finding.kind, direction, finding.confidence, evidence.relative_effect),
        evidence=evidence,
        id=_insight_id(finding.kind, key, int(series.times[finding.start])),
        settles_in=finding.settles_in,
    )


def _insight_id(kind: Kind, key: SeriesKey, nanoseconds: int) -> str:
    said = json.dumps([kind, key.name, key.identity, nanoseconds // 1_000_000], default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:12]
