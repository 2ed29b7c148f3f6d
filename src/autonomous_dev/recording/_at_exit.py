"""
At exit, what profilers and caches measured since the last flush reaches each journal that this process opened.

A normal end, ``sys.exit`` and an exception that nobody catches are exits; so is the end of a child of multiprocessing,
billiard or Celery. A signal is one where the program turns it into ``sys.exit``: Python's default for SIGTERM kills.

``atexit`` calls first what was registered last: what handlers do that the program registered before is measured too late.
"""

from __future__ import annotations

import atexit
import logging
import time
from pathlib import Path

from autonomous_dev import _state
from autonomous_dev._ending import before_child_ends
from autonomous_dev.recording._journal_writer import JournalWriter
from autonomous_dev.recording._own_instruments import flush
from autonomous_dev.recording._run import process_run
from autonomous_dev.series import NO_ATTRIBUTES

_logger = logging.getLogger("autonomous_dev")


def flush_at_exit(path: Path) -> None:
    """
    Flush into the journal at *path* when the process, or a child that is forked from it, ends.

    Of the journals that nobody has open any more, the newest MAX_IDLE are remembered; older ones get what was measured
    now, and no more.
    """
    for idle in _state.flushed.too_many_idle():
        _flush_quietly(Path(idle))
        _state.flushed.release(idle)
        _state.exit_paths.discard(Path(idle))
    if not _state.exit_paths:
        atexit.register(_flush_all)
        before_child_ends(_flush_all)
    _state.exit_paths.add(path.resolve())


def _flush_all() -> None:
    for path in _state.exit_paths:
        _flush_quietly(path)


def _flush_quietly(path: Path) -> None:
    # A journal that was removed meanwhile is not made again.
    if path.is_file():
        try:
            _flush(path)
        except Exception:
            _logger.warning("what was measured last could not be written to %s", path, exc_info=True)


def _flush(path: Path) -> None:
    flush(
        str(path),
        lambda line: JournalWriter(path).append(line.encode()),
        process_run().resource,
        NO_ATTRIBUTES,
        time.time_ns(),
    )
