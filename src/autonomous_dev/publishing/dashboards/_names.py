"""
What the boards ask for, in PromQL's words: derived from the OpenTelemetry names, never typed.
"""

from __future__ import annotations

from typing import Final

from autonomous_dev.conventions import (
    CACHE,
    CACHE_CAPACITY,
    CACHE_EVICTIONS,
    CACHE_LOOKUPS,
    CACHE_RESULT,
    CACHE_SIZE,
    CALL_DURATION,
    ERROR_TYPE,
    INSIGHT_CATEGORY,
    INSIGHT_CONFIDENCE,
    INSIGHT_ID,
    INSIGHT_SEVERITY,
    INSIGHT_SINCE,
    INSIGHTS,
    LAST_RECORDED,
    METRIC_NAME,
    OPERATION,
    OWN_PREFIX,
)
from autonomous_dev.prometheus_names import label_name, metric_name

DURATION: Final = metric_name(CALL_DURATION, "s")
DURATION_BUCKET: Final = f"{DURATION}_bucket"
DURATION_COUNT: Final = f"{DURATION}_count"
LOOKUPS: Final = metric_name(CACHE_LOOKUPS, "{lookup}", counter=True)
EVICTIONS: Final = metric_name(CACHE_EVICTIONS, "{eviction}", counter=True)
SIZE: Final = metric_name(CACHE_SIZE, "{entry}")
CAPACITY: Final = metric_name(CACHE_CAPACITY, "{entry}")
OPEN_INSIGHTS: Final = metric_name(INSIGHTS, "{insight}")
CONFIDENCE: Final = metric_name(INSIGHT_CONFIDENCE, "1")
SINCE: Final = metric_name(INSIGHT_SINCE, "s")
TIMESTAMP_SUFFIX: Final = metric_name(LAST_RECORDED, "s")

ANY_OF_OURS: Final = f'{{__name__=~"{metric_name(OWN_PREFIX)}.+|.+{TIMESTAMP_SUFFIX}"}}'
"""Whatever this project publishes."""

OPERATION_LABEL: Final = label_name(OPERATION)
ERROR_LABEL: Final = label_name(ERROR_TYPE)
CACHE_LABEL: Final = label_name(CACHE)
RESULT_LABEL: Final = label_name(CACHE_RESULT)
METRIC_LABEL: Final = label_name(METRIC_NAME)
ID_LABEL: Final = label_name(INSIGHT_ID)
CATEGORY_LABEL: Final = label_name(INSIGHT_CATEGORY)
SEVERITY_LABEL: Final = label_name(INSIGHT_SEVERITY)

ABOUT_LABEL: Final = "about"
"""What the boards call the operation or the cache that something is about; no label of a metric."""

CHOSEN: Final = 'job=~"$job", instance=~"$instance"'
"""Matchers for what the reader chose."""

CHOSEN_OR_WITHOUT: Final = 'job=~"$job|", instance=~"$instance|"'
"""The same for alerts: one whose rule aggregated job or instance away is shown too."""

WINDOW: Final = "[$__rate_interval]"


def chosen(name: str, *matchers: str) -> str:
    """
    A selector of metric *name* in what the reader chose.
    """
    return f"{name}{{{', '.join((CHOSEN, *matchers))}}}"


def recorded(names: str) -> str:
    """
    A selector of recorded metrics' values.

    A metric that was recorded as ``test_duration`` in ``s`` is ``test_duration_seconds`` in Prometheus, while its
    timestamp is ``test_duration_last_recorded_timestamp_seconds``: the name is known from the timestamp, the unit is
    not. So one more word is allowed, and a rate: ``_seconds``, ``_percent``, ``_bytes_per_second``. Where nothing is
    recorded yet there are no names, and a selector that the empty name satisfies would be an error.

    Args:
        names: Regular expression of names without a unit.
    """
    return f'{{__name__=~"({names})(_[a-zA-Z0-9]+)?(_per_[a-zA-Z0-9_]+)?", __name__!="", {CHOSEN}}}'


def timestamps(names: str) -> str:
    """
    A selector of the timestamps of recorded metrics, arguments as ``recorded``.
    """
    return f'{{__name__=~"({names}){TIMESTAMP_SUFFIX}", {CHOSEN}}}'


def about(expr: str) -> str:
    """
    The series of *expr* with ABOUT_LABEL: the operation or the cache, where they have one.
    """
    for label in (OPERATION_LABEL, CACHE_LABEL):
        expr = f'label_replace({expr}, "{ABOUT_LABEL}", "$1", "{label}", "(.+)")'
    return expr
