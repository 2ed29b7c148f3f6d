"""
``cached``: a function whose results are kept, each computed once at a time.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, Final, ParamSpec, Protocol, Self, TypeVar, cast, overload

from opentelemetry.trace import TracerProvider

from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._cached_calls import CachedCalls, CacheInfo, Computation
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._keys import PLAIN
from autonomous_dev.performance._names import checked_name, qualified_name
from autonomous_dev.performance._simple_cache import MISSING, SimpleCache, checked_size

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
P2 = ParamSpec("P2")
R2 = TypeVar("R2")

DEFAULT_SIZE: Final = 128
"""Entries by default, as many as functools.lru_cache keeps."""


class CachedFunction(Protocol[P, R_co]):
    """
    A function made by ``cached``: called as before, and its cache can be looked at.
    """

    _cache: SimpleCache
    __wrapped__: Callable[..., Any]
    __name__: str
    __qualname__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """
        Call it.
        """
        ...

    def cache_info(self) -> CacheInfo:
        """
        Hits, misses, maxsize, currsize.
        """
        ...

    def cache_clear(self) -> None:
        """
        Forget all results.
        """
        ...

    @overload
    def __get__(self, instance: None, owner: type | None = None, /) -> Self: ...

    @overload
    def __get__(
        self: CachedFunction[Concatenate[Any, P2], R2], instance: object, owner: type | None = None, /
    ) -> CachedFunction[P2, R2]: ...


@overload
def cached(max_size: Callable[P, R], /) -> CachedFunction[P, R]: ...


@overload
def cached(
    max_size: int = DEFAULT_SIZE, *, name: str | None = None, tracer_provider: TracerProvider | None = None
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...


def cached(
    max_size: int | Callable[..., Any] = DEFAULT_SIZE,
    *,
    name: str | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Any:
    """
    Keep the results of a function, a coroutine function or a method: ``@cached`` or ``@cached(max_size=100)``.

    - The results used least recently are dropped, exactly. Exceptions are not kept; None is.
    - Arguments without a hash (dicts, lists, sets, nested) count by value. With an argument that has neither a
      hash nor a value that can be frozen, the function is simply called, which counts as a miss.
    - f(1) and f(n=1) are two entries; keywords in another order are one.
    - One computation per key at a time: other threads and tasks wait for it. Where it fails or is cancelled,
      the next of them computes. Who would wait for itself computes by itself.
    - A first parameter called ``self`` or ``cls`` counts by identity and is not kept alive by the cache, unless
      a result refers to it or its class has ``__slots__`` without ``__weakref__``.
    - A hit costs no telemetry: hits and misses are counted and read when metrics are collected, also across
      ``cache_clear``. Each computation is a span ``cached <name>`` with a keyed hash of the arguments.

    The function gets ``_cache`` (a SimpleCache), ``cache_info()``, ``cache_clear()`` and ``__wrapped__``.

    Args:
        max_size: Most results that are kept; at least 1.

        name: What the cache is counted under; the function's module and qualified name by default.

        tracer_provider: Where spans go; the global provider by default, also if it is set later.

    Raises:
        InvalidTypeError: If an argument has the wrong type, or a generator function is decorated.

        InvalidValueError: If *max_size* is below 1.

        InvalidNameError: If *name* is empty, too long or holds control characters.
    """
    if callable(max_size) or isinstance(max_size, classmethod):
        return _decorated(max_size, DEFAULT_SIZE, name, tracer_provider)
    size = checked_size(max_size)
    if name is not None:
        checked_name(name, "cache")

    def decorate(function: Callable[..., Any]) -> Any:
        return _decorated(function, size, name, tracer_provider)

    return decorate


def _decorated(function: Any, size: int, name: str | None, tracer_provider: TracerProvider | None) -> Any:
    if isinstance(function, staticmethod | classmethod):
        return type(function)(_decorated(function.__func__, size, name, tracer_provider))
    if not callable(function):
        raise InvalidTypeError(f"a {type(function).__name__} cannot be cached; expected a function")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidTypeError(
            f"{qualified_name(function)} is a generator function, whose result can be read only once; "
            f"cache a function that returns a list or a tuple"
        )
    calls = CachedCalls(function, size, name, tracer_provider)
    is_coroutine_function = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - a callable object may have an async __call__
    )
    wrapper = _coroutine_wrapper(function, calls) if is_coroutine_function else _wrapper(function, calls)
    functools.update_wrapper(wrapper, function)
    wrapper.__dict__.update(_cache=calls.cache, cache_info=calls.info, cache_clear=calls.clear)
    return wrapper


def _wrapper(function: Callable[..., R], calls: CachedCalls) -> Callable[..., R]:
    find, key_of, by_itself = calls.cache.find, calls.key, frozenset() if calls.takes_instance else PLAIN

    def cached_function(*args: Any, **kwargs: Any) -> R:
        key = args[0] if len(args) == 1 and not kwargs and type(args[0]) in by_itself else key_of(args, kwargs)
        try:
            value = find(key)
        except Exception:  # noqa: BLE001 - an argument's own __eq__ failed
            report("cache")
            value = key = MISSING
        if value is MISSING:
            value, flight = calls.begin(key)
            if value is MISSING:
                # In this frame, so that a recursive function gets as deep as with lru_cache.
                with Computation(calls, key, flight) as computation:
                    value = function(*args, **kwargs)
                    computation.outcome = (value,)
        return cast("R", value)

    return cached_function


def _coroutine_wrapper(function: Callable[..., Awaitable[R]], calls: CachedCalls) -> Callable[..., Awaitable[R]]:
    async def cached_function(*args: Any, **kwargs: Any) -> R:
        key = calls.key(args, kwargs)
        try:
            value = calls.cache.find(key)
        except Exception:  # noqa: BLE001 - an argument's own __eq__ failed
            report("cache")
            value = key = MISSING
        if value is MISSING:
            value, flight = await calls.begin_in_task(key)
            if value is MISSING:
                with Computation(calls, key, flight) as computation:
                    value = await function(*args, **kwargs)
                    computation.outcome = (value,)
        return cast("R", value)

    return cached_function
