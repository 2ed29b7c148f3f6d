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
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from autonomous_dev._cells import Cells, histogram_size
from autonomous_dev.conventions import (
    CACHE,
    CACHE_CAPACITY,
    CACHE_EVICTIONS,
    CACHE_EXPIRATIONS,
    CACHE_HIT_RATIO_PREDICTED,
    CACHE_SIZE,
    DROP_REASON,
    DROPPED_BY_CARDINALITY,
    DURATION_BOUNDS,
    ERROR_TYPE,
    OPERATION,
)

if TYPE_CHECKING:
    from pathlib import Path

MAX_OPERATIONS: Final = 1997
"""Operations, with each kind of error, that get a histogram of their own: with the two others below the SDK's 2000."""

OTHER_OPERATION: Final = "_other"
"""What operations beyond MAX_OPERATIONS are counted under: their successes and, as OTHER_ERROR, their failures."""

MAX_ERROR_TYPES: Final = 20
"""Kinds of errors of one operation that are told apart; further ones are counted as OTHER_ERROR."""

CALIBRATION: Final = "autonomous_dev.calibration"
"""Operation and cache that we time to know what one costs: counted nowhere, in a place beside MAX_OPERATIONS."""

OTHER_ERROR: Final = "_OTHER"
"""The well-known value of ``error.type``: https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/."""

MAX_LENGTH: Final = 255
"""Longest value of an attribute, in characters."""

MAX_CACHES: Final = 998
"""Names of caches that are counted, twice each (hit, miss): with OTHER_CACHE below the SDK's limit of 2000."""

OTHER_CACHE: Final = "_other"
"""What caches beyond MAX_CACHES are counted under."""

MAX_REFUSED: Final = 10_000
"""Different names beyond a bound that are told apart; of more than that only so many are counted."""

cells: Final = Cells()

# Finalizers run while it is held, and may register here, too: what is gone through under it is a copy.
_lock = threading.RLock()

# What the bounds refused.

_MAX_EXAMPLES: Final = 3


class Refusals(NamedTuple):  # not a dataclass, which takes 0.8 ms longer to make: this is loaded by every program
    """
    Names beyond a bound, which were counted under another one.

    Attributes:
        names: How many different ones; at least so many where it is MAX_REFUSED.

        examples: The first of them.
    """

    names: int = 0
    examples: tuple[str, ...] = ()


class _Refused:
    def __init__(self) -> None:
        self.hashes: set[int] = set()
        self.examples: list[str] = []

    def add(self, name: tuple[str, ...]) -> None:
        if len(self.hashes) < MAX_REFUSED:
            self.hashes.add(hash(name))
            said = " ".join(name)
            if len(self.examples) < _MAX_EXAMPLES and said not in self.examples:
                self.examples.append(said)


_refused: dict[tuple[str, str], _Refused] = {}


def _refuse(under: tuple[str, str], *name: str) -> None:
    _refused.setdefault(under, _Refused()).add(name)


def refused() -> dict[tuple[str, str], Refusals]:
    """
    By the attribute that stands for them, such as ``(OPERATION, OTHER_OPERATION)``, what the bounds refused.
    """
    with _lock:
        return {under: Refusals(len(held.hashes), tuple(held.examples)) for under, held in _refused.copy().items()}


def dropped_series() -> list[tuple[dict[str, str], int]]:
    """
    What the bounds refused, as attributes and values of SERIES_DROPPED.
    """
    return [
        (drop_attributes(DROPPED_BY_CARDINALITY, {key: other}), held.names) for (key, other), held in refused().items()
    ]


