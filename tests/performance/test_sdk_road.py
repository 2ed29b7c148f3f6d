"""
The fast road makes the spans that the SDK makes: each scenario runs on both roads, and which was taken is asserted.
"""

from __future__ import annotations

import contextvars
import copy
import json
import logging
import threading

import pytest
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    ConcurrentMultiSpanProcessor,
    ReadableSpan,
    Span,
    SpanLimits,
    SpanProcessor,
    Tracer,
    TracerProvider,
)
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags, TraceState

from autonomous_dev import _state
from autonomous_dev.performance import _sdk_probe, _sdk_road
from autonomous_dev.performance._instruments import road_on, tracer_on
from autonomous_dev.performance._span import public_road
from children import forked

ATTRIBUTES = {"text": "abcdefghij", "number": 7, "list": ("a", "b"), "flag": True, "share": 0.5}
HAS_ON_ENDING = hasattr(SpanProcessor, "_on_ending")
HAS_RANDOM_FLAG = hasattr(IdGenerator, "is_trace_id_random")


class Ids(IdGenerator):
    """
    1, 2, 3 …; each says what it was asked for.
    """

    def __init__(self, *, random=False, first=1):
        self.asked = []
        self.random = random
        self.last = first - 1

    def generate_trace_id(self):
        return self._next("trace")

    def generate_span_id(self):
        return self._next("span")

    def is_trace_id_random(self):
        self.asked.append("random")
        return self.random

    def _next(self, what):
        self.asked.append(what)
        self.last += 1
        return self.last


class Watcher(SpanProcessor):
    """
    Looks at everything a span shows, in each hook, and writes it down.
    """

    def __init__(self, *, looks=True, changes=False):
        self.seen = []
        self.looks = looks
        self.changes = changes

    def on_start(self, span, parent_context=None):
        if self.changes:
            span.set_attribute("started", True)
            span.update_name(span.name + "!")
            span.add_event("on_start", {"x": 1})
        self._see("on_start", span, parent_context)

    def _on_ending(self, span):
        self._see("on_ending", span, None)

    def on_end(self, span):
        self._see("on_end", span, None)

    def _see(self, hook, span, parent_context):
        self.seen.append((hook, look(span) if self.looks else None, parent_context))


def look(span):
    """
    Everything that is public on a span, but the moments, which are only told to be there.
    """
    seen = json.loads(span.to_json())
    seen["start_time"] = seen["start_time"] is not None
    seen["end_time"] = seen["end_time"] is not None
    for event in seen["events"]:
        event.pop("timestamp")
    seen["context"] = tuple(span.context), tuple(span.get_span_context())
    seen["flags"] = int(span.context.trace_flags), type(span.context.trace_flags).__name__
    seen["types"] = [type(span.context), type(span.parent), type(span.attributes), type(span.events), type(span.links)]
    seen["class"] = type(span).__name__, isinstance(span, ReadableSpan), isinstance(span, Span)
    seen["parent"] = None if span.parent is None else tuple(span.parent)
    seen["kind"] = span.kind
    seen["status"] = span.status.status_code, span.status.description
    seen["attributes"] = dict(span.attributes)
    seen["order"] = list(span.attributes)
    seen["bounds"] = bounds(span._attributes)
    seen["events"] = [(event.name, dict(event.attributes), bounds(event.attributes)) for event in span.events]
    seen["links"] = [(tuple(link.context), dict(link.attributes), bounds(link.attributes)) for link in span.links]
    seen["dropped"] = span.dropped_attributes, span.dropped_events, span.dropped_links
    seen["resource"] = span.resource
    seen["scope"] = span.instrumentation_scope
    seen["info"] = span._instrumentation_info
    seen["is_recording"] = span.is_recording() if isinstance(span, Span) else None
    seen["repr"] = repr(span) if isinstance(span, Span) else None
    return seen


def bounds(attributes):
    """
    What limits a mapping of attributes, and what it dropped.
    """
    return attributes.maxlen, attributes.max_value_len, attributes.dropped, getattr(attributes, "_immutable", None)


