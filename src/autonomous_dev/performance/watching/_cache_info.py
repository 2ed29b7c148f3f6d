"""
Watching what counts by itself: ``functools.lru_cache``, and other objects that have a ``cache_info()``.

A hit costs nothing: the numbers are read when metrics are collected.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from autonomous_dev import _state
from autonomous_dev._state import CacheCounts
from autonomous_dev.conventions import CACHE_CAPACITY, CACHE_EVICTIONS, CACHE_EXPIRATIONS
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._names import MAX_LENGTH, qualified_name
from autonomous_dev.performance.watching._watch_object import (
    ATTRIBUTE,
    UNTOLD,
    Watch,
    begin,
    cannot_be_watched,
    check_same_name,
    watch_of,
)

T = TypeVar("T")

LRU_CACHE: Final[Any] = getattr(functools, "_lru_cache_wrapper", None)
"""The type of what ``functools.lru_cache`` makes; a plain function where it is not written in C."""

_PATIENCE: Final = 0.1
"""Seconds that a ``cache_clear`` waits for a reader of the same counts, whose answer would be from before it."""


class Info(NamedTuple):
    """
    What a cache says of itself.

    Attributes:
        hits: Lookups that found something, since it was cleared.

        misses: Lookups that did not.

        size: Entries now.

        capacity: Most entries; None where nothing bounds it.
    """

    hits: int
    misses: int
    size: int
    capacity: int | None


class InfoCounts(CacheCounts):
    """
    Counts that are read from a cache's own, and that go on where those begin anew.

    Attributes:
        info: What it said last.
    """

    __slots__ = ("__weakref__", "_ask", "_asking", "_asks_after_fork", "_base", "_pid", "info")

    def __init__(
        self, ask: Callable[[], Info | None], untold: frozenset[str], *, asks_after_fork: bool = False
    ) -> None:
        """
        Begin with what the cache has counted already.

        Args:
            ask: What the cache says now; None where it cannot be asked, now or ever.

            untold: Names of the metrics that it does not tell.

            asks_after_fork: True where *ask* never waits for a lock: one may be held by a thread of the parent.
        """
        super().__init__(untold=untold)
        self.info = Info(0, 0, 0, None)
        self._base = (0, 0)
        self._ask = ask
        self._asking = threading.Lock()
        self._asks_after_fork = asks_after_fork
        self._pid = os.getpid()
        _state.on_fork(self._after_fork_in_child)

    def refresh(self) -> None:
        """
        Read what the cache says now.
        """
        if self._asks_after_fork or self._pid == os.getpid():
            self._read(0.0)

    def cleared(self, clear: Callable[[], T]) -> T:
        """
        Call *clear*, and keep what was counted before.

        Returns:
            What *clear* returns.
        """
        self._read(_PATIENCE)
        try:
            return clear()
        finally:
            self._read(_PATIENCE)

    def held(self, _: object) -> tuple[int, int | None]:
        """
        Entries and capacity, as read last.
        """
        return self.info.size, self.info.capacity

    def _read(self, patience: float) -> None:
        # One reader at a time: an older answer taken after a newer one would look as if the cache had been cleared.
        # No lock that anybody waits for is held while the cache is asked, which may wait for a lock of its own.
        asking = self._asking
        if not asking.acquire(blocking=patience > 0, timeout=patience if patience > 0 else -1):
            return
        try:
            info = self._ask()
            if info is not None:
                self._take(info)
        except Exception:  # noqa: BLE001 - the cache is the program's
            report("cache")
        finally:
            asking.release()

    def _take(self, info: Info) -> None:
        hits, misses = self._base
        if info.hits < self.info.hits or info.misses < self.info.misses:  # it was cleared
            self._base = hits, misses = hits + self.info.hits, misses + self.info.misses
        self.info = info
        self.hits, self.misses = hits + info.hits, misses + info.misses

    def _after_fork_in_child(self) -> None:
        # Another thread of the parent may have been asking.
        self._asking = threading.Lock()
        self._pid = os.getpid()


def is_lru_cache(existing: object) -> bool:
    """
    True for what ``functools.lru_cache`` and ``functools.cache`` make.
    """
    return isinstance(LRU_CACHE, type) and isinstance(existing, LRU_CACHE)


def watch_lru_cache(existing: T, name: str | None = None) -> T:
    """
    Count a function made by ``functools.lru_cache``.

    Evictions are not told: a miss whose function raises stores nothing, so that they do not follow from its counts.
    What it counted between the last collection and its own end is not known either.

    Args:
        existing: The function.

        name: What it is counted under; its module and qualified name by default.

    Returns:
        *existing* itself.

    Raises:
        InvalidValueError: If it is watched under another name already.
    """
    cache: Any = existing
    capacity = cache.cache_info().maxsize
    untold = UNTOLD | ({CACHE_EVICTIONS} if capacity is not None else {CACHE_EVICTIONS, CACHE_CAPACITY})
    # C code without a lock, unless its keys' __eq__ runs: safe in a child that was just forked.
    watch_info(cache, name, _asked, untold, asks_after_fork=True)
    return existing


def watch_info_object(existing: object, name: str | None) -> None:
    """
    Count an object that has a ``cache_info()`` with hits, misses and currsize, and maxsize where it has one.

    Raises:
        InvalidTypeError: If that is not what ``cache_info()`` gives, or it takes no attributes.

        InvalidValueError: If it is watched under another name already.
    """
    try:
        info = _asked(existing)
    except Exception as error:
        raise cannot_be_watched(existing, f"its cache_info() does not give the numbers ({error!r})") from error
    untold = UNTOLD | {CACHE_EVICTIONS, CACHE_EXPIRATIONS}
    watch_info(existing, name, _asked, untold if info.capacity is not None else untold | {CACHE_CAPACITY})


def watch_info(
    existing: Any,
    name: str | None,
    ask: Callable[[Any], Info | None],
    untold: frozenset[str],
    *,
    asks_after_fork: bool = False,
) -> Watch | None:
    """
    Count *existing* by what *ask* gives of it, also across its ``cache_clear()``.

    Args:
        existing: What has a ``cache_info()``.

        name: What it is counted under; its module and qualified name by default.

        ask: What the cache says of itself; None where it cannot be asked now.

        untold: Names of the metrics that it does not tell.

        asks_after_fork: True where *ask* never waits for a lock.

    Returns:
        Its Watch; None where it had one already.

    Raises:
        InvalidTypeError: If it takes no attributes or no weak reference.

        InvalidValueError: If it is watched under another name already.
    """

    def asked() -> Info | None:
        cache = reference()
        return None if cache is None else ask(cache)

    try:
        reference = weakref.ref(existing)
    except TypeError as error:
        raise cannot_be_watched(existing, str(error)) from error
    with _state.lock():
        watch = watch_of(existing)
        if watch is not None:
            check_same_name(watch, name)
            return None
        counts = InfoCounts(asked, untold, asks_after_fork=asks_after_fork)
        watch = Watch(existing, qualified_name(existing)[-MAX_LENGTH:] if name is None else name, counts, counts.held)
        try:
            object.__setattr__(existing, ATTRIBUTE, watch)
        except AttributeError as error:
            raise cannot_be_watched(existing, f"it takes no attributes ({error})") from error
        clear = getattr(existing, "cache_clear", None)
        if callable(clear):
            # Where that cannot be put in its place, the falling counts tell.
            with contextlib.suppress(AttributeError):
                object.__setattr__(existing, "cache_clear", _keeping(counts, existing, clear))
    begin(watch)
    return watch


def _keeping(counts: InfoCounts, existing: object, clear: Callable[..., Any]) -> Callable[..., Any]:
    """
    ``cache_clear`` that keeps the counts.
    """
    if getattr(clear, "__self__", None) is existing:
        # Bound: held weakly, since the object itself will hold this.
        function, reference = getattr(type(existing), "cache_clear"), weakref.ref(existing)  # noqa: B009 - any type

        def cache_clear(*args: Any, **kwargs: Any) -> Any:
            cache = reference()
            return None if cache is None else counts.cleared(lambda: function(cache, *args, **kwargs))

    else:

        def cache_clear(*args: Any, **kwargs: Any) -> Any:
            return counts.cleared(lambda: clear(*args, **kwargs))

    functools.update_wrapper(cache_clear, clear)
    vars(cache_clear).pop("__wrapped__")  # it would keep the cache alive
    return cache_clear


def _asked(existing: Any) -> Info:
    said = existing.cache_info()
    capacity = getattr(said, "maxsize", None)
    bounded = isinstance(capacity, int | float) and math.isfinite(capacity)
    return Info(int(said.hits), int(said.misses), int(said.currsize), int(capacity or 0) if bounded else None)
