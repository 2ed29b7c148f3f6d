"""
Samples in memory, as columns, within stated bounds.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from autonomous_dev.conventions import OWN_PREFIX, SERIES_DROPPED
from autonomous_dev.series import Attributes, Series, SeriesKey, make_series


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How much a store keeps; the oldest samples go first.

    Attributes:
        samples_per_series: Newest samples kept of each series.

        series: Series kept; samples of further ones are dropped and counted. Our own may take OWN_SHARE of them, so
            that a program that makes up names of operations does not lose its own metrics.

        samples: Newest samples kept in all.
    """

    samples_per_series: int
    series: int
    samples: int


OWN_SHARE: Final = 0.8
"""Of the series that are kept, how many may be our own: one operation with a budget and its growth has seven and more."""

KEPT_ANYWAY: Final = 100
"""Series of SERIES_DROPPED that are kept beyond every bound: they tell why others are not there. We write three."""

MAX_DROPPED: Final = 10_000
"""Different dropped series that are told apart."""

MEMORY_LIMITS: Final = Limits(samples_per_series=100_000, series=10_000, samples=1_000_000)
"""Of a tracker without a file: at most about 30 MB."""

FILE_LIMITS: Final = Limits(samples_per_series=1_000_000, series=10_000, samples=10_000_000)
"""Of what is held of a file; the file itself keeps everything."""


class _Column:
    """
    The samples of one series, in the order in which they came.
    """

    __slots__ = ("contexts", "key", "snapshot", "times", "values")

    def __init__(self, key: SeriesKey) -> None:
        self.key = key
        self.times = array("q")
        self.values = array("d")
        self.contexts: list[Attributes] = []
        self.snapshot: Series | None = None

    def trim(self, keep: int) -> int:
        """
        Drop all but the newest *keep* samples and return how many went.
        """
        excess = len(self.times) - keep
        if excess <= 0:
            return 0
        del self.times[:excess]
        del self.values[:excess]
        del self.contexts[:excess]
        self.snapshot = None
        return excess

    def series(self) -> Series:
        if self.snapshot is None:
            times = np.frombuffer(self.times, dtype=np.int64) if self.times else ()
            values = np.frombuffer(self.values, dtype=np.float64) if self.values else ()
            self.snapshot = make_series(self.key, times, values, self.contexts)
        return self.snapshot


class SampleStore:
    """
    Series by key; many threads may append and read.

    Attributes:
        appended: Samples taken in since the store was made.

        dropped_samples: Samples dropped because of a bound.

    """

    def __init__(self, limits: Limits = MEMORY_LIMITS) -> None:
        self.limits = limits
        self.appended = 0
        self.dropped_samples = 0
        self._dropped: set[int] = set()
        self._own = 0
        self._held = 0
        self._columns: dict[SeriesKey, _Column] = {}
        self._lock = threading.Lock()

    def append(self, key: SeriesKey, time_unix_nano: int, value: float, context: Attributes) -> None:
        """
        Take in one sample.
        """
        with self._lock:
            column = self._columns.get(key)
            if column is None:
                if not self._has_room(key.name):
                    if len(self._dropped) < MAX_DROPPED:
                        self._dropped.add(hash(key))
                    return
                column = _Column(key)
            column.times.append(time_unix_nano)  # raises for what is no 64-bit integer
            column.values.append(value)
            if key not in self._columns:
                self._columns[key] = column
                self._own += key.name.startswith(OWN_PREFIX)
            column.contexts.append(context)
            column.snapshot = None
            self.appended += 1
            self._held += 1
            # A tenth of slack makes the cost of dropping from the front constant per sample.
            if len(column.times) > self.limits.samples_per_series * 1.1:
                self._drop(column, self.limits.samples_per_series)
            if self._held > self.limits.samples * 1.1:
                for each in self._columns.values():
                    self._drop(each, len(each.times) * 10 // 11)

    @property
    def dropped_series(self) -> int:
        """
        Series beyond the bound, of which nothing is kept; at least so many where it is MAX_DROPPED.
        """
        return len(self._dropped)

    def series(self, name: str | None = None) -> Sequence[Series]:
        """
        The series, all or those of metric *name*, in the order in which they first came.
        """
        with self._lock:
            for column in self._columns.values():
                self._drop(column, self.limits.samples_per_series)
            return [column.series() for key, column in self._columns.items() if name is None or key.name == name]

    def clear(self) -> None:
        """
        Forget all samples and what had no room; the count of dropped samples stays.
        """
        with self._lock:
            self._columns.clear()
            self._dropped.clear()
            self._own = 0
            self._held = 0

    def after_fork_in_child(self) -> None:
        """
        Make a new lock: another thread of the parent may have held the old one.
        """
        self._lock = threading.Lock()

    def _has_room(self, name: str) -> bool:
        held, most = len(self._columns), self.limits.series
        if name == SERIES_DROPPED:
            return held < most + KEPT_ANYWAY
        return held < most and not (name.startswith(OWN_PREFIX) and self._own >= most * OWN_SHARE)

    def _drop(self, column: _Column, keep: int) -> None:
        gone = column.trim(keep)
        self._held -= gone
        self.dropped_samples += gone
