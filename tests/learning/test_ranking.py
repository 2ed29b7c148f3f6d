"""
Ranking of suggestions: pure numbers.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomous_dev.learning import Evidence, LearningInsight, Since
from autonomous_dev.learning._ranking import (
    TASK_WEIGHTS,
    Candidate,
    Helpfulness,
    count_outcomes,
    impact,
    priorities,
)


def insight(
    confidence: float, *, kind: str = "change_point", metric: str = "m", effect: float = 5.0
) -> LearningInsight:
    """An insight about *metric* whose level was 10."""
    since = Since(time=0.0, index=5, index_range=(5, 5))
    evidence = Evidence(metric, {}, "", 10.0, 10.0 + effect, effect, (effect, effect), since, 5, 5)
    return LearningInsight("performance", "d", confidence, "a", kind=kind, evidence=evidence)


@given(st.floats(0, 1), st.floats(0, 1e6), st.integers(0, 50), st.integers(0, 50), st.sampled_from([*TASK_WEIGHTS, ""]))
def test_a_priority_is_a_share(confidence, effect, accepted, rejected, task):
    """Whatever the evidence, a priority stays in [0, 1]."""
    candidate = Candidate(insight(confidence, effect=effect), {"suite": "x"}, Helpfulness(accepted, rejected))
    (found,) = priorities([candidate], {"task_type": task, "suite": "x"})
    assert 0.0 <= found <= 1.0


def test_surer_and_larger_comes_first():
    """Priority grows with confidence and with impact."""
    plain = Helpfulness()
    found = priorities([Candidate(insight(c), {}, plain) for c in (0.5, 0.7, 0.9)], {})
    assert found == sorted(found)
    found = priorities([Candidate(insight(0.9, effect=e), {}, plain) for e in (0.1, 1.0, 10.0)], {})
    assert found == sorted(found)
    assert impact(insight(0.9, effect=2.5)) == pytest.approx(0.5)


def test_a_forecast_matters_the_more_the_nearer_its_bound_is():
    """The effect of a forecast is the way that is left, so a short one comes first."""
    near, far = insight(0.9, kind="forecast", effect=0.1), insight(0.9, kind="forecast", effect=5.0)
    assert impact(near) > 0.9 > impact(far) > 0.0


def test_a_demoted_kind_is_below_the_others_of_its_metric():
    """After five rejections a sure kind stands below an unsure one of the same metric, and only of that."""
    sure = Candidate(insight(0.99), {}, Helpfulness(rejected=5))
    unsure = Candidate(insight(0.5, kind="trend"), {}, Helpfulness())
    elsewhere = Candidate(insight(0.01, metric="other"), {}, Helpfulness())
    found = priorities([sure, unsure, elsewhere], {})
    assert found[0] < found[1]
    assert found[0] > found[2]


def test_outcomes_are_counted_by_metric_and_kind():
    """Helpful or applied counts for a kind, not helpful or not applied against it."""

    def outcome(**said):
        names = {"applied": "autonomous_dev.suggestion.applied", "helpful": "autonomous_dev.suggestion.helpful"}
        return {
            "autonomous_dev.metric.name": "m",
            "autonomous_dev.suggestion.kind": "trend",
            **{names[key]: value for key, value in said.items()},
        }

    outcomes = [
        outcome(applied=True), outcome(applied=True, helpful=True), outcome(applied=True, helpful=False),
        outcome(applied=False), {"unreadable": 1},
    ]  # fmt: skip
    assert count_outcomes(outcomes)["m", "trend"] == Helpfulness(accepted=2, rejected=2)
