from __future__ import annotations

import array
import heapq
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.performance import OptimizationStrategy
from autonomous_dev.performance.planning._parallel import MARGIN, parallel_seconds

plan = OptimizationStrategy.parallel_plan
should_parallelize = OptimizationStrategy.should_parallelize


def test_equal_items_without_costs_are_shared_evenly():
    """
    Eight items of a second on four workers that cost nothing take two seconds.
    """
    found = plan([1.0] * 8, workers=4, start_up=0, pickling=0)

    assert found.worthwhile is True
    assert found.workers == 4
    assert (found.serial_seconds, found.parallel_seconds, found.speed_up) == (8.0, 2.0, 4.0)
    assert (
        found.reason
        == "4 processes: about 2 s instead of 8 s, of which 0 µs to start them and 0 µs to hand over items."
    )


def test_what_the_parent_does_in_a_row_is_counted():
    """
    Start-up is paid for each worker, hand-over for each item.
    """
    found = plan([1.0] * 8, workers=2, start_up=0.25, pickling=0.125)

    assert found.parallel_seconds == 2 * 0.25 + 8 * 0.125 + 4.0


def test_the_longest_item_bounds_the_speed_up():
    """
    One item that takes nearly all the time cannot be shared.
    """
    found = plan([10.0] + [0.01] * 20, workers=8, start_up=0, pickling=0)

    assert found.worthwhile is False
    assert found.workers == 1
    assert found.parallel_seconds >= 10.0
    assert found.reason == "In a row: of 10.2 s too little would be saved, since the longest item alone takes 10 s."


def test_short_items_are_not_worth_handing_over():
    """
    Items that take less than the hand-over are done in a row, however many they are.
    """
    found = plan([50e-6] * 10_000, workers=8)

    assert found.worthwhile is False
    assert "handing over the items takes" in found.reason
    assert should_parallelize([50e-6] * 10_000, workers=8) is False
    assert should_parallelize([50e-3] * 10_000, workers=8) is True


def test_no_more_workers_than_pay_their_start():
    """
    Where starting is dear, fewer workers than allowed are best.
    """
    found = plan([0.1] * 100, workers=64, start_up=0.1, pickling=0)

    assert found.worthwhile is True
    assert 8 <= found.workers <= 12


@pytest.mark.parametrize(
    ("durations", "workers", "reason"),
    [
        ([], 8, "In a row: there are no items."),
        ([5.0], 8, "In a row: there is one item only."),
        ([5.0] * 10, 1, "In a row: there is one worker only."),
    ],
)
def test_nothing_to_share_is_done_in_a_row(durations, workers, reason):
    """
    One item, no item and one worker are answers too.
    """
    found = plan(durations, workers=workers)

    assert (found.worthwhile, found.workers, found.speed_up) == (False, 1, 1.0)
    assert found.parallel_seconds == found.serial_seconds
    assert found.reason == reason


def test_items_that_take_no_time_are_done_in_a_row():
    """
    There is nothing to save on zeros, and nothing is divided by them.
    """
    found = plan([0.0] * 10, workers=4, start_up=0, pickling=0)

    assert (found.worthwhile, found.speed_up) == (False, 1.0)


def greedy(durations: list[float], workers: int) -> float:
    """
    How long it takes when each worker takes the next item as soon as it is free.
    """
    free = [0.0] * workers
    for seconds in durations:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=40), st.integers(1, 12))
def test_no_order_takes_longer_than_the_bound(durations, workers):
    """
    The estimate is an upper bound on what greedy workers take, in any order of the items.
    """
    bound = parallel_seconds(
        math.fsum(durations), max(durations), len(durations), workers=workers, start_up=0, pickling=0
    )

    for order in (durations, sorted(durations), sorted(durations, reverse=True)):
        assert greedy(order, workers) <= bound * (1 + 1e-9)
    assert bound <= math.fsum(durations) * (1 + 1e-9)


@given(
    st.lists(st.floats(min_value=0, max_value=1e15), max_size=30),
    st.one_of(st.none(), st.integers(min_value=1, max_value=10**9)),
    st.one_of(st.none(), st.floats(min_value=0, allow_infinity=False, allow_nan=False)),
    st.one_of(st.none(), st.floats(min_value=0, allow_infinity=False, allow_nan=False)),
)
def test_every_plan_keeps_its_word(durations, workers, start_up, pickling):
    """
    Worthwhile means a tenth less than in a row, with no more workers than there are items or were allowed.
    """
    found = plan(durations, workers=workers, start_up=start_up, pickling=pickling)

    assert found.worthwhile == should_parallelize(durations, workers=workers, start_up=start_up, pickling=pickling)
    assert found.worthwhile == (found.parallel_seconds < (1 - MARGIN) * found.serial_seconds)
    assert found.workers >= (2 if found.worthwhile else 1)
    assert found.workers <= max(1, min(len(durations), workers or 10**9))
    assert not math.isnan(found.speed_up)
    assert found.reason.endswith(".")


@pytest.mark.parametrize("container", [list, tuple, np.array, lambda row: array.array("d", row), iter])
def test_any_row_of_seconds_will_do(container):
    """
    Lists, tuples, arrays, numpy arrays and iterators, with or without their name.
    """
    row = [0.5] * 20

    assert plan(container(row), workers=4) == plan(row, workers=4)
    assert should_parallelize(container(row), workers=4) is True
    assert should_parallelize(durations=container(row), workers=4) is True


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"durations": [1.0, -1.0]}, InvalidValueError, r"durations\[1\] is -1.0; expected 0 to"),
        ({"durations": [math.nan]}, InvalidValueError, r"durations\[0\] is nan"),
        ({"durations": [math.inf]}, InvalidValueError, r"durations\[0\] is inf"),
        ({"durations": [True]}, InvalidTypeError, r"durations\[0\] is True of type bool"),
        ({"durations": "123"}, InvalidTypeError, "expected a sequence of seconds"),
        ({"durations": [1.0], "workers": 0}, InvalidValueError, "workers is 0; expected 1 or more"),
        ({"durations": [1.0], "workers": True}, InvalidTypeError, "workers is True"),
        ({"durations": [1.0], "workers": 2.0}, InvalidTypeError, "workers is 2.0 of type float"),
        ({"durations": [1.0], "start_up": -1}, InvalidValueError, "start_up is -1"),
        ({"durations": [1.0], "start_up": math.nan}, InvalidValueError, "start_up is nan"),
        ({"durations": [1.0], "pickling": math.inf}, InvalidValueError, "pickling is inf"),
        ({"durations": [1.0], "pickling": "1"}, InvalidTypeError, "pickling is '1' of type str"),
        ({"durations": [1.0], "threshold": 10}, InvalidTypeError, "threshold came with durations"),
        ({"durations": [1.0], "item_count": 10}, InvalidTypeError, "item_count came with durations"),
        ({"item_count": [1.0], "threshold": 10}, InvalidTypeError, "threshold came with durations"),
        ({"item_count": 10, "workers": 2}, InvalidTypeError, "workers came with a count"),
        ({"item_count": 10, "pickling": 0.1}, InvalidTypeError, "pickling came with a count"),
        ({"item_count": "10"}, InvalidTypeError, "item_count is '10' of type str"),
        ({"item_count": 10.0}, InvalidTypeError, "item_count is 10.0 of type float"),
        ({}, InvalidTypeError, "item_count is None"),
    ],
)
def test_wrong_arguments_fail_at_once(arguments, error, message):
    """
    The message says what was given and what was expected.
    """
    with pytest.raises(error, match=message):
        should_parallelize(**arguments)
