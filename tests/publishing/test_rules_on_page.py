"""
Every selector of every rule matches a series on the page, which is the official exporter's behind our reader.
"""

from __future__ import annotations

import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from rules_inputs import cache, every_kind, identified, operation, rules_for

from autonomous_dev import conventions
from autonomous_dev.policy import MetricPolicy, Polarity, Policy, Threshold
from autonomous_dev.publishing import RuleSet
from autonomous_dev.recording._gauges import RecordedGauges
from autonomous_dev.series import Series
from autonomous_dev_exporters._page_reader import PageReader


def _page(recorded: list[Series]) -> list[tuple[str, dict[str, str]]]:
    """
    What the page shows of the recorded series, and of a process that called each operation and cache once.
    """
    reader = PageReader()
    provider = MeterProvider(metric_readers=[reader])
    try:
        meter = provider.get_meter(conventions.SCOPE)
        gauges = RecordedGauges(meter)
        for series in recorded:
            if not series.key.name.startswith(conventions.OWN_PREFIX):
                cell = gauges.cell(series.key)
                if cell is not None:
                    cell.value, cell.seconds = float(series.values[-1]), series.times[-1] / 1e9
        durations = meter.create_histogram(conventions.CALL_DURATION, "s", "d")
        lookups = [
            Observation(1, {**dict(series.key.identity), conventions.CACHE_RESULT: result})
            for series in recorded
            if series.key.name == conventions.CACHE_HIT_RATIO
            for result in (conventions.HIT, conventions.MISS)
        ]
        meter.create_observable_counter(conventions.CACHE_LOOKUPS, [lambda _: lookups], "{lookup}", "d")
        for series in recorded:
            if series.key.name == conventions.CALL_DURATION + conventions.HISTOGRAM_MEAN:
                durations.record(0.1, dict(series.key.identity))
                durations.record(0.1, {**dict(series.key.identity), conventions.ERROR_TYPE: "KeyError"})
        text = generate_latest(reader.registry).decode()
    finally:
        provider.shutdown()
    return [
        (sample.name, sample.labels) for family in text_string_to_metric_families(text) for sample in family.samples
    ]


def _assert_all_match(rules: RuleSet, page: list[tuple[str, dict[str, str]]]) -> None:
    assert rules.selectors()
    for selector in rules.selectors():
        assert any(selector.matches(name, labels) for name, labels in page), selector.promql()


def test_every_selector_matches_the_page() -> None:
    """Rules of every kind read series that are really there, and a label less finds nothing."""
    rules = rules_for(every_kind())
    _assert_all_match(rules, _page(every_kind()))
    without = [entry for entry in _page(every_kind()) if entry[0] != "test_duration_seconds"]
    with pytest.raises(AssertionError, match="test_duration_seconds"):
        _assert_all_match(rules, without)


def test_each_recorded_selector_matches_one_series_only() -> None:
    """A series without a label is not mistaken for one with it."""
    recorded = [
        identified("x", [1.0] * 6, "s"),
        identified("x", [1.0] * 6, "s", (("suite", "a"),)),
        identified("x", [1.0] * 6, "s", (("os", "l"), ("suite", "a"))),
    ]
    page = _page(recorded)
    selectors = rules_for(recorded).selectors()
    assert len(selectors) == 6
    for selector in selectors:
        assert sum(selector.matches(name, labels) for name, labels in page) == 1


def test_hostile_names_and_labels_match_too() -> None:
    """Names that are mapped, labels that meet, values of any type, and the target's own labels are found."""
    recorded = [
        identified("Größe {{ .x }}", [1.0] * 6, "By", (("a b", 'q"\\\n{{'), ("1x", True), ("ключ", 3))),
        identified("1st/metric:x", [1.0] * 6, "{x}/s", (("a b", "one"), ("a_b", "two"), ("none", None))),
        identified("inf", [1.0] * 6, "1", (("job", "mine"), ("instance", "here"), ("severity", "s"))),
        identified("x.total", [1.0] * 6, "%", (("list", ("a", 1)),)),
        identified("n" * 300, [1.0] * 6, "s", (("empty", ""),)),
        *operation('say "hi"\\ {{x}}', [0.01] * 6),
        *cache("mod.<locals>.f\n", [0.9] * 6),
    ]
    names = [series.key.name for series in recorded]
    policy = Policy(
        thresholds=tuple(Threshold(name, 3.0, True, 1) for name in names),
        metrics={name: MetricPolicy(Polarity.LOWER) for name in names},
    )
    rules = rules_for(recorded, policy)
    assert len(rules.rules) == 5 * 3 + 2
    _assert_all_match(rules, _page(recorded))
