"""
The road that a block's span takes: how it is started and made current, and how it ends.

The public road goes through OpenTelemetry's API and works with every provider. ``_sdk_road`` holds a faster one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from typing import Any, Final, NamedTuple

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, Tracer

from autonomous_dev.conventions import ERROR_TYPE
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._names import qualified_name

FAST: Final = "fast"
PUBLIC: Final = "public"

_INTERNAL: Final = SpanKind.INTERNAL
"""Looked up once: an enumeration's member takes 0.2 µs."""


class OpenSpan(NamedTuple):
    """
    A span that was started and made current.
    """

    span: Span
    token: Token[Context]


Opener = Callable[[str, Mapping[str, Any]], OpenSpan | None]
"""
Starts a span of this name with these attributes and makes it current; None where nothing is to be ended.

The attributes may be looked at after the block: neither the mapping nor a value in it may change (:func:`settled`).
"""

Closer = Callable[[OpenSpan, BaseException | None, str], None]
"""Ends a span: with the exception on it where the error type is not empty."""


class Road:
    """
    How spans of one provider are made.

    Attributes:
        open: Starts a span. Ask for it at each block: another one takes its place when the program sets its provider.

        close: Ends what *open* gave, with the exception on it where the error type is not empty.

        name: ``fast`` or ``public``; empty as long as the program has no provider.

        reason: Why this one, in few different words.
    """

    __slots__ = ("_followers", "close", "name", "open", "reason")

    def __init__(self, opener: Opener, name: str, reason: str) -> None:
        self.open = opener
        self.close: Closer = close_span
        self.name = name
        self.reason = reason
        self._followers: list[Road] = []

    def become(self, opener: Opener, name: str, reason: str) -> None:
        """
        Make spans with *opener* from now on.
        """
        self.open = opener
        self.name = name
        self.reason = reason
        for follower in self._followers:
            follower.become(opener, name, reason)

    def follow(self, other: Road) -> None:
        """
        Be what *other* is, and becomes.
        """
        other._followers.append(self)
        self.become(other.open, other.name, other.reason)


def public_road(tracer: Tracer, reason: str) -> Road:
    """
    The road that goes through OpenTelemetry's API; it works with every tracer.
    """
    return Road(public_opener(tracer), PUBLIC, reason)


def public_opener(tracer: Tracer) -> Opener:
    """
    What starts spans of *tracer* through the API.
    """

    def open_publicly(name: str, attributes: Mapping[str, Any]) -> OpenSpan | None:
        return open_span(tracer, name, attributes)

    return open_publicly


def open_nothing(_: str, __: Mapping[str, Any]) -> None:
    """
    Start no span: the provider records nothing, ever.
    """


def open_span(tracer: Tracer, name: str, attributes: Mapping[str, Any]) -> OpenSpan | None:
    """
    Start a span and make it current; None where there is nothing to make current, or the tracer failed.

    A span that is not sampled is made current too, so that the spans inside it know.
    """
    try:
        # A sampler may write into what it is given.
        span = tracer.start_span(name, None, _INTERNAL, dict(attributes))
        # Without an SDK the API hands out what is current already. Asked first, since it is the cheapest.
        if span is INVALID_SPAN:
            return None
        if not span.is_recording() and span.get_span_context() == trace.get_current_span().get_span_context():
            return None
        outer = context.get_current()
        try:
            return OpenSpan(span, context.attach(trace.set_span_in_context(span, outer)))
        except BaseException:  # Ctrl-C, a signal handler's: nobody will end it
            if trace.get_current_span() is span:
                context.attach(outer)
            span.end()
            raise
    except Exception:  # noqa: BLE001 - samplers, id generators and processors are the program's
        report("tracer")
        return None


def close_span(opened: OpenSpan, exception: BaseException | None, error_type: str) -> None:
    """
    Make the outer span current again, and end this one: with the *exception* on it where *error_type* is not empty.
    """
    span, token = opened
    try:
        try:
            context.detach(token)
            if not error_type or exception is None:
                span.end()
                return
            try:
                if span.is_recording():
                    span.set_attribute(ERROR_TYPE, error_type)
                    span.set_status(Status(StatusCode.ERROR, _described(exception)))
                    span.record_exception(exception)
            finally:
                span.end()
        except Exception:  # noqa: BLE001 - processors and exporters are the program's
            report("tracer")
    except BaseException:  # Ctrl-C, a signal handler's
        _let_go(opened)
        raise


def _let_go(opened: OpenSpan) -> None:
    """
    Make the outer span current again and end this one, as far as neither was done.
    """
    span, token = opened
    if trace.get_current_span() is span:
        context.detach(token)
    if span.is_recording():
        span.end()


def settled(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """
    A copy of *attributes* that no later change of a list in it can reach.
    """
    return {key: _settled(value) for key, value in attributes.items()}


def _settled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _settled(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(_settled(inner) for inner in value)
    return value


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
