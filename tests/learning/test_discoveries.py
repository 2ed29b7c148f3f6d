"""
The budget of false discoveries over all series of a run.
"""

from __future__ import annotations

import numpy as np
import pytest
from given_detectors import found
from hypothesis import given
from hypothesis import strategies as st
from known_series import series

from autonomous_dev.learning import LearningInsight, Severity, Status, judge
from autonomous_dev.learning._discoveries import DISCOVERIES, within_budget
from autonomous_dev.learning._importance import QUIET
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import Policy

FACTS = [kind for kind in Kind if kind not in DISCOVERIES | QUIET]


def insight(confidence, kind=Kind.CHANGE_POINT, **other):
    """
    An insight of so much confidence.
    """
    return LearningInsight("performance", "slower", confidence, kind=kind, **other)


def budget(confidences, share=0.1):
    """
    Which of change points with these confidences may be announced.
    """
    return within_budget([insight(confidence) for confidence in confidences], share)


@given(st.lists(st.floats(0.5, 1.0), max_size=40), st.floats(0.0, 0.5))
def test_the_budget_is_kept_and_used(confidences, share):
    """
    What is let in is at least 0.8 sure and false in *share* of cases at most; the next surest would break that.
    """
    allowed = budget(confidences, share)
    let_in = sorted((c for c, may in zip(confidences, allowed, strict=True) if may), reverse=True)
    left = sorted((c for c, may in zip(confidences, allowed, strict=True) if not may and c >= 0.8), reverse=True)
    assert all(confidence >= 0.8 for confidence in let_in)
    assert not left or min(let_in) >= max(left)
    if len(let_in) > 1:
        assert np.mean([1 - c for c in let_in]) <= share + 1e-6
    if left:
        assert np.mean([1 - c for c in (*let_in, left[0])]) > share - 1e-6


def test_a_wide_budget_lets_more_in():
    """
    The surest are let in first, in whatever order they come; what is less than 0.8 sure never is.
    """
    confidences = [0.79, 0.99, 0.85, 0.99]
    assert budget(confidences, 0.0) == [False, True, False, False]
    assert budget(confidences, 0.06) == [False, True, True, True]
    assert budget(confidences, 0.5) == [False, True, True, True]
    assert budget([0.8], 0.0) == [True]


@pytest.mark.parametrize("kind", FACTS)
def test_facts_are_no_discoveries(kind):
    """
    A broken bound and advice are told whatever else there is, and make no room for chance; but only where sure.
    """
    given = [insight(1.0, kind)] * 10 + [insight(0.9), insight(0.84), insight(0.79, kind)]
    assert within_budget(given, 0.1) == [True] * 11 + [False, False]


def test_what_may_be_gone_with_the_next_run_and_what_is_over():
    """
    The unconfirmed and one odd sample are never announced, and take no room; what is over may be, however sure.
    """
    given = [insight(0.99, Kind.UNCONFIRMED), insight(0.85, Kind.ANOMALY), insight(0.5, status=Status.RESOLVED)]
    assert within_budget([*given, insight(0.9), insight(0.9)], 0.1) == [False, False, True, True, True]


def test_an_odd_newest_sample_is_shown_and_not_announced():
    """
    One odd sample is an insight as loud as it is, without a word of the budget, and nobody is told.
    """

    def detector(outline, policy):
        return (found(Kind.ANOMALY, 0.84, start=39, samples_after=1),)

    judgement = judge([series(np.arange(40.0), "a_duration", "s")], Policy(), now=1.0, detectors=[detector])
    (odd,) = judgement.insights
    assert judgement.announced == ()
    assert odd.severity is Severity.WARNING
    assert "budget" not in odd.reason


def test_many_unsure_series_are_told_quietly():
    """
    In a run over many series what the budget has no room for stays an insight: quiet, unannounced, with the reason.
    """

    def detector(outline, policy):
        number = int(outline.series.key.name.removeprefix("duration_"))
        return (found(confidence=0.97 if number < 3 else 0.82, start=3 + 2 * number),)

    made = [series(np.arange(40.0), f"duration_{i}", "s") for i in range(13)]
    judgement = judge(made, Policy(), now=1.0, detectors=[detector])
    loud = [one for one in judgement.insights if one.severity is not Severity.INFO]
    assert len(judgement.insights) == 13
    # Three are false in 3% each; with k of 18% beside them: (0.09 + 0.18 k) / (3 + k) <= 0.1 for k <= 2.
    assert len(loud) == 5
    assert {one.id for one in loud} == set(judgement.announced)
    assert sum("beyond the budget of 10%" in one.reason for one in judgement.insights) == 8
    everything = judge(made, Policy(false_discoveries=0.2), now=1.0, detectors=[detector])
    assert len(everything.announced) == 13


def test_an_unconfirmed_insight_is_told_and_not_announced():
    """
    An unconfirmed change is an insight, with how many runs settle it, below all others, and is not announced.
    """

    def detector(outline, policy):
        kind = Kind.UNCONFIRMED if outline.series.key.name == "a_duration" else Kind.CHANGE_POINT
        settles = 2 if kind is Kind.UNCONFIRMED else 0
        return (found(kind, 0.95, start=38, after=90.0 if settles else 11.0, samples_after=3, settles_in=settles),)

    made = [series(np.arange(40.0), name, "s") for name in ("a_duration", "b_duration")]
    judgement = judge(made, Policy(), now=1.0, detectors=[detector])
    assert [one.kind for one in judgement.insights] == [Kind.CHANGE_POINT, Kind.UNCONFIRMED]
    last = judgement.insights[1]
    assert (last.severity, last.settles_in) == (Severity.INFO, 2)
    assert last.suggested_action.startswith("Run it again: 2 more runs would settle it.")
    assert judgement.announced == (judgement.insights[0].id,)
