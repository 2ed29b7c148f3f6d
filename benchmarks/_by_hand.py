"""
A span and a duration written by hand, and the OpenTelemetry providers that either side has of its own.

Only OpenTelemetry is imported here, so that the peers' environments measure the very same row.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from _rounds import Case
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Sampler

BURST = 500
"""Blocks between two collections: fewer than a batch holds, so that the exporter's thread sleeps meanwhile."""


class ReadingExporter(SpanExporter):
    """
    Reads of every span what exporters read, and keeps nothing: what a span builds when it is read is paid for.
    """

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            _ = (span.name, span.context, span.parent, span.kind, span.start_time, span.end_time, span.attributes)
            _ = (span.events, span.links, span.status, span.resource, span.instrumentation_scope)
        return SpanExportResult.SUCCESS


def batch() -> SpanProcessor:
    """
    What exports beside the program.
    """
    return BatchSpanProcessor(ReadingExporter())


def simple() -> SpanProcessor:
    """
    What exports in the program's own thread, at the end of each span.
    """
    return SimpleSpanProcessor(ReadingExporter())


class SubclassedProvider(TracerProvider):
    """
    A provider of a program's own kind.
    """


@dataclass(frozen=True)
class Providers:
    """
    One side's own: a tracer provider with a processor, and a meter provider with a reader.
    """

    tracers: TracerProvider
    meters: MeterProvider
    reader: InMemoryMetricReader

    @classmethod
    def make(
        cls,
        processor: Callable[[], SpanProcessor] = batch,
        *,
        sampler: Sampler | None = None,
        kind: type[TracerProvider] = TracerProvider,
    ) -> Providers:
        """
        New ones, which nothing shares.
        """
        tracers = kind(sampler=sampler, shutdown_on_exit=False)
        tracers.add_span_processor(processor())
        reader = InMemoryMetricReader()
        return cls(tracers, MeterProvider([reader], shutdown_on_exit=False), reader)

    def flush(self) -> None:
        """
        Have all spans exported.
        """
        self.tracers.force_flush()

    def settle(self) -> None:
        """
        Have all spans exported, and the metrics collected once.
        """
        self.flush()
        self.reader.get_metrics_data()

    def shut_down(self) -> None:
        """
        End their threads.
        """
        self.tracers.shutdown()
        self.meters.shutdown()


def nothing() -> None:
    """
    The function that decorators wrap.
    """


def block_by_hand(providers: Providers, bounds: Sequence[float]) -> Callable[[int], None]:
    """
    A block as one would instrument it without a library of ours or of a peer.
    """
    tracer, histogram, attributes = _instruments(providers, bounds)

    def blocks(times: int) -> None:
        for _ in itertools.repeat(None, times):
            began = time.perf_counter()
            with tracer.start_as_current_span("block", attributes=attributes):
                pass
            histogram.record(time.perf_counter() - began, attributes)

    return blocks


def calls_by_hand(providers: Providers, bounds: Sequence[float]) -> Callable[[int], None]:
    """
    A function of which each call is such a block.
    """
    tracer, histogram, attributes = _instruments(providers, bounds)

    def instrumented() -> None:
        began = time.perf_counter()
        with tracer.start_as_current_span("call", attributes=attributes):
            nothing()
        histogram.record(time.perf_counter() - began, attributes)

    def calls(times: int) -> None:
        for _ in itertools.repeat(None, times):
            instrumented()

    return calls


def burst(work: Callable[[int], object], settle: Callable[[], object]) -> Case:
    """
    A case of BURST blocks, *settle* between the bursts.
    """
    return Case(work, BURST, settle)


def _instruments(providers: Providers, bounds: Sequence[float]) -> tuple[Any, Any, dict[str, str]]:
    histogram = providers.meters.get_meter("by hand").create_histogram(
        "call.duration", "s", explicit_bucket_boundaries_advisory=bounds
    )
    return providers.tracers.get_tracer("by hand"), histogram, {"operation": "block"}
