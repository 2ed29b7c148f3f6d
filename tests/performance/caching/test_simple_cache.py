from __future__ import annotations

import gc
import logging
import pickle
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from autonomous_dev import _state
from autonomous_dev.conventions import CACHE, CACHE_EXPIRATIONS, CACHE_HIT_RATIO_PREDICTED, CAPACITY_FACTOR
from autonomous_dev.errors import InvalidNameError, InvalidTypeError, InvalidValueError
from autonomous_dev.performance import SimpleCache, observe_caches
from children import forked


def test_the_guides_cache():
    """
    A value that was set is found, a missing one is None, and nothing is left after a clear.
    """
    cache = SimpleCache(max_size=100)

    cache.set("key1", "value1")

    assert cache.get("key1") == "value1"
    assert cache.get("missing") is None
    assert cache.get("missing", 7) == 7
    assert cache.size() == len(cache) == 1
    assert "key1" in cache
    assert "missing" not in cache
    cache.clear()
    assert cache.size() == 0
    assert cache.get("key1") is None


def test_none_is_a_value():
    """
    A stored None is a hit, whatever the default.
    """
    cache = SimpleCache(2)
    cache.set("k", None)

    assert cache.get("k", "default") is None
    assert (cache.counts.hits, cache.counts.misses) == (1, 0)


def test_delete_says_whether_it_was_there():
    """
    Deleting removes one entry and counts as no lookup.
    """
    cache = SimpleCache(2)
    cache.set("k", 1)

    assert cache.delete("k") is True
    assert cache.delete("k") is False
    assert cache.delete([1]) is False
    assert cache.size() == 0
    assert (cache.counts.hits, cache.counts.misses, cache.counts.evictions) == (0, 0, 0)


class Model(RuleBasedStateMachine):
    """
    SimpleCache beside the obvious model of least-recently-used order.
    """

    keys = st.integers(min_value=0, max_value=6) | st.lists(st.integers(min_value=0, max_value=1), max_size=1)

    def __init__(self):
        super().__init__()
        self.cache = SimpleCache(3)
        self.model = OrderedDict()
        self.hits = self.misses = self.evictions = 0

    @rule(key=keys, value=st.integers() | st.none())
    def set(self, key, value):
        """
        Both store.
        """
        self.cache.set(key, value)
        self.model.pop(str(key), None)
        self.model[str(key)] = value
        if len(self.model) > 3:
            self.model.popitem(last=False)
            self.evictions += 1

    @rule(key=keys)
    def get(self, key):
        """
        Both look up.
        """
        expected = self.model.get(str(key), "absent")
        if str(key) in self.model:
            self.model.move_to_end(str(key))
            self.hits += 1
        else:
            self.misses += 1
        assert self.cache.get(key, "absent") == expected

    @rule(key=keys)
    def delete(self, key):
        """
        Both delete.
        """
        assert self.cache.delete(key) == (str(key) in self.model)
        self.model.pop(str(key), None)

    @rule()
    def clear(self):
        """
        Both forget.
        """
        self.cache.clear()
        self.model.clear()

    @rule()
    def load(self):
        """
        A subclass puts a plain dict in the place of the entries.
        """
        self.cache._cache = dict(self.cache._cache)

    @invariant()
    def alike(self):
        """
        Same values in the same order of use, same counts.
        """
        assert list(self.cache._cache.values()) == list(self.model.values())
        counts = self.cache.counts
        assert (counts.hits, counts.misses, counts.evictions) == (self.hits, self.misses, self.evictions)


TestModel = Model.TestCase


def test_finding_the_oldest_entry_does_not_search():
    """
    The entries are an ordered dict, whose oldest is at hand however large it is; it equals a plain one.
    """
    cache = SimpleCache(2)
    cache.set("a", 1)

    assert isinstance(cache._cache, OrderedDict)
    assert cache._cache == {"a": 1}


def test_a_loaded_dict_that_is_too_large_shrinks_at_the_next_set():
    """
    The size is kept even where a subclass put more entries in.
    """
    cache = SimpleCache(2)
    cache._cache = {number: number for number in range(5)}

    cache.set("new", 1)

    assert dict(cache._cache) == {4: 4, "new": 1}


