"""
One process at a time: who announces looks at what was said and writes what it says before another does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no flock: two that announce at one moment may both say it there
    fcntl = None  # type: ignore[assignment]  # asked for before each use

WAIT: Final = 5.0
"""Seconds that one waits for another: announcing takes milliseconds, so who holds on for longer was stopped."""

_STEP: Final = 0.01


@contextmanager
def alone(
    journal: Path | None,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[bool]:
    """
    Hold the lock of *journal*'s folder, which leaves no file behind; the journal's own is shared by all its writers.

    Where it cannot be had (no such locks here, a network's file system, another holds it for longer than WAIT) the
    block runs all the same: to say something twice is better than not at all.

    Args:
        journal: Its path; None where nobody else can know what is said.

        clock: Monotonic seconds.

        pause: Waits for so many seconds.

    Yields:
        Whether the lock is held.
    """
    if journal is None or fcntl is None:
        yield journal is None
        return
    try:
        folder = os.open(journal.resolve().parent, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        held = _take(folder, clock, pause)
        try:
            yield held
        finally:
            if held:
                # A child of a fork meanwhile has the descriptor too: closing ours would not set it free.
                fcntl.flock(folder, fcntl.LOCK_UN)
    finally:
        os.close(folder)


def _take(folder: int, clock: Callable[[], float], pause: Callable[[float], None]) -> bool:
    end = clock() + WAIT
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock() >= end:
                return False
            pause(_STEP)
        except OSError:
            return False
        else:
            return True
