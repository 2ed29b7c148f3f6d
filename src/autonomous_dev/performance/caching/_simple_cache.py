"""
``SimpleCache``: a mapping of bounded size that drops what was used least recently.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

from autonomous_dev import _state
from autonomous_dev._state import CacheCounts
from autonomous_dev.performance._cache_instruments import observe_caches
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._names import checked_name
from autonomous_dev.performance.caching._adviser import Adviser
from autonomous_dev.performance.caching._keys import MISSING, Unfreezable, entry_key
from autonomous_dev.performance.caching._lru import checked_size

DEFAULT_NAME: Final = "simple_cache"
"""What caches without a name are counted under, all together."""


class SimpleCache:
    """
    A cache for keys and values of any type, safe for threads and forks, with exact least-recently-used order.

    Keys without a hash (lists, dicts, sets) are taken by value. A key that cannot be hashed at all is never
    stored, and what a key's own ``==`` raises never leaves the cache. Lookups and evictions are counted and
    reported to OpenTelemetry under the cache's name; a call of :meth:`clear` leaves those counts alone.

    ``_cache`` is a plain mapping of key to value, the least recently used first. A subclass may pickle it and
    put a loaded dict in its place.
    """

    def __init__(self, max_size: int, *, name: str | None = None) -> None:
        """
        Make an empty cache.

        Args:
            max_size: Most entries that it holds; at least 1.

            name: What it is counted under; caches of one name are summed. ``simple_cache`` by default.

        Raises:
            InvalidTypeError: If *max_size* is no integer or *name* no string.

            InvalidValueError: If *max_size* is below 1.

            InvalidNameError: If *name* is empty, too long or holds control characters.
        """
        self._max_size = checked_size(max_size)
        self._name = DEFAULT_NAME if name is None else checked_name(name, "cache")
        self._counts = CacheCounts()
        self._adviser = Adviser(self._max_size)
        self._counts.saved = self._adviser.saved
        # Reentrant: the keys' own __eq__ runs under it and may use the cache.
        self._lock = threading.RLock()
        # Ordered, since a plain dict takes ever longer to find its oldest key: 22 µs at 100,000 entries, not 0.4.
        self._cache: dict[Any, Any] = OrderedDict()
        _state.on_fork(self._after_fork_in_child)
        _state.register_cache(self._name, self)
        observe_caches()

    def get(self, key: Any, default: Any = None) -> Any:
        """
        The value of *key*, which becomes the most recently used; *default* where there is none.
        """
        key_hash: int | None = None
        try:
            key = entry_key(key)
            value = self._find(key)
            if value is MISSING:
                key_hash = hash(key)
        except Unfreezable:
            value = MISSING
        except Exception:  # noqa: BLE001 - the key's own __hash__ or __eq__ failed
            report("cache")
            value = MISSING
        if value is MISSING:
            with self._lock:
                self._counts.misses += 1
                if key_hash is not None:
                    self._adviser.missed(key_hash)
            return default
        return value

    def set(self, key: Any, value: Any) -> None:
        """
        Store *value* under *key* as the most recently used; the least recently used go where room is needed.
        """
        try:
            self._store(entry_key(key), value)
        except Unfreezable:
            return
        except Exception:  # noqa: BLE001 - the key's own __hash__ or __eq__ failed
            report("cache")

    def delete(self, key: Any) -> bool:
        """
        Remove *key*, and say whether it was there. It counts as no lookup and no eviction.
        """
        try:
            key = entry_key(key)
            with self._lock:
                dropped = self._cache.pop(key, MISSING)
                if dropped is MISSING:
                    self._adviser.forget(hash(key))
        except Unfreezable:
            return False
        except Exception:  # noqa: BLE001 - the key's own __hash__ or __eq__ failed
            report("cache")
            return False
        return dropped is not MISSING

    def clear(self) -> None:
        """
        Remove all entries. Counts of lookups and evictions stay.
        """
        with self._lock:
            # Held until the lock is free: an entry's own __del__ may run when it goes.
            dropped = list(self._cache.items())
            self._cache.clear()
            self._adviser.clear()
        dropped.clear()

    def size(self) -> int:
        """
        Number of entries.
        """
        return len(self._cache)

    @property
    def max_size(self) -> int:
        """
        Most entries that it holds.
        """
        return self._max_size

    @property
    def name(self) -> str:
        """
        What it is counted under.
        """
        return self._name

    @property
    def counts(self) -> CacheCounts:
        """
        Lookups that hit and missed, and evictions, since it was made.
        """
        return self._counts

    def __len__(self) -> int:
        return self.size()

    def __contains__(self, key: object) -> bool:
        try:
            with self._lock:
                return entry_key(key) in self._cache
        except Unfreezable:
            return False
        except Exception:  # noqa: BLE001 - the key's own __hash__ or __eq__ failed
            report("cache")
            return False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}: {self.size()} of {self._max_size} entries>"

    def _find(self, key: Any) -> Any:
        """
        The value of a hashable *key*, counted as a hit; MISSING, not counted, where there is none.
        """
        lock = self._lock
        lock.acquire()  # not `with`, which takes 0.2 µs longer on CPython 3.11: this is done at every hit
        try:
            # Looked up anew each time: a subclass may have put another dict in its place. The order of a
            # dict is its order of insertion, so that an entry is renewed by putting it in again.
            entries = self._cache
            value = entries.pop(key, MISSING)
            if value is not MISSING:
                entries[key] = value
                self._counts.hits += 1
            return value
        finally:
            lock.release()

    def _store(self, key: Any, value: Any) -> None:
        dropped = []  # outlives the lock: an entry's own __del__ may run when it goes
        with self._lock:
            entries = self._cache
            dropped.append(entries.pop(key, MISSING))
            if dropped[0] is MISSING:
                self._adviser.forget(hash(key))  # it may come without having been looked up
            # First, so that nobody ever sees one too many.
            while len(entries) >= self._max_size:
                oldest = _pop_oldest(entries)
                dropped.append(oldest)
                self._counts.evictions += 1
                self._adviser.evicted(hash(oldest[0]))
            entries[key] = value

    def _after_fork_in_child(self) -> None:
        # Another thread of the parent may have held the lock.
        self._lock = threading.RLock()


def _pop_oldest(entries: dict[Any, Any]) -> Any:
    if isinstance(entries, OrderedDict):
        return entries.popitem(last=False)
    oldest = next(iter(entries))
    return oldest, entries.pop(oldest)
