from __future__ import annotations

import array
import math
import os
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomous_dev import _state
from autonomous_dev.complexity import FITTED, ComplexityFit, exponent_between, steps_from_one
from autonomous_dev.errors import InvalidNameError, InvalidTypeError, InvalidValueError
from autonomous_dev.performance import OptimizationStrategy

fit_complexity = OptimizationStrategy.fit_complexity
EXPONENTS = {"constant": 0, "linear": 1, "quadratic": 2, "cubic": 3}


def sizes_over(decades: float, count: int, rng: random.Random) -> list[int]:
    """
    Sizes from 10 on, evenly on a logarithmic axis.
    """
    return [round(10 * 10 ** rng.uniform(0, decades)) for _ in range(count)]


def timed(name: str, sizes: list[int], rng: random.Random, *, noise: float, overhead: float = 0.0, wild: float = 0.0):
    """
    Microseconds for each step, lognormal noise; *overhead* as a share of the longest, a share of *wild* calls.
    """
    steps = [OptimizationStrategy.estimate_complexity(n, name) for n in sizes]
    constant = overhead * max(steps)
    return [1e-6 * (constant + s) * math.exp(rng.gauss(0, noise)) * (30 if rng.random() < wild else 1) for s in steps]


@pytest.mark.parametrize("decades", [2, 3])
@pytest.mark.parametrize("noise", [0.1, 0.3, 0.5])
def test_the_right_growth_is_hardly_ever_excluded(noise, decades):
    """
    Over lognormal noise, overheads and wild calls, 95 of 100 fits keep the true growth among their candidates.
    """
    rng = random.Random(f"{noise} {decades}")
    kept = told = 0
    for number in range(8):
        for name in FITTED:
            sizes = sizes_over(decades, (20, 60, 200)[number % 3], rng)
            overhead = (0.0, 0.2)[number % 2] if name != "constant" else 0.0
            durations = timed(name, sizes, rng, noise=noise, overhead=overhead, wild=0.03)
            told += 1
            kept += name in fit_complexity(sizes, durations).candidates

    assert told == 48
    # 95% less two standard deviations of 48 trials.
    assert kept / told >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / told)


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_the_growth_is_named_from_many_calls(name, noise):
    """
    Two hundred calls over three decades, some of them wild, name their growth.
    """
    rng = random.Random(f"{name} {noise}")
    sizes = sizes_over(3, 200, rng)
    fit = fit_complexity(sizes, timed(name, sizes, rng, noise=noise, wild=0.05))

    assert fit.complexity == name
    assert name in fit.candidates
    assert fit.samples == 200
    assert fit.low < exponent_between(name, min(sizes), max(sizes)) < fit.high


@pytest.mark.parametrize("name", EXPONENTS)
def test_the_interval_holds_the_exponent(name):
    """
    Of 40 intervals for a power of n at least 36 hold it: 95% less one and a half standard deviations.
    """
    rng = random.Random(name)
    held = 0
    for number in range(40):
        sizes = sizes_over(2, 40, rng)
        overhead = (0.0, 0.1)[number % 2] if name != "constant" else 0.0
        fit = fit_complexity(sizes, timed(name, sizes, rng, noise=0.2, overhead=overhead))
        held += fit.low <= EXPONENTS[name] <= fit.high

    assert held >= 36


def test_an_overhead_is_no_smaller_exponent():
    """
    A constant part at small sizes is told apart from the growth, and given in seconds.
    """
    rng = random.Random(5)
    sizes = sizes_over(3, 300, rng)
    durations = [(2e-3 + 1e-8 * n * n) * math.exp(rng.gauss(0, 0.1)) for n in sizes]
    fit = fit_complexity(sizes, durations)

    assert fit.complexity == "quadratic"
    assert fit.low <= 2 <= fit.high
    assert fit.overhead == pytest.approx(2e-3, rel=0.1)
    assert fit.step == pytest.approx(1e-8, rel=0.1)
    assert fit.seconds(100_000) == pytest.approx(100, rel=0.15)


