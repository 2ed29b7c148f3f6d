from __future__ import annotations

import itertools
import math
import random

import numpy as np
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
    batches = OptimizationStrategy.batch_operations(items, batch_size)

    assert list(OptimizationStrategy.batch_operations(iter(items), batch_size)) == batches
    assert list(OptimizationStrategy.iter_batches(items, batch_size)) == batches
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert all(batches)
    assert len(batches) == math.ceil(len(items) / batch_size)


@pytest.mark.parametrize("items", [[1, 2, 3], (1, 2, 3), range(1, 4), {1: 0, 2: 0, 3: 0}, np.array([1, 2, 3])])
def test_what_has_a_length_is_cut_at_once(items):
    """
    Lists, tuples, ranges, dictionaries and arrays give a list of lists.
    """
    assert OptimizationStrategy.batch_operations(items, 2) == [[1, 2], [3]]


@pytest.mark.parametrize("cut", [OptimizationStrategy.batch_operations, OptimizationStrategy.iter_batches])
def test_endless_items_are_cut_as_they_are_asked_for(cut):
    """
    Of a generator no more is read than the batches that were taken.
    """
    read = []

    def endless():
        for number in itertools.count():
            read.append(number)
            yield number

    batches = cut(endless(), 3)

    assert read == []
    assert next(batches) == [0, 1, 2]
    assert next(batches) == [3, 4, 5]
    assert read == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("cut", [OptimizationStrategy.batch_operations, OptimizationStrategy.iter_batches])
@pytest.mark.parametrize(
    ("items", "batch_size", "error", "message"),
    [
        ([1], 0, InvalidValueError, "batch_size is 0; expected 1 or more"),
        (iter([1]), -3, InvalidValueError, "-3"),
        (iter([1]), 2.0, InvalidTypeError, "batch_size is 2.0 of type float"),
        ([1], True, InvalidTypeError, "bool"),
        (5, 1, InvalidTypeError, "items is a int"),
    ],
)
def test_wrong_batches_fail_at_once(cut, items, batch_size, error, message):
    """
    The message says what was given and what was expected, before the first batch is asked for.
    """
    with pytest.raises(error, match=message):
        cut(items, batch_size)


# How large a batch.


@pytest.mark.parametrize(
    ("overhead", "item", "share", "size"),
    [(1.0, 1.0, 0.05, 19), (0.1, 0.001, 0.05, 1900), (0.1, 0.001, 0.5, 100), (0.0, 0.0, 0.05, 1), (1e-9, 1.0, 0.05, 1)],
)
def test_the_smallest_batch(overhead, item, share, size):
    """
    Nineteen items as long as the overhead make it 5% of the whole.
    """
    assert OptimizationStrategy.batch_size(overhead, item, share=share) == size


@given(st.floats(min_value=1e-9, max_value=1e3), st.floats(min_value=1e-9, max_value=1e3), st.floats(0.001, 0.999))
def test_no_smaller_batch_would_do(overhead, item, share):
    """
    The overhead's share is within the bound, and with one item less it is not.
    """
    size = OptimizationStrategy.batch_size(overhead, item, share=share)

    def taken(n: int) -> float:
        return overhead / (overhead + n * item)

    assert size >= 1
    assert taken(size) <= share * (1 + 1e-9)
    assert size == 1 or taken(size - 1) > share * (1 - 1e-9)


def test_costs_come_from_timed_batches():
    """
    Overhead and item time are found again under noise, and give the batch size.
    """
    rng = random.Random(11)
    sizes = [1, 2, 5, 10, 20, 50, 100] * 10
    durations = [(0.02 + 0.001 * n) * math.exp(rng.gauss(0, 0.1)) for n in sizes]
    cost = OptimizationStrategy.batch_cost(sizes, durations)

    assert cost.overhead_seconds == pytest.approx(0.02, rel=0.1)
    assert cost.item_seconds == pytest.approx(0.001, rel=0.1)
    assert OptimizationStrategy.batch_size(*cost) == pytest.approx(380, rel=0.2)


def test_no_cost_is_negative():
    """
    Durations that grow faster than the size have no overhead, those that fall no item time.
    """
    assert OptimizationStrategy.batch_cost([1, 10, 100], [0.001, 0.02, 0.5]).overhead_seconds == 0.0
    assert OptimizationStrategy.batch_cost([1, 10, 100], [3.0, 2.0, 1.0]).item_seconds == 0.0


@given(
    st.lists(
        st.tuples(st.integers(min_value=1, max_value=10**40), st.floats(min_value=1e-15, max_value=1e15)),
        min_size=2,
        unique_by=lambda pair: float(pair[0]),
    )
)
def test_any_timed_batches_have_a_cost(pairs):
    """
    Whatever was timed gives two costs that are finite and not negative.
    """
    cost = OptimizationStrategy.batch_cost([n for n, _ in pairs], [t for _, t in pairs])

    assert 0 <= cost.overhead_seconds < math.inf
    assert 0 <= cost.item_seconds < math.inf
    assert max(cost) > 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((-1.0, 1.0), InvalidValueError, "overhead_seconds is -1.0; expected seconds, 0 or more and finite"),
        ((math.nan, 1.0), InvalidValueError, "overhead_seconds is nan"),
        ((1.0, math.inf), InvalidValueError, "item_seconds is inf"),
        ((1.0, 0.0), InvalidValueError, "no batch is large enough"),
        ((1.0, 5e-324), InvalidValueError, "no batch is large enough"),
        ((True, 1.0), InvalidTypeError, "overhead_seconds is True of type bool"),
        ((1.0, "1"), InvalidTypeError, "item_seconds is '1' of type str"),
        ((1.0, 1.0, 0.0), InvalidValueError, "share is 0.0; expected a share between 0 and 1"),
        ((1.0, 1.0, 1.0), InvalidValueError, "share is 1.0"),
        ((1.0, 1.0, math.nan), InvalidValueError, "share is nan"),
        ((1.0, 1.0, "5%"), InvalidTypeError, "share is '5%' of type str"),
    ],
)
def test_wrong_costs_fail_at_once(arguments, error, message):
    """
    The message says what was given and what was expected.
    """
    with pytest.raises(error, match=message):
        OptimizationStrategy.batch_size(*arguments[:2], **dict(zip(["share"], arguments[2:], strict=False)))


@pytest.mark.parametrize(
    ("sizes", "durations", "error", "message"),
    [
        ([], [], InvalidValueError, "sizes has no batches; expected batches of two sizes or more"),
        ([5, 5], [1, 2], InvalidValueError, "sizes has 2 of 5 items"),
        ([1, 2], [1], InvalidValueError, "sizes has 2 numbers and durations 1"),
        ([1, 0], [1, 1], InvalidValueError, r"sizes\[1\] is 0"),
        ([1, 2], [1, 0], InvalidValueError, r"durations\[1\] is 0.0; expected 1e-15"),
        ([1, 2], [1, math.nan], InvalidValueError, r"durations\[1\] is nan"),
        ([1, True], [1, 1], InvalidTypeError, r"sizes\[1\] is True"),
        (3, [1, 1], InvalidTypeError, "sizes is 3 of type int"),
    ],
)
def test_wrong_timings_fail_at_once(sizes, durations, error, message):
    """
    The message says which number and what was expected.
    """
    with pytest.raises(error, match=message):
        OptimizationStrategy.batch_cost(sizes, durations)


# When in parallel; by cost in test_parallel.py.


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
