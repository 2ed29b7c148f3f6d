"""
What ``record_metric`` costs: beside its parts by hand, and in a journal that grows.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from _rounds import Case
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from autonomous_dev import MetricsTracker

METADATA = {"suite": "integration", "branch": "main", "commit": "9f2c1ab"}

RECORD, BY_HAND = "record_metric", "by hand: record"
RECORDS = 2_000


@contextmanager
def record_cases(folder: Path) -> Iterator[dict[str, Case]]:
    """
    A record with three metadata keys into a journal, and by hand what gives the same to OpenTelemetry and to a file.

    Each has an SDK provider of its own with one in-memory reader. By hand the line is a flat object, shorter than the
    OTLP that a record writes, and nothing is checked, locked or recovered.
    """
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    tracker = MetricsTracker(folder / "journal.jsonl", meter_provider=provider)
    own = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    gauge = own.get_meter("by hand").create_gauge("test_duration", "s")
    descriptor = os.open(folder / "by_hand.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def record(times: int) -> None:
        record_metric = tracker.record_metric
        for i in range(times):
            record_metric("test_duration", 12.5 + i, METADATA, unit="s")

    def by_hand(times: int) -> None:
        for i in range(times):
            value = 12.5 + i
            gauge.set(value, METADATA)
            line = {"name": "test_duration", "unit": "s", "time": time.time_ns(), "value": value, "metadata": METADATA}
            os.write(descriptor, orjson.dumps(line) + b"\n")

    try:
        yield {RECORD: Case(record, RECORDS), BY_HAND: Case(by_hand, RECORDS)}
    finally:
        os.close(descriptor)
        provider.shutdown()
        own.shutdown()


def growth(folder: Path, samples: int) -> tuple[float, float]:
    """
    Seconds of the median record at the begin and at the end of *samples* into one tracker.

    Returns:
        The medians of a tenth of the samples from the 10th on, and of the last tenth.
    """
    tracker = MetricsTracker(folder / "growing.jsonl")
    now = time.perf_counter_ns
    taken: list[int] = []
    for i in range(samples):
        began = now()
        tracker.record_metric("test_duration", 12.5 + i, METADATA, unit="s")
        taken.append(now() - began)
    tenth = samples // 10
    return statistics.median(taken[10 : 10 + tenth]) / 1e9, statistics.median(taken[-tenth:]) / 1e9
