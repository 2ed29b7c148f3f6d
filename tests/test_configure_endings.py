"""
However a process ends that comes to its end, what was measured is in the journal and at the exporters; and it does end.
"""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from children import run_child
from entry_points import exported, install

PROGRAM = """
import multiprocessing, os, signal, sys
from concurrent.futures import ProcessPoolExecutor
from autonomous_dev import PerformanceProfiler, cached, configure

@cached(max_size=4)
def square(n):
    return n * n

def work(n):
    with PerformanceProfiler("work"):
        return square(n)

def set_up():
    if os.environ.get("OWN"):
        from lines_for_tests import Spans
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Spans()))
        trace.set_tracer_provider(provider)
    configure(storage=os.environ["JOURNAL"])

def set_up_and_work(n):
    set_up()
    return work(n)

def terminated():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
    work(1)
    os.kill(os.getpid(), signal.SIGTERM)

def raised():
    work(1)
    raise KeyError("nobody catches this")

def in_a_process(method, target=work):
    child = multiprocessing.get_context(method).Process(target=target, args=(1,))
    child.start()
    child.join(30)
    assert child.exitcode == 0

def in_an_executor():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as executor:
        assert list(executor.map(work, range(6))) == [0, 1, 4, 9, 16, 25]

def in_a_pool():
    # Each child is recycled after two pieces of work.
    with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=2) as pool:
        assert pool.map(work, range(6), chunksize=1) == [0, 1, 4, 9, 16, 25]
        pool.close()
        pool.join()

def forked():
    work(1)
    child = os.fork()
    work(2)
    if child == 0:
        sys.exit(0)
    os.waitpid(child, 0)

def forked_in_a_process():
    in_a_process("fork", lambda _: forked())

WAYS = {
    "end": lambda: work(1),
    "sys.exit": lambda: sys.exit(work(2)),
    "exception": raised,
    "SIGTERM": terminated,
    "fork": forked,
    "fork in a Process": forked_in_a_process,
    "Process by fork": lambda: in_a_process("fork"),
    "Process by fork server": lambda: in_a_process("forkserver", set_up_and_work),
    "Process by spawn": lambda: in_a_process("spawn", set_up_and_work),
    "ProcessPoolExecutor": in_an_executor,
    "Pool": in_a_pool,
}

if __name__ == "__main__":
    if "server" not in sys.argv[1] and "spawn" not in sys.argv[1]:
        set_up()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    WAYS[sys.argv[1]]()
"""

CALLS = """
from autonomous_dev import PerformanceProfiler, configure
configure()
with PerformanceProfiler("work"):
    pass
"""


@pytest.fixture
def environment(tmp_path):
    """The variables with which a child has our exporters, ``lines`` among them."""
    return install(tmp_path)


@pytest.mark.parametrize("own", [False, True], ids=["providers of configure", "a provider of the application"])
@pytest.mark.parametrize(
    ("way", "code", "calls"),
    [
        ("end", 0, 1),
        ("sys.exit", 4, 1),
        ("exception", 1, 1),
        ("SIGTERM", 5, 1),
        ("fork", 0, 3),
        ("fork in a Process", 0, 3),
        ("Process by fork", 0, 1),
        ("Process by fork server", 0, 1),
        ("Process by spawn", 0, 1),
        ("ProcessPoolExecutor", 0, 6),
        ("Pool", 0, 6),
    ],
)
def test_nothing_is_lost_when_a_process_comes_to_its_end(environment, tmp_path, way, code, calls, own):
    """
    Each call is in the journal once, and its span at the exporter once, where no timer could have brought them there.
    """
    (tmp_path / "program.py").write_text(PROGRAM)
    journal = tmp_path / "journal.jsonl"
    variables = {"OTEL_BSP_SCHEDULE_DELAY": "60000", **({"OWN": "1"} if own else {"OTEL_TRACES_EXPORTER": "lines"})}
    child = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", tmp_path / "program.py", way],
        capture_output=True, text=True, timeout=60, check=False, env={**environment, **variables, "JOURNAL": str(journal)},
    )  # fmt: skip

    assert child.returncode == code, child.stderr
    assert way == "exception" or child.stderr == ""
    told = run_child(f"""
        from autonomous_dev import MetricsTracker
        totals = MetricsTracker({str(journal)!r}, read_only=True).recorded_totals()
        tell([sum(cells[0] for cells in totals.operations.values()), sum(map(sum, totals.lookups.values()))])
    """)
    assert told == [calls, calls]
    spans = [span["name"] for span in exported(environment, "spans") if span["name"] == "work"]
    assert len(spans) == calls


