from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import inspect
import logging
import pickle
import threading
import weakref

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import StatusCode

from autonomous_dev import _state
from autonomous_dev.conventions import DURATION_BOUNDS
from autonomous_dev.errors import InvalidNameError, InvalidTypeError, InvalidValueError
from autonomous_dev.performance import PerformanceProfiler
from telemetry import Clock, Providers

OPERATION = "autonomous_dev.operation.name"


class Telemetry(Providers):
    """
    Providers of one test, and what arrived at them.
    """

    def spans(self):
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def durations(self):
        (resource,) = self.reader.get_metrics_data().resource_metrics
        (scope,) = resource.scope_metrics
        (metric,) = [metric for metric in scope.metrics if metric.name == "autonomous_dev.call.duration"]
        assert metric.unit == "s"
        assert metric.description
        assert scope.scope.name == "autonomous_dev"
        return {tuple(sorted(point.attributes.items())): point for point in metric.data.data_points}


@pytest.fixture
def telemetry():
    """
    Providers of one test, shut down after it.
    """
    made = Telemetry()
    yield made
    made.shutdown()


# Time.


def test_duration_runs_inside_and_stands_after():
    """
    Inside a block the duration is the time so far, afterwards the time that the block took.
    """
    clock = Clock(100.0)
    profiler = PerformanceProfiler("load", clock=clock)
    assert profiler.duration == 0.0

    with profiler as entered:
        clock.now += 1.5
        inside = profiler.duration
        clock.now += 0.5
    clock.now += 10

    assert entered is profiler
    assert (inside, profiler.duration) == (1.5, 2.0)


def test_get_stats_has_exactly_the_three_entries_of_the_guide():
    """
    The statistics are the operation and its duration in seconds and in milliseconds.
    """
    clock = Clock(100.0)
    with PerformanceProfiler("data_processing", clock=clock) as profiler:
        clock.now += 1.25

    assert profiler.get_stats() == {
        "operation": "data_processing",
        "duration_seconds": 1.25,
        "duration_ms": 1250.0,
    }


def test_a_profiler_entered_inside_itself_times_both_blocks(telemetry):
    """
    Each of two nested blocks of one profiler has its own duration.
    """
    clock = Clock(100.0)
    profiler = PerformanceProfiler("walk", clock=clock, **telemetry.providers)

    with profiler:
        clock.now += 1
        with profiler:
            clock.now += 2
        inner = profiler.get_stats()["duration_seconds"]
        clock.now += 4
    outer = profiler.duration

    assert (inner, outer) == (3.0, 7.0)  # back in the outer block, which has run for 3 s
    point = telemetry.durations()[((OPERATION, "walk"),)]
    assert (point.count, point.sum, point.min, point.max) == (2, 9.0, 2.0, 7.0)


def test_threads_that_share_a_profiler_have_blocks_of_their_own(telemetry):
    """
    Two blocks of one profiler that overlap in two threads, ending in the order of their start, keep their times.
    """
    readings = threading.local()
    profiler = PerformanceProfiler("shared", clock=lambda: readings.now, **telemetry.providers)
    both_inside = threading.Barrier(2, timeout=30)
    first_left = threading.Event()
    running = {}

    def first():
        readings.now = 0.0
        with profiler:
            both_inside.wait()
            readings.now = 3.0
            running["first"] = profiler.duration
        first_left.set()

    def second():
        readings.now = 100.0
        with profiler:
            both_inside.wait()
            assert first_left.wait(30)
            readings.now = 105.0
            running["second"] = profiler.duration

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert running == {"first": 3.0, "second": 5.0}
    point = telemetry.durations()[((OPERATION, "shared"),)]
    assert (point.count, point.min, point.max) == (2, 3.0, 5.0)


