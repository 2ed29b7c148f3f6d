"""
What is not ours to catch, Ctrl-C, a signal handler's exception or no depth left, leaves no block and no span behind.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import signal
import sys
import tracemalloc

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import INVALID_SPAN

from autonomous_dev import _state
from autonomous_dev.performance import PerformanceProfiler
from autonomous_dev.performance._instruments import road_on
from autonomous_dev.performance._span import FAST, PUBLIC


class OwnProvider(TracerProvider):
    """
    A provider that takes the public road.
    """


class Bursting(SpanProcessor):
    """
    Does *burst* once, in the hook of that name.
    """

    def __init__(self):
        self.hook = ""
        self.burst = None
        self.ended = []

    def on_start(self, span, parent_context=None):
        self._happen("on_start")

    def on_end(self, span):
        self.ended.append(span.name)
        self._happen("on_end")

    def _happen(self, hook):
        if hook == self.hook:
            self.hook = ""
            self.burst()


def interrupt():
    """
    Ctrl-C.
    """
    raise KeyboardInterrupt


@pytest.fixture(params=[FAST, PUBLIC])
def provider(request):
    """
    A provider of either road.
    """
    made = (TracerProvider if request.param == FAST else OwnProvider)(shutdown_on_exit=False)
    yield made
    made.shutdown()


@pytest.fixture
def bursting(provider):
    """
    The processor of the provider.
    """
    processor = Bursting()
    provider.add_span_processor(processor)
    return processor


def with_block(profiler, work):
    """
    In a ``with``.
    """
    with profiler:
        return work()


def call(profiler, work):
    """
    In a decorated function.
    """
    return profiler(lambda: work())()  # noqa: PLW0108 - so that a function of ours is decorated, not the body


def generator(profiler, work):
    """
    In a decorated generator.
    """

    @profiler
    def run():
        yield work()

    return list(run())


def untouched(profiler):
    """
    Whether no block of *profiler* is open and no span is current.
    """
    timer = profiler._timer
    return (timer.alone.owner, timer.noted, len(timer._open), trace.get_current_span()) == (None, 0, 0, INVALID_SPAN)


@pytest.mark.parametrize("run", [with_block, call, generator])
@pytest.mark.parametrize("hook", ["on_start", "on_end"])
@pytest.mark.parametrize("nested", [False, True])
def test_ctrl_c_in_the_programs_processor_leaves_nothing_open(run, hook, nested, provider, bursting):
    """
    It reaches the program; the blocks around end as ever, and the next one is measured.
    """
    profiler = PerformanceProfiler("x", tracer_provider=provider)
    bursting.burst = interrupt

    def burst():
        bursting.hook = hook
        return run(profiler, list)

    with pytest.raises(KeyboardInterrupt):
        run(profiler, burst) if nested else burst()

    assert untouched(profiler)
    before = len(bursting.ended)
    run(profiler, list)
    assert len(bursting.ended) == before + 1
    assert profiler.duration < 60


@pytest.mark.parametrize("run", [with_block, call, generator])
@pytest.mark.parametrize("reading", [1, 2])
@pytest.mark.parametrize("resources", [{}, {"memory": True, "cpu": True}])
def test_ctrl_c_in_the_clock_leaves_nothing_open(run, reading, resources, provider, bursting):
    """
    As it begins, and as it ends: its span ends, too, and so does the watch over memory.
    """
    readings = []

    def clock():
        readings.append(0)
        if len(readings) == reading:
            raise KeyboardInterrupt
        return float(len(readings))

    profiler = PerformanceProfiler("x", tracer_provider=provider, clock=clock, **resources)

    with pytest.raises(KeyboardInterrupt):
        run(profiler, list)

    assert untouched(profiler)
    assert bursting.ended == ["x"]
    assert not tracemalloc.is_tracing()


@pytest.mark.our_failures
@pytest.mark.parametrize("decorated", [False, True])
@pytest.mark.parametrize("deepest", range(0, 40, 3))
def test_a_recursion_too_deep_leaves_nothing_open(decorated, deepest, provider, caplog):
    """
    Wherever the depth ends, in our code or in the program's: the program gets its RecursionError, the road stays.
    """
    caplog.set_level(logging.CRITICAL)
    profiler = PerformanceProfiler("node", tracer_provider=provider)
    road = road_on(provider).name

    def parse(left):
        if decorated:
            return again(left)
        with profiler:
            return parse(left)

    @profiler
    def again(left):
        return parse(left)

    def deeper(left):
        return deeper(left - 1) if left else parse(0)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 90)
    try:
        with pytest.raises(RecursionError):
            deeper(deepest)
    finally:
        sys.setrecursionlimit(limit)

    assert untouched(profiler)
    assert road_on(provider).name == road


class SoftLimit(Exception):  # noqa: N818 - named as Celery's
    """
    What a signal handler raises to end a task that takes too long.
    """


class Limits:
    """
    Handlers of all kinds.
    """

    def method(self, *_):
        """
        A method; what raises is called by it.
        """
        self.burst()

    def burst(self):
        """
        End the task.
        """
        raise SoftLimit

    def __call__(self, *_):
        self.burst()


HANDLERS = {
    "function": lambda *_: Limits().burst(),
    "method": Limits().method,
    "partial": functools.partial(Limits().method, 1),
    "object": Limits(),
}


@pytest.fixture(params=HANDLERS)
def alarmed(request):
    """
    Sends this process a signal, whose handler raises.
    """
    before = signal.signal(signal.SIGUSR1, HANDLERS[request.param])
    yield lambda: os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.our_failures
@pytest.mark.parametrize("hook", ["on_start", "on_end"])
@pytest.mark.parametrize("run", [with_block, call, generator])
def test_what_a_signal_handler_raises_reaches_the_program(hook, run, alarmed, provider, bursting):
    """
    Even where it is an Exception that comes to pass in our code: it is no failure, and the road stays.
    """
    profiler = PerformanceProfiler("x", tracer_provider=provider)
    road, failures = road_on(provider).name, _state.failures()
    bursting.hook, bursting.burst = hook, alarmed

    with pytest.raises(SoftLimit):
        run(profiler, list)

    assert untouched(profiler)
    assert (road_on(provider).name, _state.failures()) == (road, failures)


@pytest.mark.our_failures
@pytest.mark.parametrize("reading", [1, 2])
def test_what_a_signal_handler_raises_in_the_clock_reaches_the_program(reading, alarmed, provider, bursting):
    """
    As a block begins, and as it ends.
    """
    readings = []

    def clock():
        readings.append(0)
        if len(readings) == reading:
            alarmed()
        return 0.0

    profiler = PerformanceProfiler("x", tracer_provider=provider, clock=clock)

    with pytest.raises(SoftLimit):
        with_block(profiler, list)

    assert untouched(profiler)
    assert bursting.ended == ["x"]