class Side:
    """
    One of the two roads, with a provider of its own.
    """

    def __init__(self, road, *, processors=(), **settings):
        self.exporter = InMemorySpanExporter()
        settings.setdefault("id_generator", Ids())
        settings.setdefault("resource", Resource({"service.name": "tests"}))
        self.provider = TracerProvider(shutdown_on_exit=False, **settings)
        self.watchers = [make() for make in processors]
        for watcher in self.watchers:
            self.provider.add_span_processor(watcher)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = tracer_on(self.provider)
        self.road = public_road(self.tracer, "asked for") if road == "public" else road_on(self.provider)
        assert self.road.name == road, self.road.reason

    def block(self, name="block", inside=None, error=None, attributes=ATTRIBUTES):
        """
        One block, as the profiler runs it; what *inside* gives.
        """
        opened = self.road.open(name, attributes)
        try:
            return inside(trace.get_current_span()) if inside is not None else None
        finally:
            if opened is not None:
                self.road.close(opened, error, type(error).__name__ if error is not None else "")

    def everything(self):
        return {
            "spans": [look(span) for span in self.exporter.get_finished_spans()],
            "seen": [watcher.seen for watcher in self.watchers if isinstance(watcher, Watcher)],
            "ids": getattr(self.provider.id_generator, "asked", None),
        }


def both(scenario, **settings):
    """
    What the scenario left behind on the SDK's road, having seen that it was the same on the fast one.
    """
    left = {}
    for name in ("public", "fast"):
        given = {key: make() if key in ("sampler", "id_generator") else make for key, make in settings.items()}
        side = Side(name, **given)
        told = contextvars.Context().run(scenario, side)
        left[name] = {"told": told, **side.everything()}
        assert side.road.name == name
        side.provider.shutdown()
    assert left["fast"] == left["public"]
    return left["public"]


def remote(flags, *, is_remote=True, state=(("vendor", "1"),)):
    """
    A context with a parent from somewhere else.
    """
    parent = SpanContext(
        0xABC, 0xDEF, is_remote=is_remote, trace_flags=TraceFlags(flags), trace_state=TraceState(state)
    )
    return trace.set_span_in_context(NonRecordingSpan(parent))


def within(outer, work):
    """
    Do *work* while the context *outer* is current.
    """
    token = context.attach(outer)
    try:
        return work()
    finally:
        context.detach(token)


class Adding(Sampler):
    """
    Samples all, with attributes and a trace state of its own; keeps and changes what it gave.
    """

    def __init__(self, decision=Decision.RECORD_AND_SAMPLE):
        self.asked = []
        self.decision = decision
        self.given = {}

    def should_sample(self, *args, **kwargs):
        self.asked.append((args, kwargs))
        self.given.clear()
        self.given.update({"sampler.text": "abcdefghij", "sampler.calls": len(self.asked)})
        return SamplingResult(self.decision, self.given, TraceState([("sampler", "yes")]))

    def get_description(self):
        return "adding"


class Raising(Sampler):
    """
    Fails at its second call.
    """

    def __init__(self):
        self.calls = 0

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
        self.calls += 1
        if self.calls == 2:
            raise ValueError("the sampler's own")
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self):
        return "raising"


SAMPLERS = {
    "default": lambda: DEFAULT_ON,
    "always on": lambda: ALWAYS_ON,
    "always off": lambda: ALWAYS_OFF,
    "parent based, off": lambda: DEFAULT_OFF,
    "parent based, other children": lambda: ParentBased(ALWAYS_ON, remote_parent_not_sampled=ALWAYS_ON),
    "ratio 1": lambda: TraceIdRatioBased(1.0),
    "ratio of ids": lambda: TraceIdRatioBased(2**-61),
    "parent based ratio": lambda: ParentBasedTraceIdRatio(2**-61),
    "adding": Adding,
    "record only": lambda: Adding(Decision.RECORD_ONLY),
    "drop": lambda: Adding(Decision.DROP),
}
PROCESSORS = {
    "looking": [Watcher],
    "looking at the end": [lambda: Watcher(looks=False), Watcher],
    "changing": [lambda: Watcher(changes=True), Watcher],
    "not looking": [lambda: Watcher(looks=False)],
    "none": [],
}


