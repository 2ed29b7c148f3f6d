"""
``configure()``: one line for a program that has not set up OpenTelemetry, and for one that has.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from autonomous_dev import _environment, _state
from autonomous_dev._environment import switched_off
from autonomous_dev._periodic import Periodic
from autonomous_dev.errors import ConfigurationError, InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from autonomous_dev.learning import MetricsTracker
    from autonomous_dev.policy import Policy
    from autonomous_dev_exporters.prometheus import Server

FLUSH_SECONDS: Final = 300.0
"""How often what profilers and caches measured is written to the journal."""

HistogramKind = Literal["explicit", "exponential"]


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

        traces: Where spans were asked to go.

        histogram: The kind of histogram that call durations were asked to be in.
    """

    tracker: MetricsTracker | None = None
    server: Server | None = None
    storage: Path | None = None
    prometheus_port: int | None = None
    policy: Policy | Path | None = None
    traces: str | SpanExporter | None = None
    histogram: HistogramKind | None = None


def configure(
    *,
    storage: str | os.PathLike[str] | None = None,
    prometheus_port: int | None = None,
    policy: Policy | str | os.PathLike[str] | None = None,
    traces: str | SpanExporter | None = None,
    histogram: HistogramKind | None = None,
) -> Configuration:
    """
    Join the program's OpenTelemetry, or set one up where it has none; then record and serve what is asked for.

    Providers that the application has set are used and never replaced. Where there is no MeterProvider, one is made,
    with the exporters that ``OTEL_METRICS_EXPORTER`` names; ``prometheus`` among them is our page, at
    ``OTEL_EXPORTER_PROMETHEUS_HOST`` and ``_PORT``. Where there is no TracerProvider, one is made if *traces* or
    ``OTEL_TRACES_EXPORTER`` names an exporter: without one, spans would be cost without use. An OTLP endpoint in the
    environment means ``otlp``. What else the SDK reads from ``OTEL_*`` (resource, sampler, limits, intervals) holds.

    With ``OTEL_SDK_DISABLED=true`` no provider is made; what ``record_metric`` records still reaches the file. With
    ``OTEL_CONFIG_FILE`` and no providers yet, ``opentelemetry-configuration`` builds those that the file describes, the
    variables that name exporters do not count, and what it builds is joined like an application's own.

    Called again, what is asked for anew is added, what is there already is kept: the same values change nothing.

    When the process ends, by ``sys.exit`` and by an exception too, what is measured reaches the journal and the
    exporters; so it does in children of multiprocessing, ``ProcessPoolExecutor`` and Celery that come to their end.
    Nobody can do so for a process that is killed: SIGTERM kills Python unless the program handles it, with
    ``signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))`` for example; ``multiprocessing.Pool.terminate`` (the end
    of ``with Pool()``) sends it to its workers, ``close`` and ``join`` let them end. Nor is there a way before
    ``os._exit``. ``atexit`` calls first what was registered last: what a handler does that was registered before this
    call is measured too late. Register it after this call where its own calls are to count.

    An exporter that was made or added here and that hangs keeps the end of the program no longer than
    ``OTEL_BSP_EXPORT_TIMEOUT`` and ``OTEL_METRIC_EXPORT_TIMEOUT``, 30 s by default. How long the application's own
    exporters keep it is up to the SDK.

    Args:
        storage: A journal. What profilers and caches measure is written to it every five minutes and at exit, by
            one daemon thread that also runs in forked children.

        prometheus_port: Serve ``/metrics`` on 127.0.0.1 at this port; 0 takes any free one.

        policy: Thresholds and the like, or the file that holds them.

        traces: Where spans go: a comma list of exporters as ``OTEL_TRACES_EXPORTER`` takes it, which it replaces
            (``"console"``, ``"otlp"``), or an exporter. An application's own TracerProvider gets it added.

        histogram: ``explicit`` (the default; bounds from microseconds to minutes) or ``exponential``, for the durations
            of calls, where the MeterProvider is made here.

    Returns:
        The tracker and the server that were made.

    Raises:
        ConfigurationError: If other values are in force already, the application's provider cannot be joined, or a
            variable asks for what is not installed or is refused by the SDK.

        StorageError: If *storage* cannot be written.

        PolicyError: If *policy* cannot be read.

        ServeError: If the port cannot be listened on.

        InvalidTypeError: If *storage* or *policy* is no path, or *traces* no exporter.

        InvalidValueError: If *histogram* is neither of the two.
    """
    _check_paths(storage=storage, policy=policy)
    _check_kinds(traces, histogram)
    wanted = Configuration(
        storage=None if storage is None else _resolved(storage),
        prometheus_port=prometheus_port,
        policy=_resolved(policy) if isinstance(policy, str | os.PathLike) else policy,
        traces=traces,
        histogram=histogram,
    )
    composition = _state.composition
    with composition.lock:
        current: Configuration = composition.configuration or Configuration()
        _refuse_other_values(current, wanted)
        if not switched_off():
            composition.page_owed |= _join(current, wanted)
        joined = replace(current, traces=current.traces or traces, histogram=current.histogram or histogram)
        current = current if joined == current else joined
        # What was made stays in force where the rest cannot be had: a second call may ask for something else.
        composition.configuration = current
        if current.tracker is None and (wanted.storage is not None or wanted.policy is not None):
            tracker = _make_tracker(wanted.storage, wanted.policy)
            current = replace(current, tracker=tracker, storage=wanted.storage, policy=wanted.policy)
            composition.configuration = current
        if current.server is None and (prometheus_port is not None or composition.page_owed):
            current = composition.configuration = _with_page(current, prometheus_port)
            composition.page_owed = False
    return current


