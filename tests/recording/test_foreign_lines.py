"""
Lines that others wrote: any exporter's OTLP JSON becomes series, each value once.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from journal_files import NOW, attributes, foreign_line, gauge, point, put, recorder, values

from autonomous_dev.conventions import RUN_ID, SCOPE
from autonomous_dev.recording import _decoder
from autonomous_dev.recording._journal_reader import JournalReader

HERE = Path(__file__).parent
SECOND = 10**9


def read(tmp_path: Path, *lines: str) -> JournalReader:
    """
    A reader that has read these lines.
    """
    path = tmp_path / "m.jsonl"
    path.write_text("".join(lines))
    reader = JournalReader(path)
    reader.refresh()
    return reader


def columns(reader: JournalReader) -> dict[str, list[float]]:
    """
    Values by name and identity.
    """
    return {str(series.key): series.values.tolist() for series in reader.store.series()}


def sum_of(name: str, *points: dict, temporality: int = 2, monotonic: bool = True, **more) -> dict:
    """
    A sum of these points.
    """
    return {
        "name": name,
        "sum": {"dataPoints": list(points), "aggregationTemporality": temporality, "isMonotonic": monotonic},
        **more,
    }


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_the_file_exporter_of_opentelemetry_is_read(temporality):
    """
    What opentelemetry-exporter-otlp-json-file 0.66b1 wrote in three collections is read: gauges once per change,
    counters as rates, histograms as statistics, several scopes and metrics a line.
    """
    reader = JournalReader(HERE / f"otlp_json_file_0.66b1_{temporality}.jsonl")
    reader.refresh()
    assert reader.damaged_lines == 0
    found = columns(reader)
    assert found["queue_depth{queue=mail}"] == [5, 7]
    assert found["queue_depth{queue=print}"] == [5.5, 7.5]
    assert found["connections"] == [1, 2, 3]
    units = {series.key.name: series.key.unit for series in reader.store.series()}
    assert units["queue_depth"] == "{job}"
    assert units["requests"] == "{request}/s"
    assert (units["latency.mean"], units["latency.p95"], units["latency.count"]) == ("s", "s", "")
    intervals = 3 if temporality == "delta" else 2  # the first of cumulative points has nothing before it
    assert found["latency.count{route=/a}"] == [4] * intervals
    assert found["latency.mean{route=/a}"] == pytest.approx([0.275] * intervals)
    assert found["latency.p50{route=/a}"] == pytest.approx([0.1] * intervals)
    assert found["latency.p95{route=/a}"] == pytest.approx([0.1 + 0.9 * 0.9] * intervals)
    # Four requests came between the first two collections, which are some 50 ms apart, none after.
    rates = found["requests{route=/a}"]
    if temporality == "delta":
        assert len(rates) == 2  # a delta counter without calls has no point
    else:
        assert rates[1] == 0
    times = next(s.times for s in reader.store.series() if s.key.name == "queue_depth")
    assert len(times) == 2
    lines = [json.loads(line) for line in reader.path.read_text().splitlines()]
    first, second = (
        int(line["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][1]["sum"]["dataPoints"][0]["timeUnixNano"])
        for line in lines[:2]
    )
    assert rates[intervals - 2] == pytest.approx(4 * SECOND / (second - first))
    # An exponential histogram has no explicit buckets: it is left out, and nothing else with it.
    assert not any(name.startswith("sizes") for name in found)


def test_numbers_may_stand_where_strings_should(tmp_path):
    """
    64-bit integers are read as strings and as numbers.
    """
    reader = read(
        tmp_path,
        foreign_line(gauge("a", {"timeUnixNano": NOW, "asInt": 3}, {"timeUnixNano": str(NOW + 1), "asInt": "4"})),
        foreign_line(sum_of("b", {"startTimeUnixNano": NOW, "timeUnixNano": NOW + SECOND, "asInt": 6}, temporality=1)),
    )
    assert columns(reader) == {"a": [3, 4], "b": [6]}


def test_attributes_of_each_type_are_read(tmp_path):
    """
    Attribute values of every type of OTLP are taken; a 64-bit integer may be a number.
    """
    kinds = [
        {"stringValue": "s"}, {"boolValue": False}, {"intValue": "9007199254740993"}, {"intValue": 5}, {"doubleValue": 0.5},
        {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "1"}]}}, {"arrayValue": {}}, {}, {"bytesValue": "aGk="},
    ]  # fmt: skip
    pairs = [{"key": f"k{i}", "value": value} for i, value in enumerate(kinds)]
    reader = read(tmp_path, foreign_line(gauge("a", point(1, attributes=pairs))))
    (series,) = reader.store.series()
    assert [value for _, value in series.key.identity] == [
        "s", False, 9007199254740993, 5, 0.5, ("x", 1), (), None, "aGk=",
    ]  # fmt: skip


def test_many_resources_scopes_metrics_and_points_a_line(tmp_path):
    """
    A line may hold many of everything.
    """
    metrics = [gauge(name, point(i, NOW + 1), point(i + 0.5, NOW)) for i, name in enumerate("abc")]
    scopes = [{"scope": {"name": "x"}, "metrics": metrics[:2]}, {"metrics": metrics[2:]}]
    line = (
        json.dumps({"resourceMetrics": [{"scopeMetrics": scopes}, {"resource": {}, "scopeMetrics": scopes[:1]}]}) + "\n"
    )
    found = columns(read(tmp_path, line))
    assert found == {"a": [0.5, 0.5, 0, 0], "b": [1.5, 1.5, 1, 1], "c": [2.5, 2]} or found["c"] == [2.5, 2]


def test_runs_of_equal_values_of_foreign_gauges_are_one_sample(tmp_path):
    """
    A gauge that another exporter wrote at each collection is a sample when it changes only, for each attribute set.
    """
    lines = [
        foreign_line(
            gauge(
                "g", point(v, NOW + i, attributes=attributes(k="a")), point(1.5, NOW + i, attributes=attributes(k="b"))
            )
        )
        for i, v in enumerate([1.0, 1.0, 2.0, 2.0, 2.0, 1.0])
    ]
    reader = read(tmp_path, *lines)
    assert columns(reader) == {"g{k=a}": [1, 2, 1], "g{k=b}": [1.5]}
    assert [s.times.tolist() for s in reader.store.series()] == [[NOW, NOW + 2, NOW + 5], [NOW]]


def test_runs_of_equal_values_are_one_sample_across_looks(tmp_path):
    """
    An equal value that is appended after a look is no new sample either.
    """
    path = tmp_path / "m.jsonl"
    line = foreign_line(gauge("g", point(1.0)))
    path.write_text(line)
    reader = JournalReader(path)
    assert values(reader) == [1]
    with path.open("a") as file:
        file.write(line + line)
    assert values(reader) == [1]


def test_our_own_samples_never_collapse(tmp_path):
    """
    Equal values that were recorded are as many samples as were recorded.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    for _ in range(5):
        put(writer, "m", 1.0)
    assert values(writer) == [1.0] * 5


