"""
Rules for what a running process measures: operations that are slow, caches that hit rarely.

Both compare a rate with the level that was recorded before, an operation that has a budget with its budget, and ask
for a minimum of traffic: of three calls one slow one says nothing.
"""

from __future__ import annotations

import math
from typing import Final

from autonomous_dev.conventions import (
    CACHE_HIT_RATE_POOR,
    CACHE_LOOKUPS,
    CACHE_RESULT,
    CALL_DURATION,
    ERROR_TYPE,
    HIT,
    MISS,
    OPERATION_SLOW,
)
from autonomous_dev.learning import Severity
from autonomous_dev.policy import AlertPolicy
from autonomous_dev.prometheus_names import label_name, metric_name
from autonomous_dev.publishing._alert import Act, AlertRule, Example, Feed
from autonomous_dev.publishing._baseline import Baseline
from autonomous_dev.publishing._phrase import Live
from autonomous_dev.publishing._promql import Selector, duration, labels_of, number
from autonomous_dev.publishing._recorded import learned_limit, rule_labels
from autonomous_dev.series import Series, SeriesKey

MIN_CALLS: Final = 10
"""Calls or lookups in the window below which nothing is said."""

SLOWER: Final = 0.5
"""Share of its recorded mean by which an operation must be slower, where the policy says nothing."""

_SHORTEST_MARGIN: Final = 1e-6
"""Seconds: the resolution of the clocks behind durations."""

POORER: Final = 0.05
"""Hit ratio that must be lost at least."""

_WINDOWS: Final = (300.0, 900.0, 1800.0, 3600.0, 21600.0, 86400.0)
"""Windows of a rate, in seconds; all divide a day into tenths of themselves."""

_POINTS: Final = 12
"""Samples of a counter in an act of an example, a tenth of the window apart."""


def traffic_window(counts: Series | None) -> float:
    """
    The shortest window, in seconds, in which usual traffic gives twice the calls that a rule asks for.

    Args:
        counts: Recorded calls per interval; None where unknown.
    """
    if counts is None or len(counts) < 2:
        return _WINDOWS[0]
    span = float(counts.times[-1] - counts.times[0]) / 1e9
    calls = float(counts.values[1:].sum())
    if span <= 0 or calls <= 0 or not math.isfinite(calls):
        return _WINDOWS[0]
    needed = 2 * MIN_CALLS * span / calls
    return next((window for window in _WINDOWS if window >= needed), _WINDOWS[-1])


def slow_rule(key: SeriesKey, baseline: Baseline, window: float, min_change: float, alerts: AlertPolicy) -> AlertRule:
    """
    Fires when a successful call of an operation takes longer on average than it used to.

    Args:
        key: Series of the recorded mean, in seconds.

        baseline: Its usual level.

        window: Seconds over which the mean is taken.

        min_change: Share of the level by which it must be slower.

        alerts: How alerts speak.
    """
    limit = learned_limit(baseline, max(baseline.margin(min_change), _SHORTEST_MARGIN), upper=True)
    expected = (
        f"; the recorded level is {baseline.level:.4g} s (median of {baseline.samples} intervals)"
        f", and up to {limit:.4g} s are usual."
    )
    return _slow_rule(key, limit, window, expected, alerts)


def budget_rule(key: SeriesKey, budget: float, window: float, alerts: AlertPolicy) -> AlertRule:
    """
    Fires when a successful call of an operation takes longer on average than its budget.

    Args:
        key: Series of the recorded mean, in seconds.

        budget: Seconds, as its profiler was told.

        window: Seconds over which the mean is taken.

        alerts: How alerts speak.
    """
    return _slow_rule(key, budget, window, f"; its budget is {budget:.6g} s.", alerts)


