"""
Thresholds of the policy.
"""

from __future__ import annotations

import math

import pytest
from known_series import outline

from autonomous_dev.learning.detectors import Kind, thresholds
from autonomous_dev.policy import Policy, Threshold

POLICY = Policy(thresholds=(Threshold("test_duration", 60.0, upper=True), Threshold("coverage", 80.0, upper=False)))


def test_one_sample_is_enough():
    """
    A single sample beyond the bound is a finding.
    """
    (found,) = thresholds(outline([75.0]), POLICY)
    assert found.kind is Kind.THRESHOLD
    assert (found.before, found.after, found.start) == (60.0, 75.0, 0)
    assert found.confidence == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("name", "values"), [("test_duration", [60.0]), ("coverage", [80.0]), ("test_duration", [75.0, 59.0]), ("x", [1e9])]
)
def test_a_bound_that_is_kept_now(name, values):
    """
    The bound itself is allowed, what is past is past, and other metrics have no bound.
    """
    assert thresholds(outline(values, name), POLICY) == ()


def test_since_when():
    """
    It begins at the first of the samples in a row beyond the bound, and is the surer the longer it lasts.
    """
    (found,) = thresholds(outline([90.0, 70.0, math.nan, 79.0, 75.0, 71.0, 70.0], "coverage"), POLICY)
    assert (found.start, found.samples_before, found.samples_after) == (1, 1, 5)
    assert found.confidence == pytest.approx(0.96)


def test_no_finite_sample():
    """
    NaN and infinities are no samples.
    """
    assert thresholds(outline([math.nan, math.inf]), POLICY) == ()


def test_the_farthest_apart():
    """
    A difference that no float can hold is drawn in.
    """
    policy = Policy(thresholds=(Threshold("x", -1e308, upper=True),))
    (found,) = thresholds(outline([1.7e308], "x"), policy)
    assert all(math.isfinite(end) for end in found.interval)
