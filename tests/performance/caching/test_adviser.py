from __future__ import annotations

import itertools
import random
import sys
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomous_dev.conventions import CAPACITY_FACTORS
from autonomous_dev.performance.caching._adviser import SAMPLE, Adviser, _mixed

POINTS = 0.03
"""How far off a predicted hit ratio may be."""


def hit_ratio(keys: Sequence[Hashable], capacity: int) -> float:
    """What a true cache in least-recently-used order answers."""
    held: OrderedDict[Hashable, None] = OrderedDict()
    hits = 0
    for key in keys:
        if key in held:
            held.move_to_end(key)
            hits += 1
        else:
            held[key] = None
            if len(held) > capacity:
                held.popitem(last=False)
    return hits / len(keys)


def advised(keys: Sequence[Hashable], capacity: int) -> tuple[int, Adviser]:
    """Hits of a cache, and its adviser, after these lookups."""
    adviser = Adviser(capacity)
    held: OrderedDict[Hashable, None] = OrderedDict()
    hits = 0
    for key in keys:
        if key in held:
            held.move_to_end(key)
            hits += 1
        else:
            adviser.missed(hash(key))
            held[key] = None
            if len(held) > capacity:
                adviser.evicted(hash(held.popitem(last=False)[0]))
    return hits, adviser


def errors(keys: Sequence[Hashable], capacity: int) -> list[float]:
    """For each factor: predicted less true hit ratio."""
    hits, adviser = advised(keys, capacity)
    return [
        (hits + saved) / len(keys) - hit_ratio(keys, factor * capacity)
        for factor, saved in zip(CAPACITY_FACTORS, adviser.saved, strict=True)
    ]


def zipf(exponent: float, different: int, count: int) -> list[int]:
    """Keys of which the k-th is used in proportion to k ** -exponent."""
    weights = list(itertools.accumulate((k + 1) ** -exponent for k in range(different)))
    return random.Random(7).choices(range(different), cum_weights=weights, k=count)


def loop(length: int, count: int, stride: int = 1) -> list[int]:
    """The same keys again and again."""
    return [i % length * stride for i in range(count)]


@given(st.lists(st.integers(min_value=0, max_value=40), min_size=1, max_size=400), st.integers(1, 7))
def test_a_small_cache_is_told_exactly_what_larger_ones_would_answer(keys, capacity):
    """
    Whatever is looked up, the prediction is the replay.
    """
    assert errors(keys, capacity) == pytest.approx([0.0] * 3, abs=1e-12)


@pytest.mark.parametrize("capacity", [1, 2, 7, 128, SAMPLE])
@pytest.mark.parametrize("exponent", [0.6, 1.0])
def test_up_to_the_sample_nothing_is_estimated(capacity, exponent):
    """
    Up to so many entries all evicted keys are followed.
    """
    assert errors(zipf(exponent, 20 * capacity, 8000), capacity) == pytest.approx([0.0] * 3, abs=1e-12)


