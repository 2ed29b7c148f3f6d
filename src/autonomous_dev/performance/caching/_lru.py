"""
Entries in exact least-recently-used order, renewed without a lock.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from autonomous_dev.errors import InvalidTypeError, InvalidValueError

NEVER: Final = math.inf
"""When an entry of a cache without a time to live expires."""


class Entry:
    """
    A result, and how it is found again. Hashed by identity.

    Attributes:
        value: The result.

        key: What it is stored under.

        expires: Reading of the cache's clock from which on it is no more.
    """

    __slots__ = ("expires", "key", "value")

    def __init__(self, key: Any, value: Any, expires: float) -> None:
        self.key = key
        self.value = value
        self.expires = expires


class Lru:
    """
    At most so many entries; of those, the one used least recently goes first, and one whose time is up before it.

    ``entries[key]``, then ``renew(entry)`` is a hit, and needs no lock: the first is a lookup in a plain dict, which
    Python makes safe whatever the keys' own ``==`` does; the second moves an object that compares by identity, so
    that no code but C's runs while the order is changed. All else is called under the cache's lock.

    Attributes:
        entries: The entries by key. Always this object.

        renew: Makes an entry the most recently used; KeyError where it has left meanwhile.
    """

    __slots__ = ("_by_age", "_order", "entries", "max_size", "renew")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.entries: dict[Any, Entry] = {}
        # Ordered: a plain dict takes ever longer to find its oldest key, 22 µs at 100,000 entries.
        self._order: OrderedDict[Entry, None] = OrderedDict()
        # Those that expire, in the order in which they were stored.
        self._by_age: OrderedDict[Entry, None] = OrderedDict()
        self.renew: Callable[[Entry], None] = self._order.move_to_end

    def __len__(self) -> int:
        return len(self._order)

    def room(self) -> bool:
        """
        Whether one more fits.
        """
        return len(self._order) < self.max_size

    def add(self, entry: Entry) -> Entry | None:
        """
        Put *entry* in as the most recently used, and give the one that was under its key before.

        The caller has made room.
        """
        before = self.entries.get(entry.key)
        if before is not None:
            self._forget(before)
        self._order[entry] = None
        if entry.expires != NEVER:
            self._by_age[entry] = None
        try:
            self.entries[entry.key] = entry
        except BaseException:  # the key's own ==
            self._forget(entry)
            raise
        return before

    def find(self, key: Any, now: float) -> Entry | None:
        """
        The entry of *key*, now the most recently used; None where there is none whose time is not up.
        """
        entry = self.entries.get(key)
        if entry is None or entry.expires <= now:
            return None
        try:
            self.renew(entry)
        except KeyError:
            return None
        return entry

    def remove(self, entry: Entry) -> None:
        """
        Take *entry* out; what has left already stays so.

        Raises:
            Exception: What the key's own ``==`` raises; the entry is no longer counted then.
        """
        self._forget(entry)
        if self.entries.get(entry.key) is entry:
            del self.entries[entry.key]
        elif len(self.entries) > 2 * self.max_size:  # of keys whose hash has changed since
            self.reconcile()

    def oldest(self) -> Entry:
        """
        The one used least recently; there has to be one.
        """
        return next(iter(self._order))

    def expired(self, now: float) -> list[Entry]:
        """
        The entries whose time is up, the oldest first; still in.
        """
        found = []
        for entry in self._by_age:
            if entry.expires > now:
                break
            found.append(entry)
        return found

    def clear(self) -> list[Entry]:
        """
        Take all out, and give them.
        """
        gone = list(self._order)
        self._order.clear()
        self._by_age.clear()
        self.entries.clear()
        return gone

    def reconcile(self) -> None:
        """
        Drop what has a key and no place: what another thread of a forked child's parent had half put in, and what
        could not be found under its key any more.
        """
        if len(self.entries) != len(self._order):
            whole = [entry for entry in self.entries.values() if entry in self._order]
            self.clear()
            for entry in whole:
                self.add(entry)

    def _forget(self, entry: Entry) -> None:
        self._order.pop(entry, None)
        self._by_age.pop(entry, None)


def checked_size(max_size: object) -> int:
    """
    *max_size* itself, where a cache can have it.

    Raises:
        InvalidTypeError: If it is no integer.

        InvalidValueError: If it is below 1.
    """
    if isinstance(max_size, bool) or not isinstance(max_size, int):
        raise InvalidTypeError(
            f"max_size is {max_size!r} of type {type(max_size).__name__}; "
            f"expected how many entries to keep at most, such as 128"
        )
    if max_size < 1:
        raise InvalidValueError(f"max_size is {max_size}; expected 1 or more; to cache nothing, do not use a cache")
    return max_size
