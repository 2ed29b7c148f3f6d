"""
What profilers and caches measured, as lines of deltas, one interval at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any, Final

from autonomous_dev import _state
from autonomous_dev._state import CacheTotals, Measured
from autonomous_dev.conventions import (
    CACHE,
    CACHE_CAPACITY,
    CACHE_HIT_RATIO_PREDICTED,
    CACHE_LOOKUPS,
    CACHE_RESULT,
    CALL_BUDGET,
    CALL_DURATION,
    CAPACITY_FACTOR,
    CAPACITY_FACTORS,
    DECLARED_COMPLEXITY,
    DROP_EXAMPLES,
    DROP_REASON,
    DROPPED_BY_CARDINALITY,
    DURATION_BOUNDS,
    ERROR_TYPE,
    HIT,
    MISS,
    OPERATION,
    SERIES_DROPPED,
    SIZE_CLASS,
    SIZED_CALL_DURATION,
    SIZED_CALL_SIZE,
)
from autonomous_dev.recording._otlp import attributes_json, gauge_metric, histogram_metric, metrics_line, sum_metric
from autonomous_dev.recording._overhead import JOURNAL
from autonomous_dev.series import Attributes

MAX_LINE: Final = 1024 * 1024
"""Bytes that no line reaches."""

_POINT: Final = 4096
"""Bytes that a point takes at most, without its context: two texts of 255 characters, escaped, and 29 numbers."""

_PARTS: Final = (("refused", 4), ("operations", 1), ("caches", 6), ("sized", 2), ("budgets", 1))
"""
The parts of what was measured, and the points that one entry of each becomes at most.

