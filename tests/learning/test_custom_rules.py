"""
Custom rules by a plain function.
"""

from __future__ import annotations

import logging

import numpy as np
import pytest
from given_detectors import nothing
from known_series import series

from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.learning import LearningInsight, MetricsTracker, judge
from autonomous_dev.policy import Policy

MINE = LearningInsight("resource", "High memory usage detected", 0.85, "Profile memory usage")


def high_memory(found, policy):
    """
    The guide's rule as a function.
    """
    del policy
    return [MINE for one in found if one.key.name == "memory_usage" and one.values.mean() > 1000]


def made(*rules, values=(2000.0,) * 5):
    """
    The judgement of one series by these rules.
    """
    contexts = [{"branch": "main"}] * 4 + [{"branch": "try"}]
    return judge(
        [series(values, "memory_usage", contexts=contexts)], Policy(), now=1.0, detectors=[nothing], rules=rules
    )


def test_a_rule_is_a_function():
    """
    What a rule says is an insight among the others, with an id, and announced.
    """
    judgement = made(high_memory)
    (told,) = judgement.insights
    assert (told.description, told.confidence, told.suggested_action) == (
        MINE.description,
        MINE.confidence,
        MINE.suggested_action,
    )
    assert judgement.announced == (told.id,)
    assert judgement.failed_rules == ()
    assert made(high_memory, values=[1.0] * 5).insights == ()


def test_a_rule_sees_the_judged_samples_and_the_policy():
    """
    A rule is given the samples of the default branch, and the policy of the run.
    """
    seen = []

    def rule(found, policy):
        seen.append(([one.values.tolist() for one in found], policy))
        return ()

    made(rule, values=[1.0, 2.0, 3.0, 4.0, 9.0])
    assert seen == [([[1.0, 2.0, 3.0, 4.0]], Policy())]


def test_a_generator_is_a_rule_and_ids_are_stable():
    """
    A rule may yield. Its insights' ids differ by rule and description and stay the same; one of its own is kept.
    """

    def rule(found, policy):
        yield MINE
        yield LearningInsight("resource", "other", 0.9)
        yield LearningInsight("resource", "third", 0.9, id="own")

    first, second = made(rule, high_memory), made(rule, high_memory)
    ids = [one.id for one in first.insights]
    assert ids == [one.id for one in second.insights]
    assert len(set(ids)) == 4
    assert "own" in ids


def test_a_rule_that_raises_costs_itself_only(caplog):
    """
    The insights of other rules stand; the failure is logged once with its reason, and named each time.
    """

    def broken_rule(found, policy):
        raise ZeroDivisionError("mine")

    with caplog.at_level(logging.WARNING, "autonomous_dev"):
        judgements = [made(broken_rule, high_memory) for _ in range(2)]
    for judgement in judgements:
        assert [one.description for one in judgement.insights] == [MINE.description]
        assert [name.rpartition(".")[2] for name in judgement.failed_rules] == ["broken_rule"]
    (record,) = [record for record in caplog.records if "broken_rule" in record.message]
    assert record.exc_info is not None


@pytest.mark.parametrize("result", [None, 3, ["text"], [MINE, None]])
def test_a_rule_that_gives_something_else_is_named(result):
    """
    What is no insight is an error of ours that says which rule gave what.
    """

    def strange_rule(found, policy):
        return result

    with pytest.raises(InvalidTypeError, match=r"strange_rule.*expected a"):
        made(strange_rule)


@pytest.mark.parametrize("wrong", [3, [3], "rule"])
def test_what_is_no_rule_is_an_error_of_ours(wrong):
    """
    A tracker takes functions, and says so at once.
    """
    with pytest.raises(InvalidTypeError, match="expected a"):
        MetricsTracker(rules=wrong)


def test_a_tracker_takes_rules(tmp_path):
    """
    The rules of a tracker speak in its insights.
    """
    tracker = MetricsTracker(tmp_path / "metrics.json", rules=[high_memory])
    for value in np.full(5, 2000.0):
        tracker.record_metric("memory_usage", value)
    assert MINE.description in [one.description for one in tracker.generate_insights()]
