"""
Changes of scatter.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from known_series import NULL_KINDS, null_series, outline, steps

from autonomous_dev.learning.detectors import Kind, variabilities
from autonomous_dev.learning.detectors._variability import spread_change
from autonomous_dev.policy import Policy

POLICY = Policy()


def scattered(*parts, seed=1, level=100.0):
    """
    Gaussian noise around *level*, each of *parts* so many samples with that standard deviation.
    """
    return level + steps(*parts) * np.random.default_rng(seed).normal(size=sum(count for count, _ in parts))


@pytest.mark.parametrize("seed", range(5))
def test_it_became_noisier(seed):
    """
    Three times the noise, sixty samples on either side, is found at its place with its size.
    """
    (found,) = variabilities(outline(scattered((60, 1.0), (60, 3.0), seed=seed)), POLICY)
    assert found.kind is Kind.VARIABILITY
    assert found.confidence >= 0.5
    assert abs(found.start - 60) <= 10
    assert found.start_range[0] <= found.start <= found.start_range[1]
    assert found.interval[0] < 2.0 < found.interval[1]
    assert found.samples_before + found.samples_after == 120


def test_it_became_calmer():
    """
    A calmer series has a negative effect.
    """
    (found,) = variabilities(outline(scattered((60, 4.0), (60, 1.0))), POLICY)
    assert found.confidence >= 0.8
    assert found.effect < 0
    assert (found.before, found.after) == pytest.approx((4.0, 1.0), rel=0.25)


@pytest.mark.parametrize(("side", "least"), [(30, 70), (60, 93)])
def test_how_many_are_found(side, least):
    """
    Of 100 series whose noise triples most are found near their place: three in four with thirty samples on either side.
    """
    found = [variabilities(outline(scattered((side, 1.0), (side, 3.0), seed=seed)), POLICY) for seed in range(100)]
    assert sum(any(f.confidence >= 0.5 and abs(f.start - side) <= 10 for f in each) for each in found) >= least


def test_the_newest_change_is_told():
    """
    A noisy time that is over is told as the calm that followed it.
    """
    (found,) = variabilities(outline(scattered((100, 1.0), (100, 5.0), (100, 1.0))), POLICY)
    assert abs(found.start - 200) <= 10
    assert found.effect < 0
    assert found.samples_before <= 115


@pytest.mark.parametrize("seed", range(6))
def test_noise_in_proportion_to_the_level_is_no_change(seed):
    """
    A level that doubles takes its noise along, as durations do in full and counts do in part.
    """
    rng = np.random.default_rng(seed)
    durations = steps((60, 10.0), (60, 40.0)) * (1 + 0.05 * rng.normal(size=120))
    counts = rng.poisson(steps((60, 10.0), (60, 90.0))).astype(float)
    for values in (durations, counts):
        assert all(f.confidence < 0.5 for f in variabilities(outline(values), POLICY))


def test_a_step_with_the_same_noise_is_no_change():
    """
    A level that doubles under the same noise did not become calmer.
    """
    values = steps((60, 10.0), (60, 40.0)) + np.random.default_rng(3).normal(size=120)
    assert all(f.confidence < 0.5 for f in variabilities(outline(values), POLICY))


def test_around_zero_there_is_no_proportion():
    """
    Noise around 0 has no level to be in proportion to.
    """
    (found,) = variabilities(outline(scattered((50, 1.0), (50, 4.0), level=0.0)), POLICY)
    assert found.confidence >= 0.8


def test_creeping_is_no_scatter():
    """
    A level that creeps is no spread, and hides none.
    """
    creeping = np.linspace(0, 50, 120)
    assert all(f.confidence < 0.5 for f in variabilities(outline(creeping + scattered((120, 1.0))), POLICY))
    (found,) = variabilities(outline(creeping + scattered((60, 1.0), (60, 4.0))), POLICY)
    assert found.confidence >= 0.8


@pytest.mark.parametrize("kind", NULL_KINDS)
def test_no_kind_of_noise_is_a_change(kind):
    """
    Of 150 series that do nothing at most 1% are said to, give or take the draw.
    """
    rng = np.random.default_rng(NULL_KINDS.index(kind))
    sizes = rng.choice([20, 40, 100, 300], size=150)
    looks = [spread_change(outline(null_series(kind, n, rng))) for n in sizes]
    # Binomial with a share of 1%: more than 6 of 150 happen by chance once in 1,000 times.
    assert sum(look is not None and look.confidence >= 0.5 for look in looks) <= 6


def test_confidence_is_a_probability():
    """
    Where one in ten series changes its scatter, what is told with a confidence is right so often.
    """
    rng = np.random.default_rng(5)
    told, right = [], []
    for _ in range(800):
        n, place = int(rng.choice([30, 60, 120])), 0
        values = null_series(str(rng.choice(["gaussian", "lognormal", "t3", "autoregressive"])), n, rng)
        if rng.random() < 0.1:
            place = int(rng.integers(n // 4, n - n // 4))
            middle = np.median(values)
            values[place:] = middle + (values[place:] - middle) * math.exp(rng.choice((-1, 1)) * rng.uniform(0.4, 1.8))
        look = spread_change(outline(values))
        told.append(look.confidence)
        right.append(place > 0 and abs(look.index - place) <= max(5, 0.15 * n))
    confidence, truth = np.array(told), np.array(right)
    for low, high in ((0.05, 0.5), (0.5, 1.0)):
        chosen = (confidence >= low) & (confidence < high)
        deviation = math.sqrt(float(np.sum(confidence[chosen] * (1 - confidence[chosen])))) / chosen.sum()
        # Three binomial standard deviations, and 5% for a mixture that is not the fitted one.
        assert abs(np.mean(truth[chosen]) - np.mean(confidence[chosen])) <= 3 * deviation + 0.05


def test_too_few_samples():
    """
    Fewer than eight samples on either side say nothing, and neither does a series that never moves.
    """
    assert variabilities(outline(scattered((7, 0.1), (8, 9.0))), POLICY) == ()
    assert variabilities(outline(np.full(50, 3.0)), POLICY) == ()


def test_a_constant_that_begins_to_move():
    """
    No scatter at all is a scatter that can change.
    """
    values = np.concatenate([np.full(40, 7.0), 7 + np.random.default_rng(2).normal(size=40)])
    (found,) = variabilities(outline(values), POLICY)
    assert found.confidence >= 0.5
    assert found.before == pytest.approx(0, abs=0.1)
    assert abs(found.start - 40) <= 4
