"""
The cells that count: numbers addressed by index, behind four calls.

Everything that this package measures about itself and its caller's code lives in cells. They are read by
OpenTelemetry callbacks, by the metrics endpoint and by the journal; nothing else needs to know how they
are stored. Today's backing is a list.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

HISTOGRAM_HEAD = 2
"""Cells before the buckets of a histogram: count and sum."""


def histogram_size(bounds: Sequence[float]) -> int:
    """
    Number of cells that a histogram with these upper *bounds* takes: count, sum, one bucket more than bounds.
    """
    return HISTOGRAM_HEAD + len(bounds) + 1


GIL: Final[bool] = getattr(sys, "_is_gil_enabled", lambda: True)()
"""
Whether ``cell += x`` needs no lock: CPython changes threads at calls and at backward jumps only, and there is none in it.

Source: ``eval_breaker`` in https://github.com/python/cpython/blob/v3.11.7/Python/ceval.c; free-threaded builds say so
themselves from 3.13 on.
"""


class Cells:
    """
    A growing row of numbers that many threads write.

    A cell is never freed or moved, so an index stays good for the life of the process.

    Attributes:
        values: The cells themselves, for who counts inline where there is a GIL; the same list for good.
    """

    __slots__ = ("_end", "_lock", "values")

    def __init__(self) -> None:
        self.values: list[float] = []
        self._end = 0
        # A finalizer may run while it is held, and count.
        self._lock = threading.RLock()

    def allocate(self, count: int) -> int:
        """
        Add *count* cells holding zero and return the index of the first.
        """
        with self._lock:
            # No call is between these two, so that no finalizer is given the same ones.
            first = self._end
            end = self._end = first + count
            missing = end - len(self.values)
            if missing > 0:
                self.values.extend([0.0] * missing)  # more than that where one did so meanwhile: kept for the next
        return first

    def add(self, index: int, amount: float = 1.0) -> None:
        """
        Add *amount* to one cell.
        """
        with self._lock:
            self.values[index] += amount

    def set(self, index: int, value: float) -> None:
        """
        Put *value* into one cell.
        """
        self.values[index] = value

    def observe(self, first: int, bounds: Sequence[float], value: float) -> None:
        """
        Count *value* into the histogram that begins at cell *first*: count, sum, buckets.

        A value equal to a bound falls into that bound's bucket, as in OpenTelemetry and Prometheus.
        """
        bucket = first + HISTOGRAM_HEAD + bisect_left(bounds, value)
        values = self.values
        if GIL:
            values[first] += 1.0
            values[first + 1] += value
            values[bucket] += 1.0
            return
        with self._lock:
            values[first] += 1.0
            values[first + 1] += value
            values[bucket] += 1.0

    def read(self, first: int, count: int = 1) -> tuple[float, ...]:
        """
        The numbers of *count* cells from *first* on, from one moment.
        """
        with self._lock:
            return tuple(self.values[first : first + count])

    def after_fork_in_child(self) -> None:
        """
        Make a new lock: another thread of the parent may have held the old one.
        """
        self._lock = threading.RLock()
