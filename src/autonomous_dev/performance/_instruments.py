"""
The tracer and the instruments, made once per OpenTelemetry provider.

Without a provider of the caller's they are made on the global one: proxies until the program sets one, which
connects them. A provider that fails gives none, and the program goes on unmeasured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from heapq import nlargest
from typing import Any, Final, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, NoOpMeter, Observation
from opentelemetry.trace import NoOpTracer, ProxyTracerProvider, Tracer, TracerProvider

from autonomous_dev import _state
from autonomous_dev._flushing import flush_in_children
from autonomous_dev.conventions import (
    CACHE,
    CACHE_CAPACITY,
    CACHE_EVICTIONS,
    CACHE_EXPIRATIONS,
    CACHE_HIT_RATIO_PREDICTED,
    CACHE_LOOKUPS,
    CACHE_LOOKUPS_DESCRIPTION,
    CACHE_RESULT,
    CACHE_SIZE,
    CALL_DURATION,
    CALL_DURATION_DESCRIPTION,
    CAPACITY_FACTOR,
    DURATION_BOUNDS,
    HIT,
    MISS,
    SCOPE,
    VERSION,
)
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._adviser import FACTORS
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._overhead import observe_ourselves
from autonomous_dev.performance._span import OpenSpan, Road, open_nothing, public_road

T = TypeVar("T")
V = TypeVar("V")

_TRACER: Final = "tracer"
_ROAD: Final = "road of spans"
_DURATION: Final = "histogram of call durations"
_CACHES: Final = "instruments of caches"

_MAX_PREDICTED: Final = 666
"""Caches whose predictions are reported, those with most to gain: three points each, below the SDK's limit of 2000."""
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


def observe_caches(meter_provider: MeterProvider | None = None) -> None:
    """
    Report the caches of this process on *meter_provider*: lookups, evictions, size and capacity by cache name.

    On the global provider this happens by itself when the first cache is made. Doing it twice changes nothing.

    Args:
        meter_provider: Where to report; the global provider by default, also if it is set later.

    Raises:
        InvalidTypeError: If *meter_provider* is no meter provider.
    """
    check_meter_provider(meter_provider)
    once(_CACHES, meter_provider, _make_cache_instruments)


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
    once(_OURSELVES, provider, partial(observe_ourselves, meter))
    return histogram


def meter_on(provider: MeterProvider | None) -> Meter:
    """
    Our meter on *provider*, the global one by default.
    """
    return (metrics.get_meter_provider() if provider is None else provider).get_meter(SCOPE, VERSION)


def _make_cache_instruments(provider: MeterProvider | None) -> tuple[object, ...]:
    meter = meter_on(provider)
    if type(meter) is NoOpMeter:
        return ()
    once(_OURSELVES, provider, partial(observe_ourselves, meter))
    return (
        meter.create_observable_counter(
            CACHE_LOOKUPS, [_lookups], unit="{lookup}", description=CACHE_LOOKUPS_DESCRIPTION
        ),
        meter.create_observable_counter(
            CACHE_EVICTIONS, [_evictions], unit="{eviction}", description="Entries that caches dropped to make room."
        ),
        meter.create_observable_counter(
            CACHE_EXPIRATIONS,
            [_expirations],
            unit="{expiration}",
            description="Entries that caches dropped because their time was up.",
        ),
        meter.create_observable_gauge(
            CACHE_HIT_RATIO_PREDICTED,
            [_predictions],
            unit="1",
            description="Share of all lookups so far that a cache of a larger capacity would have answered.",
        ),
        meter.create_observable_up_down_counter(
            CACHE_SIZE, [_sizes], unit="{entry}", description="Entries that caches hold."
        ),
        meter.create_observable_up_down_counter(
            CACHE_CAPACITY, [_capacities], unit="{entry}", description="Entries that caches can hold at most."
        ),
    )


def _lookups(_: CallbackOptions) -> Iterator[Observation]:
    for name, totals in _state.caches().items():
        yield Observation(totals.hits, {CACHE: name, CACHE_RESULT: HIT})
        yield Observation(totals.misses, {CACHE: name, CACHE_RESULT: MISS})


def _told(metric: str, value: Callable[[_state.CacheTotals], int]) -> list[Observation]:
    """
    *value* of each cache that tells *metric*.
    """
    return [
        Observation(value(totals), {CACHE: name})
        for name, totals in _state.caches().items()
        if metric not in totals.untold
    ]


def _evictions(_: CallbackOptions) -> Iterable[Observation]:
    return _told(CACHE_EVICTIONS, lambda totals: totals.evictions)


def _expirations(_: CallbackOptions) -> Iterable[Observation]:
    return _told(CACHE_EXPIRATIONS, lambda totals: totals.expirations)


def _predictions(_: CallbackOptions) -> Iterator[Observation]:
    # What evicted nothing would answer the same with any larger capacity.
    asked = [
        (name, totals)
        for name, totals in _state.caches().items()
        if totals.evictions and totals.hits + totals.misses and CACHE_HIT_RATIO_PREDICTED not in totals.untold
    ]
    for name, totals in nlargest(_MAX_PREDICTED, asked, key=lambda pair: pair[1].saved[-1]):
        for factor, saved in zip(FACTORS, totals.saved, strict=True):
            ratio = (totals.hits + saved) / (totals.hits + totals.misses)
            # A hit may be counted between two of the sums.
            yield Observation(min(ratio, 1.0), {CACHE: name, CAPACITY_FACTOR: str(factor)})


def _sizes(_: CallbackOptions) -> Iterable[Observation]:
    return _told(CACHE_SIZE, lambda totals: totals.size)


def _capacities(_: CallbackOptions) -> Iterable[Observation]:
    return _told(CACHE_CAPACITY, lambda totals: totals.capacity)
