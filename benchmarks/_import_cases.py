"""
How long processes take that import this package, beside such that do not.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

BARE_PYTHON, IMPORT, OPENTELEMETRY, FIRST_USE = "python", "import", "opentelemetry", "first use"

PROGRAMS = {
    BARE_PYTHON: "pass",
    IMPORT: "import autonomous_dev",
    OPENTELEMETRY: "import opentelemetry.trace, opentelemetry.metrics",
    FIRST_USE: """
from autonomous_dev import PerformanceProfiler, cached
@cached
def function(number):
    return number
function(5)
with PerformanceProfiler("block"):
    pass
""",
}


def import_times(*, rounds: int, seed: int = 1) -> dict[str, list[float]]:
    """
    Seconds from starting a process until it has ended, for each program and round; the order is shuffled in each.

    The environment's site-packages are read as ever; compiled files are there after the first, unmeasured run, also
    where the environment says that none are to be written.
    """
    rng = random.Random(seed)
    names = list(PROGRAMS)
    for name in names:
        _run(PROGRAMS[name])
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        rng.shuffle(names)
        for name in names:
            taken[name].append(_run(PROGRAMS[name]))
    return taken


def _run(program: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return time.perf_counter() - began
