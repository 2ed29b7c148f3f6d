"""
How long profiled operations take, how often they run, how often they fail.
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import timeseries

from autonomous_dev.publishing.dashboards._look import graph, of, query
from autonomous_dev.publishing.dashboards._names import (
    DURATION_BUCKET,
    DURATION_COUNT,
    ERROR_LABEL,
    OPERATION_LABEL,
    WINDOW,
    chosen,
)

MOST: Final = 8
"""Operations that a graph shows: the slowest, or the busiest."""


def slowest() -> timeseries.Panel:
    """
    Median and 95th percentile of the slowest operations.
    """
    buckets = f"sum by (le, {OPERATION_LABEL}) (rate({chosen(DURATION_BUCKET)}{WINDOW}))"
    panel = graph(
        "How long operations take",
        f"Half and 95 of 100 calls end within this time; the {MOST} slowest operations. Both include calls that failed.",
        "s",
        "No profiled call in this time range: wrap one in PerformanceProfiler.",
    )
    return (
        panel.min(0)
        .with_target(query(f"topk({MOST}, histogram_quantile(0.95, {buckets}))", "A", f"p95 {{{{{OPERATION_LABEL}}}}}"))
        .with_target(query(f"topk({MOST}, histogram_quantile(0.5, {buckets}))", "B", f"p50 {{{{{OPERATION_LABEL}}}}}"))
        .override_by_query(
            "B",
            [
                of("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
            ],
        )
        .span(12)
        .height(10)
    )


def busiest() -> timeseries.Panel:
    """
    Calls per second of the busiest operations.
    """
    calls = f"sum by ({OPERATION_LABEL}) (rate({chosen(DURATION_COUNT)}{WINDOW}))"
    panel = graph(
        "How often they run",
        f"Calls per second, failed ones included; the {MOST} busiest operations.",
        "cps",
        "No profiled call in this time range: wrap one in PerformanceProfiler.",
    )
    target = query(f"topk({MOST}, {calls})", legend=f"{{{{{OPERATION_LABEL}}}}}")
    return panel.min(0).with_target(target).span(6).height(10)


def errors() -> timeseries.Panel:
    """
    Failed calls per second, by kind of error.
    """
    failed = chosen(DURATION_COUNT, f'{ERROR_LABEL}!=""')
    panel = graph(
        "How often they fail",
        "Calls per second that ended with an exception, by operation and the exception's class.",
        "cps",
        "No profiled call has failed.",
    )
    target = query(
        f"topk({MOST}, sum by ({OPERATION_LABEL}, {ERROR_LABEL}) (rate({failed}{WINDOW})))",
        legend=f"{{{{{ERROR_LABEL}}}}} in {{{{{OPERATION_LABEL}}}}}",
    )
    return panel.min(0).with_target(target).span(6).height(10)
