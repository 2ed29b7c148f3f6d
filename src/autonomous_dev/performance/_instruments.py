"""
The tracer and the instruments, made once per OpenTelemetry provider.

Without a provider of the caller's they are made on the global one: proxies until the program sets one, which
connects them. A provider that fails gives none, and the program goes on unmeasured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.metrics import Histogram, Meter, MeterProvider
from opentelemetry.trace import NoOpTracer, ProxyTracerProvider, Tracer, TracerProvider

from autonomous_dev import _state
from autonomous_dev._flushing import flush_in_children
from autonomous_dev.conventions import (
    CALL_DURATION,
    CALL_DURATION_DESCRIPTION,
    DURATION_BOUNDS,
    SCOPE,
    VERSION,
)
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._overhead import observe_ourselves
from autonomous_dev.performance._span import OpenSpan, Road, open_nothing, public_road

T = TypeVar("T")
V = TypeVar("V")

_TRACER: Final = "tracer"
_ROAD: Final = "road of spans"
_DURATION: Final = "histogram of call durations"
_OURSELVES: Final = "instruments of the instrumentation"


def tracer_on(provider: TracerProvider | None) -> Tracer | None:
    """
    Our tracer on *provider*, the global one by default; None where it cannot record anything, ever.

    Raises:
        InvalidTypeError: If *provider* is no tracer provider.
    """
    if provider is None:
        known: Tracer | None = _state.global_instruments.get(_TRACER)
        if known is not None:
            return known
    elif not callable(getattr(provider, "get_tracer", None)):
        raise InvalidTypeError(f"tracer_provider is a {type(provider).__name__}; expected a TracerProvider")

    return once(_TRACER, provider, _make_tracer)


def road_on(provider: TracerProvider | None) -> Road | None:
    """
    How spans are made on *provider*, the global one by default; None where it cannot record anything, ever.

    Raises:
        InvalidTypeError: If *provider* is no tracer provider.
    """
    if provider is None:
        known: Road | None = _state.global_instruments.get(_ROAD)
        if known is not None:
            return known
    elif not callable(getattr(provider, "get_tracer", None)):
        raise InvalidTypeError(f"tracer_provider is a {type(provider).__name__}; expected a TracerProvider")
    return once(_ROAD, provider, _make_road)


def global_road() -> Road | None:
    """
    The road of the global provider; None before the program has one, or a profiler.
    """
    road: Road | None = _state.global_instruments.get(_ROAD)
    return road if road is not None and road.name else None


def call_duration_on(provider: MeterProvider | None) -> Histogram | None:
    """
    The histogram of call durations on *provider*, the global one by default; None where it could not be made.

    Raises:
        InvalidTypeError: If *provider* is no meter provider.
    """
    if provider is None:
        known: Histogram | None = _state.global_instruments.get(_DURATION)
        if known is not None:
            return known
    check_meter_provider(provider)
    return once(_DURATION, provider, _make_call_duration)


def check_meter_provider(provider: MeterProvider | None) -> None:
    """
    Raise InvalidTypeError where *provider* is neither None nor a meter provider.
    """
    if provider is not None and not callable(getattr(provider, "get_meter", None)):
        raise InvalidTypeError(f"meter_provider is a {type(provider).__name__}; expected a MeterProvider")


def once(part: str, provider: V | None, make: Callable[[V | None], T]) -> T | None:
    """
    What *make* gives, made at most once per provider; None where the provider fails.
    """
    try:
        made = _state.global_instruments if provider is None else _made_on(provider)
        if part not in made:
            value = make(provider)
            flush_in_children()
            with _state.lock():
                made.setdefault(part, value)
        known: T = made[part]
    except Exception:  # noqa: BLE001 - the provider is the program's or a third party's
        report(part)
        return None
    return known


def _made_on(provider: object) -> dict[str, Any]:
    try:
        with _state.lock():
            made: dict[str, Any] = _state.instruments.setdefault(provider, {})
    except TypeError:  # it takes no weak reference or has no hash: what is made is its user's alone
        return {}
    return made


def _make_tracer(provider: TracerProvider | None) -> Tracer | None:
    tracer = (trace.get_tracer_provider() if provider is None else provider).get_tracer(SCOPE, VERSION)
    return None if type(tracer) is NoOpTracer else tracer


def _make_road(provider: TracerProvider | None) -> Road | None:
    provider = trace.get_tracer_provider() if provider is None else provider
    if type(provider) is ProxyTracerProvider:
        return _road_when_set(provider)
    tracer = tracer_on(provider)
    if tracer is None:
        return None
    kind = type(provider)
    if kind.__module__.startswith("opentelemetry.sdk."):
        return _sdk_road(provider, tracer)
    return public_road(tracer, f"provider {kind.__module__}.{kind.__qualname__}")


def _sdk_road(provider: TracerProvider, tracer: Tracer) -> Road:
    try:
        # An SDK is there already, and only for its spans this module is needed.
        from autonomous_dev.performance._sdk_road import sdk_road  # noqa: PLC0415

        return sdk_road(provider, tracer)
    except Exception as exception:  # noqa: BLE001 - an SDK of another make, for which the public road is there
        return public_road(tracer, f"unknown SDK: {type(exception).__name__}")


def _road_when_set(proxy: ProxyTracerProvider, seen_in: str = "_TRACER_PROVIDER") -> Road:
    """
    The road of a program that may set its provider later. Until then a block pays one look at the API's variable.
    """
    if not hasattr(trace, seen_in):
        return public_road(proxy.get_tracer(SCOPE, VERSION), "no provider when the profiler was made")

    def open_when_set(name: str, attributes: Mapping[str, Any]) -> OpenSpan | None:
        # `get_tracer_provider` and a proxy's `start_span` take 0.7 and 1 µs to find out the same.
        if trace._TRACER_PROVIDER is None:  # noqa: SLF001 - seen to be there
            return None
        real = road_on(trace.get_tracer_provider())
        if real is None:
            road.become(open_nothing, "", "")
        else:
            road.follow(real)
        return road.open(name, attributes)

    road = Road(open_when_set, "", "")
    return road


def _make_call_duration(provider: MeterProvider | None) -> Histogram:
    meter = meter_on(provider)
    histogram = meter.create_histogram(
        CALL_DURATION,
        unit="s",
        description=CALL_DURATION_DESCRIPTION,
        explicit_bucket_boundaries_advisory=DURATION_BOUNDS,
    )
    watch_ourselves(meter, provider)
    return histogram


def watch_ourselves(meter: Meter, provider: MeterProvider | None) -> None:
    """
    Report on *meter*, which is of *provider*, what the instrumentation costs and which names its bounds refused.
    """
    once(_OURSELVES, provider, partial(observe_ourselves, meter))


def meter_on(provider: MeterProvider | None) -> Meter:
    """
    Our meter on *provider*, the global one by default.
    """
    return (metrics.get_meter_provider() if provider is None else provider).get_meter(SCOPE, VERSION)
