"""
Advice ends some intervals after the program was mended.
"""

from __future__ import annotations

import pytest

from autonomous_dev.conventions import (
    CALL_BUDGET,
    CALL_DURATION,
    DECLARED_COMPLEXITY,
    DROP_REASON,
    OPERATION,
    SERIES_DROPPED,
    SIZE_CLASS,
    SIZED_CALL_DURATION,
    SIZED_CALL_SIZE,
)
from autonomous_dev.learning.advice import budgets, cardinalities, growths
from autonomous_dev.learning.advice._still import STILL_SAID
from autonomous_dev.policy import Policy
from autonomous_dev.publishing import alerting_rules
from autonomous_dev.series import Series, SeriesKey, attributes_of, make_series

MINUTE = 60 * 10**9


def one(name: str, unit: str, first: int, values: list[float], **more: str) -> Series:
    """
    A series of the operation ``load``, a sample each minute from *first* on.
    """
    identity = attributes_of({OPERATION: "load", **more})
    return make_series(SeriesKey(name, unit, identity), [(first + i) * MINUTE for i in range(len(values))], values)


@pytest.mark.parametrize(("since", "told"), [(STILL_SAID, True), (STILL_SAID + 1, False)])
def test_a_budget_that_nobody_sets_any_more_holds_for_some_intervals(since, told):
    """
    A profiler whose budget was taken away is over none, once that was so for STILL_SAID intervals.
    """
    durations = [one(CALL_DURATION + f".{which}", "s", 1, [5.0] * (30 + since)) for which in ("mean", "p95")]
    series = [*durations, one(CALL_BUDGET, "s", 1, [1.0] * 30)]
    assert bool(budgets(series, Policy())) is told
    rules = alerting_rules(series, Policy(), now=60.0 * (30 + since)).rules
    assert [1.0 if "budget" in str(rule).lower() else 0.0 for rule in rules] == [1.0 if told else 0.0]


@pytest.mark.parametrize(("since", "told"), [(STILL_SAID - 1, True), (STILL_SAID, False)])
def test_refused_names_are_told_while_they_come(since, told):
    """
    STILL_SAID intervals without a word of refused names end the advice; they are counted over all our series.
    """
    dropped = one(SERIES_DROPPED, "{series}", 1, [7.0], **{DROP_REASON: "cardinality", OPERATION: "_other"})
    others = [
        one(CALL_DURATION + ".count", "", 2 + minute, [1.0], **{OPERATION: f"o{minute % 3}"}) for minute in range(since)
    ]
    assert bool(cardinalities([dropped, *others], Policy())) is told


def grown(declared: str, first: int) -> list[Series]:
    """
    An operation that is quadratic, whatever it was declared to be.
    """
    series = []
    for power in range(4, 14):
        labels = {SIZE_CLASS: str(1 << power), **({DECLARED_COMPLEXITY: declared} if declared else {})}
        seconds = [1e-9 * 4**power * (1 + 0.01 * (i % 3)) for i in range(12)]
        series.append(one(SIZED_CALL_SIZE, "{item}", first, [float(1 << power)] * 12, **labels))
        series.append(one(SIZED_CALL_DURATION, "s", first, seconds, **labels))
    return series


@pytest.mark.parametrize(("newer", "told"), [("quadratic", []), ("", []), ("linear", ["linear"])])
def test_only_what_was_declared_last_is_judged(newer, told):
    """
    An operation that was given another growth, or none, is not held to the old one; a newer promise is.
    """
    found = growths([*grown("linearithmic", 1), *grown(newer, 100)], Policy())
    assert [insight.evidence.identity[DECLARED_COMPLEXITY] for insight in found] == told
