"""
A real Prometheus and a real Alertmanager: what they scrape is what the process counted, and what went wrong arrives.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from real_programs import free_port, require

DEADLINE = 30.0
"""Seconds after which something that was to happen counts as not happened."""


class Stack:
    """
    Programs of one test: started on loopback ports, asked over HTTP, ended by their own handles.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen] = []

    def start(self, name, *arguments, **options):
        """
        Start a program whose output goes to ``name.log``.
        """
        log = (self.folder / f"{name}.log").open("wb")
        with log:
            program = subprocess.Popen(arguments, stderr=log, **{"stdin": subprocess.DEVNULL, "stdout": log, **options})
        self.running.append(program)
        return program

    def prometheus(self, target, *, rules="", alertmanager=""):
        """
        A Prometheus that scrapes *target* every second; returns its address when it is ready.
        """
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [{"job_name": "app", "static_configs": [{"targets": [target]}]}],
            "rule_files": [rules] if rules else [],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}] if alertmanager else []},
        }
        path = self.folder / "prometheus.yml"
        path.write_text(json.dumps(config))  # JSON is YAML
        address = f"127.0.0.1:{free_port()}"
        self.start(
            "prometheus", require("prometheus"), f"--config.file={path}", f"--storage.tsdb.path={self.folder / 'tsdb'}",
            f"--web.listen-address={address}",
        )  # fmt: skip
        self.ready(address)
        return address

    def alertmanager(self):
        """
        An Alertmanager that tells nobody; returns its address when it is ready.
        """
        path = self.folder / "alertmanager.yml"
        path.write_text(json.dumps({"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}))
        address = f"127.0.0.1:{free_port()}"
        self.start(
            "alertmanager", require("prometheus-alertmanager"), f"--config.file={path}",
            f"--storage.path={self.folder / 'alertmanager'}", f"--web.listen-address={address}", "--cluster.listen-address=",
        )  # fmt: skip
        self.ready(address)
        return address

    def ready(self, address):
        """
        Wait until the program at *address* says that it is ready.
        """

        def answers():
            try:
                with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5) as answer:
                    return answer.status == 200
            except (urllib.error.URLError, ConnectionError):
                return False

        self.until(answers)

    def until(self, condition):
        """
        What *condition* gives as soon as it is true; with the end of the logs where it never is.
        """
        deadline = time.monotonic() + DEADLINE
        while not (answer := condition()):
            if time.monotonic() > deadline:
                logs = {path.name: path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.log")}
                pytest.fail(f"not within {DEADLINE:.0f} s; {logs}")
            time.sleep(0.1)
        return answer

    def stop(self):
        """
        End what was started.
        """
        for program in reversed(self.running):
            program.terminate()
        for program in reversed(self.running):
            program.wait(20)
            for pipe in (program.stdin, program.stdout):
                if pipe is not None:
                    pipe.close()


@pytest.fixture
def stack(tmp_path):
    """
    Nothing is running yet, and nothing is afterwards.
    """
    stack = Stack(tmp_path)
    yield stack
    stack.stop()


def get(url):
    """
    The JSON at *url*.
    """
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def query(address, promql):
    """
    The value that PromQL gives, None where it gives no series.
    """
    found = get(f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': promql})}")["data"]["result"]
    assert len(found) <= 1, found
    return float(found[0]["value"][1]) if found else None


class Service:
    """
    A program that takes words on its standard input and answers each with a line of JSON.
    """

    def __init__(self, stack, code):
        self.program = stack.start(
            "service",
            sys.executable,
            "-W",
            "error",
            "-c",
            code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hello = json.loads(self.program.stdout.readline())

    def tell(self, word):
        """
        Say *word* and return the answer.
        """
        self.program.stdin.write(f"{word}\n")
        self.program.stdin.flush()
        return json.loads(self.program.stdout.readline())


COUNTING = """
import json, sys, time
from autonomous_dev import MetricsTracker, PerformanceProfiler, cached
from autonomous_dev_exporters.prometheus import serve

server = serve(0)
tracker = MetricsTracker()
print(json.dumps(server.port), flush=True)
calls, failures, seconds, misses, lookups = 0, 0, 0.0, 0, 0

@cached(max_size=5)
def square(n):
    global misses
    misses += 1
    return n * n

for line in sys.stdin:
    for n in range(37):
        with PerformanceProfiler("index") as profiler:
            sum(range(1000 * n))
        calls += 1
        seconds += profiler.duration
    for n in range(11):
        try:
            with PerformanceProfiler("index"):
                raise KeyError(n)
        except KeyError:
            failures += 1
    for n in range(200):
        square(n % 7 if n % 3 else 0)
        lookups += 1
    tracker.record_metric("test_duration", 12.5 + calls, {"suite": 'integration "x"'}, unit="s")
    print(json.dumps([calls, failures, seconds, misses, lookups, 12.5 + calls, time.time()]), flush=True)
"""


def test_prometheus_has_what_the_process_counted(stack):
    """
    PromQL gives the recorded metric and its time, the calls, failures and seconds, and the hits and misses that the
    process counted for itself, twice in a row.
    """
    service = Service(stack, COUNTING)
    address = stack.prometheus(f"127.0.0.1:{service.hello}")

    for _ in range(2):
        calls, failures, seconds, misses, lookups, recorded, now = service.tell("work")
        expected = {
            'test_duration_seconds{job="app",suite="integration \\"x\\""}': recorded,
            'autonomous_dev_call_duration_seconds_count{autonomous_dev_operation_name="index",error_type=""}': calls,
            'autonomous_dev_call_duration_seconds_count{autonomous_dev_operation_name="index",error_type="KeyError"}': failures,
            'autonomous_dev_call_duration_seconds_bucket{le="+Inf",error_type=""}': calls,
            'autonomous_dev_cache_lookups_total{autonomous_dev_cache_result="miss"}': misses,
            'autonomous_dev_cache_lookups_total{autonomous_dev_cache_result="hit"}': lookups - misses,
        }
        stack.until(lambda: query(address, next(iter(expected))) == recorded)  # noqa: B023 - called at once
        found = {promql: query(address, promql) for promql in expected}
        total = query(address, 'autonomous_dev_call_duration_seconds_sum{error_type=""}')
        time_of_it = query(address, "test_duration_last_recorded_timestamp_seconds")

        assert found == expected
        assert total == pytest.approx(seconds)
        assert time_of_it == pytest.approx(now, abs=1.0)


WORKLOAD = """
import itertools, json, select, sys
from autonomous_dev import PerformanceProfiler, cached, configure

made = configure(storage={journal!r}, prometheus_port={port})
fresh = itertools.count(1000)
# Usual work varies tenfold from time to time, so that a shared machine's own moods are no news.
sizes = itertools.cycle((1_000, 4_000, 2_000, 10_000))

@cached(max_size=64)
def look_up(n):
    return n

def render(size):
    with PerformanceProfiler("render"):
        sum(range(size))

def calm():
    size = next(sizes)
    for _ in range(50):
        render(size)
    for n in range(1_000):
        look_up(n % 8)

def busy():
    # As calm, and many times the traffic: what was bad is soon a small share of the five minutes that rules look at.
    for _ in range(30):
        calm()

def bad():
    # Two hundred times the work, and keys that never come again.
    for _ in range(3):
        render(400_000)
    for _ in range(200):
        look_up(next(fresh))
"""

LEARNING = """
for n in range(12):
    calm()
    made.tracker.record_metric("test_duration", 30.0 + n % 3, {{"suite": "unit"}}, unit="s")
    made.tracker.flush_instruments()
"""

SERVING = """
print(json.dumps(made.server.port), flush=True)
step = calm
while True:
    step()
    if select.select([sys.stdin], [], [], 0.05)[0]:
        word = sys.stdin.readline().strip()
        if not word:
            break
        step = {{"calm": calm, "bad": bad, "busy": busy}}[word]
        made.tracker.record_metric("test_duration", 90.0 if step is bad else 31.0, {{"suite": "unit"}}, unit="s")
        print(json.dumps(word), flush=True)
"""

CAUSED = {"MetricAboveThreshold", "OperationSlow", "CacheHitRatePoor"}


def test_what_goes_wrong_fires_arrives_and_resolves(stack, tmp_path):
    """
    With the rules as the command wrote them: a run over the threshold, calls that do more work and lookups that
    miss fire in Prometheus, arrive at the Alertmanager, and resolve when all is as before; nothing fires till then.
    """
    journal, policy, rules = tmp_path / "j.jsonl", tmp_path / "policy.yaml", tmp_path / "rules"
    policy.write_text("performance:\n  test_duration_max: 60\nalerts:\n  for: 1s\n")
    learning = (WORKLOAD + LEARNING).format(journal=str(journal), port=None)
    subprocess.run([sys.executable, "-W", "error", "-c", learning], check=True, timeout=60)
    subprocess.run(
        [sys.executable, "-m", "autonomous_dev.cli", "rules", "--out", rules, "--policy", policy, "--storage", journal],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    service = Service(stack, (WORKLOAD + SERVING).format(journal=str(journal), port=0))
    alertmanager = stack.alertmanager()
    prometheus = stack.prometheus(
        f"127.0.0.1:{service.hello}", rules=str(rules / "autonomous-dev.rules.yml"), alertmanager=alertmanager
    )

    def firing():
        alerts = get(f"http://{prometheus}/api/v1/alerts")["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def arrived():
        return {alert["labels"]["alertname"]: alert for alert in get(f"http://{alertmanager}/api/v2/alerts")}

    def healthy():
        groups = get(f"http://{prometheus}/api/v1/rules")["data"]["groups"]
        states = [rule["health"] for group in groups for rule in group["rules"]]
        assert "err" not in states
        return set(states) == {"ok"}

    def calls():
        return query(prometheus, 'increase(autonomous_dev_call_duration_seconds_count{error_type=""}[1m])') or 0.0

    service.tell("calm")
    stack.until(lambda: calls() > 1000)
    stack.until(healthy)
    assert not firing()

    service.tell("bad")
    stack.until(lambda: firing() >= CAUSED)
    stack.until(lambda: arrived().keys() >= CAUSED)
    threshold = arrived()["MetricAboveThreshold"]
    assert threshold["labels"]["suite"] == "unit"
    assert threshold["labels"]["severity"] == "critical"
    assert "90 s" in threshold["annotations"]["description"]
    assert "render" in arrived()["OperationSlow"]["annotations"]["summary"]
    assert "look_up" in arrived()["CacheHitRatePoor"]["annotations"]["summary"]

    service.tell("busy")
    stack.until(lambda: not firing() & CAUSED)
    stack.until(lambda: not arrived().keys() & CAUSED)
