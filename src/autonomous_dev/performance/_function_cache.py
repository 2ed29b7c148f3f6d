"""
The cache of one function: its entries, and the computations that are under way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from autonomous_dev.performance._flight import Flight
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._instances import InstanceKey, Instances
from autonomous_dev.performance._simple_cache import MISSING, SimpleCache

_BURY_AT: Final = 8
"""Entries of dead instances are looked for once there is one dead in so many entries: each costs a bounded time."""


class FunctionCache(SimpleCache):
    """
    What ``cached`` keeps for one function.

    Each call counts once: as a hit where it computed nothing, as a miss where it did.

    Attributes:
        instances: The keys of instances whose methods are cached.
    """

    def __init__(self, max_size: int, *, name: str) -> None:
        self.instances = Instances()
        self._flights: dict[Any, Flight] = {}
        super().__init__(max_size, name=name)

    def size(self) -> int:
        """
        Number of entries, those of dead instances left out.
        """
        if self.instances.died:
            with self._lock:
                self._bury()
        return len(self._cache)

    def clear(self) -> None:
        """
        Remove all entries, and let no computation that is under way store what it will give.
        """
        with self._lock:
            self._flights.clear()
        super().clear()

    @property
    def find(self) -> Callable[[Any], Any]:
        """
        Gives the value of a hashable key, counted as a hit; MISSING, not counted, where there is none.
        """
        return self._find

    def depart(self, key: Any) -> tuple[Any, Flight | None, bool]:
        """
        Look *key* up again, and join or begin its computation where it is not there.

        Returns:
            The value or MISSING; the flight, None with a value; whether it is the caller who computes.
        """
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None and not flight.landed:
                return MISSING, flight, False
            value = self._find(key)
            if value is not MISSING:
                return value, None, False
            if len(self.instances.died) * _BURY_AT > len(self._cache):
                self._bury()
            self._counts.misses += 1
            # Last, so that nothing can fail between this and the computation that lands it.
            self._flights[key] = flight = Flight()
            return MISSING, flight, True

    def arrive(self, key: Any, flight: Flight, outcome: tuple[Any, ...]) -> None:
        """
        End a computation: store what it gave, unless it failed or the cache was cleared meanwhile.
        """
        try:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                    if outcome:
                        self._store(key, outcome[0])
        except Exception:  # noqa: BLE001 - an argument's own __eq__ failed
            report("cache")
        finally:
            flight.land(outcome)

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

    def _bury(self) -> None:
        self.instances.died.clear()
        entries = self._cache
        gone = [
            key
            for key in list(entries)
            if type(key) is tuple and key and type(key[0]) is InstanceKey and key[0]() is None
        ]
        for key in gone:
            entries.pop(key, None)

    def _after_fork_in_child(self) -> None:
        super()._after_fork_in_child()
        # Other threads are not in the child: what they were computing nobody will finish.
        mine = threading.get_ident()
        self._flights = {key: flight for key, flight in self._flights.items() if flight.thread == mine}
