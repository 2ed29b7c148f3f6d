"""
What a profiler looks at besides time: budget, size, CPU time, memory.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import tracemalloc

import pytest

import children
from autonomous_dev import _state
from autonomous_dev.performance import PerformanceProfiler
from telemetry import Clock, Providers

OPERATION = "autonomous_dev.operation.name"
OVER = "autonomous_dev.call.over_budget"
CPU = "autonomous_dev.call.cpu_duration"
PEAK = "autonomous_dev.call.memory_peak"
MEGABYTE = 1_000_000


class Telemetry(Providers):
    """
    Providers of one test, and what arrived at them.
    """

    def attributes(self):
        """
        Of each span that ended, in order.
        """
        return [dict(span.attributes) for span in self.exporter.get_finished_spans()]

    def points(self, name):
        """
        The points of a metric by operation, and its unit.
        """
        metrics = self.reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        (metric,) = [metric for metric in metrics if metric.name == name]
        assert metric.description
        return {point.attributes[OPERATION]: point for point in metric.data.data_points}, metric.unit


@pytest.fixture
def telemetry():
    """
    Providers of one test, shut down after it.
    """
    made = Telemetry()
    yield made
    made.shutdown()


def burn(seconds):
    """
    Use CPU time of this thread.
    """
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


# Budget.


def test_a_budget_is_a_gauge_and_marks_the_spans_that_took_longer(telemetry):
    """
    The newest word on an operation's budget is published; a block within it carries no mark.
    """
    clock = Clock()
    PerformanceProfiler("load", budget=9, **telemetry.providers)
    profiler = PerformanceProfiler("load", budget=0.5, clock=clock, **telemetry.providers)
    PerformanceProfiler("other", budget=2, **telemetry.providers)

    for seconds in (0.25, 0.5, 0.75):
        with profiler:
            clock.now += seconds

    points, unit = telemetry.points("autonomous_dev.call.budget")
    assert ({name: point.value for name, point in points.items()}, unit) == ({"load": 0.5, "other": 2.0}, "s")
    assert _state.budgets == {"load": 0.5, "other": 2.0}
    assert [attributes.get(OVER) for attributes in telemetry.attributes()] == [None, None, True]
    assert set(profiler.get_stats()) == {"operation", "duration_seconds", "duration_ms"}


def test_a_budget_is_kept_without_an_sdk():
    """
    Where nobody records spans the budget is known all the same.
    """
    with PerformanceProfiler("load", budget=1e-9):
        pass

    assert _state.budgets == {"load": 1e-9}


# Size.


def test_sizes_and_durations_of_successful_blocks_are_kept():
    """
    A block of known size that raises, or that is closed early, says nothing about growth.
    """
    clock = Clock()
    profiler = PerformanceProfiler("sort", size=100, complexity="linearithmic", clock=clock)

    with profiler:
        clock.now += 2
    with pytest.raises(KeyError), profiler:
        clock.now += {}["50 s"]

    assert _state.sized_operation("sort", "linearithmic").pairs() == [(100, 2.0)]
    assert list(_state._sized_calls) == [("sort", "linearithmic")]


def test_the_size_of_a_call_comes_from_its_arguments():
    """
    Functions, coroutine functions and both kinds of generators ask the caller's function of the call's arguments.
    """
    clock = Clock()
    profiler = PerformanceProfiler("rows", size=lambda rows, *, times=1: len(rows) * times, clock=clock)

    @profiler
    def plain(rows, *, times=1):
        clock.now += 1

    @profiler
    async def coroutine(rows):
        clock.now += 2

    @profiler
    def generator(rows):
        for row in rows:
            clock.now += 3
            yield row

    @profiler
    async def asynchronous(rows):
        for row in rows:
            clock.now += 4
            yield row

    async def run():
        await coroutine([1, 2])
        return [row async for row in asynchronous([1, 2, 3, 4])]

    plain([1], times=8)
    asyncio.run(run())
    list(generator([1]))
    left = generator([1, 2, 3])
    next(left)
    left.close()

    assert sorted(_state.sized_operation("rows").pairs()) == [(1, 3.0), (2, 2.0), (4, 16.0), (8, 1.0)]


@pytest.mark.our_failures
@pytest.mark.parametrize("size", [next, lambda _: 0, lambda _: 2.5, lambda _: True, lambda _: None, lambda: 1])
def test_a_size_that_makes_no_sense_costs_only_the_size(size, monkeypatch):
    """
    The call goes on and is timed; the failure is counted.
    """
    monkeypatch.setattr(_state, "_failures", {})

    assert PerformanceProfiler("rows", size=size)(len)([1, 2]) == 2

    assert _state.failures() == {"profiler": 1}
    assert _state.sized_operation("rows").pairs() == []
    assert _state.operations()["rows", ""][0] == 1


def test_in_a_with_block_there_are_no_arguments_to_take_the_size_from():
    """
    A function of arguments is not asked there.
    """
    with PerformanceProfiler("rows", size=len):
        pass

    assert _state.sized_operation("rows").pairs() == []


# CPU time.


def test_cpu_time_is_that_of_the_thread(telemetry):
    """
    It is in the histogram by operation, on the span and in the statistics; what another thread does is not in it.
    """
    busy, stop = threading.Event(), threading.Event()

    def compute():
        busy.set()
        while not stop.is_set():
            pass

    profiler = PerformanceProfiler("compute", cpu=True, **telemetry.providers)
    assert profiler.get_stats()["cpu_seconds"] is None
    thread = threading.Thread(target=compute)
    with profiler:
        thread.start()
        assert busy.wait(30)
        burn(0.01)
        stop.set()
        thread.join(30)
    own = profiler.get_stats()["cpu_seconds"]
    with pytest.raises(KeyError), profiler:
        raise KeyError

    assert 0.01 <= own < profiler.duration + 0.05
    points, unit = telemetry.points(CPU)
    assert (points["compute"].count, unit) == (2, "s")
    assert points["compute"].max == own
    assert telemetry.attributes()[0][CPU] == own


def test_cpu_time_of_a_coroutine_is_that_of_its_own_steps():
    """
    What other tasks do while it waits is not its; a cancellation and a result pass through.
    """

    @PerformanceProfiler("work", cpu=True)
    async def work(steps):
        for _ in range(steps):
            burn(0.002)
            await asyncio.sleep(0)
        return steps

    async def hog(stop):
        while not stop.is_set():
            burn(0.01)
            await asyncio.sleep(0)

    profiler = PerformanceProfiler("work", cpu=True)
    timed = profiler(work.__wrapped__)

    async def run():
        stop = asyncio.Event()
        task = asyncio.create_task(hog(stop))
        result = await timed(5)
        stop.set()
        await task
        waiting = asyncio.create_task(profiler(asyncio.Event().wait)())
        await asyncio.sleep(0)
        stats = profiler.get_stats()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return result, stats

    result, stats = asyncio.run(run())

    assert result == 5
    assert 0.01 <= stats["cpu_seconds"] < 0.04
    assert ("work", "asyncio.exceptions.CancelledError") in _state.operations()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_cpu_time_of_a_generator_is_that_of_its_body(asynchronous):
    """
    What the consumer does between two items is not the generator's.
    """
    profiler = PerformanceProfiler("items", cpu=True)

    @profiler
    def items():
        for number in range(3):
            burn(0.003)
            yield number

    @profiler
    async def async_items():
        for number in range(3):
            burn(0.003)
            await asyncio.sleep(0)
            yield number

    async def consume():
        async for _ in async_items():
            burn(0.02)

    if asynchronous:
        asyncio.run(consume())
    else:
        for _ in items():
            burn(0.02)

    assert 0.009 <= profiler.get_stats()["cpu_seconds"] < 0.04


def test_an_asynchronous_block_has_no_cpu_time_and_says_why(monkeypatch, caplog):
    """
    Other tasks run meanwhile: none is told, and one line of the log names the way out.
    """
    monkeypatch.setattr(_state, "_said", set())
    profiler = PerformanceProfiler("block", cpu=True)

    async def run():
        for _ in range(2):
            async with profiler:
                burn(0.001)

    asyncio.run(run())

    assert profiler.get_stats()["cpu_seconds"] is None
    (record,) = caplog.records
    assert "decorate a coroutine function" in record.getMessage()


def test_a_block_that_ends_in_another_thread_has_no_cpu_time():
    """
    The clocks of two threads have nothing to do with each other.
    """
    profiler = PerformanceProfiler("moved", cpu=True)
    profiler.__enter__()
    thread = threading.Thread(target=profiler.__exit__, args=(None, None, None))
    thread.start()
    thread.join(30)

    assert profiler.get_stats()["cpu_seconds"] is None
    assert _state.operations()["moved", ""][0] == 1


# Memory.


def test_the_peak_of_memory_is_what_the_block_held_most(telemetry):
    """
    It is in the histogram by operation, on the span and in the statistics; afterwards nothing is traced any more.
    """
    assert not tracemalloc.is_tracing()
    profiler = PerformanceProfiler("hold", memory=True, **telemetry.providers)
    assert profiler.get_stats()["memory_peak_bytes"] is None

    with profiler:
        held = bytearray(3 * MEGABYTE)
        del held
        bytearray(MEGABYTE)

    assert not tracemalloc.is_tracing()
    peak = profiler.get_stats()["memory_peak_bytes"]
    assert 3 * MEGABYTE <= peak < 3.5 * MEGABYTE
    assert "cpu_seconds" not in profiler.get_stats()
    points, unit = telemetry.points(PEAK)
    assert (points["hold"].count, points["hold"].sum, unit) == (1, peak, "By")
    assert telemetry.attributes()[0][PEAK] == peak


def test_an_inner_block_leaves_the_peak_of_the_outer_one():
    """
    What was held before, in and after an inner block counts for the outer, and only its own for the inner.
    """
    outer, inner = PerformanceProfiler("outer", memory=True), PerformanceProfiler("inner", memory=True)
    peaks = {}
    for at in ("before", "in", "after", "never"):
        with outer:
            held = bytearray(5 * MEGABYTE) if at == "before" else None
            held = None
            with inner:
                held = bytearray((5 if at == "in" else 1) * MEGABYTE)
                held = None
            held = bytearray(5 * MEGABYTE) if at == "after" else held
            held = None
        peaks[at] = tuple(round(profiler.get_stats()["memory_peak_bytes"] / MEGABYTE) for profiler in (outer, inner))

    assert peaks == {"before": (5, 1), "in": (5, 5), "after": (5, 1), "never": (1, 1)}
    assert not tracemalloc.is_tracing()


def test_blocks_of_threads_that_overlap_each_get_the_peak_of_their_time():
    """
    The first one's end does not stop the tracing, nor does the second one's beginning lose the first one's peak.
    """
    first, second = PerformanceProfiler("first", memory=True), PerformanceProfiler("second", memory=True)
    entered, left = threading.Event(), threading.Event()

    def run():
        with second:
            entered.set()
            assert left.wait(30)
            held = bytearray(2 * MEGABYTE)
            del held

    thread = threading.Thread(target=run)
    with first:
        held = bytearray(4 * MEGABYTE)
        del held
        thread.start()
        assert entered.wait(30)
    assert tracemalloc.is_tracing()
    left.set()
    thread.join(30)

    assert not tracemalloc.is_tracing()
    assert round(first.get_stats()["memory_peak_bytes"] / MEGABYTE) == 4
    assert round(second.get_stats()["memory_peak_bytes"] / MEGABYTE) == 2


def test_a_session_of_the_programs_own_goes_on_with_its_peak():
    """
    The program's traces and peak stay; the block's own peak is told where it was a record, else not.
    """
    profiler = PerformanceProfiler("inside", memory=True)
    tracemalloc.start(5)
    try:
        with profiler:
            held = bytearray(6 * MEGABYTE)
            del held
        record = profiler.get_stats()["memory_peak_bytes"]
        with profiler:
            held = bytearray(MEGABYTE)
            del held
        unknown = profiler.get_stats()["memory_peak_bytes"]

        assert tracemalloc.is_tracing()
        assert tracemalloc.get_traceback_limit() == 5
        assert tracemalloc.get_traced_memory()[1] >= 6 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert round(record / MEGABYTE) == 6
    assert unknown is None


def test_a_program_that_stops_the_tracing_costs_the_peak_only():
    """
    Where the tracing ends inside a block its peak is not known, and the next block has one.
    """
    profiler = PerformanceProfiler("stopped", memory=True)
    with profiler:
        tracemalloc.stop()
    assert profiler.get_stats()["memory_peak_bytes"] is None

    with profiler:
        held = bytearray(MEGABYTE)
        del held
    assert round(profiler.get_stats()["memory_peak_bytes"] / MEGABYTE) == 1
    assert not tracemalloc.is_tracing()


@pytest.mark.our_failures
def test_tracing_ends_whatever_fails():
    """
    A clock that fails at the end of a block does not leave the program traced.
    """
    clock = Clock()

    @PerformanceProfiler("failing", memory=True, cpu=True, clock=clock)
    def fail():
        vars(clock).clear()
        raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert not tracemalloc.is_tracing()


def test_a_generator_that_was_left_ends_the_tracing():
    """
    The session lasts as long as the generator.
    """

    @PerformanceProfiler("items", memory=True)
    def items():
        yield 1
        yield 2

    generator = items()
    next(generator)
    assert tracemalloc.is_tracing()
    del generator
    gc.collect()

    assert not tracemalloc.is_tracing()


def test_a_child_of_a_fork_traces_only_for_its_own_blocks():
    """
    In a forked child the blocks of the parent's other threads hold no session open.
    """
    profiler = PerformanceProfiler("other thread", memory=True)
    entered, leave = threading.Event(), threading.Event()

    def stay():
        with profiler:
            entered.set()
            assert leave.wait(30)

    def child():
        traced = tracemalloc.is_tracing()
        with PerformanceProfiler("child", memory=True) as own:
            held = bytearray(MEGABYTE)
            del held
        return traced, tracemalloc.is_tracing(), round(own.get_stats()["memory_peak_bytes"] / MEGABYTE)

    thread = threading.Thread(target=stay)
    thread.start()
    assert entered.wait(30)
    told = children.forked(child)
    leave.set()
    thread.join(30)

    assert told == "(False, False, 1)"
    assert not tracemalloc.is_tracing()


def test_tracemalloc_is_imported_for_those_who_ask_for_memory_only():
    """
    It takes ms, which no other program pays.
    """
    told = children.run_child("""
    from autonomous_dev import PerformanceProfiler
    with PerformanceProfiler("plain", budget=1, cpu=True, size=3):
        pass
    before = "tracemalloc" in sys.modules
    PerformanceProfiler("memory", memory=True)
    tell([before, "tracemalloc" in sys.modules])
    """)

    assert told == [False, True]


def test_a_finalizer_that_is_a_block_itself_finds_no_lock_held():
    """
    The collector runs it whenever it likes, also while the watch over memory notes another block.
    """
    told = children.run_child("""
    import faulthandler, gc
    from autonomous_dev import PerformanceProfiler, _state
    faulthandler.dump_traceback_later(30, exit=True)
    main = PerformanceProfiler("main", memory=True)

    class Holder:
        pass

    def drop(number):
        @PerformanceProfiler(f"rows{number}", memory=True)
        def rows():
            yield 1
            yield 2

        holder = Holder()
        holder.itself, holder.rows = holder, rows()
        next(holder.rows)

    gc.set_threshold(1, 1, 1)
    for number in range(300):
        drop(number)
        with main:
            pass
    gc.collect()
    import tracemalloc
    tell([_state.operations()["main", ""][0], tracemalloc.is_tracing(), _state.failures()])
    """)

    assert told == [300.0, False, {}]


@pytest.mark.parametrize("later", [False, True])
def test_a_session_that_the_program_began_after_stopping_ours_goes_on(later):
    """
    It is the program's, and what our blocks held in the one before is not known; it may be the next block's session.
    """
    profiler = PerformanceProfiler("x", memory=True)
    try:
        with profiler:
            tracemalloc.stop()
            tracemalloc.start()
            if later:
                with PerformanceProfiler("y", memory=True):
                    pass
        assert tracemalloc.is_tracing()
        assert profiler.get_stats()["memory_peak_bytes"] is None
    finally:
        tracemalloc.stop()