class PersistentCache(SimpleCache):
    """
    The guide's own example of a subclass.
    """

    def __init__(self, max_size: int, cache_file: Path):
        super().__init__(max_size)
        self.cache_file = cache_file
        self._load()

    def _load(self):
        if self.cache_file.exists():
            self._cache = pickle.loads(self.cache_file.read_bytes())  # noqa: S301 - the guide's own code

    def set(self, key: str, value: Any) -> None:
        super().set(key, value)
        self.cache_file.write_bytes(pickle.dumps(self._cache))


def test_the_guides_persistent_cache_survives_a_restart(tmp_path):
    """
    What a subclass pickles of ``_cache`` is there again when it loads it, least recently used first.
    """
    first = PersistentCache(3, tmp_path / "cache.pickle")
    for key in "abcd":
        first.set(key, key.upper())
    first.set(["a", "list"], "by value")

    second = PersistentCache(3, tmp_path / "cache.pickle")

    assert second.size() == 3
    assert [second.get(key) for key in ("a", "b", "c", "d")] == [None, None, "C", "D"]
    assert second.get(["a", "list"]) == "by value"
    second.set("e", "E")
    assert second.get("c") is None


def test_a_pickled_plain_dict_can_be_loaded(tmp_path):
    """
    A file that holds a plain dict is as good.
    """
    path = tmp_path / "cache.pickle"
    path.write_bytes(pickle.dumps({"a": 1, "b": 2}))

    cache = PersistentCache(2, path)
    assert cache.get("a") == 1
    cache.set("c", 3)

    assert type(cache._cache) is dict
    assert cache._cache == {"a": 1, "c": 3}


@pytest.mark.parametrize(
    ("key", "equal", "other"),
    [
        ([1, 2], [1, 2], (1, 2)),
        ({"a": [1]}, {"a": [1]}, {"a": [2]}),
        ({1, 2}, {2, 1}, frozenset({1, 2})),
        ((1, [2]), (1, [2]), [1, [2]]),
        (bytearray(b"x"), bytearray(b"x"), b"x"),
    ],
)
def test_keys_without_a_hash_count_by_value(key, equal, other):
    """
    An equal list, dict, set or bytearray finds the value; one of another type does not.
    """
    cache = SimpleCache(5)
    cache.set(key, "found")

    assert cache.get(equal) == "found"
    assert equal in cache
    assert cache.get(other) is None
    assert cache.delete(equal) is True


class Contrary:
    """
    A key that fails when it is hashed or compared.
    """

    def __init__(self, at):
        self.at = at

    def __hash__(self):
        if self.at == "hash":
            raise RuntimeError("no hash")
        return 1

    def __eq__(self, other):
        raise RuntimeError("no comparison")


@pytest.mark.our_failures
@pytest.mark.parametrize("key", [Contrary("hash"), Contrary("eq"), type("Unhashable", (), {"__hash__": None})()])
def test_a_key_that_cannot_be_used_is_never_stored_and_never_raises(key, monkeypatch, caplog):
    """
    What a key raises stays inside: lookups miss, and the failure is logged once.
    """
    monkeypatch.setattr(_state, "_failures", {})
    caplog.set_level(logging.WARNING, "autonomous_dev")
    cache = SimpleCache(5)
    cache.set(1, "one")  # same hash as the key: comparing is needed

    for _ in range(2):
        cache.set(key, "x")
        assert cache.get(key, "default") == "default"
        assert key not in cache
        assert cache.delete(key) is False

    assert cache.get(1) == "one"
    assert cache.counts.misses == 2
    assert len([record for record in caplog.records if record.name == "autonomous_dev"]) <= 1


@pytest.mark.parametrize(
    ("max_size", "error", "message"),
    [
        (0, InvalidValueError, "max_size is 0; expected 1 or more"),
        (-5, InvalidValueError, "max_size is -5"),
        (True, InvalidTypeError, "max_size is True of type bool; expected how many entries"),
        (1.5, InvalidTypeError, "1.5 of type float"),
        (None, InvalidTypeError, "None"),
        ("10", InvalidTypeError, "'10' of type str"),
    ],
)
def test_a_wrong_size_fails_at_once(max_size, error, message):
    """
    The message says what was given and what was expected.
    """
    with pytest.raises(error, match=message):
        SimpleCache(max_size)


