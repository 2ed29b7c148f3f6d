"""
Anomalies of the newest sample.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from known_series import NULL_KINDS, noisy, null_series, outline, series, steps

from autonomous_dev.learning.detectors import Kind, Outline, anomalies
from autonomous_dev.learning.detectors._anomaly import departure
from autonomous_dev.policy import Policy
from autonomous_dev.series import make_series

POLICY = Policy()


def test_an_odd_newest_sample():
    """
    A newest sample far from all others is an anomaly of modest confidence.
    """
    values = np.append(noisy(steps((30, 10.0)), 0.02, 1), 13.0)
    (found,) = anomalies(outline(values), POLICY)
    assert found.kind is Kind.ANOMALY
    assert (found.start, found.samples_after) == (30, 1)
    assert 0.5 <= found.confidence < 0.8
    assert (found.before, found.after) == pytest.approx((10.0, 13.0), rel=0.02)


def test_an_extreme_newest_sample():
    """
    Only what lies absurdly far out is surer, and never sure.
    """
    values = np.append(noisy(steps((30, 10.0)), 0.02, 1), 100.0)
    (found,) = anomalies(outline(values), POLICY)
    assert 0.8 <= found.confidence < 0.9


@pytest.mark.parametrize("place", [5, 15, 28])
def test_an_odd_sample_in_the_middle_is_history(place):
    """
    Only the newest sample is asked.
    """
    values = noisy(steps((30, 10.0)), 0.02, 1)
    values[place] = 30.0
    assert anomalies(outline(values), POLICY) == ()


def test_the_newest_of_a_ramp_is_not_odd():
    """
    The highest sample of a creeping series is where the creep took it.
    """
    assert anomalies(outline(np.arange(10.0, 30.0)), POLICY) == ()


def test_as_far_as_earlier_spikes_is_not_odd():
    """
    A series that spikes now and then may end in a spike.
    """
    values = np.append(noisy(steps((30, 10.0)), 0.02, 1), 14.0)
    values[[7, 19]] = 15.0
    assert all(f.confidence < 0.5 for f in anomalies(outline(values), POLICY))


def test_it_is_compared_with_the_level_since_the_last_change():
    """
    A newest sample at the old level is odd for the new one.
    """
    values = np.append(noisy(steps((20, 10.0), (20, 20.0)), 0.02, 1), 10.0)
    (found,) = anomalies(outline(values), POLICY)
    assert found.confidence >= 0.5
    assert found.before == pytest.approx(20.0, rel=0.02)


def test_a_constant_that_moves_once():
    """
    The confidence in a first movement ever grows with how long there was none.
    """
    short, long = (anomalies(outline(steps((n, 0.0), (1, 3.0))), POLICY)[0].confidence for n in (6, 20))
    assert short < 0.5 <= long < 0.8


@pytest.mark.parametrize(("times", "odd"), [(1.0, False), (1.15, False), (1.3, True), (2.0, True)])
def test_how_far_beyond_earlier_spikes_is_odd(times, odd):
    """
    What goes less than a fifth beyond the farthest sample so far is not odd; what goes a fourth beyond may be.
    """
    values = np.append(noisy(steps((40, 10.0)), 0.01, 2), 10 + 5 * times)
    values[25] = 15.0
    found = anomalies(outline(values), POLICY)
    assert any(f.confidence >= 0.5 for f in found) is odd


def test_a_mode_seen_before_the_last_step_is_not_odd():
    """
    How far samples strayed from older levels counts too.
    """
    values = noisy(steps((60, 10.0), (12, 20.0)), 0.01, 4)
    values[10:60:7] += 8.0
    calm = noisy(steps((60, 10.0), (12, 20.0)), 0.01, 4)
    odd, seen = (anomalies(outline(np.append(column, 28.0)), POLICY) for column in (calm, values))
    assert odd[0].confidence >= 0.5
    assert all(f.confidence < 0.5 for f in seen)


def daily(values):
    """
    *values*, one a day.
    """
    one = series(values)
    return Outline(make_series(one.key, (1 + np.arange(len(values))) * 86_400_000_000_000, one.values))


def test_a_monday_is_no_anomaly():
    """
    In a series of one sample a day a weekday that is always high is not odd, neither the first one nor any later.
    """
    rng = np.random.default_rng(3)
    values = 100 + rng.normal(size=60)
    values[5::7] += 40
    for n in range(6, 60):
        assert all(f.confidence < 0.5 for f in anomalies(daily(values[:n]), POLICY))
    values[40] += 200
    assert anomalies(daily(values[:41]), POLICY)[0].confidence >= 0.5


def test_without_days_the_first_high_sample_is_odd():
    """
    Hourly samples have no weekday to wait for.
    """
    values = np.append(100 + np.random.default_rng(3).normal(size=6), 140.0)
    assert anomalies(outline(values), POLICY)[0].confidence >= 0.5
    assert anomalies(daily(values), POLICY)[0].confidence < 0.5


@pytest.mark.parametrize("kind", NULL_KINDS)
def test_no_kind_of_noise_ends_oddly(kind):
    """
    Of 200 series that do nothing at most 1% end in an odd sample, give or take the draw.
    """
    rng = np.random.default_rng(NULL_KINDS.index(kind))
    sizes = rng.choice([8, 12, 30, 100], size=200)
    found = [anomalies(outline(null_series(kind, n, rng)), POLICY) for n in sizes]
    # Binomial with a share of 1%: more than 7 of 200 happen by chance once in 900 times.
    assert sum(any(f.confidence >= 0.5 for f in each) for each in found) <= 7


def test_oddness_is_a_probability():
    """
    Where one in ten series ends in a sample put 4 to 60 sd away, that share of what is called odd was put there.
    """
    rng = np.random.default_rng(14)
    told, right = [], []
    for _ in range(1200):
        values = null_series(str(rng.choice(["gaussian", "lognormal", "bimodal", "autoregressive"])), 30, rng)
        put = rng.random() < 0.1
        if put:
            spread = 1.4826 * np.median(np.abs(values - np.median(values)))
            values[-1] = np.median(values) + rng.choice((-1, 1)) * spread * math.exp(rng.uniform(1.4, 4.1))
        look = departure(outline(values))
        if look is not None:
            told.append(look.oddness)
            right.append(put)
    oddness, truth = np.array(told), np.array(right)
    for low, high in ((0.05, 0.5), (0.5, 1.0)):
        chosen = (oddness >= low) & (oddness < high)
        deviation = math.sqrt(float(np.sum(oddness[chosen] * (1 - oddness[chosen])))) / chosen.sum()
        # Three binomial standard deviations, and 8% for a mixture that is not the fitted one.
        assert abs(np.mean(truth[chosen]) - np.mean(oddness[chosen])) <= 3 * deviation + 0.08
