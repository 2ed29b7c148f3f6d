"""
Operations over their budget, from the recorded series alone.
"""

from __future__ import annotations

import pytest

from autonomous_dev import MetricsTracker
from autonomous_dev.conventions import CALL_BUDGET, CALL_DURATION, OPERATION
from autonomous_dev.learning import Direction, LearningInsight, Severity, judge
from autonomous_dev.learning.advice import budgets
from autonomous_dev.performance import PerformanceProfiler
from autonomous_dev.policy import Policy
from autonomous_dev.series import Attributes, Series, SeriesKey, attributes_of, make_series

START = 1_795_000_000
MINUTE = 60 * 10**9


def recorded(
    p95: list[float],
    mean: list[float] | None = None,
    budget: list[float] | None = None,
    contexts: list[dict[str, str]] | None = None,
    **identity: str,
) -> list[Series]:
    """
    What a journal has of the operation ``load``, an interval a minute.
    """
    attributes: Attributes = attributes_of({OPERATION: "load", **identity})
    known = [attributes_of(context) for context in contexts] if contexts else None

    def one(name: str, unit: str, values: list[float]) -> Series:
        times = [START * 10**9 + i * MINUTE for i in range(len(values))]
        return make_series(SeriesKey(name, unit, attributes), times, values, known)

    return [
        one(CALL_DURATION + ".count", "", [100.0] * len(p95)),
        one(CALL_DURATION + ".mean", "s", mean or [0.5] * len(p95)),
        one(CALL_DURATION + ".p95", "s", p95),
        one(CALL_BUDGET, "s", budget or [1.0] * len(p95)),
    ]


def only(series: list[Series]) -> LearningInsight:
    """
    The one insight that the engine gives for *series*.
    """
    (insight,) = [i for i in judge(series, Policy(), now=START).insights if i.kind == "budget"]
    return insight


def test_an_operation_over_its_budget_is_told():
    """
    The sentence says what, how far and since when; the evidence has the numbers.
    """
    contexts = [{"commit": "a"}, {"commit": "b"}, {"commit": "c"}]
    insight = only(recorded([0.4, 1.2, 1.8], contexts=contexts))
    assert insight.description == (
        "`load` is over its budget: p95 1.8 s, budget 1 s, since 2026-11-18 11:07 UTC, commit b (2 intervals, 200 calls)"
    )
    assert insight.confidence == pytest.approx(0.9)
    assert (insight.direction, insight.severity, insight.category) == (Direction.WORSE, Severity.WARNING, "performance")
    evidence = insight.evidence
    assert evidence is not None
    assert (evidence.before, evidence.after, evidence.effect) == (1.0, 1.8, pytest.approx(0.8))
    assert (evidence.since.index, evidence.since.version, evidence.since.last_good) == (1, "b", "a")
    assert LearningInsight.from_dict(insight.to_dict()) == insight


@pytest.mark.parametrize(
    ("p95", "budget"),
    [([0.4, 0.9], [1.0, 1.0]), ([1.8, 0.9], [1.0, 1.0]), ([1.0], [1.0]), ([1.8, 1.8], [1.0, 2.0]), ([], [])],
)
def test_what_is_within_its_budget_is_not_told(p95, budget):
    """
    At the budget, within it again, within the newest budget, and never called: nothing is said.
    """
    assert budgets(recorded(p95, budget=budget), Policy()) == ()


def test_without_a_budget_nothing_is_told():
    """
    A slow operation that nobody gave a budget is over none, and failures are not held against it.
    """
    series = recorded([5.0])
    assert budgets(series[:-1], Policy()) == ()
    failed = recorded([5.0], **{"error.type": "KeyError"})[:-1]
    assert budgets([*recorded([0.1]), *failed], Policy()) == ()


def test_the_newest_budget_is_held_against_all_intervals():
    """
    A budget that became tighter is the one that counts.
    """
    insight = only(recorded([0.9, 0.8, 0.9], budget=[1.0, 1.0, 0.5]))
    assert insight.confidence == pytest.approx(1 - 0.2 / 3)
    assert "budget 500 ms" in insight.description


def test_an_operation_whose_usual_call_is_too_slow_is_critical():
    """
    Where the mean is over the budget too, it is not only one call in twenty; one interval alone is sure enough.
    """
    insight = only(recorded([1.8], mean=[1.5]))
    assert (insight.severity, insight.confidence) == (Severity.CRITICAL, pytest.approx(0.8))
    assert "1.5 s" in insight.suggested_action


def test_its_id_stays_while_it_lasts():
    """
    The same excess has one id, another one another.
    """
    assert only(recorded([0.4, 1.2])).id == only(recorded([0.4, 1.2, 1.9])).id
    assert only(recorded([0.4, 1.2])).id != only(recorded([0.4, 0.4, 1.2])).id


def test_a_budget_is_known_from_the_file_alone(tmp_path):
    """
    What a profiler was told is in the journal, beside its durations: another process finds what is over it.
    """
    from autonomous_dev import _state

    path = tmp_path / "m.jsonl"
    writer = MetricsTracker(path)
    ticks = iter([0.0, 3.0, 3.0, 6.0])
    for _ in range(2):
        with PerformanceProfiler("load", clock=lambda: next(ticks)):
            pass
    _state.set_budget("load", 1.0)
    writer.flush_instruments()
    (insight,) = MetricsTracker(path, read_only=True).generate_insights()
    assert insight.description.startswith("`load` is over its budget: p95 3.")
    assert insight.severity is Severity.CRITICAL
