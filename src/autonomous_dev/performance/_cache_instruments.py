"""
The instruments of caches: asked when metrics are collected, so that a lookup pays nothing for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    counts = _Counts()
    return (
        meter.create_observable_counter(
            CACHE_LOOKUPS, [counts.lookups], unit="{lookup}", description=CACHE_LOOKUPS_DESCRIPTION
        ),
        meter.create_observable_counter(
            CACHE_EVICTIONS,
            [counts.evictions],
            unit="{eviction}",
            description="Entries that caches dropped to make room.",
        ),
        meter.create_observable_counter(
            CACHE_EXPIRATIONS,
            [counts.expirations],
            unit="{expiration}",
            description="Entries that caches dropped because their time was up.",
        ),
        meter.create_observable_gauge(
            CACHE_HIT_RATIO_PREDICTED,
            [counts.predictions],
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


class _Counts:
    """
    What caches have counted, as one provider shows it.

    A child of a fork has its parent's tallies. A provider that the child made itself begins at 0, as its histogram of
    durations does; one of the parent's goes on from where it was, as that does, too.
    """

    def __init__(self) -> None:
        self._parents: Mapping[str, _state.CacheTotals] | None = None

    def lookups(self, _: CallbackOptions) -> Iterator[Observation]:
        for name, _ever, used in self._caches():
            yield Observation(used.hits, {CACHE: name, CACHE_RESULT: HIT})
            yield Observation(used.misses, {CACHE: name, CACHE_RESULT: MISS})

    def evictions(self, _: CallbackOptions) -> Iterable[Observation]:
        return _told(CACHE_EVICTIONS, {name: (used, used.evictions) for name, _ever, used in self._caches()})

    def expirations(self, _: CallbackOptions) -> Iterable[Observation]:
        return _told(CACHE_EXPIRATIONS, {name: (used, used.expirations) for name, _ever, used in self._caches()})

    def predictions(self, _: CallbackOptions) -> Iterator[Observation]:
        # What never evicted would answer the same with any larger capacity.
        asked = [
            (name, used)
            for name, ever, used in self._caches()
            if ever.evictions and used.hits + used.misses and CACHE_HIT_RATIO_PREDICTED not in used.untold
        ]
        most_to_gain = sorted(asked, key=lambda pair: -pair[1].saved[-1])[:_MAX_PREDICTED]
        for name, used in most_to_gain:
            for factor, saved in zip(CAPACITY_FACTORS, used.saved, strict=True):
                ratio = (used.hits + saved) / (used.hits + used.misses)
                # A hit may be counted between two of the sums.
                yield Observation(min(ratio, 1.0), {CACHE: name, CAPACITY_FACTOR: str(factor)})

    def _caches(self) -> Iterator[tuple[str, _state.CacheTotals, _state.CacheTotals]]:
        """
        Of each cache its name, what it ever counted, and that without what the parent had.
        """
        if self._parents is None:
            # At the first look: the provider behind a proxy may be set in the child.
            self._parents = _state.flushed.origin.caches
        for name, ever in _state.caches().items():
            had = self._parents.get(name)
            yield name, ever, ever if had is None else _without(ever, had)


def _without(ever: _state.CacheTotals, had: _state.CacheTotals) -> _state.CacheTotals:
    twice, four_times, eight_times = (now - then for now, then in zip(ever.saved, had.saved, strict=True))
    return ever._replace(
        hits=ever.hits - had.hits,
        misses=ever.misses - had.misses,
        evictions=ever.evictions - had.evictions,
        expirations=ever.expirations - had.expirations,
        saved=(twice, four_times, eight_times),
    )


def _told(metric: str, values: Mapping[str, tuple[_state.CacheTotals, int]]) -> list[Observation]:
    """
    The value of each cache that tells *metric*.
    """
    return [
        Observation(value, {CACHE: name}) for name, (totals, value) in values.items() if metric not in totals.untold
    ]


def _sizes(_: CallbackOptions) -> Iterable[Observation]:
    return _told(CACHE_SIZE, {name: (totals, totals.size) for name, totals in _state.caches().items()})


def _capacities(_: CallbackOptions) -> Iterable[Observation]:
    return _told(CACHE_CAPACITY, {name: (totals, totals.capacity) for name, totals in _state.caches().items()})
