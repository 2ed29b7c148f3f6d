"""
FeedbackLoop: record, learn, suggest, and learn from what became of the suggestions.
"""

from __future__ import annotations

import math

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from autonomous_dev import FeedbackLoop, LearningInsight, MetricsTracker
from autonomous_dev.errors import InvalidNameError, InvalidTypeError, InvalidValueError
from autonomous_dev.recording import SeriesMetricReader
from autonomous_dev.series import run_of


@pytest.fixture
def loop(tmp_path):
    """A loop whose tests got slower and whose coverage fell, in two suites."""
    tracker = MetricsTracker(tmp_path / "metrics.json")
    loop = FeedbackLoop(tracker)
    for i in range(24):
        bad = i >= 12
        wobble = 0.01 * ((i * 7) % 5)
        for suite in ("unit", "integration"):
            tracker.record_metric(
                "test_duration", (14.0 if bad else 10.0) + wobble, {"suite": suite, "commit": f"c{i:07d}"}, unit="s"
            )
        tracker.record_metric("coverage_percent", (80.0 if bad else 92.0) + wobble, {"commit": f"c{i:07d}"})
    return loop


def test_an_iteration_is_recorded_and_evaluated():
    """evaluate_iteration records each value as one run and gives the tracker's insights."""
    tracker = MetricsTracker()
    loop = FeedbackLoop(tracker)
    insights = []
    for i in range(10):
        insights = loop.evaluate_iteration({"test_duration": 10.0 + i, "lint_errors": 0}, metadata={"commit": f"c{i}"})
    assert [m.value for m in tracker.get_metrics("lint_errors")] == [0.0] * 10
    assert any("worse" in insight.description for insight in insights)
    runs = [run_of(context) for context in tracker.series("test_duration")[0].contexts]
    assert runs == [f"c{i}" for i in range(10)]


def test_iterations_without_a_commit_are_runs_of_their_own():
    """The samples of one evaluate_iteration are one run, and those of the next another."""
    tracker = MetricsTracker()
    loop = FeedbackLoop(tracker)
    loop.evaluate_iteration({"a": 1.0, "b": 2.0})
    loop.evaluate_iteration({"a": 1.0, "b": 2.0})
    by_metric = {name: [run_of(c) for c in tracker.series(name)[0].contexts] for name in ("a", "b")}
    assert by_metric["a"] == by_metric["b"]
    assert len(set(by_metric["a"])) == 2
    assert all(metric.metadata == {} for metric in tracker.get_metrics())


def test_a_bad_iteration_records_nothing():
    """When one value of an iteration cannot be recorded, none is."""
    tracker = MetricsTracker()
    loop = FeedbackLoop(tracker)
    with pytest.raises(InvalidValueError, match="'b'"):
        loop.evaluate_iteration({"a": 1.0, "b": math.nan})
    with pytest.raises(InvalidNameError):
        loop.evaluate_iteration({"a": 1.0, "": 1.0})
    with pytest.raises(InvalidTypeError, match="metrics"):
        loop.evaluate_iteration([("a", 1.0)])
    assert tracker.get_metrics() == []


def test_an_overridden_generate_insights_is_asked():
    """The loop calls the tracker's own generate_insights."""

    class Custom(MetricsTracker):
        def generate_insights(self):
            return [LearningInsight("resource", "High memory", 0.85, "Profile memory")]

    loop = FeedbackLoop(Custom())
    assert [i.category for i in loop.evaluate_iteration({"a": 1.0})] == ["resource"]
    assert [s["action"] for s in loop.suggest_optimizations()] == ["Profile memory"]


def test_suggestions_rest_on_insights(loop):
    """Each suggestion names its insight; without insights there are none."""
    assert FeedbackLoop(MetricsTracker()).suggest_optimizations({"task_type": "testing"}) == []
    insights = loop.tracker.generate_insights()
    ids = {insight.id for insight in insights}
    suggestions = loop.suggest_optimizations()
    # One commit moved all three series: that is one thing to look into.
    assert [len(insight.members) for insight in insights] == [3]
    assert len(suggestions) == 1
    assert {s["insight_id"] for s in suggestions} <= ids
    assert all(0.0 <= s["priority"] <= 1.0 and s["category"] and s["action"] and s["reason"] for s in suggestions)
    priorities = [s["priority"] for s in suggestions]
    assert priorities == sorted(priorities, reverse=True)


