"""
The guard around our half of what we wrap: a failure of ours is logged once, counted, and goes no further.
"""

from __future__ import annotations

import contextlib
import logging

from autonomous_dev import _state

_logger = logging.getLogger("autonomous_dev")


def report(part: str) -> None:
    """
    Count the exception that is being handled as a failure in *part* of ours; the first of each part is logged.

    Call it in an ``except Exception:`` clause. It never raises, not even where a log handler does.
    """
    with contextlib.suppress(Exception):
        if _state.failed(part) == 1:
            _logger.warning(
                "autonomous_dev: the %s failed; the program goes on without it, and further failures are only counted",
                part,
                exc_info=True,  # noqa: LOG014 - an exception is being handled where this is called
            )
