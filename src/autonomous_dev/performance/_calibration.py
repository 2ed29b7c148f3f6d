"""
What profilers and caches cost: how often they were used, times what one use takes on this machine.

Nothing is measured while the program runs. When the overhead is read for the first time, and when the road of spans
became another one, a profiler and a cache that are counted nowhere are timed for some ms, in CPU time of the thread.
What that leaves out: span processors and exporters, which are the program's, and arguments that take longer to hash
than a number. Against loops of real blocks and lookups the product was within a third.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider, TracerProvider

from autonomous_dev import _state
from autonomous_dev.performance._instruments import global_road
from autonomous_dev.performance._overhead import CACHE, PROFILER
from autonomous_dev.performance.caching._cached import cached
from autonomous_dev.performance.profiling._profiler import PerformanceProfiler

_ROUNDS: Final = 5
_USES: Final = 200
"""Uses in a round; the quickest of the rounds counts, since everything that disturbs makes it slower."""

_ENTRIES: Final = 50
"""Of the cache that is timed: fewer than _USES, so that each miss drops an entry, as in a cache in use."""

_SDK: Final = "opentelemetry.sdk."
_SDK_SAMPLERS: Final = "opentelemetry.sdk.trace.sampling"


class _Estimate:
    """
    Seconds that uses took so far.

    Args:
        uses: How often each way of use happened.

        time_one: The seconds that one of each takes.

        version: What the seconds depend on: they are found anew when it changes.
    """

    def __init__(
        self,
        uses: Callable[[], tuple[float, ...]],
        time_one: Callable[[], tuple[float, ...]],
        version: Callable[[], object],
    ) -> None:
        self._uses = uses
        self._time_one = time_one
        self._version = version
        self._of: object = None
        self._each: tuple[float, ...] = ()
        self._seen: tuple[float, ...] = ()
        self._seconds = 0.0
        self._lock = threading.Lock()
        _state.on_fork(self._after_fork_in_child)

    def seconds(self) -> float:
        """
        The sum; never less than before. Nothing is timed where nothing was used.
        """
        if self._lock.acquire(blocking=False):  # else somebody is timing: what was known before is good enough
            try:
                self._add(self._uses())
            finally:
                self._lock.release()
        return self._seconds

    def _add(self, uses: tuple[float, ...]) -> None:
        if not any(uses):
            return
        version = self._version()
        if version != self._of or not self._each:
            # In a context of its own: the blocks are in nobody's chain.
            self._of, self._each = version, copy_context().run(self._time_one)
        seen = self._seen or (0.0,) * len(uses)
        more = (max(now - was, 0.0) * each for now, was, each in zip(uses, seen, self._each, strict=True))
        self._seconds += sum(more)
        self._seen = uses

    def _after_fork_in_child(self) -> None:
        self._lock = threading.Lock()


def _blocks() -> tuple[float, ...]:
    return (_state.calls(),)


def _lookups() -> tuple[float, ...]:
    totals = _state.caches().values()
    return (float(sum(each.hits for each in totals)), float(sum(each.misses for each in totals)))


def _road() -> object:
    road = global_road()
    return None if road is None else (road.name, road.reason)


def _time_block() -> tuple[float, ...]:
    profiler = PerformanceProfiler(
        _state.CALIBRATION, tracer_provider=_same_without_processors(), meter_provider=NoOpMeterProvider()
    )

    def block() -> None:
        with profiler:
            pass

    return (max(_quickest(block) - _quickest(_nothing), 0.0),)


def _time_lookup() -> tuple[float, ...]:
    numbers = itertools.count()
    computed = cached(_ENTRIES, name=_state.CALIBRATION, tracer_provider=_same_without_processors())(_same)
    computed(-1)
    hit = _quickest(lambda: computed(-1))
    miss = _quickest(lambda: computed(next(numbers)))
    bare = _quickest(lambda: _same(-1))
    return max(hit - bare, 0.0), max(miss - bare, 0.0)


def _same_without_processors() -> TracerProvider:
    """
    A provider whose spans are made as those of the global one, and go nowhere.

    A sampler of the program's own may count what it is asked, or keep a quota: the SDK's default one stands for it.
    """
    used: Any = trace.get_tracer_provider()
    if not type(used).__module__.startswith(_SDK):
        return NoOpTracerProvider()
    # With a resource, so that none is looked for.
    arguments = {"resource": used.resource, "shutdown_on_exit": False}
    if _keeps_nothing(used.sampler):
        arguments["sampler"] = used.sampler
    made: TracerProvider = type(used)(**arguments)
    return made


def _keeps_nothing(sampler: Any) -> bool:
    """
    Whether *sampler* is one of the SDK's, all the way down.
    """
    if type(sampler).__module__ != _SDK_SAMPLERS:
        return False
    return all(_keeps_nothing(part) for part in vars(sampler).values() if hasattr(part, "should_sample"))


def _quickest(use: Callable[[], object]) -> float:
    """
    Seconds that one *use* takes.
    """
    times = []
    for _ in range(_ROUNDS):
        began = time.thread_time()
        for _ in range(_USES):
            use()
        times.append(time.thread_time() - began)
    return min(times) / _USES


def _nothing() -> None:
    pass


def _same(value: int) -> int:
    return value


def estimate_overhead() -> None:
    """
    Let the overhead of profilers and caches be estimated from now on.
    """
    _state.overhead_estimates[PROFILER] = _Estimate(_blocks, _time_block, _road).seconds
    _state.overhead_estimates[CACHE] = _Estimate(_lookups, _time_lookup, _road).seconds
