"""
MetricsTracker: what is recorded is what is read, in memory and in a file.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from autonomous_dev import MetricsTracker, PerformanceProfiler, cached
from autonomous_dev.errors import InvalidTypeError, InvalidValueError, NotAJournalError, StorageError
from autonomous_dev.learning import Direction, LearningInsight, Metric
from autonomous_dev.policy import Policy
from autonomous_dev.recording import SeriesMetricReader

START = 1_790_000_000.0


@pytest.fixture(params=["memory", "file"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Each behaviour holds with a file and without one."""
    return tmp_path / "metrics.json" if request.param == "file" else None


def test_a_recorded_sample_comes_back_as_it_was(storage):
    """Name, value, time, metadata and unit of a sample are those that were recorded."""
    tracker = MetricsTracker(storage)
    metadata = {"suite": "integration", "commit": "abc123", "flags": ["x", "y"], "n": 3, "ok": True, "none": None}
    tracker.record_metric("test_duration", 12.5, metadata, unit="s", timestamp=START + 0.123456)
    assert tracker.get_metrics() == [Metric("test_duration", 12.5, START + 0.123456, metadata, "s")]


def test_one_record_is_one_sample(storage):
    """Nothing of the library's own is a sample."""
    tracker = MetricsTracker(storage)
    tracker.record_metric("test_duration", 1.0)
    tracker.generate_insights()
    assert [metric.name for metric in tracker.get_metrics()] == ["test_duration"]


@pytest.mark.parametrize("kind", [str, Path])
def test_the_file_exists_once_the_tracker_is_made(tmp_path, kind):
    """A path may be a str or a Path, and its file is there at once."""
    path = tmp_path / "folder" / "metrics.json"
    MetricsTracker(storage_path=kind(path))
    assert path.is_file()


def test_a_second_tracker_reads_what_the_first_recorded(tmp_path):
    """A journal outlives its tracker."""
    path = tmp_path / "metrics.json"
    MetricsTracker(path).record_metric("build_time", 3.0, {"os": "linux"})
    assert [m.value for m in MetricsTracker(path).get_metrics("build_time", attributes={"os": "linux"})] == [3.0]


def test_samples_come_oldest_first(storage):
    """Samples that came late stand where their time says."""
    tracker = MetricsTracker(storage)
    for offset in (5, 1, 3):
        tracker.record_metric("a", float(offset), timestamp=START + offset)
        tracker.record_metric("b", float(offset) + 0.5, timestamp=START + offset + 0.5)
    assert [m.value for m in tracker.get_metrics()] == [1.0, 1.5, 3.0, 3.5, 5.0, 5.5]


def test_samples_are_chosen_by_name_attributes_and_time(storage):
    """get_metrics filters by name, by identity and context, and by a half-open time range."""
    tracker = MetricsTracker(storage)
    for i in range(6):
        tracker.record_metric("a", float(i), {"suite": "x" if i % 2 else "y", "commit": f"c{i}"}, timestamp=START + i)
    assert [m.value for m in tracker.get_metrics("a", attributes={"suite": "x"})] == [1.0, 3.0, 5.0]
    assert [m.value for m in tracker.get_metrics("a", attributes={"commit": "c2"})] == [2.0]
    assert [m.value for m in tracker.get_metrics("a", since=START + 2, until=START + 4)] == [2.0, 3.0]
    assert [m.value for m in tracker.get_metrics("a", since=datetime.fromtimestamp(START + 5, UTC))] == [5.0]
    assert tracker.get_metrics("b") == []


def test_a_value_that_cannot_be_stored_is_refused(storage):
    """A refused sample raises and leaves nothing behind."""
    tracker = MetricsTracker(storage)
    for value in (math.nan, math.inf, -math.inf, "1", True, None):
        with pytest.raises((InvalidTypeError, InvalidValueError), match="'a'"):
            tracker.record_metric("a", value)
    assert tracker.get_metrics() == []


