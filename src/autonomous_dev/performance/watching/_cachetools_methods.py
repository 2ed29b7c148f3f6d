"""
The methods that count what a cachetools cache does, around those of its class.

A lookup is what wants a value: ``cache[key]``, ``get``, and ``in`` where it finds nothing (where it finds something,
the value is asked for next). Reading to remove or to store (``pop``, ``popitem``, ``setdefault``) is none.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from typing import Any

from autonomous_dev import _state
from autonomous_dev._state import CacheCounts
from autonomous_dev.performance.watching._watch_object import ATTRIBUTE, Watch


class CountingWatch(Watch):
    """
    A Watch that the cache's own methods count into.

    Attributes:
        tally: Where lookups are counted now: *counts*, or *spare* while a method reads that looks nothing up.

        spare: Counts that nobody reads.

        storing: Above 0 while an entry is stored: what goes then is evicted.
    """

    __slots__ = ("spare", "storing", "tally")

    def __init__(
        self, existing: object, name: str, counts: CacheCounts, held: Callable[[Any], tuple[int, int | None]]
    ) -> None:
        super().__init__(existing, name, counts, held)
        self.spare = CacheCounts()
        self.tally = counts
        self.storing = 0
        _state.on_fork(self._after_fork_in_child)

    def _after_fork_in_child(self) -> None:
        # Another thread of the parent may have been in the middle of a method.
        self.tally = self.counts
        self.storing = 0


def removals(original: Any) -> dict[str, Any]:
    """
    Methods that count evictions and expirations: what is looked up costs nothing.
    """
    methods = {
        ATTRIBUTE: _unwatched(original),
        "__setitem__": _setitem(original.__setitem__),
        "popitem": _popitem(original.popitem),
    }
    if hasattr(original, "expire"):
        methods["expire"] = _expire(original.expire)
    return methods


def lookups_and_removals(original: Any) -> dict[str, Any]:
    """
    Methods that count lookups as well.
    """
    module: Any = sys.modules["cachetools"]
    getitem, contains, missing = original.__getitem__, original.__contains__, original.__missing__
    ours_alone = all(_is_of_cachetools(method) for method in (getitem, missing))
    methods = removals(original) | {
        "__getitem__": _getitem(getitem) if ours_alone else _loading_getitem(getitem),
        "__contains__": _contains(contains),
        "__missing__": _missing(missing),
        "pop": _uncounted(original.pop),
        "setdefault": _uncounted(original.setdefault),
    }
    if ours_alone and original.get is module.Cache.get:
        methods["get"] = _get(getitem, contains)
    if original.items is Mapping.items:
        methods["items"] = lambda self: ItemsView(_Quiet(self, getitem))
    if original.values is Mapping.values:
        methods["values"] = lambda self: ValuesView(_Quiet(self, getitem))
    return methods


def _is_of_cachetools(method: Any) -> bool:
    return str(getattr(method, "__module__", "")).partition(".")[0] == "cachetools"


def _unwatched(original: type) -> CountingWatch:
    """
    What an object counts into that a method of the original made by ``type(self)(…)``: nobody reads it.
    """
    return CountingWatch(original, "", CacheCounts(), lambda _: (0, None))


def _getitem(getitem: Callable[..., Any]) -> Callable[..., Any]:
    # Closures and no super(), which would cost as much again: this is done at every hit.
    @functools.wraps(getitem)
    def __getitem__(self: Any, key: Any) -> Any:  # noqa: N807 - it becomes one
        value = getitem(self, key)
        self._autonomous_dev_watch.tally.hits += 1
        return value

    return __getitem__


def _loading_getitem(getitem: Callable[..., Any]) -> Callable[..., Any]:
    # The class loads what is missing and returns it: a miss was counted on the way then.
    @functools.wraps(getitem)
    def __getitem__(self: Any, key: Any) -> Any:  # noqa: N807 - it becomes one
        tally = self._autonomous_dev_watch.tally
        misses = tally.misses
        value = getitem(self, key)
        if tally.misses == misses:
            tally.hits += 1
        return value

    return __getitem__


def _missing(missing: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(missing)
    def __missing__(self: Any, key: Any) -> Any:  # noqa: N807 - it becomes one
        self._autonomous_dev_watch.tally.misses += 1
        return missing(self, key)

    return __missing__


def _contains(contains: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(contains)
    def __contains__(self: Any, key: Any) -> bool:  # noqa: N807 - it becomes one
        if contains(self, key):
            return True
        self._autonomous_dev_watch.tally.misses += 1
        return False

    return __contains__


def _get(getitem: Callable[..., Any], contains: Callable[..., bool]) -> Callable[..., Any]:
    # As Cache.get, without two more calls.
    def get(self: Any, key: Any, default: Any = None) -> Any:
        if contains(self, key):
            value = getitem(self, key)
            self._autonomous_dev_watch.tally.hits += 1
            return value
        self._autonomous_dev_watch.tally.misses += 1
        return default

    return get


def _uncounted(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def uncounted(self: Any, *args: Any, **kwargs: Any) -> Any:
        watch = self._autonomous_dev_watch
        watch.tally = watch.spare
        try:
            return method(self, *args, **kwargs)
        finally:
            # Not what it was before: of two threads in here without a lock, the later would put the spare back.
            watch.tally = watch.counts

    return uncounted


def _setitem(setitem: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(setitem)
    def __setitem__(self: Any, key: Any, value: Any) -> None:  # noqa: N807 - it becomes one
        watch = self._autonomous_dev_watch
        watch.storing += 1
        try:
            setitem(self, key, value)
        finally:
            watch.storing -= 1

    return __setitem__


def _popitem(popitem: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(popitem)
    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        watch = self._autonomous_dev_watch
        watch.tally = watch.spare  # it reads the value to return it
        try:
            item = popitem(self, *args, **kwargs)
        finally:
            watch.tally = watch.counts
        if watch.storing > 0:
            watch.counts.evictions += 1
        return item

    return counted


def _expire(expire: Callable[..., Any]) -> Callable[..., Any]:
    module: Any = sys.modules["cachetools"]
    length: Callable[[Any], int] = module.Cache.__len__  # that of the class itself would expire first

    @functools.wraps(expire)
    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = length(self)
        try:
            return expire(self, *args, **kwargs)
        finally:
            self._autonomous_dev_watch.counts.expirations += max(before - length(self), 0)

    return counted


class _Quiet(Mapping[Any, Any]):
    """
    A cache whose entries are read one after the other, which looks none of them up.
    """

    def __init__(self, cache: Any, getitem: Callable[..., Any]) -> None:
        self._cache = cache
        self._getitem = getitem

    def __getitem__(self, key: Any) -> Any:
        return self._getitem(self._cache, key)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cache)

    def __len__(self) -> int:
        return len(self._cache)

    def __repr__(self) -> str:
        return repr(self._cache)
