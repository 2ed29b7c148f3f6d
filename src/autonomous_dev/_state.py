"""
What a process has once: the cells, the operations and caches counted in them, and the fork hooks.

The only module with mutable state at module level. Everything here is bounded.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from autonomous_dev._cells import Cells, histogram_size
from autonomous_dev.conventions import DURATION_BOUNDS, ERROR_TYPE, OPERATION

MAX_OPERATIONS: Final = 1999
"""Operations (with each kind of error) that get a histogram of their own: with the other, the SDK's limit of 2000."""

OTHER_OPERATION: Final = "_other"
"""The operation that everything beyond MAX_OPERATIONS is counted under."""

MAX_CACHES: Final = 999
"""Cache names that are counted, twice each (hit, miss); further names are summed under OTHER_CACHE."""

OTHER_CACHE: Final = "_other"

cells: Final = Cells()
_lock = threading.RLock()

# Operations.


class CountedOperation:
    """
    Where an operation is counted.

    Attributes:
        first: Index of the first cell of its duration histogram.

        labels: Attributes of its metrics: bounded, since what is counted under OTHER_OPERATION is labelled so.
    """

    __slots__ = ("first", "labels")

    def __init__(self, name: str, error_type: str) -> None:
        self.first = cells.allocate(histogram_size(DURATION_BOUNDS))
        self.labels = {OPERATION: name, ERROR_TYPE: error_type} if error_type else {OPERATION: name}


_operations: dict[tuple[str, str], CountedOperation] = {}


def counted_operation(name: str, error_type: str = "") -> CountedOperation:
    """
    Where operation *name* is counted, made at its first use.

    Args:
        name: The operation.

        error_type: Qualified class of the exception that ended the call; empty for success.
    """
    found = _operations.get((name, error_type))
    if found is None:
        with _lock:
            key = (name, error_type)
            if key not in _operations and len(_operations) >= MAX_OPERATIONS:
                key = (OTHER_OPERATION, "")
            found = _operations.get(key)
            if found is None:
                found = _operations[key] = CountedOperation(*key)
    return found


def operations() -> dict[tuple[str, str], tuple[float, ...]]:
    """
    For each (operation, error type) the cells of its histogram: count, sum, buckets.
    """
    size = histogram_size(DURATION_BOUNDS)
    with _lock:
        known = list(_operations.items())
    return {key: cells.read(counted.first, size) for key, counted in known}


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

        def died(_: object) -> None:
            _dead.append((name, token))

        family.living[token] = (weakref.ref(cache, died), cache.counts)


def _bury() -> None:
    while _dead:
        name, token = _dead.popleft()
        family = _caches.get(name)
        entry = family.living.get(token) if family is not None else None
        if family is None or entry is None or entry[0]() is not None:  # the id was taken by a new cache meanwhile
            continue
        del family.living[token]
        family.retired.hits += entry[1].hits
        family.retired.misses += entry[1].misses
        family.retired.evictions += entry[1].evictions


def caches() -> dict[str, CacheTotals]:
    """
    For each cache name the sums over its caches.
    """
    with _lock:
        _bury()
        families = {
            name: (
                [family.retired, *(counts for _, counts in family.living.values())],
                [cache for ref, _ in family.living.values() if (cache := ref()) is not None],
            )
            for name, family in _caches.items()
        }
    # A cache has a lock of its own, under which code of the user's may run: it is asked outside ours.
    return {name: _totals(counts, alive) for name, (counts, alive) in families.items()}


def _totals(counts: list[CacheCounts], alive: list[Any]) -> CacheTotals:
    held = [_held(cache) for cache in alive]
    return CacheTotals(
        hits=sum(c.hits for c in counts),
        misses=sum(c.misses for c in counts),
        evictions=sum(c.evictions for c in counts),
        size=sum(size for size, _ in held),
        capacity=sum(capacity for _, capacity in held),
    )


def _held(cache: CountedCache) -> tuple[int, int]:
    try:
        return cache.size(), cache.max_size or 0
    except Exception:  # noqa: BLE001 - a subclass of the user's may raise; the other caches are still counted
        failed("cache")
        return 0, 0


# What was measured, and how much of it each journal has.


@dataclass(frozen=True, slots=True)
class Measured:
    """
    What operations and caches had counted at one moment.

    Attributes:
        time_unix_nano: The moment.

        operations: For each (operation, error type): count, sum, buckets.

        lookups: For each cache name: hits, misses.
    """

    time_unix_nano: int
    operations: dict[tuple[str, str], tuple[float, ...]]
    lookups: dict[str, tuple[int, int]]


def measured(time_unix_nano: int) -> Measured:
    """
    What has been counted since this process began.
    """
    # No cache is asked, only what it tallied: right after a fork its lock may be one that nobody will release.
    with _lock:
        _bury()
        tallies = {
            name: [family.retired, *(counts for _, counts in family.living.values())]
            for name, family in _caches.items()
        }
    lookups = {name: (sum(c.hits for c in counts), sum(c.misses for c in counts)) for name, counts in tallies.items()}
    return Measured(time_unix_nano, operations(), lookups)


