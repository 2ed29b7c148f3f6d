"""
The engine: series and a policy in, insights and the state of every series out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from autonomous_dev.conventions import (
    CACHE_CAPACITY,
    CACHE_HIT_RATIO_PREDICTED,
    CALL_BUDGET,
    SERIES_DROPPED,
    SIZED_CALL_DURATION,
    SIZED_CALL_SIZE,
)
from autonomous_dev.errors import InvalidValueError
from autonomous_dev.learning._causes import by_cause
from autonomous_dev.learning._discoveries import within_budget
from autonomous_dev.learning._environments import by_environment
from autonomous_dev.learning._importance import by_importance, weighed
from autonomous_dev.learning._insight import LearningInsight
from autonomous_dev.learning._judged import judged_samples
from autonomous_dev.learning._looking import Progress, look
from autonomous_dev.learning._memory import SPEAKING, Memory
from autonomous_dev.learning._prior import estimate_prior
from autonomous_dev.learning._rules import Rule, told_by_rules
from autonomous_dev.learning._selection import histograms, is_further_statistic
from autonomous_dev.learning._since import commits_of
from autonomous_dev.learning._staleness import longest_gap, stale
from autonomous_dev.learning._status import SeriesStatus, State, status_of
from autonomous_dev.learning._telling import Odds, told_of
from autonomous_dev.learning.advice import Adviser, budgets, capacities, cardinalities, growths
from autonomous_dev.learning.detectors import (
    MIN_SAMPLES,
    Detector,
    Finding,
    Kind,
    anomalies,
    change_points,
    falling_hit_ratios,
    forecasts,
    tails,
    thresholds,
    trends,
    variabilities,
)
from autonomous_dev.learning.detectors._odds import DEFAULT_PRIOR, prior_shift
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series, SeriesKey

DEFAULT_DETECTORS: Final[tuple[Detector, ...]] = (
    thresholds,
    change_points,
    falling_hit_ratios,
    trends,
    forecasts,
    variabilities,
    tails,
    anomalies,
)
DEFAULT_ADVISERS: Final[tuple[Adviser, ...]] = (budgets, capacities, cardinalities, growths)

ONLY_ADVISED: Final = frozenset(
    {CACHE_CAPACITY, CACHE_HIT_RATIO_PREDICTED, CALL_BUDGET, SERIES_DROPPED, SIZED_CALL_DURATION, SIZED_CALL_SIZE}
)
"""
Series that advisers read and no detector judges: what was said (capacities, budgets), and what moves with something
that is judged or with what the program was given (predictions, sizes).
"""

_SHIFTS: Final = frozenset({Kind.CHANGE_POINT, Kind.UNCONFIRMED, Kind.HIT_RATIO})
"""Kinds by which the share of series that change is estimated: the ones whose confidences are calibrated by it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What the engine made of some series.

    Attributes:
        insights: The most important first: what is worse before what only changed before what is better, each by
            confidence times impact; what is unconfirmed after that, what is over last.

        statuses: One for each series, in their order.

        prior: Share of series that change, as it was assumed or estimated.

        announced: Ids of the insights that are to be announced now: new, worse or resolved, sure enough for the
            budget of false discoveries, and confirmed.

        failed_rules: Names of custom rules that raised.
    """

    insights: tuple[LearningInsight, ...]
    statuses: tuple[SeriesStatus, ...]
    prior: float = DEFAULT_PRIOR
    announced: tuple[str, ...] = ()
    failed_rules: tuple[str, ...] = ()


def judge(
    series: Sequence[Series],
    policy: Policy,
    *,
    now: float,
    detectors: Sequence[Detector] = DEFAULT_DETECTORS,
    advisers: Sequence[Adviser] = DEFAULT_ADVISERS,
    rules: Sequence[Rule] = (),
    prior: float | None = None,
    commits: Sequence[str] = (),
    memory: Memory | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Judgement:
    """
    What *series* say: what got worse or better, since when, and how sure that is.

    Args:
        series: Any number of series, each oldest first.

        policy: Thresholds, polarity, smallest changes worth telling, default branches, kinds that are told.

        now: Unix seconds; decides what is stale.

        detectors: What looks at each series.

        advisers: What looks at all of them together.

        rules: What a user has to say about all of them together; one that raises costs only itself.

        prior: Share of series that change, in (0, 1); None estimates it where at least twenty series are judged.

        commits: Ids in the order of the code, oldest first: those that nobody measured count among the suspects.

        memory: What was announced and what people said of it; None for nothing.

        executor: Where detectors run: any of concurrent.futures, in threads, processes or on other machines. None
            for here. The judgement is the same.

        progress: Called with the number of series that are done and of all, as the work goes on.

    Raises:
        InvalidValueError: If *prior* is not in (0, 1), *commits* hold one twice, or the processes of *executor* ended.

        InvalidTypeError: If *executor* is none, a detector cannot be sent to it, *commits* are no list of strings, or
            a rule gives no insights.
    """
    if prior is not None and not (isinstance(prior, int | float) and 0.0 < prior < 1.0):
        raise InvalidValueError(f"prior is {prior!r}: expected a share between 0 and 1, such as 0.07, or None")
    known, order = memory or Memory(), commits_of(commits)
    judged = [judged_samples(one, policy) for one in series]
    statuses = tuple(_status(one.key, samples, policy, now) for one, samples in zip(series, judged, strict=True))
    asked = [samples for samples in judged if samples.key.name not in ONLY_ADVISED]
    found = look(asked, policy, detectors, executor, progress)
    share = estimate_prior([_surest(f) for s, f in zip(asked, found, strict=True) if len(s) >= MIN_SAMPLES])
    share = share if prior is None else prior
    told = told_of(asked, found, policy, Odds(prior_shift(share), known), order)
    advice = [insight for advise in advisers for insight in advise(judged, policy) if _wanted(insight, policy)]
    gone = [insight for insight in _stale(judged, statuses, policy, now) if _wanted(insight, policy)]
    custom, failed = told_by_rules(rules, judged, policy)
    insights = known.recall(_grouped([*told, *advice, *gone, *custom], judged, policy), now, judged)
    budget = policy.false_discoveries
    allowed = within_budget(insights, budget)
    said = [weighed(one, allowed=may, budget=budget) for one, may in zip(insights, allowed, strict=True)]
    ids = tuple(one.id for one, may in zip(insights, allowed, strict=True) if may and one.id and one.status in SPEAKING)
    return Judgement(by_importance(said), statuses, share, ids, failed)


def _status(key: SeriesKey, samples: Series, policy: Policy, now: float) -> SeriesStatus:
    newest = float(samples.times[-1]) / 1e9 if len(samples) else math.nan
    return status_of(key, len(samples), newest, now=now, stale_after=policy.alerts.stale_after)


def _surest(findings: tuple[Finding, ...]) -> float:
    return max((finding.confidence for finding in findings if finding.kind in _SHIFTS), default=0.0)


def _grouped(insights: list[LearningInsight], judged: list[Series], policy: Policy) -> list[LearningInsight]:
    """
    *insights* with what one cause made as one: the place where things ran first, since that is not the code.
    """
    if policy.metric("").detector(Kind.ENVIRONMENT).enabled:
        insights = by_environment(insights, judged)
    return by_cause(insights, judged)


def _stale(
    judged: list[Series], statuses: tuple[SeriesStatus, ...], policy: Policy, now: float
) -> tuple[LearningInsight, ...]:
    """
    What comes no more: of a histogram once, of what only advisers read never.
    """
    known = histograms(status.key for status in statuses)
    watched = [
        (samples, status)
        for samples, status in zip(judged, statuses, strict=True)
        if status.key.name not in ONLY_ADVISED
        and not is_further_statistic(status.key, known)
        and policy.metric(status.key.name).detector(Kind.STALENESS).enabled
    ]
    gaps = {status.key: longest_gap(samples.times) for samples, status in watched if status.state is State.STALE}
    return stale([status for _, status in watched], policy, now, gaps=gaps)


def _wanted(insight: LearningInsight, policy: Policy) -> bool:
    """
    Whether the policy has this kind switched on for this metric, and it is sure enough.
    """
    tuned = policy.metric(insight.evidence.metric if insight.evidence is not None else "").detector(insight.kind)
    return tuned.enabled and insight.confidence >= (tuned.min_confidence or 0.0)
