"""
What OpenTelemetry's providers hold is exported before a process ends, and an exporter that hangs cannot keep it.

The SDK's own ``atexit`` waits for an exporter of spans that hangs: SDK 1.30 for ever, 1.45 for 30 s a processor.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from opentelemetry import metrics, trace

from autonomous_dev import _state
from autonomous_dev._ending import before_child_ends

_logger = logging.getLogger("autonomous_dev")

SPANS_TIMEOUT: Final = "OTEL_BSP_EXPORT_TIMEOUT"
METRICS_TIMEOUT: Final = "OTEL_METRIC_EXPORT_TIMEOUT"

DEFAULT_SECONDS: Final = 30.0
"""OpenTelemetry's default of both variables."""


def flush_in_children() -> None:
    """
    Flush the providers that we emit to when a child of multiprocessing, billiard or Celery ends.

    In every other process that is what the SDK does by itself.
    """
    before_child_ends(_flush, last=True)


def shut_down_in_time(provider: Any) -> None:
    """
    Shut *provider* down at exit within the time-out of its exports; for a provider that we made.
    """
    atexit.unregister(provider.shutdown)  # the SDK's own, which would wait for what hangs
    if not _state.built:
        atexit.register(_shut_down)
    variable = SPANS_TIMEOUT if isinstance(provider, trace.TracerProvider) else METRICS_TIMEOUT
    _state.built.append((provider, timeout_seconds(variable)))


def timeout_seconds(variable: str) -> float:
    """
    How long the environment lets an export take, in seconds; OpenTelemetry's default where it says nothing useful.
    """
    try:
        seconds = float(os.environ.get(variable, "")) / 1000
    except ValueError:
        return DEFAULT_SECONDS
    return seconds if 0 < seconds < threading.TIMEOUT_MAX else DEFAULT_SECONDS


def _flush() -> None:
    within_time(
        (partial(provider.force_flush, timeout_millis=int(1000 * seconds)), seconds)
        for provider, seconds in _emitted_to()
    )


def _emitted_to() -> Iterable[tuple[Any, float]]:
    used = [trace.get_tracer_provider(), metrics.get_meter_provider(), *_state.instruments]
    for provider in {id(each): each for each in used}.values():
        if callable(getattr(provider, "force_flush", None)):  # the API's stand-ins have nothing to flush
            spans = isinstance(provider, trace.TracerProvider)
            yield provider, timeout_seconds(SPANS_TIMEOUT if spans else METRICS_TIMEOUT)


def _shut_down() -> None:
    within_time((provider.shutdown, seconds) for provider, seconds in _state.built if _is_up(provider))


def _is_up(provider: Any) -> bool:
    # A provider that the program shut down has forgotten the SDK's handler; asked twice, the SDK warns.
    return getattr(provider, "_atexit_handler", True) is not None


def within_time(actions: Iterable[tuple[Callable[[], object], float]]) -> None:
    """
    Do all *actions* at once, and wait for each no longer than its seconds; one that goes on is left to its daemon thread.
    """
    started = time.monotonic()
    under_way = []
    for action, seconds in actions:
        thread = threading.Thread(target=_quietly, args=(action,), name="autonomous_dev end", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # from Python 3.12 on no thread starts while the interpreter ends
            _quietly(action)
        else:
            under_way.append((thread, seconds))
    for thread, seconds in under_way:
        thread.join(max(0.0, started + seconds - time.monotonic()))
        if thread.is_alive():
            _logger.warning("an exporter of OpenTelemetry took longer than %g s: its last data may be lost", seconds)


def _quietly(action: Callable[[], object]) -> None:
    try:
        action()
    except Exception:
        _logger.warning("the last data of OpenTelemetry could not all be exported", exc_info=True)
