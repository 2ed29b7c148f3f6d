"""
One computation per key at a time: who came second waits for who came first, without a deadlock.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from autonomous_dev import _state


class Flight:
    """
    A computation that is under way, and those who wait for its end.

    Threads and tasks may wait in a ring: f(1) needs f(2) in one thread while f(2) needs f(1) in another. So
    each flight knows the flights that its computation depends on now, and who would close a ring does not
    wait but computes by itself.

    Attributes:
        thread: Identifier of the thread that computes.

        landed: True once the computation has ended.

        outcome: What it gave, as a tuple of one; empty while it runs and where it failed.
    """

    __slots__ = ("_depends", "_waiters", "landed", "outcome", "thread")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.landed = False
        self.outcome: tuple[Any, ...] = ()
        self._depends: list[Flight] = []
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
        mine: Flight | None = _state.innermost_computation.get()
        if mine is not None:
            # Both at once: of two who would close a ring, the second sees the first.
            with _state.lock():
                if self._reaches(mine):
                    return False
                mine.needs(self)
        self._waiters.append(wake)
        if self.landed:
            wake()
        return True

    def _leave(self) -> None:
        mine: Flight | None = _state.innermost_computation.get()
        if mine is not None:
            mine.needs_no_more(self)

    def _reaches(self, other: Flight) -> bool:
        seen: set[int] = set()
        ahead = [self]
        while ahead:
            flight = ahead.pop()
            if flight is other:
                return True
            if id(flight) not in seen:
                seen.add(id(flight))
                ahead.extend(tuple(flight._depends))  # noqa: SLF001 - of this class
        return False

    def needs(self, other: Flight) -> None:
        """
        Note that this computation cannot end before *other* has.
        """
        self._depends.append(other)

    def needs_no_more(self, other: Flight) -> None:
        """
        Take back one :meth:`needs`.
        """
        with contextlib.suppress(ValueError):
            self._depends.remove(other)
