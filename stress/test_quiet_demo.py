"""
The demo without its slow-down, again and again: how often a time is called worse where nothing changed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parent.parent / "examples" / "demo.py"
RUNS = 20
CERTAIN = 0.8
"""The confidence from which on people are told to act."""


def quiet_run(folder):
    """
    The insights of one run without the slow-down.
    """
    process = subprocess.run(
        [sys.executable, "-W", "error", DEMO, "--no-slowdown", "--json", "--out", folder],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return json.loads(process.stdout)["insights"]


def test_a_quiet_run_hardly_ever_calls_a_time_worse(tmp_path):
    """
    In 20 quiet runs at most one calls a time worse at 0.8 or more, and none says anything of what was counted.
    """
    runs = [quiet_run(tmp_path / f"run-{number}") for number in range(RUNS)]

    counted = [insight for insights in runs for insight in insights if not insight["timed"]]
    worse = [
        [i for i in insights if i["timed"] and i["direction"] == "worse" and i["confidence"] >= CERTAIN]
        for insights in runs
    ]
    alarms = sum(bool(found) for found in worse)
    print(f"\nquiet demo: a time was called worse at {CERTAIN} or more in {alarms} of {RUNS} runs")
    for number, found in enumerate(worse):
        for insight in found:
            print(
                f"  run {number}, iteration {insight['iteration']}, {insight['confidence']:.2f}: {insight['description']}"
            )
    assert counted == []
    assert alarms <= 1
