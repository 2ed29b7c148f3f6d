"""
From OTLP JSON documents to samples, events and totals: whoever wrote the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from autonomous_dev.conventions import (
    CACHE,
    CACHE_HIT_RATIO,
    CACHE_LOOKUPS,
    CACHE_RESULT,
    CALL_DURATION,
    DURATION_BOUNDS,
    ERROR_TYPE,
    HIT,
    OPERATION,
    RUN_ID,
    SCOPE,
)
from autonomous_dev.recording._otlp import parse_attributes, parse_number
from autonomous_dev.recording._statistics import histogram_samples, rate, rate_unit
from autonomous_dev.series import NO_ATTRIBUTES, Attributes, SeriesKey

Sink = Callable[[SeriesKey, int, float, Attributes], None]
"""Takes key, Unix nanoseconds, value and context of one sample."""

_NO_RECORDED_VALUE: Final = 1
_CUMULATIVE: Final = 2
_MAX_PENDING_SERIES: Final = 100_000

_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)
"""What reading a document of an unexpected shape raises."""


@dataclass(frozen=True, slots=True)
class Event:
    """
    A log record of the journal that is about the metrics: a split, an outcome.
    """

    name: str
    time_unix_nano: int
    attributes: dict[str, Any]


@dataclass(slots=True)
class Totals:
    """
    Sums of all recorded deltas of our own instruments.

    Attributes:
        operations: For each (operation, error type): count, sum, buckets.

        lookups: For each cache: hits, misses.
    """

    operations: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    lookups: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Stream:
    """
    The points of one metric in one line, and who wrote them.
    """

    name: str
    unit: str
    data: Mapping[str, Any]
    run: Attributes
    own: bool

    @property
    def cumulative(self) -> bool:
        return int(self.data.get("aggregationTemporality", 0)) == _CUMULATIVE


@dataclass(slots=True)
class Decoder:
    """
    Reads documents one after the other; what a counter's rate needs of earlier ones is kept, bounded.

    Attributes:
        sink: Takes each sample.

        events: What is no metric, in the order of the file.

        totals: Sums of our own instruments.

        damaged_points: Points of an unexpected shape.
    """

    sink: Sink
    events: list[Event] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    damaged_points: int = 0
    _before: dict[tuple[SeriesKey, str], tuple[int, float]] = field(default_factory=dict)
    _last_gauge: dict[SeriesKey, float] = field(default_factory=dict)

    def decode(self, document: Any) -> bool:
        """
        Take in one document; false when it is no OTLP at all.
        """
        if not isinstance(document, dict):
            return False
        metrics = document.get("resourceMetrics")
        logs = document.get("resourceLogs")
        if not isinstance(metrics, list) and not isinstance(logs, list):
            return False
        try:
            for resource in metrics or ():
                self._resource_metrics(resource)
            for resource in logs or ():
                self._resource_logs(resource)
        except _MALFORMED:
            self.damaged_points += 1
        return True

    def _resource_metrics(self, resource: Mapping[str, Any]) -> None:
        run = self._run(resource)
        for scope in resource.get("scopeMetrics", ()):
            # Without a run it is what some exporter wrote of our instruments, at each of its collections.
            own = bool(run) and (scope.get("scope") or {}).get("name") == SCOPE
            for metric in scope.get("metrics", ()):
                self._metric(metric, run, own=own)

    def _metric(self, metric: Mapping[str, Any], run: Attributes, *, own: bool) -> None:
        kind = next((kind for kind in ("gauge", "sum", "histogram") if kind in metric), None)
        if kind is None:
            return
        stream = _Stream(str(metric["name"]), str(metric.get("unit", "")), metric[kind], run, own)
        if own and stream.name == CACHE_LOOKUPS and kind == "sum":
            self._lookups(stream)
        else:
            self._points(stream, {"gauge": self._gauge, "sum": self._sum, "histogram": self._histogram}[kind])

    @staticmethod
    def _run(resource: Mapping[str, Any]) -> Attributes:
        for key, value in parse_attributes((resource.get("resource") or {}).get("attributes", ())):
            if key == RUN_ID:
                return ((RUN_ID, value),)
        return NO_ATTRIBUTES

    def _points(self, stream: _Stream, take: Callable[[_Stream, Mapping[str, Any]], None]) -> None:
        # One damaged point costs itself only.
        for point in stream.data.get("dataPoints", ()):
            try:
                if not int(point.get("flags", 0)) & _NO_RECORDED_VALUE:
                    take(stream, point)
            except _MALFORMED:
                self.damaged_points += 1

    @staticmethod
    def _context(point: Mapping[str, Any], run: Attributes) -> Attributes:
        exemplars = point.get("exemplars")
        if not exemplars:
            return run
        context = parse_attributes(exemplars[0].get("filteredAttributes", ()))
        return tuple(sorted((*context, *run))) if run else context

    def _gauge(self, stream: _Stream, point: Mapping[str, Any]) -> None:
        value = parse_number(point)
        if value is None or not math.isfinite(value):
            return
        key = SeriesKey(stream.name, stream.unit, parse_attributes(point.get("attributes", ())))
        if not stream.own:
            # Others write a gauge at each collection, set or not: a run of equal values is one sample.
            if self._last_gauge.get(key) == value:
                return
            if key in self._last_gauge or len(self._last_gauge) < _MAX_PENDING_SERIES:
                self._last_gauge[key] = value
        self.sink(key, int(point["timeUnixNano"]), value, self._context(point, stream.run))

    def _sum(self, stream: _Stream, point: Mapping[str, Any]) -> None:
        if not stream.data.get("isMonotonic", False):
            self._gauge(stream, point)
            return
        value = parse_number(point)
        if value is None or not math.isfinite(value):
            return
        key = SeriesKey(stream.name, rate_unit(stream.unit), parse_attributes(point.get("attributes", ())))
        start, end = int(point.get("startTimeUnixNano", 0)), int(point["timeUnixNano"])
        amount = value
        if stream.cumulative:
            before = self._since_last((key, str(start)), end, value)
            if before is None:
                return
            start, amount = before[0], value - before[1]
            if amount < 0:  # a writer that does not say when its sum began was restarted
                return
        per_second = rate(amount, start, end) if start else None
        if per_second is not None:
            self.sink(key, end, per_second, self._context(point, stream.run))

    def _since_last(self, name: tuple[SeriesKey, str], time: int, value: float) -> tuple[int, float] | None:
        # The start time is part of the name: a restarted process begins a new sum.
        # The one that was silent longest makes room: restarts leave streams behind that never speak again.
        before = self._before.pop(name, None)
        self._before[name] = (time, value)
        if len(self._before) > _MAX_PENDING_SERIES:
            del self._before[next(iter(self._before))]
        return before

    def _histogram(self, stream: _Stream, point: Mapping[str, Any]) -> None:
        identity = parse_attributes(point.get("attributes", ()))
        cells = [
            float(int(point.get("count", 0))),
            float(point.get("sum", 0.0)),
            *(float(int(held)) for held in point.get("bucketCounts", ())),
        ]
        end = int(point["timeUnixNano"])
        if stream.own and stream.name == CALL_DURATION:
            self._add_operation(dict(identity), cells)
        if stream.cumulative:
            key = SeriesKey(stream.name, stream.unit, identity)
            start = point.get("startTimeUnixNano", 0)
            before = [self._since_last((key, f"{start}/{i}"), end, held) for i, held in enumerate(cells)]
            if None in before:
                return
            cells = [held - (was[1] if was else 0.0) for held, was in zip(cells, before, strict=True)]
            if min(cells[:1] + cells[2:]) < 0:  # as for sums
                return
        bounds = [float(bound) for bound in point.get("explicitBounds", ())]
        context = self._context(point, stream.run)
        for name, unit, value in histogram_samples(stream.name, stream.unit, cells, bounds):
            if math.isfinite(value):
                self.sink(SeriesKey(name, unit, identity), end, value, context)

    def _add_operation(self, identity: dict[str, Any], cells: list[float]) -> None:
        key = (str(identity.get(OPERATION, "")), str(identity.get(ERROR_TYPE, "")))
        if len(cells) == len(DURATION_BOUNDS) + 3 and math.isfinite(cells[1]):
            held = self.totals.operations.setdefault(key, [0.0] * len(cells))
            held[:] = [a + b for a, b in zip(held, cells, strict=True)]

    def _lookups(self, stream: _Stream) -> None:
        """
        Hits and misses of one interval come as two points of one metric.
        """
        intervals: dict[tuple[str, int], list[int]] = {}
        contexts: dict[tuple[str, int], Attributes] = {}

        def take(stream: _Stream, point: Mapping[str, Any]) -> None:
            attributes = dict(parse_attributes(point.get("attributes", ())))
            interval = (str(attributes[CACHE]), int(point["timeUnixNano"]))
            hits_misses = intervals.setdefault(interval, [0, 0])
            hits_misses[0 if attributes[CACHE_RESULT] == HIT else 1] += int(parse_number(point) or 0)
            contexts[interval] = self._context(point, stream.run)

        self._points(stream, take)
        for (cache, time), (hits, misses) in intervals.items():
            held = self.totals.lookups.setdefault(cache, [0, 0])
            held[0] += hits
            held[1] += misses
            if hits + misses:
                context = contexts[cache, time]
                identity: Attributes = ((CACHE, cache),)
                self.sink(SeriesKey(CACHE_LOOKUPS, "{lookup}", identity), time, float(hits + misses), context)
                self.sink(SeriesKey(CACHE_HIT_RATIO, "1", identity), time, hits / (hits + misses), context)

    def _resource_logs(self, resource: Mapping[str, Any]) -> None:
        for record in self._records(resource):
            attributes = dict(parse_attributes(record.get("attributes", ())))
            self.events.append(Event(str(record.get("eventName", "")), int(record.get("timeUnixNano", 0)), attributes))

    @staticmethod
    def _records(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        for scope in resource.get("scopeLogs", ()):
            if (scope.get("scope") or {}).get("name") == SCOPE:
                yield from scope.get("logRecords", ())
