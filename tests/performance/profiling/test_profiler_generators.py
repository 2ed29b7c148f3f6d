"""
Decorated generators and asynchronous generators: one block each, current only while their own code runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import inspect
import logging
import sys
import types
import weakref

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from autonomous_dev import _state
from autonomous_dev.performance import PerformanceProfiler
from telemetry import Clock, Providers


class Telemetry(Providers):
    """
    A clock and providers of one test, and what arrived at them.
    """

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.tracer = self.tracer_provider.get_tracer("app")

    def profiler(self, name="items"):
        """
        A profiler on these providers.
        """
        return PerformanceProfiler(
            name, clock=self.clock, tracer_provider=self.tracer_provider, meter_provider=self.meter_provider
        )

    def spans(self):
        """
        Spans that have ended, by name.
        """
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
def telemetry(caplog):
    """
    Providers of one test. OpenTelemetry logs what is detached in the wrong context: nothing may be.
    """
    caplog.set_level(logging.WARNING)
    made = Telemetry()
    yield made
    made.shutdown()
    assert not [record for record in caplog.get_records("call") if record.name.startswith("opentelemetry")]


def current():
    """
    Name of the current span; empty for none.
    """
    return getattr(trace.get_current_span(), "name", "")


def consume(asynchronous):
    """
    All items of an asynchronous iterable.
    """

    async def run():
        return [item async for item in asynchronous]

    return asyncio.run(run())


def test_a_generator_is_one_block_from_its_first_item_to_its_end(telemetry):
    """
    The time from the first item asked for to the end is one duration and one span; making the generator takes none.
    """

    @telemetry.profiler()
    def items(count):
        """Some."""
        for number in range(count):
            telemetry.clock.now += 1
            yield number
        return "all"

    def both():
        return (yield from items(3))

    assert inspect.isgeneratorfunction(items)
    assert (items.__name__, items.__doc__, items.__wrapped__.__name__) == ("items", "Some.", "items")
    waiting = items(5)
    telemetry.clock.now += 100
    outer = both()
    got = []

    def consume_all():
        while True:
            got.append(next(outer))
            telemetry.clock.now += 10

    with pytest.raises(StopIteration) as stopped:
        consume_all()

    waiting.close()
    assert (got, stopped.value.value) == ([0, 1, 2], "all")
    assert _state.operations()["items", ""][:2] == (1.0, 33.0)
    (span,) = telemetry.exporter.get_finished_spans()
    assert span.attributes["code.function.name"].endswith("items")


def test_the_span_is_current_in_the_body_only(telemetry):
    """
    Between two items the consumer's own span is current, in the body the generator's and what the body opened.
    """
    seen = []

    @telemetry.profiler()
    def items():
        seen.append(current())
        yield 1
        with telemetry.tracer.start_as_current_span("inner"):
            seen.append(current())
            yield 2
            seen.append(current())
        seen.append(current())
        yield 3

    with telemetry.tracer.start_as_current_span("consumer"):
        for number in items():
            assert current() == "consumer"
            with telemetry.tracer.start_as_current_span(f"work {number}"):
                assert current() == f"work {number}"
        assert current() == "consumer"
    assert current() == ""

    assert seen == ["items", "inner", "inner", "items"]
    spans = telemetry.spans()
    parents = {name: span.parent.span_id if span.parent else None for name, span in spans.items()}
    consumer = spans["consumer"].context.span_id
    assert parents["items"] == parents["work 1"] == parents["work 3"] == consumer
    assert parents["inner"] == spans["items"].context.span_id


def test_duration_and_blocks_inside_are_those_of_the_body(telemetry):
    """
    In the body the profiler's duration runs on from the first item; in the consumer it is that of its own block.
    """
    profiler = telemetry.profiler()
    clock = telemetry.clock
    inside, outside = [], []

    @profiler
    def items():
        for number in (1, 2):
            clock.now += 1
            inside.append(profiler.duration)
            yield number

    clock.now = 50.0
    with profiler:
        clock.now += 2
        for _ in items():
            clock.now += 10
            outside.append(profiler.duration)

    assert inside == [1.0, 12.0]
    assert outside == [13.0, 24.0]
    assert _state.operations()["items", ""][:2] == (2.0, 22.0 + 24.0)


def test_a_block_that_the_body_holds_open_over_items_is_the_bodys(telemetry):
    """
    A block of the same profiler that the body began before an item is innermost again after it, and not in between.
    """
    profiler = telemetry.profiler()
    clock = telemetry.clock
    seen = []

    @profiler
    def items():
        clock.now += 1
        with profiler:
            clock.now += 1
            yield
            seen.append(profiler.duration)
        seen.append(profiler.duration)

    with profiler:
        for _ in items():
            clock.now += 10
            seen.append(profiler.duration)

    assert seen == [12.0, 11.0, 12.0]
    assert _state.operations()["items", ""][:2] == (3.0, 11.0 + 12.0 + 12.0)


def test_two_generators_of_one_function_may_run_in_turns(telemetry):
    """
    Each generator keeps its own block and span.
    """

    @telemetry.profiler()
    def items(names):
        for _ in range(2):
            names.append(trace.get_current_span().get_span_context().span_id)
            telemetry.clock.now += 1
            yield

    one, two = [], []
    for _ in zip(items(one), items(two), strict=False):
        telemetry.clock.now += 1
    gc.collect()

    assert len(set(one)) == len(set(two)) == 1
    assert set(one) != set(two)
    assert _state.operations()["items", ""][0] == 2


@pytest.mark.parametrize(
    ("exception", "error_type"), [(KeyError("k"), "KeyError"), (KeyboardInterrupt(), "KeyboardInterrupt")]
)
def test_an_exception_of_the_body_passes_untouched(telemetry, exception, error_type):
    """
    It ends the block as a failure, with its class on span and duration.
    """

    @telemetry.profiler()
    def items():
        yield 1
        raise exception

    generator = items()
    next(generator)
    with pytest.raises(type(exception)) as raised:
        next(generator)

    assert raised.value is exception
    span = telemetry.spans()["items"]
    assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, error_type)
    assert list(_state.operations()) == [("items", error_type)]
    with pytest.raises(StopIteration):
        next(generator)


def echo(log):
    """
    A generator that shows all that is done to it.
    """
    received = None
    while True:
        try:
            received = yield received
            log.append(("sent", received))
        except ValueError as error:
            log.append(("thrown", str(error)))
            received = "caught"
        except GeneratorExit:
            log.append("closed")
            raise
        if received == "stop":
            return "result"


def test_what_is_sent_thrown_and_closed_reaches_the_body():
    """
    ``send``, ``throw``, ``close`` and the returned value are those of the generator itself.
    """
    profiler = PerformanceProfiler("echo")

    def story(function):
        log, seen = [], []
        generator = function(log)
        seen.append(next(generator))
        seen.append(generator.send("a"))
        seen.append(generator.throw(ValueError("v")))
        with pytest.raises(StopIteration) as stopped:
            generator.send("stop")
        seen.append(stopped.value.value)
        closed = function(log)
        next(closed)
        closed.close()
        closed.close()
        thrown = function(log)
        next(thrown)
        with pytest.raises(KeyError) as raised:
            thrown.throw(KeyError("k"))
        seen.append(str(raised.value))
        return log, seen

    assert story(profiler(echo)) == story(echo)
    counts = {key: cells[0] for key, cells in _state.operations().items()}
    assert counts == {("echo", ""): 2.0, ("echo", "KeyError"): 1.0}  # being closed is no failure


def test_a_body_that_yields_when_it_is_closed_is_told_so_as_ever():
    """
    A generator that ignores being closed makes the same error, decorated or not.
    """

    def stubborn():
        while True:
            with contextlib.suppress(GeneratorExit):
                yield 1

    for function in (stubborn, PerformanceProfiler("stubborn")(stubborn)):
        generator = function()
        next(generator)
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            generator.close()
        body = generator.gi_frame.f_locals.get("body", generator)
        # It ends in no other way.
        sys.unraisablehook, hook = lambda _: None, sys.unraisablehook
        try:
            del generator, body
            gc.collect()
        finally:
            sys.unraisablehook = hook


def test_a_generator_that_is_dropped_is_closed_and_counted(telemetry):
    """
    Where the consumer leaves early the body's clean-up runs, and the block ends.
    """
    cleaned = []

    @telemetry.profiler()
    def items():
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(current())

    for _ in items():
        break
    gc.collect()

    assert cleaned == ["items"]
    assert telemetry.spans()["items"].status.status_code is StatusCode.UNSET
    assert current() == ""
    assert _state.operations()["items", ""][0] == 1


def test_arguments_and_sent_values_are_let_go(telemetry):
    """
    A generator that lives long keeps neither its arguments nor an exception alive that the body let go.
    """

    class Thing:
        pass

    @telemetry.profiler()
    def items(thing):
        del thing
        yield 1
        with contextlib.suppress(ValueError):
            yield 2
        yield 3

    thing, error = Thing(), ValueError("x")
    gone, forgotten = weakref.ref(thing), weakref.ref(thing)
    generator = items(thing)
    del thing
    assert next(generator) == 1
    assert gone() is None

    error.thing = Thing()
    forgotten = weakref.ref(error.thing)
    next(generator)
    generator.throw(error)
    del error
    gc.collect()
    assert forgotten() is None
    generator.close()


def test_a_generator_may_run_in_one_context_and_end_in_another(telemetry):
    """
    The span ends where the generator ends, and neither context keeps anything of it.
    """

    @telemetry.profiler()
    def items():
        yield 1
        yield 2

    generator = items()
    first, second = contextvars.Context(), contextvars.Context()
    first.run(next, generator)
    assert first.run(current) == ""
    second.run(next, generator)
    second.run(generator.close)

    assert second.run(current) == ""
    assert list(telemetry.spans()) == ["items"]
    assert first.run(_state.innermost_block.get) is None
    assert second.run(_state.innermost_block.get) is None


def test_context_variables_of_the_body_are_the_programs_own():
    """
    What the body sets in its context the consumer sees, as without the decorator: fixtures rely on it.
    """
    variable = contextvars.ContextVar("variable", default="unset")

    @contextlib.contextmanager
    @PerformanceProfiler("manager")
    def manager():
        token = variable.set("set")
        try:
            yield
        finally:
            variable.reset(token)

    with manager():
        assert variable.get() == "set"
    assert variable.get() == "unset"
    assert _state.operations()["manager", ""][0] == 1


def test_what_types_coroutine_made_can_still_be_awaited():
    """
    A generator-based coroutine stays one.
    """

    @PerformanceProfiler("old style")
    @types.coroutine
    def pause():
        yield
        return 7

    async def run():
        return await pause()

    assert asyncio.run(run()) == 7
    assert _state.operations()["old style", ""][0] == 1


def test_methods_and_objects_that_generate_can_be_decorated():
    """
    A generator method, a static one and an object whose call generates are timed as generators.
    """
    profiler = PerformanceProfiler("method", clock=(clock := Clock()))

    class Thing:
        @profiler
        def items(self):
            clock.now += 1
            yield self

        @profiler
        @staticmethod
        def static():
            clock.now += 1
            yield 1

        def __call__(self):
            clock.now += 1
            yield 2

    thing = Thing()
    assert [list(thing.items()), list(Thing.static()), list(profiler(thing)())] == [[thing], [1], [2]]
    assert _state.operations()["method", ""][:2] == (3.0, 3.0)


# Asynchronous generators.


def test_an_asynchronous_generator_is_one_block_from_its_first_item_to_its_end(telemetry):
    """
    It stays one to see, and is one duration and one span over its awaits.
    """

    @telemetry.profiler()
    async def items(count):
        for number in range(count):
            await asyncio.sleep(0)
            telemetry.clock.now += 1
            assert current() == "items"
            yield number

    assert inspect.isasyncgenfunction(items)
    assert consume(items(3)) == [0, 1, 2]
    assert _state.operations()["items", ""][:2] == (1.0, 3.0)
    assert list(telemetry.spans()) == ["items"]


def test_between_two_items_of_an_asynchronous_generator_the_consumers_span_is_current(telemetry):
    """
    The generator's span does not leak into its consumer, nor into tasks that run while it waits.
    """
    seen = []

    @telemetry.profiler()
    async def items():
        for number in (1, 2):
            await asyncio.sleep(0)
            yield number

    async def other():
        for _ in range(6):
            seen.append(current())
            await asyncio.sleep(0)

    async def run():
        task = asyncio.create_task(other())
        with telemetry.tracer.start_as_current_span("consumer"):
            async for _ in items():
                assert current() == "consumer"
                await asyncio.sleep(0)
                assert current() == "consumer"
            assert current() == "consumer"
        await task

    asyncio.run(run())

    assert set(seen) == {""}
    spans = telemetry.spans()
    assert spans["items"].parent.span_id == spans["consumer"].context.span_id


def test_what_is_sent_and_thrown_reaches_the_body_of_an_asynchronous_generator():
    """
    ``asend``, ``athrow`` and ``aclose`` do what they do without the decorator.
    """

    async def aecho(log):
        received = None
        try:
            while received != "stop":
                try:
                    received = yield received
                    log.append(received)
                except ValueError as error:
                    log.append(str(error))
                    received = "caught"
        finally:
            await asyncio.sleep(0)
            log.append("cleaned")

    async def story(function):
        log, seen = [], []
        generator = function(log)
        seen.append(await generator.asend(None))
        seen.append(await generator.asend("a"))
        seen.append(await generator.athrow(ValueError("v")))
        await generator.aclose()
        with pytest.raises(StopAsyncIteration):
            await generator.asend(None)
        ended = function(log)
        await anext(ended)
        with pytest.raises(StopAsyncIteration):
            await ended.asend("stop")
        failed = function(log)
        await anext(failed)
        with pytest.raises(KeyError, match="k"):
            await failed.athrow(KeyError("k"))
        return log, seen

    assert asyncio.run(story(PerformanceProfiler("aecho")(aecho))) == asyncio.run(story(aecho))
    counts = {key: cells[0] for key, cells in _state.operations().items()}
    assert counts == {("aecho", ""): 2.0, ("aecho", "KeyError"): 1.0}


def test_the_loop_closes_an_asynchronous_generator_that_was_left(telemetry, capfd):
    """
    One that is still open when the loop ends, and one that was dropped, are closed once, with their clean-up awaited.
    """
    cleaned, kept = [], []

    @telemetry.profiler()
    async def items(name):
        try:
            while True:
                yield name
        finally:
            await asyncio.sleep(0)
            cleaned.append(name)

    async def run():
        async for _ in items("dropped"):
            break
        for _ in range(5):
            await asyncio.sleep(0)
        for name in ("kept", "kept too"):
            kept.append(items(name))
            await anext(kept[-1])

    asyncio.run(run())

    assert sorted(cleaned) == ["dropped", "kept", "kept too"]
    assert _state.operations()["items", ""][0] == 3
    assert len(telemetry.exporter.get_finished_spans()) == 3
    assert capfd.readouterr().err == ""


def test_a_cancelled_consumer_cancels_the_body(telemetry):
    """
    A cancellation while the body waits passes through it, and ends the block as one.
    """
    cleaned = []

    @telemetry.profiler()
    async def items():
        try:
            yield 1
            await asyncio.get_running_loop().create_future()
        finally:
            cleaned.append(current())

    async def run():
        task = asyncio.create_task(consume_in_loop(items()))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())

    assert cleaned == ["items"]
    assert list(_state.operations()) == [("items", "asyncio.exceptions.CancelledError")]


async def consume_in_loop(asynchronous):
    """
    All items.
    """
    return [item async for item in asynchronous]


def test_an_asynchronous_generator_that_ends_in_another_task_leaves_nothing_current(telemetry):
    """
    A generator that one task began and another one closes ends its span in the latter.
    """

    @telemetry.profiler()
    async def items():
        yield 1
        yield 2

    async def run():
        generator = items()
        await asyncio.create_task(begin(generator))
        await asyncio.create_task(generator.aclose())
        return current()

    async def begin(generator):
        await anext(generator)
        assert current() == ""

    assert asyncio.run(run()) == ""
    assert list(telemetry.spans()) == ["items"]


def test_a_generator_without_an_sdk_is_timed_all_the_same():
    """
    Where nobody records spans the durations are counted.
    """
    clock = Clock()

    @PerformanceProfiler("plain", clock=clock)
    def items():
        clock.now += 1
        yield 1

    assert list(items()) == [1]
    assert _state.operations()["plain", ""][:2] == (1.0, 1.0)


def test_a_generator_that_ended_keeps_nothing_of_its_callers_context():
    """
    What the caller's context held is freed at once, without the garbage collector.
    """

    class Request:
        pass

    request = contextvars.ContextVar("request", default=None)

    @PerformanceProfiler("rows")
    def rows(fails=False):
        yield 1
        if fails:
            raise KeyError

    def ended(how):
        held = Request()
        token = request.set(held)
        how()
        request.reset(token)
        return weakref.ref(held)

    def fail():
        with contextlib.suppress(KeyError):
            list(rows(fails=True))

    def close():
        started = rows()
        next(started)
        started.close()

    gc.collect()
    gc.disable()
    try:
        references = [ended(how) for how in (lambda: list(rows()), fail, close, lambda: next(rows()))]
        alive = [reference() for reference in references]
    finally:
        gc.enable()

    assert alive == [None] * 4