def drop_attributes(reason: str, under: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """
    The attributes of one point of SERIES_DROPPED: all points have the same keys, empty where one says nothing.

    Exporters for Prometheus up to 0.51b0 take the keys of the first point for those of all:
    https://github.com/open-telemetry/opentelemetry-python/blob/v1.30.0/exporter/opentelemetry-exporter-prometheus/src/opentelemetry/exporter/prometheus/__init__.py

    Args:
        reason: One of those of DROP_REASON.

        under: The attribute that stands for what was refused.
    """
    return {DROP_REASON: reason, OPERATION: "", ERROR_TYPE: "", CACHE: "", **under}


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
_error_types: dict[str, int] = {}


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
            key = _kept(name, error_type[:MAX_LENGTH])
            found = _operations.get(key)
            if found is None:
                found = _operations[key] = CountedOperation(*key)
    return found


def _kept(name: str, error_type: str) -> tuple[str, str]:
    """
    What operation *name* with this kind of error is counted as, within the bounds.
    """
    calibration = (CALIBRATION, "")
    # What we time ourselves has a place apart: counted with others it would be calls of the program.
    if (name, error_type) in _operations or (name, error_type) == calibration:
        return name, error_type
    full = len(_operations) - (calibration in _operations) >= MAX_OPERATIONS
    known = _error_types.get(name, 0)
    if error_type and (known >= MAX_ERROR_TYPES or (full and (known or (name, "") in _operations))):
        _refuse((ERROR_TYPE, OTHER_ERROR), name, error_type)
        if not full or (name, OTHER_ERROR) in _operations:
            return name, OTHER_ERROR
    elif full:
        _refuse((OPERATION, OTHER_OPERATION), name)
    else:
        if error_type:
            _error_types[name] = known + 1
        return name, error_type
    return OTHER_OPERATION, OTHER_ERROR if error_type else ""


def operations() -> dict[tuple[str, str], tuple[float, ...]]:
    """
    For each (operation, error type) the cells of its histogram: count, sum, buckets.
    """
    size = histogram_size(DURATION_BOUNDS)
    return {key: cells.read(counted.first, size) for key, counted in _known_operations()}


def calls() -> float:
    """
    Blocks of all operations since this process began.
    """
    return sum(cells.read(counted.first)[0] for _, counted in _known_operations())


def _known_operations() -> list[tuple[tuple[str, str], CountedOperation]]:
    with _lock:
        return [(key, counted) for key, counted in _operations.copy().items() if key[0] != CALIBRATION]


# Budgets.

budgets: Final[dict[str, float]] = {}
"""Operation → seconds that a call of it may take, as its newest profiler was told."""


def set_budget(operation: str, seconds: float) -> None:
    """
    Note how long a call of *operation* may take; the newest word counts. Beyond MAX_OPERATIONS none is noted.
    """
    with _lock:
        if operation in budgets or len(budgets) < MAX_OPERATIONS:
            budgets[operation] = seconds


peak_memory: Final[list[Any]] = []
"""What watches how much memory blocks hold, once a profiler asked for it: at most one."""


# Sized calls.

MAX_SIZED_PAIRS: Final = 1000
"""Pairs of size and duration that are kept of one operation, shared equally among the size classes it met."""

SIZE_CLASSES: Final = 64
"""Powers of two that sizes are told apart by; a size from 2**64 on counts as the largest below it."""


class SizedCalls:
    """
    How long the calls of one operation took, by their size.

    Each size class keeps its newest pairs, so that many small calls do not drive out the few large ones.

    Attributes:
        name: The operation.

        complexity: How its duration is declared to grow; empty where nothing was declared.
    """

    __slots__ = ("_newest", "_totals", "complexity", "name")

    def __init__(self, name: str, complexity: str) -> None:
        self.name = name
        self.complexity = complexity
        self._newest: dict[int, deque[tuple[int, float]]] = {}
        self._totals: dict[int, tuple[int, int, float]] = {}

    def observe(self, size: int, seconds: float) -> None:
        """
        Count one call.

        Args:
            size: At least 1.

            seconds: How long it took.
        """
        exponent = min(size.bit_length(), SIZE_CLASSES) - 1
        size = min(size, (1 << SIZE_CLASSES) - 1)
        with _lock:
            newest = self._newest.get(exponent)
            if newest is None:
                newest = self._new_class(exponent)
            newest.append((size, seconds))
            count, sizes, durations = self._totals.get(exponent, (0, 0, 0.0))
            # One assignment: a child forked in between has either both or neither.
            self._totals[exponent] = (count + 1, sizes + size, durations + seconds)

    def _new_class(self, exponent: int) -> deque[tuple[int, float]]:
        share = MAX_SIZED_PAIRS // (len(self._newest) + 1)
        newest: dict[int, deque[tuple[int, float]]] = {
            known: deque(pairs, maxlen=share) for known, pairs in self._newest.items()
        }
        newest[exponent] = deque(maxlen=share)
        self._newest = newest
        return newest[exponent]

    def pairs(self) -> list[tuple[int, float]]:
        """
        Size and seconds of the newest calls: at most MAX_SIZED_PAIRS, by size class, each oldest first.
        """
        with _lock:
            return [pair for _, pairs in sorted(self._newest.copy().items()) for pair in pairs.copy()]

    def classes(self) -> dict[int, tuple[int, int, float]]:
        """
        For each size class, named by its power of two: calls, sum of sizes, sum of seconds since the process began.
        """
        with _lock:
            return {1 << exponent: totals for exponent, totals in sorted(self._totals.copy().items())}


_sized_calls: dict[tuple[str, str], SizedCalls] = {}


def sized_operation(name: str, complexity: str = "") -> SizedCalls:
    """
    Where the sized calls of operation *name* are counted, made at its first use.

    Args:
        name: The operation. Beyond MAX_OPERATIONS all are counted under OTHER_OPERATION, with no complexity.

        complexity: How its duration is declared to grow: a name that ``estimate_complexity`` knows, or empty.
    """
    found = _sized_calls.get((name, complexity))
    if found is None:
        with _lock:
            key = (name, complexity)
            if key not in _sized_calls and len(_sized_calls) >= MAX_OPERATIONS:
                key = (OTHER_OPERATION, "")
            found = _sized_calls.get(key)
            if found is None:
                found = _sized_calls[key] = SizedCalls(*key)
    return found


def sized_operations() -> dict[tuple[str, str], SizedCalls]:
    """
    By (operation, declared complexity) everything that was called with a size.
    """
    with _lock:
        return dict(_sized_calls)


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

    Attributes:
        saved: Misses that a cache of 2, 4 and 8 times the capacity would have answered.

        untold: Names of the metrics that this cache cannot tell; they are not reported where no cache of a name can.
    """

    __slots__ = ("evictions", "expirations", "hits", "misses", "saved", "untold")

    def __init__(self, untold: frozenset[str] = frozenset()) -> None:
        self.hits = 0
        self.misses = 0
        self.evictions = 0
        self.expirations = 0
        self.saved = [0, 0, 0]
        self.untold = untold

    def refresh(self) -> None:
        """
        Bring the numbers up to date, where they are kept elsewhere. It neither raises nor waits for a lock.
        """


class CacheTotals(NamedTuple):
    """
    Sums over all caches of one name, dead ones included for the counters.
    """

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    expirations: int = 0
    saved: tuple[int, int, int] = (0, 0, 0)
    size: int = 0
    capacity: int = 0
    untold: frozenset[str] = frozenset()


class _CacheFamily:
    """
    All caches of one name: the living, weakly, and what the dead had counted.
    """

    def __init__(self) -> None:
        self.retired = CacheCounts(
            untold=frozenset(
                {CACHE_EVICTIONS, CACHE_EXPIRATIONS, CACHE_SIZE, CACHE_CAPACITY, CACHE_HIT_RATIO_PREDICTED}
            )
        )
        self.living: dict[int, tuple[weakref.ref[Any], CacheCounts]] = {}


_caches: dict[str, _CacheFamily] = {}
# A weak reference's callback may run at any moment, inside our lock too: it only appends here.
_dead: deque[tuple[str, int]] = deque()


def register_cache(name: str, cache: CountedCache) -> None:
    """
    Count *cache* under *name* for as long as it lives, without keeping it alive.
    """
    if name == CALIBRATION:
        return
    with _lock:
        _bury()
        if name not in _caches and len(_caches) >= MAX_CACHES:
            _refuse((CACHE, OTHER_CACHE), name)
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
        _retire(entry[1], family.retired)


def _retire(counts: CacheCounts, into: CacheCounts) -> None:
    into.hits += counts.hits
    into.misses += counts.misses
    into.evictions += counts.evictions
    into.expirations += counts.expirations
    into.saved = [held + more for held, more in zip(into.saved, counts.saved, strict=True)]
    into.untold &= counts.untold


def _families() -> dict[str, tuple[list[CacheCounts], list[Any]]]:
    """
    For each cache name the tallies of its caches, the dead ones' first, and the caches that live.
    """
    with _lock:
        _bury()
        return {
            name: (
                [_copied(family.retired), *(counts for _, counts in family.living.copy().values())],
                [cache for ref, _ in family.living.copy().values() if (cache := ref()) is not None],
            )
            for name, family in _caches.copy().items()
        }


def _copied(retired: CacheCounts) -> CacheCounts:
    # A cache that dies while the others are asked would be counted twice: among the living and here.
    copied = CacheCounts(untold=retired.untold)
    _retire(retired, copied)
    return copied


def caches() -> dict[str, CacheTotals]:
    """
    For each cache name the sums over its caches.
    """
    # A cache has a lock of its own, under which code of the user's may run: it is asked outside ours.
    return {name: _totals(counts, alive) for name, (counts, alive) in _families().items()}


def _totals(counts: list[CacheCounts], alive: list[Any]) -> CacheTotals:
    return _tallied(counts, alive)._replace(size=sum(_asked(cache, _size) for cache in alive))


def _tallied(counts: list[CacheCounts], alive: list[Any]) -> CacheTotals:
    for counted in counts:
        counted.refresh()
    return CacheTotals(
        hits=sum(c.hits for c in counts),
        misses=sum(c.misses for c in counts),
        evictions=sum(c.evictions for c in counts),
        expirations=sum(c.expirations for c in counts),
        saved=_saved(counts),
        capacity=sum(_asked(cache, _capacity) for cache in alive),
        untold=frozenset.intersection(*(c.untold for c in counts)),
    )


def _saved(counts: list[CacheCounts]) -> tuple[int, int, int]:
    twice, four_times, eight_times = zip(*(c.saved for c in counts), strict=True)
    return sum(twice), sum(four_times), sum(eight_times)


def _size(cache: CountedCache) -> int:
    return cache.size()


def _capacity(cache: CountedCache) -> int:
    return cache.max_size or 0


def _asked(cache: CountedCache, ask: Callable[[CountedCache], int]) -> int:
    try:
        return ask(cache)
    except Exception:  # noqa: BLE001 - a subclass of the user's may raise; the other caches are still counted
        failed("cache")
        return 0


# What was measured, and how much of it each journal has.


_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


class Measured(NamedTuple):
    """
    What had been counted at one moment, since this process began.

    Attributes:
        time_unix_nano: The moment.

        operations: For each (operation, error type): count, sum, buckets.

        caches: For each cache name its sums; sizes are not asked for.

        sized: For each (operation, declared complexity, size class): calls, sum of sizes, sum of seconds.

        budgets: For each operation that has one: seconds.

        refused: By the attribute that stands for them, what the bounds refused.
    """

    time_unix_nano: int
    operations: Mapping[tuple[str, str], tuple[float, ...]] = _NOTHING
    caches: Mapping[str, CacheTotals] = _NOTHING
    sized: Mapping[tuple[str, str, int], tuple[int, int, float]] = _NOTHING
    budgets: Mapping[str, float] = _NOTHING
    refused: Mapping[tuple[str, str], Refusals] = _NOTHING

    def with_newer(self, newer: Measured) -> Measured:
        """
        This, with what *newer* says in place of what it said before; the moment stays.
        """
        return Measured(
            self.time_unix_nano,
            {**self.operations, **newer.operations},
            {**self.caches, **newer.caches},
            {**self.sized, **newer.sized},
            {**self.budgets, **newer.budgets},
            {**self.refused, **newer.refused},
        )


def measured(time_unix_nano: int, *, ask: bool = True) -> Measured:
    """
    What has been counted since this process began.

    Args:
        time_unix_nano: Now.

        ask: Whether caches are asked for their capacity. Right after a fork their locks may be ones that nobody will
            release: then only what they tallied is read.
    """
    return Measured(
        time_unix_nano,
        operations(),
        {name: _tallied(counts, alive if ask else []) for name, (counts, alive) in _families().items()},
        {
            (*key, of_size): sums
            for key, calls in sized_operations().items()
            for of_size, sums in calls.classes().items()
        },
        dict(budgets),
        refused(),
    )


MAX_IDLE: Final = 64
"""Journals that nobody has open any more and that still get, at exit, what was measured since."""


class Flushed:
    """
    Up to where each destination (a journal's path, a store's id) has got what was measured.

    Attributes:
        lock: Held from reading the counts until the destination has them.

        origin: Where a new destination begins.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.origin = Measured(time.time_ns())
        self._up_to: dict[str, Measured] = {}
        self._open: dict[str, int] = {}
        self._idle: dict[str, None] = {}
        self._released: set[int] = set()
        # A finalizer may run at any moment, inside our lock too: it only appends here.
        self._closed: deque[str] = deque()

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

    def opened(self, destination: str) -> None:
        """
        Somebody opened the journal *destination*. One that was released begins anew now: it has what came before.
        """
        with self.lock:
            self._open[destination] = self._open.get(destination, 0) + 1
            self._idle.pop(destination, None)
            if hash(destination) in self._released or len(self._released) >= MAX_REFUSED:
                self._released.discard(hash(destination))
                self._up_to.setdefault(destination, measured(time.time_ns()))

    def closed(self, destination: str) -> None:
        """
        One who had opened *destination* is gone.
        """
        self._closed.append(destination)

    def too_many_idle(self) -> list[str]:
        """
        The journals beyond MAX_IDLE that nobody has open, those first that were closed first.
        """
        with self.lock:
            while self._closed:
                destination = self._closed.popleft()
                self._open[destination] -= 1
                if not self._open[destination]:
                    del self._open[destination]
                    self._idle[destination] = None
            return list(self._idle)[: max(len(self._idle) - MAX_IDLE, 0)]

    def release(self, destination: str) -> None:
        """
        Remember no more of *destination* than that it was released: it gets nothing, unless it is opened again.
        """
        with self.lock:
            self._idle.pop(destination, None)
            self._up_to.pop(destination, None)
            if len(self._released) < MAX_REFUSED:
                self._released.add(hash(destination))

    def after_fork_in_child(self) -> None:
        """
        What the parent measured is the parent's to write.
        """
        self.lock = threading.RLock()
        self.origin = measured(time.time_ns(), ask=False)
        self._up_to.clear()
        self._released.clear()


flushed: Final = Flushed()

process_run: Final[list[Any]] = []
"""The run of this process, once something was recorded: at most one."""

exit_paths: Final[set[Path]] = set()
"""Journals that get what was measured last when the process ends."""


class Endings:
    """
    What is done when a child of multiprocessing, billiard or Celery ends, which runs no ``atexit``.

    Attributes:
        actions: In the order in which they are called.

        announced: Names of the modules that call them, once told.
    """

    def __init__(self) -> None:
        self.actions: list[Callable[[], object]] = []
        self.announced: set[str] = set()


endings: Final = Endings()

built: Final[list[tuple[Any, float]]] = []
"""The OpenTelemetry providers that we made for the program, each with the seconds that its shutdown may take."""

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

        page_owed: Whether the environment asked for a page that could not be served yet.

        pages: Provider → what it shows to Prometheus.

        servers: Endpoints that listen, by port.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.configuration: Any = None
        self.page_owed = False
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

innermost_lookup: Final[ContextVar[Any]] = ContextVar("autonomous_dev_innermost_lookup", default=None)
"""The watched cache, made of other caches' parts, that is looking something up in this context."""


def lock() -> threading.RLock:
    """
    The process-wide lock, for short work that two objects must see alike; a forked child has its own.
    """
    return _lock


# What the instrumentation itself costs.

overhead_estimates: Final[dict[str, Callable[[], float]]] = {}
"""Component of ours → gives the seconds that it took so far, where that is not measured as it goes."""

_spent: dict[str, int] = {}


def spend(component: str, seconds: float) -> None:
    """
    Count time that a component of ours took.
    """
    index = _spent.get(component)
    if index is None:
        with _lock:
            index = _spent.setdefault(component, cells.allocate(1))
    cells.add(index, seconds)


def overhead_seconds() -> dict[str, float]:
    """
    For each component of ours what it has cost since this process began.
    """
    seconds = {component: cells.read(index)[0] for component, index in list(_spent.items())}
    for component, estimate in list(overhead_estimates.items()):
        try:
            seconds[component] = seconds.get(component, 0.0) + estimate()
        except Exception:  # noqa: BLE001 - it runs providers of the program's
            failed("overhead")
    return seconds


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
        return _failures.copy()


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
            known = len(_fork_hooks)
            _prune_at = 2 * known + 1
            _fork_hooks[:known] = [ref for ref in _fork_hooks[:known] if ref() is not None]
            _prune_at = max(_PRUNE_AT_LEAST, 2 * len(_fork_hooks))
        _fork_hooks.append(weakref.WeakMethod(method))


timers: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
"""What times the blocks of each profiler: one hook for all, since there may be many and they are made at any time."""


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
    for timer in list(timers):
        timer.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
