"""
The rows of the table, made of what was taken: what is compared with what, and how much it may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import _block_cases as blocks
import _cache_cases as caches
import _import_cases as imports
import _memory as memory
import _record_cases as records
from _peers import Peer
from _report import Row
from _rounds import Spread, Taken, alone, difference, ratio, spread

MICRO, MILLI, KIBI = 1e6, 1e3, 1 / 1024

_LRU = "`functools.lru_cache`"
_BY_HAND = "`start_as_current_span` + `Histogram.record`"


def cache_rows(taken: Mapping[str, Taken]) -> list[Row]:
    """
    Cached calls.
    """

    def by(what: str, ours: str, against: str, theirs: str, target: float | None = None) -> Row:
        return _times(what, taken[ours].wall, against, taken[theirs].wall, target)

    return [
        by("`cached` hit, one positional argument", caches.HIT, _LRU, caches.LRU, 1.9),
        by("… by keyword", caches.KEYWORD, _LRU, caches.LRU_KEYWORD, 1.0),
        by("… on two threads", caches.THREADS, _LRU, caches.LRU_THREADS, 2.0),
        by("`cached(bare=True)` hit", caches.BARE, _LRU, caches.LRU, 1.05),
        by("… on two threads", caches.BARE_THREADS, _LRU, caches.LRU_THREADS, 1.1),
        by("`cached(ttl=)` hit", caches.TTL, _LRU, caches.LRU, 3.0),
        by("for comparison: cachetools' TTL cache with a lock", caches.TTL_CACHETOOLS, _LRU, caches.LRU),
        by("`cached` hit on `async def`", caches.AWAITED, "awaiting a trivial coroutine", caches.TRIVIAL, 2.0),
        by("`cached` hit on a method", caches.METHOD, _LRU, caches.LRU_METHOD),
        _absolute("`cached` hit, a dict as argument", taken[caches.UNHASHABLE].wall),
        by("`cached` computed miss that evicts", caches.MISS_, _LRU, caches.LRU_MISS),
    ]


def block_rows(taken: Mapping[str, Taken]) -> list[Row]:
    """
    Profiled blocks.
    """

    def by(what: str, pair: str, target: float | None = None, *, below: bool = False) -> Row:
        theirs = taken[blocks.BY_HAND + pair].wall
        return _times(what, taken[pair].wall, _BY_HAND, theirs, target, below=below)

    cpu = taken[blocks.BATCH].cpu, taken[blocks.BY_HAND + blocks.BATCH].cpu
    return [
        _absolute("profiled block, no SDK", taken[blocks.NO_SDK].wall, 1.0),
        by("profiled block, batch processor and reader: what the caller waits", blocks.BATCH, 0.25),
        _times("… CPU of all threads, export and collection included", cpu[0], _BY_HAND, cpu[1], 0.5),
        by("… with `SimpleSpanProcessor`", blocks.SIMPLE, 1.0, below=True),
        by(f"… with a sampler at {blocks.SAMPLED_SHARE:.0%}", blocks.SAMPLED),
        by("… on the public road", blocks.PUBLIC, 1.0),
        by("… never collected, no duration can be left pending", blocks.FULL),
        by("profiler as decorator", blocks.DECORATED),
    ]


def peer_rows(taken: Mapping[str, Taken], peers: Mapping[str, Peer]) -> list[Row]:
    """
    The profiler as decorator beside peers, each side by its own row by hand first.
    """
    ours = taken[blocks.DECORATED].wall
    by_hand = ratio(ours, taken[blocks.BY_HAND + blocks.DECORATED].wall)
    return [
        Row(
            "profiler as decorator, either by its row by hand",
            f"{peer.package} ({name})",
            "µs",
            spread(ours).scaled(MICRO),
            peer.took.scaled(MICRO),
            by_hand.by(peer.by_hand),
            "×",
            1.0,
            below=True,
        )
        for name, peer in peers.items()
    ]


def record_rows(taken: Mapping[str, Taken], grown: float, samples: int) -> list[Row]:
    """
    Recorded metrics.
    """
    ours, theirs = taken[records.RECORD].wall, taken[records.BY_HAND].wall
    growth = f"… the last tenth of {samples:,} samples"
    return [
        _times(
            "`record_metric`, 3 metadata keys, into a journal",
            ours,
            "`Gauge.set` + `orjson.dumps` + `os.write`",
            theirs,
            0.4,
        ),
        Row(growth, "the first tenth", "µs", None, None, alone(grown), "×", 1.1),
    ]


def import_rows(taken: Mapping[str, Sequence[float]]) -> list[Row]:
    """
    Processes that import.
    """

    def over(what: str, ours: str, against: str, theirs: str, target: float) -> Row:
        mine, other = spread(taken[ours]).scaled(MILLI), spread(taken[theirs]).scaled(MILLI)
        more = difference(taken[ours], taken[theirs]).scaled(MILLI)
        return Row(what, against, "ms", mine, other, more, "ms more", target)

    both = "`import opentelemetry.trace, opentelemetry.metrics`"
    return [
        over("`import autonomous_dev`, a whole process", imports.IMPORT, "Python", imports.BARE_PYTHON, 15.0),
        over("first use of `cached` and the profiler", imports.FIRST_USE, both, imports.OPENTELEMETRY, 10.0),
    ]


def memory_rows() -> list[Row]:
    """
    What the adviser keeps.
    """

    def kept(capacity: int) -> Row:
        ours, theirs = memory.adviser_bytes(capacity), memory.cache_bytes(capacity)
        what = f"memory of the adviser's keys, {capacity:,} entries"
        sizes = alone(ours * KIBI), alone(theirs * KIBI)
        return Row(what, "`lru_cache` of as many", "KiB", *sizes, alone(ours / theirs), "×")

    return [kept(memory.SMALL), kept(memory.LARGE)]


def _times(
    what: str,
    ours: Sequence[float],
    against: str,
    theirs: Sequence[float],
    target: float | None,
    *,
    below: bool = False,
) -> Row:
    mine, other = spread(ours).scaled(MICRO), spread(theirs).scaled(MICRO)
    return Row(what, against, "µs", mine, other, ratio(ours, theirs), "×", target, below=below)


def _absolute(what: str, ours: Sequence[float], target: float | None = None) -> Row:
    took: Spread = spread(ours).scaled(MICRO)
    return Row(what, "", "µs", took, None, took, "µs", target)
