"""
``autonomous-dev caches``: recorded caches as a table, with what larger ones would answer.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autonomous_dev import MetricsTracker, SimpleCache, cached
from autonomous_dev.cli import commands
from children import run_child


def run(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


def shown(path: Path, *more: object) -> dict[str, dict]:
    """What the command says of each cache, as JSON."""
    result = run("caches", "--storage", path, "--format", "json", *more)
    assert result.exit_code == 0, result.output
    return {entry["cache"]: entry for entry in json.loads(result.output)}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command would read a policy in the working folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of three flushes of a cache that is one entry too small, and of one with room for all."""
    path = tmp_path / "metrics.json"
    tracker = MetricsTracker(path)
    small, roomy = SimpleCache(50, name="too_small"), SimpleCache(100, name="roomy")
    for _ in range(3):
        for cache in (small, roomy):
            for number in range(1020):
                if cache.get(number % 51) is None:
                    cache.set(number % 51, number)
        tracker.flush_instruments()
    assert small.size() + roomy.size() == 101
    return path


def test_the_table_says_what_larger_caches_would_answer(journal):
    """
    For each cache its capacity, lookups and hit rate, those of larger ones, and what to do.
    """
    result = run("caches", "--storage", journal)

    assert result.exit_code == 0
    heading, rows = result.output.split("\n", 3)[1], result.output
    assert heading.split() == [
        "cache",
        "capacity",
        "lookups",
        "hit",
        "rate",
        "at",
        "2×",
        "at",
        "4×",
        "at",
        "8×",
        "advice",
    ]
    small = next(line for line in rows.splitlines() if "too_small" in line)
    assert small.split()[1:7] == ["50", "3060", "0.0%", "98.3%", "98.3%", "98.3%"]
    assert "max_size=100 (80% sure)" in small
    roomy = next(line for line in rows.splitlines() if "roomy" in line)
    assert roomy.split()[1:4] == ["100", "3060", "98.3%"]
    assert "none: it evicted nothing" in roomy


def test_the_same_as_json(journal):
    """
    JSON has the numbers unrounded, null where there is no advice.
    """
    caches = shown(journal)

    small = caches["too_small"]
    assert (small["capacity"], small["lookups"], small["intervals"], small["max_size"]) == (50, 3060, 3, 100)
    assert small["predicted"]["2"] == pytest.approx(3009 / 3060)
    assert small["confidence"] == pytest.approx(0.8)
    assert (caches["roomy"]["predicted"], caches["roomy"]["max_size"]) == ({}, None)


def test_insights_say_it_too(journal):
    """
    The same advice is among the insights.
    """
    output = run("insights", "--storage", journal).output

    assert "doubling `too_small` from 50 to 100 would lift its hit rate from 0% to 98%" in output


def test_the_policys_bound_is_kept(journal):
    """
    Where the policy allows no larger cache, that is what is said.
    """
    Path("automation_policy.yaml").write_text("performance:\n  cache_size: 99\n")

    assert shown(journal)["too_small"]["advice"] == "none within the policy's cache_size of 99"
    assert shown(journal)["too_small"]["max_size"] is None


def test_few_lookups_need_more(tmp_path):
    """
    A cache that was hardly used gets no advice, and is told what is missing.
    """
    cache = SimpleCache(1, name="young")
    for number in range(20):
        cache.get(number % 2)
        cache.set(number % 2, number)
    MetricsTracker(tmp_path / "m.json").flush_instruments()

    assert shown(tmp_path / "m.json")["young"]["advice"] == "needs more data (20 of 1000 lookups)"


def test_a_decorated_function_is_advised_from_the_file_of_its_process(tmp_path):
    """
    A program that ended has left in the file what its cache would gain; another process reads it.
    """
    path = tmp_path / "m.json"
    run_child(
        f"""
        from autonomous_dev import MetricsTracker, cached

        tracker = MetricsTracker({str(path)!r})

        @cached(max_size=10)
        def get_config(key):
            return key

        for number in range(2000):
            get_config(number % 15)
        """
    )

    (entry,) = shown(path).values()
    assert entry["cache"].endswith("get_config")
    assert (entry["capacity"], entry["lookups"], entry["max_size"]) == (10, 2000, 20)


def test_a_cache_of_large_gain_in_eight_times_is_told_so(tmp_path):
    """
    A loop that only fits eight times the capacity needs eight times the capacity.
    """

    @cached(max_size=10, name="loop")
    def double(number: int) -> int:
        return 2 * number

    tracker = MetricsTracker(tmp_path / "m.json")
    for number in range(3000):
        double(number % 60)
    tracker.flush_instruments()
    entry = shown(tmp_path / "m.json")["loop"]

    assert (entry["predicted"]["4"], entry["max_size"]) == (0.0, 80)


def test_a_journal_without_caches_says_so(tmp_path):
    """
    Other metrics are no caches.
    """
    path = tmp_path / "m.json"
    MetricsTracker(path).record_metric("test_duration", 1.0)

    assert "no lookup in a cache is recorded in" in run("caches", "--storage", path).output
    assert json.loads(run("caches", "--storage", path, "--format", "json").output) == []


def test_a_missing_journal_is_named_and_not_made(tmp_path):
    """
    The command reads: it makes no file.
    """
    result = run("caches", "--storage", tmp_path / "none.json")

    assert result.exit_code == 1
    assert "none.json" in result.output
    assert result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_damaged_lines_are_said(journal):
    """
    The rest is read.
    """
    with journal.open("ab") as file:
        file.write(b"\x00garbage\n")
    result = run("caches", "--storage", journal)

    assert "too_small" in result.output
    assert "1 lines could not be read" in result.output


def test_a_name_does_not_command_the_terminal(tmp_path):
    """
    A name with markup is printed as it is.
    """
    cache = SimpleCache(1, name="[red]users[/red]")
    cache.get(1)
    MetricsTracker(tmp_path / "m.json").flush_instruments()

    assert "[red]users[/red]" in run("caches", "--storage", tmp_path / "m.json").output
    assert cache.size() == 0