def test_tasks_that_share_a_profiler_have_blocks_of_their_own():
    """
    Two blocks of one profiler that overlap in two tasks of one thread keep their times and their parents.
    """
    clock = Clock(100.0)
    telemetry = Telemetry()
    profiler = PerformanceProfiler("shared", clock=clock, **telemetry.providers)
    seen = {}

    async def first(entered, leave):
        async with profiler:
            entered.set()
            await leave.wait()
            seen["first"] = profiler.duration

    async def second(entered, leave):
        await entered.wait()
        clock.now += 1
        async with profiler:
            leave.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            clock.now += 2
            seen["second"] = profiler.duration

    async def both():
        entered, leave = asyncio.Event(), asyncio.Event()
        await asyncio.gather(first(entered, leave), second(entered, leave))

    asyncio.run(both())

    assert seen == {"first": 1.0, "second": 2.0}
    assert all(span.parent is None for span in telemetry.exporter.get_finished_spans())
    assert len(telemetry.exporter.get_finished_spans()) == 2


def test_a_task_that_was_made_inside_a_block_ends_its_own():
    """
    A child task that enters its parent's profiler leaves the parent's block alone.
    """
    clock = Clock(100.0)
    profiler = PerformanceProfiler("parent", clock=clock)
    seen = {}

    async def child():
        with profiler:
            clock.now += 1
            seen["child"] = profiler.duration

    async def parent():
        with profiler:
            clock.now += 10
            await asyncio.create_task(child())
            seen["parent"] = profiler.duration

    asyncio.run(parent())

    assert seen == {"child": 1.0, "parent": 11.0}


def test_a_block_may_end_in_another_context_than_it_began_in():
    """
    A block that a fixture or an exit stack ends elsewhere is still counted once.
    """
    clock = Clock(100.0)
    profiler = PerformanceProfiler("fixture", clock=clock)

    contextvars.Context().run(profiler.__enter__)
    clock.now += 2
    contextvars.Context().run(profiler.__exit__, None, None, None)
    contextvars.Context().run(profiler.__exit__, None, None, None)  # once too often: nothing

    assert profiler.duration == 2.0
    assert _state.operations()["fixture", ""][:2] == (1.0, 2.0)


def test_blocks_that_end_in_another_order_keep_their_times():
    """
    Of two profilers in one context the outer may end first.
    """
    clock = Clock(100.0)
    outer, inner = PerformanceProfiler("outer", clock=clock), PerformanceProfiler("inner", clock=clock)

    outer.__enter__()
    clock.now += 1
    inner.__enter__()
    clock.now += 1
    outer.__exit__(None, None, None)
    clock.now += 1
    inner.__exit__(None, None, None)

    assert (outer.duration, inner.duration) == (2.0, 2.0)


def test_blocks_that_have_ended_do_not_pile_up():
    """
    A context remembers the blocks that are open and the one that ended last, however many ran.
    """

    def remembered():
        block, count = _state.innermost_block.get(), 0
        while block is not None:
            block, count = block.outer, count + 1
        return count

    def run():
        for _ in range(50):
            with PerformanceProfiler("outer"), PerformanceProfiler("inner"):
                pass
        return remembered()

    assert contextvars.Context().run(run) <= 2


def test_a_clock_that_goes_back_gives_no_negative_duration():
    """
    A duration is never below zero.
    """
    clock = Clock(100.0)
    with PerformanceProfiler("back", clock=clock) as profiler:
        clock.now -= 5

    assert profiler.duration == 0.0


# Cells.


def test_a_block_is_counted_in_the_cells_of_the_process():
    """
    Without any SDK the count, sum and bucket of each operation are kept.
    """
    clock = Clock(100.0)
    for seconds in (0.25, 0.25, 400.0):
        with PerformanceProfiler("count", clock=clock):
            clock.now += seconds

    count, total, *buckets = _state.operations()["count", ""]
    assert (count, total) == (3.0, 400.5)
    assert buckets[DURATION_BOUNDS.index(0.25)] == 2.0
    assert buckets[-1] == 1.0


