"""
Each line that a recorder writes is OTLP: OpenTelemetry's own protobuf classes read what was recorded.
"""

from __future__ import annotations

import base64
import json
from fractions import Fraction
from typing import Any

from google.protobuf import json_format
from hypothesis import example, given
from hypothesis import strategies as st
from journal_files import NOW, put, recorder, split
from opentelemetry import trace
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from autonomous_dev import _state
from autonomous_dev.conventions import (
    CACHE,
    CACHE_LOOKUPS,
    CACHE_RESULT,
    CALL_DURATION,
    DURATION_BOUNDS,
    ERROR_TYPE,
    EVENT_OUTCOME,
    EVENT_SPLIT,
    METADATA_KEY,
    METADATA_ROLE,
    METRIC_NAME,
    OPERATION,
    RUN_ID,
    SCOPE,
)
from autonomous_dev.recording import Run
from autonomous_dev.recording._arguments import unix_nano
from autonomous_dev.recording._gauge_line import gauge_frame
from autonomous_dev.recording._journal_reader import JournalReader


def parsed(line: bytes | str) -> Any:
    """
    *line* as a message of protobuf; ids, which OTLP writes in hexadecimal, as the bytes that they are.
    """
    document = json.loads(line)
    for resource in document.get("resourceMetrics", []):
        for point in resource["scopeMetrics"][0]["metrics"][0].get("gauge", {}).get("dataPoints", []):
            for exemplar in point.get("exemplars", []):
                for key in ("traceId", "spanId"):
                    if key in exemplar:
                        exemplar[key] = base64.b64encode(bytes.fromhex(exemplar[key])).decode()
    message = MetricsData() if "resourceMetrics" in document else LogsData()
    # Classes before protocol 1.5 do not know an event's name.
    return json_format.Parse(json.dumps(document), message, ignore_unknown_fields="resourceLogs" in document)


def value_of(any_value: Any) -> Any:
    """
    What an AnyValue says.
    """
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return tuple(value_of(item) for item in any_value.array_value.values)
    return getattr(any_value, kind)


def attributes_of(key_values: Any) -> dict[str, Any]:
    """
    What a list of KeyValues says; a key twice fails.
    """
    pairs = [(entry.key, value_of(entry.value)) for entry in key_values]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def exactly(pairs: dict[str, Any]) -> dict[str, Any]:
    """
    *pairs* with the types of the values: 1, 1.0 and True are equal and not the same.
    """
    return {
        key: (type(value), value if not isinstance(value, tuple) else [(type(v), v) for v in value])
        for key, value in pairs.items()
    }


class Counted:
    """
    A cache that was looked up so often.
    """

    max_size = None

    def __init__(self, hits: int, misses: int) -> None:
        self.counts = _state.CacheCounts()
        self.counts.hits, self.counts.misses = hits, misses

    def size(self) -> int:
        return 0


TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1, max_size=255).filter(
    lambda name: not name.startswith("autonomous_dev.") and name != RUN_ID
)
HOSTILE = st.sampled_from(
    [
        '"timeUnixNano":"', '","asDouble":1.5', ',"exemplars":[{"timeUnixNano":"1', '{"resourceMetrics":[{"resource":{',
        '"scope":{"name":"autonomous_dev"}', '"}]}}]}]}]}', "\\", '\\"', "'", "{{ $value }}", 'a"b', "\u00e9\u0301", "\U0001f600",
    ]
)  # fmt: skip
SCALARS = st.one_of(
    TEXT, HOSTILE, st.booleans(), st.none(),
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
METADATA = st.dictionaries(st.one_of(NAMES, HOSTILE), st.one_of(SCALARS, st.lists(SCALARS, max_size=4)), max_size=6)
VALUES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**20), 10**20))
TIMES = st.one_of(st.none(), st.floats(0, 9.2e9), st.integers(0, 9 * 10**9))


