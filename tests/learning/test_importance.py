"""
How loudly insights speak, which comes first, and the reason in words.
"""

from __future__ import annotations

import math

import pytest

from autonomous_dev.learning import Direction, Evidence, LearningInsight, Severity, Since, Status
from autonomous_dev.learning._importance import by_importance, severity, weighed
from autonomous_dev.learning.detectors import Kind

WORSE, BETTER, CHANGED = Direction.WORSE, Direction.BETTER, Direction.CHANGED


def insight(kind=Kind.CHANGE_POINT, direction=WORSE, confidence=0.92, before=10.0, after=13.5, **other):
    """
    An insight on a duration that became 35% slower.
    """
    evidence = Evidence(
        "test_duration", {}, "s", before, after, after - before, (3.0, 4.0), Since(21.0, 20, (20, 20)), 20, 20
    )
    about = {"category": "performance", "description": "slower", "evidence": evidence, "severity": Severity.CRITICAL}
    return LearningInsight(**{**about, "confidence": confidence, "kind": kind, "direction": direction, **other})


@pytest.mark.parametrize(
    ("kind", "direction", "confidence", "share", "loud"),
    [
        (Kind.CHANGE_POINT, WORSE, 0.8, 0.5, Severity.CRITICAL),
        (Kind.CHANGE_POINT, WORSE, 0.8, 0.49, Severity.WARNING),
        (Kind.CHANGE_POINT, WORSE, 0.8, 0.05, Severity.WARNING),
        (Kind.CHANGE_POINT, WORSE, 0.8, 0.04, Severity.INFO),
        (Kind.CHANGE_POINT, WORSE, 0.79, 9.0, Severity.INFO),
        (Kind.CHANGE_POINT, BETTER, 0.99, 9.0, Severity.INFO),
        (Kind.CHANGE_POINT, CHANGED, 0.99, 9.0, Severity.INFO),
        (Kind.HIT_RATIO, WORSE, 0.9, -0.6, Severity.CRITICAL),
        (Kind.ANOMALY, WORSE, 0.85, math.inf, Severity.WARNING),
        (Kind.FORECAST, WORSE, 0.9, 2.0, Severity.WARNING),
        (Kind.FORECAST, WORSE, 0.9, 0.01, Severity.WARNING),
        (Kind.VARIABILITY, WORSE, 0.9, 2.0, Severity.WARNING),
        (Kind.TAIL, WORSE, 0.9, 2.0, Severity.WARNING),
        (Kind.THRESHOLD, WORSE, 0.8, 0.001, Severity.WARNING),
        (Kind.THRESHOLD, WORSE, 0.8, math.inf, Severity.CRITICAL),
        (Kind.UNCONFIRMED, WORSE, 0.95, 9.0, Severity.INFO),
    ],
)
def test_severity(kind, direction, confidence, share, loud):
    """
    Loud is what surely got worse, and by how much; what may be gone or has not come is never critical.
    """
    assert severity(kind, direction, confidence, share) is loud


def test_the_order():
    """
    Worse, changed, better, each by confidence times impact; then what is unconfirmed, and last what is over.
    """
    over = insight(status=Status.RESOLVED, confidence=0.99)
    unconfirmed = insight(Kind.UNCONFIRMED, after=90.0, confidence=0.99)
    small, large = insight(after=11.0), insight(after=20.0)
    unsure = insight(after=20.0, confidence=0.5)
    changed, better = insight(direction=CHANGED), insight(direction=BETTER)
    expected = (large, unsure, small, changed, better, unconfirmed, over)
    assert by_importance([over, unconfirmed, better, changed, small, unsure, large]) == expected
    assert by_importance(expected[::-1]) == expected


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (insight(), "92% sure, 35% slower"),
        (insight(members=(insight(), insight(), insight())), "92% sure, 35% slower, 3 series"),
        (insight(direction=BETTER, after=8.0), "92% sure, 20% faster"),
        (insight(direction=CHANGED, after=8.0), "92% sure, 20% lower"),
        (insight(direction=CHANGED, after=12.0), "92% sure, 20% higher"),
        (insight(category="quality"), "92% sure, 35% worse"),
        (insight(Kind.THRESHOLD), "92% sure, 35% beyond its bound"),
        (insight(Kind.FORECAST), "92% sure, 35% from its bound"),
        (insight(Kind.VARIABILITY), "92% sure, 35% noisier"),
        (insight(Kind.VARIABILITY, direction=BETTER, after=5.0), "92% sure, 50% calmer"),
        (insight(Kind.STALENESS), "92% sure"),
        (insight(before=0.0, after=5.0), "92% sure, from 0"),
        (insight(after=10.0 * 21), "92% sure, 20 times slower"),
        (insight(after=35.0), "92% sure, 250% slower"),
        (insight(Kind.UNCONFIRMED, settles_in=2), "92% sure, 35% slower, settled in 2 more runs"),
        (insight(Kind.UNCONFIRMED, settles_in=1), "92% sure, 35% slower, settled in 1 more run"),
        (insight(confidence=0.9999, evidence=None), "99% sure"),
        (insight(confidence=1.0, evidence=None), "100% sure"),
    ],
)
def test_the_reason_in_words(one, reason):
    """
    The reason says how sure, how large, how broad, and how long until it is settled; 0.9999 is not certain.
    """
    told = weighed(one, allowed=True, budget=0.1)
    assert told.reason == reason
    assert told.severity is one.severity


def test_beyond_the_budget():
    """
    What the budget has no room for is quiet and says so; nothing else about it changes.
    """
    told = weighed(insight(), allowed=False, budget=0.05)
    assert told.severity is Severity.INFO
    assert told.reason.endswith("beyond the budget of 5% false discoveries in this run")
    assert (told.confidence, told.description) == (insight().confidence, insight().description)
    unconfirmed = weighed(insight(Kind.UNCONFIRMED, settles_in=2), allowed=False, budget=0.05)
    assert "budget" not in unconfirmed.reason
