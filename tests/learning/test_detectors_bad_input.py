"""
Whatever the numbers are: an answer, without a warning.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from known_series import series

from autonomous_dev.learning import judge
from autonomous_dev.learning.detectors import (
    Outline,
    anomalies,
    change_points,
    falling_hit_ratios,
    forecasts,
    robust_slope,
    tails,
    thresholds,
    trends,
    variabilities,
)
from autonomous_dev.policy import Policy, Threshold

LOOKS = (change_points, trends, anomalies, falling_hit_ratios, variabilities, tails, forecasts, thresholds)
BOUNDED = Policy(
    thresholds=(Threshold("cache.hit_ratio", 3.0, upper=True), Threshold("cache.hit_ratio", -1e308, upper=False))
)

awkward = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 1.0, 1e308, -1e308, 1e-308, 5e-324, 9.2e18, math.nan]),
    st.integers(-(2**63), 2**63 - 1).map(float),
)
columns = st.one_of(
    st.lists(awkward, max_size=40),
    st.lists(st.sampled_from([0.0, 1.0, 2.0]), max_size=60),
    st.tuples(st.lists(awkward, min_size=1, max_size=3), st.integers(1, 15)).map(lambda pair: pair[0] * pair[1]),
)


@settings(max_examples=200, deadline=None)
@example([5e-324] * 9)
@given(columns)
def test_any_numbers(values):
    """
    Findings stay inside the series and their confidence inside [0, 1], whatever the values are.
    """
    one = series(values, "cache.hit_ratio")
    for look in LOOKS:
        for found in look(Outline(one), BOUNDED):
            assert 0.0 <= found.confidence <= 1.0
            assert found.start_range[0] <= found.start <= found.start_range[1]
            assert 0 <= found.start < len(values)
            assert math.isfinite(found.before)
            assert math.isfinite(found.after)
            assert not any(math.isnan(end) for end in found.interval)
    robust_slope(values)
    judge([one], Policy(), now=0.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1, 1000), min_size=5, max_size=40), st.integers(-200, 200))
def test_the_unit_does_not_matter(values, exponent):
    """
    Multiplying all values by a power of two changes no index and no confidence.
    """
    one, other = series(values), series(np.array(values) * 2.0**exponent)
    for look in LOOKS:
        first, second = look(Outline(one), Policy()), look(Outline(other), Policy())
        assert [f.start for f in first] == [f.start for f in second]
        assert [f.confidence for f in first] == pytest.approx([f.confidence for f in second], abs=1e-9)


@pytest.mark.parametrize("shape", ["noise", "steps", "ramp", "walk", "constant"])
def test_long_series(shape):
    """
    Ten thousand samples of any shape are judged within the test's time limit.
    """
    rng = np.random.default_rng(1)
    n = 10_000
    noise = rng.normal(size=n)
    values = {
        "noise": noise,
        "steps": noise + 10 * (np.arange(n) // 200 % 2),
        "ramp": np.arange(float(n)),
        "walk": np.cumsum(noise),
        "constant": np.full(n, 3.0),
    }[shape]
    assert len(judge([series(values)], Policy(), now=0.0).statuses) == 1
