"""
What the calls of one cached function share: its cache, its spans, and who computes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from opentelemetry.trace import TracerProvider

from autonomous_dev import _state
from autonomous_dev.conventions import CACHE, CACHE_KEY_HASH, CODE_FUNCTION
from autonomous_dev.performance._guard import report
from autonomous_dev.performance._instruments import road_on
from autonomous_dev.performance._names import MAX_LENGTH, qualified_name
from autonomous_dev.performance._span import OpenSpan, error_type_of
from autonomous_dev.performance.caching._flight import Flight, Lead, Needs
from autonomous_dev.performance.caching._function_cache import FunctionCache
from autonomous_dev.performance.caching._keys import MISSING, Unfreezable, entry_key, parts_key
from autonomous_dev.performance.caching._signature import signature_of

_SECRET: Final = os.urandom(16)
"""Keys the hashes of cache keys: alike within a process and its forks, and nothing about the arguments can be guessed."""


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

    Args:
        function: What is called.

        size: Most results.

        name: What the cache is counted under; None for the function's qualified name.

        ttl: Seconds that a result is good for; None for ever.

        clock: Seconds, for *ttl*.

        typed: Whether equal arguments of different types are different calls.

        key_function: Gives the key of a call; None for its arguments.

        tracer_provider: Where spans go.

    Attributes:
        cache: Its results.

        signature: How the function is called.

        expires: Whether results have a time to live.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        size: int,
        *,
        name: str | None,
        ttl: float | None,
        clock: Callable[[], float],
        typed: bool,
        key_function: Callable[..., Any] | None,
        tracer_provider: TracerProvider | None,
    ) -> None:
        qualified = qualified_name(function)
        self.signature = signature_of(function)
        self.clock = clock
        self.expires = ttl is not None
        self.typed = typed
        self.key_function = key_function
        name = qualified[-MAX_LENGTH:] if name is None else name
        self.cache = FunctionCache(size, name=name, ttl=ttl, clock=clock)
        self._road = road_on(tracer_provider)
        self._span_name = f"cached {getattr(function, '__qualname__', qualified)}"
        self._attributes = {CODE_FUNCTION: qualified, CACHE: name}
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

    def key(self, parts: tuple[Any, ...], types: tuple[Any, ...]) -> Any:
        """
        The key of a call; MISSING where it can have none.

        Args:
            parts: The arguments in the order of the signature.

            types: Their types, where these count; else empty.
        """
        try:
            if self.signature.takes_instance:
                parts = (self.cache.instances.key(parts[0]), *parts[1:])
            return parts_key((*parts, *types))
        except Unfreezable:
            return MISSING
        except Exception:  # noqa: BLE001 - an argument's own __hash__ failed
            report("cache")
            return MISSING

    def own_key(self, key: Any) -> Any:
        """
        The key that the user's function gave, by value where it has no hash; MISSING where it can be none.
        """
        if key is MISSING:
            return MISSING
        try:
            return entry_key(key)
        except Unfreezable:
            return MISSING
        except Exception:  # noqa: BLE001 - its own __hash__ failed
            report("cache")
            return MISSING

    def invalidate(self, key: Any) -> bool:
        """
        Forget the result of *key*, that of a computation under way too; whether there was one.
        """
        if key is MISSING:
            return False
        try:
            return self.cache.delete(key)
        except Exception:  # noqa: BLE001 - an argument's own __eq__ failed
            report("cache")
            return False

    def begin(self, key: Any) -> tuple[Any, Lead | None]:
        """
        Wait while another thread computes the value of *key*, or begin to compute it.

        Returns:
            The value and None; or MISSING where the caller is to compute, and its lead of those who wait, None where
            it computes for itself.
        """
        while True:
            value, flight = self._depart(key)
            if not isinstance(flight, Flight):
                return value, flight
            if not flight.wait():
                return self._alone()
            if flight.outcome:
                return self._shared(flight)

    async def begin_in_task(self, key: Any) -> tuple[Any, Lead | None]:
        """
        As :meth:`begin`, for a coroutine: the event loop goes on while another task computes.
        """
        while True:
            value, flight = self._depart(key)
            if not isinstance(flight, Flight):
                return value, flight
            if not await flight.wait_in_task():
                return self._alone()
            if flight.outcome:
                return self._shared(flight)

    def open_span(self, key: Any) -> OpenSpan | None:
        """
        Start the span of a computation, with a hash of its key where anybody will see it.
        """
        if self._road is None:
            return None
        opened = self._road.open(self._span_name, self._attributes)
        if opened is not None and key is not MISSING:
            try:
                if opened.span.is_recording():
                    opened.span.set_attribute(CACHE_KEY_HASH, _key_hash(key))
            except Exception:  # noqa: BLE001 - the span is the program's SDK's
                report("tracer")
        return opened

    def close_span(self, opened: OpenSpan, exception: BaseException | None) -> None:
        """
        End the span of a computation.
        """
        if self._road is not None:
            self._road.close(opened, exception, error_type_of(exception))

    def _depart(self, key: Any) -> tuple[Any, Flight | Lead | None]:
        if key is not MISSING:
            try:
                return self.cache.depart(key)
            except Exception:  # noqa: BLE001 - an argument's own __eq__ failed
                report("cache")
        return self._alone()

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

    __slots__ = ("_calls", "_key", "_lead", "_opened", "_outer", "_token", "outcome")

    def __init__(self, calls: CachedCalls, key: Any, lead: Lead | None) -> None:
        self._calls = calls
        self._key = key
        self._lead = lead
        self._opened: OpenSpan | None = None
        self.outcome: tuple[Any, ...] = ()

    def __enter__(self) -> Self:
        lead = self._lead
        if lead is not None:
            self._outer: Needs | None = _state.innermost_computation.get()
            if self._outer is not None:
                self._outer.add(lead.flight.needs)
            self._token = _state.innermost_computation.set(lead.flight.needs)
        try:
            self._opened = self._calls.open_span(self._key)
        except BaseException as exception:  # of a signal handler
            self.__exit__(type(exception), exception, exception.__traceback__)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        lead = self._lead
        if lead is not None:
            self._calls.cache.arrive(self._key, lead.flight, self.outcome)
            if self._outer is not None:
                self._outer.remove(lead.flight.needs)
            try:
                _state.innermost_computation.reset(self._token)
            except ValueError:
                # A coroutine that is thrown away is closed in another context than the one it ran in.
                _state.failed("context of a cached coroutine")
        if self._opened is not None:
            self._calls.close_span(self._opened, exception)


def _key_hash(key: Any) -> str:
    # Python hashes bytes by SipHash, a keyed function, which loads nothing as hashlib would (3 ms). Of the key's hash,
    # never of its text; the secret is in it too, since the hash of a small integer is the integer.
    number = hash(_SECRET + hash(key).to_bytes(8, "big", signed=True))
    return f"{number & 0xFFFF_FFFF_FFFF_FFFF:016x}"