@given(
    name=st.one_of(NAMES, HOSTILE),
    value=VALUES,
    metadata=METADATA,
    unit=st.sampled_from([None, "", "s", "%", "{error}", 'a"b']),
    time=TIMES,
)
@example(name="m", value=-0.0, metadata={}, unit=None, time=0)
@example(name="m", value=5e-324, metadata={"a": []}, unit="s", time=1795000000.123456789)
@example(name="m", value=1.7976931348623157e308, metadata={"a": [None, "", 0, 0.0, False]}, unit="s", time=9.2e9)
def test_every_sample_is_read_by_protobuf_and_by_us_as_it_was_recorded(
    tmp_path_factory, name, value, metadata, unit, time
):
    """
    Name, unit, value, time, identity and context of each line equal what was recorded, exactly.
    """
    path = tmp_path_factory.mktemp("otlp") / "m.jsonl"
    writer = recorder(path, clock=lambda: NOW)
    put(writer, name, value, metadata, unit=unit, at=time)
    expected = {key: tuple(item) if isinstance(item, list) else item for key, item in metadata.items()}
    *splits, line = path.read_bytes().splitlines()
    for each in splits:
        parsed(each)
    message = parsed(line)
    (resource,) = message.resource_metrics
    (scope,) = resource.scope_metrics
    (metric,) = scope.metrics
    (point,) = metric.gauge.data_points
    assert set(attributes_of(resource.resource.attributes)) == {RUN_ID}
    assert scope.scope.name == SCOPE
    assert (metric.name, metric.unit) == (name, unit or "")
    assert point.WhichOneof("value") == "as_double"
    assert repr(point.as_double) == repr(float(value))
    nanoseconds = NOW if time is None else unix_nano(time)
    assert point.time_unix_nano == nanoseconds
    context: dict[str, Any] = {}
    for exemplar in point.exemplars:
        context = attributes_of(exemplar.filtered_attributes)
        assert (exemplar.time_unix_nano, exemplar.as_double) == (nanoseconds, float(value))
    identity = attributes_of(point.attributes)
    assert not set(identity) & set(context)
    assert exactly(identity | context) == exactly(expected)

    # The reader says the same, by the decoder and, the second time, by the frame.
    put(writer, name, value, metadata, unit=unit, at=time)
    assert path.read_bytes().splitlines()[-1] == line
    reader = JournalReader(path)
    reader.refresh()
    assert reader.damaged_lines == 0
    (series,) = reader.store.series()
    assert (series.key.name, series.key.unit) == (name, unit or "")
    assert [repr(v) for v in series.values.tolist()] == [repr(float(value))] * 2
    assert series.times.tolist() == [nanoseconds] * 2
    assert exactly(dict(series.key.identity)) == exactly(identity)
    for found in series.contexts:
        assert exactly({k: v for k, v in found if k != RUN_ID}) == exactly(context)