def test_our_meter_in_anothers_file_is_foreign(tmp_path):
    """
    What some exporter wrote of our own gauges at each of its collections collapses, its cumulative counts are not
    added up, and it is not taken for a flush.
    """
    histogram = {
        "name": "autonomous_dev.call.duration", "unit": "s",
        "histogram": {"aggregationTemporality": 2, "dataPoints": [
            {"attributes": attributes(**{"autonomous_dev.operation.name": "op"}), "startTimeUnixNano": "1",
             "timeUnixNano": str(NOW), "count": "4", "sum": 2.0, "bucketCounts": ["4"], "explicitBounds": []}]},
    }  # fmt: skip
    lookups = sum_of(
        "autonomous_dev.cache.lookups",
        *(
            {"attributes": attributes(**{"autonomous_dev.cache.name": "c", "autonomous_dev.cache.result": result}),
             "startTimeUnixNano": "1", "timeUnixNano": str(NOW), "asInt": "5"}
            for result in ("hit", "miss")
        ),
    )  # fmt: skip
    line = foreign_line(gauge("build_time", point(3.0)), histogram, lookups, scope=SCOPE)
    for text in (line, json.dumps(json.loads(line), separators=(",", ":")) + "\n"):
        reader = read(tmp_path, text, text, text)
        assert reader.damaged_lines == 0
        assert columns(reader)["build_time"] == [3.0]
        assert reader.totals.operations == {}
        assert reader.totals.lookups == {}


