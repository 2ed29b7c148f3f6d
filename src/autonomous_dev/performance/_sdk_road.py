"""
The fast road: spans of the OpenTelemetry SDK at a fraction of their cost, where they are the same.

Imported only where the program's provider comes from ``opentelemetry.sdk``.
"""

from __future__ import annotations

from typing import Final, cast

from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.trace import Tracer, TracerProvider

from autonomous_dev import _state
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._sdk_open import opener
from autonomous_dev.performance._sdk_probe import difference, objection
from autonomous_dev.performance._span import FAST, PUBLIC, Road, public_opener, public_road

_DIFFERENCE: Final = "difference of the fast road"


def sdk_road(provider: TracerProvider, tracer: Tracer) -> Road:
    """
    The road for *tracer* of *provider*: the fast one where that makes the same spans, else the public one.

    After an exception on the fast road, be it of the program's sampler, id generator or processor or ours, the
    public one is taken for good; but for a RecursionError, which is the program's.
    """
    found = objection(provider, tracer) or _difference()
    if found:
        return public_road(tracer, found)

    def failed(exception: Exception) -> None:
        report("tracer")
        if not isinstance(exception, RecursionError):
            road.become(public_opener(tracer), PUBLIC, f"failed: {type(exception).__name__}")

    road = Road(opener(cast("SdkTracer", tracer), failed), FAST, "spans of the SDK")
    return road


def _difference() -> str:
    # It depends on the SDK's version only.
    known: str | None = _state.global_instruments.get(_DIFFERENCE)
    if known is None:
        known = _state.global_instruments[_DIFFERENCE] = difference()
    return known
