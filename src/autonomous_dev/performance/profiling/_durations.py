"""
Durations on their way to the histogram: kept for a moment, and recorded just before somebody reads.

``Histogram.record`` of the SDK takes several µs. A block only notes its duration and its context; the callback of
an observable instrument, which the SDK runs before it collects what was recorded, takes the notes to the histogram
through the public API. The context leads an exemplar to the block's own span; only its time is that of the reading,
as is the beginning of a series' first point.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, Final

from opentelemetry.context import Context, create_key, get_current
from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, NoOpHistogram, NoOpMeter, Observation

from autonomous_dev import _state
from autonomous_dev.conventions import DURATION_BOUNDS, PROFILER_ROAD, ROAD, ROAD_REASON
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._instruments import call_duration_on, global_road, meter_on, once
from autonomous_dev.performance._overhead import PROFILER

MAX_PENDING: Final = 2048
"""Durations that wait with their contexts, each of which keeps a span alive."""

MAX_WAITING: Final = 65_536
"""Durations that wait in all, some 100 bytes each: a thousand blocks a second for a minute; beyond it, a block records
its own at once."""

_KEPT_CONTEXTS: Final = 256
"""Of the older half of those with contexts, so many keep them at most: the newest of each operation and bucket."""

Recorder = Callable[[float, dict[str, str]], None]

_Duration = tuple[float, dict[str, str], Context]
"""Seconds, labels, and the context that an exemplar leads to."""

_DURATIONS: Final = "durations of calls"
_SDK: Final = "opentelemetry.sdk."

# An empty context would be replaced by that of whoever reads, whose span is another one.
_NOTHING_CURRENT: Final = Context({create_key("autonomous_dev_nothing_current"): True})


class _NoProxy:
    _real_instrument: Final = True


class Durations:
    """
    Where durations of one meter provider go.

    Attributes:
        record: Takes seconds and labels, while the block's span is current. Ask for it at each block: another one
            takes its place when the program sets its provider.

        proxy: As long as its ``_real_instrument`` is None the program has no provider, and *record* would do nothing.
    """

    __slots__ = ("__weakref__", "_busy", "_histogram", "_lock", "_older", "_pending", "proxy", "record")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self.proxy: Any = histogram if hasattr(histogram, "_real_instrument") else _NoProxy
        self._pending: deque[_Duration] = deque()
        # What came before those pending.
        self._older: deque[_Duration] = deque()
        # A finalizer may run while it is held, and drain or record: it finds us busy.
        self._lock = threading.RLock()
        self._busy = False
        self.record: Recorder = self._recorder(histogram)
        _state.on_fork(self.after_fork_in_child)

    def drain(self) -> None:
        """
        Record what waits. Durations that come meanwhile wait for the next time.
        """
        began = perf_counter()
        record = self._histogram.record
        # Who comes second waits for the first: what it takes out is then recorded, too.
        with self._lock:
            if self._busy:
                return
            self._busy = True
            try:
                for waiting in (self._older, self._pending):
                    for _ in range(len(waiting)):
                        try:
                            seconds, labels, context = waiting.popleft()
                            record(seconds, labels, context)
                        except Exception:  # noqa: BLE001 - views, filters and reservoirs are the program's
                            report("histogram of call durations")
            finally:
                self._busy = False
        _state.spend(PROFILER, perf_counter() - began)

    def after_fork_in_child(self) -> None:
        """
        Forget what waits: it is the parent's to record.
        """
        self._lock = threading.RLock()
        self._busy = False
        self._pending.clear()
        self._older.clear()

    def _make_room(self) -> bool:
        """
        Let the older half of what is pending wait without contexts, but those that an exemplar can still need.

        Of the values in one bucket an exemplar is the newest. False where too many wait, or somebody is at it.
        """
        pending, older = self._pending, self._older
        if len(older) >= MAX_WAITING - MAX_PENDING or not self._lock.acquire(blocking=False):
            return False
        if self._busy:
            self._lock.release()
            return False
        self._busy = True
        try:
            moved = [pending.popleft() for _ in range(min(len(pending), MAX_PENDING // 2))]
            newest: set[tuple[int, int]] = set()
            for place in range(len(moved) - 1, -1, -1):
                seconds, labels, _ = moved[place]
                bucket = (id(labels), bisect_left(DURATION_BOUNDS, seconds))
                if bucket in newest or len(newest) >= _KEPT_CONTEXTS:
                    moved[place] = (seconds, labels, _NOTHING_CURRENT)
                newest.add(bucket)
            older.extend(moved)
        finally:
            self._busy = False
            self._lock.release()
        return True

    def _recorder(self, histogram: Any) -> Recorder:
        if type(histogram).__module__.startswith(_SDK):
            return self._later(histogram)
        if isinstance(histogram, NoOpHistogram):
            return _record_nothing
        if getattr(histogram, "_real_instrument", histogram) is None:
            return self._when_set(histogram)
        real = getattr(histogram, "_real_instrument", None)
        return histogram.record if real is None else self._recorder(real)

    def _later(self, histogram: Histogram) -> Recorder:
        pending = self._pending
        append = pending.append

        def record_later(seconds: float, labels: dict[str, str]) -> None:
            if len(pending) < MAX_PENDING or self._make_room():
                append((seconds, labels, get_current() or _NOTHING_CURRENT))
            else:
                histogram.record(seconds, labels)

        return record_later

    def _when_set(self, histogram: Any) -> Recorder:
        # The API's own instrument, which stands for one of a provider that the program may set later.
        def record_when_set(seconds: float, labels: dict[str, str]) -> None:
            if histogram._real_instrument is None:  # noqa: SLF001 - seen to be there; `record` would only look at it, too
                return
            self.record = self._recorder(histogram)
            self.record(seconds, labels)

        return record_when_set


def durations_on(provider: MeterProvider | None) -> Durations | None:
    """
    Where durations go on *provider*, the global one by default; None where nothing will ever read them.

    Raises:
        InvalidTypeError: If *provider* is no meter provider.
    """
    if provider is None:
        known: Durations | None = _state.global_instruments.get(_DURATIONS)
        if known is not None:
            return known
    histogram = call_duration_on(provider)
    return None if histogram is None else once(_DURATIONS, provider, _make_durations)


def _make_durations(provider: MeterProvider | None) -> Durations | None:
    histogram = call_duration_on(provider)
    meter = meter_on(provider)
    if histogram is None or type(meter) is NoOpMeter:
        return None
    durations = Durations(histogram)

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        durations.drain()
        road = global_road()
        return [Observation(1, {ROAD: road.name, ROAD_REASON: road.reason})] if road is not None else []

    meter.create_observable_gauge(
        PROFILER_ROAD, [observe], unit="1", description="How spans of profilers are made on the global provider."
    )
    return durations


def _record_nothing(_: float, __: dict[str, str]) -> None:
    pass
