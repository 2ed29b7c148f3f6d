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

        record: In a session of the program's own: its peak when the block began; None in a session of ours.

        thread: Where it began.
    """

    __slots__ = ("base", "peak", "record", "thread")

    def __init__(self, base: int, record: int | None) -> None:
        self.base = self.peak = base
        self.record = record
        self.thread = threading.get_ident()


class PeakMemory:
    """
    Starts ``tracemalloc`` for the first block that asks for its peak, and stops it after the last.

    A session that the program began itself goes on as it is, its peak included: there a block's own is known only
    where it was a record.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[Held] = set()
        self._ours = False
        _state.on_fork(self.after_fork_in_child)

    def begin(self) -> Held:
        """
        A block begins.
        """
        with self._lock:
            if not tracemalloc.is_tracing():
                tracemalloc.start()
                self._ours = True
            current, peak = tracemalloc.get_traced_memory()
            held = Held(current, None if self._ours else peak)
            if self._ours:
                for other in self._open:
                    other.peak = max(other.peak, peak)
                tracemalloc.reset_peak()
            self._open.add(held)
        return held

    def end(self, held: Held) -> int | None:
        """
        The most bytes that were held above what was when the block began, by the whole process; None where unknown.
        """
        with self._lock:
            self._open.discard(held)
            if not tracemalloc.is_tracing():  # the program stopped it
                self._ours = False
                return None
            _, peak = tracemalloc.get_traced_memory()
            if self._ours and not self._open:
                tracemalloc.stop()
                self._ours = False
        if held.record is not None and peak <= held.record:
            return None
        return max(held.peak, peak) - held.base

    def after_fork_in_child(self) -> None:
        """
        Of the parent's threads the child has one: blocks of the others never end.
        """
        self._lock = threading.Lock()
        self._open = {held for held in self._open if held.thread == threading.get_ident()}
        if self._ours and not self._open:
            tracemalloc.stop()
            self._ours = False


def peak_memory() -> PeakMemory:
    """
    The one of this process.
    """
    with _state.lock():
        if not _state.peak_memory:
            _state.peak_memory.append(PeakMemory())
        watch: PeakMemory = _state.peak_memory[0]
    return watch
