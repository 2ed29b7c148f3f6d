"""
``cached(bare=True)``: C's own ``functools.lru_cache`` object, whose counts are read when metrics are collected.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._names import qualified_name
from autonomous_dev.performance.caching._signature import takes_instance
from autonomous_dev.performance.caching._wrapper import is_coroutine_function
from autonomous_dev.performance.watching._cache_info import watch_lru_cache

_WAY_OUT = "use cached without bare=True, whose hit takes some 50 ns more"


class BareCache:
    """
    What ``_cache`` of a bare cached function shows.
    """

    __slots__ = ("_lru",)

    def __init__(self, lru: functools._lru_cache_wrapper[Any]) -> None:
        # Weakly: the object holds this.
        self._lru = weakref.ref(lru)

    def size(self) -> int:
        """
        Number of entries.
        """
        lru = self._lru()
        return 0 if lru is None else lru.cache_info().currsize

    def clear(self) -> None:
        """
        Remove all entries.
        """
        lru = self._lru()
        if lru is not None:
            lru.cache_clear()


def bare_cached(
    function: Callable[..., Any], size: int, name: str | None, *, typed: bool
) -> functools._lru_cache_wrapper[Any]:
    """
    *function* in an ``lru_cache`` of *size* entries, counted under *name*, by default its own.

    Raises:
        InvalidTypeError: If *function* is a method or a coroutine function, which ``lru_cache`` cannot cache rightly.
    """
    shown = qualified_name(function)
    if is_coroutine_function(function):
        raise InvalidTypeError(
            f"{shown} is a coroutine function: lru_cache would keep its coroutine, which can be awaited once; {_WAY_OUT}"
        )
    if takes_instance(function):
        raise InvalidTypeError(f"{shown} is a method: lru_cache would keep its instances alive; {_WAY_OUT}")
    lru = functools.lru_cache(maxsize=size, typed=typed)(function)
    watch_lru_cache(lru, name)
    lru.__dict__["_cache"] = BareCache(lru)
    return lru
