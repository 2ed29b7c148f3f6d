"""
A span that is current for as long as a block runs, by OpenTelemetry's public API.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, Tracer

from autonomous_dev.conventions import ERROR_TYPE
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._names import qualified_name

_INTERNAL: Final = SpanKind.INTERNAL
"""Looked up once: an enumeration's member takes 0.2 µs."""


class OpenSpan:
    """
    A span that was started and made current.
    """

    __slots__ = ("span", "token")

    def __init__(self, span: Span, token: Token[Context]) -> None:
        self.span = span
        self.token = token


def open_span(tracer: Tracer, name: str, attributes: Mapping[str, Any]) -> OpenSpan | None:
    """
    Start a span and make it current; None where there is nothing to make current, or the tracer failed.

    A span that is not sampled is made current too, so that the spans inside it know.
    """
    try:
        span = tracer.start_span(name, None, _INTERNAL, attributes)
        # Without an SDK the API hands out what is current already. Asked first, since it is the cheapest.
        if span is INVALID_SPAN:
            return None
        if not span.is_recording() and span.get_span_context() == trace.get_current_span().get_span_context():
            return None
        return OpenSpan(span, context.attach(trace.set_span_in_context(span)))
    except Exception:  # noqa: BLE001 - samplers, id generators and processors are the program's
        report("tracer")
        return None


def close_span(opened: OpenSpan, exception: BaseException | None, error_type: str) -> None:
    """
    Make the outer span current again, and end this one: with the *exception* on it where *error_type* is not empty.
    """
    try:
        context.detach(opened.token)
        try:
            if error_type and exception is not None and opened.span.is_recording():
                opened.span.set_attribute(ERROR_TYPE, error_type)
                opened.span.set_status(Status(StatusCode.ERROR, _described(exception)))
                opened.span.record_exception(exception)
        finally:
            opened.span.end()
    except Exception:  # noqa: BLE001 - processors and exporters are the program's
        report("tracer")


def error_type_of(exception: BaseException | None) -> str:
    """
    Qualified class of an *exception* that means failure; empty for success.

    Closing a generator and leaving the program with code 0 are no failures.
    """
    if exception is None or isinstance(exception, GeneratorExit):
        return ""
    if isinstance(exception, SystemExit) and not exception.code:
        return ""
    return qualified_name(type(exception))


def _described(exception: BaseException) -> str:
    # The form that OpenTelemetry's own context manager gives.
    try:
        return f"{type(exception).__name__}: {exception}"
    except Exception:  # noqa: BLE001 - the program's exception cannot be shown
        return type(exception).__name__
