"""
The record: how often what was announced was real, and whether confidences held on the team's own verdicts.
"""

from __future__ import annotations

import json
import math

import pytest
from told_insights import announced, change, judged_as

from autonomous_dev.learning._memory import Memory
from autonomous_dev.learning._track_record import track_record, wilson
from autonomous_dev.learning._verdicts import Verdict


def test_nothing_announced_is_no_precision():
    """Without announcements nothing is claimed: the share is unknown, its interval everything."""
    record = track_record(Memory())
    assert (record.all.announced, record.kinds, record.bins) == (0, (), ())
    assert math.isnan(record.all.precision)
    assert record.all.interval == (0.0, 1.0)
    assert json.loads(json.dumps(record.to_dict(), allow_nan=False))["all"]["precision"] is None


def test_verdicts_are_counted_by_kind():
    """Accepted and known ones are real, rejected ones are not, and what nobody judged is said apart."""
    insights = [change(10 * i, metric=f"m{i}", confidence=0.95) for i in range(6)]
    trend = change(5, kind="trend", metric="t", confidence=0.65)
    verdicts = [
        *judged_as(insights[0], Verdict.ACCEPT, 90.0),
        *judged_as(insights[1], Verdict.KNOWN, 90.0, "https://example.org/1"),
        *judged_as(insights[2], Verdict.REJECT, 90.0),
        *judged_as(insights[3], Verdict.REJECT, 90.0),
        *judged_as(insights[3], Verdict.ACCEPT, 91.0),
        *judged_as(trend, Verdict.REJECT, 90.0),
    ]
    record = track_record(Memory.of(announced([*insights, trend], 80.0), verdicts))
    assert (record.all.announced, record.all.real, record.all.false, record.all.unjudged) == (7, 3, 2, 2)
    assert [(kind.kind, kind.real, kind.false) for kind in record.kinds] == [("change_point", 3, 1), ("trend", 0, 1)]
    assert record.kinds[0].precision == 0.75
    assert [(b.low, b.high, b.judged, b.real) for b in record.bins] == [(0.6, 0.7, 1, 0), (0.9, 1.0, 4, 3)]
    assert record.calibration_error == pytest.approx((0.65 + 4 * 0.2) / 5)


def test_the_first_confidence_counts():
    """What was announced with 0.6 and later with 0.99 is measured by what people were told first."""
    first, later = change(confidence=0.6), change(effect=12.0, confidence=0.99)
    memory = Memory.of(announced([first], 20.0), [])
    (worse,) = memory.recall([later], 21.0)
    events = announced([first], 20.0) + announced([worse], 21.0, memory=memory)
    record = track_record(Memory.of(events, judged_as(worse, Verdict.ACCEPT, 22.0)))
    assert [(one.said, one.judged) for one in record.bins] == [(0.6, 1)]


def test_a_cause_counts_once():
    """One cause in three series is one announcement and one verdict."""
    cause = change(insight_id="cause", members=[change(metric=name) for name in "abc"])
    record = track_record(Memory.of(announced([cause], 20.0), judged_as(cause, Verdict.ACCEPT, 21.0)))
    assert (record.all.announced, record.all.real) == (1, 1)


def test_a_verdict_on_what_was_never_announced_is_no_record():
    """What somebody looked up and judged was not announced, so it says nothing of announcements."""
    assert track_record(Memory.of([], judged_as(change(), Verdict.REJECT, 21.0))).all.announced == 0


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.277533), (10, 10, 0.722467, 1.0), (81, 263, 0.255290, 0.366215)],
)
def test_wilson_intervals(hits, of, low, high):
    """The intervals agree with the published example 81 of 263 and, at the ends, with z² / (n + z²)."""
    assert wilson(hits, of) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
