"""
The robust slope and its interval.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from autonomous_dev.learning.detectors import robust_slope
from autonomous_dev.learning.detectors._slope import NORMAL_95, Pairs, drawn_together, tied_variance


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


@pytest.mark.parametrize("size", [9, 10, 24, 41])
def test_the_interval_is_that_of_the_test(size):
    """
    The interval ends one slope beyond the first that Kendall's test rejects on either side: ranks are rounded outward.
    """
    rng = np.random.default_rng(size)
    x, y = np.arange(float(size)), rng.normal(size=size)
    pairs = Pairs(x, y)
    limit = NORMAL_95 * math.sqrt(tied_variance(y)) * pairs.inflation

    def kendall(slope):
        rest = y - slope * x
        return sum(np.sign(rest[j] - rest[i]) for i, j in itertools.combinations(range(size), 2))

    found = pairs.slope
    step = 1e-9
    for inside, outside in ((found.low + step, found.low - step), (found.high - step, found.high + step)):
        # One pair changes sides at each end, which moves the sum by two.
        assert abs(kendall(inside)) <= limit + 2
        assert abs(kendall(outside)) > limit + 2
        assert abs(kendall(inside)) + 2 == abs(kendall(outside))


def test_ties_take_variance_away():
    """
    With equal values the variance is that over all orders of them.
    """
    for values in ([1, 1, 2, 2, 3], [0, 0, 0, 1, 2, 2], [1, 2, 3, 4, 5], [7, 7, 7, 7]):
        sums = [
            sum(np.sign(b - a) for a, b in itertools.combinations(order, 2)) for order in itertools.permutations(values)
        ]
        assert tied_variance(np.array(values, dtype=float)) == pytest.approx(np.mean(np.square(sums)))


def test_correlated_noise_widens_the_interval():
    """
    In autoregressive noise the interval still covers, since it knows that neighbours repeat each other.
    """
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(300):
        noise = rng.normal(size=130)
        for i in range(1, 130):
            noise[i] += 0.5 * noise[i - 1]
        slope = robust_slope(0.02 * np.arange(100) + noise[30:])
        covered += slope.low <= 0.02 <= slope.high
    # Without widening it would be 74%; the standard deviation of 95% of 300 is 1.3%.
    assert covered / 300 >= 0.91


def test_correlation_is_measured():
    """
    The correlation of neighbours comes out without the bias that fitting a line brings; an exact line has none.
    """
    rng = np.random.default_rng(6)
    found = []
    for _ in range(200):
        noise = rng.normal(size=200)
        for i in range(1, 200):
            noise[i] += 0.6 * noise[i - 1]
        found.append(Pairs(np.arange(50.0), noise[-50:] / 10).correlation)
    # Uncorrected it would be 0.51 on average; the standard error of the mean is 0.01.
    assert np.mean(found) == pytest.approx(0.6, abs=0.04)
    assert Pairs(np.arange(20.0), np.arange(20.0) / 20).correlation == 0.0


def test_slope_of_many_samples():
    """
    A long series is drawn together and keeps its slope per sample.
    """
    values = 0.5 * np.arange(20_000) + np.random.default_rng(3).normal(size=20_000)
    assert robust_slope(values).slope == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("size", [119, 120, 121, 250, 1_000])
def test_drawn_together(size):
    """
    At most 120 neighbourhoods hold all samples, each once, in order.
    """
    together = drawn_together(np.arange(float(size)))
    assert len(together) <= 120
    width = -(-size // 120)
    assert together[0] == (width - 1) / 2
    assert np.all(np.diff(together) > 0)
    last = size - (size % width or width)
    assert together[-1] == (last + size - 1) / 2


def test_slope_of_too_little():
    """
    Fewer than two finite samples have no slope; two have an open interval.
    """
    assert math.isnan(robust_slope([]).slope)
    assert math.isnan(robust_slope([1.0, math.nan]).slope)
    two = robust_slope([1.0, math.nan, 3.0])
    assert (two.slope, two.low, two.high) == (1.0, -math.inf, math.inf)