def test_what_fits_the_context_comes_first(loop):
    """A key of the context that equals an attribute of a series raises that series."""

    def first(suite: str) -> str:
        ranked = loop.suggest_optimizations({"suite": suite})
        return next(s["reason"] for s in ranked if s["metric"] == "test_duration")

    assert "suite=unit" in first("unit")
    assert "suite=integration" in first("integration")


def test_the_newest_context_fits_too(loop):
    """A context attribute of the newest sample raises its series as well."""
    plain = {s["insight_id"]: s["priority"] for s in loop.suggest_optimizations()}
    fitting = {s["insight_id"]: s["priority"] for s in loop.suggest_optimizations({"commit": "c0000023"})}
    assert all(fitting[key] > plain[key] for key in plain)


def test_a_known_task_type_weighs_categories_and_an_unknown_one_nothing(loop):
    """task_type moves the categories of its table; a value that is not in it changes nothing."""
    plain = loop.suggest_optimizations()
    assert loop.suggest_optimizations({"task_type": "gardening"}) == plain
    by_id = {s["insight_id"]: s for s in plain}
    for suggestion in loop.suggest_optimizations({"task_type": "optimization"}):
        before = by_id[suggestion["insight_id"]]["priority"]
        if suggestion["category"] == "performance":
            assert suggestion["priority"] > before
        elif suggestion["category"] == "quality":
            assert suggestion["priority"] == pytest.approx(before)


def test_five_rejections_put_a_kind_below_the_others_and_survive_a_restart(loop, tmp_path):
    """What was rejected five times comes after everything else of its metric, in the next process too."""
    chosen = next(s for s in loop.suggest_optimizations() if s["metric"] == "test_duration")
    confidences = {i.id: i.confidence for i in loop.tracker.generate_insights()}
    threshold = LearningInsight("performance", "other", 0.5, "other", kind="threshold")
    for _ in range(5):
        loop.record_outcome(chosen, applied=False)
    again = FeedbackLoop(MetricsTracker(tmp_path / "metrics.json"))
    later = {s["insight_id"]: s["priority"] for s in again.suggest_optimizations()}
    assert later[chosen["insight_id"]] < chosen["priority"] / 2
    assert {i.id: i.confidence for i in again.tracker.generate_insights()} == confidences
    assert threshold.confidence == 0.5


def test_a_helpful_kind_rises(loop):
    """What helped before is ranked higher."""
    chosen = loop.suggest_optimizations()[-1]
    loop.record_outcome(chosen, applied=True, helpful=True)
    later = {s["insight_id"]: s["priority"] for s in loop.suggest_optimizations()}
    assert later[chosen["insight_id"]] > chosen["priority"]


def test_an_outcome_belongs_to_a_suggestion(loop):
    """An outcome of something else, or no yes or no, is refused."""
    suggestion = loop.suggest_optimizations()[0]
    with pytest.raises(InvalidValueError, match="suggestion"):
        loop.record_outcome({"action": "x"}, applied=True)
    with pytest.raises(InvalidTypeError, match="applied"):
        loop.record_outcome(suggestion, applied="yes")
    with pytest.raises(InvalidTypeError, match="context"):
        loop.suggest_optimizations("testing")
    with pytest.raises(InvalidTypeError, match="tracker"):
        FeedbackLoop("metrics.json")


def test_suggestions_collect_the_program_once_or_twice(tmp_path):
    """However many suggestions there are, the program's instruments are asked a fixed number of times."""
    asked = []
    reader = SeriesMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    provider.get_meter("app").create_observable_gauge("g", [lambda _: asked.append(1) or []])
    tracker = MetricsTracker(meter_provider=provider, reader=reader)
    for suite in range(8):
        for i in range(24):
            tracker.record_metric("test_duration", (10.0 if i < 12 else 15.0) + 0.01 * (i % 3), {"suite": f"s{suite}"})
    asked.clear()
    assert len(FeedbackLoop(tracker).suggest_optimizations()) >= 8
    assert len(asked) <= 2
