"""
Change points, on series whose steps are known.
"""

from __future__ import annotations

import numpy as np
import pytest
from known_series import noisy, outline, steps

from autonomous_dev.learning.detectors import Kind, change_points
from autonomous_dev.policy import Policy

POLICY = Policy()


@pytest.mark.parametrize("seed", range(10))
def test_a_step_in_twelve_samples(seed):
    """
    A step of 20% under 2% of noise is found once, at its place, with confidence of at least 0.8.
    """
    (found,) = change_points(outline(noisy(steps((6, 10.0), (6, 12.0)), 0.02, seed)), POLICY)
    assert found.kind is Kind.CHANGE_POINT
    assert found.start == 6
    assert found.start_range[0] <= 6 <= found.start_range[1]
    assert found.confidence >= 0.8
    assert (found.before, found.after) == pytest.approx((10.0, 12.0), rel=0.03)
    assert found.interval[0] < 2.0 < found.interval[1] + 0.3
    assert (found.samples_before, found.samples_after) == (6, 6)


@pytest.mark.parametrize("seed", range(5))
def test_there_and_back(seed):
    """
    A step that is undone later is two change points.
    """
    values = noisy(steps((12, 10.0), (10, 12.0), (12, 10.0)), 0.02, seed)
    found = [f for f in change_points(outline(values), POLICY) if f.confidence >= 0.8]
    assert [f.start for f in found] == [12, 22]
    assert found[0].effect > 0 > found[1].effect


@pytest.mark.parametrize(("before", "after"), [(12, 5), (9, 3), (40, 8)])
def test_an_exact_jump_that_lasts(before, after):
    """
    Counts that repeat exactly have no noise to compare with; a jump of theirs is found all the same.
    """
    (found,) = change_points(outline(steps((before, 0.0), (after, 3.0))), POLICY)
    assert found.start == before
    assert found.confidence >= 0.8
    assert (found.before, found.after) == (0.0, 3.0)


def test_one_part_in_a_hundred_million():
    """
    An exact count may change by one part in 1e8, and that is real.
    """
    (found,) = change_points(outline(steps((15, 1e8), (15, 1e8 + 1))), POLICY)
    assert found.start == 15
    assert found.effect == pytest.approx(1.0)


@pytest.mark.parametrize("place", [8, 15, 29])
def test_one_odd_sample_is_no_change(place):
    """
    A spike, in the middle or at the end, is not a change of level.
    """
    values = noisy(steps((30, 10.0)), 0.02, 4)
    values[place] = 30.0
    assert all(f.confidence < 0.5 for f in change_points(outline(values), POLICY))


def test_two_samples_at_the_end_stay_unsure():
    """
    A shift that two samples show is given, with a confidence below 0.8.
    """
    (found,) = change_points(outline(noisy(steps((30, 10.0), (2, 14.0)), 0.02, 1)), POLICY)
    assert found.start == 30
    assert 0.5 <= found.confidence < 0.8
    (exact,) = change_points(outline(steps((10, 0.0), (2, 3.0))), POLICY)
    assert exact.start == 10
    assert 0.5 <= exact.confidence < 0.8


def test_confidence_grows_as_samples_arrive():
    """
    The same step is the surer the more samples of it there are.
    """
    values = noisy(steps((20, 10.0), (12, 11.0)), 0.02, 7)
    confidences = [
        max((f.confidence for f in change_points(outline(values[:n]), POLICY) if abs(f.start - 20) <= 1), default=0.0)
        for n in (23, 26, 32)
    ]
    assert confidences == sorted(confidences)
    assert confidences[-1] >= 0.9


def test_a_ramp_has_no_change_points():
    """
    A straight line is the trend's, not a stair of changes.
    """
    assert all(f.confidence < 0.5 for f in change_points(outline(np.arange(10.0, 20.0)), POLICY))
    assert all(f.confidence < 0.5 for f in change_points(outline(noisy(np.linspace(10, 14, 40), 0.01, 3)), POLICY))


def test_missing_samples_keep_their_places():
    """
    NaN counts as missing; indices are those of the series with it.
    """
    values = noisy(steps((10, 10.0), (10, 12.0)), 0.02, 2)
    values[[3, 5]] = np.nan
    (found,) = change_points(outline(values), POLICY)
    assert found.start == 10
    assert (found.samples_before, found.samples_after) == (8, 10)


def test_a_small_step_in_many_samples():
    """
    With enough samples a step far below the noise of a single one is found near its place.
    """
    (found,) = change_points(outline(noisy(steps((400, 10.0), (400, 10.2)), 0.03, 5)), POLICY)
    assert abs(found.start - 400) <= 20
    assert found.start_range[0] <= 400 <= found.start_range[1]


def test_too_few_samples():
    """
    Fewer than five finite samples say nothing.
    """
    assert change_points(outline([1.0, 1.0, 9.0, np.nan, 9.0]), POLICY) == ()
