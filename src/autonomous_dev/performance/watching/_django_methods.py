"""
The methods that count what a Django cache backend looks up, around those of its class.

A lookup is what wants a value: ``get``, ``get_many`` (one for each key), ``get_or_set`` and their asynchronous forms,
and ``has_key`` or ``in`` where it finds nothing (where it finds something, the value is asked for next). A backend's
methods call each other, in other threads too: the outermost counts, and what only writes counts nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import Token
from typing import Any, Final

from autonomous_dev import _state
from autonomous_dev.performance._guard import report
from autonomous_dev.performance.caching._keys import MISSING
from autonomous_dev.performance.watching._watch_object import ATTRIBUTE

_OUTSIDE: Final = object()
"""Stands in the place of a cache that is looking something up, where that one calls what is no part of its lookup."""

_innermost: Final = _state.innermost_lookup

Method = Callable[..., Any]

_WRITES: Final = ("add", "incr", "incr_version", "touch")
"""What some backends look a key up for, to write it."""


def backend_methods(original: Any) -> dict[str, Any]:
    """
    Methods that count lookups; with Django's cache in local memory also those that count what it drops.
    """
    methods: dict[str, Any] = {
        ATTRIBUTE: None,  # for what a method of the original makes by type(self)(…)
        "get": _get(original.get),
        "aget": _aget(original.aget),
        "get_many": _get_many(original.get_many),
        "aget_many": _aget_many(original.aget_many),
        "get_or_set": _get_or_set(original.get_or_set),
        "aget_or_set": _aget_or_set(original.aget_or_set),
        "has_key": _has_key(original.has_key),
        "ahas_key": _ahas_key(original.ahas_key),
    }
    for name in _WRITES:
        methods[name] = _write(getattr(original, name))
        methods[f"a{name}"] = _awrite(getattr(original, f"a{name}"))
    if keeps_in_memory(original):
        methods["_cull"] = _cull(original._cull)  # noqa: SLF001 - where entries are dropped to make room
        methods["_delete"] = _delete(original._delete)  # noqa: SLF001 - where a lookup drops what expired
        methods["delete"] = _outside(original.delete)
    return methods


def keeps_in_memory(backend: type) -> bool:
    """
    True for LocMemCache and its subclasses, the backend that drops and expires entries in this process.
    """
    return any(base.__module__ == "django.core.cache.backends.locmem" for base in backend.__mro__)


class _Inside:
    """
    The ``with`` around a method: True in it where no method of the same cache is around that.
    """

    __slots__ = ("_token", "_watch")

    def __init__(self, watch: Any) -> None:
        self._watch = watch
        self._token: Token[Any] | None = None

    def __enter__(self) -> bool:
        if self._watch is None or _innermost.get() is self._watch:
            return False
        self._token = _innermost.set(self._watch)
        return True

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            try:
                _innermost.reset(self._token)
            except ValueError:
                # A coroutine that is thrown away is closed in another context than the one it ran in.
                _state.failed("context of a watched Django cache")


def _get(original: Method) -> Method:
    # Without _Inside, which would cost as much again: this is done at every lookup.
    @functools.wraps(original)
    def get(self: Any, key: Any, default: Any = None, *args: Any, **kwargs: Any) -> Any:
        watch = self._autonomous_dev_watch
        if watch is None or _innermost.get() is watch:
            return original(self, key, default, *args, **kwargs)
        token = _innermost.set(watch)
        try:
            value = original(self, key, MISSING, *args, **kwargs)
        finally:
            _innermost.reset(token)
        return _found(watch, value, default)

    return get


def _aget(original: Method) -> Method:
    @functools.wraps(original)
    async def aget(self: Any, key: Any, default: Any = None, *args: Any, **kwargs: Any) -> Any:
        watch = self._autonomous_dev_watch
        with _Inside(watch) as outermost:
            value = await original(self, key, MISSING if outermost else default, *args, **kwargs)
        return _found(watch, value, default) if outermost else value

    return aget


def _found(watch: Any, value: Any, default: Any) -> Any:
    with watch.lock:
        if value is not MISSING:
            watch.counts.hits += 1
            return value
        watch.counts.misses += 1
        return default


def _get_many(original: Method) -> Method:
    @functools.wraps(original)
    def get_many(self: Any, keys: Any, *args: Any, **kwargs: Any) -> Any:
        keys = list(keys)
        with _Inside(self._autonomous_dev_watch) as outermost:
            found = original(self, keys, *args, **kwargs)
        if outermost:
            _count_many(self, keys, found)
        return found

    return get_many


def _aget_many(original: Method) -> Method:
    @functools.wraps(original)
    async def aget_many(self: Any, keys: Any, *args: Any, **kwargs: Any) -> Any:
        keys = list(keys)
        with _Inside(self._autonomous_dev_watch) as outermost:
            found = await original(self, keys, *args, **kwargs)
        if outermost:
            _count_many(self, keys, found)
        return found

    return aget_many


def _count_many(backend: Any, keys: list[Any], found: Any) -> None:
    try:
        hits = len(found)
        backend._autonomous_dev_watch.add(hits=hits, misses=max(len(set(keys)) - hits, 0))  # noqa: SLF001 - ours
    except Exception:  # noqa: BLE001 - the backend may give anything
        report("watched Django cache")


def _get_or_set(original: Method) -> Method:
    @functools.wraps(original)
    def get_or_set(self: Any, key: Any, default: Any, *args: Any, **kwargs: Any) -> Any:
        with _Inside(self._autonomous_dev_watch) as outermost:
            if not outermost:
                return original(self, key, default, *args, **kwargs)
            default = _Default(self._autonomous_dev_watch, default)
            value = original(self, key, default.give, *args, **kwargs)
        default.count_hit()
        return value

    return get_or_set


def _aget_or_set(original: Method) -> Method:
    @functools.wraps(original)
    async def aget_or_set(self: Any, key: Any, default: Any, *args: Any, **kwargs: Any) -> Any:
        with _Inside(self._autonomous_dev_watch) as outermost:
            if not outermost:
                return await original(self, key, default, *args, **kwargs)
            asynchronous = inspect.iscoroutinefunction(default)
            default = _Default(self._autonomous_dev_watch, default)
            value = await original(self, key, default.agive if asynchronous else default.give, *args, **kwargs)
        default.count_hit()
        return value

    return aget_or_set


class _Default:
    """
    What ``get_or_set`` stores where it finds nothing: that it is asked for says so.
    """

    __slots__ = ("_asked", "_default", "_watch")

    def __init__(self, watch: Any, default: Any) -> None:
        self._watch = watch
        self._default = default
        self._asked = False

    def give(self) -> Any:
        """
        The default; what it looks up itself in the same cache counts.
        """
        self._count_miss()
        with _Inside(_OUTSIDE):
            return self._default() if callable(self._default) else self._default

    async def agive(self) -> Any:
        """
        As :meth:`give`, for a coroutine function.
        """
        self._count_miss()
        with _Inside(_OUTSIDE):
            return await self._default()

    def count_hit(self) -> None:
        """
        Count a hit, where the default was not asked for.
        """
        if not self._asked:
            self._watch.add(hits=1)

    def _count_miss(self) -> None:
        self._asked = True
        self._watch.add(misses=1)


def _has_key(original: Method) -> Method:
    @functools.wraps(original)
    def has_key(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _Inside(self._autonomous_dev_watch) as outermost:
            found = original(self, *args, **kwargs)
        if outermost and not found:
            self._autonomous_dev_watch.add(misses=1)
        return found

    return has_key


def _ahas_key(original: Method) -> Method:
    @functools.wraps(original)
    async def ahas_key(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _Inside(self._autonomous_dev_watch) as outermost:
            found = await original(self, *args, **kwargs)
        if outermost and not found:
            self._autonomous_dev_watch.add(misses=1)
        return found

    return ahas_key


def _write(original: Method) -> Method:
    @functools.wraps(original)
    def write(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _Inside(self._autonomous_dev_watch):
            return original(self, *args, **kwargs)

    return write


def _awrite(original: Method) -> Method:
    @functools.wraps(original)
    async def write(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _Inside(self._autonomous_dev_watch):
            return await original(self, *args, **kwargs)

    return write


def _outside(original: Method) -> Method:
    @functools.wraps(original)
    def outside(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _Inside(_OUTSIDE):
            return original(self, *args, **kwargs)

    return outside


def _cull(original: Method) -> Method:
    @functools.wraps(original)
    def cull(self: Any) -> Any:
        before = len(self._cache)
        try:
            return original(self)
        finally:
            _add(self, evictions=max(before - len(self._cache), 0))

    return cull


def _delete(original: Method) -> Method:
    @functools.wraps(original)
    def delete(self: Any, key: Any) -> Any:
        dropped = original(self, key)
        # Inside a lookup it is called for what expired; outside of one, to delete what may not have.
        if dropped and _innermost.get() is self._autonomous_dev_watch:
            _add(self, expirations=1)
        return dropped

    return delete


def _add(backend: Any, **counted: int) -> None:
    if backend._autonomous_dev_watch is not None:  # noqa: SLF001 - ours
        backend._autonomous_dev_watch.add(**counted)  # noqa: SLF001 - ours
