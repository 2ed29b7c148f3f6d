from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.performance import OptimizationStrategy


def test_the_guides_batches():
    """
    A hundred items in tens are ten lists of ten, in order.
    """
    batches = OptimizationStrategy.batch_operations(list(range(100)), batch_size=10)

    assert batches == [list(range(start, start + 10)) for start in range(0, 100, 10)]


@given(st.lists(st.integers(), max_size=50), st.integers(min_value=1, max_value=60))
def test_batches_hold_every_item_once_in_order(items, batch_size):
    """
    The batches of any iterable, joined, are the items; all but the last are full and none is empty.
    """
    batches = OptimizationStrategy.batch_operations(iter(items), batch_size)

    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert all(batches)
    assert len(batches) == math.ceil(len(items) / batch_size)


@pytest.mark.parametrize(
    ("items", "batch_size", "error", "message"),
    [
        ([1], 0, InvalidValueError, "batch_size is 0; expected 1 or more"),
        ([1], -3, InvalidValueError, "-3"),
        ([1], 2.0, InvalidTypeError, "batch_size is 2.0 of type float"),
        ([1], True, InvalidTypeError, "bool"),
        (5, 1, InvalidTypeError, "items is a int"),
    ],
)
def test_wrong_batches_fail_at_once(items, batch_size, error, message):
    """
    The message says what was given and what was expected.
    """
    with pytest.raises(error, match=message):
        OptimizationStrategy.batch_operations(items, batch_size)


def test_parallel_from_the_threshold_on():
    """
    As many items as the threshold are worth it, fewer are not.
    """
    assert OptimizationStrategy.should_parallelize(item_count=100, threshold=10) is True
    assert OptimizationStrategy.should_parallelize(10, threshold=10) is True
    assert OptimizationStrategy.should_parallelize(9, threshold=10) is False
    assert OptimizationStrategy.should_parallelize(10) is True
    assert OptimizationStrategy.should_parallelize(9) is False


@pytest.mark.parametrize("arguments", [(-1, 10), (1, -1)])
def test_negative_counts_fail_at_once(arguments):
    """
    There are no negative numbers of items.
    """
    with pytest.raises(InvalidValueError, match="-1; expected 0 or more"):
        OptimizationStrategy.should_parallelize(*arguments)


@pytest.mark.parametrize(
    ("complexity_type", "steps"),
    [
        ("constant", 1.0),
        ("logarithmic", 6.907755),
        ("linear", 1000.0),
        ("linearithmic", 6907.755),
        ("quadratic", 1e6),
        ("cubic", 1e9),
        ("exponential", 1.0715086e301),
    ],
)
def test_the_steps_for_a_thousand_items(complexity_type, steps):
    """
    Each order of growth has its formula.
    """
    estimate = OptimizationStrategy.estimate_complexity(1000, complexity_type)

    assert isinstance(estimate, float)
    assert estimate == pytest.approx(steps, rel=1e-6)


ORDERS = ["constant", "logarithmic", "linear", "linearithmic", "quadratic", "cubic", "exponential"]


@given(st.one_of(st.integers(min_value=0), st.floats(min_value=0, max_value=1e307)), st.sampled_from(ORDERS))
def test_every_number_of_items_has_an_answer(n, complexity_type):
    """
    Any n from 0 on gives a number or infinity, never an error; more items never take fewer steps.
    """
    steps = OptimizationStrategy.estimate_complexity(n, complexity_type)

    assert steps >= 0
    assert OptimizationStrategy.estimate_complexity(2 * n, complexity_type) >= steps


@pytest.mark.parametrize("complexity_type", ["exponential", "linear", "cubic"])
def test_steps_beyond_every_float_are_infinite(complexity_type):
    """
    Overflow is an answer, not an error.
    """
    assert OptimizationStrategy.estimate_complexity(10**400, complexity_type) == math.inf


@pytest.mark.parametrize(
    ("n", "complexity_type", "error", "message"),
    [
        (-1, "linear", InvalidValueError, "n is -1"),
        (math.nan, "linear", InvalidValueError, "nan"),
        (math.inf, "linear", InvalidValueError, "inf"),
        ("9", "linear", InvalidTypeError, "'9' of type str"),
        (True, "linear", InvalidTypeError, "bool"),
        (1, "fast", InvalidValueError, "'fast'; expected one of constant, logarithmic"),
        (1, 3, InvalidTypeError, "complexity_type is a int"),
    ],
)
def test_wrong_estimates_fail_at_once(n, complexity_type, error, message):
    """
    The message says what was given and what was expected.
    """
    with pytest.raises(error, match=message):
        OptimizationStrategy.estimate_complexity(n, complexity_type)
