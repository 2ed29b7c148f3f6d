"""
What times the blocks of one profiler: begins and ends them, finds the one that ends, counts what it took.

This runs at each block, so it is written for speed: at most one call of ours for the beginning and one for the end.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping
from threading import get_ident
from typing import Any, Final

from opentelemetry import trace

from autonomous_dev._cells import GIL, HISTOGRAM_HEAD
from autonomous_dev._state import CountedOperation, cells, counted_operation, innermost_block, sized_operation
from autonomous_dev.conventions import DURATION_BOUNDS, OPERATION
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._span import Road, error_type_of
from autonomous_dev.performance.profiling._block import Block, block_of, open_block
from autonomous_dev.performance.profiling._durations import Durations
from autonomous_dev.performance.profiling._resources import Reading, Resources, Taken

UNKNOWN: Final = float("nan")
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
        "_newest",
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
        self._newest: Block | None = None
        self.noted = _NONE_NOTED
        self.low, self.high, self.bucket, self.first = UNKNOWN, UNKNOWN, 0, 0
        self.labels: dict[str, str] = {}
        self.last = 0.0
        self.taken = _NOTHING_TAKEN

    def enter(self, attributes: Mapping[str, Any], reading: Reading | None = None, *, alone: bool = True) -> Block:
        """
        Begin a block in this context.

        Args:
            attributes: Of its span; they are not changed later.

            reading: What it takes besides time.

            alone: Whether it may be noted here only; else its context knows it in any case.
        """
        block = self.alone
        # Nobody comes between this question and its answer: no call is in it.
        if alone and block.owner is None and not self.noted:
            block.owner = self
            block.thread = get_ident()
        else:
            block = self._note()
        road = self.road
        # As `open` asks first of all, without the call.
        if road is not None and (road.name or trace._TRACER_PROVIDER is not None):  # noqa: SLF001 - a road without a name has seen that it is there
            block.opened = road.open(self.operation, attributes)
        block.reading = reading
        try:
            clock = self.clock
            block.started = clock()  # last of all
        except Exception:  # noqa: BLE001 - the clock is the caller's
            block.started = UNKNOWN
            report("profiler")
        return block

    def leave(self, block: Block, exception: BaseException | None) -> None:
        """
        End *block*.
        """
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
                    self.noted -= 1
                return
        except Exception:  # noqa: BLE001 - clock, meter and views are the program's
            seconds = UNKNOWN
            report("profiler")
        self.finish(block, seconds, exception)

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
        alone, newest = self.alone, self._newest
        if newest is None or newest.owner is None or (alone.owner is not None and alone.thread == get_ident()):
            return alone
        return newest

    def finish(self, block: Block, seconds: float, exception: BaseException | None) -> None:
        """
        End *block* with all that the shortcut leaves out; *seconds* is NaN where they are not known.
        """
        error_type = ""
        try:
            error_type = error_type_of(exception)
            taken = self._take(block)
            if seconds == seconds:  # noqa: PLR0124 - not NaN
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
                    self.noted -= 1

    def _note(self) -> Block:
        """
        A new block, which this context knows.
        """
        block = self._newest = Block(noted=True)
        block.owner = self
        block.outer = open_block(innermost_block.get())
        block.thread = get_ident()
        alone = self.alone
        # An event loop installs its hooks: then the block alone may be another task's of the same thread.
        if alone.owner is not None and sys.get_asyncgen_hooks().firstiter is not None:
            block.beside = alone.started
        self.noted += 1
        innermost_block.set(block)
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
        high = DURATION_BOUNDS[bucket] if bucket < len(DURATION_BOUNDS) else sys.float_info.max
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
