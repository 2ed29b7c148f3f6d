"""
One profiler that runs more than once at a time: which block is whose, and which one ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import random
import sys
import threading

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import children
from autonomous_dev import _state
from autonomous_dev.performance import PerformanceProfiler
from telemetry import Clock


def block_with(profiler):
    """
    Run code in a ``with``.
    """

    def run(work):
        with profiler:
            return work()

    return run


def block_call(profiler):
    """
    Run code in a decorated function.
    """

    @profiler
    def run(work):
        return work()

    return run


def block_coroutine(profiler):
    """
    Run code in a decorated coroutine function, outside of any event loop.
    """

    @profiler
    async def coroutine(work):
        return work()

    def run(work):
        try:
            coroutine(work).send(None)
        except StopIteration as stop:
            return stop.value

    return run


def block_generator(profiler):
    """
    Run code in a decorated generator function.
    """

    @profiler
    def generator(work):
        yield work()

    def run(work):
        (result,) = generator(work)
        return result

    return run


BLOCKS = [block_with, block_call, block_coroutine, block_generator]


@pytest.mark.parametrize("make", BLOCKS)
def test_each_kind_of_block_counts_in_every_bucket_alike(make):
    """
    A block is counted by its duration, whether or not the one before fell into the same bucket.
    """
    clock = Clock()
    run = make(PerformanceProfiler("kind", clock=clock))
    seconds = [0.0, -1.0, 0.0, 1e-6, 3e-6, 3e-6, 0.3, 0.4, 0.4, 500.0, 600.0, 0.3]

    def work(step):
        clock.now += step

    for step in seconds:
        clock.now = 0.0
        run(lambda step=step: work(step))

    cells = _state.operations()["kind", ""]
    assert cells[0] == len(seconds) == sum(cells[2:])
    assert cells[1] == pytest.approx(sum(step for step in seconds if step > 0))
    assert [count for count in cells[2:] if count] == [4, 2, 4, 2]


@pytest.mark.parametrize("make", BLOCKS)
@pytest.mark.parametrize("inner_kind", BLOCKS)
def test_a_block_in_a_block_of_the_same_profiler_leaves_the_outer_one_running(make, inner_kind):
    """
    Inside, between and after nested blocks of one profiler its duration is that of the block which is innermost.
    """
    clock = Clock()
    profiler = PerformanceProfiler("nested", clock=clock)
    seen = []

    def inner():
        clock.now += 2
        seen.append(profiler.duration)

    def outer():
        clock.now += 1
        inner_kind(profiler)(inner)
        clock.now += 4
        seen.append(profiler.duration)

    make(profiler)(outer)

    assert [*seen, profiler.duration] == [2.0, 7.0, 7.0]
    assert _state.operations()["nested", ""][:2] == (2.0, 9.0)


def test_a_thread_that_is_done_sees_its_own_duration_while_another_is_inside():
    """
    A block that runs in another thread is not this thread's.
    """
    clock = Clock()
    profiler = PerformanceProfiler("threads", clock=clock)
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with profiler:
            inside.set()
            assert leave.wait(30)

    thread = threading.Thread(target=stay)
    thread.start()
    assert inside.wait(30)
    assert profiler.duration == 0.0
    with profiler:
        clock.now += 3
    clock.now += 10
    seen = profiler.duration
    leave.set()
    thread.join(30)

    assert seen == 3.0
    assert profiler.duration == 13.0


def test_a_task_that_is_done_sees_its_own_duration_while_another_is_inside():
    """
    Of two tasks of one thread that overlap in a ``with`` each sees its own block, inside and right after it.
    """
    clock = Clock()
    profiler = PerformanceProfiler("tasks", clock=clock)
    seen = {}

    async def long(inside, leave):
        with profiler:
            inside.set()
            await leave.wait()
            seen["long inside"] = profiler.duration
        seen["long after"] = profiler.duration

    async def short(inside, leave):
        await inside.wait()
        clock.now += 5
        with profiler:
            clock.now += 1
            seen["short inside"] = profiler.duration
        clock.now += 5
        seen["short after"] = profiler.duration
        leave.set()

    async def both():
        inside, leave = asyncio.Event(), asyncio.Event()
        await asyncio.gather(long(inside, leave), short(inside, leave))

    asyncio.run(both())

    assert seen == {"short inside": 1.0, "short after": 1.0, "long inside": 11.0, "long after": 11.0}


def test_blocks_of_a_profiler_may_overlap_in_any_way():
    """
    Tasks that enter and leave one profiler at random times, nested and not, each end their own blocks.
    """
    clock = Clock()
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    profiler = PerformanceProfiler("overlap", clock=clock, tracer_provider=provider)
    dice = random.Random(5)
    wrong, overlaps, running = [], [], 0

    async def worker():
        nonlocal running
        for _ in range(20):
            with contextlib.ExitStack() as stack:
                for _ in range(dice.randrange(1, 4)):
                    began = clock.now
                    overlaps.append(running)
                    running += 1
                    stack.callback(leave, stack.enter_context(profiler))
                    for _ in range(dice.randrange(3)):
                        clock.now += 1
                        await asyncio.sleep(0)
                    if profiler.duration != clock.now - began:
                        wrong.append((profiler.duration, clock.now - began))

    def leave(_):
        nonlocal running
        running -= 1

    async def run():
        await asyncio.gather(*(worker() for _ in range(5)))

    asyncio.run(run())
    provider.shutdown()

    assert max(overlaps) > 3
    assert wrong == []
    assert _state.operations()["overlap", ""][0] == len(overlaps) == len(exporter.get_finished_spans())


def test_counts_are_exact_under_threads():
    """
    Threads that share a profiler, and change as often as the interpreter can, lose no block.
    """
    profiler = PerformanceProfiler("exact", clock=iter(range(10**9)).__next__)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: [run_block(profiler) for _ in range(2000)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(interval)

    cells = _state.operations()["exact", ""]
    assert cells[0] == sum(cells[2:]) == 16000

    def noted():
        with profiler:
            return _state.innermost_block.get()

    assert contextvars.Context().run(noted) is None  # no block was left open: this one is alone again


def run_block(profiler):
    """
    One block.
    """
    with profiler:
        pass


def test_a_block_of_a_fixture_is_found_in_another_context_while_the_profiler_is_busy():
    """
    A block that was entered in a context of its own ends there and then, although another thread is inside.
    """
    clock = Clock()
    profiler = PerformanceProfiler("busy", clock=clock)
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with profiler:
            inside.set()
            assert leave.wait(30)

    thread = threading.Thread(target=stay)
    thread.start()
    assert inside.wait(30)
    contextvars.Context().run(profiler.__enter__)
    clock.now += 2
    contextvars.Context().run(profiler.__exit__, None, None, None)
    assert profiler.duration == 2.0
    clock.now += 5
    leave.set()
    thread.join(30)

    assert _state.operations()["busy", ""][:2] == (2.0, 9.0)


def test_spans_of_threads_that_share_a_profiler_have_their_own_parents():
    """
    Each thread's block is a child of that thread's own span.
    """
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    profiler = PerformanceProfiler("child", tracer_provider=provider)
    both = threading.Barrier(2, timeout=30)

    def work(name):
        with PerformanceProfiler(name, tracer_provider=provider), profiler:
            both.wait()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    spans = exporter.get_finished_spans()
    provider.shutdown()

    outer = {span.context.span_id for span in spans if span.name != "child"}
    assert {span.parent.span_id for span in spans if span.name == "child"} == outer
    assert len(outer) == 2


@pytest.mark.our_failures
@pytest.mark.parametrize("make", BLOCKS)
def test_a_clock_that_gives_nonsense_reaches_nobody(make, caplog, monkeypatch):
    """
    Blocks go on whatever the clock gives, and a good reading afterwards is counted.
    """
    monkeypatch.setattr(_state, "_failures", {})
    caplog.set_level(logging.WARNING, "autonomous_dev")
    readings = ["now", None, object(), float("nan"), 1.0, 5]
    clock = Clock()
    run = make(PerformanceProfiler("odd", clock=clock))

    def work(reading):
        clock.now = reading
        return "done"

    for reading in readings:
        clock.now = 0.0
        assert run(lambda reading=reading: work(reading)) == "done"

    assert _state.operations()["odd", ""][:2] == (2.0, 6.0)
    assert _state.failures()["profiler"] == 3


def test_durations_reach_the_histogram_whatever_bucket_they_fall_into():
    """
    The histogram of the SDK gets each block once, those that take the shortcut too.
    """
    clock = Clock()
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    profiler = PerformanceProfiler("each", clock=clock, meter_provider=provider)
    for step in (0.3, 0.4, 0.4, 3.0, 0.4):
        with profiler:
            clock.now += step

    metrics = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    (point,) = next(m for m in metrics if m.name == "autonomous_dev.call.duration").data.data_points
    provider.shutdown()
    assert (point.count, point.sum) == (5, pytest.approx(4.5))


def test_without_a_gil_every_block_is_noted_and_every_cell_is_locked():
    """
    Where the interpreter says that it has no GIL, nothing rests on one: blocks and counts come out the same.
    """
    told = children.run_child("""
    import threading
    sys._is_gil_enabled = lambda: False
    from autonomous_dev import PerformanceProfiler
    from autonomous_dev import _state

    class Cells(list):
        def __setitem__(self, index, value):
            assert _state.cells._lock._is_owned()
            super().__setitem__(index, value)

    _state.cells.values = Cells(_state.cells.values)
    seen = []
    profiler = PerformanceProfiler("x")

    @profiler
    def work():
        with profiler:
            seen.append(_state.innermost_block.get().noted)
        seen.append(_state.innermost_block.get().outer is not None)

    threads = [threading.Thread(target=lambda: [work() for _ in range(50)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tell([_state.operations()["x", ""][0], sorted(set(seen)), len(seen), profiler.duration > 0, _state.failures()])
    """)

    assert told == [200.0, [True], 200, True, {}]


def test_blocks_begun_in_one_context_and_left_in_another_all_end():
    """
    As fixtures and dependencies do, which run their two halves in different threads: none is lost.
    """
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    clock = Clock()
    profiler = PerformanceProfiler("dependency", tracer_provider=provider, clock=clock)

    def elsewhere(method, *args):
        thread = threading.Thread(target=contextvars.Context().run, args=(method, *args))
        thread.start()
        thread.join()

    for _ in range(3):
        contextvars.copy_context().run(profiler.__enter__)
    clock.now = 2.0
    # While they are open, one in another thread's own context does not end them.
    elsewhere(lambda: block_call(profiler)(lambda: None))
    for _ in range(3):
        elsewhere(profiler.__exit__, None, None, None)

    timer = profiler._timer
    assert len(exporter.get_finished_spans()) == 4
    assert _state.operations()["dependency", ""][:2] == (4.0, 6.0)
    assert (timer.noted, timer._open, timer.alone.owner) == (0, {}, None)


def test_tasks_that_begin_their_successors_keep_no_chain_of_blocks():
    """
    A block that ended is no longer what leads outwards: the chain stays as long as the blocks that are open.
    """
    profiler = PerformanceProfiler("tick")
    lengths = []

    async def tick(left, done):
        async with profiler:
            if left:
                successors.append(asyncio.create_task(tick(left - 1, done)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            block, length = _state.innermost_block.get(), 0
            while block is not None:
                block, length = block.outer, length + 1
            lengths.append(length)
        if not left:
            done.set()

    successors = []

    async def main():
        done = asyncio.Event()
        successors.append(asyncio.create_task(tick(50, done)))
        await done.wait()

    asyncio.run(main())

    assert len(lengths) == 51
    assert max(lengths) <= 4


def test_a_forked_child_has_no_blocks_of_threads_that_it_does_not_have():
    """
    Those of the thread that forked end there, too; for all others it is as if they had never begun.
    """
    profiler = PerformanceProfiler("job")
    entered, leave = threading.Semaphore(0), threading.Event()

    def stay():
        with profiler:
            entered.release()
            assert leave.wait(30)

    @profiler
    def stay_called():
        entered.release()
        assert leave.wait(30)

    threads = [threading.Thread(target=work) for work in (stay, stay, stay_called)]
    for thread in threads:
        thread.start()
        assert entered.acquire(timeout=30)

    def child():
        timer = profiler._timer
        before = timer.noted, len(timer._open), timer.alone.owner
        with profiler:
            inside = timer.noted, timer.alone.owner is timer
        return before, inside, timer.noted

    with profiler:
        both = children.forked(lambda: (profiler._timer.noted, len(profiler._timer._open)))
    told = children.forked(child)
    leave.set()
    for thread in threads:
        thread.join(30)

    assert both == "(1, 1)"
    assert told == "((0, 0, None), (0, True), 0)"
