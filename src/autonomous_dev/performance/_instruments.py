"""
The tracer and the instruments, made once per OpenTelemetry provider.

Without a provider of the caller's they are made on the global one: proxies until the program sets one, which
connects them. A provider that fails gives none, and the program goes on unmeasured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, NoOpMeter, Observation
from opentelemetry.trace import NoOpTracer, Tracer, TracerProvider

from autonomous_dev import _state
from autonomous_dev.conventions import (
    CACHE,
    CACHE_CAPACITY,
    CACHE_EVICTIONS,
    CACHE_LOOKUPS,
    CACHE_LOOKUPS_DESCRIPTION,
    CACHE_RESULT,
    CACHE_SIZE,
    CALL_DURATION,
    CALL_DURATION_DESCRIPTION,
    DURATION_BOUNDS,
    HIT,
    MISS,
    SCOPE,
    VERSION,
)
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._guard import report

T = TypeVar("T")
V = TypeVar("V")

_TRACER: Final = "tracer"
_DURATION: Final = "histogram of call durations"
_CACHES: Final = "instruments of caches"


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

    return _once(_TRACER, provider, _make_tracer)


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
    return _once(_DURATION, provider, _make_call_duration)


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
    _once(_CACHES, meter_provider, _make_cache_instruments)


def check_meter_provider(provider: MeterProvider | None) -> None:
    """
    Raise InvalidTypeError where *provider* is neither None nor a meter provider.
    """
    if provider is not None and not callable(getattr(provider, "get_meter", None)):
        raise InvalidTypeError(f"meter_provider is a {type(provider).__name__}; expected a MeterProvider")


def _once(part: str, provider: V | None, make: Callable[[V | None], T]) -> T | None:
    """
    What *make* gives, made at most once per provider; None where the provider fails.
    """
    try:
        made = _state.global_instruments if provider is None else _made_on(provider)
        if part not in made:
            value = make(provider)
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


def _make_call_duration(provider: MeterProvider | None) -> Histogram:
    return _meter(provider).create_histogram(
        CALL_DURATION,
        unit="s",
        description=CALL_DURATION_DESCRIPTION,
        explicit_bucket_boundaries_advisory=DURATION_BOUNDS,
    )


def _meter(provider: MeterProvider | None) -> Meter:
    return (metrics.get_meter_provider() if provider is None else provider).get_meter(SCOPE, VERSION)


def _make_cache_instruments(provider: MeterProvider | None) -> tuple[object, ...]:
    meter = _meter(provider)
    if type(meter) is NoOpMeter:
        return ()
    return (
        meter.create_observable_counter(
            CACHE_LOOKUPS, [_lookups], unit="{lookup}", description=CACHE_LOOKUPS_DESCRIPTION
        ),
        meter.create_observable_counter(
            CACHE_EVICTIONS, [_evictions], unit="{eviction}", description="Entries that caches dropped to make room."
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


def _evictions(_: CallbackOptions) -> Iterable[Observation]:
    return [Observation(totals.evictions, {CACHE: name}) for name, totals in _state.caches().items()]


def _sizes(_: CallbackOptions) -> Iterable[Observation]:
    return [Observation(totals.size, {CACHE: name}) for name, totals in _state.caches().items()]


def _capacities(_: CallbackOptions) -> Iterable[Observation]:
    return [Observation(totals.capacity, {CACHE: name}) for name, totals in _state.caches().items()]
