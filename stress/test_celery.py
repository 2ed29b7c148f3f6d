"""
A real Celery worker that recycles its children after two tasks, with Redis as broker: no span and no sample is lost.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from children import run_child
from entry_points import exported, install
from real_programs import free_port, require

TASKS = 20
TASKS_PER_CHILD = 2

PROGRAM = """
import os, sys
from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown
from autonomous_dev import MetricsTracker, PerformanceProfiler, cached, configure

app = Celery("program", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.broker_connection_retry_on_startup = True
journal, way = os.environ["JOURNAL"], os.environ["WAY"]

@cached(max_size=8)
def square(n):
    return n * n

@app.task
def work(n):
    with PerformanceProfiler("work"):
        assert square(n) == square(n)
    return os.getpid()

if way != "the application's own":
    if "worker" in sys.argv:
        configure(storage=journal)
else:
    @worker_process_init.connect
    def begin(**_):
        from lines_for_tests import Spans
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Spans()))
        trace.set_tracer_provider(provider)
        MetricsTracker(journal)

if way == "nobody flushes":
    @worker_process_init.connect
    def forget(**_):
        assert worker_process_shutdown.disconnect(dispatch_uid="autonomous_dev")

if __name__ == "__main__":
    print(*(result.get(timeout=60) for result in [work.delay(n) for n in range(int(sys.argv[1]))]))
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A Redis on a free loopback port that keeps nothing on disk."""
    program, port = require("redis-server"), free_port()
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    folder = tmp_path_factory.mktemp("redis")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, *arguments], cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while b"Ready to accept connections" not in (folder / "log").read_bytes():
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(20)


def require_package(name: str) -> None:
    """
    Skip the test where a Python package is missing; under REQUIRE_REAL=1 it fails.
    """
    if find_spec(name) is None:
        reason = f"{name} is not installed; get it with: pip install --group stress"
        if os.environ.get("REQUIRE_REAL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def run_worker(folder: Path, environment: dict[str, str]) -> list[int]:
    """
    Start a worker, give it all tasks, end it warmly; the process that did each task.
    """
    options = ["--pool", "prefork", "--concurrency", "2", "--max-tasks-per-child", str(TASKS_PER_CHILD)]
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    command = [sys.executable, "-m", "celery", "-A", "program", "worker", *options, *alone]
    with (folder / "log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        sender = [sys.executable, "program.py", str(TASKS)]
        done = subprocess.run(
            sender, cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=90
        )
        return [int(pid) for pid in done.stdout.split()]
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(60)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
            raise


@pytest.mark.parametrize("way", ["configure()", "the application's own", "nobody flushes"])
def test_recycled_children_lose_nothing(broker, tmp_path, way):
    """
    Each task's span is exported once, and its call and lookups are in the journal once; without us they would be lost.
    """
    require_package("celery")
    require_package("redis")
    (tmp_path / "program.py").write_text(PROGRAM)
    variables = {
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "BROKER": broker,
        "JOURNAL": str(tmp_path / "m.jsonl"),
        "WAY": way,
    }
    if way != "the application's own":
        variables["OTEL_TRACES_EXPORTER"] = "lines"
    exporters = install(tmp_path)
    began = time.monotonic()

    pids = run_worker(tmp_path, {**os.environ, **exporters, **variables})

    seconds = time.monotonic() - began
    spans = [span["pid"] for span in exported(exporters, "spans") if span["name"] == "work"]
    calls, lookups = run_child(f"""
        from autonomous_dev import MetricsTracker
        totals = MetricsTracker({str(tmp_path / "m.jsonl")!r}).recorded_totals()
        counts = {{name: cells[0] for (name, _), cells in totals.operations.items()}}
        tell([counts.get("work", 0), sum(map(sum, totals.lookups.values()))])
    """)
    children = len(set(pids))
    print(
        f"\n{way}: {TASKS} tasks in {children} children, {seconds:.0f} s: {len(spans)} spans exported, "
        f"{calls:.0f} calls and {lookups} lookups in the journal"
    )
    # Each child is recycled after two tasks, so that only what happens at its end can save them.
    assert children >= TASKS / TASKS_PER_CHILD
    if way == "nobody flushes":
        assert (len(spans), calls, lookups) == (0, 0, 0)
    else:
        assert sorted(spans) == sorted(pids)
        assert (calls, lookups) == (TASKS, 2 * TASKS)
