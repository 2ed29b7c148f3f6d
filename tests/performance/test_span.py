"""
The public road, how roads follow one another, and what is put on a span.
"""

from __future__ import annotations

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from autonomous_dev import _state
from autonomous_dev.performance._instruments import road_on
from autonomous_dev.performance._span import (
    FAST,
    PUBLIC,
    OpenSpan,
    Road,
    error_type_of,
    open_nothing,
    public_opener,
    public_road,
    settled,
)
from children import run_child


@pytest.fixture
def exporter():
    """
    Where spans go.
    """
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter):
    """
    A provider of the SDK.
    """
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    yield made
    made.shutdown()


def test_the_public_road_is_a_span_around_a_block(provider, exporter):
    """
    It is current inside, ended after, with the attributes, and on failure with the error.
    """
    road = public_road(provider.get_tracer("t"), "because")
    before = context.get_current()

    opened = road.open("fine", {"a": 1})
    inside = trace.get_current_span()
    road.close(opened, None, "")
    failing = road.open("failing", {})
    road.close(failing, KeyError("k"), "KeyError")

    fine, failed = exporter.get_finished_spans()
    assert isinstance(opened, OpenSpan)
    assert opened.span is inside
    assert (fine.name, dict(fine.attributes), fine.status.status_code) == ("fine", {"a": 1}, StatusCode.UNSET)
    assert failed.attributes["error.type"] == "KeyError"
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "KeyError: 'k'")
    assert failed.events[0].attributes["exception.type"] == "KeyError"
    assert context.get_current() is before
    assert (road.name, road.reason) == (PUBLIC, "because")


def test_an_exception_that_is_no_failure_leaves_the_span_alone(provider, exporter):
    """
    Without an error type nothing is put on the span.
    """
    road = public_road(provider.get_tracer("t"), "")
    road.close(road.open("closed", {}), GeneratorExit(), error_type_of(GeneratorExit()))

    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()


def test_a_span_that_is_not_sampled_is_current_too():
    """
    So that the spans inside it know.
    """
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    road = public_road(provider.get_tracer("t"), "")

    opened = road.open("dropped", {})
    inside = trace.get_current_span()
    road.close(opened, None, "")

    assert inside.get_span_context().is_valid
    assert not inside.is_recording()


def test_a_road_that_follows_becomes_what_the_other_becomes(provider, exporter):
    """
    Also through several of them.
    """
    first, second, third = (Road(open_nothing, "", "") for _ in range(3))
    second.follow(first)
    third.follow(second)

    first.become(public_opener(provider.get_tracer("t")), PUBLIC, "found")
    third.close(third.open("span", {}), None, "")

    assert [(road.name, road.reason) for road in (first, second, third)] == [(PUBLIC, "found")] * 3
    assert len(exporter.get_finished_spans()) == 1


def test_a_provider_has_one_road(provider):
    """
    Made once, the fast one for the SDK's.
    """
    road = road_on(provider)

    assert road is road_on(provider)
    assert (road.name, road.reason) == (FAST, "spans of the SDK")


def test_attributes_are_settled_against_later_changes():
    """
    Lists in them become tuples, at any depth; the mapping is another one.
    """
    inner = [1, [2]]
    given = {"list": inner, "text": "abc", "bytes": b"x", "map": {"list": inner}}

    copy = settled(given)
    inner[1].append(3)
    given["late"] = True

    assert copy == {"list": (1, (2,)), "text": "abc", "bytes": b"x", "map": {"list": (1, (2,))}}


def test_a_provider_that_is_set_later_is_noticed_at_the_next_block():
    """
    Before it, a block has no span and nothing of an SDK is loaded; after it, its spans take the fast road.
    """
    told = run_child("""
        from opentelemetry import trace
        from autonomous_dev.performance._instruments import road_on
        road = road_on(None)
        before = [road.open("before", {}), road.name, "opentelemetry.sdk" in sys.modules]

        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        road.close(road.open("after", {"a": 1}), None, "")
        tell([before, road.name, [span.name for span in exporter.get_finished_spans()], road_on(None) is road])
    """)

    assert told == [[None, "", False], "fast", ["after"], True]


def test_the_proxy_that_the_api_hands_out_may_be_given_too():
    """
    ``tracer_provider=trace.get_tracer_provider()`` before a provider is set is the global one.
    """
    told = run_child("""
        from opentelemetry import trace
        from autonomous_dev.performance._instruments import road_on
        road = road_on(trace.get_tracer_provider())
        before = road.open("before", {})
        from opentelemetry.sdk.trace import TracerProvider
        trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
        opened = road.open("after", {})
        tell([before, opened.span.is_recording(), road.name])
    """)

    assert told == [None, True, "fast"]


def test_the_span_of_another_stays_current_without_a_provider():
    """
    A parent that came from elsewhere is handed on by the API alone.
    """
    told = run_child("""
        from opentelemetry import context, trace
        from opentelemetry.trace import NonRecordingSpan, SpanContext
        from autonomous_dev.performance._instruments import road_on
        road = road_on(None)
        parent = NonRecordingSpan(SpanContext(1, 2, is_remote=True))
        context.attach(trace.set_span_in_context(parent))
        tell([road.open("block", {}), trace.get_current_span() is parent])
    """)

    assert told == [None, True]


def test_where_the_api_does_not_show_whether_a_provider_is_set_it_is_asked():
    """
    Another version of the API may keep its provider elsewhere: then its own proxy finds out, at its own price.
    """
    told = run_child("""
        from opentelemetry import trace
        from autonomous_dev.performance import _instruments
        road = _instruments._road_when_set(trace.get_tracer_provider(), seen_in="nowhere")
        before = road.open("before", {})
        from opentelemetry.sdk.trace import TracerProvider
        trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
        opened = road.open("after", {})
        tell([before, opened.span.is_recording(), road.name])
    """)

    assert told == [None, True, "public"]


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_disabled_sdk_makes_no_spans(order):
    """
    With OTEL_SDK_DISABLED, whether the provider was set before or after: there is nothing to open.
    """
    told = run_child(
        f"""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from autonomous_dev.performance._instruments import road_on
        if {order == "before"}:
            trace.set_tracer_provider(TracerProvider())
        road = road_on(None)
        if {order == "after"}:
            trace.set_tracer_provider(TracerProvider())
        tell([road is None or road.open("block", {{}}) is None, road is None or road.name == ""])
        """,
        OTEL_SDK_DISABLED="true",
    )

    assert told == [True, True]


@pytest.mark.our_failures
def test_a_provider_that_fails_makes_no_spans(monkeypatch):
    """
    The failure is counted, and the program goes on without spans.
    """
    monkeypatch.setattr(_state, "_failures", {})

    class Broken:
        def get_tracer(self, *_, **__):
            raise OSError("the provider's own")

    assert road_on(Broken()) is None
    assert _state.failures()["tracer"] == 1
