"""
Imports, providers and forks in any order: each call is a span once, a duration once and in the journal once.

Every order runs in an interpreter of its own. The steps are those of a program that knows nothing of the order; after
its last step, parent and child call what they made, and end.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest

from children import run_child
from entry_points import exported, install

STEPS = {
    "import": "import autonomous_dev",
    "make": """
from autonomous_dev import PerformanceProfiler, cached
late = PerformanceProfiler("late")
@cached(max_size=8)
def square(n):
    return n * n
with PerformanceProfiler("early"):
    square(1)
""",
    "meter provider": """
from lines_for_tests import Metrics
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
readers = [PeriodicExportingMetricReader(Metrics())]
if not hasattr(MeterProvider, "add_metric_reader"):  # before SDK 1.43 the application gives it our reader
    from autonomous_dev.recording import SeriesMetricReader
    readers.append(SeriesMetricReader())
metrics.set_meter_provider(MeterProvider(metric_readers=readers))
""",
    "tracer provider": """
from lines_for_tests import Spans
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Spans()))
trace.set_tracer_provider(provider)
""",
    "configure": """
from autonomous_dev import configure
configure(storage=os.environ["JOURNAL"])
""",
    "fork": "child = os.fork()",
    "tracker": """
from autonomous_dev import MetricsTracker
tracker = MetricsTracker(os.environ["JOURNAL"])
""",
}

BEFORE = """
import json, logging, os, sys
logged = []
class Kept(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())
logging.getLogger().addHandler(Kept(logging.WARNING))
"""
AFTER = """
for _ in range(3):
    with late:
        square(2)
if child:
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
print(json.dumps([os.getpid(), bool(child), logged]), flush=True)
"""

REFUSED = "Overriding of current MeterProvider is not allowed"
"""What OpenTelemetry itself says to an application that sets its MeterProvider when there is one."""

NUMBER = 28


def possible(order):
    """
    Whether a program can do it so: what is used was imported before.
    """
    return all(order.index("import") < order.index(step) for step in ("make", "configure", "tracker"))


ORDERS = random.Random(10).sample([order for order in permutations(STEPS) if possible(order)], NUMBER)


def run(order, folder):
    """
    What parent and child told, with the variables with which they ran.
    """
    folder.mkdir()
    environment = {
        **install(folder),
        "JOURNAL": str(folder / "journal.jsonl"),
        "OTEL_METRICS_EXPORTER": "lines",
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "OTEL_METRIC_EXPORT_INTERVAL": "600000",
    }
    program = "\n".join([BEFORE, *(STEPS[step] for step in order), AFTER])
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", program],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    return ran, environment


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Each order's run, two at a time."""
    folder = tmp_path_factory.mktemp("orders")
    with ThreadPoolExecutor(2) as executor:
        runs = executor.map(run, ORDERS, [folder / str(number) for number in range(len(ORDERS))])
        return dict(zip(ORDERS, runs, strict=True))


@pytest.fixture(scope="module")
def recorded(ran):
    """What each order's journal holds: calls by operation, and hits and misses."""
    journals = {" ".join(order): environment["JOURNAL"] for order, (_, environment) in ran.items()}
    return run_child(f"""
        from autonomous_dev import MetricsTracker
        def totals(path):
            found = MetricsTracker(path, read_only=True).recorded_totals()
            calls = {{name: cells[0] for (name, _), cells in found.operations.items()}}
            return [calls, [sum(numbers) for numbers in zip(*found.lookups.values())]]
        tell({{order: totals(path) for order, path in {journals!r}.items()}})
    """)


def test_the_orders_cover_each_pair_of_steps():
    """
    There are at least 24 orders, and each step comes before and after each other one where that is possible.
    """
    pairs = {(a, b) for order in ORDERS for a in order for b in order if order.index(a) < order.index(b)}
    impossible = {(step, "import") for step in ("make", "configure", "tracker")}

    assert len(set(ORDERS)) == NUMBER >= 24
    assert pairs == set(permutations(STEPS, 2)) - impossible


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_any_order_works(ran, recorded, order):
    """
    Nothing is raised or warned of; spans, durations, lookups and the journal have each call of both processes once.
    """
    process, environment = ran[order]
    assert (process.returncode, process.stderr) == (0, "")
    told = {pid: logged for pid, _, logged in map(json.loads, process.stdout.splitlines())}
    parents = {pid: parent for pid, parent, _ in map(json.loads, process.stdout.splitlines())}
    assert sorted(parents.values()) == [False, True]
    # The one who sets a MeterProvider after configure() is told so by OpenTelemetry, and ours goes on.
    refused = order.index("configure") < order.index("meter provider")
    assert [message for logged in told.values() for message in logged if message != REFUSED] == []
    assert [logged.count(REFUSED) for logged in told.values()] == [int(refused)] * 2

    made = 2 if order.index("fork") < order.index("make") else 1
    spans = Counter(span["name"] for span in exported(environment, "spans") if span["name"] in ("early", "late"))
    seen = order.index("tracer provider") < order.index("make")
    assert spans == Counter(late=6, early=made if seen else 0)

    assert durations(environment, "late") == {pid: [3] for pid in told}
    # Nothing was exported before the fork: a child's lookups begin there, and an early one is its parent's.
    early = {pid: int(parent or made == 2) for pid, parent in parents.items()}
    assert lookups(environment) == {pid: {"hit": [2], "miss": [1 + early[pid]]} for pid in told}

    calls, hits_and_misses = recorded[" ".join(order)]
    assert calls == {"early": made, "late": 6}
    assert hits_and_misses == [4, 2 + made]


def durations(environment, operation):
    """
    For each process the counts of the histogram that it exported.
    """
    found = {}
    for metric in exported(environment, "metrics"):
        if metric["name"] == "autonomous_dev.call.duration":
            for point in metric["points"]:
                if point["attributes"]["autonomous_dev.operation.name"] == operation:
                    found.setdefault(metric["pid"], []).append(point["count"])
    return found


def lookups(environment):
    """
    For each process the numbers of hits and misses that it exported.
    """
    found = {}
    for metric in exported(environment, "metrics"):
        if metric["name"] == "autonomous_dev.cache.lookups":
            for point in metric["points"]:
                results = found.setdefault(metric["pid"], {})
                results.setdefault(point["attributes"]["autonomous_dev.cache.result"], []).append(point["value"])
    return found
