"""
What a block takes besides time, where its profiler was asked: CPU time, memory, and how it compares with its budget and size.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Histogram, MeterProvider
from opentelemetry.trace import Span

from autonomous_dev import _state
from autonomous_dev.conventions import CALL_CPU_DURATION, CALL_MEMORY_PEAK, OPERATION, OVER_BUDGET
from autonomous_dev.performance._guard import report
from autonomous_dev.performance.profiling._block import Taken
from autonomous_dev.performance.profiling._resource_instruments import cpu_duration_on, memory_peak_on, observe_budgets

if TYPE_CHECKING:
    from autonomous_dev.performance.profiling._peak_memory import Held, PeakMemory


class Reading:
    """
    What one block takes.

    Attributes:
        size: Of its input, where that is known.

        cpu: Seconds of CPU time so far; None where it cannot be told.

        held: Its memory, from beginning to end.

        wants_cpu: Whether the CPU time is asked for.

        running: Whether it is being taken.
    """

    __slots__ = ("_began", "_thread", "cpu", "held", "running", "size", "wants_cpu")

    def __init__(self, size: int | None, held: Held | None, *, wants_cpu: bool) -> None:
        self.size = size
        self.held = held
        self.wants_cpu = wants_cpu
        self.cpu: float | None = None
        self.running = False
        self._thread = 0
        self._began = 0.0

    def run(self) -> None:
        """
        The block's code runs from now on, in this thread.
        """
        self.running = True
        self._thread = threading.get_ident()
        self._began = time.thread_time()

    def pause(self) -> None:
        """
        The block's code stands still, or has ended.
        """
        now = time.thread_time()
        # The clock is the thread's own: readings of two of them say nothing.
        if self._thread == threading.get_ident():
            self.cpu = (self.cpu or 0.0) + max(0.0, now - self._began)
        self.running = False

    def end(self, _: BaseException | None) -> None:
        """
        The block's code has ended.
        """
        self.pause()


@dataclass(frozen=True, slots=True)
class Resources:
    """
    What a profiler looks at besides time.

    Attributes:
        budget: Seconds that a block may take.

        size: Items that each block works on, or a function of a call's arguments that gives them.

        complexity: How the duration is declared to grow with the size; empty where nothing was declared.

        cpu: Whether to take the CPU time.

        peaks: What knows the peak of memory; None where nobody asked for it.

        cpu_histogram: Where CPU time goes, if anywhere.

        memory_histogram: Where the peak goes, if anywhere.
    """

    budget: float | None = None
    size: int | Callable[..., int] | None = None
    complexity: str = ""
    cpu: bool = False
    peaks: PeakMemory | None = None
    cpu_histogram: Histogram | None = None
    memory_histogram: Histogram | None = None

    def begin(self, size: int | None, *, running: bool) -> Reading | None:
        """
        A block begins.

        Args:
            size: Of its input; None where that is not known.

            running: Whether its code runs until its end; else it is told when it does.
        """
        try:
            held = None if self.peaks is None else self.peaks.begin()
            reading = Reading(size, held, wants_cpu=self.cpu)
            if running and self.cpu:
                reading.run()
        except Exception:  # noqa: BLE001 - it costs the reading, not the block
            report("profiler")
            return None
        return reading

    def end(self, reading: Reading) -> Taken:
        """
        The block of *reading* has ended; to be called once, whatever else fails.
        """
        if reading.running:
            reading.pause()
        peak = None if self.peaks is None or reading.held is None else self.peaks.end(reading.held)
        return Taken(reading.cpu, peak, reading.size)

    def tell(self, taken: Taken, operation: str, seconds: float, span: Span | None) -> None:
        """
        Put what a block took into the histograms and on its *span*, while that is current.

        Args:
            taken: What it took besides time.

            operation: What it is counted under.

            seconds: How long it took.

            span: None where nobody records one.
        """
        told: dict[str, float | bool] = {}
        if taken.cpu is not None:
            told[CALL_CPU_DURATION] = taken.cpu
            if self.cpu_histogram is not None:
                self.cpu_histogram.record(taken.cpu, {OPERATION: operation})
        if taken.memory is not None:
            told[CALL_MEMORY_PEAK] = taken.memory
            if self.memory_histogram is not None:
                self.memory_histogram.record(taken.memory, {OPERATION: operation})
        if self.budget is not None and seconds > self.budget:
            told[OVER_BUDGET] = True
        if told and span is not None:
            span.set_attributes(told)

    def size_of(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> int | None:
        """
        Items that a call with these *arguments* works on; None where the caller's function does not tell.
        """
        if not callable(self.size):
            return self.size
        try:
            size = self.size(*arguments, **keywords)
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"size gave {size!r}; expected an integer, 1 or more")  # noqa: TRY301 - reported below
        except Exception:  # noqa: BLE001 - the function is the caller's
            report("profiler")
            return None
        return size


def resources_of(
    operation: str,
    budget: float | None,
    size: int | Callable[..., int] | None,
    complexity: str,
    meter_provider: MeterProvider | None,
    *,
    cpu: bool,
    memory: bool,
) -> Resources:
    """
    What a profiler of *operation* looks at, with the instruments that this needs on *meter_provider*.
    """
    if budget is not None:
        _state.set_budget(operation, budget)
        observe_budgets(meter_provider)
    peaks = None
    if memory:
        # It imports tracemalloc, which takes 4 ms: for those who ask for memory only.
        from autonomous_dev.performance.profiling._peak_memory import peak_memory  # noqa: PLC0415

        peaks = peak_memory()
    return Resources(
        budget=budget,
        size=size,
        complexity=complexity,
        cpu=cpu,
        peaks=peaks,
        cpu_histogram=cpu_duration_on(meter_provider) if cpu else None,
        memory_histogram=memory_peak_on(meter_provider) if memory else None,
    )