def _join(current: Configuration, wanted: Configuration) -> bool:
    # The SDK reads limits of spans when it is imported.
    with _environment.refusals("the OpenTelemetry SDK", *_environment.LIMITS):
        from autonomous_dev._program import join

    new_traces = wanted.traces if current.traces is None else None
    return join(new_traces, wanted.histogram if current.histogram is None else None)


def _with_page(current: Configuration, port: int | None) -> Configuration:
    from autonomous_dev_exporters.prometheus import serve

    host, port_of_environment = _environment.prometheus_address()
    port = port_of_environment if port is None else port
    return replace(current, server=serve(port, host=host, tracker=current.tracker), prometheus_port=port)


def _resolved(path: str | os.PathLike[str]) -> Path:
    # Path.resolve raises for links in a circle; who opens the file says better what is wrong with it.
    return Path(os.path.realpath(path))


def _check_paths(**paths: object) -> None:
    for name, path in paths.items():
        if isinstance(path, bytes | int | float):
            raise InvalidTypeError(f"{name} is {path!r}: expected a path such as 'metrics.json'")


def _check_kinds(traces: object, histogram: object) -> None:
    if traces is not None and not isinstance(traces, str) and not callable(getattr(traces, "export", None)):
        raise InvalidTypeError(f"traces is {traces!r}: expected a SpanExporter, or names such as 'console' or 'otlp'")
    if histogram is not None and histogram not in get_args(HistogramKind):
        raise InvalidValueError(f"histogram is {histogram!r}: expected 'explicit' or 'exponential'")


def _make_tracker(storage: Path | None, policy: Policy | Path | None) -> MetricsTracker:
    from autonomous_dev.learning import MetricsTracker

    tracker = MetricsTracker(storage, policy=policy)
    if storage is not None:
        flush = Periodic(tracker.flush_instruments, FLUSH_SECONDS, first=FLUSH_SECONDS, name="autonomous_dev flush")
        flush.start()
        _state.on_fork(flush.restart_in_child)
    return tracker


def _refuse_other_values(current: Configuration, wanted: Configuration) -> None:
    for name in ("prometheus_port", "storage", "policy", "traces", "histogram"):
        have, want = getattr(current, name), getattr(wanted, name)
        # A tracker is made with its policy: the two cannot be asked for one after the other.
        free = have is None and (name not in ("storage", "policy") or current.tracker is None)
        if want is not None and want != have and not free:
            msg = (
                f"configure({name}={str(want)!r}) comes after configure({name}={str(have)!r}): a program is configured "
                f"once. Ask for everything in one call; for a second journal or page use MetricsTracker(path) and serve(port)"
            )
            raise ConfigurationError(msg)
