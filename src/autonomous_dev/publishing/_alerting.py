"""
From recorded series and the policy to the rules: which series gets which, and what gets none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from autonomous_dev.conventions import (
    ALERT_NAMES,
    CACHE_HIT_RATIO,
    CACHE_LOOKUPS,
    CALL_BUDGET,
    CALL_DURATION,
    ERROR_TYPE,
    HISTOGRAM_COUNT,
    HISTOGRAM_MEAN,
    OWN_PREFIX,
)
from autonomous_dev.learning import judged_samples, polarity, unrecorded_thresholds
from autonomous_dev.learning.advice import held_budget
from autonomous_dev.policy import DAY, Policy, Threshold
from autonomous_dev.prometheus_names import NameClaims
from autonomous_dev.publishing._alert import AlertRule, LeftOut, RuleSet
from autonomous_dev.publishing._baseline import MIN_SAMPLES, learn_baseline
from autonomous_dev.publishing._live import SLOWER, budget_rule, hit_rate_rule, slow_rule, traffic_window
from autonomous_dev.publishing._promql import duration, labels_of
from autonomous_dev.publishing._recorded import Recorded, recorded, regression_rule, stale_rule, threshold_rule
from autonomous_dev.publishing._rhythm import rhythm_of
from autonomous_dev.series import Series, SeriesKey

MIN_CHANGE: Final = 0.05
"""Share of the level below which a regression is not worth an alert, where the policy says nothing."""

MAX_SERIES: Final = 1000
"""Recorded series that get rules; a Prometheus evaluates three rules for each, every minute."""

_LONGEST_BUDGET: Final = 366 * DAY
"""Seconds that no call may take."""

_GIVEN_UP: Final = 4
"""A series without a sample for so many horizons gets no rule: the test was removed, the suite renamed."""


def alerting_rules(series: Sequence[Series], policy: Policy, *, now: float) -> RuleSet:
    """
    The alerting rules for what was recorded.

    Args:
        series: Recorded series, those that instrumentation left in a journal included, in a stable order.

        policy: Thresholds, polarity, and how alerts speak.

        now: Unix seconds; series that were given up long before get no rule.

    Returns:
        Rules in the order of ALERT_NAMES, then of *series*, with what was left out and why. The same arguments
        give the same rules.
    """
    found = [
        *_unrecorded(series, policy),
        *_for_recorded([s for s in series if len(s) and not s.key.name.startswith(OWN_PREFIX)], policy, now),
        *_for_measured([s for s in series if len(s) and s.key.name.startswith(OWN_PREFIX)], policy, now),
    ]
    rules = [entry for entry in found if isinstance(entry, AlertRule)]
    rules.sort(key=lambda rule: ALERT_NAMES.index(rule.alert))
    return RuleSet(tuple(rules), tuple(entry for entry in found if isinstance(entry, LeftOut)))


def _unrecorded(series: Sequence[Series], policy: Policy) -> Iterator[LeftOut]:
    missing = unrecorded_thresholds(policy, {s.key.name for s in series if len(s)})
    reasons = {found.threshold: found.reason for found in missing}
    for threshold in policy.thresholds:
        what = _threshold_name(threshold, policy)
        if threshold in reasons:
            yield LeftOut(what, reasons[threshold])
        elif threshold.metric.startswith(OWN_PREFIX):
            yield LeftOut(what, "it is measured by running processes, and its level is learned")


def _threshold_name(threshold: Threshold, policy: Policy) -> str:
    place = f" ({policy.source}:{threshold.line})" if policy.source else ""
    return f"threshold {threshold.metric}_{'max' if threshold.upper else 'min'}{place}"


def _for_recorded(series: Sequence[Series], policy: Policy, now: float) -> Iterator[AlertRule | LeftOut]:
    kept = _Names()
    others = _labels_by_metric(series)
    for number, one in enumerate(series):
        met = kept.met(one.key)
        rhythm = rhythm_of(one)
        forgotten = _forgotten(one, now, rhythm.horizon(policy.alerts.stale_after))
        if number >= MAX_SERIES:
            yield LeftOut(str(one.key), f"only the first {MAX_SERIES} series get rules; record fewer identities")
        elif met:
            yield LeftOut(str(one.key), f"its name in Prometheus is that of {met}; rename one of the two")
        elif forgotten is not None:
            yield LeftOut(str(one.key), forgotten)
        else:
            yield from _rules_of(one, recorded(one.key, others[one.key.name, one.key.unit], rhythm), policy)


def _rules_of(series: Series, seen: Recorded, policy: Policy) -> Iterator[AlertRule | LeftOut]:
    for threshold in policy.thresholds:
        if threshold.metric == series.key.name:
            yield threshold_rule(seen, threshold, policy.alerts, policy.source)
    yield _regression(series, seen, policy)
    yield stale_rule(seen, policy.alerts)


def _regression(series: Series, seen: Recorded, policy: Policy) -> AlertRule | LeftOut:
    what = f"regression of {series.key}"
    better = polarity(series.key.name, series.key.unit, policy)
    if better is None:
        key = series.key.name
        return LeftOut(what, f"nothing says which way is better; write metrics: {{{key}: {{better: lower}}}} or higher")
    samples = judged_samples(series, policy)
    baseline = learn_baseline(samples, policy, better)
    if baseline is None:
        return LeftOut(what, _needs_more(samples))
    min_change = policy.metric(series.key.name).min_change or MIN_CHANGE
    return regression_rule(seen, baseline, better, min_change, policy.alerts)


def _for_measured(series: Sequence[Series], policy: Policy, now: float) -> Iterator[AlertRule | LeftOut]:
    by_key = {(s.key.name, s.key.identity): s for s in series}
    for one in series:
        mean = one.key.name == CALL_DURATION + HISTOGRAM_MEAN
        if not (mean or one.key.name == CACHE_HIT_RATIO) or any(key == ERROR_TYPE for key, _ in one.key.identity):
            continue
        traffic = CALL_DURATION + HISTOGRAM_COUNT if mean else CACHE_LOOKUPS
        counts = by_key.get((traffic, one.key.identity))
        budget = _budget(by_key.get((CALL_BUDGET, one.key.identity)), one) if mean else None
        yield _measured(one, counts, budget, policy, now, mean=mean)


def _budget(said: Series | None, means: Series) -> float | None:
    """
    The newest word on how long a call may take, in seconds; None where there is none any more, or none that makes sense.
    """
    newest = held_budget(said, means)
    return newest if newest is not None and 0 < newest < _LONGEST_BUDGET else None


def _measured(
    one: Series, counts: Series | None, budget: float | None, policy: Policy, now: float, *, mean: bool
) -> AlertRule | LeftOut:
    what = f"{'slow operation' if mean else 'poor hit rate'} {', '.join(str(value) for _, value in one.key.identity)}"
    forgotten = _forgotten(one, now, rhythm_of(one).horizon(policy.alerts.stale_after))
    if forgotten is not None:
        return LeftOut(what, forgotten)
    window = traffic_window(counts)
    if budget is not None:
        return budget_rule(one.key, budget, window, policy.alerts)
    samples = judged_samples(one, policy)
    baseline = learn_baseline(samples, policy, polarity(one.key.name, one.key.unit, policy))
    if baseline is None:
        return LeftOut(what, _needs_more(samples))
    if mean:
        return slow_rule(one.key, baseline, window, policy.metric(one.key.name).min_change or SLOWER, policy.alerts)
    rule = hit_rate_rule(one.key, baseline, window, policy.alerts)
    return rule or LeftOut(what, f"the recorded hit ratio is {baseline.level:.1%}: it cannot fall further")


def _needs_more(samples: Series) -> str:
    return f"needs more data ({len(samples)} of {MIN_SAMPLES})"


def _forgotten(series: Series, now: float, horizon: float) -> str | None:
    age = now - float(series.times[-1]) / 1e9
    limit = _GIVEN_UP * horizon
    return f"without a sample for more than {duration(limit)}; it counts as given up" if age > limit else None


def _labels_by_metric(series: Sequence[Series]) -> dict[tuple[str, str], frozenset[str]]:
    labels: dict[tuple[str, str], frozenset[str]] = {}
    for one in series:
        metric = (one.key.name, one.key.unit)
        labels[metric] = labels.get(metric, frozenset()) | labels_of(one.key.identity).keys()
    return labels


class _Names:
    """
    Who holds which name on the page: where two metrics, or two series of one, meet there, the first keeps it.
    """

    def __init__(self) -> None:
        self._metrics = NameClaims()
        self._series: dict[tuple[str, str, frozenset[tuple[str, str]]], SeriesKey] = {}

    def met(self, key: SeriesKey) -> str:
        """
        What holds the name of *key* already; empty where *key* holds it from now on.
        """
        if not self._metrics.claim(key.name, key.unit):
            return self._metrics.refused[key.name, key.unit][0]
        labels = frozenset(labels_of(key.identity).items())
        holder = self._series.setdefault((key.name, key.unit, labels), key)
        return "" if holder == key else str(holder)
