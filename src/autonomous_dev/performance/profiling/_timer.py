"""
What times the blocks of one profiler: begins and ends them, finds the one that ends, counts what it took.

This runs at each block, so it is written for speed: at most one call of ours for the beginning and one for the end.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace

from autonomous_dev._cells import GIL, HISTOGRAM_HEAD
from autonomous_dev._state import CountedOperation, cells, counted_operation, innermost_block, sized_operation, timers
from autonomous_dev.conventions import DURATION_BOUNDS, OPERATION
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._span import Road, error_type_of
from autonomous_dev.performance.profiling._block import Block, Taken, block_of, open_block
from autonomous_dev.performance.profiling._durations import Durations

if TYPE_CHECKING:
    from autonomous_dev.performance.profiling._resources import Reading, Resources

UNKNOWN: Final = float("nan")

LONGEST: Final = 1e9
"""Seconds, 30 years, from which on a duration is a clock's mistake: it is not counted, since no sum would recover from it."""

_BELOW_ZERO: Final = -5e-324
"""The largest number below 0: a duration of 0 is in the first bucket, and what a clock that stepped back gives in none."""

_NOTHING_TAKEN: Final = Taken()

# Without a GIL two blocks could each believe that they are alone: there every block is noted in its context.
_NONE_NOTED: Final = 0 if GIL else 1 << 62


