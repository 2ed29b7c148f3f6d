"""
What ``PerformanceProfiler`` and ``cached`` measured, as one line of deltas per interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autonomous_dev import _state
from autonomous_dev._state import Measured
from autonomous_dev.conventions import (
    CACHE,
    CACHE_LOOKUPS,
    CACHE_RESULT,
    CALL_DURATION,
    DURATION_BOUNDS,
    ERROR_TYPE,
    HIT,
    MISS,
    OPERATION,
)
from autonomous_dev.recording._otlp import histogram_metric, metrics_line, sum_metric
from autonomous_dev.series import Attributes


def delta_metrics(before: Measured, now: Measured, context: Attributes) -> list[dict[str, Any]]:
    """
    The OTLP metrics of what was counted between two moments; empty where nothing was called.

    Args:
        before: What the destination has.

        now: What has been counted.

        context: Context of the interval: commit, run id, …
    """
    interval = (before.time_unix_nano, now.time_unix_nano)
    metrics = []
    durations = {
        _operation_attributes(*key): delta
        for key, cells in now.operations.items()
        if (delta := _minus(cells, before.operations.get(key)))[0] > 0
    }
    if durations:
        metrics.append(
            histogram_metric(CALL_DURATION, "s", DURATION_BOUNDS, durations, interval=interval, context=context)
        )
    lookups: dict[Attributes, int] = {}
    for cache, counts in now.lookups.items():
        hits, misses = _minus(counts, before.lookups.get(cache))
        if hits + misses > 0:
            lookups[(CACHE, cache), (CACHE_RESULT, HIT)] = int(hits)
            lookups[(CACHE, cache), (CACHE_RESULT, MISS)] = int(misses)
    if lookups:
        metrics.append(sum_metric(CACHE_LOOKUPS, "{lookup}", lookups, interval=interval, context=context))
    return metrics


def _operation_attributes(operation: str, error_type: str) -> Attributes:
    attributes: Attributes = ((OPERATION, operation),)
    return (*attributes, (ERROR_TYPE, error_type)) if error_type else attributes


def _minus(now: Iterable[float], before: Iterable[float] | None) -> tuple[float, ...]:
    if before is None:
        return tuple(now)
    return tuple(a - b for a, b in zip(now, before, strict=True))


def flush(
    destination: str, write: Callable[[str], None], resource: str, context: Attributes, time_unix_nano: int
) -> None:
    """
    Write what was measured since *destination* was last written to; nothing where nothing was called.

    Args:
        destination: Name of the journal or store.

        write: Takes the line; what it raises passes, and the next flush tries again.

        resource: The line's head.

        context: Context of the interval.

        time_unix_nano: Now.
    """
    with _state.flushed.lock:
        now = _state.measured(time_unix_nano)
        metrics = delta_metrics(_state.flushed.up_to(destination), now, context)
        if metrics:
            write(metrics_line(resource, metrics))
            _state.flushed.advance(destination, now)