def accesses(capacity: int, count: int) -> Iterator[tuple[str, list[Hashable]]]:
    """Kinds of use that a large cache may meet."""
    for exponent in (0.6, 0.8, 1.0, 1.2):
        yield f"zipf {exponent}", zipf(exponent, 20 * capacity, count)
    for factor, share in itertools.product(CAPACITY_FACTORS, (0.995, 1.005)):
        yield f"loop of {share} x {factor} capacities", loop(int(factor * capacity * share), count)
    # Multiples of a Fibonacci number follow each other closely in one multiplicative hash.
    yield "loop in strides", loop(int(2.02 * capacity), count, 10946)
    yield "scan", list(range(count))
    popular, alone = zipf(0.9, 10 * capacity, count // 2), range(10**9, 10**9 + count // 2)
    yield "zipf and scan", [key for pair in zip(popular, alone, strict=True) for key in pair]
    again = [("loop", key) for key in loop(3 * capacity, count // 2)]
    yield "zipf and loop", [key for pair in zip(popular, again, strict=True) for key in pair]


@pytest.mark.parametrize(("capacity", "count"), [(1000, 40_000), (5000, 100_000)])
def test_a_sample_of_a_large_cache_is_within_three_points(capacity, count):
    """
    Zipf, loops just too long and just short enough, scans and mixtures: the sample says what the replay says.
    """
    worst = {name: max(map(abs, errors(keys, capacity))) for name, keys in accesses(capacity, count)}

    assert max(worst.values()) <= POINTS, worst
    assert max(worst[name] for name in worst if name.startswith(("loop", "scan"))) <= 0.005, worst


def test_what_was_saved_never_falls_and_a_larger_factor_saves_no_less():
    """
    The three numbers are cumulative and in order, at each moment, and at most the misses.
    """
    adviser = Adviser(2 * SAMPLE)
    before = [0, 0, 0]
    for misses, key in enumerate(zipf(0.8, 20 * SAMPLE, 20_000), 1):
        adviser.missed(key)
        adviser.evicted(key)
        now = list(adviser.saved)
        assert all(a <= b for a, b in zip(before, now, strict=True))
        assert now == sorted(now)
        assert now[-1] <= misses
        before = now
    assert before[0] > 0


def test_who_holds_the_counts_sees_what_comes_later():
    """
    The list is counted in.
    """
    adviser = Adviser(1)
    held = adviser.saved
    adviser.evicted(5)
    adviser.missed(5)

    assert held == [1, 1, 1]


@pytest.mark.parametrize(
    ("later", "saved"), [(0, [1, 1, 1]), (1, [0, 1, 1]), (2, [0, 1, 1]), (3, [0, 0, 1]), (7, [0, 0, 0])]
)
def test_the_place_of_a_ghost_says_which_factor_would_do(later, saved):
    """
    Behind one entry: one more place for 2, three for 4, seven for 8.
    """
    adviser = Adviser(1)
    for key in range(later + 1):
        adviser.evicted(key)
    adviser.missed(0)

    assert adviser.saved == saved


@pytest.mark.parametrize("capacity", [1, 128, SAMPLE, SAMPLE + 1, 5000, 10**7])
def test_what_is_kept_is_bounded(capacity):
    """
    However large the cache and however many keys pass: seven times the smaller of capacity and sample.
    """
    adviser = Adviser(capacity)
    for key in range(min(capacity, 20_000) * 8 + 100):
        adviser.evicted(key)

    assert adviser.ghosts <= 7 * min(capacity, SAMPLE) * 1.15
    if capacity <= 5000:
        assert adviser.ghosts >= 7 * min(capacity, SAMPLE) * 0.85


def test_keys_that_all_fall_into_the_sample_do_not_grow_it_without_bound():
    """
    Twice the expected size is the end, whatever the hashes.
    """
    capacity = 100 * SAMPLE
    followed = (key for key in itertools.count() if _mixed(key) < 2**64 // 100)
    adviser = Adviser(capacity)
    for key in itertools.islice(followed, 20 * SAMPLE):
        adviser.evicted(key)

    assert 7 * SAMPLE <= adviser.ghosts <= 2 * 7 * SAMPLE


def test_a_cache_that_evicts_nothing_costs_nothing():
    """
    Nothing is allocated before the first eviction.
    """
    adviser = Adviser(1000)
    size = sys.getsizeof(adviser)
    for key in range(1000):
        adviser.missed(key)

    assert adviser.ghosts == 0
    assert adviser._segments == ()
    assert sys.getsizeof(adviser) == size <= 128


def test_ghosts_of_a_cleared_cache_are_gone_and_counts_stay():
    """
    A larger cache would be empty too.
    """
    adviser = Adviser(2)
    for key in range(5):
        adviser.evicted(key)
    adviser.missed(4)
    adviser.clear()
    for key in range(4):
        adviser.missed(key)

    assert adviser.saved == [1, 1, 1]
    assert adviser.ghosts == 0


def test_a_long_life_does_not_confuse_the_numbers():
    """
    After more evictions than 32 bits can count the sample still says what the replay says.
    """
    adviser = Adviser(2 * SAMPLE)
    adviser._evictions = 2**33 - 100
    adviser._sampled_evictions = 2**32 - 50
    keys = loop(4 * SAMPLE - 10, 20 * SAMPLE)
    held: OrderedDict[Hashable, None] = OrderedDict()
    for key in keys:
        if key not in held:
            adviser.missed(key)
            held[key] = None
            if len(held) > 2 * SAMPLE:
                adviser.evicted(held.popitem(last=False)[0])

    assert adviser.saved[0] / len(keys) == pytest.approx(hit_ratio(keys, 4 * SAMPLE), abs=0.01)


def test_an_invalidated_key_is_no_hit_of_a_larger_cache():
    """
    It would have left that one as well.
    """
    adviser = Adviser(2)
    for key in range(5):
        adviser.evicted(key)
    adviser.forget(1)
    adviser.forget(77)
    adviser.missed(1)

    assert adviser.saved == [0, 0, 0]


@pytest.mark.parametrize("capacity", [4, 2 * SAMPLE])
def test_what_would_have_expired_is_no_hit_of_a_larger_cache(capacity):
    """
    With a time to live, a key that comes back too late would have missed with any capacity.
    """
    adviser = Adviser(capacity)
    for key in range(capacity):
        adviser.evicted(key, expires=10.0 + key % 2)
    for key in range(capacity):
        adviser.missed(key, now=10.5)

    assert adviser.saved[0] == pytest.approx(capacity / 2, rel=0.2)
    assert (adviser.ghosts, adviser._expiries) == (0, {})


@pytest.mark.parametrize("capacity", [4, 2 * SAMPLE])
def test_expiries_are_bounded_as_the_ghosts_are(capacity):
    """
    When a ghost goes, so does its time.
    """
    adviser = Adviser(capacity)
    for key in range(20 * capacity):
        adviser.evicted(key, expires=float(key))
    for key in range(19 * capacity, 20 * capacity):
        adviser.forget(key)

    assert 0 < adviser.ghosts == len(adviser._expiries) <= 7 * capacity
    adviser.clear()
    assert not adviser._expiries
