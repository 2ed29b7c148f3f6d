"""
What the exporter is given: one metric a family, the same labels on all its points, none twice.
"""

from __future__ import annotations

import subprocess
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from autonomous_dev import prometheus_names
from autonomous_dev_exporters._page_reader import PageReader
from real_programs import require


@pytest.fixture
def reader():
    """
    A reader whose page is looked at.
    """
    return PageReader()


@pytest.fixture
def provider(reader):
    """
    The provider of that reader.
    """
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    yield provider
    provider.shutdown()


def page(reader):
    """
    The text of the page.
    """
    return generate_latest(reader.registry).decode()


def samples(reader):
    """
    (name, labels without the scope's, value) of every sample but target_info.
    """
    return [
        (sample.name, {k: v for k, v in sample.labels.items() if v and not k.startswith("otel_scope")}, sample.value)
        for family in text_string_to_metric_families(page(reader))
        for sample in family.samples
        if sample.name != "target_info"
    ]


def test_points_with_different_attributes_keep_their_labels(reader, provider):
    """
    A point without an attribute that another one has is not read under the other's labels, on any exporter.
    """
    counter = provider.get_meter("m").create_counter("calls", description="Calls.")
    counter.add(1, {"operation": "read"})
    counter.add(2, {"error": "KeyError", "operation": "write"})
    counter.add(3, {"zone": "a", "operation": "read"})

    assert sorted(samples(reader), key=itemgetter(2)) == [
        ("calls_total", {"operation": "read"}, 1.0),
        ("calls_total", {"operation": "write", "error": "KeyError"}, 2.0),
        ("calls_total", {"operation": "read", "zone": "a"}, 3.0),
    ]


def test_two_scopes_of_one_metric_share_a_family(reader, provider):
    """
    The same name, with another description and other attributes in another scope, is one family with one HELP.
    """
    provider.get_meter("one", "1.0").create_counter("hits", description="Hits.").add(1, {"a": "x"})
    provider.get_meter("two").create_counter("hits", description="Other words.").add(2, {"b": "y"})

    text = page(reader)
    assert text.count("# HELP hits_total") == 1
    found = [s for f in text_string_to_metric_families(text) for s in f.samples if s.name == "hits_total"]
    assert [({k: v for k, v in s.labels.items() if v}, s.value) for s in found] == [
        ({"a": "x", "otel_scope_name": "one", "otel_scope_version": "1.0"}, 1.0),
        ({"b": "y", "otel_scope_name": "two"}, 2.0),
    ]


def test_an_exponential_histogram_does_not_take_the_page_down():
    """
    It is shown with its count and sum; everything else stays on the page.
    """
    reader = PageReader()
    view = View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider(metric_readers=[reader], views=[view], shutdown_on_exit=False)
    histogram = provider.get_meter("m").create_histogram("latency", unit="s", description="Latency.")
    for value in (0.1, 2.0, 30.0):
        histogram.record(value)
    provider.get_meter("m").create_counter("calls", description="Calls.").add(4)

    found = {name: value for name, _, value in samples(reader)}
    provider.shutdown()

    assert found["latency_seconds_count"] == 3.0
    assert found["latency_seconds_sum"] == pytest.approx(32.1)
    assert found["calls_total"] == 4.0


def test_attributes_that_differ_in_type_only_are_one_line(reader, provider):
    """
    1 and "1" are two sets for OpenTelemetry and one label set for Prometheus: the page has it once.
    """
    counter = provider.get_meter("m").create_counter("calls", description="Calls.")
    counter.add(1, {"shard": 1})
    counter.add(2, {"shard": "1"})

    assert samples(reader) == [("calls_total", {"shard": "1"}, 1.0)]


def test_attributes_that_meet_in_one_label_are_joined(reader, provider):
    """
    ``a.b`` and ``a_b`` of one point are one label with both values, and two such points stay two.
    """
    counter = provider.get_meter("m").create_counter("calls", description="Calls.")
    counter.add(1, {"a.b": "x", "a_b": "y"})
    counter.add(2, {"a.b": "z", "a_b": "y"})

    assert sorted(labels["a_b"] for _, labels, _ in samples(reader)) == ["x;y", "z;y"]


@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers() | st.booleans(), max_size=4),
    st.text(max_size=30),
)
def test_any_attributes_and_names_make_a_page_that_can_be_read(attributes, name):
    """
    Whatever a user calls a metric and its attributes, lone surrogates and line breaks included, the page is read
    back with the value.
    """
    reader = PageReader()
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    instrument = prometheus_names.instrument_name(name)
    provider.get_meter("m").create_counter(instrument, description="A user's.").add(7, attributes)

    found = samples(reader)
    provider.shutdown()

    assert [(n, v) for n, _, v in found] == [(prometheus_names.metric_name(instrument, counter=True), 7.0)]


def test_promtool_takes_hostile_names_and_values(reader, provider):
    """
    ``promtool check metrics`` has nothing to say about quotes, braces, line breaks, other scripts.
    """
    meter = provider.get_meter("m")
    hostile = ['one"two', "one\\two", "one\ntwo", "{{ $value }}", "}", "é中文", "\x00", "\ud800", " ", "x" * 500]
    for index, value in enumerate(hostile):
        meter.create_observable_gauge(
            prometheus_names.instrument_name(f"hostile {value[:20]} {index}"),
            callbacks=[lambda _, v=value: [Observation(1.0, {"tag": v})]],
            description="A user's.",
        )

    checked = subprocess.run(
        [require("promtool"), "check", "metrics"],
        input=page(reader),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert len(samples(reader)) == len(hostile)
