"""
``cached``: a function whose results are kept, each computed once at a time.
"""

from __future__ import annotations

import functools
import inspect
import math
import time
from collections.abc import Callable, Hashable
from typing import Any, Concatenate, Final, Literal, ParamSpec, Protocol, Self, TypeVar, overload

from opentelemetry.trace import TracerProvider

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.performance._names import checked_name, qualified_name
from autonomous_dev.performance.caching._cached_calls import CachedCalls, CacheInfo
from autonomous_dev.performance.caching._function_cache import FunctionCache
from autonomous_dev.performance.caching._lru import checked_size
from autonomous_dev.performance.caching._wrapper import make_wrapper

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

    _cache: FunctionCache
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

    def cache_invalidate(self, *args: Any, **kwargs: Any) -> bool:
        """
        Forget the result of one call, and say whether there was one; of a method, the instance comes first.
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
    max_size: int = DEFAULT_SIZE, *, bare: Literal[True], typed: bool = False, name: str | None = None
) -> Callable[[Callable[..., R]], functools._lru_cache_wrapper[R]]: ...


@overload
def cached(
    max_size: int = DEFAULT_SIZE,
    *,
    ttl: float | None = None,
    typed: bool = False,
    key: Callable[..., Hashable] | None = None,
    clock: Callable[[], float] = time.monotonic,
    bare: Literal[False] = False,
    name: str | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...


def cached(
    max_size: int | Callable[..., Any] = DEFAULT_SIZE,
    *,
    ttl: float | None = None,
    typed: bool = False,
    key: Callable[..., Hashable] | None = None,
    clock: Callable[[], float] = time.monotonic,
    bare: bool = False,
    name: str | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Any:
    """
    Keep the results of a function, a coroutine function or a method: ``@cached`` or ``@cached(max_size=100)``.

    - The results used least recently are dropped, exactly. Exceptions are not kept; None is.
    - Arguments without a hash (dicts, lists, sets, nested) count by value. With an argument that has neither a
      hash nor a value that can be frozen, the function is simply called, which counts as a miss.
    - f(1), f(n=1) and, where 1 is the default, f() are one call. Only where a default has no hash, or a function does
      not tell its signature, positional and keyword are told apart.
    - One computation per key at a time: other threads and tasks wait for it. Where it fails or is cancelled,
      the next of them computes. Who would wait for itself computes by itself.
    - A first parameter called ``self`` or ``cls`` counts by identity and is not kept alive by the cache, unless
      a result refers to it or it takes no weak reference, as a named tuple or a class with ``__slots__``.
    - A hit costs no telemetry and takes no lock: hits and misses are counted and read when metrics are collected,
      also across ``cache_clear``. Each computation is a span ``cached <name>`` with a keyed hash of the arguments.
    - What 2, 4 and 8 times the capacity would hit is told from the misses: ``autonomous-dev caches``.

    The function gets ``_cache`` (with ``size()``), ``cache_info()``, ``cache_clear()``, ``cache_invalidate(*args)`` and
    ``__wrapped__``.

    Args:
        max_size: Most results that are kept; at least 1.

        ttl: Seconds that a result is good for, above 0; for ever by default.

        typed: Whether f(3) and f(3.0) are two calls.

        key: Gives the key of a call, from the same arguments: ``key=lambda user: user.id``. Where it raises the
            function is simply called.

        clock: For *ttl*: gives the time in seconds, from any origin.

        bare: Whether to make C's own ``functools.lru_cache`` object, the quickest there is, with its counts read when
            metrics are collected. It makes no spans, merges no concurrent calls, and refuses unhashable arguments;
            with *ttl*, *key*, methods and coroutine functions it cannot be had.

        name: What the cache is counted under; the function's module and qualified name by default.

        tracer_provider: Where spans go; the global provider by default, also if it is set later.

    Raises:
        InvalidTypeError: If an argument has the wrong type, a generator function is decorated, or *bare* cannot be had.

        InvalidValueError: If *max_size* is below 1, or *ttl* is not above 0.

        InvalidNameError: If *name* is empty, too long or holds control characters.
    """
    if callable(max_size) or isinstance(max_size, staticmethod | classmethod):
        function, max_size = max_size, DEFAULT_SIZE
    else:
        function = None
    size = checked_size(max_size)
    if name is not None:
        checked_name(name, "cache")
    _check(ttl, typed, key, clock, bare, tracer_provider)

    def decorate(function: Any) -> Any:
        if isinstance(function, staticmethod | classmethod):
            return type(function)(decorate(function.__func__))
        _check_function(function)
        if bare:
            # What adopts other caches is loaded by who asks for it.
            from autonomous_dev.performance.caching._bare import bare_cached  # noqa: PLC0415

            return bare_cached(function, size, name, typed=typed)
        return _decorated(
            function,
            CachedCalls(
                function,
                size,
                name=name,
                ttl=ttl,
                clock=clock,
                typed=typed,
                key_function=key,
                tracer_provider=tracer_provider,
            ),
        )

    return decorate if function is None else decorate(function)


def _decorated(function: Callable[..., Any], calls: CachedCalls) -> Any:
    wrapper, found_key = make_wrapper(function, calls)
    functools.update_wrapper(wrapper, function)

    def cache_invalidate(*args: Any, **kwargs: Any) -> bool:
        return calls.invalidate(found_key(*args, **kwargs))

    wrapper.__dict__.update(
        _cache=calls.cache, cache_info=calls.info, cache_clear=calls.clear, cache_invalidate=cache_invalidate
    )
    return wrapper


def _check(ttl: object, typed: object, key: object, clock: object, bare: object, tracer_provider: object) -> None:
    for name, flag in (("typed", typed), ("bare", bare)):
        if not isinstance(flag, bool):
            raise InvalidTypeError(f"{name} is {flag!r} of type {type(flag).__name__}; expected True or False")
    if ttl is not None:
        if isinstance(ttl, bool) or not isinstance(ttl, int | float):
            raise InvalidTypeError(
                f"ttl is {ttl!r} of type {type(ttl).__name__}; expected seconds that a result is good for, such as 60"
            )
        if not 0 < ttl < math.inf:  # refuses NaN too
            raise InvalidValueError(f"ttl is {ttl!r}; expected seconds above 0, or None for results that never expire")
    for name, function in (("key", key), ("clock", clock)):
        if not (callable(function) or (name == "key" and function is None)):
            raise InvalidTypeError(f"{name} is a {type(function).__name__}; expected a function")
    if bare:
        asked = [
            name
            for name, value, default in (
                ("ttl", ttl, None),
                ("key", key, None),
                ("clock", clock, time.monotonic),
                ("tracer_provider", tracer_provider, None),
            )
            if value is not default
        ]
        if asked:
            raise InvalidTypeError(
                f"bare=True is functools.lru_cache itself, which has no {asked[0]}; leave out bare=True, or {asked[0]}"
            )


def _check_function(function: object) -> None:
    if not callable(function):
        raise InvalidTypeError(f"a {type(function).__name__} cannot be cached; expected a function")
    called = function if inspect.isroutine(function) else type(function).__call__
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        raise InvalidTypeError(
            f"{qualified_name(function)} is a generator function, whose result can be read only once; "
            f"cache a function that returns a list or a tuple"
        )
