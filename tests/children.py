"""
Programs of a few lines that a test runs in an interpreter of their own: the global provider is set once a process.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

PRELUDE = """
import json, os, sys, time, urllib.request
from pathlib import Path
from opentelemetry import metrics

def scrape(server):
    with urllib.request.urlopen(server.url, timeout=10) as answer:
        return answer.read().decode()

def values(page):
    # Of each sample the value, by name with labels but those of the scope.
    found = {}
    for line in page.splitlines():
        if line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            name, _, labels = series.partition("{")
            labels = ",".join(part for part in labels.rstrip("}").split(",") if part and "otel_scope" not in part)
            found[f"{name}{{{labels}}}" if labels else name] = float(value)
    return found

def until(condition, seconds=20.0):
    # Ask again and again, with a deadline.
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "the deadline passed"
        time.sleep(0.01)
    return answer

def tell(value):
    print("TOLD", json.dumps(value), flush=True)
"""


def run_child(code: str, **environment: str) -> Any:
    """
    Run *code* with warnings as errors and return what it told; fails where it fails or writes to stderr.
    """
    child = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", PRELUDE + textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert child.stderr == "", child.stderr
    told = [line.removeprefix("TOLD ") for line in child.stdout.splitlines() if line.startswith("TOLD ")]
    return json.loads(told[-1]) if told else None


def forked(work: Callable[[], object]) -> str:
    """
    What *work* gives in a forked child; a child that hangs for 20 s is killed.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, str(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    try:
        ready, _, _ = select.select([reader], [], [], 20)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        return os.read(reader, 1000).decode() if ready else "hangs"
    finally:
        os.close(reader)
        os.waitpid(pid, 0)
