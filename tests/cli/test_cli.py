"""
The command line: each command, and each error as one line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autonomous_dev import MetricsTracker, PerformanceProfiler
from autonomous_dev.cli import COMMANDS, commands


def run(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command would read a policy in the working folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal in which the tests got slower at the eleventh of twenty runs."""
    path = tmp_path / "metrics.json"
    tracker = MetricsTracker(path)
    for i in range(20):
        tracker.record_metric(
            "test_duration", (10.0 if i < 10 else 15.0) + 0.01 * (i % 3), {"commit": f"c{i:07d}"}, unit="s"
        )
    tracker.record_metric("coverage", 90.0)
    return path


def test_every_command_has_help():
    """Each sub-command explains itself."""
    for command in COMMANDS:
        result = run(command, "--help")
        assert result.exit_code == 0, result.output
        assert "Usage:" in result.output
    assert all(command in run("--help").output for command in COMMANDS)


def test_record_then_show(tmp_path):
    """What record stored is what show shows."""
    path = tmp_path / "m.json"
    result = run("record", "build_time", "-3.5", "--storage", path, "--unit", "s", "--meta", "suite=unit")
    assert (result.exit_code, result.output) == (0, "")
    shown = json.loads(run("show", "--storage", path, "--format", "json").output)
    assert [(s["name"], s["unit"], s["identity"], s["newest"]) for s in shown] == [
        ("build_time", "s", {"suite": "unit"}, -3.5)
    ]
    assert "needs more data (1 of 5)" in run("show", "--storage", path).output


def test_record_splits_metadata_as_the_policy_says(tmp_path):
    """What the policy calls identity tells series apart from the first sample on."""
    Path("automation_policy.yaml").write_text("metrics:\n  throughput:\n    identity: [runner]\n")
    for runner in ("a", "b"):
        run("record", "throughput", "1", "--storage", tmp_path / "m.json", "--meta", f"runner={runner}")
    shown = json.loads(run("show", "--storage", tmp_path / "m.json", "--format", "json").output)
    assert [series["identity"] for series in shown] == [{"runner": "a"}, {"runner": "b"}]


def test_insights_as_text(journal):
    """Text says what got worse, since which commit, how sure, and what was judged."""
    result = run("insights", "--storage", journal)
    assert result.exit_code == 0
    assert "test_duration" in result.output
    assert "worse" in result.output
    assert "c0000010" in result.output
    assert "2 series: 1 judged, 1 needs more data (1 of 5)" in result.output


def test_insights_as_json(journal):
    """JSON holds insights that round-trip, and the state of each series."""
    document = json.loads(run("insights", "--storage", journal, "--format", "json").output)
    assert document["insights"][0]["evidence"]["since"]["version"] == "c0000010"
    assert {s["name"]: s["state"] for s in document["series"]}["coverage"] == "needs more data (1 of 5)"


def test_nothing_judged_is_not_fine(tmp_path):
    """Without enough data the command says so, and not that all is well."""
    path = tmp_path / "m.json"
    MetricsTracker(path)
    assert "nothing judged" in run("insights", "--storage", path).output
    MetricsTracker(path).record_metric("a", 1.0)
    assert run("insights", "--storage", path).output == "nothing judged yet; 1 series: 1 needs more data (1 of 5)\n"


def test_the_policy_of_the_working_folder_is_read(journal):
    """The command takes automation_policy.yaml from the folder; an unrecorded threshold is named with its like."""
    Path("automation_policy.yaml").write_text("performance:\n  test_duratoin_max: 60\n  coverage_min: 95\n")
    output = run("insights", "--storage", journal).output
    assert "95" in output
    assert "test_duratoin" in output
    assert "test_duration" in output


