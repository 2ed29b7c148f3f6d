"""
``watch_cache``: count a cache that is there already.
"""

from __future__ import annotations

from types import MethodType
from typing import Any, TypeVar

from autonomous_dev._state import CacheCounts
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._names import checked_name, qualified_name
from autonomous_dev.performance.watching._cache_info import is_lru_cache, watch_info_object, watch_lru_cache
from autonomous_dev.performance.watching._cachetools import (
    cachetools_cache,
    is_cachetools_function,
    watch_cachetools_cache,
    watch_cachetools_function,
)
from autonomous_dev.performance.watching._django import is_django_cache, watch_django_cache
from autonomous_dev.performance.watching._watch_object import cannot_be_watched

T = TypeVar("T")


def watch_cache(existing: T, *, name: str | None = None) -> T:
    """
    Report the lookups, evictions, expirations, size and capacity of a cache that is there already.

    The cache goes on as it did, is not kept alive, and is counted once however often it is watched. What it cannot
    tell is not reported. What it had counted by itself before is reported too; its counts never fall, also when it is
    cleared. It can be written as a decorator: ``@watch_cache`` above ``@lru_cache``.

    - ``functools.lru_cache`` and ``functools.cache``, of functions and methods: a hit costs nothing. Evictions are
      not told.
    - A function that ``cachetools.cached(…, info=True)`` made: a hit costs next to nothing. Evictions and expirations are
      told where its cache is one of cachetools.
    - Any cache of cachetools, and a function that is cached by one without ``info=True``: the cache gets a subclass
      of its class that counts, so ``isinstance`` holds and ``type(cache) is LRUCache`` does not. ``cache[key]`` and
      ``get`` are lookups; ``in`` is one where it finds nothing. A cache shared by functions is counted once. Where
      threads share it, they need a lock around it for the counts as for the entries.
    - ``django.core.cache.cache``, ``caches[alias]`` and backends: counted in all threads under ``django.<alias>``.
      Evictions, expirations, size and capacity are told for the cache in local memory only.
    - Any other object with a ``cache_info()`` that gives hits, misses and currsize: a hit costs nothing.

    Entries that have expired and were not dropped yet count in the size.

    Args:
        existing: The cache, or the function that is cached.

        name: What it is counted under; caches of one name are summed. By default the function's module and qualified
            name, ``django.<alias>``, or the class of the cache.

    Returns:
        *existing* itself.

    Raises:
        InvalidTypeError: If it is none of these, or is counted by this package already.

        InvalidValueError: If it is watched under another name already.

        InvalidNameError: If *name* is empty, too long or holds control characters.
    """
    if name is not None:
        checked_name(name, "cache")
    if is_django_cache(existing):  # first: any attribute of a proxy would be asked of a backend
        watch_django_cache(existing, name)
        return existing
    cache = _unbound(existing)
    _refuse_our_own(cache)
    if is_lru_cache(cache):
        watch_lru_cache(cache, name)
    elif is_cachetools_function(cache):
        watch_cachetools_function(cache, name)
    elif cachetools_cache(cache) is not None:
        watch_cachetools_cache(cache, name, qualified_name(type(cache)))
    elif callable(getattr(cache, "cache_info", None)):
        watch_info_object(cache, name)
    else:
        raise cannot_be_watched(existing, "it is no cache that counts or can be made to")
    return existing


def _unbound(existing: Any) -> Any:
    """
    The function behind a bound, static or class method: what is bound is made anew at each access.
    """
    while isinstance(existing, MethodType | staticmethod | classmethod):
        existing = existing.__func__
    return existing


def _refuse_our_own(existing: Any) -> None:
    kept: Any = getattr(existing, "_cache", None)
    for cache in (existing, kept):
        if isinstance(getattr(cache, "counts", None), CacheCounts):
            raise InvalidTypeError(
                f"{getattr(existing, '__qualname__', existing)!r} is counted already, as {cache.name!r}: "
                f"what cached and SimpleCache keep needs no watch_cache; take it off"
            )