What was refused comes first: where there is no room for the rest, it says why.
"""


def delta_metrics(before: Measured, now: Measured, context: Attributes) -> list[dict[str, Any]]:
    """
    The OTLP metrics of what was counted between two moments; empty where nothing was called.

    Args:
        before: What the destination has.

        now: What has been counted.

        context: Context of the interval: commit, run id, …
    """
    return [
        *_of_bounds(now, context),
        *_of_operations(before, now, context),
        *_of_caches(before, now, context),
        *_of_sizes(before, now, context),
    ]


def _of_operations(before: Measured, now: Measured, context: Attributes) -> Iterator[dict[str, Any]]:
    durations = {
        _operation(*key): _finite(cells)
        for key, held in now.operations.items()
        if (cells := _minus(held, before.operations.get(key)))[0] > 0
    }
    interval = (before.time_unix_nano, now.time_unix_nano)
    if durations:
        yield histogram_metric(CALL_DURATION, "s", DURATION_BOUNDS, durations, interval=interval, context=context)
    budgets = {_operation(operation): seconds for operation, seconds in now.budgets.items()}
    yield from _gauge(CALL_BUDGET, "s", budgets, now, context)


def _of_caches(before: Measured, now: Measured, context: Attributes) -> Iterator[dict[str, Any]]:
    used = {cache: use for cache, totals in now.caches.items() if _lookups(use := _used(cache, totals, before))}
    lookups: dict[Attributes, int] = {}
    for cache, use in used.items():
        lookups[(CACHE, cache), (CACHE_RESULT, HIT)] = use.hits
        lookups[(CACHE, cache), (CACHE_RESULT, MISS)] = use.misses
    interval = (before.time_unix_nano, now.time_unix_nano)
    if lookups:
        yield sum_metric(CACHE_LOOKUPS, "{lookup}", lookups, interval=interval, context=context)
    capacities: dict[Attributes, float] = {
        ((CACHE, cache),): use.capacity for cache, use in used.items() if use.capacity
    }
    yield from _gauge(CACHE_CAPACITY, "{entry}", capacities, now, context)
    # Of a cache that dropped nothing a larger one would have been no better.
    predicted: dict[Attributes, float] = {
        ((CACHE, cache), (CAPACITY_FACTOR, str(factor))): min((use.hits + saved) / _lookups(use), 1.0)
        for cache, use in used.items()
        if use.evictions and CACHE_HIT_RATIO_PREDICTED not in use.untold
        for factor, saved in zip(CAPACITY_FACTORS, use.saved, strict=True)
    }
    yield from _gauge(CACHE_HIT_RATIO_PREDICTED, "1", predicted, now, context)


def _of_sizes(before: Measured, now: Measured, context: Attributes) -> Iterator[dict[str, Any]]:
    sizes: dict[Attributes, float] = {}
    durations: dict[Attributes, float] = {}
    for key, sums in now.sized.items():
        calls, size, seconds = _minus(sums, before.sized.get(key))
        if calls > 0 and math.isfinite(seconds):
            operation, complexity, of_size = key
            declared: Attributes = ((DECLARED_COMPLEXITY, complexity),) if complexity else ()
            attributes: Attributes = (*_operation(operation), *declared, (SIZE_CLASS, str(of_size)))
            sizes[attributes], durations[attributes] = size / calls, seconds / calls
    yield from _gauge(SIZED_CALL_SIZE, "{item}", sizes, now, context)
    yield from _gauge(SIZED_CALL_DURATION, "s", durations, now, context)


def _of_bounds(now: Measured, context: Attributes) -> Iterator[dict[str, Any]]:
    """
    A metric for each bound that refused something: the names among what it refused are context.
    """
    for under, refused in now.refused.items():
        count: dict[Attributes, float] = {(under, (DROP_REASON, DROPPED_BY_CARDINALITY)): refused.names}
        yield from _gauge(SERIES_DROPPED, "{series}", count, now, (*context, (DROP_EXAMPLES, refused.examples)))


def _gauge(
    name: str, unit: str, points: Mapping[Attributes, float], now: Measured, context: Attributes
) -> Iterator[dict[str, Any]]:
    if points:
        yield gauge_metric(name, unit, points, time_unix_nano=now.time_unix_nano, context=context)


def _operation(operation: str, error_type: str = "") -> Attributes:
    attributes: Attributes = ((OPERATION, operation),)
    return (*attributes, (ERROR_TYPE, error_type)) if error_type else attributes


def _minus(now: Sequence[float], before: Sequence[float] | None) -> tuple[float, ...]:
    if before is None:
        return tuple(now)
    return tuple(a - b for a, b in zip(now, before, strict=True))


def _finite(cells: tuple[float, ...]) -> tuple[float, ...]:
    """
    *cells* of a histogram, with the least sum that its buckets allow where a duration made the real one infinite.

    A clock of the program's may say anything, and nothing is ever taken out of a sum again: without this the
    operation would have no readable interval any more.
    """
    count, total, *buckets = cells
    if math.isfinite(total):
        return cells
    least = sum(held * low for held, low in zip(buckets, (0.0, *DURATION_BOUNDS), strict=True))
    return (count, least, *buckets)


def _used(cache: str, now: CacheTotals, before: Measured) -> CacheTotals:
    """
    What *cache* was used for since *before*; evictions are all that it ever had.
    """
    had = before.caches.get(cache, CacheTotals())
    twice, four_times, eight_times = (a - b for a, b in zip(now.saved, had.saved, strict=True))
    saved = (twice, four_times, eight_times)
    return now._replace(hits=now.hits - had.hits, misses=now.misses - had.misses, saved=saved)


def _lookups(use: CacheTotals) -> int:
    return use.hits + use.misses


def _news(before: Measured, now: Measured) -> Measured:
    """
    What *now* says that *before* did not; budgets are those of the operations that were called.

    What the bounds refused is said again while something is counted under what stands for it: who stops saying so
    was mended.
    """
    operations = {key: cells for key, cells in now.operations.items() if cells != before.operations.get(key)}
    called = {operation for operation, _ in operations}
    caches = {cache: totals for cache, totals in now.caches.items() if _lookups(_used(cache, totals, before))}
    counted = {
        *((OPERATION, operation) for operation in called),
        *((ERROR_TYPE, error) for _, error in operations),
        *((CACHE, cache) for cache in caches),
    }
    return Measured(
        now.time_unix_nano,
        operations,
        caches,
        {key: sums for key, sums in now.sized.items() if sums != before.sized.get(key)},
        {operation: seconds for operation, seconds in now.budgets.items() if operation in called},
        {
            under: refused
            for under, refused in now.refused.items()
            if under in counted or refused != before.refused.get(under)
        },
    )


def _portions(news: Measured, points: int) -> Iterator[Measured]:
    """
    *news* in portions of so many points each, one entry at least.
    """
    held: dict[str, dict[Any, Any]] = {}
    room = points
    for part, weight in _PARTS:
        for key, value in getattr(news, part).items():
            if held and room < weight:
                yield Measured(news.time_unix_nano, **held)
                held, room = {}, points
            held.setdefault(part, {})[key] = value
            room -= weight
    if held:
        yield Measured(news.time_unix_nano, **held)


def flush(
    destination: str, write: Callable[[str], None], resource: str, context: Attributes, time_unix_nano: int
) -> None:
    """
    Write what was measured since *destination* was last written to; nothing where nothing was called.

    Args:
        destination: Name of the journal or store.

        write: Takes a line, several times where one would reach MAX_LINE; what it raises passes, and the next flush
            goes on after the last line that was written.

        resource: The lines' head.

        context: Context of the interval.

        time_unix_nano: Now.
    """
    began = perf_counter()
    points = (MAX_LINE - len(resource.encode()) - _POINT) // (_POINT + len(attributes_json(context).encode()))
    with _state.flushed.lock:
        now = _state.measured(time_unix_nano)
        before = _state.flushed.up_to(destination)
        has = before
        for portion in _portions(_news(before, now), points):
            write(metrics_line(resource, delta_metrics(before, portion, context)))
            has = has.with_newer(portion)
            _state.flushed.advance(destination, has)
        if has is not before:
            _state.flushed.advance(destination, now)
    _state.spend(JOURNAL, perf_counter() - began)