def test_real_work_is_told_by_its_loops():
    """
    The steps that two nested loops really take grow like n².
    """

    def steps(n: int) -> int:
        return sum(1 for _ in range(n) for _ in range(n))

    sizes = [3, 5, 10, 20, 40, 80, 160, 320]
    fit = fit_complexity(sizes, [1e-7 * steps(n) for n in sizes])

    assert fit.complexity == "quadratic"
    assert "quadratic" in fit.candidates
    assert fit.exponent == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize(
    ("sizes", "durations"),
    [
        ([], []),
        ([1, 10, 100, 1000], [1, 10, 100, 1000]),
        ([10, 20, 25, 30, 39], [1, 2, 3, 4, 5]),
        ([7] * 50, [0.1] * 50),
        ([1, 10, 100, 1000, 10_000], [0, 0, 0, 0, 0]),
    ],
)
def test_too_little_is_an_answer(sizes, durations):
    """
    Few calls, near sizes and a clock that shows nothing leave every growth possible.
    """
    fit = fit_complexity(sizes, durations)

    assert fit.complexity == "unknown"
    assert fit.candidates == FITTED
    assert (fit.low, fit.high) == (-math.inf, math.inf)
    assert math.isnan(fit.exponent)
    assert math.isnan(fit.seconds(10))
    assert fit.samples == len(sizes)
    assert "measure five calls or more" in str(fit)


def test_a_fit_in_words():
    """
    The sentence has the growth, the exponent with its interval, the samples, and what else it may be.
    """
    surely = ComplexityFit("quadratic", 1.974, 1.9, 2.05, ("quadratic",), 120)
    hardly = ComplexityFit("linear", 1.0, 0.9, math.inf, ("linear", "linearithmic", "quadratic"), 1200)

    assert str(surely) == "grows like n² (exponent 1.97, 1.9 to 2.05; 120 samples)"
    assert str(hardly) == ("grows like n (exponent 1, 0.9 or more; 1,200 samples); n log n and n² cannot be excluded")


@pytest.mark.parametrize("container", [list, tuple, np.array, lambda row: array.array("d", row), iter])
def test_any_row_of_numbers_will_do(container):
    """
    Lists, tuples, arrays, numpy arrays and iterators give the same fit.
    """
    sizes = [10.0, 20.0, 50.0, 100.0, 200.0, 500.0]
    durations = [0.11, 0.19, 0.5, 1.05, 1.9, 5.2]

    assert fit_complexity(container(sizes), container(durations)) == fit_complexity(sizes, durations)


GOOD = [1, 10, 100, 1000, 10_000]


@pytest.mark.parametrize(
    ("sizes", "durations", "error", "message"),
    [
        (GOOD, GOOD[:4], InvalidValueError, "sizes has 5 numbers and durations 4"),
        ([0, *GOOD], [1, *GOOD], InvalidValueError, r"sizes\[0\] is 0.0; expected a number of items from 1"),
        ([-5], [1], InvalidValueError, r"sizes\[0\] is -5"),
        ([math.nan], [1], InvalidValueError, r"sizes\[0\] is nan"),
        ([10**400], [1], InvalidValueError, r"sizes\[0\] is inf"),
        ([True], [1], InvalidTypeError, r"sizes\[0\] is True of type bool"),
        ([np.True_], [1], InvalidTypeError, r"sizes\[0\] is .*True"),
        (["9"], [1], InvalidTypeError, "'9' of type str"),
        ([[1]], [1], InvalidTypeError, "list"),
        (np.ones((5, 1)), GOOD, InvalidTypeError, "ndarray"),
        (np.float64(3), GOOD, InvalidTypeError, "expected a sequence of sizes"),
        (np.array(3), GOOD, InvalidTypeError, "expected a sequence of sizes"),
        (5, GOOD, InvalidTypeError, "sizes is 5 of type int; expected a sequence of sizes"),
        (GOOD, [1, 2, 3, 4, -1], InvalidValueError, r"durations\[4\] is -1.0; expected 0 to 1e\+15 seconds"),
        (GOOD, [1, 2, 3, 4, math.nan], InvalidValueError, r"durations\[4\] is nan"),
        (GOOD, [1, 2, 3, 4, math.inf], InvalidValueError, r"durations\[4\] is inf"),
        (GOOD, [1, 2, 3, 4, False], InvalidTypeError, r"durations\[4\] is False of type bool"),
        (GOOD, "12345", InvalidTypeError, "durations is '12345'"),
        (GOOD, None, InvalidTypeError, "sizes came without durations"),
        ("sort", GOOD, InvalidTypeError, "durations came with the operation 'sort'"),
        ("", None, InvalidNameError, "operation"),
    ],
)
def test_wrong_numbers_fail_at_once(sizes, durations, error, message):
    """
    The message says which number, what was expected and the way out.
    """
    with pytest.raises(error, match=message):
        fit_complexity(sizes, durations)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(min_value=1, max_value=10**30), st.floats(min_value=0, max_value=1e15)), max_size=60)
)
def test_any_calls_have_an_answer(pairs):
    """
    Whatever was measured: a name that is among the candidates, an exponent inside its interval, never an error.
    """
    fit = fit_complexity([n for n, _ in pairs], [t for _, t in pairs])

    assert fit.samples == len(pairs)
    if fit.complexity != "unknown":
        assert fit.complexity in fit.candidates
        assert fit.low <= fit.exponent <= fit.high
        assert fit.overhead >= 0
        assert fit.step > 0
        assert fit.seconds(10) > 0
    assert str(fit)


