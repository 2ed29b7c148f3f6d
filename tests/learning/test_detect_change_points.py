"""
The entry that takes numbers and gives change points.
"""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_series import noisy, null_series, steps

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.learning import ChangePoint, detect_change_points


def findings(values, **options) -> list[ChangePoint]:
    """
    What is confirmed and likelier than not.
    """
    return [found for found in detect_change_points(values, **options) if found.confirmed and found.confidence >= 0.5]


@pytest.mark.parametrize("seed", range(5))
def test_a_step_with_its_place_size_and_interval(seed):
    """
    A step of ten noise sd is found at its place, surely, with its size inside the interval.
    """
    (found,) = findings(noisy(steps((20, 10.0), (20, 12.0)), 0.02, seed))
    assert found.index_range[0] <= 20 <= found.index_range[1]
    assert abs(found.index - 20) <= 1
    assert found.confidence > 0.9
    assert found.interval[0] < 2.0 < found.interval[1]
    assert found.settles_in == 0


def test_two_samples_are_unconfirmed_and_say_what_would_settle_them():
    """
    A step that two samples show is told, unconfirmed; one odd sample is not; five samples settle it.
    """
    values = noisy(steps((30, 10.0), (8, 14.0)), 0.02, 1)
    assert detect_change_points(values[:31]) == ()
    (fresh,) = detect_change_points(values[:32])
    assert (fresh.index, fresh.confirmed) == (30, False)
    assert 0 < fresh.settles_in <= 5
    (settled,) = detect_change_points(values[:35])
    assert settled.confirmed
    assert settled.confidence > max(fresh.confidence, 0.8)


def test_confidence_grows_with_the_samples():
    """
    The confidence of a step never falls by much while samples of the new level arrive.
    """
    values = noisy(steps((30, 10.0), (20, 10.6)), 0.02, 3)
    said = [max((c.confidence for c in detect_change_points(values[:n])), default=0.0) for n in range(33, 51)]
    assert said[-1] > 0.9
    assert all(later > earlier - 0.15 for earlier, later in itertools.pairwise(said))


def test_the_prior_moves_every_confidence():
    """
    In a world where few series change the same step is less sure, by the root of the ratio of the odds.
    """
    values = noisy(steps((10, 10.0), (10, 10.35)), 0.02, 4)
    (usual,), (rare,) = detect_change_points(values), detect_change_points(values, prior=0.02)
    ratio = (rare.confidence / (1 - rare.confidence)) / (usual.confidence / (1 - usual.confidence))
    assert ratio == pytest.approx(((0.02 / 0.98) / (0.3 / 0.7)) ** 0.5)


def test_times_put_samples_into_order():
    """
    Samples are put into the order of their times; equal times keep theirs.
    """
    values = noisy(steps((20, 10.0), (20, 12.0)), 0.02, 5)
    order = np.random.default_rng(5).permutation(40)
    assert detect_change_points(values[order], order) == detect_change_points(values)
    assert detect_change_points(values, np.zeros(40)) == detect_change_points(values)


def test_missing_samples_keep_their_places():
    """
    An index counts missing samples: it is a place in what was given.
    """
    values = noisy(steps((20, 10.0), (20, 12.0)), 0.02, 6)
    with_gaps = np.insert(values, [0, 5, 5], np.nan)
    assert [c.index - 3 for c in findings(with_gaps)] == [c.index for c in findings(values)]


def test_a_short_burst_is_no_change():
    """
    What is gone after three samples is an anomaly, whatever its size.
    """
    values = noisy(steps((30, 10.0), (3, 14.0), (30, 10.0)), 0.02, 7)
    assert findings(values) == []


def test_a_weekly_season_is_none():
    """
    A week's pattern is no change, and hides none.
    """
    season = np.tile([0, 1.0, 1.2, 1.1, 0.9, -2.0, -2.2], 12)
    values = 100 + season + np.random.default_rng(8).normal(0, 0.3, size=84)
    assert findings(values) == []
    values[42:] += 1.5
    (found,) = findings(values)
    assert abs(found.index - 42) <= 2


@pytest.mark.parametrize("kind", ["gaussian", "lognormal", "bimodal", "counts", "percentages"])
def test_shuffling_finds_nothing(kind):
    """
    Of 120 series in random order at most four have a finding: the rate is 1%, so five come by chance in one of 100 runs.
    """
    rng = np.random.default_rng(9)
    found = sum(
        bool(findings(rng.permutation(null_series(kind, int(rng.choice((20, 60, 200))), rng)))) for _ in range(120)
    )
    assert found <= 4


@pytest.mark.parametrize(
    ("values", "times", "error", "said"),
    [
        ("abc", None, InvalidTypeError, "sequence of numbers"),
        ([[1.0, 2.0]], None, InvalidValueError, "one dimension"),
        ([1.0, 2.0], [1.0], InvalidValueError, "times has 1 entries and values 2"),
        ([1.0, 2.0], [1.0, math.nan], InvalidValueError, "NaN"),
        ([1.0, None, "x"], None, InvalidTypeError, "sequence of numbers"),
    ],
)
def test_wrong_arguments(values, times, error, said):
    """
    What is no series of numbers is refused, with what was expected.
    """
    with pytest.raises(error, match=said):
        detect_change_points(values, times)


@pytest.mark.parametrize("prior", [0.0, 1.0, -1, math.nan, "0.3", True])
def test_wrong_priors(prior):
    """
    A prior is a share between 0 and 1.
    """
    with pytest.raises(InvalidValueError, match="prior is"):
        detect_change_points([1.0] * 10, prior=prior)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [3.0] * 50,
        [math.nan] * 20,
        [math.inf, -math.inf] * 10,
        [1e308, -1e308] * 20,
        [1e-308] * 10 + [2e-308] * 10,
        np.arange(2**62, 2**62 + 40, dtype=np.int64),
    ],
)
def test_awkward_series(values):
    """
    Any numbers give an answer, without a warning.
    """
    for found in detect_change_points(values):
        assert 0.0 <= found.confidence <= 1.0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(8, 60), st.integers(-200, 200), st.floats(-1e3, 1e3))
def test_units_do_not_matter(seed, size, exponent, shift):
    """
    Another unit changes no place and no confidence; a shift of all values by whole noise sds hardly any.
    """
    values = np.random.default_rng(seed).normal(size=size)
    values[size // 2 :] += 4
    first, scaled = detect_change_points(values), detect_change_points(values * 2.0**exponent)
    assert [(c.index, c.confidence) for c in first] == [(c.index, c.confidence) for c in scaled]
    moved = detect_change_points(np.round(values, 6) + round(shift))
    again = detect_change_points(np.round(values, 6))
    assert [c.index for c in moved] == [c.index for c in again]


def test_a_million_samples_in_reverse_order():
    """
    A million samples come to an end, and the step in them is found.
    """
    values = np.random.default_rng(10).normal(size=1_000_000)
    values[400_000:] += 1.0
    began = time.monotonic()
    (found,) = findings(values[::-1], times=np.arange(1_000_000)[::-1])
    assert abs(found.index - 400_000) < 50
    assert time.monotonic() - began < 120