def test_trends_of_the_newest_samples(storage):
    """analyze_trends looks at the newest window and says level, spread and slope."""
    tracker = MetricsTracker(storage)
    for i in range(30):
        tracker.record_metric("a", 100.0 if i < 20 else float(i), timestamp=START + i)
    trend = tracker.analyze_trends("a", window_size=10)
    assert trend["count"] == 10
    assert trend["mean"] == pytest.approx(24.5)
    assert trend["median"] == pytest.approx(24.5)
    assert trend["stdev"] == pytest.approx(3.0277, abs=1e-4)
    assert trend["trend_direction"] == pytest.approx(1.0)
    assert trend["trend_interval"][0] <= 1.0 <= trend["trend_interval"][1]


def test_trends_without_samples_are_no_numbers(storage):
    """Without samples the count is 0 and everything else NaN."""
    trend = MetricsTracker(storage).analyze_trends("a")
    assert trend["count"] == 0
    assert all(math.isnan(trend[key]) for key in ("mean", "median", "stdev", "trend_direction"))


@pytest.mark.parametrize("window", [0, -1, 1.5, True, "10"])
def test_a_window_is_a_whole_number(window):
    """A window that is no whole number of at least 1 is refused by name."""
    with pytest.raises(InvalidValueError, match="window_size"):
        MetricsTracker().analyze_trends("a", window_size=window)


def test_rising_durations_are_worse(storage):
    """Ten rising test durations give at least one insight that says so."""
    tracker = MetricsTracker(storage)
    for i in range(10):
        tracker.record_metric("test_duration", float(10 + i))
    insights = tracker.generate_insights()
    assert any(i.direction is Direction.WORSE and "worse" in i.description for i in insights)
    assert all(isinstance(i, LearningInsight) for i in insights)


def test_status_says_what_was_judged(storage):
    """Each series is judged, needs more data, or is stale."""
    now = [START]
    tracker = MetricsTracker(storage, clock=lambda: int(now[0] * 1e9))
    for i in range(5):
        tracker.record_metric("old", float(i % 2))
        tracker.record_metric("new", float(i % 2)) if i < 3 else None
    assert [str(s) for s in tracker.status()] == ["judged", "needs more data (3 of 5)"]
    now[0] += 8 * 86400
    tracker.record_metric("new", 1.0)
    assert {s.key.name: str(s) for s in tracker.status()} == {"old": "stale", "new": "needs more data (4 of 5)"}


def test_a_policy_may_be_named_by_its_file(tmp_path):
    """A tracker takes a policy, or the path of one."""
    file = tmp_path / "policy.yaml"
    file.write_text("performance:\n  test_duration_max: 60\n")
    for policy in (file, str(file), Policy.load(file)):
        tracker = MetricsTracker(policy=policy)
        tracker.record_metric("test_duration", 61.0)
        assert any("60" in insight.description for insight in tracker.generate_insights())


def test_the_working_folder_is_not_searched_for_a_policy(tmp_path, monkeypatch):
    """The library reads no policy that was not named."""
    (tmp_path / "automation_policy.yaml").write_text("performance:\n  test_duration_max: 60\n")
    monkeypatch.chdir(tmp_path)
    assert MetricsTracker().policy.thresholds == ()


def test_a_foreign_file_is_left_alone(tmp_path):
    """A user's own JSON document is refused and stays as it is."""
    path = tmp_path / "package.json"
    path.write_text('{\n  "name": "mine"\n}\n')
    with pytest.raises(NotAJournalError, match="import"):
        MetricsTracker(path)
    assert path.read_text() == '{\n  "name": "mine"\n}\n'


def test_a_read_only_tracker_makes_and_records_nothing(tmp_path):
    """What only reads needs the file and cannot add to it."""
    path = tmp_path / "metrics.json"
    with pytest.raises(StorageError, match=r"metrics\.json"):
        MetricsTracker(path, read_only=True)
    assert not path.exists()
    MetricsTracker(path).record_metric("a", 1.0)
    reader = MetricsTracker(path, read_only=True)
    with pytest.raises(StorageError, match="read only"):
        reader.record_metric("a", 2.0)
    assert [m.value for m in reader.get_metrics()] == [1.0]


