"""
At exit, what profilers and caches measured since the last flush reaches each journal that this process opened.
"""

from __future__ import annotations

import atexit
import logging
import time
from pathlib import Path

from autonomous_dev import _state
from autonomous_dev.recording._journal_writer import JournalWriter
from autonomous_dev.recording._own_instruments import flush
from autonomous_dev.recording._run import process_run
from autonomous_dev.series import NO_ATTRIBUTES

_logger = logging.getLogger("autonomous_dev")


def flush_at_exit(path: Path) -> None:
    """
    Flush into the journal at *path* when the process ends.
    """
    if not _state.exit_paths:
        atexit.register(_flush_all)
    _state.exit_paths.add(path.resolve())


def _flush_all() -> None:
    for path in _state.exit_paths:
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
