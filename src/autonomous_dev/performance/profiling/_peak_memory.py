"""
The most memory that a block holds at once, by ``tracemalloc``.

``tracemalloc`` keeps one peak for the whole process, and resetting it for one block would take it from the others.
So whoever resets it hands what it was to all blocks that are open. Imported only where a profiler asks for memory:
``tracemalloc`` imports ``pickle``, which takes 4 ms.
"""

from __future__ import annotations

import threading
import tracemalloc

from autonomous_dev import _state


class Held:
    """
    What the process holds while one block is open.

    Attributes:
        base: Bytes that were held when it began.

        peak: The most that was held since, as far as it is known.

        session: The session of ours in which it began; None in one of the program's own.

        record: In a session of the program's own: its peak when the block began.

        thread: Where it began.
    """

    __slots__ = ("base", "peak", "record", "session", "thread")

    def __init__(self) -> None:
        self.base = self.peak = self.record = 0
        self.session: object | None = None
        self.thread = threading.get_ident()


class PeakMemory:
    """
    Starts ``tracemalloc`` for the first block that asks for its peak, and stops it after the last.

    A session that the program began itself goes on as it is, its peak included: there a block's own is known only
    where it was a record. One that it begins while ours runs is ours as before: ``tracemalloc.start`` does nothing then.
    """

    def __init__(self) -> None:
        # A finalizer may run while it is held, and be a block itself.
        self._lock = threading.RLock()
        self._open: set[Held] = set()
        # An object made in our session: it is traced for as long as that lasts.
        self._session: object | None = None
        _state.on_fork(self.after_fork_in_child)

    def begin(self) -> Held:
        """
        A block begins.
        """
        held = Held()
        with self._lock:
            self._open.add(held)  # first, so that no finalizer takes its own for the last
            try:
                self._begin(held)
            except BaseException:
                self._open.discard(held)
                self._stop_after_the_last()
                raise
        return held

    def end(self, held: Held) -> int | None:
        """
        The most bytes that were held above what was when the block began, by the whole process; None where unknown.
        """
        with self._lock:
            self._open.discard(held)
            self._look()
            session = self._session
            _, peak = tracemalloc.get_traced_memory()
            self._stop_after_the_last()
        # The program may have stopped the one it began in, and begun its own.
        if held.session is not session or (session is None and peak <= held.record):
            return None
        return max(held.peak, peak) - held.base

    def _begin(self, held: Held) -> None:
        self._look()
        if not tracemalloc.is_tracing():
            tracemalloc.start()
            self._session = object()
        held.session = self._session
        current, peak = tracemalloc.get_traced_memory()
        if held.session is not None:
            for other in self._open.copy():
                other.peak = max(other.peak, peak)
            tracemalloc.reset_peak()
        held.base = held.peak = current
        held.record = peak

    def _look(self) -> None:
        """
        Forget our session where the program stopped it, even if it has begun another one.
        """
        session = self._session
        if session is not None and tracemalloc.get_object_traceback(session) is None:
            self._session = None

    def _stop_after_the_last(self) -> None:
        if self._session is not None and not self._open:
            tracemalloc.stop()
            self._session = None

    def after_fork_in_child(self) -> None:
        """
        Of the parent's threads the child has one: blocks of the others never end.
        """
        self._lock = threading.RLock()
        self._open = {held for held in self._open if held.thread == threading.get_ident()}
        self._look()
        self._stop_after_the_last()


def peak_memory() -> PeakMemory:
    """
    The one of this process.
    """
    with _state.lock():
        if not _state.peak_memory:
            _state.peak_memory.append(PeakMemory())
        watch: PeakMemory = _state.peak_memory[0]
    return watch