@given(
    lines=st.lists(
        st.tuples(
            st.one_of(NAMES, HOSTILE), st.dictionaries(st.one_of(NAMES, HOSTILE), st.one_of(TEXT, HOSTILE), max_size=3),
            st.floats(-1e90, 1e90).map(lambda value: round(value, 60)), st.integers(0, 9 * 10**9),
        ),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_the_fast_road_of_the_reader_says_what_the_decoder_says(tmp_path_factory, lines):
    """
    With hostile names that hold the marks of a frame, reading by frames and reading by the decoder are equal, in one
    run and over several.
    """
    path = tmp_path_factory.mktemp("frames") / "m.jsonl"
    writer = recorder(path)
    for run in (None, Run(), None, Run()):
        for name, metadata, value, time in lines:
            writer.record(name, value, metadata, None, time, run)
    fast, slow = JournalReader(path), JournalReader(path)
    slow._remember = lambda _: None
    frames: list[int] = []
    for reader in (fast, slow):
        reader.refresh()
        frames.append(len(reader._known))
    assert frames[0] > 0
    assert frames[1] == 0

    def content(reader: JournalReader) -> list[Any]:
        return [(s.key, s.times.tolist(), s.values.tolist(), s.contexts) for s in reader.store.series()]

    assert content(fast) == content(slow)
    assert sum(len(series) for series in fast.store.series()) == 4 * len(lines)


def test_a_frame_is_one_gauge_point_of_ours_only(tmp_path):
    """
    Lines of several points, of sums and of other writers are left to the decoder.
    """
    path = tmp_path / "m.jsonl"
    put(recorder(path), "m", 2.5, {"commit": "c"}, at=7)
    line = path.read_bytes().splitlines()[-1]
    frame = gauge_frame(line)
    assert frame is not None
    assert (frame.time_unix_nano, frame.value) == (7 * 10**9, 2.5)
    point = b'{"timeUnixNano":"7000000000","asDouble":2.5'
    assert point in line
    for other in (
        line.replace(point, point + b"}," + point),
        line.replace(b'"gauge"', b'"sum"'),
        line.replace(RUN_ID.encode(), b"other"),
        line.replace(b'"name":"autonomous_dev"', b'"name":"other"'),
        line.replace(
            b'"asDouble":2.5,"exemplars":[{"timeUnixNano":"7', b'"asDouble":2.5,"exemplars":[{"timeUnixNano":"8'
        ),
        line.replace(b'"7000000000"', b'"-7000000000"'),
        line.replace(b'"7000000000"', b'"9223372036854775808"'),
        line.replace(b"2.5", b"Infinity"),
    ):
        assert other != line
        assert gauge_frame(other) is None, other


def test_a_sample_inside_a_span_names_it(tmp_path):
    """
    Recorded inside a span, the point's exemplar has the ids of trace and span, with and without context.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    context = SpanContext(0x0123456789ABCDEF0123456789ABCDEF, 0x00F067AA0BA902B7, False, TraceFlags(1))
    with trace.use_span(NonRecordingSpan(context)):
        put(writer, "m", 1, {"commit": "c"}, at=5)
        put(writer, "m", 2, at=6)
    put(writer, "m", 3, at=7)
    points = [
        parsed(line).resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]
        for line in path.read_bytes().splitlines()
        if b"resourceMetrics" in line
    ]
    for point, filtered in zip(points[:2], ({"commit": "c"}, {}), strict=True):
        (exemplar,) = point.exemplars
        assert exemplar.trace_id.hex() == "0123456789abcdef0123456789abcdef"
        assert exemplar.span_id.hex() == "00f067aa0ba902b7"
        assert attributes_of(exemplar.filtered_attributes) == filtered
    assert not points[2].exemplars
    (series,) = writer.series()
    assert series.values.tolist() == [1, 2, 3]
    assert dict(series.contexts[0])["commit"] == "c"


def test_splits_and_events_are_logs(tmp_path):
    """
    What is no metric is a line of log records whose attributes protobuf reads.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    put(writer, "m", 1, {"suite": "a", "commit": "c"})
    writer.add_event(EVENT_OUTCOME, [("helpful", True), ("text", 'a"b\n')])
    split_line, _, outcome_line = path.read_bytes().splitlines()
    (records,) = [parsed(split_line).resource_logs[0].scope_logs[0].log_records]
    assert [attributes_of(record.attributes) for record in records] == [
        {METRIC_NAME: "m", METADATA_KEY: "commit", METADATA_ROLE: "context"},
        {METRIC_NAME: "m", METADATA_KEY: "suite", METADATA_ROLE: "identity"},
    ]
    (record,) = parsed(outcome_line).resource_logs[0].scope_logs[0].log_records
    assert attributes_of(record.attributes) == {"helpful": True, "text": 'a"b\n'}
    assert record.time_unix_nano >= NOW
    assert json.loads(split_line)["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["eventName"] == EVENT_SPLIT
    assert [event.attributes for event in writer.events(EVENT_OUTCOME)] == [{"helpful": True, "text": 'a"b\n'}]


@given(
    durations=st.lists(st.tuples(st.one_of(TEXT, HOSTILE), st.sampled_from(["", "KeyError"]), st.floats(0, 1e6)), max_size=8),
    hits=st.integers(0, 2**62), misses=st.integers(0, 2**62), cache=st.one_of(TEXT, HOSTILE),
)  # fmt: skip
def test_flushes_are_read_by_protobuf(tmp_path_factory, durations, hits, misses, cache):
    """
    A flush of our own instruments is delta histograms and sums with the counts, sums and buckets of the cells.
    """
    _state._operations.clear()
    _state._caches.clear()
    path = tmp_path_factory.mktemp("flush") / "m.jsonl"
    writer = recorder(path)
    for operation, error, seconds in durations:
        _state.cells.observe(_state.counted_operation(operation, error).first, DURATION_BOUNDS, seconds)
    counted = Counted(hits, misses)
    _state.register_cache(cache, counted)
    writer.flush_instruments((("commit", "c"),))
    lines = path.read_bytes().splitlines()
    assert len(lines) == bool(durations or hits + misses)
    metrics = {m.name: m for line in lines for m in parsed(line).resource_metrics[0].scope_metrics[0].metrics}
    found = {}
    for point in metrics[CALL_DURATION].histogram.data_points if durations else ():
        attributes = attributes_of(point.attributes)
        found[attributes[OPERATION], attributes.get(ERROR_TYPE, "")] = (
            float(point.count), point.sum, *map(float, point.bucket_counts),
        )  # fmt: skip
        assert tuple(point.explicit_bounds) == DURATION_BOUNDS
        assert attributes_of(point.exemplars[0].filtered_attributes) == {"commit": "c"}
        assert point.start_time_unix_nano > 0
    assert found == _state.operations()
    if hits + misses:
        lookups = metrics[CACHE_LOOKUPS].sum
        assert lookups.is_monotonic
        assert lookups.aggregation_temporality == 1
        found = {attributes_of(p.attributes)[CACHE_RESULT]: p.as_int for p in lookups.data_points}
        assert found == {"hit": hits, "miss": misses}
        assert {attributes_of(p.attributes)[CACHE] for p in lookups.data_points} == {cache}


def test_timestamps_are_exact():
    """
    Unix seconds become the nearest nanosecond of the number that was given.
    """
    for seconds in (0, 1, 1795000000, 1795000000.5, 1795000000.123456, 0.1, 1e-9, 1234567890.987654321):
        assert abs(unix_nano(seconds) - Fraction(seconds) * 10**9) <= Fraction(1, 2)


def test_the_users_identity_is_what_was_said(tmp_path):
    """
    With identity= only those keys are attributes of the point, all others are context.
    """
    path = tmp_path / "m.jsonl"
    put(recorder(path, split=split("commit")), "m", 1, {"commit": "c", "suite": "s"})
    point = (
        parsed(path.read_bytes().splitlines()[-1]).resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]
    )
    assert attributes_of(point.attributes) == {"commit": "c"}
    assert attributes_of(point.exemplars[0].filtered_attributes) == {"suite": "s"}
