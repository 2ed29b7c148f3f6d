"""
The engine: series and a policy in, insights and the state of every series out.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from autonomous_dev.conventions import (
    CACHE_CAPACITY,
    CACHE_HIT_RATIO_PREDICTED,
    CALL_BUDGET,
    SERIES_DROPPED,
    SIZED_CALL_DURATION,
    SIZED_CALL_SIZE,
)
from autonomous_dev.learning._importance import by_importance, severity
from autonomous_dev.learning._insight import Evidence, LearningInsight, Since
from autonomous_dev.learning._polarity import category, polarity
from autonomous_dev.learning._selection import (
    direction_of,
    histograms,
    once_per_histogram,
    told_by_buckets,
    worth_telling,
)
from autonomous_dev.learning._status import SeriesStatus, status_of
from autonomous_dev.learning._wording import describe, suggest
from autonomous_dev.learning.advice import Adviser, budgets, capacities, cardinalities, growths
from autonomous_dev.learning.detectors import (
    Detector,
    Finding,
    Kind,
    Outline,
    anomalies,
    change_points,
    falling_hit_ratios,
    thresholds,
    trends,
)
from autonomous_dev.policy import Polarity, Policy
from autonomous_dev.series import VERSION_KEYS, Series, SeriesKey, run_of

DEFAULT_DETECTORS: Final[tuple[Detector, ...]] = (thresholds, change_points, falling_hit_ratios, trends, anomalies)
DEFAULT_ADVISERS: Final[tuple[Adviser, ...]] = (budgets, capacities, cardinalities, growths)

ONLY_ADVISED: Final = frozenset(
    {CACHE_CAPACITY, CACHE_HIT_RATIO_PREDICTED, CALL_BUDGET, SERIES_DROPPED, SIZED_CALL_DURATION, SIZED_CALL_SIZE}
)
"""
Series that advisers read and no detector judges: what was said (capacities, budgets), and what moves with something
that is judged or with what the program was given (predictions, sizes).
"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What the engine made of some series.

    Attributes:
        insights: The most important first: what is worse before what only changed before what is better, each by
            confidence times impact.

        statuses: One for each series, in their order.
    """

    insights: tuple[LearningInsight, ...]
    statuses: tuple[SeriesStatus, ...]


def judge(
    series: Sequence[Series],
    policy: Policy,
    *,
    now: float,
    detectors: Sequence[Detector] = DEFAULT_DETECTORS,
    advisers: Sequence[Adviser] = DEFAULT_ADVISERS,
) -> Judgement:
    """
    What *series* say: what got worse or better, since when, and how sure that is.

    Args:
        series: Any number of series, each oldest first.

        policy: Thresholds, polarity, smallest changes worth telling, default branches.

        now: Unix seconds; decides what is stale.

        detectors: What looks at each series.

        advisers: What looks at all of them together.
    """
    insights: list[LearningInsight] = []
    statuses: list[SeriesStatus] = []
    judged = [judged_samples(one, policy) for one in series]
    for one, samples in zip(series, judged, strict=True):
        newest = float(samples.times[-1]) / 1e9 if len(samples) else math.nan
        statuses.append(status_of(one.key, len(samples), newest, now=now, stale_after=policy.alerts.stale_after))
        judging = () if one.key.name in ONLY_ADVISED else detectors
        outline = Outline(samples)
        findings = [finding for detector in judging for finding in detector(outline, policy)]
        better = polarity(one.key.name, one.key.unit, policy)
        smallest = policy.metric(one.key.name).min_change
        chosen = worth_telling(findings, better, min_change=smallest)
        insights.extend(_insight(samples, finding, better) for finding in chosen)
    known = histograms(one.key for one in series)
    told = once_per_histogram(told_by_buckets(insights, known), known)
    advice = [insight for advise in advisers for insight in advise(judged, policy)]
    return Judgement(by_importance([*told, *advice]), tuple(statuses))


def judged_samples(series: Series, policy: Policy) -> Series:
    """
    The finite samples of *series* on the default branch; of all branches where none is on it.

    A sample whose context names no branch counts as one of the default branch.
    """
    finite = np.isfinite(series.values)
    branches = series.column("branch")
    on_default = np.array([branch is None or branch in policy.default_branches for branch in branches], dtype=np.bool_)
    keep = finite & on_default
    if not keep.any():
        keep = finite
    return series if keep.all() else series.select(keep)


def _insight(series: Series, finding: Finding, better: Polarity | None) -> LearningInsight:
    key = series.key
    evidence = Evidence(
        metric=key.name,
        identity=dict(key.identity),
        unit=key.unit,
        before=finding.before,
        after=finding.after,
        effect=finding.effect,
        interval=finding.interval,
        since=_since(series, finding),
        samples_before=finding.samples_before,
        samples_after=finding.samples_after,
    )
    direction = direction_of(finding, better)
    about = category(key.name, key.unit)
    return LearningInsight(
        category=about,
        description=describe(finding.kind, direction, evidence),
        confidence=finding.confidence,
        suggested_action=suggest(finding.kind, direction, about, evidence),
        kind=finding.kind,
        direction=direction,
        severity=severity(finding.kind, direction, finding.confidence, evidence.relative_effect),
        evidence=evidence,
        id=_insight_id(finding.kind, key, int(series.times[finding.start])),
    )


def _since(series: Series, finding: Finding) -> Since:
    context = dict(series.contexts[finding.start])
    version_key = next((key for key in VERSION_KEYS if context.get(key) not in (None, "")), "")
    before = dict(series.contexts[finding.start - 1]) if finding.start else {}
    run = run_of(series.contexts[finding.start])
    return Since(
        time=float(series.times[finding.start]) / 1e9,
        index=finding.start,
        index_range=finding.start_range,
        version=str(context[version_key]) if version_key else "",
        version_key=version_key,
        last_good=str(before.get(version_key) or ""),
        run="" if run is None else str(run),
    )


def _insight_id(kind: Kind, key: SeriesKey, nanoseconds: int) -> str:
    said = json.dumps([kind, key.name, key.identity, nanoseconds // 1_000_000], default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:12]