def test_what_other_instruments_report_is_a_series_too():
    """A plain gauge of the provider is in get_metrics, once however often it is asked."""
    reader = SeriesMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    tracker = MetricsTracker(meter_provider=provider, reader=reader)
    provider.get_meter("app").create_gauge("queue_length", unit="{item}").set(7, {"queue": "mail"})
    first = tracker.get_metrics("queue_length")
    assert [(m.value, m.metadata, m.unit) for m in first] == [(7.0, {"queue": "mail"}, "{item}")]
    assert tracker.get_metrics("queue_length") == first


def test_a_recorded_metric_is_seen_by_other_readers():
    """Any reader of the provider sees the newest value of a recorded metric."""
    other = InMemoryMetricReader()
    ours = SeriesMetricReader()
    provider = MeterProvider(metric_readers=[other, ours])
    tracker = MetricsTracker(meter_provider=provider, reader=ours)
    tracker.record_metric("test_duration", 12.5, {"suite": "unit", "commit": "abc1234"}, unit="s")
    points = {
        metric.name: metric.data.data_points[0]
        for resource in other.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert points["test_duration"].value == 12.5
    assert dict(points["test_duration"].attributes) == {"suite": "unit"}
    assert len(tracker.get_metrics()) == 1


def test_what_profilers_and_caches_measured_is_learned_from(storage):
    """Before insights are made, measured durations and lookups become series."""
    tracker = MetricsTracker(storage)

    @cached(max_size=4)
    def double(x: int) -> int:
        return 2 * x

    with PerformanceProfiler("load"):
        double(1)
        double(1)
    tracker.generate_insights()
    found = {metric.name: metric for metric in tracker.get_metrics()}
    assert found["autonomous_dev.call.duration.count"].value == 1.0
    assert found["autonomous_dev.call.duration.mean"].metadata == {"autonomous_dev.operation.name": "load"}
    assert found["autonomous_dev.call.duration.mean"].unit == "s"
    assert found["autonomous_dev.cache.lookups"].value == 2.0
    assert found["autonomous_dev.cache.hit_ratio"].value == 0.5


def test_a_capacity_beyond_the_policy_is_said():
    """A cache larger than the policy allows gives an insight."""

    @cached(max_size=500)
    def big(x: int) -> int:
        return x

    big(1)
    insights = MetricsTracker(policy=Policy(cache_size=100)).generate_insights()
    assert any("500" in insight.description and insight.category == "cache" for insight in insights)


def test_a_subclass_may_add_a_rule():
    """What a subclass adds to generate_insights is part of the answer."""

    class Custom(MetricsTracker):
        def generate_insights(self):
            return [*super().generate_insights(), LearningInsight("resource", "High memory", 0.85, "Profile")]

    assert [i.category for i in Custom().generate_insights()] == ["resource"]


@pytest.mark.parametrize("path", [3, b"x", ""])
def test_a_storage_path_is_a_path(path):
    """A storage path of another type is refused by name."""
    with pytest.raises(InvalidTypeError, match="storage_path"):
        MetricsTracker(path)


def test_a_path_that_cannot_be_is_refused(tmp_path):
    """A path with a NUL, or too long for a file system, gives an error of ours."""
    with pytest.raises(InvalidValueError, match="NUL"):
        MetricsTracker("a\0b")
    with pytest.raises(StorageError, match="aaa"):
        MetricsTracker(tmp_path / ("a" * 300))


def test_a_question_of_the_wrong_type_is_refused():
    """A name that is no string, and attributes that are no mapping, are refused by name."""
    tracker = MetricsTracker()
    with pytest.raises(InvalidTypeError, match="name"):
        tracker.get_metrics(5)
    with pytest.raises(InvalidTypeError, match="name"):
        tracker.analyze_trends(5)
    with pytest.raises(InvalidTypeError, match="attributes"):
        tracker.get_metrics(attributes="suite")
