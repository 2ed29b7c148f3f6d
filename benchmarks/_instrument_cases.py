"""
What a profiled block and a cached call cost, without an OpenTelemetry SDK and with one.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager

from _rounds import Case
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from autonomous_dev import PerformanceProfiler, cached
from autonomous_dev.conventions import DURATION_BOUNDS

BLOCK, BLOCK_SDK, SPAN_BY_HAND = "block, no SDK", "block, SDK", "span and histogram by hand"
CACHED, LRU = "cached hit", "functools.lru_cache hit"


def without_sdk() -> dict[str, Case]:
    """
    A block and a hit where no SDK provider is set, and the hit of the standard library.
    """
    profiler = PerformanceProfiler("block")

    @cached(max_size=128)
    def ours(number: int) -> int:
        return number

    @functools.lru_cache(maxsize=128)
    def theirs(number: int) -> int:
        return number

    def block(times: int) -> None:
        for _ in range(times):
            with profiler:
                pass

    def hit(times: int) -> None:
        for _ in range(times):
            ours(5)

    def their_hit(times: int) -> None:
        for _ in range(times):
            theirs(5)

    return {BLOCK: block, CACHED: hit, LRU: their_hit}


@contextmanager
def with_sdk() -> Iterator[dict[str, Case]]:
    """
    A block under SDK providers, and the span and the value of a histogram that one would write by hand.

    Tracer providers have no processor, meter providers one in-memory reader each; the boundaries are the same.
    """
    tracers = [TracerProvider(shutdown_on_exit=False) for _ in range(2)]
    meters = [MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False) for _ in range(2)]
    profiler = PerformanceProfiler("block", tracer_provider=tracers[0], meter_provider=meters[0])
    tracer = tracers[1].get_tracer("by hand")
    histogram = (
        meters[1]
        .get_meter("by hand")
        .create_histogram("call.duration", "s", explicit_bucket_boundaries_advisory=DURATION_BOUNDS)
    )
    attributes = {"operation": "block"}

    def block(times: int) -> None:
        for _ in range(times):
            with profiler:
                pass

    def by_hand(times: int) -> None:
        for _ in range(times):
            began = time.perf_counter()
            with tracer.start_as_current_span("block", attributes=attributes):
                pass
            histogram.record(time.perf_counter() - began, attributes)

    yield {BLOCK_SDK: block, SPAN_BY_HAND: by_hand}
    for provider in (*tracers, *meters):
        provider.shutdown()


def no_sdk_is_set() -> bool:
    """
    Whether the global providers are those of the API: what "no SDK" is measured under.
    """
    return not isinstance(metrics.get_meter_provider(), MeterProvider) and not isinstance(
        trace.get_tracer_provider(), TracerProvider
    )
