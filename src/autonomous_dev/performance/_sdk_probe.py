"""
Whether the fast road leaves the same behind as the SDK's own: asked before it is taken.

Provider, tracer and the container of processors must be the SDK's own classes. Then a few blocks are run twice on
throw-away providers, on the SDK's road and on ours: at each hook a span must have equal parts, and id generator,
sampler and processor must be asked for the same things in the same order. What another SDK does differently shows
here, and the public road is taken.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    Event,
    ReadableSpan,
    SpanLimits,
    SpanProcessor,
    SynchronousMultiSpanProcessor,
    Tracer,
    TracerProvider,
)
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Decision, Sampler, SamplingResult
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, Status, TraceFlags, TraceState

from autonomous_dev.performance._sdk_open import opener
from autonomous_dev.performance._span import Opener, close_span, public_opener

_MOMENTS: Final = frozenset({"_start_time", "_end_time", "_timestamp"})
_OF_A_RUN: Final = frozenset({"_sampler", "_span_processor", "_abc_impl"})
_LOCK: Final = type(threading.Lock())
_ERROR: Final = KeyError("probe")


def objection(provider: object, tracer: object) -> str:
    """
    Why the fast road cannot be taken for *tracer* of *provider*; empty where it can, as far as their classes go.
    """
    if type(provider) is not TracerProvider:
        return f"provider {_named(provider)}"
    if type(tracer) is not Tracer:
        return f"tracer {_named(tracer)}"
    if type(tracer.span_processor) is not SynchronousMultiSpanProcessor:
        return f"processors in {_named(tracer.span_processor)}"
    metrics = getattr(tracer, "_tracer_metrics", None)
    if metrics is not None and type(metrics).__name__ != "NoOpTracerMetrics":
        return "internal metrics of the SDK"
    return ""


def difference() -> str:
    """
    What a block on the fast road leaves behind that one on the SDK's does not; empty where all is equal.
    """
    for sampler, hooks in ((None, None), (None, "on_end"), (_Asked, None)):
        stock = _left_behind(public_opener, sampler, hooks)
        ours = _left_behind(lambda tracer: opener(tracer, _raised), sampler, hooks)
        if len(stock) != len(ours):
            return "other calls than the SDK's"
        for expected, got in zip(stock, ours, strict=True):
            if not _covers([*got], [*expected]):
                return f"another {expected[0]} than the SDK's"
    return ""


def _raised(exception: Exception) -> None:
    raise exception


def _left_behind(
    make_opener: Callable[[Any], Opener], sampler: type[_Asked] | None, hooks: str | None
) -> list[tuple[Any, ...]]:
    """
    Everything that is seen of a few nested blocks, in order: the first of each tuple says what it was.

    Args:
        make_opener: The road.

        sampler: Which sampler; the SDK's default one where None.

        hooks: The only hook in which spans are looked at; all where None.
    """
    seen: list[tuple[Any, ...]] = []
    provider = TracerProvider(
        sampler=DEFAULT_ON if sampler is None else sampler(seen),
        resource=Resource({"probe": True}),
        shutdown_on_exit=False,
        id_generator=_Ids(seen),
        span_limits=SpanLimits(*range(100, 108)),  # of eight different limits, none of which is met
    )
    provider.add_span_processor(_Seeing(seen, hooks))
    open_one = make_opener(provider.get_tracer("autonomous_dev.probe", "1"))
    # In a context of its own, so that nothing here touches what is current in the program.
    contextvars.Context().run(_blocks, open_one, seen)
    return seen


def _blocks(open_one: Opener, seen: list[tuple[Any, ...]]) -> None:
    def block(name: str, inside: Callable[[Span], None] | None = None, error: Exception | None = None) -> None:
        opened = open_one(name, {"text": "ab", "number": 1})
        if opened is None:
            seen.append(("block", "not opened"))
            return
        span = opened.span
        seen.append(("block", span is trace.get_current_span(), span.get_span_context(), span.is_recording()))
        if inside is not None:
            inside(span)
        close_span(opened, error, "KeyError" if error is not None else "")
        seen.append(("end of a block", trace.get_current_span() is span, span.is_recording()))

    def touch(span: Span) -> None:
        span.set_attribute("more", 2)
        span.add_event("event", {"text": "cd"})
        span.add_link(SpanContext(5, 6, is_remote=True), {"number": 3})
        span.update_name("renamed")
        block("inner")

    block("root", touch)
    block("failing", error=_ERROR)
    for flags in range(4):
        remote = SpanContext(
            7, 8, is_remote=True, trace_flags=TraceFlags(flags), trace_state=TraceState([("probe", "1")])
        )
        token = context.attach(trace.set_span_in_context(NonRecordingSpan(remote)))
        block("under a remote parent")
        context.detach(token)


class _Ids(IdGenerator):
    def __init__(self, seen: list[tuple[Any, ...]]) -> None:
        self._seen = seen
        self._last = 0

    def generate_trace_id(self) -> int:
        return self._next("trace id")

    def generate_span_id(self) -> int:
        return self._next("span id")

    def is_trace_id_random(self) -> bool:
        return self._next("random") % 2 == 0

    def _next(self, what: str) -> int:
        self._seen.append((what,))
        self._last += 1
        return self._last


class _Asked(Sampler):
    def __init__(self, seen: list[tuple[Any, ...]]) -> None:
        self._seen = seen
        self._decisions = [Decision.DROP, Decision.RECORD_ONLY, Decision.RECORD_AND_SAMPLE] * 3

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        self._seen.append(("sampler", args, kwargs))
        return SamplingResult(self._decisions.pop(), {"sampler": "ef"}, TraceState([("probe", "2")]))

    def get_description(self) -> str:
        return "probe"


class _Seeing(SpanProcessor):
    """
    Notes each hook that is called, by whatever name, and what the span is like in it.
    """

    def __init__(self, seen: list[tuple[Any, ...]], hooks: str | None) -> None:
        self._seen = seen
        self._hooks = hooks

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "__dict__")

        def hook(*args: Any, **kwargs: Any) -> None:
            looked_at = own["_hooks"] in (None, name)
            own["_seen"].append((name, [_look(arg) for arg in args] if looked_at else len(args), kwargs))

        return hook


def _look(seen: Any) -> Any:
    """
    *seen* in a form that can be compared: with its parts by name, methods as present, a moment by its type.
    """
    if isinstance(seen, BoundedAttributes):
        return {"items": dict(seen), "limits": (seen.maxlen, seen.max_value_len, getattr(seen, "_immutable", None))}
    if isinstance(seen, BoundedList):
        return {"items": [_look(item) for item in seen], "limit": vars(seen)["_dq"].maxlen}
    if isinstance(seen, ReadableSpan | Event | Link):
        return {
            "class": type(seen).__name__,
            **{name: _part(seen, name) for name in dir(seen) if name not in _OF_A_RUN},
        }
    if isinstance(seen, SpanLimits | Status):
        return vars(seen)
    return type(seen) if type(seen) is _LOCK else seen


def _part(seen: object, name: str) -> Any:
    # A property only reads a field, and one of them warns that it is deprecated.
    if not name.startswith("_") or name.startswith("__"):
        return "there"
    part = getattr(seen, name)
    if callable(part):
        return "there"
    return type(part) if name in _MOMENTS else _look(part)


def _covers(got: Any, expected: Any) -> bool:
    """
    Whether everything in *expected* is in *got*, which may hold more.
    """
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(key in got and _covers(got[key], part) for key, part in expected.items())
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(map(_covers, got, expected))
    return bool(got == expected)


def _named(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
