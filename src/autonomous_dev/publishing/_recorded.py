"""
Rules for recorded metrics, which come once per run: threshold, regression, staleness.

A gauge holds its value until the next run, so that ``for:`` would count evaluations of one run. Runs are told
apart by the metric's timestamp; of several targets the one with the newest timestamp is judged.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Final

from autonomous_dev.conventions import (
    LAST_RECORDED,
    METRIC_ABOVE_THRESHOLD,
    METRIC_BELOW_THRESHOLD,
    METRIC_NAME,
    METRIC_REGRESSED,
    METRIC_STALE,
)
from autonomous_dev.learning import Severity
from autonomous_dev.policy import DAY, AlertPolicy, Polarity, Threshold
from autonomous_dev.prometheus_names import instrument_name, label_name, metric_name
from autonomous_dev.publishing._alert import Act, AlertRule, Example, Feed, Moment
from autonomous_dev.publishing._baseline import Baseline
from autonomous_dev.publishing._phrase import Live, with_unit
from autonomous_dev.publishing._promql import Selector, duration, labels_of, number
from autonomous_dev.publishing._rhythm import Rhythm
from autonomous_dev.series import SeriesKey

_STALE_LOOK: Final = 4
"""A stale metric is spoken of for so many horizons, then forgotten: it was given up."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """
    A recorded series as Prometheus sees it.

    Attributes:
        key: The series.

        value: Selects its value.

        time: Selects the time of its newest sample.

        rhythm: How often it gets a sample.
    """

    key: SeriesKey
    value: Selector
    time: Selector
    rhythm: Rhythm

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """
        The labels of its samples.
        """
        return self.value.present().labels

    def spoken(self, value: float) -> str:
        """
        *value* in the series' unit, for people.
        """
        return with_unit(f"{value:.6g}", self.key.unit)


def recorded(key: SeriesKey, others: frozenset[str], rhythm: Rhythm) -> Recorded:
    """
    The selectors of a recorded series.

    Args:
        key: The series.

        others: Labels of all series of this metric: those that this one lacks must not be there.

        rhythm: How often it gets a sample.
    """
    instrument = instrument_name(key.name)
    own = labels_of(key.identity)
    labels = tuple((label, own.get(label, "")) for label in sorted(others | own.keys()))
    return Recorded(
        key,
        Selector(metric_name(instrument, key.unit), labels),
        Selector(metric_name(instrument + LAST_RECORDED, "s"), labels),
        rhythm,
    )


def rule_labels(key: SeriesKey, alerts: AlertPolicy) -> tuple[tuple[str, str], ...]:
    """
    Labels of an alert about series *key*: the policy's, the metric's name and the identity.

    An identity label that meets one of the others is called ``exported_…``, as Prometheus does.
    """
    labels = {**alerts.labels, label_name(METRIC_NAME): key.name}
    for label, value in labels_of(key.identity).items():
        taken = label in labels or label in {"severity", "alertname"}
        labels[f"exported_{label}" if taken else label] = value
    return tuple(sorted((label, value) for label, value in labels.items() if value))


def threshold_rule(series: Recorded, threshold: Threshold, alerts: AlertPolicy, source: str) -> AlertRule:
    """
    Fires as soon as the newest run is beyond a bound of the policy.

    Args:
        series: The series.

        threshold: The bound.

        alerts: How alerts speak.

        source: The policy's file; empty where there is none.
    """
    side, limit = ("above", "at most") if threshold.upper else ("below", "at least")
    horizon = series.rhythm.horizon(alerts.stale_after)
    said = f"{source}:{threshold.line}: " if source else ""
    beyond = _beyond(threshold.bound, upper=threshold.upper)
    return AlertRule(
        alert=METRIC_ABOVE_THRESHOLD if threshold.upper else METRIC_BELOW_THRESHOLD,
        expr=_newest(series, horizon, f"{'>' if threshold.upper else '<'} {number(threshold.bound)}"),
        hold=0.0,
        reach=horizon,
        severity=Severity.CRITICAL,
        labels=rule_labels(series.key, alerts),
        summary=(f"{series.key} is {side} its threshold of {series.spoken(threshold.bound)}",),
        description=(
            "The newest run recorded ", Live.NUMBER, with_unit("", series.key.unit),
            f"; the policy allows {limit} {series.spoken(threshold.bound)} ({said}{threshold.metric}).",
        ),
        dashboard_url=alerts.dashboard_url,
        selectors=(series.value, series.time),
        example=Example(
            spacing=DAY,
            feeds=(
                Feed(series.value, ((threshold.bound,), (beyond,))),
                Feed(series.time, ((Moment.NOW,), (Moment.NOW,))),
            ),
            labels=series.labels,
            value=beyond,
        ),
    )  # fmt: skip


def regression_rule(
    series: Recorded, baseline: Baseline, better: Polarity, min_change: float, alerts: AlertPolicy
) -> AlertRule:
    """
    Fires when the last two runs are both beyond the usual level on the worse side.

    Args:
        series: The series.

        baseline: Its usual level.

        better: Which way is better.

        min_change: Smallest share of the level that is worth speaking of.

        alerts: How alerts speak.
    """
    upper = better is Polarity.LOWER
    limit = learned_limit(baseline, baseline.margin(min_change), upper=upper)
    horizon, step = series.rhythm.looks(alerts.stale_after)
    condition = f"{'>' if upper else '<'} {number(limit)}"
    beyond = _beyond(limit, upper=upper)
    return AlertRule(
        alert=METRIC_REGRESSED,
        expr=f"{_newest(series, horizon, condition)}\nand on () {_run_before(series, horizon, step, upper=upper)} {condition}",
        hold=0.0,
        reach=horizon,
        severity=Severity.WARNING,
        labels=rule_labels(series.key, alerts),
        summary=(f"{series.key} got worse",),
        description=(
            f"The last two runs were both {'above' if upper else 'below'} {series.spoken(limit)}, the newest at ",
            Live.NUMBER, with_unit("", series.key.unit),
            f"; the usual level is {series.spoken(baseline.level)} (median of {baseline.samples} samples).",
        ),
        dashboard_url=alerts.dashboard_url,
        selectors=(series.value, series.time),
        example=_regression_example(series, baseline.level, beyond, step),
    )  # fmt: skip


def stale_rule(series: Recorded, alerts: AlertPolicy) -> AlertRule:
    """
    Fires when a metric that used to come has not come for long.

    Args:
        series: The series.

        alerts: How alerts speak.
    """
    horizon = series.rhythm.horizon(alerts.stale_after)
    by = ", ".join(label for label, _ in series.labels)
    reach = _STALE_LOOK * horizon
    usual = series.rhythm.interval
    every = f"it used to come about every {duration(max(round(usual), 1))}, and " if usual is not None else ""
    return AlertRule(
        alert=METRIC_STALE,
        expr=f"time() - max by ({by}) (max_over_time({series.time.promql()}[{duration(reach)}])) > {number(horizon)}",
        hold=0.0,
        reach=reach,
        severity=Severity.WARNING,
        labels=rule_labels(series.key, alerts),
        summary=(f"{series.key} is no longer recorded",),
        description=("The newest sample is ", Live.DURATION, f" old; {every}{duration(horizon)} are allowed."),
        dashboard_url=alerts.dashboard_url,
        selectors=(series.time,),
        example=Example(
            spacing=DAY,
            feeds=(Feed(series.time, ((Moment.NOW,), (Moment.ACT_BEFORE,))),),
            labels=series.labels,
            value=None,
        ),
    )


def learned_limit(baseline: Baseline, margin: float, *, upper: bool) -> float:
    """
    The level and a *margin* on its worse side, in four digits rounded away from the level.
    """
    limit = baseline.level + (margin if upper else -margin)
    if not math.isfinite(limit):
        return math.copysign(sys.float_info.max, limit)
    rounded = float(f"{limit:.4g}")
    nearer = rounded < limit if upper else rounded > limit
    if not nearer:
        return rounded
    digit = 10.0 ** (math.floor(math.log10(abs(limit))) - 3)
    return float(f"{rounded + (digit if upper else -digit):.4g}")


def _newest(series: Recorded, horizon: float, condition: str) -> str:
    value, time = (f"last_over_time({s.promql()}[{duration(horizon)}])" for s in (series.value, series.time))
    return f"{value} {condition}\nand {time} == scalar(max({time}))"


def _run_before(series: Recorded, horizon: float, step: float, *, upper: bool) -> str:
    """
    The value of the run before the newest one: what the metric last was while its timestamp was an older one.

    ``@ end()`` is the moment of evaluation even inside the subquery
    (https://prometheus.io/docs/prometheus/2.55/querying/basics/#modifier). Where several targets hold old values
    the least bad one counts.
    """
    value, time = (f"last_over_time({s.promql()}[{duration(step)}])" for s in (series.value, series.time))
    newest = f"scalar(max(last_over_time({series.time.promql()}[{duration(horizon)}] @ end())))"
    before = f"{newest} - {number(series.rhythm.run_length)}" if series.rhythm.run_length else newest
    least_bad = "min" if upper else "max"
    return f"last_over_time({least_bad}({value} and {time} < {before})[{duration(horizon)}:{duration(step)}])"


def _beyond(limit: float, *, upper: bool) -> float:
    """
    A value on the far side of *limit* that six digits tell from it.
    """
    away = max(abs(limit), 1.0)
    value = limit + (away if upper else -away)
    largest = math.copysign(sys.float_info.max, value)
    return value if math.isfinite(value) or limit == largest else largest


def _regression_example(series: Recorded, usual: float, beyond: float, step: float) -> Example:
    """
    Three runs and then one more: two usual ones, an odd one that stays silent, and another like it.
    """
    gap = series.rhythm.run_length + 1.0
    values: tuple[Act, ...] = ((usual, usual, usual, beyond, beyond), (beyond, beyond, beyond, beyond, beyond))
    runs: tuple[Act, ...] = ((gap, gap, 2 * gap, 3 * gap, 3 * gap), (3 * gap, 3 * gap, 3 * gap, 4 * gap, 4 * gap))
    return Example(step, (Feed(series.value, values), Feed(series.time, runs)), series.labels, beyond)
