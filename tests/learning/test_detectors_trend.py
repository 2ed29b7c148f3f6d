"""
Trends.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from known_series import NULL_KINDS, noisy, null_series, outline, series, steps

from autonomous_dev.learning.detectors import Kind, Outline, trends
from autonomous_dev.learning.detectors._trend import creep
from autonomous_dev.policy import Policy
from autonomous_dev.series import make_series

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


def test_eight_samples_are_the_fewest():
    """
    Eight samples in order are a trend; seven are too few to say anything.
    """
    (found,) = trends(outline(np.arange(8.0)), POLICY)
    assert found.confidence >= 0.8
    assert trends(outline(np.arange(7.0)), POLICY) == ()


@pytest.mark.parametrize("size", [1_000, 30_000])
def test_many_samples(size):
    """
    A long creep is told with its whole effect, over the samples and not over what they were drawn together to.
    """
    values = 100 + np.linspace(0, 3, size) + np.random.default_rng(5).normal(size=size)
    (found,) = trends(outline(values), POLICY)
    assert found.confidence >= 0.8
    assert found.interval[0] < 3 < found.interval[1]
    assert found.effect == pytest.approx(3, abs=0.3)
    assert found.samples_after == size


def test_the_slope_is_per_sample():
    """
    How far apart in time samples are changes nothing.
    """
    values = noisy(np.linspace(500, 600, 40), 0.01, 3)
    even = series(values)
    uneven = make_series(even.key, np.cumsum(np.random.default_rng(1).integers(1, 10**12, size=40)), values)
    assert trends(Outline(even), POLICY) == trends(Outline(uneven), POLICY)


def autoregressive(size, correlation, rng):
    """
    An AR(1) process of sd 1 after a long run-in.
    """
    draws = rng.normal(size=size + 200) * math.sqrt(1 - correlation**2)
    for i in range(1, len(draws)):
        draws[i] += correlation * draws[i - 1]
    return draws[200:]


def test_noise_that_resembles_itself_is_no_trend():
    """
    Of 300 autoregressive series with 0.5 at most 1% are called a trend with 0.8 or more, give or take the draw.
    """
    rng = np.random.default_rng(21)
    sizes = rng.choice([12, 30, 60, 120], size=300)
    sure = sum(f.confidence >= 0.8 for n in sizes for f in trends(outline(100 + autoregressive(n, 0.5, rng)), POLICY))
    # Binomial with a share of 1%: more than 8 of 300 happen by chance once in 300 times.
    assert sure <= 8


def test_the_interval_covers_under_correlation():
    """
    The 95% interval of the effect holds the truth in autoregressive noise as well.
    """
    rng = np.random.default_rng(8)
    covered = told = 0
    for _ in range(120):
        for found in trends(outline(100 + np.linspace(0, 5, 100) + autoregressive(100, 0.5, rng)), POLICY):
            told += 1
            covered += found.interval[0] <= 5 / 99 * (found.samples_after - 1) <= found.interval[1]
    assert told >= 100
    # Binomial with 95%: less than 88% of 100 happens by chance once in 350 times.
    assert covered / told >= 0.88


def test_walks_are_seldom_trends():
    """
    Of 150 random walks at most one in ten is called a trend with 0.8 or more.
    """
    rng = np.random.default_rng(33)
    sizes = rng.choice([12, 30, 60, 120], size=150)
    sure = sum(f.confidence >= 0.8 for n in sizes for f in trends(outline(100 + np.cumsum(rng.normal(size=n))), POLICY))
    assert sure <= 15


def test_a_weekly_season_is_no_trend():
    """
    Days of the week that differ are no trend, however much they do.
    """
    season = np.array([0.0, 5.0, 3.0, 4.0, 2.0, -6.0, -8.0])
    for n in (9, 15, 24, 40):
        values = 100 + np.resize(season, n) + np.random.default_rng(n).normal(size=n)
        assert all(f.confidence < 0.5 for f in trends(outline(values), POLICY))


def test_a_line_is_surer_than_what_a_step_describes():
    """
    The same slope is the surer the better a line describes it than a step.
    """
    found = creep(outline(noisy(np.linspace(500, 540, 40), 0.02, 1)))
    lines, stepped = (replace(found, gain=gain).confidence for gain in (20.0, -20.0))
    assert 1 - lines < 0.6 * (1 - stepped)


def test_confidence_is_a_probability():
    """
    Of the trends told with a confidence, that share is one: one in four of 400 series creeps with an ideal z of 2 to 12.
    """
    rng = np.random.default_rng(77)
    confidences, right = [], []
    for _ in range(400):
        kind, n, creeps = str(rng.choice(NULL_KINDS)), int(rng.choice([12, 30, 60, 120])), rng.random() < 0.25
        values = null_series(kind, n, rng)
        if creeps:
            z = math.exp(rng.uniform(math.log(2), math.log(12)))
            factor = math.sqrt(3) if kind == "autoregressive" else 1.0
            values = values + rng.choice((-1, 1)) * np.std(values) * factor * z * math.sqrt(12 / n) * np.linspace(
                0, 1, n
            )
        found = trends(outline(values), POLICY)
        confidences += [f.confidence for f in found]
        right += [creeps] * len(found)
    told, truth = np.array(confidences), np.array(right)
    # The expected share is the mean confidence; three binomial standard deviations, and 4% for another mixture.
    for low, high in ((0.05, 0.5), (0.5, 0.8), (0.8, 1.0)):
        chosen = (told >= low) & (told < high)
        deviation = math.sqrt(float(np.sum(told[chosen] * (1 - told[chosen])))) / chosen.sum()
        assert abs(np.mean(truth[chosen]) - np.mean(told[chosen])) <= 3 * deviation + 0.04
    assert np.mean(truth[told >= 0.8]) >= 0.9
