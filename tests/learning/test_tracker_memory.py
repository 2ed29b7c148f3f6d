"""
What a tracker said, and what people said to it.
"""

from __future__ import annotations

import numpy as np
import pytest

from autonomous_dev import FeedbackLoop, MetricsTracker
from autonomous_dev.conventions import EVENT_ANNOUNCED, EVENT_VERDICT, INSIGHT_KIND
from autonomous_dev.errors import InvalidTypeError, InvalidValueError, StorageError
from autonomous_dev.learning import LearningInsight, Status

START = 1_790_000_000
STEP = [10.0, 10.1, 9.9, 10.0, 10.1] * 4 + [14.0, 14.1, 13.9, 14.0] * 5
SECOND_STEP = [20.0, 20.1, 19.9] * 7


class Clock:
    """
    A minute after the newest sample.
    """

    def __init__(self):
        self.now = START

    def __call__(self):
        return (self.now + 60) * 10**9


def record(tracker, clock, values):
    """
    One sample an hour.
    """
    for value in values:
        clock.now += 3600
        tracker.record_metric("test_duration", value, unit="s", timestamp=float(clock.now))


@pytest.fixture(params=["memory", "file"])
def clock_and_path(request, tmp_path):
    """
    Each behaviour holds with a file and without one.
    """
    return Clock(), tmp_path / "metrics.json" if request.param == "file" else None


@pytest.fixture
def made(clock_and_path):
    """
    A tracker that has seen a step, and its clock.
    """
    clock, path = clock_and_path
    tracker = MetricsTracker(path, clock=clock)
    record(tracker, clock, STEP)
    return tracker, clock


def statuses(tracker):
    """
    The status of each insight.
    """
    return [insight.status for insight in tracker.generate_insights()]


def test_an_insight_is_announced_once(made):
    """
    Reading writes nothing; what was announced is ongoing with its id, until a larger change makes it news again.
    """
    tracker, clock = made
    assert statuses(tracker) == statuses(tracker) == [Status.NEW]
    assert tracker.events(EVENT_ANNOUNCED) == []
    (said,) = tracker.announce()
    assert len(tracker.events(EVENT_ANNOUNCED)) == 1
    assert statuses(tracker) == [Status.ONGOING]
    assert tracker.announce() == []
    assert tracker.generate_insights()[0].id == said.id
    record(tracker, clock, SECOND_STEP)
    again = tracker.announce()
    assert [insight.status for insight in again] in ([Status.NEW], [Status.WORSE])
    assert again[0].evidence.after == pytest.approx(20.0, rel=0.02)


def test_an_iteration_announces(clock_and_path):
    """
    The loop's iterations say what is new once it is sure enough, and have it as ongoing from then on.
    """
    clock, path = clock_and_path
    loop = FeedbackLoop(MetricsTracker(path, clock=clock))
    seen = []
    for value in STEP:
        clock.now += 3600
        seen += [one.status for one in loop.evaluate_iteration({"test_duration": value}) if one.kind == "change_point"]
    said = [event.attributes[INSIGHT_KIND] for event in loop.tracker.events(EVENT_ANNOUNCED)]
    assert said.count("change_point") == 1
    assert seen[0] is Status.NEW
    assert seen[-10:] == [Status.ONGOING] * 10
    assert loop.tracker.announce(loop.tracker.newest_judgement) == []


def test_a_second_process_says_nothing_twice(tmp_path):
    """
    Who shares the journal shares what was said.
    """
    clock = Clock()
    path = tmp_path / "metrics.json"
    first = MetricsTracker(path, clock=clock)
    record(first, clock, STEP)
    assert len(first.announce()) == 1
    second = MetricsTracker(path, clock=clock)
    assert second.announce() == []
    assert statuses(second) == [Status.ONGOING]


@pytest.mark.parametrize("by_id", [True, False])
def test_accepted_as_the_new_normal(made, by_id):
    """
    What is accepted is told no more; a later, larger change of the series is.
    """
    tracker, clock = made
    (insight,) = tracker.announce()
    assert tracker.resolve(insight.id if by_id else insight, accept=True).id == insight.id
    assert len(tracker.events(EVENT_VERDICT)) == 1
    assert statuses(tracker) == []
    record(tracker, clock, SECOND_STEP)
    assert tracker.announce() != []


def test_known_with_a_link(made):
    """
    What somebody is on stays visible, with the link, and is not announced.
    """
    tracker, _ = made
    tracker.resolve(tracker.generate_insights()[0], known="https://example.org/issues/7")
    (insight,) = tracker.generate_insights()
    assert (insight.status, insight.link) == (Status.KNOWN, "https://example.org/issues/7")
    assert tracker.announce() == []


def test_rejections_make_a_kind_less_sure(clock_and_path):
    """
    Each insight that people call not real makes the next of its kind, for its metric, less sure.
    """
    clock, path = clock_and_path
    tracker = MetricsTracker(path, clock=clock)
    record(tracker, clock, STEP)
    (first,) = tracker.generate_insights()
    sure = [first.confidence]
    for level in (20.0, 29.0, 40.0):
        for insight in tracker.generate_insights():
            tracker.resolve(insight, reject=True)
        record(tracker, clock, level + np.tile([0.1, -0.1, 0.0], 7))
        sure += [insight.confidence for insight in tracker.generate_insights() if insight.kind == "change_point"][:1]
    assert len(sure) > 1
    assert sure[1] < sure[0]
    assert sure == sorted(sure, reverse=True)


def test_what_is_resolved_must_be_there(made):
    """
    An unknown id, an insight of the user's own, no verdict or two: an error of ours that names it.
    """
    tracker, _ = made
    (insight,) = tracker.generate_insights()
    with pytest.raises(InvalidValueError, match="no insight has the id 'nope'"):
        tracker.resolve("nope", accept=True)
    with pytest.raises(InvalidValueError, match="no insight has the id"):
        tracker.resolve(LearningInsight("resource", "mine", 0.9), accept=True)
    with pytest.raises(InvalidTypeError):
        tracker.resolve(7, accept=True)
    for verdicts in ({}, {"accept": True, "reject": True}):
        with pytest.raises(InvalidValueError, match="exactly one"):
            tracker.resolve(insight, **verdicts)
    assert tracker.events(EVENT_VERDICT) == []


def test_a_file_that_is_only_read_says_so(tmp_path):
    """
    Reading a journal finds insights; saying them would write, which is an error of ours.
    """
    clock = Clock()
    path = tmp_path / "metrics.json"
    record(MetricsTracker(path, clock=clock), clock, STEP)
    reading = MetricsTracker(path, clock=clock, read_only=True)
    size = path.stat().st_size
    assert statuses(reading) == [Status.NEW]
    with pytest.raises(StorageError):
        reading.announce()
    assert path.stat().st_size == size