def test_a_replayed_journal_is_ours(tmp_path):
    """
    What a Collector made of our lines, many in one and with their resources, gives the same samples.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    for i in range(4):
        put(writer, "m", 1.0, {"commit": f"c{i}"})
    documents = [json.loads(line) for line in path.read_text().splitlines()]
    batch = [resource for document in documents for resource in document.get("resourceMetrics", [])]
    replayed = tmp_path / "replayed.jsonl"
    replayed.write_text(json.dumps({"resourceMetrics": batch}) + "\n")
    assert values(JournalReader(replayed)) == [1.0] * 4
    (series,) = JournalReader(path).store.series() or recorder(replayed).series()
    assert [dict(context)["commit"] for context in series.contexts] == ["c0", "c1", "c2", "c3"]


def test_points_without_a_value_are_gaps(tmp_path):
    """
    A point that says that nothing was recorded is no sample, nor are NaN and infinities.
    """
    reader = read(
        tmp_path,
        foreign_line(
            gauge("g", {"timeUnixNano": str(NOW), "flags": 1}, point(0.0, flags=1), {"timeUnixNano": str(NOW)},
                  {"timeUnixNano": str(NOW), "asDouble": "NaN"}, {"timeUnixNano": str(NOW), "asDouble": "-Infinity"},
                  point(2.0, flags=0)),
            {"name": "h", "histogram": {"aggregationTemporality": 1, "dataPoints": [
                {"timeUnixNano": str(NOW), "count": "0", "sum": 0.0, "bucketCounts": ["0", "0"], "explicitBounds": [1.0]},
                {"timeUnixNano": str(NOW), "count": "2", "sum": "Infinity", "bucketCounts": ["2", "0"], "explicitBounds": [1.0]},
            ]}},
        ),
    )  # fmt: skip
    assert reader.damaged_lines == 0
    assert columns(reader) == {"g": [2.0], "h.count": [2.0], "h.p50": [0.5], "h.p95": [0.95]}


def test_counters_become_rates(tmp_path):
    """
    Cumulative and delta counters give amounts per second; a restart, by its start time or a smaller sum, begins anew.
    """

    def at(seconds: float, value: int, start: float | None = 0) -> dict:
        begun = {} if start is None else {"startTimeUnixNano": str(NOW + int(start * SECOND))}
        return {**begun, "timeUnixNano": str(NOW + int(seconds * SECOND)), "asInt": str(value)}

    reader = read(
        tmp_path,
        foreign_line(sum_of("c", at(1, 5), at(3, 9), at(4, 9), at(11, 2, start=10), at(12, 5, start=10))),
        foreign_line(sum_of("unstarted", at(1, 5, None), at(2, 8, None), at(3, 1, None), at(4, 3, None))),
        foreign_line(sum_of("d", at(2, 6), at(4, 6, start=2), temporality=1, unit="{request}")),
        foreign_line(sum_of("u", at(1, 6), at(2, 5), at(3, 5), monotonic=False)),
    )
    assert reader.damaged_lines == 0
    assert columns(reader) == {"c": [2, 0, 3], "unstarted": [3, 2], "d": [3, 3], "u": [6, 5]}


def test_what_we_do_not_know_is_passed_over(tmp_path):
    """
    Summaries, exponential histograms, unknown fields, logs of others and snake_case names do no harm.
    """
    log = {"resourceLogs": [{"scopeLogs": [{"scope": {"name": "other"}, "logRecords": [{"eventName": "x"}]}]}]}
    snake = {"resource_metrics": [{"scope_metrics": [{"metrics": [gauge("snake", point(1.0))]}]}]}
    reader = read(
        tmp_path,
        foreign_line({"name": "s", "summary": {"dataPoints": [{}]}}, {"name": "e", "exponentialHistogram": {}}),
        json.dumps(log) + "\n",
        json.dumps(snake) + "\n",
        foreign_line(gauge("g", point(1.0, future={"a": 1}), new_field=3)),
    )
    assert columns(reader) == {"g": [1.0]}
    assert reader.events == []
    assert reader.damaged_lines == 1  # the snake


@pytest.mark.parametrize(
    "damage",
    [
        {"timeUnixNano": "x", "asDouble": 1.5}, {"asDouble": 1.5}, {"timeUnixNano": str(NOW), "asDouble": "x"}, 5, None,
        {"timeUnixNano": str(2**70), "asDouble": 1.5}, {"timeUnixNano": None, "asInt": "3"},
        {"timeUnixNano": str(NOW), "asDouble": 1.0, "attributes": 5},
        {"timeUnixNano": str(NOW), "asDouble": 1.0, "attributes": [{"value": {}}]},
        {"timeUnixNano": str(NOW), "asDouble": 1.0, "attributes": [{"key": "a", "value": {"intValue": "x"}}]},
        {"timeUnixNano": str(NOW), "asDouble": 1.0, "attributes": [{"key": ["a"], "value": {}}]},
        {"timeUnixNano": str(NOW), "asInt": "1" + "0" * 400},
    ],
    ids=str,
)  # fmt: skip
def test_a_point_of_an_unexpected_shape_costs_itself_only(tmp_path, damage):
    """
    A damaged point is counted; its neighbours, the rest of the line and the next line are read.
    """
    reader = read(
        tmp_path,
        foreign_line(gauge("g", point(1.0), damage, point(2.0)), gauge("h", point(3.0))),
        foreign_line(gauge("g", point(4.0))),
    )
    assert columns(reader) == {"g": [1, 2, 4], "h": [3]}
    assert reader.damaged_lines == 1


@pytest.mark.parametrize("document", [
    {"resourceMetrics": [5]}, {"resourceMetrics": [{"scopeMetrics": 5}]}, {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": 5}]}]}]},
    {"resourceMetrics": {}}, {"resourceLogs": [{"scopeLogs": [{"scope": {"name": SCOPE}, "logRecords": [5]}]}]}, [], 5, "x",
    {"resourceMetrics": [{"resource": {"attributes": [{"key": RUN_ID, "value": {"arrayValue": {"values": [{"kvlistValue": {}}]}}}]}, "scopeMetrics": [5]}]},
], ids=str)  # fmt: skip
def test_a_document_of_an_unexpected_shape_costs_itself_only(tmp_path, document):
    """
    JSON that is no OTLP inside is counted, and the lines around it are read.
    """
    line = foreign_line(gauge("g", point(1.0)))
    reader = read(tmp_path, line, json.dumps(document) + "\n", foreign_line(gauge("g", point(2.0))))
    assert columns(reader) == {"g": [1, 2]}
    assert reader.damaged_lines == 1


def test_what_is_remembered_of_foreign_series_is_bounded(tmp_path, monkeypatch):
    """
    Beyond the bound of remembered series the known ones still collapse and still have rates.
    """
    monkeypatch.setattr(_decoder, "_MAX_PENDING_SERIES", 2)

    def line(i: int) -> str:
        points = [point(i // 2 + n, NOW + i, attributes=attributes(k=f"{n}")) for n in range(4)]
        return foreign_line(gauge("g", *points))

    reader = read(tmp_path, *(line(i) for i in range(6)))
    found = columns(reader)
    assert found["g{k=0}"] == [0, 1, 2]
    assert found["g{k=1}"] == [1, 2, 3]
    assert len(reader._decoder._last_gauge) == 2
