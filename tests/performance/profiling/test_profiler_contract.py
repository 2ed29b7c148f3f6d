"""
What every kind of profiled block does alike, however it is written.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from autonomous_dev import _state
from autonomous_dev.conventions import CALL_DURATION
from autonomous_dev.performance import PerformanceProfiler
from telemetry import Providers


def with_block(profiler, body):
    """
    ``with``.
    """
    with profiler:
        return body()


def async_with_block(profiler, body):
    """
    ``async with``.
    """

    async def run():
        async with profiler:
            return body()

    return _in_a_loop(run())


def exit_stack(profiler, body):
    """
    A block that an exit stack ends.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(profiler)
        return body()


def function(profiler, body):
    """
    A decorated function.
    """
    return profiler(lambda: body())()  # noqa: PLW0108 - so that a function of ours is decorated, not the body


def method(profiler, body):
    """
    A decorated method.
    """

    class Thing:
        @profiler
        def run(self):
            return body()

    return Thing().run()


def class_method(profiler, body):
    """
    A decorated class method.
    """

    class Thing:
        @profiler
        @classmethod
        def run(cls):
            return body()

    return Thing.run()


def static_method(profiler, body):
    """
    A decorated static method.
    """

    class Thing:
        @staticmethod
        @profiler
        def run():
            return body()

    return Thing.run()


def callable_object(profiler, body):
    """
    A decorated object with a ``__call__``.
    """

    class Thing:
        def __call__(self):
            return body()

    return profiler(Thing())()


def coroutine_function(profiler, body):
    """
    A decorated coroutine function.
    """

    @profiler
    async def run():
        await asyncio.sleep(0)
        return body()

    return _in_a_loop(run())


def generator_function(profiler, body):
    """
    A decorated generator function, read to its end.
    """

    @profiler
    def run():
        yield 1
        yield body()

    return list(run())[-1]


def async_generator_function(profiler, body):
    """
    A decorated asynchronous generator function, read to its end.
    """

    @profiler
    async def run():
        yield 1
        yield body()

    async def read():
        return [item async for item in run()]

    return _in_a_loop(read())[-1]


def _in_a_loop(coroutine):
    """
    Run it to its end, in a thread of its own where this one has a loop that runs already.
    """
    if asyncio._get_running_loop() is None:
        return asyncio.run(coroutine)
    results, context = [], contextvars.copy_context()

    def run():
        try:
            results.append((context.run(asyncio.run, coroutine), None))
        except BaseException as error:  # noqa: BLE001 - raised below
            results.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, error = results[0]
    if error is not None:
        raise error
    return result


KINDS = (
    with_block,
    async_with_block,
    exit_stack,
    function,
    method,
    class_method,
    static_method,
    callable_object,
    coroutine_function,
    generator_function,
    async_generator_function,
)


class Telemetry(Providers):
    """
    Providers of its own, and what reached them.
    """

    def profiler(self, name="load"):
        """
        One that reports here.
        """
        return PerformanceProfiler(name, **self.providers)

    def durations(self):
        """
        How many durations there are, by error type.
        """
        data = self.reader.get_metrics_data()
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
        points = [p for metric in metrics if metric.name == CALL_DURATION for p in metric.data.data_points]
        return {point.attributes.get("error.type", ""): point.count for point in points}


@pytest.fixture
def telemetry():
    """
    Providers that are shut down afterwards.
    """
    made = Telemetry()
    yield made
    made.shutdown()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
