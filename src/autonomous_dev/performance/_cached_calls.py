"""
What the calls of one cached function share: its cache, its spans, and who computes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from opentelemetry.trace import TracerProvider

from autonomous_dev import _state
from autonomous_dev.conventions import CACHE, CACHE_KEY_HASH, CODE_FUNCTION
from autonomous_dev.performance._flight import Flight
from autonomous_dev.performance._function_cache import FunctionCache
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._instances import takes_instance
from autonomous_dev.performance._instruments import tracer_on
from autonomous_dev.performance._keys import Unfreezable, call_key
from autonomous_dev.performance._names import MAX_LENGTH, qualified_name
from autonomous_dev.performance._simple_cache import MISSING
from autonomous_dev.performance._span import OpenSpan, close_span, error_type_of, open_span

_SECRET: Final = os.urandom(16)
"""Keys the hashes of cache keys: alike within a process, and nothing about the arguments can be guessed from one."""


class CacheInfo(NamedTuple):
    """
    What a cached function has done since its last ``cache_clear``; the fields of functools.lru_cache's.

    Attributes:
        hits: Calls that computed nothing.

        misses: Calls that computed.

        maxsize: Most entries.

        currsize: Entries now.
    """

    hits: int
    misses: int
    maxsize: int
    currsize: int


class CachedCalls:
    """
    The cache of a function, and how its calls use it.

    Attributes:
        cache: Its results.

        takes_instance: True where the first argument is an instance or a class, known by identity.
    """

    def __init__(
        self, function: Callable[..., Any], size: int, name: str | None, tracer_provider: TracerProvider | None
    ) -> None:
        qualified = qualified_name(function)
        self.cache = FunctionCache(size, name=qualified[-MAX_LENGTH:] if name is None else name)
        self.takes_instance = takes_instance(function)
        self._tracer = tracer_on(tracer_provider)
        self._span_name = f"cached {getattr(function, '__qualname__', qualified)}"
        self._attributes = {CODE_FUNCTION: qualified, CACHE: self.cache.name}
        self._cleared = (0, 0)

    def info(self) -> CacheInfo:
        """
        Hits, misses, maxsize and currsize; the first two since the last ``cache_clear``.
        """
        counts, (hits, misses) = self.cache.counts, self._cleared
        return CacheInfo(counts.hits - hits, counts.misses - misses, self.cache.max_size, self.cache.size())

    def clear(self) -> None:
        """
        Forget all results, those of computations under way too; what OpenTelemetry sees counted goes on.
        """
        self.cache.clear()
        self._cleared = (self.cache.counts.hits, self.cache.counts.misses)

    def key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """
        The key of a call; MISSING where it can have none.
        """
        try:
            if self.takes_instance and args:
                args = (self.cache.instances.key(args[0]), *args[1:])
            return call_key(args, kwargs)
        except Unfreezable:
            return MISSING
        except Exception:  # noqa: BLE001 - an argument's own __hash__ failed
            report("cache")
            return MISSING

    def begin(self, key: Any) -> tuple[Any, Flight | None]:
        """
        Wait while another thread computes the value of *key*, or begin to compute it.

        Returns:
            The value and None; or MISSING where the caller is to compute, and the flight that others wait for,
            None where it computes for itself.
        """
        while True:
            value, flight, leads = self._depart(key)
            if flight is None or leads:
                return value, flight
            if not flight.wait():
                return self._alone()
            if flight.outcome:
                return self._shared(flight)

    async def begin_in_task(self, key: Any) -> tuple[Any, Flight | None]:
        """
        As :meth:`begin`, for a coroutine: the event loop goes on while another task computes.
        """
        while True:
            value, flight, leads = self._depart(key)
            if flight is None or leads:
                return value, flight
            if not await flight.wait_in_task():
                return self._alone()
            if flight.outcome:
                return self._shared(flight)

    def open_span(self, key: Any) -> OpenSpan | None:
        """
        Start the span of a computation, with a hash of its key where anybody will see it.
        """
        if self._tracer is None:
            return None
        opened = open_span(self._tracer, self._span_name, self._attributes)
        if opened is not None and key is not MISSING:
            try:
                if opened.span.is_recording():
                    opened.span.set_attribute(CACHE_KEY_HASH, _key_hash(key))
            except Exception:  # noqa: BLE001 - the span is the program's SDK's
                report("tracer")
        return opened

    def _depart(self, key: Any) -> tuple[Any, Flight | None, bool]:
        if key is not MISSING:
            try:
                return self.cache.depart(key)
            except Exception:  # noqa: BLE001 - an argument's own __eq__ failed
                report("cache")
        return *self._alone(), False

    def _alone(self) -> tuple[Any, None]:
        self.cache.count_miss()
        return MISSING, None

    def _shared(self, flight: Flight) -> tuple[Any, None]:
        self.cache.count_hit()
        return flight.outcome[0], None


class Computation:
    """
    The ``with`` around a computation: its span, and whatever ends it, those who wait are woken.

    Attributes:
        outcome: What it gave, as a tuple of one; set inside.
    """

    __slots__ = ("_calls", "_flight", "_key", "_opened", "_outer", "_token", "outcome")

    def __init__(self, calls: CachedCalls, key: Any, flight: Flight | None) -> None:
        self._calls = calls
        self._key = key
        self._flight = flight
        self.outcome: tuple[Any, ...] = ()

    def __enter__(self) -> Self:
        if self._flight is not None:
            self._outer: Flight | None = _state.innermost_computation.get()
            if self._outer is not None:
                self._outer.needs(self._flight)
            self._token = _state.innermost_computation.set(self._flight)
        self._opened = self._calls.open_span(self._key)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._flight is not None:
            self._calls.cache.arrive(self._key, self._flight, self.outcome)
            if self._outer is not None:
                self._outer.needs_no_more(self._flight)
            try:
                _state.innermost_computation.reset(self._token)
            except ValueError:
                # A coroutine that is thrown away is closed in another context than the one it ran in.
                _state.failed("context of a cached coroutine")
        if self._opened is not None:
            close_span(self._opened, exception, error_type_of(exception))


def _key_hash(key: Any) -> str:
    # Of Python's hash, never of the arguments' text; keyed, since the hash of a small integer is the integer.
    number = hash(key).to_bytes(8, "big", signed=True)
    return hashlib.blake2b(number, key=_SECRET, digest_size=8).hexdigest()
