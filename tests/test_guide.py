"""
The guide's code blocks: unchanged, running as they stand, and keeping what their comments promise.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import os
import re
import shutil
import subprocess
import symtable
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import autonomous_dev
from autonomous_dev import FeedbackLoop, MetricsTracker, PerformanceProfiler, _state
from autonomous_dev.learning import Direction
from autonomous_dev.policy import Policy, Threshold
from guide_prelude import PRELUDES
from real_programs import free_port

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "guide.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """
    The fenced blocks of one language, in the order of the page.
    """
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


PYTHON = blocks(GUIDE, "python")
YAML = blocks(GUIDE, "yaml")
DIGESTS = {
    "python": "8f2b40dcdd437575a3beca53121588b9032d2bbb9868d1990a0ed08d7d8d25a0",
    "yaml": "71ea781233b22972d2dd03c49762ff47053439ee341f17b5deebf3433c335f08",
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """
    Each block runs in a folder of its own.
    """
    monkeypatch.chdir(tmp_path)


def run(number: int, **others: object) -> dict[str, Any]:
    """
    Run block *number* in a fresh namespace with its prelude, some names of it replaced by *others*.
    """
    prelude = PRELUDES.get(number, dict)()
    assert set(others) <= set(prelude)
    namespace: dict[str, Any] = {"__name__": f"guide_{number}", **prelude, **others}
    exec(compile(PYTHON[number - 1], f"docs/guide.md block {number}", "exec"), namespace)  # noqa: S102 - the guide
    return namespace


def free_names(source: str) -> set[str]:
    """
    The names that *source* uses and neither binds nor finds among the built-in ones.
    """
    top = symtable.symtable(source, "guide", "exec")
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    bound |= {symbol.get_name() for symbol in top.get_symbols() if symbol.is_namespace()}
    used, tables = set(), [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        used |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (table is top or symbol.is_global())
        }
    return used - bound - set(dir(builtins))


def values_returned(source: str, namespace: dict[str, Any]) -> list[tuple[str, object]]:
    """
    For each comment ``# Returns`` of *source* its text, and what the statement that it stands by has bound.
    """
    comments = {
        number: line.partition("# Returns")[2].lstrip(": ")
        for number, line in enumerate(source.splitlines(), 1)
        if "# Returns" in line
    }
    found = []
    statements = ast.parse(source).body
    for statement, following in zip(statements, [*statements[1:], None], strict=True):
        exec(compile(ast.Module([statement], []), "docs/guide.md", "exec"), namespace)  # noqa: S102 - the guide
        end = following.lineno if following else len(source.splitlines()) + 1
        for number, text in comments.items():
            if (statement.end_lineno or 0) <= number < end:
                assert isinstance(statement, ast.Assign)
                assert isinstance(statement.targets[0], ast.Name)
                found.append((text, namespace[statement.targets[0].id]))
    assert len(found) == len(comments)
    return found


def test_the_blocks_are_the_published_ones():
    """
    Not one byte of the twenty Python blocks and the two YAML blocks has changed.
    """
    assert (len(PYTHON), len(YAML)) == (20, 2)
    assert hashlib.sha256("".join(PYTHON).encode()).hexdigest() == DIGESTS["python"]
    assert hashlib.sha256("".join(YAML).encode()).hexdigest() == DIGESTS["yaml"]


@pytest.mark.parametrize("number", range(1, 21))
def test_a_prelude_gives_exactly_what_a_block_leaves_to_the_reader(number):
    """
    A prelude holds every name that its block does not bind, and no other.
    """
    assert set(PRELUDES.get(number, dict)()) == free_names(PYTHON[number - 1])


@pytest.mark.parametrize("number", range(1, 21))
def test_a_block_runs_as_it_stands(number):
    """
    Each Python block runs in a folder and a namespace of its own.
    """
    run(number)


def test_returns_comments_are_true():
    """
    Every ``# Returns`` of the guide says what the call really gives.
    """
    returned = dict(values_returned(PYTHON[4], {}) + values_returned(PYTHON[6], {}))

    assert sum(block.count("# Returns") for block in PYTHON) == len(returned)
    assert returned.pop('"value1"') == "value1"
    assert returned.pop("None") is None
    assert returned.pop("[[0-9], [10-19], ..., [90-99]]") == [list(range(i, i + 10)) for i in range(0, 100, 10)]
    assert returned.pop("True") is True
    assert returned.pop("~6.9") == pytest.approx(6.9, abs=0.05)
    assert not returned


def test_the_tracker_keeps_what_it_is_given(capsys):
    """
    The first block's samples come back with their metadata, from the file too, and its trend is printed.
    """
    names = run(1)

    (metric,) = names["test_metrics"]
    assert (metric.name, metric.value, metric.metadata) == (
        "test_duration",
        12.5,
        {"suite": "integration", "branch": "main"},
    )
    assert list(names["all_metrics"]) == [metric]
    assert [each.value for each in MetricsTracker(storage_path="metrics.json").get_metrics()] == [12.5]
    assert capsys.readouterr().out.startswith("Mean: 12.5\nTrend: ")


@pytest.mark.parametrize(("step", "sign"), [(1.5, 1), (-1.5, -1), (0.0, 0)])
def test_positive_means_increasing(step, sign):
    """
    The trend's direction is the slope per sample: positive while the metric rises.
    """
    tracker = MetricsTracker()
    for run_number in range(10):
        tracker.record_metric("test_duration", 20.0 + step * run_number)

    direction = tracker.analyze_trends("test_duration", window_size=10)["trend_direction"]

    assert direction == pytest.approx(step)
    assert (direction > 0) - (direction < 0) == sign


def test_an_iteration_is_recorded():
    """
    What ``evaluate_iteration`` is given is recorded, and one iteration is too little for suggestions.
    """
    names = run(2)

    assert {metric.name: metric.value for metric in names["tracker"].get_metrics()} == {
        "test_duration": 15.2,
        "coverage_percent": 92.5,
        "lint_errors": 0,
    }
    assert names["insights"] == []
    assert names["suggestions"] == []


def test_an_insight_is_what_it_was_made_of():
    """
    A user's own insight keeps its four values.
    """
    insight = run(3)["insight"]

    assert (insight.category, insight.confidence) == ("performance", 0.8)
    assert insight.description == "Test execution time is increasing"
    assert insight.suggested_action == "Review test efficiency"


def test_statistics_have_the_shape_of_the_comment(capsys):
    """
    ``get_stats`` holds the three keys that the comment shows, and they agree with the duration.
    """
    names = run(4)

    promised = ast.literal_eval(PYTHON[3].splitlines()[-1].removeprefix("# "))
    stats = names["stats"]
    assert list(stats) == list(promised)
    assert stats["operation"] == promised["operation"]
    assert stats["duration_seconds"] == names["profiler"].duration > 0
    assert stats["duration_ms"] == pytest.approx(1000 * stats["duration_seconds"])
    assert re.fullmatch(r"Took \d+\.\d\d seconds\n", capsys.readouterr().out)


def test_a_cleared_cache_is_empty():
    """
    After ``clear`` nothing is left.
    """
    cache = run(5)["cache"]

    assert cache.size() == 0
    assert cache.get("key1") is None


class CountedPower(int):
    """
    A number that counts how often it is raised to a power.
    """

    raised = 0

    def __pow__(self, other, modulus=None):
        type(self).raised += 1
        return int(self) ** other


def test_the_second_call_is_cached(capsys, monkeypatch):
    """
    What the guide calls computed is computed, and what it calls cached is not.
    """
    monkeypatch.setattr(CountedPower, "raised", 0)
    names = run(6)

    assert names["result"] == 100
    assert capsys.readouterr().out == "1\n"
    (totals,) = _state.caches().values()
    assert (totals.misses, totals.hits) == (1, 1)
    assert [names["expensive_computation"](CountedPower(11)) for _ in range(2)] == [121, 121]
    assert CountedPower.raised == 1


def test_monitoring_leaves_a_file():
    """
    The pattern for pipelines keeps both samples in its file.
    """
    run(8)

    kept = MetricsTracker(storage_path=".metrics.json").get_metrics()
    assert {metric.name: metric.value for metric in kept} == {"test_duration": 45.2, "coverage_percent": 87.5}


class SlowProfiler(PerformanceProfiler):
    """
    A profiler whose block took 61 seconds.
    """

    @property
    def duration(self) -> float:
        """
        Longer than the guide's minute.
        """
        return 61.0


def test_batches_are_used_where_it_was_slow(monkeypatch):
    """
    After a minute the pattern goes over to batches of a hundred, and its cached function hashes.
    """
    sizes: list[int] = []
    monkeypatch.setattr(autonomous_dev, "PerformanceProfiler", SlowProfiler)

    names = run(9, process_batch=lambda batch: sizes.append(len(batch)))

    assert sizes == [100, 100, 50]
    assert names["compute_hash"]("a") == hashlib.sha256(b"a").hexdigest()


@pytest.mark.parametrize(("count", "batches"), [(1000, 10), (49, 0)])
def test_a_pool_is_used_where_it_pays_off(count, batches):
    """
    Many items are worked on in batches by a pool, few one after the other.
    """
    names = run(10, fetch_work_items=lambda: list(range(count)))

    results = list(names["results"])
    assert len(names.get("batches", ())) == batches
    assert sum(results) == sum(range(count))


def test_metadata_is_kept():
    """
    The sample of the metadata block carries all three keys.
    """
    (metric,) = run(12)["tracker"].get_metrics("test_duration")

    assert metric.metadata == {"suite": "integration", "branch": "main", "commit": "abc123"}


def test_unhashable_arguments_are_cached():
    """
    A function of a dict may be cached; equal dicts share an entry.
    """
    names = run(13)

    assert [names["expensive_query"]({"a": [1]}) for _ in range(2)] == [None, None]
    assert names["expensive_query"]._cache.size() == 1


def test_what_is_sure_is_applied():
    """
    A test time that has doubled gives at least one insight sure enough to be applied.
    """
    names = run(14)

    sure = [insight.suggested_action for insight in names["insights"] if insight.confidence >= 0.8]
    assert sure
    assert all(sure)
    assert names["apply_optimization"] == sure


def test_the_feedback_loop_calls_an_overridden_rule():
    """
    A subclass's ``generate_insights`` is what ``evaluate_iteration`` gives back.
    """
    tracker = run(15)["CustomMetricsTracker"]()
    loop = FeedbackLoop(tracker)

    insights = [loop.evaluate_iteration({"memory_usage": 2000.0}) for _ in range(5)]

    said = [[insight.description for insight in each] for each in insights]
    assert "High memory usage detected" not in said[3]
    assert "High memory usage detected" in said[4]


def test_a_persistent_cache_comes_back():
    """
    A subclass may pickle ``_cache`` and put a loaded dict in its place, which is then bounded as before.
    """
    persistent_cache = run(16)["PersistentCache"]
    first = persistent_cache(2, Path("cache.pickle"))
    first.set("a", [1])
    first.set("b", None)

    second = persistent_cache(2, Path("cache.pickle"))
    assert (second.get("a"), second.size()) == ([1], 2)
    second.set("c", 3)
    assert (second.get("a"), second.get("b"), second.get("c"), second.size()) == ([1], None, 3, 2)
    assert dict(persistent_cache(2, Path("cache.pickle"))._cache) == {"a": [1], "c": 3}


def test_the_file_is_there_once_the_tracker_is():
    """
    ``metrics.json`` exists as soon as the tracker is made.
    """
    run(17)

    assert Path("metrics.json").is_file()


def test_the_size_of_a_cache_is_shown(capsys):
    """
    Nothing was asked of the cache, so it is empty; afterwards it is not.
    """
    names = run(18)

    assert capsys.readouterr().out == "Cache size: 0\n"
    assert names["my_function"](2) == 4
    assert names["cache"].size() == 1


def test_ten_rising_durations_are_worse():
    """
    Ten test durations that rise by one each give at least one insight, and it says worse.
    """
    insights = run(19)["insights"]

    worse = [insight for insight in insights if insight.direction is Direction.WORSE]
    assert worse
    assert any("worse" in insight.description for insight in worse)
    assert not [insight for insight in insights if insight.direction is Direction.BETTER]


def test_the_whole_workflow_records_three_metrics():
    """
    The last block records the profiled duration, the coverage and the number of findings.
    """
    names = run(20)

    kept = {
        metric.name: metric.value for metric in MetricsTracker("metrics.json").get_metrics() if "." not in metric.name
    }
    assert kept == {"test_duration": names["profiler"].duration, "coverage_percent": 91.5, "lint_errors": 0}


def test_the_policy_block_is_a_policy():
    """
    The guide's YAML block sets two upper bounds and the largest capacity of a cache.
    """
    policy = Policy.parse(YAML[1])

    assert [(bound.metric, bound.bound, bound.upper) for bound in policy.thresholds] == [
        ("test_duration", 60.0, True),
        ("build_time", 300.0, True),
    ]
    assert isinstance(policy.thresholds[0], Threshold)
    assert policy.cache_size == 100


def test_the_step_of_a_workflow_runs():
    """
    The CI step, its expressions filled in with numbers, records both metrics.
    """
    (step,) = yaml.safe_load(YAML[0])
    numbers = iter(("93.5", "88.25"))
    command = re.sub(r"\$\{\{.*?\}\}", lambda _: next(numbers), step["run"])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    subprocess.run(
        ["sh", "-e", "-c", command], env={**os.environ, "PATH": path, "PYTHONWARNINGS": "error"}, check=True, timeout=60
    )

    kept = MetricsTracker(storage_path="ci_metrics.json").get_metrics()
    assert {metric.name: metric.value for metric in kept} == {"ci_duration": 93.5, "coverage": 88.25}


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "ARCHITECTURE.md",
        "AUTOMATION_GUIDE.md",
        "CHANGELOG.md",
        "docs/guide.md",
        "docs/instrumentation.md",
        "docs/insights.md",
    ],
)
def test_links_lead_somewhere(page):
    """
    Every relative link of the project's pages names a file that is there.
    """
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / page).read_text())

    missing = [link for link in links if "://" not in link and not (ROOT / page).parent.joinpath(link).exists()]

    assert missing == []


def test_the_readme_is_short():
    """
    README.md is read in one go: at most 150 lines, the measured table apart.
    """
    text = (ROOT / "README.md").read_text()
    table = text[text.index("<!-- costs:begin -->") : text.index("<!-- costs:end -->")]

    assert len(text.replace(table, "").splitlines()) <= 150


def test_the_readme_runs_as_it_stands(tmp_path):
    """
    README.md's Python blocks and commands run one after the other in one folder, only the port being another.
    """
    page = (ROOT / "README.md").read_text()
    shutil.copy(ROOT / "automation_policy.yaml", tmp_path)
    commands = [
        line.removeprefix("$ ").split()
        for block in blocks(page, "console")
        for line in block.splitlines()
        if line.startswith("$ autonomous-dev ")
    ]
    programs = [block.replace("port=9464", f"port={free_port()}") for block in blocks(page, "python")]
    assert len(programs) == 4
    assert [command[1] for command in commands] == ["record", "show", "insights", "insights", "rules"]

    for program in programs:
        finish([sys.executable, "-c", program])
    for command in commands:
        finish([Path(sys.executable).parent / command[0], *command[1:]])

    assert list(tmp_path.glob("rules/*"))


def finish(command):
    """
    Run *command*, its warnings being errors, and show what it said where it fails.
    """
    child = subprocess.run(
        command, env={**os.environ, "PYTHONWARNINGS": "error"}, capture_output=True, text=True, check=False, timeout=60
    )
    assert child.returncode == 0, f"{command}\n{child.stdout}\n{child.stderr}"
