"""
Recorded metrics at the OpenTelemetry border: each name has one holder, what is not exported is said and counted.
"""

from __future__ import annotations

import logging
import re

import pytest
from journal_files import put, recorder, values
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

from autonomous_dev.conventions import DROP_REASON, OVERHEAD_DURATION, SCOPE, SERIES_DROPPED
from autonomous_dev.recording import _gauges, refused_names
from children import run_child

MEETING = [
    (("Build", ""), ("build", "")),
    (("a b", ""), ("a_b", "")),
    (("coverage", "%"), ("coverage_percent", "")),
    (("coverage", "%"), ("coverage_percent", "%")),
    (("build.time", "s"), ("build-time", "s")),
    (("build_time", "s"), ("build_time_seconds", "")),
    (("größe", ""), ("gr__e", "")),
    (("m" * 255, ""), ("m" * 254 + "x", "")),
    (("a", ""), ("a.last_recorded_timestamp", "s")),
    (("a.last_recorded_timestamp", "s"), ("a", "")),
    (("1st", ""), ("m_1st", "")),
    (("a", ""), ("a", "{thing}")),
    (("test_duration", ""), ("test_duration", "s")),  # whose time of the last sample would be one name
]


class Exported:
    """
    A provider with a reader that shows what every other reader would see.
    """

    def __init__(self) -> None:
        self.memory = InMemoryMetricReader()
        self.provider = MeterProvider([self.memory], shutdown_on_exit=False)

    def names(self) -> dict[tuple[str, str], list[float]]:
        """
        Values of our meter by name and unit.
        """
        return {
            (metric.name, metric.unit): [point.value for point in metric.data.data_points]
            for scope in self.memory.get_metrics_data().resource_metrics[0].scope_metrics
            if scope.scope.name == SCOPE
            for metric in scope.metrics
        }

    def dropped(self) -> dict[str, float]:
        """
        Series that are recorded but not exported, by reason.
        """
        for scope in self.memory.get_metrics_data().resource_metrics[0].scope_metrics:
            for metric in scope.metrics:
                if metric.name == SERIES_DROPPED:
                    return {point.attributes[DROP_REASON]: point.value for point in metric.data.data_points}
        raise AssertionError


@pytest.fixture
def exported():
    """
    See Exported.
    """
    made = Exported()
    yield made
    made.provider.shutdown()


def prometheus_page(provider_readers: list, record) -> str:
    """
    The official exporter's page of a provider on which *record* recorded.
    """
    registry = CollectorRegistry()
    reader = PrometheusMetricReader() if not TAKES_REGISTRY else PrometheusMetricReader(registry=registry)
    provider = MeterProvider([reader, *provider_readers], shutdown_on_exit=False)
    try:
        record(recorder(None, meter_provider=provider))
        if TAKES_REGISTRY:
            return generate_latest(registry).decode()
        registry.register(reader._collector)
        return generate_latest(registry).decode()
    finally:
        provider.shutdown()


TAKES_REGISTRY = "registry" in PrometheusMetricReader.__init__.__code__.co_varnames
"""
Exporter 0.63b0 and newer; an older one registers in the global registry, from which shutdown removes it.
"""


@pytest.mark.parametrize(("first", "second"), MEETING, ids=str)
def test_of_two_names_that_meet_the_first_keeps_the_place(exported, caplog, first, second):
    """
    The second metric is recorded and not exported: it is logged once, counted and named, and the first one stays.
    """
    writer = recorder(None, meter_provider=exported.provider)
    with caplog.at_level(logging.WARNING, "autonomous_dev"):
        put(writer, first[0], 1.0, unit=first[1])
        names = set(exported.names())
        for value in (2.0, 3.0):
            put(writer, second[0], value, {"suite": "a"}, unit=second[1])
            put(writer, second[0], value, {"suite": "b"}, unit=second[1])
        put(writer, first[0], 4.0, unit=first[1])
    assert len(caplog.records) == 1
    assert caplog.records[0].args == (*second, *first)
    assert set(exported.names()) == names
    assert [4.0] in exported.names().values()
    assert exported.dropped() == {"name": 1, "limit": 0}
    assert values(writer, second[0]) == sorted([2.0, 3.0] * 2 + [1.0, 4.0] * (first[0] == second[0]))
    assert refused_names([series.key for series in writer.series()]) == {second: first}


