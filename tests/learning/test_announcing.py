"""
Of several processes that announce at one moment, one says it; and what was said is read once.
"""

from __future__ import annotations

import pytest

from autonomous_dev import MetricsTracker
from autonomous_dev.conventions import EVENT_ANNOUNCED
from autonomous_dev.learning import _memory
from autonomous_dev.learning._alone import WAIT, alone
from autonomous_dev.learning._memory import Memory

START = 1_790_000_000
STEP = [10.0, 10.1, 9.9, 10.0, 10.1] * 4 + [14.0, 14.1, 13.9, 14.0] * 5


@pytest.fixture
def path(tmp_path):
    """
    A journal that holds a step.
    """
    journal = tmp_path / "metrics.json"
    tracker = at(journal)
    for hour, value in enumerate(STEP):
        tracker.record_metric("test_duration", value, unit="s", timestamp=START + 3600.0 * hour)
    return journal


def at(journal):
    """
    A tracker on *journal*, soon after the newest sample.
    """
    return MetricsTracker(journal, clock=lambda: (START + 3600 * len(STEP)) * 10**9)


def test_two_that_judged_at_one_moment_say_it_once(path):
    """
    What another announced between the look and the announcement is left out, and written once.
    """
    first, second = at(path), at(path)
    judgements = first.judgement(), second.judgement()
    assert len(first.announce(judgements[0])) == 1
    assert second.announce(judgements[1]) == []
    assert first.announce(judgements[0]) == []
    assert len(at(path).events(EVENT_ANNOUNCED)) == 1


class Clock:
    """
    Goes on while somebody waits.
    """

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


def test_the_lock_is_one_for_all_and_leaves_nothing_behind(path):
    """
    Another cannot have it meanwhile, can afterwards, and no file shows that there was one.
    """
    clock = Clock()
    with alone(path) as held, alone(path, clock=clock, pause=clock.wait) as other:
        assert (held, other) == (True, False)
        assert WAIT <= clock.now < WAIT + 0.1
    with alone(path) as again:
        assert again
    assert list(path.parent.iterdir()) == [path]


def test_what_is_announced_is_written_under_the_lock(path):
    """
    Nobody else can look and write between the look of who announces and its last line.
    """
    clock, others = Clock(), []

    class Asking(MetricsTracker):
        def memory(self):
            with alone(path, clock=clock, pause=clock.wait) as other:
                others.append(other)
            return super().memory()

        def add_event(self, name, attributes):
            with alone(path, clock=clock, pause=clock.wait) as other:
                others.append(other)
            super().add_event(name, attributes)

    tracker = Asking(path, clock=lambda: (START + 3600 * len(STEP)) * 10**9)
    judgement = tracker.judgement()
    others.clear()
    assert len(tracker.announce(judgement)) == 1
    assert others == [False, False]


def test_the_lock_is_taken_as_soon_as_it_is_free(path):
    """
    Who waits goes on when the other is done.
    """
    other = alone(path)
    other.__enter__()
    waited = []

    def pause(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            other.__exit__(None, None, None)

    with alone(path, pause=pause) as held:
        assert held
    assert len(waited) == 3


def test_an_announcement_needs_no_lock(path, tmp_path, monkeypatch):
    """
    Where folders cannot be locked, and without a journal, things are said all the same.
    """

    def refuse(*_):
        raise OSError(37, "no locks available")

    with alone(None) as held:
        assert held
    with alone(tmp_path / "missing" / "metrics.json") as held:
        assert not held
    monkeypatch.setattr("fcntl.flock", refuse)
    with alone(path) as held:
        assert not held


def test_memory_is_made_anew_only_where_events_came(path, monkeypatch):
    """
    Looking again reads no event again; what this process or another announced is known at once.
    """
    made = []
    read = Memory.of.__func__

    class Counting(Memory):
        @classmethod
        def of(cls, announced, verdicts):
            made.append(len(announced))
            return read(Memory, announced, verdicts)

    monkeypatch.setattr(_memory, "Memory", Counting)
    tracker, other = at(path), at(path)
    for _ in range(3):
        tracker.judgement()
    assert made == []
    other.announce()
    made.clear()
    assert tracker.memory() is tracker.memory()
    assert made == [1]
    (told,) = tracker.memory().told
    tracker.resolve(told, accept=True)
    made.clear()
    assert tracker.memory().told[told].left_out
    assert made == [1]


def test_a_journal_that_takes_the_place_of_another_is_read(path, tmp_path):
    """
    As many events in another file are other events.
    """
    tracker = at(path)
    tracker.announce()
    (before,) = tracker.memory().told
    other = tmp_path / "other.json"
    second = at(other)
    for hour, value in enumerate(STEP):
        second.record_metric("build_time", value, unit="s", timestamp=START + 3600.0 * hour)
    second.announce()
    other.replace(path)
    (after,) = tracker.memory().told
    assert after != before