def many_blocks(side):
    """
    Roots, children, parents of every kind, exceptions, and hands on the current span.
    """
    told = []

    def note(span):
        told.append((type(span).__name__, tuple(span.get_span_context()), span.is_recording()))

    def inner(span):
        note(span)
        span.set_attribute("inside", [1, 2])
        span.add_event("happened", {"how": "well"})
        span.set_status(StatusCode.OK)
        side.block("grandchild", note)
        with side.tracer.start_as_current_span("the SDK's own") as own:
            note(own)
            side.block("under the SDK's own", note)

    side.block("root", note)
    side.block("outer", lambda span: (note(span), side.block("child", inner)))
    for number, error in enumerate(
        (KeyError("k"), ValueError(), KeyboardInterrupt(), ExceptionGroup("g", [OSError(1)]))
    ):
        side.block(f"failing {number}", note, error)
    for flags in (0, 1, 2, 3, 7):
        for is_remote in (True, False):
            within(remote(flags, is_remote=is_remote), lambda: side.block("under another", note))
    within(trace.set_span_in_context(trace.INVALID_SPAN), lambda: side.block("under nothing valid", note))
    within(trace.set_span_in_context("no span"), lambda: side.block("under no span", note))
    note(trace.get_current_span())
    return told


@pytest.mark.parametrize("processors", PROCESSORS.values(), ids=PROCESSORS)
@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_both_roads_make_the_same_spans(sampler, processors):
    """
    For every sampler and processor: contexts, parents, attributes, events, statuses, hooks and ids that are asked for.
    """
    left = both(many_blocks, sampler=sampler, processors=processors)

    assert left["ids"].count("span") > 20
    if sampler is SAMPLERS["default"]:
        names = [span["name"].rstrip("!") for span in left["spans"]]
        assert {"root", "grandchild", "child", "the SDK's own", "failing 0", "under another"} <= set(names)


@pytest.mark.parametrize("random", [True, False])
@pytest.mark.parametrize("first", [1, 0, 2**64, 2**128], ids=["usual", "zero", "too long for a span", "too long"])
def test_the_programs_ids_are_used_as_they_are(random, first):
    """
    Custom generators are asked in the SDK's order; ids that are not valid make a context that is not.
    """
    left = both(many_blocks, id_generator=lambda: Ids(random=random, first=first), processors=[Watcher])

    assert left["ids"][:3] == (["trace", "random", "span"] if HAS_RANDOM_FLAG else ["trace", "span", "trace"])
    assert (left["spans"][0]["flags"][0] == 3) == (random and HAS_RANDOM_FLAG) or first >= 2**64 or first == 0


def test_the_sdks_ids_are_random_and_say_so():
    """
    With the SDK's generator each trace has an id of its own, flagged as random from 1.42 on.
    """
    spans = []
    for road in ("fast", "public"):
        side = Side(road, id_generator=RandomIdGenerator())
        for _ in range(20):
            side.block()
        spans.append(side.exporter.get_finished_spans())

    fast, public = spans
    assert len({span.context.trace_id for span in fast} | {span.context.span_id for span in fast}) == 40
    assert {int(span.context.trace_flags) for span in fast} == {int(span.context.trace_flags) for span in public}
    assert {int(span.context.trace_flags) for span in fast} == {3 if HAS_RANDOM_FLAG else 1}


LIMITS = {
    "few of all": SpanLimits(
        max_span_attributes=2, max_events=1, max_links=1, max_event_attributes=1, max_link_attributes=1
    ),
    "short": SpanLimits(max_attribute_length=3),
    "short on spans": SpanLimits(max_span_attribute_length=4, max_attribute_length=7),
    "none at all": SpanLimits(max_span_attributes=0, max_events=0, max_links=0),
    "without": SpanLimits(*[SpanLimits.UNSET] * 8),
}


