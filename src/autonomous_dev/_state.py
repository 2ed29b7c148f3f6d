"""
What a process has once: the cells, the operations and caches counted in them, and the fork hooks.

The only module with mutable state at module level. Everything here is bounded.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from autonomous_dev._cells import Cells, histogram_size
from autonomous_dev.conventions import DURATION_BOUNDS

MAX_OPERATIONS: Final = 2000
"""Operations (with each kind of error) that get a histogram of their own: OpenTelemetry's cardinality limit."""

OTHER_OPERATION: Final = "_other"
"""The operation that everything beyond MAX_OPERATIONS is counted under."""

MAX_CACHES: Final = 2000
"""Cache names that are counted; further names are summed under OTHER_CACHE."""

OTHER_CACHE: Final = "_other"

cells: Final = Cells()
_lock = threading.RLock()

# Operations.

_operations: dict[tuple[str, str], int] = {}


def operation(name: str, error_type: str = "") -> int:
    """
    Index of the first cell of the duration histogram of operation *name*, made at its first use.

    Args:
        name: The operation.

        error_type: Qualified class of the exception that ended the call; empty for success.
    """
    first = _operations.get((name, error_type))
    if first is None:
        with _lock:
            key = (name, error_type)
            if key not in _operations and len(_operations) >= MAX_OPERATIONS:
                key = (OTHER_OPERATION, "")
            first = _operations.get(key)
            if first is None:
                first = _operations[key] = cells.allocate(histogram_size(DURATION_BOUNDS))
    return first


def operations() -> dict[tuple[str, str], tuple[float, ...]]:
    """
    For each (operation, error type) the cells of its histogram: count, sum, buckets.
    """
    size = histogram_size(DURATION_BOUNDS)
    with _lock:
        known = list(_operations.items())
    return {key: cells.read(first, size) for key, first in known}


# Caches.


class CountedCache(Protocol):
    """
    What a cache shows to be counted: its tallies, and what it holds now.
    """

    @property
    def counts(self) -> CacheCounts: ...

    def size(self) -> int: ...

    @property
    def max_size(self) -> int | None: ...


class CacheCounts:
    """
    Lookups and evictions of one cache; outlives the cache, so that a counter never falls.
    """

    __slots__ = ("evictions", "hits", "misses")

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.evictions = 0


@dataclass(frozen=True, slots=True)
class CacheTotals:
    """
    Sums over all caches of one name, dead ones included for the counters.
    """

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    size: int = 0
    capacity: int = 0


class _CacheFamily:
    """
    All caches of one name: the living, weakly, and what the dead had counted.
    """

    def __init__(self) -> None:
        self.retired = CacheCounts()
        self.living: dict[int, tuple[weakref.ref[Any], CacheCounts]] = {}


_caches: dict[str, _CacheFamily] = {}
# A weak reference's callback may run at any moment, inside our lock too: it only appends here.
_dead: deque[tuple[str, int]] = deque()


def register_cache(name: str, cache: CountedCache) -> None:
    """
    Count *cache* under *name* for as long as it lives, without keeping it alive.
    """
    with _lock:
        _bury()
        if name not in _caches and len(_caches) >= MAX_CACHES:
            name = OTHER_CACHE
        family = _caches.setdefault(name, _CacheFamily())
        token = id(cache)
        family.living[token] = (weakref.ref(cache, lambda _, n=name, t=token: _dead.append((n, t))), cache.counts)


def _bury() -> None:
    while _dead:
        name, token = _dead.popleft()
        family = _caches[name]
        entry = family.living.get(token)
        if entry is None or entry[0]() is not None:  # the id was taken by a new cache meanwhile
            continue
        del family.living[token]
        family.retired.hits += entry[1].hits
        family.retired.misses += entry[1].misses
        family.retired.evictions += entry[1].evictions


def caches() -> dict[str, CacheTotals]:
    """
    For each cache name the sums over its caches.
    """
    totals = {}
    with _lock:
        _bury()
        for name, family in _caches.items():
            counts = [family.retired, *(counts for _, counts in family.living.values())]
            alive = [cache for ref, _ in family.living.values() if (cache := ref()) is not None]
            totals[name] = CacheTotals(
                hits=sum(c.hits for c in counts),
                misses=sum(c.misses for c in counts),
                evictions=sum(c.evictions for c in counts),
                size=sum(cache.size() for cache in alive),
                capacity=sum(cache.max_size or 0 for cache in alive),
            )
    return totals


# Fork.

_fork_hooks: list[Callable[[], Callable[[], None] | None]] = []


def on_fork(method: Callable[[], None]) -> None:
    """
    Call the bound *method* in a child right after a fork, for as long as its object lives.
    """
    with _lock:
        _fork_hooks[:] = [ref for ref in _fork_hooks if ref() is not None]
        _fork_hooks.append(weakref.WeakMethod(method))


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held the old lock
    _lock = threading.RLock()
    cells.after_fork_in_child()
    for ref in list(_fork_hooks):
        method = ref()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
