"""
Watching caches of cachetools, and functions that are cached by one.

Source:
    The methods that its caches call of themselves: https://github.com/tkem/cachetools, 5.3.3 and 8.0.2.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from autonomous_dev import _state
from autonomous_dev._state import CacheCounts
from autonomous_dev.conventions import CACHE_CAPACITY, CACHE_EVICTIONS, CACHE_EXPIRATIONS
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._names import MAX_LENGTH, qualified_name
from autonomous_dev.performance.watching._cache_info import Info, watch_info
from autonomous_dev.performance.watching._cachetools_methods import CountingWatch, lookups_and_removals, removals
from autonomous_dev.performance.watching._class_swap import swap_class
from autonomous_dev.performance.watching._watch_object import (
    UNTOLD,
    begin,
    cannot_be_watched,
    check_same_name,
    watch_of,
)


def cachetools_cache(existing: object) -> Any:
    """
    The cachetools cache that *existing* is, or that it keeps its results in as ``cached`` does; else None.
    """
    module: Any = sys.modules.get("cachetools")  # who has such a cache has imported it
    if module is None:
        return None
    if isinstance(existing, module.Cache):
        return existing
    cache = getattr(existing, "cache", None)
    return cache if callable(existing) and isinstance(cache, module.Cache) else None


def is_cachetools_function(existing: object) -> bool:
    """
    True for what ``cachetools.cached`` makes around a function, with and without ``info=True``.
    """
    return callable(existing) and hasattr(existing, "cache_key") and hasattr(existing, "cache")


def watch_cachetools_cache(cache: Any, name: str | None, default_name: str) -> None:
    """
    Count the lookups, evictions and expirations of a cachetools cache.

    Args:
        cache: The cache; its class is replaced by a subclass that counts.

        name: What it is counted under, if the caller said so.

        default_name: The same where the caller did not.

    Raises:
        InvalidTypeError: If its class does not allow that.

        InvalidValueError: If it is watched under another name already.
    """
    with _state.lock():
        watch = watch_of(cache)
        if watch is not None:
            check_same_name(watch, name)
            return
        counts = CacheCounts(untold=_untold(cache))
        watch = CountingWatch(cache, default_name if name is None else name, counts, _held)
        swap_class(cache, watch, lookups_and_removals)
    begin(watch)


def watch_cachetools_function(existing: Any, name: str | None) -> None:
    """
    Count a function that ``cachetools.cached`` made.

    With ``info=True`` its own counts are read, and a hit costs nothing. Else its cache counts, and other functions
    that use the same cache are counted with it.

    Raises:
        InvalidTypeError: If its results are in a mapping that is no cachetools cache, without ``info=True``.

        InvalidValueError: If it is watched under another name already.
    """
    cache = cachetools_cache(existing)
    default_name = qualified_name(existing)[-MAX_LENGTH:]
    if callable(getattr(existing, "cache_info", None)) and _can_be_asked(existing, cache):
        _watch_by_info(existing, cache, name)
    elif cache is not None:
        watch_cachetools_cache(cache, name, default_name)
    elif callable(existing.cache):
        raise cannot_be_watched(existing, "each instance has a cache of its own; watch those where they are made")
    else:
        kind = type(existing.cache).__qualname__
        raise cannot_be_watched(
            existing, f"it keeps its results in a {kind}, which counts nothing; write cachetools.cached(…, info=True)"
        )


def _can_be_asked(existing: Any, cache: Any) -> bool:
    # For its currsize a cache that knows time drops what expired: without the program's lock that is not for
    # another thread to do.
    module: Any = sys.modules["cachetools"]
    locked = callable(getattr(getattr(existing, "cache_lock", None), "acquire", None))
    return cache is None or locked or type(cache).currsize is module.Cache.currsize


def _watch_by_info(existing: Any, cache: Any, name: str | None) -> None:
    counted = cache is not None and watch_of(cache) is None
    untold = _untold(cache) if counted else _untold(cache) | {CACHE_EVICTIONS, CACHE_EXPIRATIONS}
    # Its lock is tried first, never waited for: so it may be asked in a child that was just forked too.
    watch = watch_info(existing, name, _asked_of_function, untold, asks_after_fork=True)
    if watch is not None and counted:
        try:
            swap_class(cache, CountingWatch(cache, watch.name, watch.counts, _held), removals)
        except InvalidTypeError:  # its class allows no counting; hits and misses are known all the same
            watch.counts.untold |= {CACHE_EVICTIONS, CACHE_EXPIRATIONS}


def _asked_of_function(existing: Any) -> Info | None:
    lock: Any = getattr(existing, "cache_lock", None)
    if callable(getattr(lock, "acquire", None)):
        if not lock.acquire(blocking=False):
            return None
        lock.release()
    said = existing.cache_info()
    cache = existing.cache
    size = len(cache) if cachetools_cache(cache) is None else _length(cache)
    return Info(said.hits, said.misses, size, _capacity(cache))


def _length(cache: Any) -> int:
    """
    Entries, those that expired and were not dropped yet included: to drop them is not for another thread to do.
    """
    module: Any = sys.modules["cachetools"]
    length: int = module.Cache.__len__(cache)
    return length


def _capacity(cache: Any) -> int | None:
    """
    How many entries there can be; None where that is not known, as with entries of different sizes.
    """
    module: Any = sys.modules["cachetools"]
    if not isinstance(cache, module.Cache) or cache.getsizeof is not module.Cache.getsizeof:
        return None
    most = cache.maxsize
    return int(most) if isinstance(most, int | float) and math.isfinite(most) else None


def _untold(cache: Any) -> frozenset[str]:
    return UNTOLD | {CACHE_CAPACITY} if _capacity(cache) is None else UNTOLD


def _held(cache: Any) -> tuple[int, int | None]:
    return _length(cache), _capacity(cache)