@given(st.sampled_from(FITTED), st.floats(min_value=1, max_value=1e6), st.floats(min_value=1.1, max_value=1e6))
def test_faster_growths_have_larger_exponents(name, smallest, ratio):
    """
    Between any two sizes the growths stand in their order, and a power has its exponent.
    """
    exponents = [exponent_between(growth, smallest, smallest * ratio) for growth in FITTED]

    assert exponents == sorted(exponents)
    assert exponent_between("exponential", smallest, smallest * ratio) > 0
    assert steps_from_one(name, smallest) > 0
    if name in EXPONENTS:
        assert exponent_between(name, smallest, smallest * ratio) == pytest.approx(EXPONENTS[name], abs=1e-6)


# What a profiler measured.


def test_an_operation_is_fitted_by_its_name():
    """
    The calls that were counted for an operation, whatever was declared of it, and no other's.
    """
    rng = random.Random(3)
    sizes = sizes_over(3, 80, rng)
    name, other = "test_growth.fitted", "test_growth.other"
    for size, seconds in zip(sizes, timed("quadratic", sizes, rng, noise=0.1), strict=True):
        _state.sized_operation(name, "linear" if size % 2 else "").observe(size, seconds)
        _state.sized_operation(other, "linear").observe(size, 1.0)
    _state.sized_operation(name, "").observe(50, -1.0)

    assert fit_complexity(name).complexity == "quadratic"
    assert fit_complexity(name).samples == 80
    assert fit_complexity(other).complexity == "constant"


def test_an_operation_without_sizes_is_unknown():
    """
    Nothing measured is an answer.
    """
    assert fit_complexity("test_growth.never_called").samples == 0


def test_few_large_calls_outlive_many_small_ones():
    """
    At most a thousand pairs are kept, shared among the size classes, the newest of each.
    """
    calls = _state.SizedCalls("op", "linear")
    for _ in range(20):
        calls.observe(100_000, 10.0)
    for number in range(5000):
        calls.observe(10, float(number))

    pairs = calls.pairs()
    assert len(pairs) == 520
    assert pairs[:500] == [(10, float(number)) for number in range(4500, 5000)]
    assert pairs[500:] == [(100_000, 10.0)] * 20
    assert calls.classes() == {8: (5000, 50_000, sum(range(5000))), 65_536: (20, 2_000_000, 200.0)}


@given(st.lists(st.integers(min_value=1, max_value=2**80), max_size=300))
def test_sized_calls_are_bounded_and_counted_exactly(sizes):
    """
    Every call is counted in the class of its power of two, and no more than a thousand pairs are kept.
    """
    calls = _state.SizedCalls("op", "")
    for size in sizes * 5:
        calls.observe(size, 0.5)

    classes = calls.classes()
    assert sum(count for count, _, _ in classes.values()) == 5 * len(sizes)
    assert len(classes) <= 64
    assert all(power * count <= total < 2 * power * count for power, (count, total, _) in classes.items())
    assert len(calls.pairs()) <= 1000


def test_a_child_keeps_the_pairs_and_counts_on():
    """
    A fork copies what was counted, and the child's lock is free.
    """
    calls = _state.sized_operation("test_growth.forked", "linear")
    calls.observe(4, 1.0)
    with _state.lock():
        child = os.fork()
        if child == 0:
            calls.observe(5, 1.0)
            os._exit(0 if calls.pairs() == [(4, 1.0), (5, 1.0)] else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert calls.pairs() == [(4, 1.0)]


def test_operations_beyond_the_bound_share_one(monkeypatch):
    """
    What is counted together declares nothing: sizes of different operations have no common growth.
    """
    monkeypatch.setattr(_state, "_sized_calls", {})
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 2)
    for name in ("a", "b", "c", "d"):
        _state.sized_operation(name, "linear").observe(1, 1.0)

    assert list(_state.sized_operations()) == [("a", "linear"), ("b", "linear"), (_state.OTHER_OPERATION, "")]
    assert _state.sized_operation("a", "linear") is _state.sized_operation("a", "linear")
