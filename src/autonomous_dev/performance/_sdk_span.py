"""
A span of the OpenTelemetry SDK whose parts are built when somebody first looks.

Most blocks end without anybody asking for their events, links or lock, and what was put on them is looked at by an
exporter's thread, if at all. What all spans of one tracer have in common are fields of a class made for that tracer.

Source: https://github.com/open-telemetry/opentelemetry-python/blob/v1.45.2/opentelemetry-sdk/src/opentelemetry/sdk/trace/__init__.py
(``Span``), and the same file at v1.30.0.
"""

# ruff: noqa: SLF001 - the SDK's own fields of its own classes

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from time import time_ns
from typing import Any, ClassVar, Final, cast

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, SpanProcessor, Tracer, _Span
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

_HAS_ON_ENDING: Final = hasattr(SpanProcessor, "_on_ending")
"""From 1.31 on processors are told when a span is about to end."""

_FREEZES: Final = hasattr(BoundedAttributes, "_raise_if_immutable")
"""In newer versions the attributes of an ended span can no longer change."""


_MAX_MODELS: Final = 256
"""Mappings of attributes whose checked form is kept; a profiler gives the same one to all its spans."""

_new = object.__new__
_new_lock: Final = threading.Lock if isinstance(BoundedAttributes()._lock, type(threading.Lock())) else threading.RLock


class _Part:
    """
    A part of a span that is built at the first look, by whichever thread, and then stays.
    """

    def __init__(self, build: Callable[[Any], object]) -> None:
        self._build = build

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, span: object, _: type | None = None) -> Any:
        if span is None:
            return self
        # Of two threads that look first, both get what the first put there.
        return vars(span).setdefault(self._name, self._build(span))


def _attributes(span: FastSpan) -> BoundedAttributes:
    given, models = span._given, span._models
    known = models.get(id(given))
    if known is None:
        if len(models) >= _MAX_MODELS:
            models.clear()
        # Kept together, so that no other mapping gets the id.
        known = models[id(given)] = given, bounded_attributes(span._limits, given)
    attributes = _new(BoundedAttributes)
    fields = vars(attributes)
    fields.update(vars(known[1]))
    fields["_dict"] = fields["_dict"].copy()
    fields["_lock"] = _new_lock()
    fields["_immutable"] = _FREEZES and span._end_time is not None
    return attributes


def bounded_attributes(limits: SpanLimits, attributes: Mapping[str, Any]) -> BoundedAttributes:
    """
    *attributes* as a span holds them: checked, cut to the *limits*, and still open to change.
    """
    return BoundedAttributes(
        limits.max_span_attributes, attributes, immutable=False, max_value_len=limits.max_span_attribute_length
    )


def _events(span: FastSpan) -> BoundedList[Any]:
    return BoundedList(span._limits.max_events)


def _links(span: FastSpan) -> BoundedList[Any]:
    return BoundedList(span._limits.max_links)


class _Ended(ReadableSpan):
    """
    What processors and exporters get of a span that has ended. It shares the span's fields.
    """

    _attributes = _Part(_attributes)
    _events = _Part(_events)
    _links = _Part(_links)

    # Exporters ask every span for these; most have none, and need no list to say so.

    @property
    def events(self) -> Sequence[Event]:
        return super().events if "_events" in vars(self) else ()

    @property
    def links(self) -> Sequence[Link]:
        return super().links if "_links" in vars(self) else ()

    @property
    def dropped_events(self) -> int:
        return super().dropped_events if "_events" in vars(self) else 0

    @property
    def dropped_links(self) -> int:
        return super().dropped_links if "_links" in vars(self) else 0


class FastSpan(_Span):
    """
    A span of the SDK that sets as few fields as it can when it starts.

    The opener fills in ``_name``, ``_context``, ``_parent``, ``_resource``, ``_start_time`` and ``_given``.
    """

    _attributes = _Part(_attributes)
    _events = _Part(_events)
    _links = _Part(_links)
    _lock = _Part(lambda _: threading.Lock())
    _end_time: int | None = None
    _given: Mapping[str, Any]
    _models: ClassVar[dict[int, tuple[Mapping[str, Any], BoundedAttributes]]]

    _ended_class: ClassVar[type[ReadableSpan]]

    def end(self, end_time: int | None = None) -> None:
        """
        End the span and hand it to the processors, as the SDK does; a lock is taken only where somebody has used it.
        """
        fields = vars(self)
        if end_time is None and "_lock" not in fields:
            now = time_ns()
            first = fields.setdefault("_end_time", now) is now  # of two threads, one put it there
        else:
            with self._lock:
                first = "_end_time" not in fields
                fields.setdefault("_end_time", time_ns() if end_time is None else end_time)
        if not first:
            super().end(end_time)  # it says that the span has ended already
            return
        if _FREEZES and "_attributes" in fields:
            fields["_attributes"]._immutable = True
        if _HAS_ON_ENDING:
            self._span_processor._on_ending(self)
        self._span_processor.on_end(self._readable_span())

    def _readable_span(self) -> ReadableSpan:
        seen = _new(self._ended_class)
        fields = vars(self)
        if "_end_time" not in fields:
            # Of an open one a snapshot. As in the SDK's it shares these.
            _ = self._attributes, self._events, self._links
            fields = fields.copy()
        seen.__dict__ = fields
        return seen


def span_class(tracer: Tracer) -> type[FastSpan]:
    """
    The class of the spans of *tracer*.
    """
    common = {
        "_kind": SpanKind.INTERNAL,
        "_instrumentation_info": tracer.instrumentation_info,
        "_instrumentation_scope": tracer._instrumentation_scope,
        "_limits": tracer._span_limits,
        "_status": Status(StatusCode.UNSET),
        "_end_time": None,
        "_models": {},
    }
    of_open = {
        **common,
        "_sampler": tracer.sampler,
        "_span_processor": tracer.span_processor,
        "_trace_config": None,
        "_record_exception": True,
        "_set_status_on_exception": True,
    }
    metrics = getattr(tracer, "_tracer_metrics", None)
    if metrics is not None:
        # What it gives where the SDK's internal metrics are off, the only case on this road: it does nothing.
        of_open["_record_end_metrics"] = staticmethod(metrics.start_span(None, Decision.RECORD_AND_SAMPLE))
    of_open["_ended_class"] = type("ReadableSpan", (_Ended,), common)
    # Named as the SDK's, since the name is what `repr` shows.
    return cast("type[FastSpan]", type("_Span", (FastSpan,), of_open))
