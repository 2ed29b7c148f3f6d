"""
Tails that move while the median stays.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from known_series import NULL_KINDS, noisy, null_series, outline, steps

from autonomous_dev.learning.detectors import Kind, tails
from autonomous_dev.learning.detectors._tail import tail_shift
from autonomous_dev.policy import Policy

POLICY = Policy()


def tailed(before, after, share=0.15, seed=1, reach=8.0):
    """
    Gaussian noise around 100; of the last *after* samples a *share* lies up to *reach* sd higher.
    """
    rng = np.random.default_rng(seed)
    values = 100 + rng.normal(size=before + after)
    slow = (np.arange(before + after) >= before) & (rng.random(before + after) < share)
    return np.where(slow, values + rng.uniform(reach / 2, reach, size=len(values)), values)


@pytest.mark.parametrize("seed", range(4))
def test_the_slowest_became_slower(seed):
    """
    A share of 15% that becomes slow is a moved tail, at its place, with the 95th percentiles.
    """
    (found,) = tails(outline(tailed(300, 300, seed=seed)), POLICY)
    assert found.kind is Kind.TAIL
    assert found.confidence >= 0.8
    assert abs(found.start - 300) <= 60
    assert found.start_range[0] <= found.start <= found.start_range[1]
    assert found.before == pytest.approx(101.6, abs=0.7)
    assert 104 < found.after < 108
    assert found.interval[0] < found.effect < found.interval[1]
    assert found.samples_before + found.samples_after == 600


def test_the_slowest_became_faster():
    """
    A tail that is gone is told as well.
    """
    (found,) = tails(outline(tailed(300, 300)[::-1]), POLICY)
    assert found.confidence >= 0.8
    assert found.effect < -2


@pytest.mark.parametrize("step", [2.0, 8.0])
def test_where_the_median_moved_it_is_no_tail(step):
    """
    A step moves the tail with everything else.
    """
    values = steps((150, 100.0), (150, 100.0 + step)) + np.random.default_rng(2).normal(size=300)
    assert all(f.confidence < 0.5 for f in tails(outline(values), POLICY))


def test_where_half_of_all_moved_it_is_no_tail():
    """
    Where so many samples moved that the median did too, a tail is not all that did.
    """
    values = tailed(60, 60, share=0.45, reach=3.0, seed=2)
    left, right = values[:60], values[60:]
    assert np.median(right) - np.median(left) > 0.25 * (np.quantile(right, 0.95) - np.quantile(left, 0.95))
    assert tail_shift(outline(values)) is None


def test_a_tail_after_a_step_is_found():
    """
    Only what came after the last step of the median is asked.
    """
    values = np.concatenate([noisy(steps((200, 50.0)), 0.02, 3), tailed(300, 300)])
    (found,) = tails(outline(values), POLICY)
    assert abs(found.start - 500) <= 40


def test_noise_to_both_sides_is_no_tail():
    """
    A series that scatters more to both sides became noisier.
    """
    values = 100 + steps((200, 1.0), (200, 4.0)) * np.random.default_rng(4).normal(size=400)
    assert all(f.confidence < 0.5 for f in tails(outline(values), POLICY))


def test_one_wild_sample_is_no_tail():
    """
    How high the highest samples are has no say in where the tail moved, and how surely.
    """
    values = tailed(300, 300)
    wild = values.copy()
    wild[np.argsort(values)[-3:]] += [1e3, 1e4, 1e5]
    first, second = (tail_shift(outline(one)) for one in (values, wild))
    assert (first.index, first.z) == (second.index, pytest.approx(second.z))


def test_too_few_samples():
    """
    Fewer than forty samples have no tail to speak of.
    """
    values = np.concatenate([np.full(20, 1.0), np.full(19, 1.0)])
    values[20::3] = 9.0
    assert tails(outline(values), POLICY) == ()


@pytest.mark.parametrize("kind", NULL_KINDS)
def test_no_kind_of_noise_has_a_moving_tail(kind):
    """
    Of 150 series that do nothing at most 1% are said to, give or take the draw.
    """
    rng = np.random.default_rng(NULL_KINDS.index(kind))
    sizes = rng.choice([40, 100, 300, 600], size=150)
    looks = [tail_shift(outline(null_series(kind, n, rng))) for n in sizes]
    # Binomial with a share of 1%: more than 6 of 150 happen by chance once in 1,000 times.
    assert sum(look is not None and look.confidence >= 0.5 for look in looks) <= 6


def test_confidence_is_a_probability():
    """
    Where one in thirteen series grows a tail, what is told with a confidence is right so often.
    """
    rng = np.random.default_rng(9)
    told, right = [], []
    for seed in range(900):
        n, place = int(rng.choice([80, 200, 400])), 0
        if rng.random() < 1 / 13:
            place = int(rng.integers(n // 4, n - n // 4))
            values = tailed(place, n - place, rng.uniform(0.06, 0.2), seed, math.exp(rng.uniform(1.1, 2.7)))
        else:
            values = null_series(str(rng.choice(NULL_KINDS)), n, rng)
        look = tail_shift(outline(values))
        if look is not None:
            told.append(look.confidence)
            right.append(place > 0 and abs(look.index - place) <= max(10, 0.2 * n))
    confidence, truth = np.array(told), np.array(right)
    for low, high in ((0.05, 0.5), (0.5, 1.0)):
        chosen = (confidence >= low) & (confidence < high)
        deviation = math.sqrt(float(np.sum(confidence[chosen] * (1 - confidence[chosen])))) / chosen.sum()
        # Three binomial standard deviations, and 6% for a mixture that is not the fitted one.
        assert abs(np.mean(truth[chosen]) - np.mean(confidence[chosen])) <= 3 * deviation + 0.06
