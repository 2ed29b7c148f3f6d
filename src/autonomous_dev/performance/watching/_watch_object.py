"""
A cache made elsewhere, as it is counted: its tallies, and what it holds now.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final

from autonomous_dev import _state
from autonomous_dev._state import CacheCounts
from autonomous_dev.conventions import CACHE_HIT_RATIO_PREDICTED
from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.performance._cache_instruments import observe_caches

ATTRIBUTE: Final = "_autonomous_dev_watch"
"""Under this name a watched object holds its Watch, so that the one lives as long as the other."""

UNTOLD: Final = frozenset({CACHE_HIT_RATIO_PREDICTED})
"""What no watched cache tells: what a larger one would hit follows from its keys, which are not looked at."""


class Watch:
    """
    What is known of a cache that was there already.

    The cache holds its Watch, and the Watch does not keep the cache alive.

    Attributes:
        name: What it is counted under.

        counts: Its tallies.
    """

    __slots__ = ("__weakref__", "_existing", "_held", "counts", "name")

    def __init__(
        self, existing: object, name: str, counts: CacheCounts, held: Callable[[Any], tuple[int, int | None]]
    ) -> None:
        """
        Begin to count a cache.

        Args:
            existing: The cache.

            name: What it is counted under.

            counts: Its tallies.

            held: Gives a cache's number of entries, and how many it can hold; None where nothing bounds it.
        """
        self.name = name
        self.counts = counts
        self._existing = weakref.ref(existing)
        self._held = held

    def size(self) -> int:
        """
        Number of entries; 0 once the cache is gone.
        """
        existing = self._existing()
        return 0 if existing is None else self._held(existing)[0]

    @property
    def max_size(self) -> int | None:
        """
        Most entries that it holds; None where nothing bounds it or the cache is gone.
        """
        existing = self._existing()
        return None if existing is None else self._held(existing)[1]

    def is_of(self, existing: object) -> bool:
        """
        True where *existing* is the cache that this Watch is about, and not a wrapper that copied its attributes.
        """
        return self._existing() is existing

    def __reduce__(self) -> tuple[type[int], tuple[()]]:
        # A Watch means nothing in another process. Where a class pickles it by a way of its own, 0 takes its place.
        return int, ()


def watch_of(existing: object) -> Watch | None:
    """
    The Watch of *existing*; None where it is not watched.
    """
    # Not by vars(): an object whose __dict__ was asked for gives its attributes more slowly from then on (CPython 3.11).
    found = getattr(existing, ATTRIBUTE, None)
    return found if isinstance(found, Watch) and found.is_of(existing) else None


def check_same_name(watch: Watch, name: str | None) -> None:
    """
    Raise InvalidValueError where a cache that is watched already is to get another name.
    """
    if name is not None and name != watch.name:
        raise InvalidValueError(
            f"the name is {name!r}, but this cache is watched as {watch.name!r} already; a cache is counted once, "
            f"so leave the name out or give the first one"
        )


def begin(watch: Watch) -> None:
    """
    Report what *watch* counts from now on.
    """
    _state.register_cache(watch.name, watch)
    observe_caches()


def cannot_be_watched(existing: object, why: str) -> InvalidTypeError:
    """
    The error for an object that watching is not possible for, and the way out.
    """
    return InvalidTypeError(
        f"a {type(existing).__module__}.{type(existing).__qualname__} cannot be watched: {why}; "
        f"expected a function with functools.lru_cache, a cachetools cache or a function cached by one, a Django "
        f"cache, or an object whose cache_info() has hits, misses and currsize; "
        f"else keep the entries in a SimpleCache, which counts by itself"
    )
