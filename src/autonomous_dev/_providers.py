"""
The OpenTelemetry providers that a program gets which has none: by the SDK's public classes, as the environment asks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from inspect import signature
from typing import Any, Final

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler

from autonomous_dev._environment import (
    CONFIG_FILE,
    LIMITS,
    OURS,
    PROMETHEUS,
    Asked,
    load,
    refusals,
)
from autonomous_dev._flushing import SPANS_TIMEOUT, shut_down_in_time, timeout_seconds, within_time
from autonomous_dev.conventions import CALL_DURATION, SCOPE
from autonomous_dev.errors import ConfigurationError
from autonomous_dev.recording import SeriesMetricReader

VIEW_LINE: Final = (
    f'View(instrument_name="{CALL_DURATION}", meter_name="{SCOPE}", '
    "aggregation=ExponentialBucketHistogramAggregation())"
)
"""What the application adds to its own provider for an exponential histogram."""

_RESOURCE: Final = ("OTEL_RESOURCE_", "OTEL_SERVICE_", "OTEL_EXPERIMENTAL_RESOURCE_")
_KNOWN_SAMPLERS: Final = ("always_on", "always_off", "traceidratio")
"""With ``parentbased_`` before it or not: the SDK reads these by itself."""


def make_meter_provider(
    kind: type[MeterProvider], asked: Asked, histogram: str | None, further_readers: Iterable[MetricReader]
) -> MeterProvider:
    """
    A MeterProvider with our reader and the exporters that are *asked* for.

    Args:
        kind: Its class.

        asked: The exporters; ours is there in any case, and a page for Prometheus is not made here.

        histogram: ``exponential`` for call durations; anything else for explicit bounds.

        further_readers: Further readers to put into it.

    Raises:
        ConfigurationError: If the environment asks for what is not there, or the SDK refuses a value.
    """
    views = [View(instrument_name=CALL_DURATION, meter_name=SCOPE, aggregation=ExponentialBucketHistogramAggregation())]
    # What may be refused is made before a thread starts: first one without readers.
    with refusals("a MeterProvider", "OTEL_METRICS_", *_RESOURCE):
        resource = Resource.create()
        MeterProvider(resource=resource, shutdown_on_exit=False)
    names = [name for name in asked.names if name not in (OURS, PROMETHEUS)]
    made = [
        _made("opentelemetry_metrics_exporter", name, asked.source, (MetricExporter, MetricReader)) for name in names
    ]
    with refusals("a MeterProvider", "OTEL_METRIC_EXPORT_"):
        readers = [each if isinstance(each, MetricReader) else PeriodicExportingMetricReader(each) for each in made]
        provider = kind(
            metric_readers=[SeriesMetricReader(), *further_readers, *readers],
            resource=resource,
            views=views if histogram == "exponential" else (),
        )
    shut_down_in_time(provider)
    return provider


def make_tracer_provider(
    kind: type[TracerProvider], exporters: Iterable[SpanExporter], meter_provider: metrics.MeterProvider | None
) -> TracerProvider:
    """
    A TracerProvider that exports in batches.

    Args:
        kind: Its class.

        exporters: Where spans go.

        meter_provider: Where the SDK counts what it exports; None for the program's.

    Raises:
        ConfigurationError: If the environment asks for what is not there, or the SDK refuses a value.
    """
    with refusals("a TracerProvider", "OTEL_TRACES_", "OTEL_PYTHON_", *LIMITS, *_RESOURCE):
        provider = kind(sampler=_sampler(), id_generator=_id_generator())
    try:
        for exporter in exporters:
            provider.add_span_processor(_batch(BatchSpanProcessor, exporter, meter_provider))
    except ConfigurationError:
        provider.shutdown()
        raise
    shut_down_in_time(provider)
    return provider


def span_exporters(asked: Asked) -> list[SpanExporter]:
    """
    The exporters that are asked for, made.

    Raises:
        ConfigurationError: If one is not installed, is no exporter of spans, or refuses a value.
    """
    return [_made("opentelemetry_traces_exporter", name, asked.source, SpanExporter) for name in asked.names]


class _BatchInTime(BatchSpanProcessor):
    """
    A batch processor whose shutdown takes no longer than ``OTEL_BSP_EXPORT_TIMEOUT``, whatever its exporter does.
    """

    def shutdown(self) -> None:
        """
        Export what is held, and leave an exporter that hangs to its daemon thread.
        """
        within_time([(super().shutdown, timeout_seconds(SPANS_TIMEOUT))])


def add_exporters(provider: Any, exporters: Iterable[SpanExporter]) -> None:
    """
    Add *exporters*, in batches, to a TracerProvider of the application's, which shuts its processors down by itself.

    Raises:
        ConfigurationError: If the SDK refuses a value.
    """
    for exporter in exporters:
        provider.add_span_processor(_batch(_BatchInTime, exporter, None))


def _batch(
    kind: type[BatchSpanProcessor], exporter: SpanExporter, meter_provider: metrics.MeterProvider | None
) -> BatchSpanProcessor:
    """
    A batch processor that reads ``OTEL_BSP_*``.

    Args:
        kind: Its class.

        exporter: Where it exports to.

        meter_provider: Where it counts; None for the program's.

    Raises:
        ConfigurationError: If it refuses a value.
    """
    # Newer SDKs would ask for the program's provider, and so make the bare one of OTEL_PYTHON_METER_PROVIDER.
    takes_it = meter_provider is not None and "meter_provider" in signature(BatchSpanProcessor).parameters
    counted: dict[str, Any] = {"meter_provider": meter_provider} if takes_it else {}
    with refusals("a BatchSpanProcessor", "OTEL_BSP_"):
        return kind(exporter, **counted)


def meter_provider_class() -> type[MeterProvider] | None:
    """
    The class to make the program's MeterProvider of; None where it has one.

    Raises:
        ConfigurationError: If what ``OTEL_PYTHON_METER_PROVIDER`` names is not installed.
    """
    name = os.environ.get("OTEL_PYTHON_METER_PROVIDER")
    if not name:
        # The API's stand-in for "none set yet" has no public name.
        return MeterProvider if type(metrics.get_meter_provider()).__name__ == "_ProxyMeterProvider" else None
    # Asked for its provider, the API would make and set one without readers.
    if getattr(sys.modules.get("opentelemetry.metrics._internal"), "_METER_PROVIDER", "unknown") is not None:
        return None
    found = load("opentelemetry_meter_provider", name, f"OTEL_PYTHON_METER_PROVIDER={name!r}")
    return found if isinstance(found, type) and issubclass(found, MeterProvider) else None


def tracer_provider_class() -> type[TracerProvider] | None:
    """
    The class to make the program's TracerProvider of; None where it has one.

    Raises:
        ConfigurationError: If what ``OTEL_PYTHON_TRACER_PROVIDER`` names is not installed.
    """
    name = os.environ.get("OTEL_PYTHON_TRACER_PROVIDER")
    if not name:
        return TracerProvider if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider) else None
    if getattr(trace, "_TRACER_PROVIDER", "unknown") is not None:
        return None
    found = load("opentelemetry_tracer_provider", name, f"OTEL_PYTHON_TRACER_PROVIDER={name!r}")
    return found if isinstance(found, type) and issubclass(found, TracerProvider) else None


def apply_config_file(path: str) -> None:
    """
    Let ``opentelemetry-configuration`` build and set the providers that a file describes.

    Raises:
        ConfigurationError: If that package is not installed, or the file is not there or not right.
    """
    try:
        configuration = import_module("opentelemetry.configuration")
    except ImportError as error:
        msg = (
            f"{CONFIG_FILE}={path!r} needs a package that is not installed: pip install opentelemetry-configuration "
            "(which needs opentelemetry-sdk>=1.43), or unset the variable"
        )
        raise ConfigurationError(msg) from error
    with refusals(f"what {CONFIG_FILE}={path!r} describes", CONFIG_FILE):
        configuration.configure_sdk(configuration.load_config_file(path))


def _made(group: str, name: str, source: str, kinds: Any) -> Any:
    make = load(group, name, source)
    if not (isinstance(make, type) and issubclass(make, kinds)):
        expected = kinds.__name__ if isinstance(kinds, type) else " or ".join(kind.__name__ for kind in kinds)
        raise ConfigurationError(f"{source}: {name!r} is {make!r}: expected a class that is a {expected}")
    with refusals(f"the exporter {name!r} ({source})", "OTEL_EXPORTER_"):
        return make()


def _sampler() -> Sampler | None:
    name = os.environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if not name or name.removeprefix("parentbased_") in _KNOWN_SAMPLERS:
        return None
    source = f"OTEL_TRACES_SAMPLER={name!r}"
    sampler = load("opentelemetry_traces_sampler", name, source)(os.environ.get("OTEL_TRACES_SAMPLER_ARG"))
    if not isinstance(sampler, Sampler):
        raise ConfigurationError(f"{source} gives {sampler!r}: expected a Sampler")
    return sampler


def _id_generator() -> IdGenerator | None:
    name = os.environ.get("OTEL_PYTHON_ID_GENERATOR", "").strip()
    if not name:
        return None
    source = f"OTEL_PYTHON_ID_GENERATOR={name!r}"
    generator = load("opentelemetry_id_generator", name, source)()
    if not isinstance(generator, IdGenerator):
        raise ConfigurationError(f"{source} gives {generator!r}: expected an IdGenerator")
    return generator
