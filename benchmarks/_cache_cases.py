"""
What a cached call costs: hits of every kind beside ``functools.lru_cache``, and computed misses.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import cachetools
from _rounds import Case

from autonomous_dev import cached

HIT, LRU = "hit", "lru_cache: hit"
KEYWORD, LRU_KEYWORD = "keyword", "lru_cache: keyword"
THREADS, LRU_THREADS = "threads", "lru_cache: threads"
BARE, BARE_THREADS = "bare", "bare: threads"
TTL, TTL_CACHETOOLS = "ttl", "cachetools: ttl"
AWAITED, TRIVIAL = "awaited", "trivial coroutine"
METHOD, LRU_METHOD = "method", "lru_cache: method"
UNHASHABLE = "unhashable"
MISS_, LRU_MISS = "miss", "lru_cache: miss"

SIZE = 128
HITS, HITS_OF_A_THREAD, SLOW_HITS, MISSES = 20_000, 100_000, 5_000, 2_000


@contextmanager
def cache_cases() -> Iterator[dict[str, Case]]:
    """
    Hits and misses by name. Telemetry and adviser are on as by default, no SDK is set.
    """
    ours = cached(max_size=SIZE)(_same)
    theirs = functools.lru_cache(maxsize=SIZE)(_same)
    bare = cached(max_size=SIZE, bare=True)(_same)
    ttl = cached(max_size=SIZE, ttl=3600)(_same)
    cachetools_ttl = cachetools.cached(cachetools.TTLCache(SIZE, 3600), lock=threading.RLock())(_same)
    with ThreadPoolExecutor(2) as pool, asyncio.Runner() as runner:
        yield {
            HIT: Case(_hits(ours), HITS),
            LRU: Case(_hits(theirs), HITS),
            KEYWORD: Case(_keyword_hits(ours), HITS),
            LRU_KEYWORD: Case(_keyword_hits(theirs), HITS),
            THREADS: Case(_on_two_threads(pool, _hits(ours)), HITS_OF_A_THREAD),
            LRU_THREADS: Case(_on_two_threads(pool, _hits(theirs)), HITS_OF_A_THREAD),
            BARE: Case(_hits(bare), HITS),
            BARE_THREADS: Case(_on_two_threads(pool, _hits(bare)), HITS_OF_A_THREAD),
            TTL: Case(_hits(ttl), HITS),
            TTL_CACHETOOLS: Case(_hits(cachetools_ttl), SLOW_HITS),
            AWAITED: Case(_awaited(runner, cached(max_size=SIZE)(_coroutine)), HITS),
            TRIVIAL: Case(_awaited(runner, _coroutine), HITS),
            METHOD: Case(_hits(_Ours().method), HITS),
            LRU_METHOD: Case(_hits(_Theirs().method), HITS),
            UNHASHABLE: Case(_hits(cached(max_size=SIZE)(len), {"id": 7, "region": "north"}), SLOW_HITS),
            MISS_: Case(_misses(cached(max_size=SIZE)(_same)), MISSES),
            LRU_MISS: Case(_misses(functools.lru_cache(maxsize=SIZE)(_same)), MISSES),
        }


def _same(number: int) -> int:
    return number


async def _coroutine(number: int) -> int:
    return number


class _Ours:
    @cached(max_size=SIZE)
    def method(self, number: int) -> int:
        return number


class _Theirs:
    @functools.lru_cache(maxsize=SIZE)  # noqa: B019 - what it costs to keep instances alive is what is compared
    def method(self, number: int) -> int:
        return number


def _hits(function: Callable[[Any], object], argument: object = 5) -> Callable[[int], None]:
    def hits(times: int) -> None:
        for _ in itertools.repeat(None, times):
            function(argument)

    return hits


def _keyword_hits(function: Callable[..., object]) -> Callable[[int], None]:
    def hits(times: int) -> None:
        for _ in itertools.repeat(None, times):
            function(number=5)

    return hits


def _on_two_threads(pool: ThreadPoolExecutor, work: Callable[[int], None]) -> Callable[[int], None]:
    def on_two_threads(times: int) -> None:
        for done in [pool.submit(work, times) for _ in range(2)]:
            done.result()

    return on_two_threads


def _awaited(runner: asyncio.Runner, function: Callable[[int], Any]) -> Callable[[int], None]:
    async def awaited(times: int) -> None:
        for _ in itertools.repeat(None, times):
            await function(5)

    return lambda times: runner.run(awaited(times))


def _misses(function: Callable[[int], object]) -> Callable[[int], None]:
    numbers = itertools.count()

    def misses(times: int) -> None:
        for number in itertools.islice(numbers, times):
            function(number)

    return misses