class Flushed:
    """
    Up to where each destination (a journal's path, a store's id) has got what was measured.

    Attributes:
        lock: Held from reading the counts until the destination has them.

        origin: Where a new destination begins.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.origin = Measured(time.time_ns(), {}, {})
        self._up_to: dict[str, Measured] = {}

    def up_to(self, destination: str) -> Measured:
        """
        What *destination* has.
        """
        return self._up_to.get(destination, self.origin)

    def advance(self, destination: str, now: Measured) -> None:
        """
        *destination* has everything up to *now*.
        """
        self._up_to[destination] = now

    def forget(self, destination: str) -> None:
        """
        *destination* is gone.
        """
        self._up_to.pop(destination, None)

    def after_fork_in_child(self) -> None:
        """
        What the parent measured is the parent's to write.
        """
        self.lock = threading.RLock()
        self.origin = measured(time.time_ns())
        self._up_to.clear()


flushed: Final = Flushed()

process_run: Final[list[Any]] = []
"""The run of this process, once something was recorded: at most one."""

exit_paths: Final[set[Path]] = set()
"""Journals that get what was measured last when the process ends."""

# OpenTelemetry providers that we joined; typed as Any, since this module imports the standard library only.

readers: Final[weakref.WeakKeyDictionary[Any, Any]] = weakref.WeakKeyDictionary()
"""Provider → the reader that was added to it."""

gauges: Final[weakref.WeakKeyDictionary[Any, Any]] = weakref.WeakKeyDictionary()
"""Provider → the gauges of recorded metrics on it."""

global_gauges: Final[list[Any]] = []
"""The gauges on the global provider, whichever it becomes: at most one."""

# What `configure` and `serve` made.


class Composition:
    """
    What a program was composed of, once: its configuration and the pages that are served.

    Attributes:
        lock: Held while something is composed.

        configuration: What ``configure`` returned; None before.

        pages: Provider → what it shows to Prometheus.

        servers: Endpoints that listen, by port.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.configuration: Any = None
        self.pages: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self.servers: dict[int, Any] = {}

    def after_fork_in_child(self) -> None:
        """
        Make a new lock; endpoints stay with the parent.
        """
        self.lock = threading.RLock()
        self.servers.clear()


composition: Final = Composition()


instruments: Final[weakref.WeakKeyDictionary[Any, Any]] = weakref.WeakKeyDictionary()
"""Provider → what we made on it to measure with: a tracer, or the histogram of durations."""

global_instruments: Final[dict[str, Any]] = {}
"""The same on the global providers, whichever they become; by what it is."""

# What runs now. The values live in contexts, so that threads and tasks see their own.

innermost_block: Final[ContextVar[Any]] = ContextVar("autonomous_dev_innermost_block", default=None)
"""The profiled block that began last in this context and has not ended."""

innermost_computation: Final[ContextVar[Any]] = ContextVar("autonomous_dev_innermost_computation", default=None)
"""The computation of a cached value that this context is inside of."""


def lock() -> threading.RLock:
    """
    The process-wide lock, for short work that two objects must see alike; a forked child has its own.
    """
    return _lock


# Failures of ours, which never reach the program.

_failures: dict[str, int] = {}


def failed(part: str) -> int:
    """
    Count one failure in *part* of ours, and return how many it has had.
    """
    with _lock:
        _failures[part] = _failures.get(part, 0) + 1
        return _failures[part]


def failures() -> dict[str, int]:
    """
    For each part of ours how often it failed.
    """
    with _lock:
        return dict(_failures)


# Log lines that are said once.

_said: set[str] = set()
_MAX_SAID: Final = 1000


def log_once(logger: logging.Logger, message: str, *, exc_info: bool = False) -> None:
    """
    Log *message* as a warning, the first time only.
    """
    if message not in _said and len(_said) < _MAX_SAID:
        _said.add(message)
        logger.warning(message, exc_info=exc_info)


# Fork.

_fork_hooks: list[Callable[[], Callable[[], None] | None]] = []
_PRUNE_AT_LEAST: Final = 64
_prune_at = _PRUNE_AT_LEAST


def on_fork(method: Callable[[], None]) -> None:
    """
    Call the bound *method* in a child right after a fork, for as long as its object lives.
    """
    global _prune_at  # noqa: PLW0603 - looking for the dead each time would be quadratic in the living
    with _lock:
        if len(_fork_hooks) >= _prune_at:
            _fork_hooks[:] = [ref for ref in _fork_hooks if ref() is not None]
            _prune_at = max(_PRUNE_AT_LEAST, 2 * len(_fork_hooks))
        _fork_hooks.append(weakref.WeakMethod(method))


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held the old lock
    _lock = threading.RLock()
    cells.after_fork_in_child()
    process_run.clear()
    flushed.after_fork_in_child()
    composition.after_fork_in_child()
    for ref in _fork_hooks:
        method = ref()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
