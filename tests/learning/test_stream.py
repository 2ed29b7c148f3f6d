"""
The streaming detector: what it calls unusual, what it tells once, and what it takes without a word.
"""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.learning.stream import AnomalyStream
from autonomous_dev.learning.stream._window import Window

MINUTES = 300.0
"""Seconds between rows."""
HIGH = 0.999


def scores(values, stream=None, begin=0):
    """
    The score of each of *values*, five minutes apart, the first one *begin* rows after 0.
    """
    stream = stream or AnomalyStream()
    return [stream.update((begin + i) * MINUTES, value) for i, value in enumerate(values)]


def noise(n, seed=0):
    """
    Normal values around 50 with a standard deviation of 1.
    """
    return np.random.default_rng(seed).normal(50.0, 1.0, n)


def test_a_spike_in_quiet_noise_scores_high():
    """One row ten standard deviations away scores above 0.999, and the row before it does not."""
    values = noise(1_000)
    values[900] += 10.0
    seen = scores(values)
    assert seen[900] > HIGH
    assert seen[899] < HIGH


def test_a_lasting_shift_is_told_once():
    """A level that moves for good scores high when it moves, and the 500 rows at the new level do not."""
    values = noise(1_500)
    values[1_000:] += 15.0
    seen = scores(values)
    assert max(seen[1_000:1_003]) > HIGH
    assert max(seen[1_010:]) < HIGH


def test_a_burst_is_counted_once():
    """Of twenty equal spikes within sixty rows, one scores above 0.999."""
    values = noise(1_200)
    values[1_000:1_060:3] += 20.0
    assert sum(score > HIGH for score in scores(values)[1_000:]) == 1


def test_an_equal_spike_counts_again_when_the_burst_is_long_past():
    """A second spike, a thousand rows later, is told as well."""
    values = noise(2_500)
    values[[1_000, 2_400]] += 15.0
    seen = scores(values)
    assert seen[1_000] > HIGH
    assert seen[2_400] > HIGH


def test_usual_bursts_are_not_unusual():
    """Spikes that always came are scored lower than the first of their kind in a quiet series."""
    usual, quiet = noise(3_000), noise(3_000)
    at = np.random.default_rng(1).choice(2_900, 200, replace=False)
    usual[at] += 15.0
    usual[2_950] = quiet[2_950] = 65.0
    assert scores(quiet)[2_950] > HIGH
    assert scores(usual)[2_950] < HIGH


def test_silence_is_unusual():
    """A noisy series that stands still, at a value like any other, is noticed within 150 rows."""
    values = noise(2_000)
    usual = max(scores(values)[1_500:1_650])
    values[1_500:] = 50.0
    assert max(scores(values)[1_500:1_650]) > 0.998 > usual


def test_the_hour_of_the_day_is_known():
    """A value that every day brings at noon scores high at midnight."""
    hours = np.arange(14 * 288) * MINUTES / 3_600
    values = 100 - 50 * np.cos(2 * np.pi * hours / 24) + noise(len(hours))
    midnight = 13 * 288
    usual = scores(values)
    values[midnight] += 90.0
    assert usual[midnight] < HIGH
    assert scores(values)[midnight] > HIGH


def test_unremarkable_streams_reach_a_score_as_rarely_as_it_says():
    """Over noise of several kinds, a score of 0.999 comes no more often than twice in 1,000 rows, 0.99 than in 50."""
    rng = np.random.default_rng(2)
    n, seen = 2_500, []
    for _ in range(4):
        white = rng.standard_normal(n)
        walk = [0.0]
        for step in white:
            walk.append(0.7 * walk[-1] + step)
        for values in (white, walk, rng.poisson(3, n), np.exp(white), rng.random(n)):
            seen += scores(list(values))[200:]
    assert np.mean(np.array(seen) >= 0.99) < 0.02
    assert 0 < np.mean(np.array(seen) >= HIGH) < 0.002


