"""
Millions of cached calls and profiled blocks: what is counted is exact, and memory does not grow.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autonomous_dev.performance import PerformanceProfiler, cached

THREADS, CALLS = 16, 1_000_000
TASKS = 1_000
FORKS, BLOCKS = 10, 2_000
FLAT_CALLS, ARGUMENTS = 10_000_000, 100_000


@pytest.mark.parametrize("options", [{}, {"ttl": 1e6}, {"bare": True}], ids=["plain", "ttl", "bare"])
def test_sixteen_threads_of_a_million_calls_count_exactly(options):
    """
    Hits and misses add up to the calls; the arguments of each thread are partly its own, so that entries are evicted.
    """
    computed = [0] * THREADS

    @cached(512, **options)
    def f(n, thread):
        computed[thread] += 1
        return n

    begin = threading.Barrier(THREADS)

    def work(thread):
        begin.wait()
        for step in range(CALLS):
            f(step % 96 if step % 1000 else step, thread % 4)

    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    seconds = time.perf_counter() - began
    info = f.cache_info()
    print(f"\n{THREADS * CALLS:,} calls by {THREADS} threads in {seconds:.1f} s: {info}, computed {sum(computed):,}")

    assert info.hits + info.misses == THREADS * CALLS
    assert info.misses == sum(computed)
    assert f._cache.size() <= 512


def test_a_thousand_tasks_on_one_key_compute_once():
    """
    All of them wait for the first, and get its result.
    """
    computed = []

    async def run():
        go_on = asyncio.Event()

        @cached
        async def f(n):
            computed.append(n)
            await go_on.wait()
            return object()

        tasks = [asyncio.create_task(f(1)) for _ in range(TASKS)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert sum(len(flight._waiters) for flight in f._cache._flights.values()) == TASKS - 1
        go_on.set()
        results = await asyncio.gather(*tasks)
        assert len(set(map(id, results))) == 1
        assert f.cache_info()[:2] == (TASKS - 1, 1)

    asyncio.run(run())
    print(f"\n{TASKS:,} tasks on one key: computed {len(computed)} times")
    assert computed == [1]


FORKING = """
    import json, os, sys, threading
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from autonomous_dev.performance import PerformanceProfiler
    from autonomous_dev import _state

    folder, forks, blocks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

    class ToFile(SpanExporter):
        def export(self, spans):
            with open(f"{folder}/{os.getpid()}", "a") as out:
                out.writelines(json.dumps([s.name, s.context.span_id, s.attributes.get("pid")]) + "\\n" for s in spans)
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ToFile(), max_queue_size=100_000, schedule_delay_millis=50))
    trace.set_tracer_provider(provider)

    def work(name, count):
        for number in range(count):
            with PerformanceProfiler(name, attributes={"pid": os.getpid()}):
                pass

    stop = threading.Event()
    opened = threading.Semaphore(0)

    def always_inside_a_block():
        while not stop.is_set():
            with PerformanceProfiler("open"):
                opened.release()
                stop.wait(0.0005)

    threads = [threading.Thread(target=always_inside_a_block) for _ in range(3)]
    for thread in threads:
        thread.start()
    children = []
    work("parent", blocks)
    for number in range(forks):
        opened.acquire()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work("child", blocks)
                counted = _state.operations()[("child", "")][0]
                assert counted == blocks, counted
                provider.force_flush()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
        work("parent", blocks)
    codes = [os.waitpid(child, 0)[1] for child in children]
    stop.set()
    for thread in threads:
        thread.join()
    provider.force_flush()
    print(json.dumps({"codes": codes, "counted": _state.operations()[("parent", "")][0], "children": children}))
"""


def test_forks_while_spans_are_open_lose_and_double_nothing(tmp_path):
    """
    Three threads are inside blocks at each fork; every block of ours is exported once, by the process that ran it.
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKING), str(tmp_path), str(FORKS), str(BLOCKS)],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    told = json.loads(said.stdout)
    spans = {
        int(file.name): [json.loads(line) for line in file.read_text().splitlines()] for file in tmp_path.iterdir()
    }
    ours = [(name, span, pid) for file in spans.values() for name, span, pid in file if name != "open"]
    children = [s for s in ours if s[0] == "child"]
    parents = [s for s in ours if s[0] == "parent"]
    print(
        f"\n{FORKS} forks under open spans: {len(parents):,} of {BLOCKS * (FORKS + 1):,} spans of the parent, "
        f"{len(children):,} of {BLOCKS * FORKS:,} of the children"
    )

    assert told["codes"] == [0] * FORKS
    assert told["counted"] == BLOCKS * (FORKS + 1) == len(parents)
    assert len(children) == BLOCKS * FORKS
    assert len({span for _, span, _ in ours}) == len(ours)
    for process, file in spans.items():
        assert {pid for name, _, pid in file if name != "open"} <= {process}


def test_memory_is_flat_over_ten_million_calls():
    """
    A hundred thousand different arguments through a small cache, and as many blocks: the process grows by little.
    """

    def rss():
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    @cached(1000, ttl=60)
    def f(n):
        return n

    profiler = PerformanceProfiler("block")

    def work(calls):
        for n in range(calls):
            f(n % ARGUMENTS if n % 10 == 0 else n % 512)
            if n % 10 == 0:
                with profiler:
                    pass

    work(FLAT_CALLS // 10)
    before = rss()
    work(FLAT_CALLS)
    after = rss()
    print(f"\n{FLAT_CALLS:,} calls, {ARGUMENTS:,} different arguments: {before:.1f} MB before, {after:.1f} MB after")

    assert after - before < 5
