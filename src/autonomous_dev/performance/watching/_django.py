"""
Watching Django's caches: in all threads, synchronous and asynchronous, whatever their backend.

Source:
    https://docs.djangoproject.com/en/5.2/topics/cache/; read in Django 4.2.30 and 5.2.19.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from autonomous_dev import _state
from autonomous_dev._state import CacheCounts
from autonomous_dev.conventions import CACHE_CAPACITY, CACHE_EVICTIONS, CACHE_EXPIRATIONS, CACHE_SIZE
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._names import checked_name
from autonomous_dev.performance.watching._class_swap import swap_class
from autonomous_dev.performance.watching._django_methods import backend_methods, keeps_in_memory
from autonomous_dev.performance.watching._watch_object import ATTRIBUTE, UNTOLD, Watch, begin, check_same_name, watch_of


class DjangoWatch(Watch):
    """
    A Watch that the backends of one alias count into, one backend for each thread.

    Attributes:
        lock: Held while something is counted.
    """

    __slots__ = ("_memory", "lock")

    def __init__(self, existing: object, name: str) -> None:
        # What a server holds, drops and lets expire is the server's to tell.
        untold = UNTOLD | {CACHE_CAPACITY, CACHE_EVICTIONS, CACHE_EXPIRATIONS, CACHE_SIZE}
        self._memory = _Memory()
        super().__init__(existing, name, CacheCounts(untold=untold), self._memory.held)
        self.lock = threading.Lock()
        _state.on_fork(self._after_fork_in_child)

    def add(self, hits: int = 0, misses: int = 0, evictions: int = 0, expirations: int = 0) -> None:
        """
        Count what a backend did.
        """
        with self.lock:
            self.counts.hits += hits
            self.counts.misses += misses
            self.counts.evictions += evictions
            self.counts.expirations += expirations

    def adopt(self, backend: Any) -> None:
        """
        Let *backend* count into this.

        Raises:
            InvalidTypeError: If its class does not allow it.
        """
        swap_class(backend, self, backend_methods)
        if keeps_in_memory(type(backend)):
            self._memory.is_of(backend)
            self.counts.untold = UNTOLD

    def _after_fork_in_child(self) -> None:
        # Another thread of the parent may have held it.
        self.lock = threading.Lock()


class _Memory:
    """
    What the cache in local memory holds: one mapping, which the backends of all threads share.
    """

    def __init__(self) -> None:
        self._store: Callable[[], Any] = dict
        self._capacity: int | None = None

    def is_of(self, backend: Any) -> None:
        """
        From now on this is what *backend* holds.
        """
        self._store = weakref.ref(backend._cache)  # noqa: SLF001 - Django tells the size in no other way
        self._capacity = backend._max_entries  # noqa: SLF001 - see above

    def held(self, _: object) -> tuple[int, int | None]:
        """
        Entries and capacity.
        """
        return len(self._store() or ()), self._capacity


def is_django_cache(existing: object) -> bool:
    """
    True for ``django.core.cache.cache``, what ``caches[alias]`` gives, and other backends.
    """
    if _is_proxy(existing):
        return True
    base: Any = sys.modules.get("django.core.cache.backends.base")
    return base is not None and isinstance(existing, base.BaseCache)


def watch_django_cache(existing: Any, name: str | None) -> None:
    """
    Count a Django cache.

    With ``cache`` or ``caches[alias]`` the backends of that alias count in all threads, those of later ones too. A
    backend that was made by hand counts by itself.

    Args:
        existing: The proxy or the backend.

        name: What it is counted under; ``django.<alias>`` by default, ``django.<class>`` for one made by hand.

    Raises:
        InvalidTypeError: If the backend's class does not allow it.

        InvalidValueError: If it is watched under another name already.
    """
    if _is_proxy(existing):
        parts = vars(existing)
        _watch_alias(parts["_connections"], parts["_alias"], name)
        return
    handler: Any = sys.modules["django.core.cache"].caches
    alias = _alias_of(existing, handler)
    if alias is not None:
        _watch_alias(handler, alias, name)
        handler[alias]  # whose backend counts from now on
        return
    with _state.lock():
        watch = watch_of(existing)
        if watch is not None:
            check_same_name(watch, name)
            return
        watch = DjangoWatch(existing, f"django.{type(existing).__qualname__}" if name is None else name)
        watch.adopt(existing)
    begin(watch)


def _is_proxy(existing: object) -> bool:
    # Its type decides: any attribute of a proxy would be asked of a backend, and make one.
    connection: Any = sys.modules.get("django.utils.connection")
    cache: Any = sys.modules.get("django.core.cache")
    if connection is None or cache is None or not issubclass(type(existing), connection.ConnectionProxy):
        return False
    return isinstance(vars(existing)["_connections"], cache.CacheHandler)


def _alias_of(backend: object, handler: Any) -> str | None:
    """
    The alias that *backend* is this thread's backend of; None for one that was made by hand.
    """
    try:
        for alias in handler:
            if getattr(handler._connections, alias, None) is backend:  # noqa: SLF001 - the public way makes backends
                return str(alias)
    except Exception:  # noqa: BLE001 - the program's settings
        return None
    return None


def _watch_alias(handler: Any, alias: str, name: str | None) -> None:
    with _state.lock():
        watches = vars(handler).get(ATTRIBUTE)
        if watches is None:
            watches = {}
            swap_class(handler, watches, _handler_methods)
        watch = watches.get(alias)
        if watch is not None:
            check_same_name(watch, name)
            return
        watch = DjangoWatch(handler, checked_name(f"django.{alias}", "cache") if name is None else name)
        watches[alias] = watch
    begin(watch)


def _handler_methods(original: Any) -> dict[str, Any]:
    """
    How ``caches[alias]`` gives a backend that counts, in each thread and each task.
    """
    getitem = original.__getitem__

    def __getitem__(self: Any, alias: str) -> Any:  # noqa: N807 - it becomes one
        backend = getitem(self, alias)
        watch = self._autonomous_dev_watch.get(alias)
        if watch is not None and ATTRIBUTE not in getattr(backend, "__dict__", (ATTRIBUTE,)):
            try:
                watch.adopt(backend)
            except Exception:  # noqa: BLE001 - the backend is the program's
                backend.__dict__[ATTRIBUTE] = None  # so that it is not tried again and again
                report("watched Django cache")
        return backend

    return {ATTRIBUTE: {}, "__getitem__": __getitem__}