HANGS = {
    "OTEL_TRACES_EXPORTER": "hanging",
    "OTEL_METRICS_EXPORTER": "hanging",
    "OTEL_BSP_EXPORT_TIMEOUT": "400",
    "OTEL_METRIC_EXPORT_TIMEOUT": "400",
}


def run_to_its_end(code, **environment):
    """
    What a child wrote to stderr, and the seconds from its last statement to its end.
    """
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", code + "\nimport time\nprint(time.time())"],
        capture_output=True, text=True, timeout=60, check=True, env=environment,
    )  # fmt: skip
    return child.stderr, time.time() - float(child.stdout)


def test_an_exporter_that_hangs_keeps_the_program_no_longer_than_its_time_out(environment):
    """
    Spans and metrics hang at once: 0.4 s each, and the program has ended by 3 s, having said what may be lost.
    """
    said, seconds = run_to_its_end(CALLS, **environment, **HANGS)

    assert 0.35 < seconds < 3
    assert said.count("took longer than 0.4 s: its last data may be lost") == 2


def test_an_exporter_that_hangs_and_was_added_to_the_applications_provider_keeps_the_program_no_longer(environment):
    """
    The application's provider shuts down by itself; what ``traces`` put into it is given up after its time-out.
    """
    own = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
    variables = {"OTEL_BSP_EXPORT_TIMEOUT": "400"}

    said, seconds = run_to_its_end(own + CALLS.replace("()\n", "(traces='hanging')\n", 1), **environment, **variables)

    assert 0.35 < seconds < 3
    assert said.count("took longer than 0.4 s: its last data may be lost") == 1


def test_an_exporter_that_hangs_does_not_keep_a_child_of_a_pool(environment):
    """
    The flush that children get from us has the same time-out.
    """
    work = """
import multiprocessing
child = multiprocessing.get_context("fork").Process(target=PerformanceProfiler("in the child")(len), args=("",))
child.start()
child.join(30)
assert child.exitcode == 0
"""
    _, seconds = run_to_its_end(CALLS.replace("\nwith", work + "\nwith"), **environment, **HANGS)

    assert seconds < 3


def test_an_exporter_that_raises_does_not_keep_the_program(environment):
    """
    The program ends at once and with success; the SDK says what went wrong.
    """
    variables = {"OTEL_TRACES_EXPORTER": "raising", "OTEL_METRICS_EXPORTER": "raising"}

    said, seconds = run_to_its_end(CALLS, **environment, **variables)

    assert seconds < 3
    assert "no way" in said


def test_providers_that_the_program_shut_down_are_left_alone(environment):
    """
    Where the program itself shuts down what ``configure`` made, nothing is said at its end.
    """
    shut_down = """
from opentelemetry import trace
trace.get_tracer_provider().shutdown()
metrics.get_meter_provider().shutdown()
"""
    run_child(CALLS + shut_down, **environment, OTEL_TRACES_EXPORTER="lines", OTEL_METRICS_EXPORTER="lines")

    assert len(exported(environment, "spans")) == 1


def test_who_configures_nothing_gets_no_thread_no_socket_and_nothing_heavy():
    """
    Profilers and caches alone load neither numpy nor the SDK, start no thread and open no socket.
    """
    told = run_child("""
        import threading
        sockets = []
        sys.addaudithook(lambda event, arguments: sockets.append(event) if event.startswith("socket.") else None)
        from autonomous_dev import PerformanceProfiler, SimpleCache, cached
        @cached(max_size=8)
        def square(n): return n * n
        for n in (1, 2, 1):
            with PerformanceProfiler("work"):
                square(n)
        SimpleCache(max_size=2).set("a", 1)
        heavy = [m for m in sys.modules if m.split(".")[0] in ("numpy", "orjson", "yaml") or m.startswith("opentelemetry.sdk")]
        tell([heavy, threading.active_count(), sockets])
    """)

    assert told == [[], 1, []]


def test_without_a_journal_there_is_no_thread():
    """
    ``configure()`` that asks for nothing starts none; with a storage there is one.
    """
    told = run_child("""
        import tempfile, threading
        from autonomous_dev import configure
        configure()
        before = threading.active_count()
        with tempfile.TemporaryDirectory() as folder:
            configure(storage=Path(folder) / "journal.jsonl")
            tell([before, threading.active_count()])
    """)

    assert told == [1, 2]
