"""
The end of processes that run no ``atexit``: children of multiprocessing, of billiard and of Celery.

Their last call is ``os._exit``. multiprocessing and billiard call finalizers before it, in children that
``ProcessPoolExecutor`` starts too. Celery's pool does not even that, but sends ``worker_process_shutdown``: whoever
waits for ``atexit`` or for a finalizer loses there what it holds, which is how spans of recycled workers get lost
(https://github.com/open-telemetry/opentelemetry-python-contrib/issues/4916).

None of these packages is imported here; what is loaded is told, when something is registered and before each fork.
Nothing can be done for a child that is killed (``Pool.terminate``, so ``with Pool()`` too, sends SIGTERM), nor for
one that ``os.fork`` made and that calls ``os._exit`` itself.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any, Final

from autonomous_dev import _state

_logger = logging.getLogger("autonomous_dev")

_FINALIZERS: Final = "multiprocessing.util"
"""billiard has the same registry of finalizers."""

_CELERY: Final = "celery.signals"

_PRIORITY: Final = 0
"""The last of what is called before a child waits for its own children: a pool of its own has ended by then."""


def before_child_ends(action: Callable[[], object], *, last: bool = False) -> None:
    """
    Call *action* when this process, or one that is forked from it, ends as a child of one of these packages.

    Args:
        action: What to do, twice at worst; called with others one after the other. Registered once.

        last: Whether it comes after the others, since it may take long.
    """
    endings = _state.endings
    with _state.lock():
        if action in endings.actions:
            return
        first = not endings.actions
        endings.actions.insert(len(endings.actions) if last else 0, action)
    if first:
        _announce()
        _finalize_in_child()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=_announce, after_in_child=_finalize_in_child)


def _announce() -> None:
    """
    Tell the packages that are loaded by now; in the parent, where no lock is one that a fork has left behind.
    """
    announced = _state.endings.announced
    if _FINALIZERS not in announced:
        register = _loaded(_FINALIZERS, "register_after_fork")
        if register is not None:
            announced.add(_FINALIZERS)
            register(_state.endings, _finalize)
    if _CELERY not in announced:
        signal = _loaded(_CELERY, "worker_process_shutdown")
        if signal is not None:
            announced.add(_CELERY)
            signal.connect(_end, weak=False, dispatch_uid="autonomous_dev")


def _finalize_in_child() -> None:
    """
    Register in a child that is not told after a fork: one that runs already, or that ``os.fork`` made inside a child.

    A finalizer does nothing in another process than the one that registered it.
    """
    if _is_child():
        _finalize()


def _finalize(*_: object) -> None:
    # A child forgets the finalizers of its parent before this is called in it.
    finalizer = _loaded(_FINALIZERS, "Finalize")
    if finalizer is not None:
        finalizer(None, _end, exitpriority=_PRIORITY)


def _is_child() -> bool:
    """
    Whether multiprocessing or billiard started this process, or one that forked it.
    """
    current = [_loaded(f"{package}.process", "current_process") for package in ("multiprocessing", "billiard")]
    return any(get is not None and type(get()).__name__ != "_MainProcess" for get in current)


def _end(**_: object) -> None:
    for action in _state.endings.actions:
        try:
            action()
        except Exception:
            _logger.warning("what was measured last in process %d may be lost", os.getpid(), exc_info=True)


def _loaded(module: str, name: str) -> Any:
    return getattr(sys.modules.get(module), name, None)
