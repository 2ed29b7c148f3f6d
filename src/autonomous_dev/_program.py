"""
The program's OpenTelemetry providers: those that it has, else those that are made for it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter

from autonomous_dev import _environment, _providers
from autonomous_dev._environment import METRICS_EXPORTER, PROMETHEUS, TRACES_EXPORTER, switched_off
from autonomous_dev._flushing import flush_in_children
from autonomous_dev.errors import ConfigurationError
from autonomous_dev.recording import attach_reader

_logger = logging.getLogger("autonomous_dev")


def join(traces: str | SpanExporter | None = None, histogram: str | None = None) -> bool:
    """
    Make the providers that the program has not and that something is asked of, and put our reader into its MeterProvider.

    Not for programs in which OpenTelemetry is switched off.

    Args:
        traces: Where spans go, besides where the application's own provider sends them.

        histogram: ``exponential`` for the durations of calls.

    Returns:
        Whether the environment asks for a page for Prometheus, of a MeterProvider that was made now.

    Raises:
        ConfigurationError: If a provider cannot be made or joined as asked.
    """
    by_file = _described_by_file()
    kind = _providers.tracer_provider_class()
    exporters = _span_exporters(traces, from_environment=kind is not None and not by_file)
    meter_provider = _make_meter_provider(histogram, by_file=by_file)
    try:
        tracer_provider = _make_tracer_provider(kind, exporters, meter_provider)
    except ConfigurationError:
        if meter_provider is not None:
            meter_provider.shutdown()
        raise
    # Nothing is set before everything could be made.
    ours = meter_provider is not None and _set_meter_provider(meter_provider)
    if tracer_provider is not None:
        trace.set_tracer_provider(tracer_provider)
        if trace.get_tracer_provider() is not tracer_provider:  # another thread was faster
            tracer_provider.shutdown()
    flush_in_children()
    _attach(metrics.get_meter_provider())
    return ours and not by_file and PROMETHEUS in _environment.exporters(METRICS_EXPORTER).names


def program_provider() -> metrics.MeterProvider:
    """
    The program's MeterProvider; where none is set, one that is made and set now.

    Returns:
        With ``OTEL_SDK_DISABLED=true`` whatever is there, be it the API's proxy.

    Raises:
        ConfigurationError: If none can be made as the environment asks.
    """
    if not switched_off():
        made = _make_meter_provider(None, by_file=_described_by_file())
        if made is not None:
            _set_meter_provider(made)
    return metrics.get_meter_provider()


def _described_by_file() -> bool:
    """
    Whether a configuration file decides on providers; it builds them where the program has none.
    """
    if not _environment.config_file():
        return False
    if _providers.meter_provider_class() is not None and _providers.tracer_provider_class() is not None:
        _providers.apply_config_file(_environment.config_file())
    return True


def _make_meter_provider(histogram: str | None, *, by_file: bool) -> MeterProvider | None:
    kind = _providers.meter_provider_class()
    if kind is None:
        if histogram == "exponential":
            msg = (
                "histogram='exponential' comes when the program has its MeterProvider already: ask for it in the first "
                "configure(), or leave it out and give your own provider the view: MeterProvider(views=["
                f"{_providers.VIEW_LINE}]), imported from opentelemetry.sdk.metrics.view"
            )
            raise ConfigurationError(msg)
        return None
    asked = _environment.Asked((), METRICS_EXPORTER) if by_file else _environment.exporters(METRICS_EXPORTER)
    return _providers.make_meter_provider(kind, asked, histogram, _page_readers(kind))


def _set_meter_provider(made: MeterProvider) -> bool:
    metrics.set_meter_provider(made)
    if metrics.get_meter_provider() is made:
        return True
    made.shutdown()  # another thread was faster
    return False


def _page_readers(kind: type[MeterProvider]) -> Sequence[MetricReader]:
    if hasattr(kind, "add_metric_reader"):
        return ()
    # Before SDK 1.43 a reader cannot be added later: the page for serve() has to stand ready.
    from autonomous_dev_exporters.prometheus import PageReader  # noqa: PLC0415 - it imports this module

    return (PageReader(),)


def _span_exporters(traces: str | SpanExporter | None, *, from_environment: bool) -> Sequence[SpanExporter]:
    if traces is None:
        return _providers.span_exporters(_environment.exporters(TRACES_EXPORTER)) if from_environment else ()
    if isinstance(traces, str):
        return _providers.span_exporters(_environment.named(traces, f"traces={traces!r}"))
    return (traces,)


def _make_tracer_provider(
    kind: type[TracerProvider] | None, exporters: Sequence[SpanExporter], meter_provider: MeterProvider | None
) -> TracerProvider | None:
    """
    A TracerProvider to be set, where there is none and spans are to go somewhere; else they are added to what there is.
    """
    if kind is not None and exporters:
        return _providers.make_tracer_provider(kind, exporters, meter_provider)
    provider: Any = trace.get_tracer_provider()
    if exporters and not callable(getattr(provider, "add_span_processor", None)):
        msg = (
            f"traces is asked for and the program's TracerProvider is a {type(provider).__module__}."
            f"{type(provider).__qualname__}: expected the OpenTelemetry SDK's. Leave traces out, its own exporters go on"
        )
        raise ConfigurationError(msg)
    _providers.add_exporters(provider, exporters)
    return None


def _attach(provider: metrics.MeterProvider) -> None:
    if attach_reader(provider) is None:
        _logger.warning(
            "the program's MeterProvider is a %s.%s and no OpenTelemetry SDK's: its instruments are not recorded, "
            "what record_metric records is",
            type(provider).__module__,
            type(provider).__qualname__,
        )
