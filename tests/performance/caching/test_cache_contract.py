"""
What every kind of cache that is counted does alike, whoever made it.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from autonomous_dev import _state
from autonomous_dev.performance import SimpleCache, cached, watch_cache

SIZE = 3
NAME = "contract"


@dataclass
class Subject:
    """
    One cache under test.

    Attributes:
        call: Looks a number up and gives a result; computes it through the function that it was made with.

        clear: Empties the cache.

        cache: Where one computation a key at a time is promised, the cache that sees to it.

        keep: What lives as long as the cache.
    """

    call: Callable[[int], Any]
    clear: Callable[[], object]
    cache: Any = None
    keep: Any = None


def function(compute):
    """
    A cached function.
    """
    f = cached(SIZE, name=NAME)(compute)
    return Subject(f, f.cache_clear, f._cache, keep=f)


def by_keyword(compute):
    """
    A cached function whose argument is named.
    """

    @cached(SIZE, name=NAME)
    def f(*, n):
        return compute(n)

    return Subject(lambda n: f(n=n), f.cache_clear, f._cache, keep=f)


def coroutine_function(compute):
    """
    A cached coroutine function, each call in a loop of its own.
    """

    @cached(SIZE, name=NAME)
    async def f(n):
        return compute(n)

    return Subject(lambda n: asyncio.run(f(n)), f.cache_clear, f._cache, keep=f)


def by_value(compute):
    """
    A cached function whose arguments have no hash.
    """
    f = cached(SIZE, name=NAME)(lambda numbers: compute(numbers["n"][0]))
    return Subject(lambda n: f({"n": [n]}), f.cache_clear, f._cache, keep=f)


def with_a_time_to_live(compute):
    """
    A cached function whose results expire, not now.
    """
    f = cached(SIZE, name=NAME, ttl=1e6)(compute)
    return Subject(f, f.cache_clear, f._cache, keep=f)


def typed(compute):
    """
    A cached function that tells types apart.
    """
    f = cached(SIZE, name=NAME, typed=True)(compute)
    return Subject(f, f.cache_clear, f._cache, keep=f)


def with_a_key_function(compute):
    """
    A cached function with keys of the user's.
    """
    f = cached(SIZE, name=NAME, key=lambda n: f"key {n}")(compute)
    return Subject(f, f.cache_clear, f._cache, keep=f)


def bare(compute):
    """
    C's own cache.
    """
    f = cached(SIZE, name=NAME, bare=True)(compute)
    return Subject(f, f.cache_clear, keep=f)


def method(compute):
    """
    A cached method.
    """

    class Thing:
        @cached(SIZE, name=NAME)
        def f(self, n):
            return compute(n)

    thing = Thing()
    return Subject(thing.f, Thing.f.cache_clear, Thing.f._cache, keep=thing)


def class_method(compute):
    """
    A cached class method.
    """

    class Thing:
        @classmethod
        @cached(SIZE, name=NAME)
        def f(cls, n):
            return compute(n)

    return Subject(Thing.f, Thing.f.cache_clear, Thing.f._cache, keep=Thing)


def static_method(compute):
    """
    A cached static method.
    """

    class Thing:
        @cached(SIZE, name=NAME)
        @staticmethod
        def f(n):
            return compute(n)

    return Subject(Thing.f, Thing.f.cache_clear, Thing.f._cache, keep=Thing)


def _by_hand(get, put, clear, keep, compute):
    def call(n):
        found = get(n)
        if found is None:
            found = compute(n)
            put(n, found)
        return found

    return Subject(call, clear, keep=keep)


def simple_cache(compute):
    """
    A SimpleCache, asked and filled by hand.
    """
    cache = SimpleCache(SIZE, name=NAME)
    return _by_hand(cache.get, cache.set, cache.clear, cache, compute)


def watched_lru_cache(compute):
    """
    A functools.lru_cache that was there already.
    """
    f = functools.lru_cache(SIZE)(compute)
    watch_cache(f, name=NAME)
    return Subject(f, f.cache_clear, keep=f)


def watched_cachetools_cache(compute):
    """
    A cachetools cache that was there already, filled by hand.
    """
    cachetools = pytest.importorskip("cachetools", reason="pip install cachetools")
    cache = cachetools.LRUCache(SIZE)
    watch_cache(cache, name=NAME)
    return _by_hand(cache.get, cache.__setitem__, cache.clear, cache, compute)


KINDS = (
    function,
    by_keyword,
    coroutine_function,
    by_value,
    with_a_time_to_live,
    typed,
    with_a_key_function,
    bare,
    method,
    class_method,
    static_method,
    simple_cache,
    watched_lru_cache,
    watched_cachetools_cache,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
class TestEveryKindOfCache:
    """
    One contract for all.
    """

    met: set[str] = set()  # noqa: RUF012 - counted over the whole class

    def test_what_was_computed_is_not_computed_again(self, kind):
        """
        The second lookup gives the first one's object.
        """
        self.met.add(kind.__name__)
        computed = []
        subject = kind(lambda n: computed.append(n) or [n])

        assert subject.call(1) is subject.call(1)
        assert subject.call(2) == [2]
        assert computed == [1, 2]

    def test_the_least_recently_used_goes_first(self, kind):
        """
        Of four results that do not fit, the one that was not looked up goes.
        """
        computed = []
        subject = kind(lambda n: computed.append(n) or n + 10)

        assert [subject.call(n) for n in (1, 2, 3, 1, 4, 1, 3, 4, 2)] == [11, 12, 13, 11, 14, 11, 13, 14, 12]
        assert computed == [1, 2, 3, 4, 2]

    def test_lookups_size_and_capacity_are_counted_under_its_name(self, kind):
        """
        What OpenTelemetry is shown agrees with what was done.
        """
        subject = kind(lambda n: n + 10)
        for n in (1, 1, 2, 3, 4, 4):
            subject.call(n)

        totals = _state.caches()[NAME]

        assert (totals.hits, totals.misses) == (2, 4)
        assert (totals.size, totals.capacity) == (SIZE, SIZE)

    def test_no_counter_falls_when_it_is_cleared(self, kind):
        """
        Counters go on where they were; the size is 0.
        """
        subject = kind(lambda n: n + 10)
        for n in (1, 1, 2):
            subject.call(n)
        before = _state.caches()[NAME]
        subject.clear()
        cleared = _state.caches()[NAME]
        subject.call(1)
        after = _state.caches()[NAME]

        assert (before.hits, before.misses, before.size) == (1, 2, 2)
        assert (cleared.hits, cleared.misses, cleared.size) == (1, 2, 0)
        assert (after.hits, after.misses, after.size) == (1, 3, 1)

    def test_counts_outlive_it_and_it_goes_with_its_last_user(self, kind):
        """
        Nothing process-wide keeps it alive; what it counted stays.
        """
        subject = kind(lambda n: n + 10)
        subject.call(1)
        subject.call(1)
        _state.caches()
        del subject
        gc.collect()

        totals = _state.caches()[NAME]

        assert (totals.hits, totals.misses) == (1, 1)
        assert (totals.size, totals.capacity) == (0, 0)

    def test_an_exception_passes_and_is_not_kept(self, kind):
        """
        The very exception reaches the caller, and the next call computes anew.
        """
        error = ValueError("no")
        results = [error, 5]

        def compute(_):
            result = results.pop(0)
            if result is error:
                raise result
            return result

        subject = kind(compute)

        with pytest.raises(ValueError, match="no") as caught:
            subject.call(1)
        assert caught.value is error
        assert caught.value.__context__ is None
        assert subject.call(1) == 5

    def test_it_works_in_a_forked_child(self, kind):
        """
        The child has the parent's entries, and its own from then on.
        """
        subject = kind(lambda _: os.getpid())
        parent = subject.call(1)
        child = os.fork()
        if child == 0:
            good = subject.call(1) == parent and subject.call(2) == os.getpid() and subject.call(2) == os.getpid()
            os._exit(0 if good else 1)

        assert os.waitpid(child, 0)[1] == 0
        assert subject.call(2) == parent

    def test_threads_lose_no_count(self, kind):
        """
        Four threads that began together: lookups add up to the calls, and computations to the misses.
        """
        computed = []
        subject = kind(lambda n: computed.append(n) or n + 10)
        begin = threading.Barrier(4)
        wrong = []

        def work(seed):
            begin.wait()
            for step in range(300):
                n = (step * (seed + 3)) % 5
                if subject.call(n) != n + 10:
                    wrong.append(n)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        totals = _state.caches()[NAME]

        assert not wrong
        assert totals.hits + totals.misses == 1200
        assert totals.misses == len(computed)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_threads_that_meet_compute_once_where_that_is_promised(kind):
    """
    While one thread computes three others ask for the same; C's cache and those asked by hand compute each time.
    """
    computed, computing, go_on = [], threading.Event(), threading.Event()

    def compute(n):
        computed.append(n)
        computing.set()
        assert go_on.wait(20)
        return [n]

    subject = kind(compute)
    got = []
    threads = [threading.Thread(target=lambda: got.append(subject.call(1))) for _ in range(4)]
    threads[0].start()
    assert computing.wait(20)
    for thread in threads[1:]:
        thread.start()
    until(lambda: len(computed) + waiting(subject.cache) == 4)
    go_on.set()
    for thread in threads:
        thread.join()

    assert len(computed) == (4 if subject.cache is None else 1)
    assert got == [[1]] * 4
    assert subject.cache is None or all(result is got[0] for result in got)


def waiting(cache):
    """
    Threads that wait for another's computation.
    """
    return 0 if cache is None else sum(len(flight._waiters) for flight in list(cache._flights.values()))


def until(condition):
    """
    Wait for what other threads are about to do; fails where it never comes.
    """
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def test_the_contract_met_every_kind():
    """
    No kind was left out: eleven of ours, and three that are asked by hand or were there already.
    """
    if not TestEveryKindOfCache.met:
        pytest.skip("only this test was asked for")
    assert len(KINDS) == 14
    assert {kind.__name__ for kind in KINDS} == TestEveryKindOfCache.met