def test_a_wrong_name_fails_at_once():
    """
    A cache's name follows the rules of names.
    """
    with pytest.raises(InvalidNameError):
        SimpleCache(1, name="")
    with pytest.raises(InvalidTypeError, match="name of the cache is 5"):
        SimpleCache(1, name=5)


def test_a_cache_shows_itself():
    """
    Size, capacity and name can be read.
    """
    cache = SimpleCache(3, name="users")
    cache.set(1, 1)

    assert (cache.max_size, cache.name) == (3, "users")
    assert repr(cache) == "<SimpleCache 'users': 1 of 3 entries>"
    assert SimpleCache(1).name == "simple_cache"


# Counting.


def test_caches_of_one_name_are_summed_and_their_totals_never_fall():
    """
    Lookups of a cache that is gone stay in the totals, its size and capacity do not.
    """
    for _ in range(100):
        cache = SimpleCache(1, name="short")
        cache.set("a", 1)
        cache.set("b", 1)
        cache.get("b")
        cache.get("a")
    alive = weakref.ref(cache)
    before = _state.caches()["short"]
    cache.clear()
    cleared = _state.caches()["short"]
    del cache
    gc.collect()
    after = _state.caches()["short"]

    assert alive() is None
    assert (before.hits, before.misses, before.evictions, before.size, before.capacity) == (100, 100, 100, 1, 1)
    assert (cleared.hits, cleared.misses, cleared.evictions, cleared.size) == (100, 100, 100, 0)
    assert (after.hits, after.misses, after.evictions, after.size, after.capacity) == (100, 100, 100, 0, 0)


def test_a_subclass_whose_size_fails_does_not_hide_the_other_caches(monkeypatch):
    """
    Each cache is asked by itself.
    """
    monkeypatch.setattr(_state, "_failures", {})

    class Broken(SimpleCache):
        def size(self):
            raise RuntimeError("no size")

    broken, sound = Broken(1, name="broken"), SimpleCache(2, name="sound")
    sound.set(1, 1)
    broken.get(1)

    assert _state.caches()["sound"].size == 1
    assert _state.caches()["broken"].misses == 1


def test_what_an_entry_does_when_it_dies_happens_outside_the_lock():
    """
    An evicted or cleared value whose finaliser waits for another thread that uses the cache does not hang.
    """
    cache = SimpleCache(1)
    got = []

    class Value:
        def __del__(self):
            thread = threading.Thread(target=lambda: got.append(cache.get("x")))
            thread.start()
            thread.join(30)
            assert not thread.is_alive()

    cache.set(1, Value())
    cache.set(2, Value())  # evicts
    cache.set(2, Value())  # replaces
    cache.clear()

    assert got == [None] * 3


def test_threads_lose_no_count_and_never_exceed_the_size():
    """
    Four threads that really overlap keep every lookup and the bound.
    """
    cache = SimpleCache(8)
    start = threading.Barrier(4, timeout=30)
    too_large = []

    def work(seed):
        start.wait()
        for number in range(2000):
            key = (number * 7 + seed) % 16
            if cache.get(key) is None:
                cache.set(key, key)
            if len(cache._cache) > 8:
                too_large.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert cache.counts.hits + cache.counts.misses == 8000
    assert cache.size() == 8
    assert not too_large


@given(st.lists(st.integers(min_value=0, max_value=30), max_size=60), st.integers(min_value=1, max_value=10))
def test_the_newest_keys_are_the_ones_that_stay(keys, max_size):
    """
    After any sets the cache holds the distinct keys that were set last.
    """
    cache = SimpleCache(max_size)
    for key in keys:
        cache.set(key, key)

    newest = list(dict.fromkeys(reversed(keys)))[:max_size]
    assert list(cache._cache) == newest[::-1]


# Fork.


def test_a_lock_that_another_thread_held_at_a_fork_does_not_hang_the_child():
    """
    A child goes on with a lock of its own.
    """
    cache = SimpleCache(4)
    cache.set("k", "value")
    held, release = threading.Event(), threading.Event()

    def hold():
        with cache._lock:
            held.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    try:
        answer = forked(lambda: cache.get("k"))
    finally:
        release.set()
        thread.join(30)

    assert answer == "value"


# The adviser.


