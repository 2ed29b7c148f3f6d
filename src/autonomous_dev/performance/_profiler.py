"""
``PerformanceProfiler``: the time that a block, a function or a coroutine takes, as a span and in a histogram.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, cast

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from autonomous_dev._state import cells, counted_operation, innermost_block
from autonomous_dev.conventions import CODE_FUNCTION, DURATION_BOUNDS, OPERATION
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._instruments import call_duration_on, tracer_on
from autonomous_dev.performance._names import checked_name, qualified_name
from autonomous_dev.performance._span import OpenSpan, close_span, error_type_of, open_span

P = ParamSpec("P")
R = TypeVar("R")

_NOT_BEGUN: Final = float("nan")


class _Block:
    """
    One run of a profiler, from entering to leaving. Filled in by it: a constructor would take 0.2 µs.

    Attributes:
        owner: The profiler; None once the block has ended.

        outer: The block that was innermost in its context before it.

        span: Its span, where anybody records one.

        started: Reading of the profiler's clock; NaN where that failed.
    """

    __slots__ = ("outer", "owner", "span", "started")

    owner: PerformanceProfiler | None
    outer: _Block | None
    span: OpenSpan | None
    started: float


class PerformanceProfiler:
    """
    Times an operation: ``with``, ``async with`` or as a decorator of functions and coroutine functions.

    Each block becomes a span named as the operation (nested as blocks nest) and one value of the histogram
    ``autonomous_dev.call.duration`` in seconds, by operation and, where it raised, ``error.type``. An exception
    passes untouched. Without an OpenTelemetry SDK the durations are still counted in this process.

    One profiler may be entered again inside itself and shared by threads and tasks: each block is its own.

    Example:
        ::

            with PerformanceProfiler("load") as profiler:
                load()
            print(profiler.duration)


            @PerformanceProfiler("parse")
            def parse(text): ...
    """

    _newest: _Block | None = None
    _last = 0.0

    def __init__(
        self,
        operation: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """
        Prepare a profiler; nothing is measured yet.

        Args:
            operation: What is timed; 1 to 255 printable characters, of few different values.

            attributes: Put on each span; never on the histogram, where each value would be a series.

            tracer_provider: Where spans go; the global provider by default, also if it is set later.

            meter_provider: Where durations go; the global provider by default, also if it is set later.

            clock: Gives the time in seconds, from any origin, never falling.

        Raises:
            InvalidNameError: If *operation* is empty, too long or holds control characters.

            InvalidTypeError: If an argument has the wrong type.
        """
        self._operation = checked_name(operation, "operation")
        if not callable(clock):
            raise InvalidTypeError(f"clock is a {type(clock).__name__}; expected a function that gives seconds")
        self._clock = clock
        self._span_attributes: dict[str, Any] = {OPERATION: operation}
        if attributes is not None:
            self._span_attributes = {**_checked_attributes(attributes), **self._span_attributes}
        self._tracer = tracer_on(tracer_provider)
        self._histogram = call_duration_on(meter_provider)

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

        Afterwards, a profiler that threads share shows the last block of any of them. Before the first block it is 0.
        """
        block = self._innermost()
        if block is None:
            return self._last
        try:
            return max(0.0, self._clock() - block.started)
        except Exception:  # noqa: BLE001 - the clock is the caller's
            report("profiler")
            return self._last

    def get_stats(self) -> dict[str, Any]:
        """
        The operation and its :attr:`duration`: ``operation``, ``duration_seconds``, ``duration_ms``.
        """
        seconds = self.duration
        return {"operation": self._operation, "duration_seconds": seconds, "duration_ms": seconds * 1000}

    def __enter__(self) -> Self:
        self._begin(self._span_attributes)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A block that was entered in another context (a fixture, an exit stack) is not in this one's chain.
        block = innermost_block.get()
        if block is None or block.owner is not self:
            block = self._innermost() or self._newest
        if block is not None and block.owner is not None:
            self._end(block, exception)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, exception, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """
        *function*, each call of which is a block of its own; a coroutine function is timed until it returns.

        Raises:
            InvalidTypeError: If *function* cannot be called, or is a class or a generator function.
        """
        if isinstance(function, staticmethod | classmethod):
            return cast("Callable[P, R]", type(function)(self(function.__func__)))
        _check_function(function)
        attributes = {**self._span_attributes, CODE_FUNCTION: qualified_name(function)}
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004 - a callable object may have an async __call__
            coroutine_function = cast("Callable[P, Awaitable[Any]]", function)
            return cast("Callable[P, R]", self._timed_coroutine_function(coroutine_function, attributes))
        return self._timed_function(function, attributes)

    def _timed_function(self, function: Callable[P, R], attributes: dict[str, Any]) -> Callable[P, R]:
        begin, end = self._begin, self._end

        @functools.wraps(function)
        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            block = begin(attributes)
            try:
                result = function(*args, **kwargs)
            except BaseException as exception:
                end(block, exception)
                raise
            end(block, None)
            return result

        return timed

    def _timed_coroutine_function(
        self, function: Callable[P, Awaitable[R]], attributes: dict[str, Any]
    ) -> Callable[P, Awaitable[R]]:
        @functools.wraps(function)
        async def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            block = self._begin(attributes)
            try:
                result = await function(*args, **kwargs)
            except BaseException as exception:
                self._end(block, exception)
                raise
            self._end(block, None)
            return result

        return timed

    def _begin(self, attributes: dict[str, Any]) -> _Block:
        tracer = self._tracer
        span = None if tracer is None else open_span(tracer, self._operation, attributes)
        outer = innermost_block.get()
        while outer is not None and outer.owner is None:
            outer = outer.outer
        block = self._newest = _Block()
        block.owner = self
        block.outer = outer
        block.span = span
        block.started = _NOT_BEGUN
        innermost_block.set(block)
        try:
            block.started = self._clock()
        except Exception:  # noqa: BLE001 - the clock is the caller's
            report("profiler")
        return block

    def _end(self, block: _Block, exception: BaseException | None) -> None:
        error_type = ""
        try:
            seconds = self._clock() - block.started
            if exception is not None:
                error_type = error_type_of(exception)
            if seconds == seconds:  # noqa: PLR0124 - a block whose clock failed has no duration: NaN
                self._last = seconds = seconds if seconds > 0 else 0.0
                counted = counted_operation(self._operation, error_type)
                cells.observe(counted.first, DURATION_BOUNDS, seconds)
                if self._histogram is not None:
                    # While the span is current, so that an exemplar can point to it.
                    self._histogram.record(seconds, counted.labels)
        except Exception:  # noqa: BLE001 - clock, meter and views are the program's
            report("profiler")
        if block.span is not None:
            close_span(block.span, exception, error_type)
        # It stays in its context until the next block begins there: taking it out takes 0.2 µs.
        block.owner = None

    def _innermost(self) -> _Block | None:
        block: _Block | None = innermost_block.get()
        while block is not None and block.owner is not self:
            block = block.outer
        return block


def _checked_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(attributes, Mapping):
        raise InvalidTypeError(
            f'attributes is a {type(attributes).__name__}; expected a mapping such as {{"suite": "integration"}}'
        )
    for key in dict[Any, Any](attributes):
        if not isinstance(key, str) or not key:
            raise InvalidTypeError(f"an attribute is named {key!r}; expected a string that is not empty")
    return dict(attributes)


def _check_function(function: object) -> None:
    if not callable(function):
        raise InvalidTypeError(f"a {type(function).__name__} cannot be profiled; expected a function")
    if inspect.isclass(function):
        raise InvalidTypeError(f"{function.__qualname__} is a class; profile its methods")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidTypeError(
            f"{qualified_name(function)} is a generator function, whose call takes no time; "
            f"profile the loop over it: with PerformanceProfiler(…): for item in …"
        )
