"""
One computation per key at a time: who came second waits for who came first, without a deadlock.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from autonomous_dev import _state


class Needs:
    """
    What a computation depends on now: other computations.

    Threads and tasks may wait in a ring: f(1) needs f(2) in one thread while f(2) needs f(1) in another. Who would
    close a ring does not wait but computes by itself. The contexts of computations hold this, and no result.
    """

    __slots__ = ("_others",)

    def __init__(self) -> None:
        self._others: list[Needs] = []

    def add(self, other: Needs) -> None:
        """
        It cannot go on before *other* has ended.
        """
        self._others.append(other)

    def remove(self, other: Needs) -> None:
        """
        Take back one :meth:`add`.
        """
        with contextlib.suppress(ValueError):
            self._others.remove(other)

    def reach(self, other: Needs) -> bool:
        """
        Whether it waits for *other*, over any number of computations.
        """
        seen: set[int] = set()
        ahead = [self]
        while ahead:
            one = ahead.pop()
            if one is other:
                return True
            if id(one) not in seen:
                seen.add(id(one))
                ahead.extend(tuple(one._others))  # noqa: SLF001 - of this class
        return False


class Flight:
    """
    A computation that is under way, and those who wait for its end.

    Attributes:
        thread: Identifier of the thread that computes.

        landed: True once the computation has ended.

        outcome: What it gave, as a tuple of one; empty while it runs and where it failed.

        needs: What it depends on.
    """

    __slots__ = ("_waiters", "landed", "needs", "outcome", "thread")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.landed = False
        self.outcome: tuple[Any, ...] = ()
        self.needs = Needs()
        self._waiters: list[Callable[[], object]] = []

    def land(self, outcome: tuple[Any, ...]) -> None:
        """
        End the flight and wake those who wait.
        """
        self.outcome = outcome
        # First this, then the waiters: one who comes in between is woken or sees it.
        self.landed = True
        while self._waiters:
            self._waiters.pop()()

    def wait(self) -> bool:
        """
        Block until it has landed; False at once where that could never be.
        """
        if self.thread == threading.get_ident():
            return False
        event = threading.Event()
        if not self._board(event.set):
            return False
        try:
            event.wait()
        finally:
            self._leave()
        return True

    async def wait_in_task(self) -> bool:
        """
        Let the event loop go on until it has landed; False at once where that could never be.
        """
        # Whoever runs a coroutine in asyncio has loaded it; others need not pay 30 ms for it.
        from asyncio import get_running_loop  # noqa: PLC0415

        try:
            loop = get_running_loop()
        except RuntimeError:  # another framework's loop, whose tasks we cannot wake
            return False
        future = loop.create_future()

        def arrive() -> None:
            if not future.done():
                future.set_result(None)

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(arrive)

        if not self._board(wake):
            return False
        try:
            await future
        finally:
            self._leave()
        return True

    def _board(self, wake: Callable[[], object]) -> bool:
        mine: Needs | None = _state.innermost_computation.get()
        if mine is not None:
            # Both at once: of two who would close a ring, the second sees the first.
            with _state.lock():
                if self.needs.reach(mine):
                    return False
                mine.add(self.needs)
        self._waiters.append(wake)
        if self.landed:
            wake()
        return True

    def _leave(self) -> None:
        mine: Needs | None = _state.innermost_computation.get()
        if mine is not None:
            mine.remove(self.needs)


class Lead:
    """
    What the one who computes holds of a flight. Whatever becomes of it, a flight that nobody leads any more has landed.

    An exception of a signal handler may come between any two steps: then this is dropped, and those who wait go on.

    Attributes:
        flight: What it leads.
    """

    __slots__ = ("flight",)

    def __init__(self) -> None:
        self.flight = Flight()

    def __del__(self) -> None:
        flight = getattr(self, "flight", None)
        if flight is not None and not flight.landed:
            flight.land(())
