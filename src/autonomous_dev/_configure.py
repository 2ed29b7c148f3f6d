"""
``configure()``: one line for a program that has not set up OpenTelemetry, and for one that has.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opentelemetry import metrics

from autonomous_dev import _state
from autonomous_dev._periodic import Periodic
from autonomous_dev.errors import ConfigurationError, InvalidTypeError

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider

    from autonomous_dev.learning import MetricsTracker
    from autonomous_dev.policy import Policy
    from autonomous_dev_exporters.prometheus import Server

_logger = logging.getLogger("autonomous_dev")

FLUSH_SECONDS: Final = 300.0
"""How often what profilers and caches measured is written to the journal."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """
    What ``configure`` set up.

    Attributes:
        tracker: Records into the file; None where neither a storage nor a policy was asked for.

        server: The endpoint for Prometheus; None where no port was asked for. After a fork it stays with the parent.

        storage: Absolute path of the journal; None without one.

        prometheus_port: The port that was asked for; 0 for any.

        policy: The policy that was asked for.
    """

    tracker: MetricsTracker | None = None
    server: Server | None = None
    storage: Path | None = None
    prometheus_port: int | None = None
    policy: Policy | Path | None = None


def configure(
    *,
    storage: str | os.PathLike[str] | None = None,
    prometheus_port: int | None = None,
    policy: Policy | str | os.PathLike[str] | None = None,
) -> Configuration:
    """
    Join the program's OpenTelemetry, or set one up where it has none; then record and serve what is asked for.

    A MeterProvider that the application has set, before or by ``OTEL_PYTHON_METER_PROVIDER``, is used and never
    replaced. Spans are left to the application: a TracerProvider without an exporter would be cost without use.
    With ``OTEL_SDK_DISABLED=true`` no provider is made; what ``record_metric`` records still reaches the file.

    Called again, what is asked for anew is added, what is there already is kept: the same values change nothing.

    Args:
        storage: A journal. What profilers and caches measure is written to it every five minutes and at exit, by
            one daemon thread that also runs in forked children.

        prometheus_port: Serve ``/metrics`` on 127.0.0.1 at this port; 0 takes any free one.

        policy: Thresholds and the like, or the file that holds them.

    Returns:
        The tracker and the server that were made.

    Raises:
        ConfigurationError: If other values are in force already, or the application's provider cannot be joined.

        StorageError: If *storage* cannot be written.

        PolicyError: If *policy* cannot be read.

        ServeError: If the port cannot be listened on.

        InvalidTypeError: If *storage* or *policy* is no path.
    """
    for name, path in (("storage", storage), ("policy", policy)):
        if isinstance(path, bytes | int | float):
            raise InvalidTypeError(f"{name} is {path!r}: expected a path such as 'metrics.json'")
    wanted = Configuration(
        storage=None if storage is None else Path(storage).absolute(),
        prometheus_port=prometheus_port,
        policy=Path(policy).absolute() if isinstance(policy, str | os.PathLike) else policy,
    )
    composition = _state.composition
    with composition.lock:
        current: Configuration = composition.configuration or Configuration()
        _refuse_other_values(current, wanted)
        _join(program_provider())
        if current.tracker is None and (wanted.storage is not None or wanted.policy is not None):
            tracker = _make_tracker(wanted.storage, wanted.policy)
            current = replace(current, tracker=tracker, storage=wanted.storage, policy=wanted.policy)
        # What was made stays in force where the port cannot be had: a second call may ask for another one.
        composition.configuration = current
        if current.server is None and prometheus_port is not None:
            from autonomous_dev_exporters.prometheus import serve

            server = serve(prometheus_port, tracker=current.tracker)
            current = composition.configuration = replace(current, server=server, prometheus_port=prometheus_port)
    return current


def program_provider() -> metrics.MeterProvider:
    """
    The program's MeterProvider; where none is set, one that is made and set now.

    Returns:
        With ``OTEL_SDK_DISABLED=true`` whatever is there, be it the API's proxy.
    """
    provider = metrics.get_meter_provider()
    if not _is_proxy(provider) or switched_off():
        return provider
    made = _make_provider()
    metrics.set_meter_provider(made)
    provider = metrics.get_meter_provider()
    if provider is not made:  # another thread was faster
        made.shutdown()
    return provider


def switched_off() -> bool:
    """
    Whether ``OTEL_SDK_DISABLED`` switches OpenTelemetry off, read as the SDK reads it.
    """
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _is_proxy(provider: metrics.MeterProvider) -> bool:
    # The API's stand-in for "none set yet" has no public name.
    return type(provider).__name__ == "_ProxyMeterProvider" and type(provider).__module__.startswith(
        "opentelemetry.metrics"
    )


def _make_provider() -> MeterProvider:
    from opentelemetry.sdk.metrics import MeterProvider

    from autonomous_dev.recording import SeriesMetricReader

    if hasattr(MeterProvider, "add_metric_reader"):
        return MeterProvider(metric_readers=[SeriesMetricReader()])
    # Before SDK 1.43 a reader cannot be added later: the page for serve() has to stand ready.
    from autonomous_dev_exporters.prometheus import PageReader

    return MeterProvider(metric_readers=[SeriesMetricReader(), PageReader()])


def _join(provider: metrics.MeterProvider) -> None:
    from autonomous_dev.recording import attach_reader

    if attach_reader(provider) is None and not switched_off():
        _logger.warning(
            "the program's MeterProvider is a %s.%s and no OpenTelemetry SDK's: its instruments are not recorded, "
            "what record_metric records is",
            type(provider).__module__,
            type(provider).__qualname__,
        )


def _make_tracker(storage: Path | None, policy: Policy | Path | None) -> MetricsTracker:
    from autonomous_dev.learning import MetricsTracker

    tracker = MetricsTracker(storage, policy=policy)
    if storage is not None:
        flush = Periodic(tracker.flush_instruments, FLUSH_SECONDS, first=FLUSH_SECONDS, name="autonomous_dev flush")
        flush.start()
        _state.on_fork(flush.restart_in_child)
    return tracker


def _refuse_other_values(current: Configuration, wanted: Configuration) -> None:
    # A tracker is made with its policy: the two cannot be asked for one after the other.
    fixed = ["prometheus_port"] if current.tracker is None else ["prometheus_port", "storage", "policy"]
    for name in fixed:
        have, want = getattr(current, name), getattr(wanted, name)
        free = name == "prometheus_port" and have is None
        if want is not None and want != have and not free:
            msg = (
                f"configure({name}={str(want)!r}) comes after configure({name}={str(have)!r}): a program is configured "
                f"once. Ask for everything in one call; for a second journal or page use MetricsTracker(path) and serve(port)"
            )
            raise ConfigurationError(msg)
