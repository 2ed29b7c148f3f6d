"""
``make stack``: the containers' own configuration, the real Prometheus and Alertmanager, and an alert that arrives.
"""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import real_programs

PROJECT = Path(__file__).resolve().parents[1]
SCRIPT = PROJECT / "examples" / "stack.py"


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_stack", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["example_stack"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


stack = _module()


def test_only_addresses_differ_from_the_containers_configuration():
    """The stack's Prometheus file is the containers' with this machine's addresses, and nothing else changed."""
    text = (stack.MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    ports = stack.Ports(metrics=1234, alertmanager=5678)
    there, here = yaml.safe_load(text), yaml.safe_load(stack.localised(text, ports.replacements))
    assert here["scrape_configs"][0]["static_configs"][0].pop("targets") == ["127.0.0.1:1234"]
    assert here["alerting"]["alertmanagers"][0]["static_configs"][0].pop("targets") == ["127.0.0.1:5678"]
    assert there["scrape_configs"][0]["static_configs"][0].pop("targets") == ["example-service:9464"]
    assert there["alerting"]["alertmanagers"][0]["static_configs"][0].pop("targets") == ["alertmanager:9093"]
    assert here == there


def test_an_address_that_would_stay_unreplaced_is_an_error():
    """Where the containers' configuration names a service at another port, the stack says so instead of scraping nothing."""
    with pytest.raises(stack.StackError, match="names example-service at another port than example-service:9464"):
        stack.localised("targets: [example-service:8080]", stack.Ports().replacements)


def test_the_usual_ports_are_those_that_compose_publishes():
    """The addresses that the guide names are right for the stack and for the containers."""
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    published = {int(port.split(":")[1]) for service in compose["services"].values() for port in service["ports"]}
    ports = stack.Ports()
    assert {ports.search, ports.metrics, ports.prometheus, ports.alertmanager} < published


def test_a_program_that_ends_early_is_named_with_its_last_words(tmp_path):
    """When something cannot start, the error holds its exit code and what it wrote."""
    with stack.started(tmp_path / "new") as programs:
        programs.start("broken", sys.executable, "-c", "import sys; sys.exit('no such port')")
        programs._running[0][1].wait(timeout=30)
        with pytest.raises(stack.StackError, match=r"broken ended with exit code 1:\nno such port"):
            programs.check()


def test_what_was_started_is_ended_whatever_happens(tmp_path):
    """An error inside ends every program before it leaves, the one that was started last first."""
    started = []

    def start_and_fail() -> None:
        with stack.started(tmp_path / "new") as programs:
            programs.start("sleeper", sys.executable, "-c", "import time; time.sleep(600)")
            started.append(programs._running[0][1])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        start_and_fail()
    assert started[0].returncode == -signal.SIGTERM


@pytest.mark.slow
def test_the_stack_comes_up_an_alert_arrives_and_everything_ends(tmp_path):
    """The service gets worse, a rule that was written from its journal fires, the Alertmanager has it, SIGTERM ends all."""
    real_programs.require("prometheus")
    real_programs.require("prometheus-alertmanager")
    command = [
        sys.executable,
        "-W",
        "error",
        str(SCRIPT),
        "--free-ports",
        "--folder",
        str(tmp_path / "stack"),
        "--healthy",
        "20",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = []
            for line in process.stdout:
                lines.append(line.split())
                if line == "up\n":
                    break
            else:
                pytest.fail(process.stderr.read())
            urls = {words[0]: words[1] for words in lines if len(words) == 2 and words[1].startswith("http")}
            arrived = _wait_for_alerts(urls["alertmanager"], {"MetricAboveThreshold", "CacheHitRatePoor"})
        finally:
            process.send_signal(signal.SIGTERM)
            rest, errors = process.communicate(timeout=40)
    assert (process.returncode, rest, errors) == (0, "", "")
    above = arrived["MetricAboveThreshold"]
    assert above["labels"]["autonomous_dev_metric_name"] == "files_read"
    assert above["annotations"]["dashboard_url"].endswith("/d/autonomous-dev-overview")
    assert arrived["CacheHitRatePoor"]["labels"]["autonomous_dev_cache_name"] == "search.Search.read"
    for url in urls.values():
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(url, timeout=2)


def _wait_for_alerts(alertmanager: str, wanted: set[str]) -> dict[str, Any]:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{alertmanager}/api/v2/alerts", timeout=5) as answer:
            found = {alert["labels"]["alertname"]: alert for alert in json.load(answer)}
        if wanted <= found.keys():
            return found
        time.sleep(0.5)
    pytest.fail(f"{wanted - found.keys()} did not arrive")