class Timer:
    """
    What times the blocks of one profiler.

    To look the innermost block up in a context and to note another one there takes 0.3 µs. So a block that begins
    while no other of its profiler is open is noted in the profiler only: it is *alone*. One that begins beside another
    is noted in its context, until its profiler has none open again. Who ends a block looks into the context first:
    what is found there is younger than the block alone. A context that knows none ends the block alone.

    What is not ours to catch may come at any call: Ctrl-C, the exception of a signal handler, a RecursionError where
    there is no depth left to handle one. The block that it hits is let go then, so that what was current is so again.

    What is done at each block stands in :meth:`enter` and :meth:`leave`, and once more in the ``with`` of
    ``PerformanceProfiler``, where a call less is 0.06 µs each.

    Attributes:
        operation: What is timed.

        clock: Gives the time in seconds.

        road: How spans are made; None where nobody records them, ever.

        durations: Where durations go; None where nobody reads them, ever.

        resources: What is looked at besides time; None for nothing.

        alone: The block that is noted here; used again and again.

        noted: How many blocks are open that their contexts know.

        low: The bucket of the newest duration begins above this. The next one is likely to fall into it, and is then
            counted without a call. NaN where there is none.

        high: That bucket ends here.

        bucket: Its cell.

        first: The first cell of the histogram.

        labels: Attributes of the durations that are counted there.

        last: Seconds that the block took that ended last.

        taken: What it took besides.
    """

    __slots__ = (
        "__weakref__",
        "_open",
        "alone",
        "bucket",
        "clock",
        "durations",
        "first",
        "high",
        "labels",
        "last",
        "low",
        "noted",
        "operation",
        "resources",
        "road",
        "taken",
    )

    def __init__(
        self,
        operation: str,
        clock: Callable[[], float],
        road: Road | None,
        durations: Durations | None,
        resources: Resources | None,
    ) -> None:
        self.operation = operation
        self.clock = clock
        self.road = road
        self.durations = durations
        self.resources = resources
        self.alone = Block(noted=False)
        # Those open that their contexts know, but for generators' (their contexts may lead to the generator, and would
        # be kept here), oldest first: and whether only the context in which they are left tells which one it is.
        self._open: dict[Block, bool] = {}
        self.noted = _NONE_NOTED
        self.low, self.high, self.bucket, self.first = UNKNOWN, UNKNOWN, 0, 0
        self.labels: dict[str, str] = {}
        self.last = 0.0
        self.taken = _NOTHING_TAKEN
        timers.add(self)

    def enter(
        self,
        attributes: Mapping[str, Any],
        reading: Reading | None = None,
        *,
        alone: bool = True,
        by_context: bool = False,
    ) -> Block:
        """
        Begin a block in this context.

        Args:
            attributes: Of its span; they are not changed later.

            reading: What it takes besides time.

            alone: Whether it may be noted here only; else its context knows it in any case.

            by_context: Whether only the context in which it is left will tell which block it is.
        """
        block = self.alone
        # Nobody comes between this question and its answer: no call is in it.
        if alone and block.owner is None and not self.noted:
            block.owner = self
        else:
            try:
                block = self._note(by_context if alone else None)
            except BaseException:
                self._drop(reading)
                raise
        try:
            block.thread = get_ident()
            block.reading = reading
            road = self.road
            # As `open` asks first of all, without the call.
            if road is not None and (road.name or trace._TRACER_PROVIDER is not None):  # noqa: SLF001 - a road without a name has seen that it is there
                block.opened = road.open(self.operation, attributes)
            try:
                clock = self.clock
                block.started = clock()  # last of all
            except Exception:  # noqa: BLE001 - the clock is the caller's
                block.started = UNKNOWN
                report("profiler")
        except BaseException:
            if block.opened is None and reading is None:
                # Without a call: there may be no depth left for one.
                block.owner = None
                if block.noted:
                    self.noted -= 1
                    if block in self._open:
                        del self._open[block]
            else:
                block.reading = reading
                self.abandon(block)
            raise
        return block

    def leave(self, block: Block, exception: BaseException | None) -> None:
        """
        End *block*.
        """
        try:
            try:
                clock = self.clock
                now = clock()  # first of all
            except Exception:  # noqa: BLE001 - the clock is the caller's
                now = UNKNOWN
                report("profiler")
            try:
                seconds = now - block.started
                if self.low < seconds <= self.high and exception is None:
                    # Nobody comes between these three: see `_cells.GIL`.
                    values, first = cells.values, self.first
                    values[first] += 1.0
                    values[first + 1] += seconds
                    values[self.bucket] += 1.0
                    self.last = seconds
                    durations = self.durations
                    if durations is not None and durations.proxy._real_instrument is not None:  # noqa: SLF001 - seen to be there
                        durations.record(seconds, self.labels)
                    if block.opened is not None:
                        self.close(block, None, "")
                    block.owner = None
                    if block.noted:
                        self.forget(block)
                    return
            except Exception:  # noqa: BLE001 - clock, meter and views are the program's
                seconds = UNKNOWN
                report("profiler")
            self.finish(block, seconds, exception)
        except BaseException:
            if block.owner is not None:
                self.abandon(block)
            raise

    def running(self) -> Block | None:
        """
        The block of this profiler that this context is in.
        """
        innermost = innermost_block.get()
        block = block_of(self, innermost)
        if block is not None:
            return block
        alone = self.alone
        if alone.owner is None or alone.thread != get_ident():
            return None
        return None if innermost is not None and innermost.beside == alone.started else alone

    def seconds(self) -> float:
        """
        In a block how long it has run, else how long the one took that ended last.
        """
        block = self.running()
        if block is None:
            return self.last
        try:
            return max(0.0, self.clock() - block.started)
        except Exception:  # noqa: BLE001 - the clock is the caller's
            report("profiler")
            return self.last

    def ending(self) -> Block:
        """
        The block that this context is in; where none is known to be, the likeliest of those begun elsewhere.
        """
        block = block_of(self, innermost_block.get())
        if block is not None:
            return block
        alone = self.alone
        if alone.owner is not None and alone.thread == get_ident():
            return alone
        for other, by_context in reversed(self._open.copy().items()):
            if by_context and other.owner is not None:
                return other
        return alone

    def finish(self, block: Block, seconds: float, exception: BaseException | None) -> None:
        """
        End *block* with all that the shortcut leaves out; *seconds* is NaN where they are not known.
        """
        error_type = ""
        try:
            error_type = error_type_of(exception)
            taken = self._take(block)
            if seconds < LONGEST:  # no NaN either
                seconds = float(seconds) if seconds > 0 else 0.0
                self.last, self.taken = seconds, taken
                self._count(seconds, error_type)
                if self.resources is not None:
                    if exception is None and taken.size is not None:
                        sized_operation(self.operation, self.resources.complexity).observe(taken.size, seconds)
                    operation = counted_operation(self.operation, error_type).labels[OPERATION]
                    span = None if block.opened is None else block.opened.span
                    self.resources.tell(taken, operation, seconds, span)
        except Exception:  # noqa: BLE001 - clock, meter, views and exceptions are the program's
            report("profiler")
        finally:
            try:
                self.close(block, exception, error_type)
            finally:
                block.owner = None
                if block.noted:
                    self.forget(block)

    def abandon(self, block: Block) -> None:
        """
        Let *block* go, whose beginning or end was cut short by an exception that is not ours to catch.

        It is counted nowhere; its span ends, and what was current before is so again.
        """
        if block.owner is None:
            return
        try:
            reading, block.reading = block.reading, None
            self._drop(reading)
            self.close(block, None, "")
        finally:
            block.owner = None
            if block.noted:
                self.forget(block)

    def forget(self, block: Block) -> None:
        """
        *block*, which its context knows, has ended. Contexts may know it for long, but not those around it that ended.
        """
        self.noted -= 1
        self._open.pop(block, None)
        block.outer = open_block(block.outer)

    def after_fork_in_child(self) -> None:
        """
        Of the parent's threads the child has one: blocks of the others never end.
        """
        here = get_ident()
        if self.alone.thread != here:
            self.alone = Block(noted=False)
        for block in self._open.copy():
            if block.thread != here:
                block.owner = None
                self.forget(block)

    def _drop(self, reading: Reading | None) -> None:
        """
        End *reading*, which nobody is told of.
        """
        if reading is None or self.resources is None:
            return
        try:
            self.resources.end(reading)
        except Exception:  # noqa: BLE001 - another exception is on its way to the program
            report("profiler")

    def _note(self, by_context: bool | None) -> Block:
        """
        A new block, which this context knows; None for one of a generator.
        """
        block = Block(noted=True)
        block.outer = open_block(innermost_block.get())
        alone = self.alone
        # An event loop installs its hooks: then the block alone may be another task's of the same thread.
        if alone.owner is not None and sys.get_asyncgen_hooks().firstiter is not None:
            block.beside = alone.started
        innermost_block.set(block)
        if by_context is not None:
            self._open[block] = by_context
        # Last, with no call after it: what is cut short before has not begun.
        block.owner = self
        self.noted += 1
        return block

    def _take(self, block: Block) -> Taken:
        reading, block.reading = block.reading, None
        return _NOTHING_TAKEN if self.resources is None or reading is None else self.resources.end(reading)

    def _count(self, seconds: float, error_type: str) -> None:
        counted = counted_operation(self.operation, error_type)
        cells.observe(counted.first, DURATION_BOUNDS, seconds)
        if GIL and self.resources is None and not error_type:
            self._expect(counted, seconds)
        if self.durations is not None:
            # While the span is current, so that an exemplar can point to it.
            self.durations.record(seconds, counted.labels)

    def _expect(self, counted: CountedOperation, seconds: float) -> None:
        """
        Take the shortcut for durations in the bucket of this one.
        """
        bucket = bisect_left(DURATION_BOUNDS, seconds)
        low = DURATION_BOUNDS[bucket - 1] if bucket else _BELOW_ZERO
        high = DURATION_BOUNDS[bucket] if bucket < len(DURATION_BOUNDS) else LONGEST
        first = counted.first
        # All at once, with no call in between: another thread counts by them.
        self.labels = counted.labels
        self.first = first
        self.bucket = first + HISTOGRAM_HEAD + bucket
        self.low = low
        self.high = high

    def close(self, block: Block, exception: BaseException | None, error_type: str) -> None:
        """
        End the span of *block*, if it has one.
        """
        opened, block.opened = block.opened, None
        if opened is None or self.road is None:
            return
        if block.context is None:
            self.road.close(opened, exception, error_type)
        else:
            block.context.run(self.road.close, opened, exception, error_type)
