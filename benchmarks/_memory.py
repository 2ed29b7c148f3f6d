"""
What the adviser of a cache keeps, beside the cache itself.
"""

from __future__ import annotations

import functools
import gc
import tracemalloc
from collections import deque
from collections.abc import Callable

from autonomous_dev.performance.caching._adviser import Adviser

SMALL, LARGE = 128, 10_000
"""Capacities: one all of whose evicted keys are followed, and one of which a sample is."""

DISTINCT = 16
"""Different keys by the capacity, so that what is kept of evicted ones is full."""


def adviser_bytes(capacity: int) -> int:
    """
    Bytes that an adviser holds whose cache evicted keys enough.
    """

    def advised() -> Adviser:
        adviser = Adviser(capacity)
        hashes = deque[int]()
        for key in _keys(capacity):
            adviser.missed(hash(key))
            hashes.append(hash(key))
            if len(hashes) > capacity:
                adviser.evicted(hashes.popleft())
        return adviser

    return _bytes_of(advised)


def cache_bytes(capacity: int) -> int:
    """
    Bytes that an ``lru_cache`` holds after the same keys: texts of 15 to 17 characters, a float for each.
    """

    def filled() -> object:
        cache = functools.lru_cache(maxsize=capacity)(float_of)
        for key in _keys(capacity):
            cache(key)
        return cache

    return _bytes_of(filled)


def float_of(key: str) -> float:
    """
    A value of its own for each key.
    """
    return float(len(key)) * 1.5


def _keys(capacity: int) -> list[str]:
    return [f"customer-{i:06d}" for i in range(capacity * DISTINCT)]


def _bytes_of(make: Callable[[], object]) -> int:
    """
    Bytes that are still allocated for what *make* gives once it has returned.
    """
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        made = make()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        del made
    finally:
        tracemalloc.stop()
    return after - before
