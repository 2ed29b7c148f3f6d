"""
Series that come no more.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from autonomous_dev.learning._insight import Direction, Severity
from autonomous_dev.learning._staleness import longest_gap, silence, stale
from autonomous_dev.learning._status import status_of
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import Policy
from autonomous_dev.series import SeriesKey, attributes_of

DAY = 86400.0
NOW = 1_000 * DAY
POLICY = Policy()


def status(name, days, samples=20, **identity):
    """
    The status of a series whose newest sample is so many *days* old.
    """
    key = SeriesKey(name, "s", attributes_of(identity))
    newest = NOW - days * DAY if samples else math.nan
    return status_of(key, samples, newest, now=NOW, stale_after=POLICY.alerts.stale_after)


def test_one_that_vanished():
    """
    A series without a sample for a month, while others go on, has vanished.
    """
    gone = status("parse", 30, suite="unit")
    (found,) = stale([status("render", 0.5), gone], POLICY, NOW, gaps={gone.key: DAY})
    assert (found.kind, found.category, found.direction) == (Kind.STALENESS, "quality", Direction.WORSE)
    assert found.severity is Severity.WARNING
    assert found.confidence == pytest.approx(1 - 0.5 / 30)
    assert found.description == (
        "parse (suite=unit) has had no sample for 30 days, and never before for more than 24 hours; "
        "the last was on 1972-08-28"
    )
    assert (found.evidence.before, found.evidence.after, found.evidence.unit) == (DAY, 30 * DAY, "s")
    assert found.since.time == NOW - 30 * DAY
    assert "parse" in found.suggested_action


def test_its_own_rhythm():
    """
    A series that was silent for as long before is not stale, whatever the policy says of others.
    """
    gone = status("monthly", 20)
    others = [status("render", 0.5), gone]
    assert stale(others, POLICY, NOW, gaps={gone.key: 31 * DAY}) == ()
    assert len(stale(others, POLICY, NOW)) == 1


def test_many_that_vanished_together():
    """
    What vanished at one time is one insight with a member for each, and what vanished at another is another.
    """
    together = [status(f"case_{i}", 30 + 0.01 * i) for i in range(5)]
    found = stale([status("render", 0.1), *together, status("older", 90)], POLICY, NOW)
    assert [len(insight.members) for insight in found] == [5, 0]
    assert found[0].description.startswith("5 series vanished together: case_0, case_1, case_2 and 2 more had")
    assert found[0].confidence == max(member.confidence for member in found[0].members)
    assert len({found[0].id, found[1].id, *(member.id for member in found[0].members)}) == 7


def test_everything_is_stale():
    """
    Where nothing goes on there is one insight: nothing has been recorded since.
    """
    (found,) = stale([status("a", 30), status("b", 60), status("c", 40, samples=3)], POLICY, NOW)
    assert found.description == "Nothing has been recorded since 1972-08-28, for 30 days: a, b are stale"
    assert len(found.members) == 2
    assert found.evidence is None


@pytest.mark.parametrize("known", [[], [status("a", 1), status("b", 6.9)], [status("a", 0, samples=0)]])
def test_nothing_is_stale(known):
    """
    What goes on, or was never there, is not stale.
    """
    assert stale(known, POLICY, NOW) == ()


def test_a_few_samples_are_no_rhythm():
    """
    A series that could not be judged yet is not missed.
    """
    assert stale([status("render", 0.5), status("tried", 30, samples=3)], POLICY, NOW) == ()


def test_the_id_stays():
    """
    The same silence has the same id on later days.
    """
    key = status("parse", 30).key
    later = [
        status_of(key, 20, NOW - 30 * DAY, now=NOW + wait, stale_after=POLICY.alerts.stale_after)
        for wait in (0.0, 9 * DAY)
    ]
    fresh = status_of(SeriesKey("x"), 20, NOW + 9 * DAY, now=NOW + 9 * DAY, stale_after=7 * DAY)
    ids = {stale([one, fresh], POLICY, NOW + 9 * DAY)[0].id for one in later}
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("gap", "longest", "said"), [(0, 5, 0.0), (5, 5, 0.5), (10, 5, 0.75), (2, 5, 0.2), (3, 0, 1.0)]
)
def test_silence(gap, longest, said):
    """
    It is even odds at the longest silence so far, and halves what is left with each doubling.
    """
    assert silence(gap, longest) == pytest.approx(said)


def test_longest_gap():
    """
    The longest gap is in seconds; fewer than two samples have none.
    """
    assert longest_gap(np.array([1, 3, 10, 12], dtype=np.int64) * 1_000_000_000) == 7.0
    assert longest_gap(np.array([5], dtype=np.int64)) == longest_gap(np.array([], dtype=np.int64)) == 0.0


def test_absurd_times():
    """
    Times beyond the calendar are told in seconds.
    """
    key = SeriesKey("x")
    far = status_of(key, 20, -1e18, now=NOW, stale_after=DAY)
    (found,) = stale([far], POLICY, NOW)
    assert "second -1000000000000000000" in found.description
