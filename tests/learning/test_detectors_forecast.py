"""
Forecasts: when a trend will cross a bound of the policy.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from known_series import noisy, outline, steps

from autonomous_dev.learning.detectors import Kind, forecasts, trends
from autonomous_dev.learning.detectors._forecast import Line
from autonomous_dev.policy import Policy, Threshold


def at_most(bound):
    """
    A policy with an upper bound on the metric of these tests.
    """
    return Policy(thresholds=(Threshold("test_duration", bound, upper=True),))


def creeping(n=40, seed=1, noise=0.3):
    """
    A rise by 0.5 a sample from 30 on.
    """
    return 30 + 0.5 * np.arange(n) + noise * np.random.default_rng(seed).normal(size=n)


def test_when_it_will_be_crossed():
    """
    A level of 49.5 that rises by 0.5 a sample crosses 54 in about nine samples.
    """
    shown = outline(creeping())
    (found,) = forecasts(shown, at_most(54.0))
    assert found.kind is Kind.FORECAST
    assert found.horizon[0] <= found.horizon[1] <= found.horizon[2]
    assert found.horizon[1] == pytest.approx(9, abs=1.0)
    assert found.horizon[0] < 9 < found.horizon[2] + 0.5
    assert (found.before, found.after) == (pytest.approx(49.5, abs=0.4), 54.0)
    assert found.interval[0] < 4.5 < found.interval[1]
    (trend,) = trends(shown, Policy())
    assert 0.8 <= found.confidence <= trend.confidence
    assert found.start == trend.start


def test_a_lower_bound():
    """
    What falls crosses a lower bound.
    """
    policy = Policy(thresholds=(Threshold("coverage", 55.0, upper=False),))
    (found,) = forecasts(outline(110 - creeping(), "coverage"), policy)
    assert found.effect < 0
    assert found.horizon[1] == pytest.approx(11, abs=1.5)


@pytest.mark.parametrize(
    ("values", "bound"),
    [
        (creeping(), 49.0),  # broken already
        (creeping()[::-1], 60.0),  # moving away
        (creeping(), 75.0),  # farther off than what was seen
        (noisy(steps((40, 30.0)), 0.02, 1), 60.0),  # not moving at all
    ],
)
def test_no_forecast(values, bound):
    """
    A bound that is broken, left behind, or too far off is no forecast, and neither is one without a trend.
    """
    assert all(f.confidence < 0.5 for f in forecasts(outline(values), at_most(bound)))


def test_no_bound():
    """
    Without a bound on this metric there is nothing to cross.
    """
    assert forecasts(outline(creeping()), Policy()) == ()
    assert forecasts(outline(creeping(), "other"), at_most(54.0)) == ()


def test_it_looks_ahead_no_farther_than_back():
    """
    The horizon ends after as many samples as were seen, and the confidence is that of crossing until then.
    """
    shown = outline(creeping(20, noise=1.0))
    (trend,) = trends(shown, Policy())
    (found,) = forecasts(shown, at_most(47.5))
    assert found.horizon[2] == 20.0
    assert found.confidence < 0.97 * trend.confidence
    long = outline(30 + 0.05 * np.arange(1_000) + 0.3 * np.random.default_rng(2).normal(size=1_000))
    assert forecasts(long, at_most(80 + 0.05 * 250)) == ()
    assert len(forecasts(long, at_most(80 + 0.05 * 150))) == 1


def test_the_horizon_holds():
    """
    In 150 seeded series the level crosses the bound within the stated horizon 95% of the time.
    """
    held = told = 0
    for seed in range(150):
        for found in forecasts(outline(creeping(40, seed, noise=1.0)), at_most(54.0)):
            told += 1
            held += found.horizon[0] <= 9 <= found.horizon[2]
    assert told >= 140
    # Binomial with 95%: fewer than 88% of 140 happen by chance once in 2,000 times.
    assert held / told >= 0.88


def test_a_line_without_uncertainty():
    """
    An exact line crosses exactly where it does.
    """
    line = Line(now=10.0, slope=1.0, slope_error=0.0, middle_error=0.0, half=5.0)
    assert line.crossed(15.0, 4.9) == 0.0
    assert line.crossed(15.0, 5.0) == 1.0
    assert line.reaches(15.0, 0.5, 40.0) == pytest.approx(5.0)
    assert line.reaches(15.0, 0.5, 4.0) == 4.0


def test_uncertainty_grows_with_distance():
    """
    The standard error of the level is that of the middle and of the slope times the distance from there.
    """
    line = Line(now=10.0, slope=1.0, slope_error=0.1, middle_error=0.3, half=5.0)
    assert line.error(-5.0) == pytest.approx(0.3)
    assert line.error(10.0) == pytest.approx(math.hypot(0.3, 1.5))
    assert line.crossed(20.0, 10.0) == pytest.approx(0.5)