@pytest.mark.parametrize(
    ("name", "unit"),
    [("Autonomous_Dev.call.duration", "s"), ("autonomous_dev_call_duration", "s"), ("autonomous_dev_cache_size", ""), ("autonomous dev x", ""),
     ("target_info", ""), ("target.info", "")],
)  # fmt: skip
def test_our_own_names_are_taken(exported, caplog, name, unit):
    """
    A metric of the user's whose name would be that of an instrument of ours is recorded and not exported.
    """
    writer = recorder(None, meter_provider=exported.provider)
    with caplog.at_level(logging.WARNING, "autonomous_dev"):
        put(writer, name, 1.0, unit=unit)
    assert len(caplog.records) == 1
    assert exported.names().keys() == {(SERIES_DROPPED, "{series}"), (OVERHEAD_DURATION, "s")}
    assert values(writer) == [1.0]


def test_on_the_official_exporters_page_each_name_is_there_once():
    """
    With names that meet, hostile names and hostile values the page has one family a name, each sample once.
    """
    hostile = [
        'a"b',
        "{{ $labels }}",
        "\\",
        "é",
        "#",
        "1st",
        "a b",
        "A B",
        "x" * 255,
        "m\u00a0n",
        "quote'",
        "total_total",
        "y_total",
        "y",
    ]

    def record(writer) -> None:
        for first, second in MEETING:
            for name, unit in (first, second):
                put(writer, name, 1.0, {"suite": 'a"b\\c\nd{{x}}', "os": "linux"}, unit=unit)
        for name in hostile:
            put(writer, name, 2.0, {"suite": name, "os": "linux"})  # older exporters make a family of each set of keys

    page = prometheus_page([], record)
    families = re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE)
    names = [name for name, _ in families]
    assert len(names) == len(set(names))
    samples = [line.rsplit(" ", 1)[0] for line in page.splitlines() if line and not line.startswith("#")]
    assert len(samples) == len(set(samples))
    assert all(re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name) for name in names)
    assert {"build", "a_b", "coverage_percent", "build_time_seconds"} <= set(names)
    assert 'suite="a\\"b\\\\c\\nd{{x}}"' in page


def test_what_is_exported_is_bounded(exported, monkeypatch):
    """
    Beyond the bound series are recorded only, and counted.
    """
    monkeypatch.setattr(_gauges, "MAX_CELLS", 3)
    writer = recorder(None, meter_provider=exported.provider)
    for i in range(5):
        put(writer, "m", i, {"suite": f"s{i}"})
    assert exported.names()["m", ""] == [0, 1, 2]
    assert exported.dropped() == {"name": 0, "limit": 2}
    assert values(writer) == [0, 1, 2, 3, 4]


def test_identity_is_attributes_and_context_is_not(exported):
    """
    A commit is never a label.
    """
    writer = recorder(None, meter_provider=exported.provider)
    put(writer, "m", 1, {"suite": "a", "commit": "9f2c1ab", "shard": 3})
    for scope in exported.memory.get_metrics_data().resource_metrics[0].scope_metrics:
        for metric in scope.metrics:
            if metric.name.startswith("m"):
                assert [dict(point.attributes) for point in metric.data.data_points] == [{"suite": "a", "shard": 3}]


def test_a_provider_that_is_set_later_gets_what_was_recorded_before():
    """
    What was recorded before the program set its global provider is there when that one collects.
    """
    told = run_child("""
        from autonomous_dev.recording import Recorder
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        Recorder(None, clock=time.time_ns).record("early", 1.5, None, "s", None)
        memory = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider([memory], shutdown_on_exit=False))
        Recorder(None, clock=time.time_ns).record("late", 2.5, None, "s", None)
        tell({m.name: m.data.data_points[0].value
              for s in memory.get_metrics_data().resource_metrics[0].scope_metrics for m in s.metrics})
    """)
    assert told["early"] == 1.5
    assert told["late"] == 2.5
    assert told["early.last_recorded_timestamp"] > 1.7e9
