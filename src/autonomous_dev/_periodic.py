"""
One daemon thread that does something again and again, through forks, and never raises.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable
from typing import Final

_logger = logging.getLogger("autonomous_dev")

STOP_SECONDS: Final = 2.0
"""How long the end of a program waits for an action that is under way."""


class Periodic:
    """
    Calls *action* from a daemon thread until it is stopped or the program ends.

    An exception is logged with its traceback the first time and counted; the next call comes as usual.

    Args:
        action: What to do.

        seconds: Pause between two calls.

        first: Pause before the first call, in seconds.

        name: Name of the thread.

    Attributes:
        failures: How many calls raised.
    """

    def __init__(self, action: Callable[[], object], seconds: float, *, first: float, name: str) -> None:
        self.failures = 0
        self._action = action
        self._seconds = seconds
        self._first = first
        self._name = name
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """
        Begin; where the thread runs already, nothing happens.
        """
        if self._thread is not None:
            return
        # The thread has an event of its own: after a fork another one runs on another event.
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stopped,), name=self._name, daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """
        End, and wait a moment for a call that is under way.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopped.set()
        atexit.unregister(self.stop)
        if thread is not threading.current_thread():
            thread.join(STOP_SECONDS)

    def restart_in_child(self) -> None:
        """
        Begin again in a forked child, where no thread of the parent lives on; for ``_state.on_fork``.
        """
        if self._thread is not None:
            self._thread = None
            atexit.unregister(self.stop)
            self.start()

    def _run(self, stopped: threading.Event) -> None:
        pause = self._first
        while not stopped.wait(pause):
            pause = self._seconds
            try:
                self._action()
            except Exception:
                self.failures += 1
                if self.failures == 1:
                    _logger.warning(
                        "%s failed and goes on; further failures are only counted", self._name, exc_info=True
                    )