def used(capacity: int, keys: Iterable[Any]) -> SimpleCache:
    """
    A cache in which each key was looked up and stored where it was missing.
    """
    cache = SimpleCache(capacity, name="advised")
    for key in keys:
        if cache.get(key) is None:
            cache.set(key, "value")
    return cache


def test_misses_that_a_larger_cache_would_have_answered_are_counted():
    """
    A loop over three keys misses always with room for two, and after the first round never with room for four.
    """
    cache = used(2, [0, [1], "two"] * 10)

    assert (cache.counts.hits, cache.counts.misses) == (0, 30)
    assert list(cache.counts.saved) == [27, 27, 27]


def test_a_cache_with_room_for_all_saves_nothing():
    """
    What never evicts has nothing to gain.
    """
    assert list(used(3, [0, 1, 2] * 10).counts.saved) == [0, 0, 0]


def test_a_larger_cache_would_be_cleared_too():
    """
    After a clear or a delete of what was evicted a miss is a miss with any capacity.
    """
    cache = used(1, "abc")
    cache.delete("a")
    cache.get("a")
    assert list(cache.counts.saved) == [0, 0, 0]
    cache.clear()
    cache.get("b")
    assert list(cache.counts.saved) == [0, 0, 0]


def test_a_key_that_is_stored_again_without_a_lookup_is_no_ghost_any_more():
    """
    What was evicted and is in the cache again is evicted a second time, as the newest.
    """
    cache = SimpleCache(1)
    for key in "abcda":  # nothing is looked up
        cache.set(key, "value")

    assert cache._adviser.ghosts == 3
    cache.get("b")
    assert list(cache.counts.saved) == [0, 1, 1]


def test_the_adviser_keeps_no_key_alive():
    """
    Hashes are kept, never keys: what was evicted is gone.
    """

    class Key:
        pass

    cache = SimpleCache(1)
    key = Key()
    gone = weakref.ref(key)
    cache.set(key, "value")
    cache.set("other", "value")
    assert cache._adviser.ghosts == 1
    del key
    gc.collect()

    assert gone() is None


def points(reader: InMemoryMetricReader, name: str) -> list[Any]:
    """
    The points of one metric, as a reader gets them.
    """
    data = reader.get_metrics_data()
    return [
        point
        for resource in (data.resource_metrics if data is not None else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    ]


def predicted(reader: InMemoryMetricReader) -> dict[tuple[str, str], float]:
    """
    By cache and factor the hit ratio that is reported.
    """
    found = points(reader, CACHE_HIT_RATIO_PREDICTED)
    return {(point.attributes[CACHE], point.attributes[CAPACITY_FACTOR]): point.value for point in found}


def test_predictions_are_a_metric_of_what_evicts():
    """
    For 2, 4 and 8 times the capacity a gauge says the hit ratio; a cache with room for all has none.
    """
    reader = InMemoryMetricReader()
    observe_caches(MeterProvider([reader]))
    cache = used(2, [0, 1, 2] * 10)
    roomy = SimpleCache(5, name="roomy")
    roomy.get(1)

    assert predicted(reader) == pytest.approx({("advised", factor): 0.9 for factor in ("2", "4", "8")})
    assert (cache.size(), roomy.size()) == (2, 0)


def test_predictions_of_many_caches_stay_below_the_sdks_limit():
    """
    Of the first 666 caches and more, those with most to gain are reported: three points each.
    """
    reader = InMemoryMetricReader()
    observe_caches(MeterProvider([reader]))
    kept = []
    for number in range(700):
        cache = SimpleCache(1, name=f"cache_{number}")
        for key in range(2 + 3 * (number == 690)):
            cache.set(key % 2, key)
            cache.get((key + 1) % 2)
        kept.append(cache)
    found = predicted(reader)

    assert len(found) == 3 * 666
    assert ("cache_690", "2") in found


def test_expirations_are_a_metric():
    """
    What caches dropped because its time was up is a counter of its own.
    """
    reader = InMemoryMetricReader()
    observe_caches(MeterProvider([reader]))
    cache = SimpleCache(1, name="expiring")
    cache.counts.expirations += 3

    assert {p.attributes[CACHE]: p.value for p in points(reader, CACHE_EXPIRATIONS)} == {"expiring": 3}