@pytest.mark.parametrize("missing", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_no_number_costs_nothing(missing):
    """NaN, infinities and integers beyond floats score 0, and the other rows score as if they had not come."""
    stream, plain = AnomalyStream(), AnomalyStream()
    values = noise(400)
    values[300] += 10.0
    for i, value in enumerate(values):
        assert stream.update(i * MINUTES, missing) == 0.0
        assert stream.update(missing, value) == 0.0
        assert stream.update(i * MINUTES, value) == plain.update(i * MINUTES, value)


@pytest.mark.parametrize("wrong", [None, "fast", [1.0]])
def test_other_types_are_refused(wrong):
    """A value that is no number at all is an error that shows it."""
    with pytest.raises(InvalidTypeError, match="expected numbers"):
        AnomalyStream().update(0.0, wrong)


def test_nothing_that_comes_later_matters():
    """Two streams that part after 500 rows score the first 500 alike."""
    values = noise(800)
    values[[200, 400]] += 12.0
    other = np.concatenate([values[:500], 1e6 * noise(300, seed=3)])
    assert scores(values)[:500] == scores(other)[:500]
    assert scores(values)[500:] != scores(other)[500:]


def test_memory_is_constant():
    """A stream of 20,000 rows takes as much to store as one of 4,000, to a hundredth."""
    stream = AnomalyStream()
    scores(noise(4_000), stream)
    before = len(pickle.dumps(stream))
    scores(noise(16_000, seed=4), stream, begin=4_000)
    assert len(pickle.dumps(stream)) == pytest.approx(before, rel=0.01)


def test_a_stored_stream_goes_on():
    """A stream that was pickled and read back scores what follows as the original does."""
    stream = AnomalyStream()
    scores(noise(300), stream)
    copy = pickle.loads(pickle.dumps(stream))  # noqa: S301 - written by this test
    rest = np.append(noise(100, seed=5), 70.0)
    assert scores(rest, copy, begin=300) == scores(rest, stream, begin=300)


@pytest.mark.parametrize("exponent", [-900, -60, 1, 70, 900])
def test_the_unit_does_not_matter(exponent):
    """Values times a power of two score exactly the same, at any size."""
    values = noise(600)
    values[500] += 9.0
    assert scores(values * 2.0**exponent) == scores(values)


@pytest.mark.parametrize(("factor", "shift"), [(-1.0, 0.0), (3.7, -120.0), (1e-6, 1.0), (1e9, 5e11)])
def test_zero_and_scale_do_not_matter(factor, shift):
    """``a * value + b`` scores the same but for rounding."""
    values = noise(600)
    values[500] += 9.0
    assert scores(factor * values + shift) == pytest.approx(scores(values), abs=1e-4)


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.0, 1e308, 5e-324, 2**63 - 1])
def test_constants_score_nothing(constant):
    """A constant series scores 0 in each row; the first other value scores high."""
    stream = AnomalyStream()
    assert set(scores([constant] * 500, stream)) == {0.0}
    assert stream.update(500 * MINUTES, constant / 2 + 1.0) > HIGH


def test_a_counter_is_not_unusual():
    """A 64-bit counter that grows by about as much each row scores no higher than noise, whatever its size."""
    steps = np.random.default_rng(6).poisson(100, 3_000)
    counter = [int(value) for value in 2**62 + np.cumsum(steps)]
    assert np.mean(np.array(scores(counter)[200:]) > HIGH) < 0.005


def test_a_glitch_does_not_blind():
    """A thousand rows after a value of 1e308, a spike of twenty standard deviations scores high."""
    values = noise(2_500)
    values[1_000], values[2_000] = 1e308, 70.0
    seen = scores(values)
    assert seen[1_000] > HIGH
    assert seen[2_000] > HIGH


def test_times_may_stand_still_or_run_backwards():
    """A spike scores high whatever the clock does."""
    values = noise(600)
    values[500] += 12.0
    for clock in ([0.0] * 600, range(600, 0, -1), [-1e308] * 600, [-1e-20] * 600):
        stream = AnomalyStream()
        assert [stream.update(second, value) for second, value in zip(clock, values, strict=True)][500] > HIGH


NUMBERS = st.one_of(
    st.floats(),
    st.sampled_from([0.0, -0.0, 1e308, -1e308, 1e-308, 5e-324, 0.1, 1.0]),
    st.integers(-(2**63), 2**63 - 1),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=60), st.integers(1, 12))
def test_anything_gets_a_score(rows, times):
    """Whatever rows come, and however often they come again, each gets a score in [0, 1]."""
    stream = AnomalyStream()
    for second, value in rows * times:
        assert 0.0 <= stream.update(second, value) <= 1.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80), st.integers(1, 20))
def test_a_window_knows_its_newest_values(values, length):
    """Mean and spread are those of the newest values, whatever was there before."""
    window = Window(length)
    for value in values:
        window.push(value)
    assert window.mean == pytest.approx(np.mean(values[-length:]), abs=1e-6)
    assert window.spread == pytest.approx(np.std(values[-length:]), abs=0.05)
