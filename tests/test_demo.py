"""
The demo finds what was really done to its program, and nothing where nothing was done.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autonomous_dev import MetricsTracker

DEMO = Path(__file__).parent.parent / "examples" / "demo.py"
ITERATIONS = 18


def run_demo(folder, *arguments):
    """
    The finished process of the demo, started in *folder*.
    """
    return subprocess.run(
        [sys.executable, "-W", "error", DEMO, "--iterations", str(ITERATIONS), *arguments],
        cwd=folder, capture_output=True, text=True, timeout=110, check=False,
        env={**os.environ, "COLUMNS": "110"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def slowed(tmp_path_factory):
    """
    Folder and document of a run that was made slower.
    """
    return finished(tmp_path_factory.mktemp("slowed"))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """
    Folder and document of a run that was left as it is.
    """
    return finished(tmp_path_factory.mktemp("quiet"), "--no-slowdown")


def finished(folder, *arguments):
    """
    Folder and document of a run with these *arguments*.
    """
    process = run_demo(folder, "--json", *arguments)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    return folder, json.loads(process.stdout)


def counted(document):
    """
    For each counted series that an insight is about: the iterations at which it is said to have begun.
    """
    found = {}
    for insight in document["insights"]:
        if not insight["timed"]:
            found.setdefault(insight["evidence"]["metric"], []).append(insight["iteration"])
    return found


def series(folder):
    """
    For each metric of the journal the values of its first series.
    """
    tracker = MetricsTracker(folder / "demo-output" / "journal.jsonl", read_only=True)
    values = {}
    for one in tracker.series():
        values.setdefault(one.key.name, one.values.tolist())
    return values


def test_nothing_counted_is_called_changed_where_nothing_changed(quiet):
    """
    Without the slow-down no counted series gives an insight of any kind.
    """
    _, document = quiet

    assert counted(document) == {}


def test_each_slow_down_is_found_at_its_iteration(slowed):
    """
    The scan and the small cache are both found, at exactly the iterations at which they were deployed.
    """
    _, document = slowed
    scan, small_cache = (deployment["iteration"] for deployment in document["deployments"][1:])

    assert (scan, small_cache) == (7, 13)
    assert counted(document) == {
        "definitions_examined": [scan],
        "autonomous_dev.cache.hit_ratio": [small_cache],
    }


def test_the_insight_has_the_hit_rate_before_and_after(slowed):
    """
    The cache's insight names the cache and the hit rates that the journal has, says worse, and says what to do.
    """
    folder, document = slowed
    ratios = series(folder)["autonomous_dev.cache.hit_ratio"]
    (insight,) = [i for i in document["insights"] if i["evidence"]["metric"] == "autonomous_dev.cache.hit_ratio"]

    assert insight["evidence"]["identity"]["autonomous_dev.cache.name"] == "demo_workload.outline"
    assert insight["evidence"]["before"] == pytest.approx(ratios[0])
    assert insight["evidence"]["after"] == pytest.approx(ratios[-1])
    assert ratios[-1] < 0.6
    assert insight["direction"] == "worse"
    assert insight["confidence"] >= 0.8
    assert insight["suggested_action"]


def test_the_scan_is_found_with_the_version_that_brought_it(slowed):
    """
    The evidence names the version with which the number of examined definitions rose, and the last good one.
    """
    _, document = slowed
    (insight,) = [i for i in document["insights"] if i["evidence"]["metric"] == "definitions_examined"]

    assert insight["direction"] == "worse"
    assert insight["evidence"]["since"]["version"] == "1.1"
    assert insight["evidence"]["since"]["last_good"] == "1.0"


def test_an_iteration_counts_the_same_every_time(slowed):
    """
    Every iteration of one edition counts the same, but for the one that begins with an empty cache: nothing is random.
    """
    folder, _ = slowed
    values = series(folder)

    assert len(set(values["autonomous_dev.cache.lookups"])) == 1
    assert len(set(values["calls_resolved"])) == 1
    assert [len(set(values["definitions_examined"][part])) for part in (slice(6), slice(6, 18))] == [1, 1]
    assert set(values["autonomous_dev.cache.hit_ratio"][:12]) == {1.0}
    assert len(set(values["autonomous_dev.cache.hit_ratio"][13:])) == 1


def test_the_warm_up_is_not_recorded(quiet):
    """
    Each series has one sample an iteration, and the first one looks nothing up in vain.
    """
    folder, _ = quiet
    values = series(folder)

    assert {len(column) for column in values.values()} == {ITERATIONS}
    assert values["autonomous_dev.cache.hit_ratio"][0] == 1.0


def test_the_files_that_it_names_are_there(slowed):
    """
    Journal, rules, their tests and the dashboard are written into the folder, and listed.
    """
    folder, document = slowed
    written = sorted(path for path in (folder / "demo-output").iterdir() if not path.name.startswith("."))

    assert sorted(folder / name for name in document["files"]) == written
    assert {path.suffix for path in written} == {".jsonl", ".yml", ".json"}


def test_the_report_says_when_how_much_and_what_to_do(tmp_path):
    """
    The report shows the iterations, the hit rate before and after, what was really done and the files; what an
    earlier run left in its folder is replaced.
    """
    folder = tmp_path / "demo-output"
    folder.mkdir()
    for left in (".made-by-demo", "journal.jsonl"):
        (folder / left).write_text("left by an earlier run")

    process = run_demo(tmp_path)

    assert process.returncode == 0, process.stderr
    for expected in (
        "iteration 7", "iteration 13", "100%", "99%", "What to do", "What had really been done", "journal.jsonl",
    ):  # fmt: skip
        assert expected in process.stdout
    assert len(series(tmp_path)["definitions_examined"]) == ITERATIONS


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    """
    Where the folder holds anything that the demo did not write, it stops before it runs, and names the way out.
    """
    precious = tmp_path / "demo-output" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")

    process = run_demo(tmp_path)

    assert process.returncode == 1
    assert "thesis.txt" in process.stderr
    assert "--out" in process.stderr
    assert [path.name for path in precious.parent.iterdir()] == ["thesis.txt"]
