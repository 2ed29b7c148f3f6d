"""
``Recorder``: takes samples in, publishes the newest of each series, and hands series out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider

from autonomous_dev import _state
from autonomous_dev.conventions import EVENT_SPLIT, METADATA_KEY, METADATA_ROLE, METRIC_NAME, SCOPE, VERSION
from autonomous_dev.errors import InvalidValueError
from autonomous_dev.recording import _own_instruments
from autonomous_dev.recording._arguments import (
    MAX_METADATA_BYTES,
    check_metric_name,
    check_unit,
    check_value,
    metadata_attributes,
    unix_nano,
)
from autonomous_dev.recording._decoder import Event, Totals
from autonomous_dev.recording._gauge_line import GaugeTemplate
from autonomous_dev.recording._gauges import RecordedGauges
from autonomous_dev.recording._log import JournalLog, Log, MemoryLog
from autonomous_dev.recording._otlp import event_line
from autonomous_dev.recording._overhead import JOURNAL, observe_overhead
from autonomous_dev.recording._prepared import Prepared
from autonomous_dev.recording._run import Run, process_run
from autonomous_dev.recording._split import Role, Split, rule
from autonomous_dev.series import NO_ATTRIBUTES, Attributes, Series, SeriesKey

TIMED_EVERY: Final = 16
"""Of so many samples one is timed, and speaks for those before it: timing takes a tenth of a sample."""

MAX_PREPARED: Final = 4096
"""Combinations of name and metadata whose text is kept; more, and all are made anew."""


class Recorder:
    """
    Takes samples in and hands series out.

    Args:
        path: The journal; None keeps everything in memory.

        read_only: Whether the file is only read; it must be there then.

        split: Which metadata is identity.

        durable: Whether a sample is on the disk before ``record`` returns.

        meter_provider: Where the newest values are published; None for the global one.

        clock: Unix nanoseconds.

    Raises:
        StorageError: If the file cannot be opened.

        NotAJournalError: If it holds something else.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        read_only: bool = False,
        split: Split | None = None,
        durable: bool = False,
        meter_provider: MeterProvider | None = None,
        clock: Callable[[], int],
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._clock = clock
        self._split = split or Split()
        self._gauges = _gauges_on(meter_provider) if not read_only else None
        self._prepared: dict[Any, Prepared] = {}
        # Held while a split is decided: what other processes decided is read before.
        self._lock = threading.RLock()
        self._counted = False
        self._untimed, self._speaks_for = 0, 1
        self._run = process_run()
        self._log: Log = MemoryLog() if path is None else JournalLog(path, read_only=read_only, durable=durable)
        _state.on_fork(self._after_fork_in_child)

    def record(
        self,
        name: str,
        value: float,
        metadata: Mapping[str, Any] | None,
        unit: str | None,
        timestamp: object,
        run: Run | None = None,
    ) -> None:
        """
        Take in one sample; returning means that it is stored.

        Args:
            name: Of the metric.

            value: Finite.

            metadata: What is known of the sample.

            unit: UCUM unit.

            timestamp: Unix seconds or a datetime; None for now.

            run: The iteration; None for this process.

        Raises:
            InvalidTypeError, InvalidNameError, InvalidValueError: If an argument cannot be recorded.

            StorageError: If the sample could not be stored.
        """
        if type(value) is not float or not -1e308 < value < 1e308:
            value = check_value(name, value)
        now = self._clock() if timestamp is None else unix_nano(timestamp)
        # Last, since it may write a split: a refused call writes nothing.
        prepared = self._lookup(name, metadata, unit)
        if self._untimed:
            self._untimed -= 1
            self._log.append(prepared, now, value, run or self._run, _span_json())
        else:
            self._append_timed(prepared, now, value, run or self._run)
        cell = prepared.cell
        if cell is not None:
            seconds = now / 1e9
            if not seconds < cell.seconds:  # an older sample that came late is not the newest value
                cell.value = value
                cell.seconds = seconds

    def _append_timed(self, prepared: Prepared, time_unix_nano: int, value: float, run: Run) -> None:
        began = perf_counter()
        self._log.append(prepared, time_unix_nano, value, run, _span_json())
        _state.spend(JOURNAL, (perf_counter() - began) * self._speaks_for)
        self._untimed, self._speaks_for = TIMED_EVERY - 1, TIMED_EVERY

    def check(self, name: str, value: object, metadata: Mapping[str, Any] | None) -> None:
        """
        Raise what ``record`` would raise for these arguments, and record nothing.
        """
        check_value(name, value)
        _check(name, metadata, None)

    @staticmethod
    def context_of(metadata: Mapping[str, Any] | None) -> Attributes:
        """
        *metadata* without what would tell a recorded series apart: the context of a whole run.
        """
        return tuple(pair for pair in metadata_attributes(metadata) if rule(*pair) is Role.CONTEXT)

    def series(self, name: str | None = None) -> Sequence[Series]:
        """
        The recorded series as of now.
        """
        return self._log.store().series(name)

    def sample_count(self) -> int:
        """
        Samples seen so far; grows with each one.
        """
        return self._log.store().appended

    def events(self, name: str) -> list[Event]:
        """
        The events called *name*, oldest first.
        """
        return [event for event in self._log.events() if event.name == name]

    def add_event(self, name: str, attributes: Iterable[tuple[str, Any]]) -> None:
        """
        Store something that is no sample.

        Raises:
            StorageError: If it could not be stored.
        """
        self._log.write(event_line(self._run.attributes, name, self._clock(), [attributes]))

    def totals(self) -> Totals:
        """
        Sums of what our own instruments measured.
        """
        return self._log.totals()

    @property
    def damaged_lines(self) -> int:
        """
        Lines of the journal that could not be read, as of the last look.
        """
        return self._log.damaged_lines

    @property
    def dropped_series(self) -> int:
        """
        Series beyond the bound of what is held, as of the last look.
        """
        return self._log.dropped_series

    def flush_instruments(self, context: Attributes = NO_ATTRIBUTES, run: Run | None = None) -> None:
        """
        Store what profilers and caches measured since the last flush; nothing where nothing was called.

        Raises:
            StorageError: If it could not be stored; the next flush tries again.
        """
        if not self.read_only:
            resource = (run or self._run).resource
            _own_instruments.flush(self._log.destination, self._log.write, resource, context, self._clock())

    def _lookup(self, name: str, metadata: Mapping[str, Any] | None, unit: str | None) -> Prepared:
        try:
            # Types are part of the key: 1, 1.0 and True are equal and are different attributes.
            key = (
                (name, unit)
                if metadata is None
                else (name, unit, *metadata, *metadata.values(), *map(type, metadata.values()))
            )
            prepared = self._prepared.get(key)
        except (TypeError, AttributeError):  # lists as values, or no mapping at all
            return self._prepare(name, metadata, unit)
        if prepared is None:
            if len(self._prepared) >= MAX_PREPARED:
                self._prepared.clear()
            prepared = self._prepare(name, metadata, unit)
            # The types inside a tuple are not in the key.
            if tuple not in key:
                self._prepared[key] = prepared
        return prepared

    def _prepare(self, name: str, metadata: Mapping[str, Any] | None, unit: str | None) -> Prepared:
        name, checked_unit, attributes = _check(name, metadata, unit)
        with self._lock:
            identity, context = self._divide(name, attributes) if attributes else (NO_ATTRIBUTES, NO_ATTRIBUTES)
        key = SeriesKey(name, checked_unit, identity)
        return Prepared(key, context, self._gauges.cell(key) if self._gauges is not None else None)

    def _divide(self, name: str, attributes: Attributes) -> tuple[Attributes, Attributes]:
        self._learn(name, attributes)
        identity, context, decided = self._split.divide(name, attributes)
        if decided:
            self._write_split(name, decided)
        return identity, context

    def _learn(self, name: str, attributes: Attributes) -> None:
        """
        Take over what earlier processes decided, and count their values where a key may show too many.
        """
        if not all(self._split.knows(name, key) for key, _ in attributes):
            for event in self._log.newer_events(EVENT_SPLIT):
                self._split.learn(event.attributes)
        if not self._counted and any(self._split.depends_on_values(name, key, value) for key, value in attributes):
            self._counted = True
            for series in self.series():
                self._split.count(series.key.name, series.key.identity)

    def _write_split(self, name: str, decided: Mapping[str, Role]) -> None:
        records = [((METRIC_NAME, name), (METADATA_KEY, key), (METADATA_ROLE, role)) for key, role in decided.items()]
        self._log.write(event_line(self._run.attributes, EVENT_SPLIT, self._clock(), records))

    def _after_fork_in_child(self) -> None:
        self._lock = threading.RLock()
        self._run = process_run()
        self._log.after_fork_in_child()