class TestEveryKindOfBlock:
    """
    One contract for all.
    """

    met: set[str] = set()  # noqa: RUF012 - counted over the whole class

    def test_it_is_one_span_one_duration_and_one_count(self, kind, telemetry):
        """
        What the body gives comes out, and the block is seen once everywhere.
        """
        self.met.add(kind.__name__)
        result = object()
        profiler = telemetry.profiler()

        assert kind(profiler, lambda: result) is result
        assert [span.name for span in telemetry.exporter.get_finished_spans()] == ["load"]
        assert telemetry.durations() == {"": 1}
        assert {key: cells[0] for key, cells in _state.operations().items()} == {("load", ""): 1}

    def test_its_span_is_current_inside_and_the_outer_one_again_afterwards(self, kind, telemetry):
        """
        Spans inside are its children, and it is a child of what was current before.
        """
        tracer = telemetry.tracer_provider.get_tracer("app")
        profiler = telemetry.profiler()

        def body():
            with tracer.start_as_current_span("inner"):
                return trace.get_current_span()

        with tracer.start_as_current_span("outer") as outer:
            kind(profiler, body)
            assert trace.get_current_span() is outer
        spans = {span.name: span for span in telemetry.exporter.get_finished_spans()}

        assert spans["inner"].parent.span_id == spans["load"].context.span_id
        assert spans["load"].parent.span_id == spans["outer"].context.span_id
        assert trace.get_current_span() is trace.INVALID_SPAN

    def test_an_exception_passes_untouched_and_is_told(self, kind, telemetry):
        """
        The very exception, without another in its context; span, duration and count know its class.
        """
        error = KeyError("k")
        profiler = telemetry.profiler()

        def body():
            raise error

        with pytest.raises(KeyError) as caught:
            kind(profiler, body)
        (span,) = telemetry.exporter.get_finished_spans()

        assert caught.value is error
        assert error.__context__ is None
        assert error.__cause__ is None
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "KeyError"
        assert telemetry.durations() == {"KeyError": 1}
        assert list(_state.operations()) == [("load", "KeyError")]
        assert trace.get_current_span() is trace.INVALID_SPAN

    def test_its_duration_is_known_afterwards(self, kind):
        """
        What the clock says between the beginning and the end, in the guide's three entries.
        """
        readings = iter([5.0, 7.5])
        profiler = PerformanceProfiler("load", clock=lambda: next(readings))

        kind(profiler, lambda: None)

        assert profiler.duration == 2.5
        assert profiler.get_stats() == {"operation": "load", "duration_seconds": 2.5, "duration_ms": 2500.0}

    def test_it_may_be_entered_inside_itself(self, kind, telemetry):
        """
        The inner block is a child of the outer one, and both are counted.
        """
        profiler = telemetry.profiler()

        assert kind(profiler, lambda: kind(profiler, lambda: 5)) == 5
        inner, outer = telemetry.exporter.get_finished_spans()

        assert inner.parent.span_id == outer.context.span_id
        assert outer.parent is None
        assert telemetry.durations() == {"": 2}

    def test_threads_that_share_it_lose_no_count(self, kind):
        """
        Four threads that began together: as many counts as blocks.
        """
        profiler = PerformanceProfiler("load")
        begin = threading.Barrier(4)

        def work():
            begin.wait()
            for _ in range(50):
                kind(profiler, lambda: None)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert _state.operations()[("load", "")][0] == 200

    @pytest.mark.our_failures
    def test_a_clock_that_fails_costs_the_duration_only(self, kind, caplog, monkeypatch):
        """
        The body runs, what it gives comes out, and the failure is logged once.
        """
        monkeypatch.setattr(_state, "_failures", {})

        def broken():
            raise OSError("no clock")

        assert kind(PerformanceProfiler("load", clock=broken), lambda: 5) == 5
        assert len(caplog.records) == 1

    def test_it_works_in_a_forked_child(self, kind):
        """
        A profiler of the parent times a block of the child, also from inside a block.
        """
        profiler = PerformanceProfiler("load")

        def body():
            child = os.fork()
            if child == 0:
                os._exit(0 if kind(profiler, lambda: 5) == 5 else 1)
            return os.waitpid(child, 0)[1]

        if kind in (async_with_block, coroutine_function, async_generator_function):
            assert body() == 0  # asyncio's own loop is not to be forked
        else:
            assert kind(profiler, body) == 0


def test_the_contract_met_every_kind():
    """
    No kind was left out: eleven.
    """
    if not TestEveryKindOfBlock.met:
        pytest.skip("only this test was asked for")
    assert len(KINDS) == 11
    assert {kind.__name__ for kind in KINDS} == TestEveryKindOfBlock.met
