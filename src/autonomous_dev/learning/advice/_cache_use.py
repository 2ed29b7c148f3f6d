"""
What is recorded of one cache, joined: lookups, hit ratio, capacity, and what larger ones would have answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.conventions import (
    CACHE,
    CACHE_CAPACITY,
    CACHE_HIT_RATIO,
    CACHE_HIT_RATIO_PREDICTED,
    CACHE_LOOKUPS,
    CAPACITY_FACTOR,
    CAPACITY_FACTORS,
)
from autonomous_dev.learning.detectors import Outline, change_points
from autonomous_dev.policy import Policy
from autonomous_dev.series import Attributes, Series

NEWEST: Final = 100
"""Intervals that count, the newest: eight hours of one process that flushes every five minutes."""

_SHIFTED: Final = 0.5
"""Confidence from which on a shift of the hit ratio ends what counts: what came before it is another use."""


@dataclass(frozen=True, slots=True, eq=False)
class CacheUse:
    """
    The newest intervals in which one cache had one capacity and one level of hits: m of them, oldest first.

    Attributes:
        identity: Identity of the cache's series.

        capacity: Entries that it holds at most; None where that was not recorded.

        start: Place of the first interval among the judged samples of the hit ratio.

        times: Shape (m,), Unix nanoseconds at which the intervals ended.

        lookups: Shape (m,), above 0.

        hits: Shape (m,), hit ratio.

        predicted: Shape (m, 3), hit ratio that CAPACITY_FACTORS times the capacity would have had, at least *hits* and not
            falling from one factor to the next; None where nothing was predicted, since nothing was evicted.
    """

    identity: Attributes
    capacity: int | None
    start: int
    times: NDArray[np.int64]
    lookups: NDArray[np.float64]
    hits: NDArray[np.float64]
    predicted: NDArray[np.float64] | None

    @property
    def name(self) -> str:
        """
        What the cache is called.
        """
        return str(dict(self.identity).get(CACHE, ""))

    @property
    def total(self) -> float:
        """
        Lookups of all intervals.
        """
        return float(self.lookups.sum())

    @property
    def hit_ratio(self) -> float:
        """
        Hits over lookups of all intervals.
        """
        return float(np.average(self.hits, weights=self.lookups))

    @property
    def predictions(self) -> dict[int, float]:
        """
        By factor the hit ratio over all intervals; empty where nothing was predicted.
        """
        if self.predicted is None:
            return {}
        ratios = np.average(self.predicted, axis=0, weights=self.lookups)
        return dict(zip(CAPACITY_FACTORS, ratios.tolist(), strict=True))


def cache_uses(series: Sequence[Series], policy: Policy) -> tuple[CacheUse, ...]:
    """
    What *series* say of each cache, by name; a cache without a lookup is left out.

    Args:
        series: The judged samples of every series, each oldest first.

        policy: Passed on to the detector of shifts.
    """
    found = {(one.key.name, _plain(one.key.identity)): one for one in series}
    uses = [
        use
        for one in series
        if one.key.name == CACHE_HIT_RATIO and (use := _use(one, found, policy)) is not None
    ]  # fmt: skip
    return tuple(sorted(uses, key=lambda use: use.name))


def _plain(identity: Attributes) -> Attributes:
    # Written as text by us; a server or a Collector may give a number back.
    return tuple((key, str(value) if key == CAPACITY_FACTOR else value) for key, value in identity)


def _use(ratio: Series, found: Mapping[tuple[str, Attributes], Series], policy: Policy) -> CacheUse | None:
    identity = ratio.key.identity
    lookups = _at(ratio.times, found.get((CACHE_LOOKUPS, identity)))
    capacities = _at(ratio.times, found.get((CACHE_CAPACITY, identity)))
    known = capacities[np.isfinite(capacities)]
    keep = lookups > 0  # false where it is NaN
    if len(known):
        keep &= capacities == known[-1]
    chosen = np.flatnonzero(keep)[-NEWEST:]
    if not len(chosen):
        return None
    keep[: chosen[0]] = False
    shifts = [f.start for f in change_points(Outline(ratio.select(keep)), policy) if f.confidence >= _SHIFTED]
    chosen = chosen[max(shifts, default=0) :]
    hits = ratio.values[chosen]
    columns = [
        _at(ratio.times, found.get((CACHE_HIT_RATIO_PREDICTED, _with_factor(identity, factor))))[chosen]
        for factor in CAPACITY_FACTORS
    ]
    return CacheUse(
        identity=identity,
        capacity=int(known[-1]) if len(known) else None,
        start=int(chosen[0]),
        times=ratio.times[chosen],
        lookups=lookups[chosen],
        hits=hits,
        predicted=_predicted(np.column_stack(columns), hits),
    )


def _with_factor(identity: Attributes, factor: int) -> Attributes:
    return tuple(sorted((*identity, (CAPACITY_FACTOR, str(factor)))))


def _at(times: NDArray[np.int64], series: Series | None) -> NDArray[np.float64]:
    """
    For each of *times*, shape (n,), the value that *series* has at it; NaN where it has none.
    """
    values = np.full(len(times), np.nan)
    if series is not None and len(series):
        places = np.searchsorted(series.times, times, side="right") - 1
        there = (places >= 0) & (series.times[np.maximum(places, 0)] == times)
        values[there] = series.values[places[there]]
    return values


def _predicted(columns: NDArray[np.float64], hits: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """
    Predictions, shape (m, 3), of intervals whose hit ratios are *hits*, shape (m,).
    """
    if not np.isfinite(columns).any():
        return None
    # An interval without a prediction evicted nothing: a larger cache would have answered the same.
    least = np.column_stack([hits] * len(CAPACITY_FACTORS))
    filled = np.where(np.isfinite(columns), columns, least)
    # A sample's estimate may be a little above all or below what was seen.
    return np.maximum.accumulate(np.clip(filled, least, 1.0), axis=1)