def _check(name: str, metadata: Mapping[str, Any] | None, unit: str | None) -> tuple[str, str, Attributes]:
    """
    Name, unit and attributes of one sample, if they are within their bounds.
    """
    checked_name, checked_unit = check_metric_name(name), check_unit(unit)
    attributes = metadata_attributes(metadata)
    size = len(GaugeTemplate(SeriesKey(checked_name, checked_unit), attributes).tail.encode())
    if size > MAX_METADATA_BYTES:
        raise InvalidValueError(
            f"metadata of {checked_name!r} takes {size} bytes: expected at most {MAX_METADATA_BYTES}; leave some out"
        )
    return checked_name, checked_unit, attributes


def _gauges_on(meter_provider: MeterProvider | None) -> RecordedGauges:
    if meter_provider is None:
        if not _state.global_gauges:
            # A proxy until a provider is set, which then connects it.
            meter = metrics.get_meter(SCOPE, VERSION)
            observe_overhead(meter)
            _state.global_gauges.append(RecordedGauges(meter))
        found: RecordedGauges = _state.global_gauges[0]
        return found
    if meter_provider not in _state.gauges:
        meter = meter_provider.get_meter(SCOPE, VERSION)
        observe_overhead(meter)
        _state.gauges[meter_provider] = RecordedGauges(meter)
    known: RecordedGauges = _state.gauges[meter_provider]
    return known


def _span_json() -> str:
    span = trace.get_current_span()
    if span is trace.INVALID_SPAN:
        return ""
    context = span.get_span_context()
    if not context.is_valid:
        return ""
    return f',"traceId":"{context.trace_id:032x}","spanId":"{context.span_id:016x}"'