@pytest.mark.parametrize("processors", PROCESSORS.values(), ids=PROCESSORS)
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_limits_drop_and_cut_the_same(limits, processors):
    """
    What a limit drops is dropped and counted, for attributes, events and links.
    """

    def busy(side):
        def fill(span):
            span.set_attributes({"one": "abcdefghij", "two": 2})
            for number in range(3):
                span.add_event("event", {"number": number, "text": "abcdefghij"})
                span.add_link(SpanContext(number + 1, 5, is_remote=True), {"number": number, "text": "abcdefghij"})
            span.record_exception(KeyError("k"))

        side.block("filled", fill)
        side.block("left alone")
        side.block("failing", error=ValueError("v"))

    left = both(busy, span_limits=limits, processors=processors)

    assert len(left["spans"]) == 3


def test_limits_of_the_environment_hold(monkeypatch):
    """
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT and its siblings reach both roads.
    """
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "3")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2")

    left = both(lambda side: side.block())

    assert left["spans"][0]["attributes"] == {"list": ("a", "b"), "flag": True, "share": 0.5}
    assert left["spans"][0]["dropped"] == (2, 0, 0)


def test_bad_attributes_are_treated_the_same():
    """
    Values that OpenTelemetry does not take are dropped or replaced as the SDK does it.
    """
    bad = {"object": object, "mixed": ("a", 1), "nothing": None, "nested": ((1,), (2,)), "": 1}

    both(lambda side: side.block(attributes=bad), processors=[Watcher])


def test_every_hand_that_a_program_may_lay_on_its_current_span_works_the_same():
    """
    Inside a block: attributes, events, links, name, status and exceptions; after it: warnings, and no change.
    """

    def scenario(side):
        def inside(span):
            span.set_attribute("a", 1)
            span.set_attributes({"b": "two", "a": 2})
            span.add_event("e", {"x": 1}, timestamp=5)
            span.add_event("bare")
            span.add_link(SpanContext(1, 2, is_remote=True), {"l": 1})
            span.add_link(trace.INVALID_SPAN_CONTEXT)
            span.record_exception(KeyError("k"), {"extra": 1}, timestamp=6, escaped=True)
            span.update_name("renamed")
            span.set_status(trace.Status(StatusCode.ERROR, "broken"))
            span.set_status(StatusCode.OK)
            span.set_status(StatusCode.ERROR, "too late")
            assert trace.get_current_span() is span
            return span, look(span), span._record_exception, span._set_status_on_exception, span._trace_config

        span, *seen = side.block(inside=inside)
        span.set_attribute("late", 1)
        span.set_attributes({"late": 1})
        span.add_event("late")
        span.add_link(SpanContext(1, 2, is_remote=True))
        span.set_status(StatusCode.ERROR)
        span.update_name("late")
        span.record_exception(KeyError("late"))
        span.end()
        span.end(end_time=5)
        span.start()
        with span:
            pass
        return [*seen, look(span), look(span._readable_span())]

    left = both(scenario)

    assert [span["name"] for span in left["spans"]] == ["renamed"]
    assert len(left["spans"][0]["links"]) == 1


def test_calls_after_the_end_warn_the_same(caplog):
    """
    The log is that of the SDK, word for word, from the SDK's logger.
    """
    said = []

    def scenario(side):
        caplog.clear()
        span = side.block(inside=lambda span: span)
        span.set_attribute("late", 1)
        span.add_event("late")
        span.update_name("late")
        span.end()
        side.block(inside=lambda span: span.end())
        said.append([(record.name, record.levelname, record.getMessage()) for record in caplog.records])

    caplog.set_level(logging.WARNING)
    both(scenario)

    assert said[0] == said[1]
    assert len(said[0]) == 5