def test_operations_beyond_the_bound_are_counted_and_labelled_together(monkeypatch, telemetry):
    """
    A program that makes up names makes no endless series, neither in cells nor in labels.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 2)

    for number in range(5):
        with PerformanceProfiler(f"user {number}", **telemetry.providers):
            pass

    assert set(_state.operations()) == {("user 0", ""), ("user 1", ""), ("_other", "")}
    points = telemetry.durations()
    assert {dict(key)[OPERATION]: point.count for key, point in points.items()} == {
        "user 0": 1,
        "user 1": 1,
        "_other": 3,
    }


# Spans and histogram.


def test_a_block_is_a_span_and_a_value_of_the_histogram(telemetry):
    """
    A block gives one span named as the operation and one duration, in buckets made for seconds.
    """
    clock = Clock(100.0)
    with PerformanceProfiler("load", clock=clock, **telemetry.providers):
        clock.now += 0.3

    span = telemetry.spans()["load"]
    assert dict(span.attributes) == {OPERATION: "load"}
    assert span.status.status_code is StatusCode.UNSET
    assert span.instrumentation_scope.name == "autonomous_dev"
    point = telemetry.durations()[((OPERATION, "load"),)]
    assert point.explicit_bounds == DURATION_BOUNDS
    assert point.sum == pytest.approx(0.3)
    assert point.bucket_counts[DURATION_BOUNDS.index(0.5)] == 1


def test_spans_nest_as_blocks_do(telemetry):
    """
    The parent of an inner block's span is the outer's, and afterwards no span is current.
    """
    with PerformanceProfiler("outer", **telemetry.providers):
        with PerformanceProfiler("inner", **telemetry.providers):
            assert trace.get_current_span().name == "inner"
        assert trace.get_current_span().name == "outer"

    spans = telemetry.spans()
    assert spans["inner"].parent.span_id == spans["outer"].context.span_id
    assert spans["outer"].parent is None
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_the_users_attributes_are_on_the_span_only(telemetry):
    """
    Attributes never become labels, and cannot replace ours.
    """
    attributes = {"user": "u-123", OPERATION: "mine"}
    with PerformanceProfiler("load", attributes=attributes, **telemetry.providers):
        attributes["later"] = 1

    assert dict(telemetry.spans()["load"].attributes) == {"user": "u-123", OPERATION: "load"}
    assert list(telemetry.durations()) == [((OPERATION, "load"),)]


def test_an_exemplar_points_to_the_span_of_the_block(telemetry):
    """
    The duration is recorded while the block's span is current.
    """
    with PerformanceProfiler("load", **telemetry.providers):
        pass

    (exemplar,) = telemetry.durations()[((OPERATION, "load"),)].exemplars
    assert exemplar.span_id == telemetry.spans()["load"].context.span_id


def test_an_unsampled_block_is_current_so_that_its_children_are_not_sampled_either():
    """
    A sampler's no to the outer block holds for the blocks inside.
    """
    telemetry = Telemetry(sampler=ParentBased(ALWAYS_OFF))
    with PerformanceProfiler("outer", **telemetry.providers):
        context = trace.get_current_span().get_span_context()
        assert context.is_valid
        assert not context.trace_flags.sampled
        with PerformanceProfiler("inner", **telemetry.providers):
            assert trace.get_current_span().get_span_context().trace_id == context.trace_id

    assert telemetry.spans() == {}
    assert {dict(key)[OPERATION] for key in telemetry.durations()} == {"outer", "inner"}


def test_without_a_tracer_provider_the_programs_own_span_stays_current(telemetry):
    """
    A block that records no span does not hide the recording span around it.
    """
    with telemetry.tracer_provider.get_tracer("app").start_as_current_span("app") as span, PerformanceProfiler("block"):
        assert trace.get_current_span() is span


@pytest.mark.parametrize(
    ("exception", "error_type"),
    [
        (KeyError("k"), "KeyError"),
        (InvalidTypeError("x"), "autonomous_dev.errors.InvalidTypeError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (asyncio.CancelledError(), "asyncio.exceptions.CancelledError"),
        (SystemExit(2), "SystemExit"),
    ],
)
def test_an_exception_passes_untouched_and_is_on_span_and_histogram(telemetry, exception, error_type):
    """
    The very exception leaves the block; its qualified class is the error type, built-ins without a module.
    """
    with pytest.raises(type(exception)) as raised, PerformanceProfiler("load", **telemetry.providers):
        raise exception

    assert raised.value is exception
    span = telemetry.spans()["load"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == error_type
    (event,) = span.events
    assert event.name == "exception"
    assert list(telemetry.durations()) == [((OPERATION, "load"), ("error.type", error_type))]
    assert list(_state.operations()) == [("load", error_type)]


@pytest.mark.parametrize("exception", [GeneratorExit(), SystemExit(0), SystemExit()])
def test_an_end_that_is_no_failure_is_counted_as_success(telemetry, exception):
    """
    Closing a generator and leaving the program with code 0 set no error.
    """
    with pytest.raises(type(exception)), PerformanceProfiler("main", **telemetry.providers):
        raise exception

    assert telemetry.spans()["main"].status.status_code is StatusCode.UNSET
    assert list(telemetry.durations()) == [((OPERATION, "main"),)]


# Decorator.


def test_a_decorated_function_is_a_block_per_call(telemetry):
    """
    Each call is a span with the function's name, and the function looks as before.
    """
    clock = Clock(100.0)

    @PerformanceProfiler("double", clock=clock, attributes={"a": 1}, **telemetry.providers)
    def double(number: int, *, plus: int = 0) -> int:
        """Twice."""
        clock.now += 1
        return 2 * number + plus

    assert (double(2), double(number=3, plus=1)) == (4, 7)

    assert (double.__name__, double.__doc__) == ("double", "Twice.")
    assert list(inspect.signature(double).parameters) == ["number", "plus"]
    spans = telemetry.exporter.get_finished_spans()
    name = f"{__name__}.test_a_decorated_function_is_a_block_per_call.<locals>.double"
    code = inspect.unwrap(double).__code__
    assert [dict(span.attributes) for span in spans] == [
        {
            "a": 1,
            OPERATION: "double",
            "code.function.name": name,
            "code.file.path": __file__,
            "code.line.number": code.co_firstlineno,
        }
    ] * 2
    assert telemetry.durations()[((OPERATION, "double"),)].count == 2


def test_a_decorated_function_may_call_itself(telemetry):
    """
    Recursion nests blocks of one profiler.
    """
    clock = Clock(100.0)

    @PerformanceProfiler("down", clock=clock, **telemetry.providers)
    def down(number):
        clock.now += 1
        return down(number - 1) if number else 0

    down(2)

    point = telemetry.durations()[((OPERATION, "down"),)]
    assert (point.count, point.sum) == (3, 6.0)
    depths = [span.parent is None for span in telemetry.exporter.get_finished_spans()]
    assert depths == [False, False, True]


def test_a_coroutine_function_is_timed_until_it_returns(telemetry):
    """
    A decorated coroutine function stays one, is timed over its awaits, and passes exceptions.
    """
    clock = Clock(100.0)

    @PerformanceProfiler("fetch", clock=clock, **telemetry.providers)
    async def fetch(fail):
        await asyncio.sleep(0)
        clock.now += 2
        if fail:
            raise KeyError("gone")
        return trace.get_current_span().name

    assert inspect.iscoroutinefunction(fetch)
    assert asyncio.run(fetch(fail=False)) == "fetch"
    with pytest.raises(KeyError, match="gone"):
        asyncio.run(fetch(fail=True))

    points = telemetry.durations()
    assert points[((OPERATION, "fetch"),)].sum == 2.0
    assert points[((OPERATION, "fetch"), ("error.type", "KeyError"))].sum == 2.0


def test_a_callable_object_with_an_async_call_is_timed_until_it_returns():
    """
    What is awaited is timed, however the coroutine comes about.
    """
    clock = Clock(100.0)

    class Fetch:
        async def __call__(self):
            clock.now += 3

    profiler = PerformanceProfiler("fetch", clock=clock)
    asyncio.run(profiler(Fetch())())

    assert profiler.duration == 3.0


def test_methods_static_and_class_methods_can_be_decorated():
    """
    The decorator keeps what kind of method it is, above or below the other decorator.
    """
    timed = PerformanceProfiler("method")

    class Thing:
        @timed
        def plain(self, x):
            return (type(self), x)

        @timed
        @staticmethod
        def static(x):
            return x

        @timed
        @classmethod
        def of_class(cls, x):
            return (cls, x)

        @staticmethod
        @timed
        def below(x):
            return x

    thing = Thing()
    assert thing.plain(1) == (Thing, 1)
    assert (thing.static(2), Thing.static(2), thing.below(3)) == (2, 2, 3)
    assert (thing.of_class(4), Thing.of_class(4)) == ((Thing, 4), (Thing, 4))
    assert _state.operations()["method", ""][0] == 6


def test_what_cannot_be_timed_by_a_decorator_is_refused_with_the_way_out():
    """
    Classes and what cannot be called fail at decoration.
    """
    profiler = PerformanceProfiler("x")

    with pytest.raises(InvalidTypeError, match="profile its methods"):
        profiler(Clock)
    with pytest.raises(InvalidTypeError, match="int cannot be profiled"):
        profiler(3)


# Wrong arguments.


@pytest.mark.parametrize(
    ("operation", "error", "message"),
    [
        ("", InvalidNameError, "''"),
        ("  ", InvalidNameError, "give it one"),
        ("a\nb", InvalidNameError, "control character"),
        ("x" * 256, InvalidNameError, "256 characters; shorten it to 255"),
        (3, InvalidTypeError, "is 3 of type int; expected a string"),
        (None, InvalidTypeError, "NoneType"),
        (print, InvalidTypeError, "print"),
    ],
)
def test_a_wrong_operation_fails_at_once(operation, error, message):
    """
    The message says what was given and what was expected.
    """
    with pytest.raises(error, match=message):
        PerformanceProfiler(operation)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attributes": [("a", 1)]}, "attributes is a list; expected a mapping"),
        ({"attributes": {1: "a"}}, "named 1; expected a string"),
        ({"attributes": {"": "a"}}, "named ''"),
        ({"tracer_provider": 1}, "tracer_provider is a int; expected a TracerProvider"),
        ({"meter_provider": "x"}, "meter_provider is a str; expected a MeterProvider"),
        ({"clock": 1.0}, "clock is a float"),
        ({"budget": True}, "budget is True of type bool; expected seconds"),
        ({"budget": "1"}, "budget is '1' of type str"),
        ({"size": True}, "size is True of type bool; expected a number of items"),
        ({"size": 1.0}, "size is 1.0 of type float.*a function of the call's arguments"),
        ({"size": 3, "complexity": 1}, "complexity is a int; expected one of constant"),
        ({"cpu": 1}, "cpu is 1 of type int; expected True or False"),
        ({"memory": "yes"}, "memory is 'yes' of type str"),
    ],
)
def test_a_wrong_argument_fails_at_once(arguments, message):
    """
    Nothing that cannot work is found out inside the watched program.
    """
    with pytest.raises(InvalidTypeError, match=message):
        PerformanceProfiler("x", **arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"attributes": {"k" * 256: 1}}, InvalidNameError, "name of 256 characters; shorten it to 255"),
        ({"budget": 0}, InvalidValueError, "budget is 0; expected seconds above 0"),
        ({"budget": -1.5}, InvalidValueError, "budget is -1.5"),
        ({"budget": float("nan")}, InvalidValueError, "budget is nan"),
        ({"budget": float("inf")}, InvalidValueError, "budget is inf"),
        ({"budget": 10**400}, InvalidValueError, "budget has 401 digits"),
        ({"size": 0}, InvalidValueError, "size is 0; expected 1 item or more"),
        ({"size": 3, "complexity": "magic"}, InvalidValueError, "complexity is 'magic'; expected one of constant"),
        ({"complexity": "linear"}, InvalidValueError, "size is not given; give size="),
    ],
)
def test_an_argument_out_of_its_domain_fails_at_once(arguments, error, message):
    """
    A value that means nothing is refused with the way out, and leaves no trace.
    """
    with pytest.raises(error, match=message):
        PerformanceProfiler("x", **arguments)

    assert _state.budgets == {}


def test_long_texts_of_attributes_are_cut_when_the_profiler_is_made(telemetry):
    """
    A span carries at most 4096 characters of each text, also of one in a list, and other values as they are.
    """
    attributes = {"text": "x" * 5000, "texts": ["a", "y" * 5000], "number": 10**6, "raw": b"bytes"}
    with PerformanceProfiler("load", attributes=attributes, **telemetry.providers):
        attributes["texts"].append("later")

    kept = telemetry.spans()["load"].attributes
    assert (kept["text"], kept["texts"], kept["number"]) == ("x" * 4096, ("a", "y" * 4096), 10**6)


# Nothing of ours breaks the program.


def broken(*args, **kwargs):
    """
    Fail, as third-party telemetry may.
    """
    raise RuntimeError("telemetry is broken")


class BrokenMetrics:
    """
    A meter provider, meter and histogram, which fails from a given call on.
    """

    def __init__(self, at):
        setattr(self, at, broken)

    def get_meter(self, *args, **kwargs):
        return self

    def create_histogram(self, *args, **kwargs):
        return self

    def record(self, *args, **kwargs):
        return None


class BrokenTracing:
    """
    A tracer provider and tracer that fails from a given call on, or gives something that is no span.
    """

    def __init__(self, at):
        if at != "span":
            setattr(self, at, broken)

    def get_tracer(self, *args, **kwargs):
        return self

    def start_span(self, *args, **kwargs):
        return None


class BrokenProcessor(SimpleSpanProcessor):
    """
    A span processor that fails when a span starts or ends.
    """

    def __init__(self, at):
        super().__init__(InMemorySpanExporter())
        setattr(self, at, broken)


def tracing_with(processor):
    """
    A provider with one span processor.
    """
    provider = TracerProvider()
    provider.add_span_processor(processor)
    return provider


@pytest.mark.our_failures
@pytest.mark.parametrize(
    "providers",
    [
        {"meter_provider": BrokenMetrics("get_meter")},
        {"meter_provider": BrokenMetrics("create_histogram")},
        {"meter_provider": BrokenMetrics("record")},
        {"tracer_provider": BrokenTracing("get_tracer")},
        {"tracer_provider": BrokenTracing("start_span")},
        {"tracer_provider": BrokenTracing("span")},
        {"tracer_provider": tracing_with(BrokenProcessor("on_start"))},
        {"tracer_provider": tracing_with(BrokenProcessor("on_end"))},
        {"clock": broken},
    ],
    ids=[
        "get_meter",
        "create_histogram",
        "record",
        "get_tracer",
        "start_span",
        "no span",
        "on_start",
        "on_end",
        "clock",
    ],
)
def test_broken_telemetry_never_reaches_the_program(providers, caplog, monkeypatch):
    """
    Blocks and calls go on, exceptions pass, the failure is logged once and counted.
    """
    monkeypatch.setattr(_state, "_failures", {})
    caplog.set_level(logging.WARNING, "autonomous_dev")
    profiler = PerformanceProfiler("work", **providers)

    for _ in range(3):
        with profiler:
            pass
        assert profiler(lambda: 5)() == 5
        with pytest.raises(KeyError), profiler:
            raise KeyError("the program's own")

    ours = [record for record in caplog.records if record.name == "autonomous_dev"]
    assert len(ours) == len(_state.failures()) >= 1
    assert all("the program goes on" in record.getMessage() for record in ours)
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert ("clock" in providers) or _state.operations()["work", ""][0] == 6


@pytest.mark.our_failures
def test_a_failing_span_does_not_cost_the_duration(telemetry):
    """
    Spans and durations fail apart.
    """
    tracer_provider = tracing_with(BrokenProcessor("on_start"))
    with PerformanceProfiler("work", tracer_provider=tracer_provider, meter_provider=telemetry.meter_provider):
        pass

    assert telemetry.durations()[((OPERATION, "work"),)].count == 1


@pytest.mark.our_failures
def test_an_exception_that_cannot_be_shown_still_ends_the_span(telemetry):
    """
    Where the program's exception has a broken text, its class is still on the span.
    """

    class Unspeakable(Exception):  # noqa: N818 - named for what it does
        def __str__(self):
            raise RuntimeError("no words")

    with pytest.raises(Unspeakable), PerformanceProfiler("load", **telemetry.providers):
        raise Unspeakable

    span = telemetry.spans()["load"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "Unspeakable"
    assert span.attributes["error.type"].endswith("Unspeakable")


@pytest.mark.our_failures
def test_a_log_handler_that_fails_does_not_matter(monkeypatch):
    """
    Even the report of a failure may fail.
    """
    monkeypatch.setattr(_state, "_failures", {})
    monkeypatch.setattr(logging.getLogger("autonomous_dev"), "warning", broken)

    with PerformanceProfiler("work", meter_provider=BrokenMetrics("record")) as profiler:
        pass

    assert profiler.duration >= 0


def test_a_profiler_keeps_nothing_alive():
    """
    A profiler that is not used any more goes at once, and a provider with it.
    """
    provider = MeterProvider([InMemoryMetricReader()])
    profiler = PerformanceProfiler("short", meter_provider=provider)
    with profiler:
        pass
    alive, provider_alive = weakref.ref(profiler), weakref.ref(provider)
    with PerformanceProfiler("next"):  # what ran last in a context stays in it until the next block
        pass
    provider.shutdown()

    del profiler, provider
    gc.collect()

    assert alive() is None
    assert provider_alive() is None


def clock_of_a_module():
    """
    A clock that pickle finds by name.
    """
    return 3.0


class Named(PerformanceProfiler):
    """
    A subclass that takes other arguments.
    """

    def __init__(self, name):
        super().__init__("of " + name, budget=2.0)
        self.name = name


def test_a_copy_of_what_holds_a_profiler_holds_the_same_one():
    """
    Its blocks may be running, and its instruments are shared.
    """
    profiler = PerformanceProfiler("x")

    with profiler:
        assert copy.copy(profiler) is profiler
        assert copy.deepcopy({"held": [profiler]})["held"][0] is profiler


def test_a_profiler_is_pickled_as_what_it_was_made_of():
    """
    Another process makes one alike, a subclass's too.
    """
    made = PerformanceProfiler(
        "x",
        attributes={"tier": "gold", "shards": [1, 2]},
        budget=0.5,
        size=4,
        complexity="linear",
        cpu=True,
        memory=True,
        clock=clock_of_a_module,
    )
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own
    plain = pickle.loads(pickle.dumps(PerformanceProfiler("plain")))  # noqa: S301
    named = pickle.loads(pickle.dumps(Named("mine")))  # noqa: S301

    assert again._timer is not made._timer
    assert (again.operation, again._attributes, again._size) == ("x", made._attributes, 4)
    assert again._timer.resources == made._timer.resources
    assert again._timer.clock is clock_of_a_module
    assert (plain.operation, plain._timer.resources) == ("plain", None)
    assert (type(named), named.name, named.operation) == (Named, "mine", "of mine")


def test_a_profiler_with_a_provider_of_its_own_cannot_be_pickled():
    """
    The error says so.
    """
    profiler = PerformanceProfiler("x", tracer_provider=TracerProvider(shutdown_on_exit=False))

    with pytest.raises(InvalidTypeError, match="'x' has a provider of its own, which cannot be pickled"):
        pickle.dumps(profiler)


@pytest.mark.parametrize("ending", [float("inf"), float("nan"), 1e300])
def test_an_absurd_duration_is_not_counted(ending):
    """
    A clock that jumps to infinity spoils no sum: the block has no duration, and the next ones are counted.
    """
    readings = iter([1.0, ending, 2.0, 2.5])
    profiler = PerformanceProfiler("load", clock=lambda: next(readings))

    for _ in range(2):
        with profiler:
            pass

    assert _state.operations()[("load", "")][:2] == (1.0, 0.5)
    assert profiler.duration == 0.5
