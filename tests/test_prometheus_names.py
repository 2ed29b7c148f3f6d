"""
Names in Prometheus: what we derive is what the official exporter makes, for every name and every unit.
"""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.exporter.prometheus import _mapping
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from autonomous_dev import prometheus_names
from autonomous_dev.conventions import (
    CACHE_EVICTIONS,
    CACHE_LOOKUPS,
    CACHE_SIZE,
    CALL_DURATION,
    INSIGHT_SINCE,
    LAST_RECORDED,
)

UNITS = st.one_of(
    st.sampled_from([
        "", "1", "s", "ms", "us", "ns", "min", "h", "d", "By", "KiBy", "MiBy", "kBy", "MBy", "%", "Cel", "Hz", "m", "V", "{hit}", "By/s", "{hit}/s",
        "m/s", "{a}By{b}", "1/s", "/s", "s/", "a/b/c", "_x_", "°C", "ki{a}/h", "{}", "{", "}{", "{a", "s{a}", "%/min", "/", "_", "-", "a b",
    ]),
    st.text("aBysm1%/{}_- :°", max_size=8),
)  # fmt: skip
INSTRUMENTS = st.from_regex(r"[A-Za-z][A-Za-z0-9_.\-/]{0,40}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300)


def official_name(instrument: str, unit: str, *, counter: bool) -> str:
    """
    The official exporter's name, as its collector makes it of the name that the SDK made small.
    """
    name = _mapping.sanitize_full_name(instrument.lower())
    if counter:
        name = name.removesuffix("_total")
    suffix = _mapping.map_unit(unit)
    if suffix and not name.endswith(f"_{suffix}"):
        name = f"{name}_{suffix}"
    return f"{name}_total" if counter else name


@given(unit=UNITS)
def test_units_map_as_in_the_official_exporter(unit):
    """
    What a unit adds to a name is what the exporter adds.
    """
    assert prometheus_names.unit_suffix(unit) == _mapping.map_unit(unit)


@given(instrument=INSTRUMENTS, unit=UNITS, counter=st.booleans())
@example(instrument="c.seconds", unit="s", counter=True)
@example(instrument="c.hits_total", unit="{hit}", counter=True)
@example(instrument="c.total", unit="1", counter=True)
@example(instrument="_a", unit="s", counter=False)
def test_metric_names_map_as_in_the_official_exporter(instrument, unit, counter):
    """
    The name of a metric with its unit is the exporter's.
    """
    assert prometheus_names.metric_name(instrument, unit, counter=counter) == official_name(
        instrument, unit, counter=counter
    )


@given(attribute=TEXT)
@example(attribute="1x")
@example(attribute="autonomous_dev.cache.name")
@example(attribute="²x")
def test_labels_map_as_in_the_official_exporter(attribute):
    """
    The label of an attribute is the exporter's.
    """
    assert prometheus_names.label_name(attribute) == _mapping.sanitize_attribute(attribute)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("text", "text"),
        ('a"b', 'a"b'),
        (True, "true"),
        (3, "3"),
        (0.5, "0.5"),
        (("a", 1), '["a", 1]'),
        (["a"], '["a"]'),
        (None, "null"),
    ],
    ids=str,
)
def test_label_values(value, label):
    """
    Strings stay, everything else is JSON, as the exporter writes it.
    """
    assert prometheus_names.label_value(value) == label
    if not isinstance(value, str):
        assert prometheus_names.label_value(value) == json.dumps(value)


@given(name=TEXT)
@example(name="größe")
@example(name="1st")
@example(name="İ")
@example(name="x" * 255)
@example(name=".x")
@example(name="\u212a")  # a Kelvin sign, which becomes a small ASCII k
def test_every_name_of_a_user_is_an_instrument_of_opentelemetry(name):
    """
    Whatever a user calls a metric, the SDK takes the derived name, with the suffix of its time, and keeps it.
    """
    instrument = prometheus_names.instrument_name(name)
    assert re.fullmatch(r"[a-z][a-z0-9_.\-/]{0,254}", instrument)
    assert len(instrument + LAST_RECORDED) <= 255
    assert prometheus_names.instrument_name(instrument) == instrument
    assert re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", prometheus_names.metric_name(instrument, "s"))


@given(names=st.lists(TEXT, min_size=1, max_size=5))
def test_the_sdk_takes_the_derived_names(names):
    """
    Gauges of the derived names are collected under exactly those names.
    """
    memory = InMemoryMetricReader()
    provider = MeterProvider([memory], shutdown_on_exit=False)
    meter = provider.get_meter("m")
    wanted = {prometheus_names.instrument_name(name) for name in names}
    for name in wanted:
        meter.create_gauge(name).set(1)
    metrics = memory.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    assert {metric.name for metric in metrics} == wanted
    provider.shutdown()


@pytest.mark.parametrize(
    ("instrument", "unit", "counter", "name"),
    [
        (CALL_DURATION, "s", False, "autonomous_dev_call_duration_seconds"),
        (CACHE_LOOKUPS, "{lookup}", True, "autonomous_dev_cache_lookups_total"),
        (CACHE_EVICTIONS, "{eviction}", True, "autonomous_dev_cache_evictions_total"),
        (CACHE_SIZE, "{entry}", False, "autonomous_dev_cache_size"),
        (INSIGHT_SINCE, "s", False, "autonomous_dev_insight_since_seconds"),
        ("test_duration" + LAST_RECORDED, "s", False, "test_duration_last_recorded_timestamp_seconds"),
        ("coverage", "%", False, "coverage_percent"),
        ("coverage_percent", "%", False, "coverage_percent"),
        ("io", "By/s", False, "io_bytes_per_second"),
    ],
)
def test_well_known_names(instrument, unit, counter, name):
    """
    The names that rules and dashboards are written with.
    """
    assert prometheus_names.metric_name(instrument, unit, counter=counter) == name


@given(st.text(min_size=1, max_size=60))
@example("build time (s)")
@example("{{ x }}")
@example("((")
def test_a_metric_and_its_timestamp_have_one_name_in_common(name):
    """
    Whatever a metric is called, the board finds its value by the name of its timestamp.
    """
    instrument = prometheus_names.instrument_name(name)
    value, time = (prometheus_names.metric_name(instrument + end, "") for end in ("", LAST_RECORDED))
    assert time == f"{value}_last_recorded_timestamp"