def test_a_span_that_the_program_ends_itself_ends_once():
    """
    With a time of its own, or twice, or from many threads at once: processors are told once.
    """

    def scenario(side):
        side.block("with a time", lambda span: span.end(end_time=5))
        side.block("twice", lambda span: (span.end(), span.end()))
        side.block("touched", lambda span: (span.set_attribute("a", 1), span.end(end_time=7), span.end(end_time=7)))

        def at_once(span):
            barrier = threading.Barrier(8)
            threads = [threading.Thread(target=lambda: (barrier.wait(), span.end())) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        for number in range(5):
            side.block(f"at once {number}", at_once)
        return [span.end_time for span in side.exporter.get_finished_spans() if span.name in ("with a time", "touched")]

    left = both(scenario, processors=[Watcher])

    assert left["told"] == [5, 7]
    assert [span["name"] for span in left["spans"]] == [
        "with a time",
        "twice",
        "touched",
        *(f"at once {n}" for n in range(5)),
    ]


def test_times_are_those_of_the_block():
    """
    Start and end are Unix times in ns around what ran in between.
    """
    side = Side("fast")
    with_clock = []

    import time

    before = time.time_ns()
    side.block(inside=lambda _: with_clock.append(time.time_ns()))
    after = time.time_ns()

    (span,) = side.exporter.get_finished_spans()
    assert before <= span.start_time <= with_clock[0] <= span.end_time <= after


def test_the_context_is_as_start_as_current_span_leaves_it():
    """
    Other values of the context stay, the span is a Span, children made elsewhere hang under it, and all is put back.
    """

    def scenario(side):
        key = context.create_key("mine")
        outer = context.set_value(key, "kept")
        other = TracerProvider(id_generator=Ids(first=1000), shutdown_on_exit=False).get_tracer("other")

        def inside(span):
            child = other.start_span("child")
            copied = contextvars.copy_context().run(trace.get_current_span)
            assert copied is span
            assert isinstance(context.get_current(), Context)
            with pytest.raises(ValueError, match=r"^$"):
                context.get_current()["x"] = 1
            return isinstance(span, trace.Span), context.get_value(key), child.parent == span.get_span_context()

        def work():
            before = context.get_current()
            told = side.block(inside=inside)
            return told, context.get_current() is before

        return within(outer, work)

    assert both(scenario)["told"] == ((True, "kept", True), True)


def test_a_provider_that_was_shut_down_behaves_the_same(caplog):
    """
    After shutdown blocks go on, and nothing is exported.
    """

    def scenario(side):
        side.block("before")
        side.provider.shutdown()
        side.block("after", lambda span: span.set_attribute("a", 1))

    left = both(scenario, processors=[Watcher])

    assert [hook for hook, _, _ in left["seen"][0]].count("on_end") == 2


@pytest.mark.parametrize("road", ["fast", "public"])
def test_a_flush_right_after_a_block_exports_it(road):
    """
    With the batch processor, on both roads; what is dropped by a sampler is not exported.
    """
    exporter = InMemorySpanExporter()
    side = Side(road)
    side.provider.add_span_processor(BatchSpanProcessor(exporter))

    for _ in range(3):
        side.block("flushed", lambda span: span.set_attribute("a", 1))
    assert side.provider.force_flush()
    exported = [look(span) for span in exporter.get_finished_spans()]
    side.provider.shutdown()
    side.block("after")

    assert [span["name"] for span in exported] == ["flushed"] * 3
    assert exported == [look(span) for span in side.exporter.get_finished_spans()[:3]]
    assert len(exporter.get_finished_spans()) == 3


def test_a_processor_that_is_added_later_is_told():
    """
    Processors are those of the moment at which a span starts or ends.
    """

    def scenario(side):
        late = Watcher()
        side.block("before")
        side.block("while", lambda _: side.provider.add_span_processor(late))
        side.block("after")
        return [(hook, seen["name"]) for hook, seen, _ in late.seen]

    told = both(scenario)["told"]

    assert ("on_end", "while") in told
    assert ("on_start", "after") in told
    assert ("on_start", "while") not in told


@pytest.mark.parametrize("what", ["span_processor", "sampler", "id_generator", "resource"])
def test_what_is_replaced_on_the_tracer_is_replaced_on_both_roads(what):
    """
    A tool that puts its own part into a tracer finds it used.
    """

    def scenario(side):
        watcher = Watcher()
        part = {
            "span_processor": watcher,
            "sampler": ALWAYS_OFF,
            "id_generator": Ids(first=1000),
            "resource": Resource({"service.name": "replaced"}),
        }[what]
        side.block("before")
        setattr(side.tracer, what, part)
        side.block("after")
        return watcher.seen

    both(scenario)


@pytest.mark.skipif(not hasattr(Tracer, "_is_enabled"), reason="tracers cannot be disabled in this version")
def test_a_disabled_tracer_makes_no_spans_on_either_road():
    """
    As long as the tracer is disabled a block has no span of its own, and its parent stays current.
    """
    from opentelemetry.sdk.trace import _disable_tracer_configurator

    def scenario(side):
        side.block("before")
        side.provider._set_tracer_configurator(tracer_configurator=_disable_tracer_configurator)
        told = [within(remote(1), lambda: side.block("disabled", lambda span: tuple(span.get_span_context())))]
        side.block("disabled")
        return told

    left = both(scenario)

    assert [span["name"] for span in left["spans"]] == ["before"]


@pytest.mark.our_failures
def test_a_sampler_that_fails_costs_one_block_and_the_fast_road(monkeypatch):
    """
    The program goes on, the failure is counted, the context is whole, and the public road is taken for good.
    """
    monkeypatch.setattr(_state, "_failures", {})
    side = Side("fast", sampler=Raising())

    before = context.get_current()
    told = [side.block(f"block {number}", lambda span: span.is_recording()) for number in range(4)]

    assert told == [True, False, True, True]
    assert context.get_current() is before
    assert [span.name for span in side.exporter.get_finished_spans()] == ["block 0", "block 2", "block 3"]
    assert (side.road.name, side.road.reason) == ("public", "failed: ValueError")
    assert _state.failures() == {"tracer": 1}


@pytest.mark.our_failures
@pytest.mark.parametrize("hook", ["on_start", "_on_ending", "on_end"])
@pytest.mark.parametrize("road", ["fast", "public"])
def test_a_processor_that_fails_never_reaches_the_program(hook, road, monkeypatch):
    """
    In whichever hook: the block goes on and the context is put back.
    """
    if hook == "_on_ending" and not HAS_ON_ENDING:
        pytest.skip("this version has no such hook")
    monkeypatch.setattr(_state, "_failures", {})

    def fail(*_, **__):
        raise OSError("the processor's own")

    broken = Watcher()
    setattr(broken, hook, fail)
    side = Side(road, processors=[lambda: broken])
    before = context.get_current()

    assert side.block(inside=lambda _: 5) == 5
    assert side.block(inside=lambda _: 6) == 6

    assert context.get_current() is before
    assert _state.failures()["tracer"] == 2
    assert side.road.name == ("public" if hook == "on_start" else road)


def test_a_span_survives_being_copied():
    """
    What an exporter got can be copied and shown like the SDK's own.
    """

    def scenario(side):
        side.block("one", lambda span: span.add_event("e", {"a": 1}))
        side.block("two")
        told = []
        for span in side.exporter.get_finished_spans():
            shallow = copy.copy(span)
            told.append((look(shallow), shallow.to_json() == span.to_json()))
        return told

    both(scenario)


def test_the_attributes_of_one_span_are_not_those_of_another():
    """
    Spans of one profiler share what they were given, and nothing that is done to one of them.
    """

    def scenario(side):
        given = {"a": 1, "b": "two"}
        side.block("left alone", attributes=given)
        side.block("changed", lambda span: span.set_attribute("a", 5), attributes=given)
        side.block("left alone again", attributes=given)
        first, _, last = side.exporter.get_finished_spans()
        assert first._attributes is not last._attributes
        first._attributes._dict["a"] = "changed by a tool"
        return [dict(span.attributes) for span in side.exporter.get_finished_spans()]

    told = both(scenario)["told"]

    assert told == [{"a": "changed by a tool", "b": "two"}, {"a": 5, "b": "two"}, {"a": 1, "b": "two"}]


def test_attributes_of_many_profilers_are_told_apart():
    """
    A mapping that is gone, and another one at its place in memory, are never taken for one another.
    """
    side = Side("fast")
    for number in range(1500):
        side.block("numbered", attributes={"number": number})
    exporter = side.exporter

    assert [span.attributes["number"] for span in exporter.get_finished_spans()] == list(range(1500))


def test_threads_that_look_first_together_see_one_part():
    """
    A part is built once, whoever looks first.
    """
    side = Side("fast")
    for _ in range(20):

        def look_together(span):
            barrier = threading.Barrier(4)
            parts = []

            def first_look():
                barrier.wait()
                parts.append((span._lock, span._attributes, span._events, span._links))

            threads = [threading.Thread(target=first_look) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return parts

        parts = side.block(inside=look_together)
        assert len({tuple(map(id, part)) for part in parts}) == 1


def test_a_forked_child_makes_spans_with_the_resource_of_its_own():
    """
    From 1.44 on a child's resource has an id of its own: on both roads spans have the resource of their tracer.
    """

    def child_of(side):
        side.block("parent")

        def work():
            side.exporter.clear()
            side.block("child")
            (span,) = side.exporter.get_finished_spans()
            return [
                span.resource is side.tracer.resource,
                span.resource.attributes.get("service.instance.id") == instance,
            ]

        instance = side.tracer.resource.attributes.get("service.instance.id")
        return forked(lambda: json.dumps([*work(), side.road.name]))

    told = {name: json.loads(child_of(Side(name, resource=Resource.create({})))) for name in ("fast", "public")}

    assert told["fast"][:2] == told["public"][:2]
    assert told["fast"][0]
    assert [told["fast"][2], told["public"][2]] == ["fast", "public"]


def test_a_block_that_is_open_across_a_fork_ends_on_both_sides():
    """
    Parent and child both end the span that was open.
    """
    side = Side("fast")

    def inside(span):
        return forked(
            lambda: (span.set_attribute("child", True), span.end(), len(side.exporter.get_finished_spans()))[-1]
        )

    assert side.block(inside=inside) == "1"
    (span,) = side.exporter.get_finished_spans()
    assert "child" not in span.attributes


# Which road is taken.


class OwnProvider(TracerProvider):
    pass


class OwnContainer(SpanProcessor):
    pass


def test_only_what_is_exactly_the_sdks_takes_the_fast_road():
    """
    Subclasses and other containers of processors take the public road, and the reason says which.
    """
    concurrent = ConcurrentMultiSpanProcessor(1)
    roads = {
        "sdk": road_on(TracerProvider(shutdown_on_exit=False)),
        "subclass": road_on(OwnProvider(shutdown_on_exit=False)),
        "concurrent": road_on(TracerProvider(active_span_processor=concurrent, shutdown_on_exit=False)),
        "container": road_on(TracerProvider(active_span_processor=OwnContainer(), shutdown_on_exit=False)),
    }
    concurrent._executor.shutdown()

    assert {name: road.name for name, road in roads.items()} == {
        "sdk": "fast", "subclass": "public", "concurrent": "public", "container": "public",
    }  # fmt: skip
    assert roads["subclass"].reason.endswith("OwnProvider")
    assert roads["concurrent"].reason == "processors in opentelemetry.sdk.trace.ConcurrentMultiSpanProcessor"


def test_a_tracer_of_another_class_takes_the_public_road():
    """
    A provider of the SDK's class whose tracers somebody has wrapped is left to the API.
    """

    class Wrapped(Tracer):
        pass

    provider = TracerProvider(shutdown_on_exit=False)
    tracer = provider.get_tracer("x")
    tracer.__class__ = Wrapped

    assert _sdk_probe.objection(provider, tracer).startswith("tracer ")


@pytest.mark.skipif(
    not hasattr(TracerProvider(shutdown_on_exit=False).get_tracer("x"), "_tracer_metrics"),
    reason="the SDK of this version does not count spans",
)
def test_where_the_sdk_counts_spans_itself_the_public_road_is_taken(monkeypatch):
    """
    With OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED its counts stay right.
    """
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    road = road_on(TracerProvider(shutdown_on_exit=False))

    assert (road.name, road.reason) == ("public", "internal metrics of the SDK")


SABOTAGES = {
    "another field": lambda patch: patch.setattr(
        Span, "start", before(Span.start, lambda span: span.__dict__.setdefault("_new_field", 1))
    ),
    "another value": lambda patch: patch.setattr(
        Span, "start", after(Span.start, lambda span: span._attributes.__setitem__("new", 1))
    ),
    "another hook": lambda patch: patch.setattr(
        Span, "end", after(Span.end, lambda span: [p.on_archive(span) for p in span._span_processor._span_processors])
    ),
    "more of the generator": lambda patch: patch.setattr(
        Tracer, "start_span", before(Tracer.start_span, lambda tracer: tracer.id_generator.generate_span_id())
    ),
    "another look at the readable": lambda patch: patch.setattr(
        ReadableSpan, "__init__", after(ReadableSpan.__init__, lambda span: span.__dict__.setdefault("_entity", 1))
    ),
}


def after(method, more):
    """
    *method*, and then more of its object.
    """

    def patched(self, *args, **kwargs):
        result = method(self, *args, **kwargs)
        more(self)
        return result

    return patched


def before(method, more):
    """
    More of the object, and then *method*.
    """

    def patched(self, *args, **kwargs):
        more(self)
        return method(self, *args, **kwargs)

    return patched


@pytest.mark.parametrize("sabotage", SABOTAGES.values(), ids=SABOTAGES)
def test_an_sdk_that_does_more_is_found_out(sabotage, monkeypatch):
    """
    Where the SDK's spans gain a field, a value, a hook or a question, the probe says so and the public road is taken.
    """
    monkeypatch.setattr(_state, "global_instruments", {})
    sabotage(monkeypatch)

    road = road_on(TracerProvider(shutdown_on_exit=False))

    assert road.name == "public"
    assert "than the SDK's" in road.reason


@pytest.mark.parametrize(("owner", "method"), [(Tracer, "start_span"), (Span, "start"), (Span, "end")])
def test_what_a_tool_wraps_later_is_called(owner, method, monkeypatch):
    """
    Some tools wrap methods of the SDK while the program runs: then each block goes through them.
    """
    side = Side("fast")
    called = []
    side.block("before")
    monkeypatch.setattr(owner, method, before(getattr(owner, method), called.append))

    side.block("after")

    assert len(called) == 1
    assert [span.name for span in side.exporter.get_finished_spans()] == ["before", "after"]


def test_an_sdk_of_another_make_takes_the_public_road(monkeypatch):
    """
    Where the probe itself fails, spans are made through the API, and the reason says so.
    """

    def fail():
        raise AttributeError("no such field")

    monkeypatch.setattr(_state, "global_instruments", {})
    monkeypatch.setattr(_sdk_road, "difference", fail)
    road = road_on(TracerProvider(shutdown_on_exit=False))

    assert (road.name, road.reason) == ("public", "unknown SDK: AttributeError")


def test_the_probe_leaves_no_trace(caplog):
    """
    It changes nothing of the program's context, logs nothing, and is asked once a process.
    """
    caplog.set_level(logging.DEBUG)
    before = context.get_current()

    assert _sdk_probe.difference() == ""

    assert context.get_current() is before
    assert caplog.records == []


class Writing(Sampler):
    """
    A sampler that writes into the attributes it is given.
    """

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
        attributes["written"] = name
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self):
        return "writing"


@pytest.mark.parametrize("fast", [False, True])
def test_a_sampler_that_writes_into_attributes_changes_its_own_only(fast):
    """
    The span gets what was written; the profiler's mapping, which is every span's, stays.
    """
    provider = TracerProvider(sampler=Writing(), shutdown_on_exit=False)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    road = road_on(provider) if fast else public_road(tracer_on(provider), "")
    given = {"own": 1}

    road.close(road.open("x", given), None, "")

    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes) == {"own": 1, "written": "x"}
    assert given == {"own": 1}


def test_what_is_read_of_an_open_span_is_a_snapshot():
    """
    As of the SDK's own: a later name, status or end is not in it, and attributes are shared with the span.
    """

    def scenario(side):
        def inside(span):
            seen = span._readable_span()
            span.update_name("after")
            span.set_status(StatusCode.ERROR)
            span.set_attribute("more", 1)
            span.add_event("event")
            return seen

        seen = side.block("before", inside)
        return seen.name, seen.status.status_code, seen.end_time, dict(seen.attributes), len(seen.events)

    assert both(scenario)["told"] == ("before", StatusCode.UNSET, None, {**ATTRIBUTES, "more": 1}, 1)
