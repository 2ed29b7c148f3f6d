from __future__ import annotations

import math
import random

import pytest

from autonomous_dev.conventions import (
    DECLARED_COMPLEXITY,
    OPERATION,
    RUN_ID,
    SIZE_CLASS,
    SIZED_CALL_DURATION,
    SIZED_CALL_SIZE,
)
from autonomous_dev.learning import Direction, LearningInsight, Severity
from autonomous_dev.learning._engine import judge
from autonomous_dev.learning.advice import growths
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series, SeriesKey, attributes_of, make_series

SECOND = 1_000_000_000


def recorded(
    seconds_for,
    declared: str = "linearithmic",
    *,
    operation: str = "sort",
    noise: float = 0.1,
    intervals: int = 12,
    largest: int = 14,
    first: int = 1,
    run: str = "",
    seed: int = 1,
) -> list[Series]:
    """
    What the journal holds of an operation: per size class and interval the mean size and the mean duration.
    """
    rng = random.Random(seed)
    series = []
    for power in range(4, largest):
        labels = {OPERATION: operation, SIZE_CLASS: str(1 << power)}
        identity = attributes_of({**labels, DECLARED_COMPLEXITY: declared} if declared else labels)
        times = [(first + 60 * i) * SECOND for i in range(intervals)]
        sizes = [(1 << power) * rng.uniform(1, 1.9) for _ in times]
        durations = [seconds_for(n) * math.exp(rng.gauss(0, noise)) for n in sizes]
        contexts = [attributes_of({RUN_ID: run})] * intervals if run else None
        series.append(make_series(SeriesKey(SIZED_CALL_SIZE, "{item}", identity), times, sizes, contexts))
        series.append(make_series(SeriesKey(SIZED_CALL_DURATION, "s", identity), times, durations, contexts))
    return series


def quadratic(n: float) -> float:
    """
    0.1 s for 10,000 items.
    """
    return 1e-9 * n * n


def linearithmic(n: float) -> float:
    """
    9 ms for 10,000 items.
    """
    return 1e-7 * n * math.log(n)


def test_a_growth_beyond_the_declared_one_is_told():
    """
    The sentence says how it grows, what was declared, and what a larger input will take.
    """
    (insight,) = growths(recorded(quadratic), Policy())

    assert insight.kind == "growth"
    assert insight.direction is Direction.WORSE
    assert insight.severity is Severity.WARNING
    assert insight.category == "performance"
    assert insight.description.startswith("sort grows like n² (exponent ")
    assert "), declared n log n: 100,000 items will take about " in insight.description
    assert 'complexity="quadratic"' in insight.suggested_action
    assert 0.9 < insight.confidence <= 0.95
    seconds = float(insight.description.rsplit("about ", 1)[1].removesuffix(" s"))
    assert seconds == pytest.approx(10, rel=0.2)


def test_the_evidence_is_in_exponents():
    """
    Before is the declared exponent over these sizes, after the measured one, with its interval.
    """
    (insight,) = growths(recorded(quadratic), Policy())
    evidence = insight.evidence

    assert evidence.metric == SIZED_CALL_DURATION
    assert evidence.identity == {OPERATION: "sort", DECLARED_COMPLEXITY: "linearithmic"}
    assert 1.1 < evidence.before < 1.3
    assert evidence.after == pytest.approx(2, abs=0.1)
    assert evidence.effect == pytest.approx(evidence.after - evidence.before)
    assert 0 < evidence.interval[0] < evidence.effect < evidence.interval[1]
    assert evidence.samples_after == 120
    assert evidence.since.time == 1
    assert LearningInsight.from_dict(insight.to_dict()) == insight


@pytest.mark.parametrize(
    ("seconds_for", "declared"),
    [
        (linearithmic, "linearithmic"),
        (linearithmic, "quadratic"),
        (quadratic, "quadratic"),
        (quadratic, "cubic"),
        (quadratic, "exponential"),
        (quadratic, ""),
        (quadratic, "no such growth"),
        (lambda n: 1e-7 * n**1.2, "linear"),
        (lambda n: 1e-5 * (1 + (n / 16000)), "constant"),
        (lambda _: 1e-5, "constant"),
    ],
)
@pytest.mark.parametrize("noise", [0.03, 0.4])
def test_what_keeps_its_word_is_not_told(seconds_for, declared, noise):
    """
    Neither the declared growth nor a slower one, nor what memory adds, nor an operation without a declaration.
    """
    assert growths(recorded(seconds_for, declared, noise=noise), Policy()) == ()


@pytest.mark.parametrize("declared", ["constant", "logarithmic", "linear", "linearithmic"])
def test_every_slower_declaration_is_held_to_its_word(declared):
    """
    Quadratic work is told whatever slower growth was declared, under noise and a constant overhead too.
    """
    found = growths(recorded(lambda n: 1e-4 + quadratic(n), declared, noise=0.3, largest=17), Policy())

    assert len(found) == 1


def test_false_alarms_are_rare():
    """
    None of 60 operations that keep their word under noise and overheads is told.
    """
    told = []
    for seed in range(30):
        noise, overhead = 0.1 + 0.01 * seed, (0, 1e-4)[seed % 2]
        for seconds_for, declared in ((lambda n: 1e-6 * n, "linear"), (linearithmic, "linearithmic")):
            series = recorded(
                lambda n, f=seconds_for, o=overhead: o + f(n), declared, noise=noise, intervals=4, seed=seed
            )
            told += growths(series, Policy())

    assert told == []


@pytest.mark.parametrize("missing", [SIZED_CALL_SIZE, SIZED_CALL_DURATION])
def test_sizes_without_durations_say_nothing(missing):
    """
    Without their partners, or with partners of other times, series give no insight.
    """
    series = recorded(quadratic)
    elsewhen = recorded(quadratic, first=7)

    assert growths([one for one in series if one.key.name != missing], Policy()) == ()
    others = [one for one in series if one.key.name == SIZED_CALL_SIZE]
    others += [one for one in elsewhen if one.key.name == SIZED_CALL_DURATION]
    assert growths(others, Policy()) == ()
    assert growths([], Policy()) == ()


def test_few_sizes_say_nothing():
    """
    Calls of nearly one size do not show how they grow.
    """
    assert growths(recorded(quadratic, largest=5), Policy()) == ()


def test_operations_are_told_apart():
    """
    Each operation has its own insight and its own id, whatever order the series come in.
    """
    series = recorded(quadratic, operation="a") + recorded(quadratic, operation="b") + recorded(linearithmic)
    found = growths(series, Policy())

    assert [insight.evidence.identity[OPERATION] for insight in found] == ["a", "b"]
    assert len({insight.id for insight in found}) == 2
    assert growths(series[::-1], Policy()) == found


def test_what_was_mended_is_told_no_more():
    """
    Once the newest run shows enough calls, what older runs took is no longer judged.
    """
    old = recorded(quadratic, run="old")
    new = recorded(linearithmic, run="new", first=10_000, intervals=4)
    both = [
        make_series(
            before.key, [*before.times, *after.times], [*before.values, *after.values], before.contexts + after.contexts
        )
        for before, after in zip(old, new, strict=True)
    ]

    assert len(growths(old, Policy())) == 1
    assert growths(both, Policy()) == ()


def test_the_engine_asks_for_growths():
    """
    The insight is among those of the engine, which says nothing else of sizes and sized durations.
    """
    judgement = judge(recorded(quadratic), Policy(), now=1e9)

    assert [insight.kind for insight in judgement.insights] == ["growth"]
