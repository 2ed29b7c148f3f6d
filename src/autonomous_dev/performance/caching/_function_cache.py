"""
The cache of one function: its entries, and the computations that are under way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from autonomous_dev import _state
from autonomous_dev._state import CacheCounts
from autonomous_dev.performance._cache_instruments import observe_caches
from autonomous_dev.performance._guard import report
from autonomous_dev.performance.caching._adviser import Adviser
from autonomous_dev.performance.caching._flight import Flight, Lead
from autonomous_dev.performance.caching._instances import InstanceKey, Instances
from autonomous_dev.performance.caching._keys import MISSING
from autonomous_dev.performance.caching._lru import NEVER, Entry, Lru

_BURY_AT: Final = 8
"""Entries of dead instances are looked for once there is one dead in so many entries: each costs a bounded time."""

_MANY_FLIGHTS: Final = 256
"""Computations under way from which on it is looked whether some have landed."""


class FunctionCache:
    """
    What ``cached`` keeps for one function.

    Each call counts once: as a hit where it computed nothing, as a miss where it did.

    Args:
        max_size: Most entries.

        name: What it is counted under.

        ttl: Seconds that a result is good for; None for ever.

        clock: Seconds, for *ttl*.

    Attributes:
        lru: The entries. A hit touches nothing else but ``counts.hits``.

        instances: The keys of instances whose methods are cached.
    """

    def __init__(self, max_size: int, *, name: str, ttl: float | None, clock: Callable[[], float]) -> None:
        self.lru = Lru(max_size)
        self.instances = Instances()
        self._name = name
        self._ttl = ttl
        self._clock = clock
        self._counts = CacheCounts()
        self._adviser = Adviser(max_size)
        self._counts.saved = self._adviser.saved
        # Reentrant: the keys' own __eq__ runs under it and may use the cache.
        self._lock = threading.RLock()
        self._flights: dict[Any, Flight] = {}
        _state.on_fork(self._after_fork_in_child)
        _state.register_cache(name, self)
        observe_caches()

    @property
    def name(self) -> str:
        """
        What it is counted under.
        """
        return self._name

    @property
    def max_size(self) -> int:
        """
        Most entries that it holds.
        """
        return self.lru.max_size

    @property
    def counts(self) -> CacheCounts:
        """
        Lookups that hit and missed, evictions and expirations, since it was made.
        """
        return self._counts

    def size(self) -> int:
        """
        Number of entries, those of dead instances and those whose time is up left out.
        """
        if self.instances.died or self._ttl is not None:
            with self._lock:
                gone = [*self._bury(), *self._expire()]
            gone.clear()
        return len(self.lru)

    def __len__(self) -> int:
        return self.size()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}: {len(self.lru)} of {self.max_size} entries>"

    def clear(self) -> None:
        """
        Remove all entries, and let no computation that is under way store what it will give.
        """
        with self._lock:
            self._flights.clear()
            # Held until the lock is free: an entry's own __del__ may run when it goes.
            gone = self.lru.clear()
            self._adviser.clear()
        gone.clear()

    def delete(self, key: Any) -> bool:
        """
        Remove *key*, and say whether it was there; a computation of it that is under way is not stored.

        Raises:
            Exception: What the key's own ``==`` raises.
        """
        with self._lock:
            self._flights.pop(key, None)
            self._adviser.forget(hash(key))
            entry = self.lru.find(key, self._now())
            if entry is not None:
                self.lru.remove(entry)
        return entry is not None

    def depart(self, key: Any) -> tuple[Any, Flight | Lead | None]:
        """
        Look *key* up again, and join or begin its computation where it is not there.

        Returns:
            The value and None; or MISSING with the flight that somebody else leads, or with the caller's own lead.

        Raises:
            Exception: What the key's own ``==``, or the clock, raises.
        """
        gone: list[Entry] = []  # outlives the lock: an entry's own __del__ may run when it goes
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None and not flight.landed:
                return MISSING, flight
            now = self._now()
            entry = self.lru.find(key, now)
            if entry is not None:
                self._counts.hits += 1
                return entry.value, None
            if len(self.instances.died) * _BURY_AT > len(self.lru):
                gone = self._bury()
            gone += self._expire()
            self._counts.misses += 1
            self._adviser.missed(hash(key), now)
            lead = Lead()
            self._flights[key] = lead.flight
            return MISSING, lead

    def arrive(self, key: Any, flight: Flight, outcome: tuple[Any, ...]) -> None:
        """
        End a computation: store what it gave, unless it failed or the cache was cleared meanwhile.
        """
        gone: list[Entry | None] = []
        try:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                    if outcome:
                        gone += self._store(key, outcome[0])
                elif len(self._flights) > _MANY_FLIGHTS:
                    # Of arguments whose hash has changed meanwhile, and of leads that were dropped.
                    self._flights = {key: each for key, each in self._flights.items() if not each.landed}
        except Exception:  # noqa: BLE001 - an argument's own __eq__ or the clock failed
            report("cache")
        finally:
            flight.land(outcome)
            gone.clear()

    def count_hit(self) -> None:
        """
        Count a call that got what another computed.
        """
        with self._lock:
            self._counts.hits += 1

    def count_miss(self) -> None:
        """
        Count a call that computed and could not store.
        """
        with self._lock:
            self._counts.misses += 1

    def _now(self) -> float:
        return self._clock() if self._ttl is not None else 0.0

    def _store(self, key: Any, value: Any) -> list[Entry | None]:
        gone: list[Entry | None] = [*self._expire()]
        expires = NEVER if self._ttl is None else self._clock() + self._ttl
        if key not in self.lru.entries:
            while not self.lru.room():
                oldest = self.lru.oldest()
                gone.append(oldest)
                self._counts.evictions += 1
                self._remove(oldest)
                self._adviser.evicted(hash(oldest.key), oldest.expires)
        gone.append(self.lru.add(Entry(key, value, expires)))
        return gone

    def _expire(self) -> list[Entry]:
        if self._ttl is None:
            return []
        try:
            gone = self.lru.expired(self._clock())
        except Exception:  # noqa: BLE001 - the clock is the caller's
            report("cache")
            return []
        for entry in gone:
            self._counts.expirations += 1
            self._remove(entry)
            try:
                self._adviser.expired(hash(entry.key))
            except Exception:  # noqa: BLE001 - the key's own __hash__ failed
                report("cache")
        return gone

    def _bury(self) -> list[Entry]:
        """
        Remove the entries of dead instances, and give them.
        """
        if not self.instances.died:
            return []
        self.instances.died.clear()
        gone = [entry for entry in self.lru.entries.values() if _of_the_dead(entry.key)]
        for entry in gone:
            self._remove(entry)
        return gone

    def _remove(self, entry: Entry) -> None:
        try:
            self.lru.remove(entry)
        except Exception:  # noqa: BLE001 - the keys' own __eq__ failed: what cannot be taken out would stay for ever
            report("cache")
            self.lru.clear()

    def _after_fork_in_child(self) -> None:
        # Another thread of the parent may have held the lock.
        self._lock = threading.RLock()
        self.lru.reconcile()
        # Other threads and the loop's tasks are not in the child, and what this thread computes it may leave: nobody
        # waits for what was under way.
        self._flights = {}


def _of_the_dead(key: Any) -> bool:
    instance = key[0] if type(key) is tuple and key else key
    return type(instance) is InstanceKey and instance() is None
