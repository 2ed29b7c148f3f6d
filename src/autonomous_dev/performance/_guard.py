"""
The guard around our half of what we wrap: a failure of ours is logged once, counted, and goes no further.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from types import CodeType
from typing import Any, Final

from autonomous_dev import _state

RAISE_FAILURES: Final = "AUTONOMOUS_DEV_RAISE_FAILURES"
"""Environment variable: where it is set and not empty a failure of ours is raised, too. For our own tests."""

_logger = logging.getLogger("autonomous_dev")


def report(part: str) -> None:
    """
    Count the exception that is being handled as a failure in *part* of ours; the first of each part is logged.

    Call it in an ``except Exception:`` clause. It raises nothing of its own, not even where a log handler does. The
    exception that is being handled it raises again in two cases: where a signal handler of the program raised it, such
    as Celery's ``SoftTimeLimitExceeded``, which came to pass in our code by chance; and in our own tests, which set
    RAISE_FAILURES, so that none goes unseen.
    """
    again = False
    try:
        again = _of_a_signal_handler(sys.exc_info()[1])
        if not again:
            if _state.failed(part) == 1:
                _logger.warning(
                    "autonomous_dev: the %s failed; the program goes on without it, and further failures are only counted",
                    part,
                    exc_info=True,  # noqa: LOG014 - an exception is being handled where this is called
                )
            again = bool(os.environ.get(RAISE_FAILURES))
    except Exception:  # noqa: BLE001, S110 - a log handler's; or no depth is left, as where the program recurses too deep
        pass
    if again:
        raise  # noqa: PLE0704 - an exception is being handled where this is called


def _of_a_signal_handler(exception: BaseException | None) -> bool:
    """
    Whether a handler of a signal is what raised *exception*.
    """
    signal: Any = sys.modules.get("signal")
    # Without the module nobody has installed one. They run in the main thread.
    if exception is None or signal is None or threading.current_thread() is not threading.main_thread():
        return False
    running: set[CodeType] = set()
    traceback = exception.__traceback__
    while traceback is not None:
        running.add(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return any(_code(signal.getsignal(number)) in running for number in signal.valid_signals())


def _code(handler: Any) -> CodeType | None:
    """
    What *handler* runs: a function, a method, a part of either, or an object that can be called.
    """
    while hasattr(handler, "func"):
        handler = handler.func
    code = getattr(handler, "__code__", None)
    if code is None and callable(handler):
        code = getattr(getattr(handler, "__call__", None), "__code__", None)  # noqa: B004 - its code is wanted
    return code if isinstance(code, CodeType) else None
