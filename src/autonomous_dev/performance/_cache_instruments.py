"""
The instruments of caches: asked when metrics are collected, so that a lookup pays nothing for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from opentelemetry.metrics import CallbackOptions, MeterProvider, NoOpMeter, Observation

from autonomous_dev import _state
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
    CAPACITY_FACTOR,
    CAPACITY_FACTORS,
    HIT,
    MISS,
)
from autonomous_dev.performance._instruments import check_meter_provider, meter_on, once, watch_ourselves

_CACHES: Final = "instruments of caches"

_MAX_PREDICTED: Final = 666
"""Caches whose predictions are reported, those with most to gain: three points each, below the SDK's limit of 2000."""


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


def _make_cache_instruments(provider: MeterProvider | None) -> tuple[object, ...]:
    meter = meter_on(provider)
    if type(meter) is NoOpMeter:
        return ()
    watch_ourselves(meter, provider)
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
    most_to_gain = sorted(asked, key=lambda pair: -pair[1].saved[-1])[:_MAX_PREDICTED]
    for name, totals in most_to_gain:
        for factor, saved in zip(CAPACITY_FACTORS, totals.saved, strict=True):
            ratio = (totals.hits + saved) / (totals.hits + totals.misses)
            # A hit may be counted between two of the sums.
            yield Observation(min(ratio, 1.0), {CACHE: name, CAPACITY_FACTOR: str(factor)})


def _sizes(_: CallbackOptions) -> Iterable[Observation]:
    return _told(CACHE_SIZE, lambda totals: totals.size)


def _capacities(_: CallbackOptions) -> Iterable[Observation]:
    return _told(CACHE_CAPACITY, lambda totals: totals.capacity)
