"""
How the fast road starts a span. The provider's id generator and sampler
are asked, and its processors are told, inside the block and in the SDK's own order; only the sampler that
the SDK has by default is recognised instead of asked.

Source: https://github.com/open-telemetry/opentelemetry-python/blob/v1.45.2/opentelemetry-sdk/src/opentelemetry/sdk/trace/__init__.py
(``Tracer.start_span``), and the same file at v1.30.0.
"""

# ruff: noqa: SLF001 - the SDK's own fields of its own classes; the probe sees that they are what they were

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Final, cast

from opentelemetry.context import Context, attach, get_current
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import (
    INVALID_SPAN,
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)

from autonomous_dev.performance._sdk_span import bounded_attributes, span_class
from autonomous_dev.performance._span import Opener, OpenSpan, open_span

_MAX_TRACE_ID: Final = 2**128 - 1
_MAX_SPAN_ID: Final = 2**64 - 1
_SAMPLED: Final = TraceFlags.SAMPLED
_RANDOM: Final = 0x02
_FLAGS: Final = tuple(TraceFlags(flags) for flags in range(4))
_NO_TRACE_STATE: Final = INVALID_SPAN_CONTEXT.trace_state
_INTERNAL: Final = SpanKind.INTERNAL
_SPAN_KEY: Final[str] = next(iter(set_span_in_context(INVALID_SPAN, Context())))

_ASKS_WHETHER_RANDOM: Final = hasattr(IdGenerator, "is_trace_id_random")
"""From 1.42 on a trace whose id is random says so in its flags."""


def opener(tracer: Tracer, failed: Callable[[Exception], None]) -> Opener:  # noqa: C901, PLR0915 - a call for each step would cost as much as the step
    """
    What starts spans of *tracer*.

    Args:
        tracer: A tracer of the SDK's own class, which ``_sdk_probe`` has nothing against.

        failed: Told of an exception, the program's samplers', generators' and processors' or ours: to take the
            public road from then on.
    """
    spans = span_class(tracer)
    sampler, processor, limits = tracer.sampler, tracer.span_processor, tracer._span_limits
    always = sampler is ALWAYS_ON
    known = always or _follows_parents(sampler)
    asks_whether_enabled = hasattr(tracer, "_is_enabled")
    new, new_tuple, set_item = object.__new__, tuple.__new__, dict.__setitem__
    # What a tool wraps after this was made is called, too: it is looked at in each block.
    make, start, end = Tracer.start_span, SdkSpan.start, SdkSpan.end

    def open_fast(name: str, attributes: Mapping[str, Any]) -> OpenSpan | None:  # noqa: C901, PLR0912, PLR0915 - as above
        try:
            current = get_current()
            outer = current.get(_SPAN_KEY)
            parent: SpanContext | None = None
            if outer is not None and (type(outer) is spans or isinstance(outer, Span)):
                parent = outer.get_span_context()
            if (
                tracer.sampler is not sampler
                or tracer.span_processor is not processor
                or Tracer.start_span is not make
                or SdkSpan.start is not start
                or SdkSpan.end is not end
                or (parent is not None and type(parent) is not SpanContext)
                or (asks_whether_enabled and not tracer._is_enabled())
            ):
                return open_span(tracer, name, attributes)

            ids = tracer.id_generator
            if parent is None or not parent[5]:
                parent = None
                trace_id = ids.generate_trace_id()
                sampled = known
                random = _RANDOM
                state = _NO_TRACE_STATE
            else:
                trace_id, _, _, flags, state, _ = parent
                sampled = known and (always or flags & _SAMPLED != 0)
                random = flags & _RANDOM

            result = decision = None
            if not sampled:
                result = sampler.should_sample(None, trace_id, name, _INTERNAL, dict(attributes), ())
                decision = cast("Any", result.decision)
                sampled = decision.is_sampled()
                state = _NO_TRACE_STATE if result.trace_state is None else result.trace_state
            if not _ASKS_WHETHER_RANDOM or (parent is None and not ids.is_trace_id_random()):
                random = 0
            span_id = ids.generate_span_id()
            context = new_tuple(
                SpanContext,
                (
                    trace_id,
                    span_id,
                    False,
                    _FLAGS[random | 1 if sampled else random],
                    state,
                    0 < trace_id <= _MAX_TRACE_ID and 0 < span_id <= _MAX_SPAN_ID,
                ),
            )

            if decision is not None and not decision.is_recording():
                span: Span = NonRecordingSpan(context)
            else:
                span = new(spans)
                span._name = name
                span._context = context
                span._parent = parent
                span._resource = tracer.resource
                if result is None:
                    span._given = attributes
                else:
                    # At once: the sampler may change what it gave.
                    span._attributes = bounded_attributes(limits, result.attributes)
                span._start_time = time_ns()
                processor.on_start(span, parent_context=None)

            inner = Context(current)
            set_item(inner, _SPAN_KEY, span)
            try:
                return new_tuple(OpenSpan, (span, attach(inner)))
            except BaseException:  # Ctrl-C, a signal handler's: nobody will end it
                if get_current() is inner:
                    attach(current)
                span.end()
                raise
        except Exception as exception:  # noqa: BLE001 - samplers, id generators and processors are the program's
            failed(exception)
            return None

    return open_fast


def _follows_parents(sampler: Sampler) -> bool:
    """
    Whether *sampler* is what the SDK has by default: everything, but what a parent that is not sampled began.
    """
    return type(sampler) is ParentBased and vars(sampler) == {
        "_root": ALWAYS_ON,
        "_remote_parent_sampled": ALWAYS_ON,
        "_remote_parent_not_sampled": ALWAYS_OFF,
        "_local_parent_sampled": ALWAYS_ON,
        "_local_parent_not_sampled": ALWAYS_OFF,
    }
