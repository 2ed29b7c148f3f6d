"""
What profilers and caches measure reaches the journal by itself, and from there insights and rules.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from autonomous_dev import PerformanceProfiler, cached, configure

configure(storage=sys.argv[1])
entries = 4000
worse = sys.argv[2] == "worse"


def make(max_size):
    @cached(max_size=max_size)
    def shape(key):
        return [key] * 10
    return shape


shape = make(8 if worse else 64)
words = [str(n) for n in range(entries)]
index = words if worse else set(words)
for _ in range(5):
    with PerformanceProfiler("look up"):
        found = sum(word in index for word in words)
    with PerformanceProfiler("steady"):
        sorted(words * 20)
    for n in range(400):
        shape(n % 32)
"""
"""A program of the user's: no tracker, nothing recorded by hand. Its index becomes a list, its cache too small."""


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written by twelve runs of the program, the last six of which are worse."""
    folder = tmp_path_factory.mktemp("program")
    program = folder / "program.py"
    program.write_text(PROGRAM)
    for run in range(12):
        arguments = [program, folder / "metrics.json", "worse" if run >= 6 else "good"]
        subprocess.run([sys.executable, "-W", "error", *arguments], check=True, timeout=60)
    return folder / "metrics.json"


def command(*arguments: object) -> str:
    """What the autonomous-dev command prints, run in another process."""
    line = [sys.executable, "-W", "error", "-m", "autonomous_dev.cli", *map(str, arguments)]
    return subprocess.run(line, check=True, capture_output=True, text=True, timeout=60).stdout


def test_insights_name_the_slower_operation_and_the_worse_cache(journal: Path) -> None:
    """Another process is told by the file alone which operation slowed and which cache misses, since which run."""
    insights = json.loads(command("insights", "--storage", journal, "--format", "json"))["insights"]
    worse = [i["evidence"] for i in insights if i["direction"] == "worse" and i["confidence"] >= 0.8]
    found = {(e["metric"], *e["identity"].values()): e["since"]["index"] for e in worse}
    assert found["autonomous_dev.call.duration.mean", "look up"] == 6
    ratios = {key: index for key, index in found.items() if key[0] == "autonomous_dev.cache.hit_ratio"}
    assert list(ratios.values()) == [6]
    assert "shape" in next(iter(ratios))[1]


def test_rules_name_the_operation_and_the_cache(journal: Path, tmp_path: Path) -> None:
    """The rules that another process writes from the file watch that operation and that cache."""
    command("rules", "--storage", journal, "--out", tmp_path)
    (file,) = [path for path in tmp_path.iterdir() if ".test." not in path.name]
    rules = [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    expressions = "\n".join(rule["expr"] for rule in rules)
    assert 'autonomous_dev_operation_name="look up"' in expressions
    assert "autonomous_dev_cache_lookups_total" in expressions
    assert "shape" in expressions
