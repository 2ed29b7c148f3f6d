"""
``PerformanceProfiler``: the time that a block, a function, a coroutine or a generator takes, as a span and in a histogram.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from threading import get_ident
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from autonomous_dev import _state
from autonomous_dev._state import cells
from autonomous_dev.conventions import OPERATION
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._instruments import check_meter_provider, road_on
from autonomous_dev.performance._names import checked_name
from autonomous_dev.performance.profiling._arguments import (
    checked_attributes,
    checked_budget,
    checked_clock,
    checked_complexity,
    checked_flag,
    checked_size,
)
from autonomous_dev.performance.profiling._durations import durations_on
from autonomous_dev.performance.profiling._timer import UNKNOWN, Timer

P = ParamSpec("P")
R = TypeVar("R")

_logger = logging.getLogger("autonomous_dev")

_NO_CPU_TIME: Final = (
    "autonomous_dev: `async with` takes no CPU time, since other tasks run meanwhile; decorate a coroutine function "
    "for it: @PerformanceProfiler(…, cpu=True)"
)


class PerformanceProfiler:
    """
    Times an operation: ``with``, ``async with``, or as a decorator of functions, coroutine functions, generator
    functions and asynchronous generator functions.

    Each block becomes a span named as the operation (nested as blocks nest) and one value of the histogram
    ``autonomous_dev.call.duration`` in seconds, by operation and, where it raised, ``error.type``. An exception
    passes untouched. Without an OpenTelemetry SDK the durations are still counted in this process.

    One profiler may be entered again inside itself and shared by threads and tasks: each block is its own.

    A generator is one block, from its first item asked for to its end. Its span is current while its own code runs,
    and not in the loop over it.

    Example:
        ::

            with PerformanceProfiler("load", budget=0.5) as profiler:
                load()
            print(profiler.duration)


            @PerformanceProfiler("sort", size=lambda rows: len(rows), complexity="linearithmic")
            def sort(rows): ...
    """

    __slots__ = ("__weakref__", "_attributes", "_operation", "_providers", "_size", "_timer")

    def __init__(
        self,
        operation: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        budget: float | None = None,
        size: int | Callable[..., int] | None = None,
        complexity: str | None = None,
        cpu: bool = False,
        memory: bool = False,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """
        Prepare a profiler; nothing is measured yet.

        Args:
            operation: What is timed; 1 to 255 printable characters, of few different values.

            attributes: Put on each span; never on the histogram, where each value would be a series. Texts are cut
                to 4096 characters.

            budget: Seconds that a block may take, above 0: the gauge ``autonomous_dev.call.budget``, from which
                insights and rules know it. The span of one that took longer says so.

            size: Items that a block works on, at least 1; for a decorator also a function of the call's arguments
                that gives them. Sizes and durations tell how the cost grows.

            complexity: How it is declared to grow, such as ``linearithmic``: a name that
                ``OptimizationStrategy.estimate_complexity`` knows. Needs *size*.

            cpu: Also take the CPU time of the thread, in seconds. Of decorated coroutine functions and generators only
                their own steps count; of ``async with`` none is taken, since other tasks run meanwhile. In a ``with``
                that awaits other tasks count, too.

            memory: Also take the most memory, in bytes, that the whole process held above what it held when the block
                began, by ``tracemalloc``, which slows Python down while the block runs. Where the program uses
                ``tracemalloc`` itself it is known only of a block that raised the process's peak.

            tracer_provider: Where spans go; the global provider by default, also if it is set later.

            meter_provider: Where durations go; the global provider by default, also if it is set later.

            clock: Gives the time in seconds, from any origin, never falling.

        Raises:
            InvalidNameError: If *operation* is empty, too long or holds control characters.

            InvalidTypeError: If an argument has the wrong type.

            InvalidValueError: If *budget*, *size* or *complexity* is out of its domain.
        """
        self._operation = checked_name(operation, "operation")
        checked_clock(clock)
        own = {} if attributes is None else checked_attributes(attributes)
        self._attributes = {**own, OPERATION: operation}
        budget, size = checked_budget(budget), checked_size(size)
        complexity = checked_complexity(complexity, size)
        cpu, memory = checked_flag(cpu, "cpu"), checked_flag(memory, "memory")
        check_meter_provider(meter_provider)
        road = road_on(tracer_provider)
        resources = None
        if budget is not None or size is not None or cpu or memory:
            # For those who ask for more than time.
            from autonomous_dev.performance.profiling._resources import resources_of  # noqa: PLC0415

            resources = resources_of(operation, budget, size, complexity, meter_provider, cpu=cpu, memory=memory)
        self._timer = Timer(operation, clock, road, durations_on(meter_provider), resources)
        # What a block in a `with` works on; there is no call whose arguments a function could look at.
        self._size = size if isinstance(size, int) else None
        self._providers = tracer_provider is not None or meter_provider is not None

    @property
    def operation(self) -> str:
        """
        What is timed.
        """
        return self._operation

    @property
    def duration(self) -> float:
        """
        Seconds: inside a block how long it has run, afterwards how long the block took that ended last.

        Afterwards, a profiler that threads or tasks share shows the last block of any of them. Before the first block
        it is 0.
        """
        return self._timer.seconds()

    def get_stats(self) -> dict[str, Any]:
        """
        The operation and its :attr:`duration`: ``operation``, ``duration_seconds``, ``duration_ms``.

        With ``cpu`` and ``memory`` also ``cpu_seconds`` and ``memory_peak_bytes`` of the block that ended last; None
        before the first, and where it could not be told.
        """
        timer = self._timer
        seconds = timer.seconds()
        stats: dict[str, Any] = {
            "operation": self._operation,
            "duration_seconds": seconds,
            "duration_ms": seconds * 1000,
        }
        if timer.resources is not None:
            if timer.resources.cpu:
                stats["cpu_seconds"] = timer.taken.cpu
            if timer.resources.peaks is not None:
                stats["memory_peak_bytes"] = timer.taken.memory
        return stats

    def __copy__(self) -> Self:
        """
        Itself: it is what blocks that run have begun with, also in a copy of what holds it.
        """
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """
        What another process needs for one that is made alike; functions given go as pickle takes them, by name.

        Raises:
            InvalidTypeError: If it has a provider of its own.
        """
        if self._providers:
            raise InvalidTypeError(
                f"the profiler of {self._operation!r} has a provider of its own, which cannot be pickled; "
                "expected one on the global providers, or make it where it is used"
            )
        arguments: dict[str, Any] = {
            "attributes": {key: value for key, value in self._attributes.items() if key != OPERATION},
            "clock": self._timer.clock,
        }
        resources = self._timer.resources
        if resources is not None:
            arguments |= {
                "budget": resources.budget,
                "size": resources.size,
                "complexity": resources.complexity or None,
                "cpu": resources.cpu,
                "memory": resources.peaks is not None,
            }
        return _made_alike, (type(self), self._operation, arguments), getattr(self, "__dict__", None)

    def __enter__(self) -> Self:
        timer = self._timer
        block = timer.alone
        # As Timer.enter does it, without the call.
        if block.owner is None and not timer.noted and timer.resources is None:
            block.owner = timer
            try:
                block.thread = get_ident()
                road = timer.road
                if road is not None and (road.name or trace._TRACER_PROVIDER is not None):  # noqa: SLF001 - as there
                    block.opened = road.open(timer.operation, self._attributes)
                try:
                    clock = timer.clock
                    block.started = clock()
                except Exception:  # noqa: BLE001 - the clock is the caller's
                    block.started = UNKNOWN
                    report("profiler")
            except BaseException:
                if block.opened is None:
                    block.owner = None
                else:
                    timer.abandon(block)
                raise
        elif timer.resources is None:
            timer.enter(self._attributes, by_context=True)
        else:
            timer.enter(self._attributes, timer.resources.begin(self._size, running=True), by_context=True)
        return self

    def __exit__(  # noqa: C901 - a call for each step would cost as much as the step
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        timer = self._timer
        block = None
        try:
            try:
                clock = timer.clock
                now = clock()
            except Exception:  # noqa: BLE001 - the clock is the caller's
                now = UNKNOWN
                report("profiler")
            block = timer.ending() if timer.noted else timer.alone
            if block.owner is None:
                return
            # As Timer.leave does it, without the call.
            try:
                seconds = now - block.started
                if timer.low < seconds <= timer.high and exception is None:
                    values, first = cells.values, timer.first
                    values[first] += 1.0
                    values[first + 1] += seconds
                    values[timer.bucket] += 1.0
                    timer.last = seconds
                    durations = timer.durations
                    if durations is not None and durations.proxy._real_instrument is not None:  # noqa: SLF001 - as there
                        durations.record(seconds, timer.labels)
                    if block.opened is not None:
                        timer.close(block, None, "")
                    block.owner = None
                    if block.noted:
                        timer.forget(block)
                    return
            except Exception:  # noqa: BLE001 - clock, meter and views are the program's
                seconds = UNKNOWN
                report("profiler")
            timer.finish(block, seconds, exception)
        except BaseException:
            if block is None:
                block = timer.ending()
            if block.owner is not None:
                timer.abandon(block)
            raise

    async def __aenter__(self) -> Self:
        resources = self._timer.resources
        if resources is None:
            self._timer.enter(self._attributes, by_context=True)
        else:
            if resources.cpu:
                _state.log_once(_logger, _NO_CPU_TIME)
            self._timer.enter(self._attributes, resources.begin(self._size, running=False), by_context=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, exception, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """
        *function*, each call of which is a block of its own; what kind of function it is stays to be seen.

        A coroutine function is timed until it returns, a generator from the first item that is asked for until it
        ends or is closed. Spans get ``code.function.name``, ``code.file.path`` and ``code.line.number``.

        Raises:
            InvalidTypeError: If *function* cannot be called, or is a class.
        """
        # Four files, for those who decorate.
        from autonomous_dev.performance.profiling._decorated import decorated  # noqa: PLC0415

        return decorated(self._timer, function, self._attributes)


def _made_alike(kind: type[PerformanceProfiler], operation: str, arguments: dict[str, Any]) -> PerformanceProfiler:
    # A subclass may take other arguments; what it put on top comes with its state.
    made = kind.__new__(kind)
    PerformanceProfiler.__init__(made, operation, **arguments)
    return made