@pytest.mark.parametrize("command", ["show", "insights", "serve", "rules"])
def test_a_missing_journal_is_named_and_not_made(command, tmp_path):
    """A command that reads names the missing file and makes nothing."""
    extra = ["--out", tmp_path / "out"] if command == "rules" else []
    result = run(command, "--storage", tmp_path / "none.json", *extra)
    assert result.exit_code == 1
    assert "none.json" in result.output
    assert result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["record", "a", "nan"],
        ["record", "", "1"],
        ["record", "a", "1", "--meta", "x"],
        ["record", "a", "x"],
        ["record", "a", "1", "--timestamp", "1790000000000"],
    ],
)
def test_a_bad_argument_is_one_message(arguments, tmp_path):
    """A refused argument is an error message with an exit code, and no traceback."""
    result = run(*arguments, "--storage", tmp_path / "m.json")
    assert result.exit_code in (1, 2)
    assert "Error" in result.output
    assert isinstance(result.exception, SystemExit)


def test_damaged_lines_are_said(journal):
    """A journal with a damaged line is read, and the damage is reported."""
    with journal.open("ab") as file:
        file.write(b"\x00garbage\n")
    assert "1 lines could not be read" in run("show", "--storage", journal).output
    assert "1 lines could not be read" in run("insights", "--storage", journal).output


def test_a_journal_does_not_command_the_terminal(tmp_path):
    """Control characters in recorded text are shown as escapes."""
    tracker = MetricsTracker(tmp_path / "m.json")
    for i in range(20):
        metadata = {"suite": "\x1b]0;mine\x07", "commit": "\x1b[2J"}
        tracker.record_metric("test_duration", 10.0 if i < 10 else 20.0, metadata)
    for command in (["show"], ["insights"], ["rules", "--out", tmp_path / "out"]):
        output = run(*command, "--storage", tmp_path / "m.json").output
        assert "\x1b" not in output
        assert "\x07" not in output
    assert "\\x1b[2J" in run("insights", "--storage", tmp_path / "m.json").output


@pytest.mark.timeout(20)
def test_a_pipe_is_no_journal(tmp_path):
    """What is no regular file is refused at once, for reading and for writing."""
    os.mkfifo(tmp_path / "pipe")
    for command in (["show"], ["record", "a", "1"]):
        result = run(*command, "--storage", tmp_path / "pipe")
        assert result.exit_code == 1
        assert "no regular file" in result.output


def test_names_that_meet_are_said(tmp_path):
    """Show names a metric that is recorded but not exported."""
    tracker = MetricsTracker(tmp_path / "m.json")
    tracker.record_metric("build", 1.0)
    tracker.record_metric("Build", 1.0)
    with PerformanceProfiler("load"):
        pass
    tracker.flush_instruments()
    output = run("show", "--storage", tmp_path / "m.json").output
    assert "not exported: Build" in output
    assert output.count("not exported") == 1


def test_serve_answers_until_it_is_told_to_stop(journal):
    """Serve gives a page of the file on loopback, and ends at SIGTERM with exit code 0."""
    command = [sys.executable, "-W", "error", "-m", "autonomous_dev.cli", "serve", "--storage", journal, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        try:
            line = process.stderr.readline()
            url = line.split()[-1]
            assert url.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(url, timeout=10) as answer:
                page = answer.read().decode()
            assert "test_duration_seconds" in page
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_dropped_series_are_told_and_the_users_are_kept(tmp_path: Path) -> None:
    """A program that makes up operations does not hide its own metrics, nor why others are missing."""
    path = tmp_path / "many.jsonl"
    program = f"""
from autonomous_dev import MetricsTracker, PerformanceProfiler
tracker = MetricsTracker({str(path)!r})
for number in range(2500):
    with PerformanceProfiler(f"GET /user/{{number}}", budget=1.0):
        pass
tracker.flush_instruments()
tracker.record_metric("tests_failed", 3.0)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    shown = run("show", "--storage", path)
    assert "tests_failed" in shown.stdout
    assert "series.dropped" in shown.stdout
    told = run("insights", "--storage", path, "--min-confidence", "0.9")
    assert "operations beyond the 1,997 that are kept are counted as `_other`" in told.stdout
    for result in (shown, told):
        assert result.exit_code == 0
        assert "dropped: 1,990 series beyond the bound are neither shown nor judged" in result.output
