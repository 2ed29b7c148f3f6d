"""
Trends and the robust slope.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from known_series import noisy, outline, steps

from autonomous_dev.learning.detectors import Kind, robust_slope, trends
from autonomous_dev.policy import Policy

POLICY = Policy()


def test_ten_rising_samples():
    """
    Ten samples, each one above the last, are a trend of confidence 0.8 at least.
    """
    (found,) = trends(outline(np.arange(10.0, 20.0)), POLICY)
    assert found.kind is Kind.TREND
    assert found.confidence >= 0.8
    assert (found.start, found.before, found.after) == pytest.approx((0, 10.0, 19.0))


def test_five_rising_samples_are_not_enough():
    """
    Five samples in order happen by chance once in sixty times.
    """
    assert all(f.confidence < 0.5 for f in trends(outline(np.arange(5.0)), POLICY))


@pytest.mark.parametrize("seed", range(5))
def test_a_slow_creep_under_noise(seed):
    """
    A rise of 20% over 60 samples under 3% of noise is found, its whole effect within the interval.
    """
    (found,) = trends(outline(noisy(np.linspace(500, 600, 60), 0.03, seed)), POLICY)
    assert found.confidence >= 0.8
    assert found.interval[0] < 100 < found.interval[1]


@pytest.mark.parametrize("values", [steps((6, 10.0), (6, 12.0)), noisy(steps((20, 10.0), (20, 12.0)), 0.02, 1)])
def test_a_step_is_no_trend(values):
    """
    What a change point explains is no trend.
    """
    assert all(f.confidence < 0.5 for f in trends(outline(values), POLICY))


def test_a_trend_after_a_step_begins_at_the_step():
    """
    Only the samples since the last change of level are asked whether they creep.
    """
    values = np.concatenate((noisy(steps((30, 10.0)), 0.005, 1), noisy(np.linspace(20, 21.5, 30), 0.005, 2)))
    (found,) = trends(outline(values), POLICY)
    assert found.start >= 28


def test_slope_of_a_line_with_an_outlier():
    """
    One wild sample does not move the slope.
    """
    values = 2.0 * np.arange(30) + 5
    values[12] = 1e6
    slope = robust_slope(values)
    assert slope.slope == pytest.approx(2.0)
    assert slope.low <= 2.0 <= slope.high


def test_slope_interval_covers():
    """
    In 400 seeded series the 95% interval holds the true slope at least 92% of the time.
    """
    rng = np.random.default_rng(12)
    covered = 0
    for _ in range(400):
        slope = robust_slope(0.1 * np.arange(25) + rng.normal(size=25))
        covered += slope.low <= 0.1 <= slope.high
    # The standard deviation of this share is 1.1%.
    assert covered / 400 >= 0.92


def test_slope_of_many_samples():
    """
    A long series is drawn together and keeps its slope per sample.
    """
    values = 0.5 * np.arange(20_000) + np.random.default_rng(3).normal(size=20_000)
    assert robust_slope(values).slope == pytest.approx(0.5, rel=1e-3)


def test_slope_of_too_little():
    """
    Fewer than two finite samples have no slope; two have an open interval.
    """
    assert math.isnan(robust_slope([]).slope)
    assert math.isnan(robust_slope([1.0, math.nan]).slope)
    two = robust_slope([1.0, math.nan, 3.0])
    assert (two.slope, two.low, two.high) == (1.0, -math.inf, math.inf)