def _slow_rule(key: SeriesKey, limit: float, window: float, expected: str, alerts: AlertPolicy) -> AlertRule:
    operation = labels_of(key.identity)
    labels = tuple(sorted({**operation, label_name(ERROR_TYPE): ""}.items()))
    histogram = metric_name(CALL_DURATION, "s")
    total, count = Selector(f"{histogram}_sum", labels), Selector(f"{histogram}_count", labels)
    slow = float(f"{2 * limit:.3g}")
    calls = _counter(4.0)
    return AlertRule(
        alert=OPERATION_SLOW,
        expr=(
            f"{_rate(total, operation, window)} / {_rate(count, operation, window)} > {number(limit)}\n"
            f"and {_traffic(count, operation, window)}"
        ),
        hold=alerts.hold,
        reach=window,
        severity=Severity.WARNING,
        labels=rule_labels(key, alerts),
        summary=(f"{_name(key)} is slow",),
        description=(
            f"Over {duration(window)} a successful call took ", Live.NUMBER,
            f" s on average{expected}",
        ),
        dashboard_url=alerts.dashboard_url,
        selectors=(total, count),
        example=Example(
            spacing=window / 10,
            feeds=(
                Feed(count, _acts(calls, calls, alerts)),
                Feed(total, _acts(_counter(0.0), _counter(4 * slow), alerts)),
            ),
            labels=tuple(sorted(operation.items())),
            value=slow,
        ),
    )  # fmt: skip


def hit_rate_rule(key: SeriesKey, baseline: Baseline, window: float, alerts: AlertPolicy) -> AlertRule | None:
    """
    Fires when fewer lookups of a cache are hits than used to be; None where the recorded ratio cannot fall.

    Args:
        key: Series of the recorded ratio.

        baseline: Its usual level.

        window: Seconds over which the ratio is taken.

        alerts: How alerts speak.
    """
    if baseline.level < 2 * POORER:
        return None
    cache = labels_of(key.identity)
    metric = metric_name(CACHE_LOOKUPS, "{lookup}", counter=True)
    lookups = Selector(metric, tuple(sorted(cache.items())))
    misses = Selector(metric, tuple(sorted({**cache, label_name(CACHE_RESULT): MISS}.items())))
    # A noisy ratio may vary by more than itself; half of the level is always poor.
    margin = min(max(baseline.margin(0.0), POORER), baseline.level / 2)
    limit = learned_limit(baseline, margin, upper=False)
    counted, none = _counter(4.0), _counter(0.0)
    hits = Selector(metric, tuple(sorted({**cache, label_name(CACHE_RESULT): HIT}.items())))
    return AlertRule(
        alert=CACHE_HIT_RATE_POOR,
        expr=(
            f"1 - {_rate(misses, cache, window)} / {_rate(lookups, cache, window)} < {number(limit)}\n"
            f"and {_traffic(lookups, cache, window)}"
        ),
        hold=alerts.hold,
        reach=window,
        severity=Severity.WARNING,
        labels=rule_labels(key, alerts),
        summary=(f"{_name(key)} hits rarely",),
        description=(
            f"Over {duration(window)} ", Live.SHARE,
            f" of the lookups were hits; recorded were {baseline.level:.1%} (median of {baseline.samples} intervals)",
            f", and down to {limit:.1%} is usual.",
        ),
        dashboard_url=alerts.dashboard_url,
        selectors=(misses, lookups),
        example=Example(
            spacing=window / 10,
            feeds=(Feed(misses, _acts(none, counted, alerts)), Feed(hits, _acts(counted, none, alerts))),
            labels=tuple(sorted(cache.items())),
            value=0.0,
        ),
    )  # fmt: skip


def _name(key: SeriesKey) -> str:
    kind = "operation" if key.name.startswith(CALL_DURATION) else "cache"
    return f"{kind} {', '.join(str(value) for _, value in key.identity)}"


def _rate(selector: Selector, by: dict[str, str], window: float) -> str:
    return f"sum by ({', '.join(sorted(by))}) (rate({selector.promql()}[{duration(window)}]))"


def _traffic(selector: Selector, by: dict[str, str], window: float) -> str:
    return f"sum by ({', '.join(sorted(by))}) (increase({selector.promql()}[{duration(window)}])) >= {MIN_CALLS}"


def _counter(step: float) -> Act:
    return tuple(step * point for point in range(_POINTS))


def _acts(quiet: Act, firing: Act, alerts: AlertPolicy) -> tuple[Act, ...]:
    """
    Where ``for:`` asks for it, the alert is pending, and so silent, for one evaluation before it fires.
    """
    return (quiet, firing, firing) if alerts.hold else (quiet, firing)
