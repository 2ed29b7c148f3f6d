"""
``/metrics`` for a real Prometheus, in one line: of this process, or of a journal that no process is alive for.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry

from autonomous_dev import _state, conventions
from autonomous_dev._environment import switched_off
from autonomous_dev._periodic import Periodic
from autonomous_dev._program import program_provider
from autonomous_dev.errors import ConfigurationError, InvalidTypeError, ServeError
from autonomous_dev.learning import MetricsTracker
from autonomous_dev.policy import Policy
from autonomous_dev_exporters._insight_gauges import InsightBoard, InsightGauges, InsightSource
from autonomous_dev_exporters._page import page_of
from autonomous_dev_exporters._page_reader import PageReader
from autonomous_dev_exporters._recorded_page import RecordedMetrics
from autonomous_dev_exporters._server import Server, check_port

__all__ = ["DEFAULT_PORT", "InsightSource", "PageReader", "Server", "serve", "serve_storage"]

_logger = logging.getLogger("autonomous_dev")

DEFAULT_PORT: Final = 9464
"""OpenTelemetry's own port for Prometheus."""

INSIGHT_SECONDS: Final = 60.0
"""Insights are evaluated at most this often, and only when samples came."""

FOLLOW_SECONDS: Final = 5.0
"""How often a journal is looked at for what was appended."""


def serve(
    port: int = DEFAULT_PORT,
    *,
    tracker: InsightSource | None = None,
    host: str = "127.0.0.1",
    meter_provider: metrics.MeterProvider | None = None,
    insight_seconds: float = INSIGHT_SECONDS,
) -> Server:
    """
    Serve every metric of this process, and the insights of a tracker, to Prometheus.

    Works before, after and without ``configure()``: where the program has no MeterProvider, one is made. With
    ``OTEL_SDK_DISABLED=true`` the page is there and empty. Insights are evaluated by one daemon thread, never inside
    a scrape; when that fails, the last ones stay and ``autonomous_dev_insight_failures_total`` rises.

    Args:
        port: 0 takes any free one; ``Server.port`` says which.

        tracker: Whose insights are shown; None takes the one that ``configure(storage=...)`` made, if any.

        host: Address to listen on; only this machine by default.

        meter_provider: Whose instruments are shown; None for the program's.

        insight_seconds: Pause between two evaluations, in seconds.

    Returns:
        The endpoint, which listens until it is closed or the program ends.

    Raises:
        ServeError: If the port is taken or not permitted, or the host is no address of this machine.

        ConfigurationError: If the MeterProvider is not the OpenTelemetry SDK's, or one of an SDK before 1.43 that
            was made without a PageReader.

        InvalidValueError: If *port* is no port.

        InvalidTypeError: If *tracker* is no tracker.
    """
    check_port(port)
    if tracker is not None and not callable(getattr(tracker, "generate_insights", None)):
        raise InvalidTypeError(f"tracker is {tracker!r}: expected a MetricsTracker")
    with _state.composition.lock:
        if tracker is None and _state.composition.configuration is not None:
            tracker = _state.composition.configuration.tracker
        provider = meter_provider if meter_provider is not None else program_provider()
        if switched_off() or isinstance(provider, metrics.NoOpMeterProvider):
            _logger.warning("OpenTelemetry is switched off: the page of port %d will be empty", port)
            return Server(CollectorRegistry(), port, host, on_close=lambda: None)
        return _serve_live(_sdk_provider(provider), port, host, tracker, insight_seconds)


def serve_storage(
    path: str | Path,
    *,
    port: int = DEFAULT_PORT,
    host: str = "127.0.0.1",
    policy: Policy | str | Path | None = None,
) -> Server:
    """
    Serve what a journal holds under the names that a live process shows it under; nothing is written.

    The newest value of each recorded metric and its time, the calls and cache lookups that were measured, and
    insights. The file is looked at every five seconds, insights are evaluated at most once a minute.

    Args:
        path: The journal.

        port: 0 takes any free one; ``Server.port`` says which.

        host: Address to listen on; only this machine by default.

        policy: Thresholds and the like, or the file that holds them.

    Returns:
        The endpoint, which listens until it is closed or the program ends.

    Raises:
        StorageError: If the file is missing, cannot be read or is no journal.

        PolicyError: If *policy* cannot be read.

        ServeError: If the port is taken or not permitted, or the host is no address of this machine.

        ConfigurationError: If ``OTEL_SDK_DISABLED=true`` would leave the page empty.
    """
    check_port(port)
    if switched_off():
        msg = (
            f"OTEL_SDK_DISABLED is {os.environ['OTEL_SDK_DISABLED']!r}: the page of {str(path)!r} would be empty. "
            "Start this command without it, with OTEL_SDK_DISABLED=false for example"
        )
        raise ConfigurationError(msg)
    tracker = MetricsTracker(path, policy=policy, read_only=True)
    recorded, board = RecordedMetrics(tracker), InsightBoard(tracker)
    reader = PageReader(further=recorded.histograms)
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    recorded.publish(provider)
    InsightGauges(provider.get_meter(conventions.SCOPE, conventions.VERSION)).show(board)
    recorded.refresh()
    # One thread for both: what reads a file and what judges it do not meet.
    follow = Periodic(_follower(recorded, board), FOLLOW_SECONDS, first=0.0, name="autonomous_dev journal")
    server = Server(reader.registry, port, host, on_close=follow.stop)
    follow.start()
    return server


def _serve_live(
    provider: MeterProvider, port: int, host: str, tracker: InsightSource | None, insight_seconds: float
) -> Server:
    page = page_of(provider)
    board = InsightBoard(tracker) if tracker is not None else None
    evaluation = Periodic(board.refresh, insight_seconds, first=0.0, name="autonomous_dev insights") if board else None

    def close() -> None:
        if board is not None and evaluation is not None:
            evaluation.stop()
            page.insights.hide(board)
        with _state.composition.lock:
            page.close(provider)

    registry = page.open(provider)
    try:
        server = Server(registry, port, host, on_close=close)
    except ServeError:
        page.close(provider)
        raise
    if board is not None and evaluation is not None:
        page.insights.show(board)
        evaluation.start()
    return server


def _follower(recorded: RecordedMetrics, board: InsightBoard) -> Callable[[], None]:
    judged = -math.inf

    def follow() -> None:
        nonlocal judged
        recorded.refresh()
        if time.monotonic() - judged >= INSIGHT_SECONDS:
            board.refresh()
            judged = time.monotonic()

    return follow


def _sdk_provider(provider: metrics.MeterProvider) -> MeterProvider:
    if isinstance(provider, MeterProvider):
        return provider
    kind = f"{type(provider).__module__}.{type(provider).__qualname__}"
    msg = (
        f"the program's MeterProvider is a {kind}: expected the OpenTelemetry SDK's. "
        "Pass the one to serve: serve(port, meter_provider=MeterProvider(...))"
    )
    raise ConfigurationError(msg)
