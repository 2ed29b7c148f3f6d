"""
The guard around our half of what we wrap: a failure of ours is logged once, counted, and goes no further.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import Final

from autonomous_dev import _state

RAISE_FAILURES: Final = "AUTONOMOUS_DEV_RAISE_FAILURES"
"""Environment variable: where it is set and not empty a failure of ours is raised, too. For our own tests."""

_logger = logging.getLogger("autonomous_dev")


def report(part: str) -> None:
    """
    Count the exception that is being handled as a failure in *part* of ours; the first of each part is logged.

    Call it in an ``except Exception:`` clause. It never raises, not even where a log handler does; but in our own
    tests, which set RAISE_FAILURES, it raises the exception again, so that none goes unseen.
    """
    with contextlib.suppress(Exception):
        if _state.failed(part) == 1:
            _logger.warning(
                "autonomous_dev: the %s failed; the program goes on without it, and further failures are only counted",
                part,
                exc_info=True,  # noqa: LOG014 - an exception is being handled where this is called
            )
    if os.environ.get(RAISE_FAILURES):
        raise  # noqa: PLE0704 - an exception is being handled where this is called
