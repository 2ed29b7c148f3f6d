"""
``insights`` over time: what is new, what would have been said, and how often it was right.
"""

from __future__ import annotations

import io
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autonomous_dev import MetricsTracker
from autonomous_dev.cli import _looking_back, commands
from autonomous_dev.cli._progress import progress_bar


def run(*arguments: object, stdin: str | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(commands, [str(argument) for argument in arguments], input=stdin)


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
    return path


def test_announce_says_it_once(journal):
    """What is new is printed by the first look that announces, and by none after it; a plain look writes nothing."""
    before = journal.read_bytes()
    assert "1. [new, " in run("insights", "--storage", journal).output
    assert journal.read_bytes() == before
    first = run("insights", "--storage", journal, "--announce")
    assert first.exit_code == 0
    assert "1. [new, " in first.output
    second = run("insights", "--storage", journal, "--announce")
    assert second.exit_code == 0
    assert second.output == "nothing new; 1 series: 1 judged\n"
    assert "1. [ongoing, " in run("insights", "--storage", journal).output


def test_announce_says_when_it_is_over(journal):
    """A series that came back is announced as resolved, once, under the id of what was announced."""
    announced = json.loads(run("insights", "--storage", journal, "--announce", "--format", "json").output)
    tracker = MetricsTracker(journal)
    for i in range(8):
        tracker.record_metric("test_duration", 10.0 + 0.01 * (i % 3), {"commit": f"d{i:07d}"}, unit="s")
    over = json.loads(run("insights", "--storage", journal, "--announce", "--format", "json").output)
    assert [(one["id"], one["status"]) for one in over["insights"]] == [(announced["insights"][0]["id"], "resolved")]
    assert "nothing new" in run("insights", "--storage", journal, "--announce").output


def test_announce_does_not_make_a_journal(tmp_path):
    """A missing file is named, for announcing as for reading."""
    result = run("insights", "--storage", tmp_path / "none.json", "--announce")
    assert result.exit_code == 1
    assert "none.json" in result.output
    assert list(tmp_path.iterdir()) == []


def test_replay_says_what_would_have_been_said(journal):
    """Each run in which something would have been said is named with how late that was, then the sum."""
    before = journal.read_bytes()
    result = run("insights", "--storage", journal, "--replay", "60")
    assert result.exit_code == 0
    assert "c00000" in result.output
    assert "on your last 20 runs this would have spoken" in result.output
    assert journal.read_bytes() == before
    document = json.loads(run("insights", "--storage", journal, "--replay", "5", "--format", "json").output)
    assert len(document["runs"]) == 5
    assert document["announcements"] == []
    assert document["damaged_lines"] == 0


def test_record_counts_verdicts(journal):
    """Nothing announced, announced and not judged, and judged are three answers."""
    assert "nothing was announced yet" in run("insights", "--storage", journal, "--record").output
    run("insights", "--storage", journal, "--announce")
    assert "announced: 1, none with a verdict" in run("insights", "--storage", journal, "--record").output
    (insight,) = json.loads(run("insights", "--storage", journal, "--format", "json").output)["insights"]
    run("resolve", insight["id"], "--accept", "--storage", journal)
    output = run("insights", "--storage", journal, "--record").output
    assert "1 real, 0 not, 0 without a verdict; precision 100% (95% interval 21% to 100%)" in output
    document = json.loads(run("insights", "--storage", journal, "--record", "--format", "json").output)
    assert document["all"]["real"] == 1
    assert document["calibration"][0]["judged"] == 1


@pytest.mark.parametrize(
    "options",
    [["--announce", "--record"], ["--replay", "3", "--announce"], ["--replay", "0"], ["--commits", "none.txt"]],
)
def test_options_that_do_not_go_together_are_a_message(journal, options):
    """Two answers at once, a replay of no run and a missing list of commits are refused in one message."""
    result = run("insights", "--storage", journal, *options)
    assert result.exit_code == 2
    assert "Error" in result.output


def test_unmeasured_commits_are_suspects(tmp_path):
    """Commits from a file or from stdin that nobody measured are among those that may have made a change."""
    path = tmp_path / "m.json"
    tracker = MetricsTracker(path)
    for i in range(20):
        tracker.record_metric("test_duration", (10.0 if i < 10 else 15.0) + 0.01 * (i % 3), {"commit": f"{2 * i:07d}"})
    lines = "".join(f"{i:07d} what was done\n\n" for i in range(40))
    (tmp_path / "commits").write_text(lines)
    from_file = run("insights", "--storage", path, "--format", "json", "--commits", "commits")
    from_stdin = run("insights", "--storage", path, "--format", "json", "--commits", "-", stdin=lines)
    for result in (from_file, from_stdin):
        assert result.exit_code == 0, result.output
        (insight,) = json.loads(result.output)["insights"]
        assert insight["evidence"]["since"]["versions"] == ["0000019", "0000020"]


def test_commits_that_are_no_order_are_a_message(journal):
    """A commit that stands twice in the list is one line of error."""
    result = run("insights", "--storage", journal, "--commits", "-", stdin="abcdef1\nabcdef1\n")
    assert result.exit_code == 1
    assert "abcdef1" in result.output
    assert result.output.count("\n") == 1


def test_json_tells_what_could_not_be_read(journal):
    """Damaged lines and dropped series are in the JSON, not only on the terminal."""
    with journal.open("ab") as file:
        file.write(b"\x00garbage\n")
    document = json.loads(run("insights", "--storage", journal, "--format", "json").output)
    assert (document["damaged_lines"], document["dropped_series"]) == (1, 0)
    for options in (["--replay", "3"], ["--record"]):
        document = json.loads(run("insights", "--storage", journal, "--format", "json", *options).output)
        assert document["damaged_lines"] == 1


class Terminal(io.StringIO):
    """A stderr that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "total", "shown"), [(Terminal(), 501, True), (Terminal(), 500, False), (io.StringIO(), 5000, False)]
)
def test_a_bar_is_shown_on_a_terminal_where_there_is_much_to_do(monkeypatch, stream, total, shown):
    """More than 500 series on a terminal show a bar that ends at 100%; a pipe and few series show nothing."""
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_bar("looking at series") as report:
        for done in range(0, total + 1, 100):
            report(done, total)
        report(total, total)
    assert ("looking at series" in stream.getvalue()) is shown
    assert ("100%" in stream.getvalue()) is shown


def test_help_says_what_a_replay_leaves_out():
    """A replay goes by the policy of now and by no verdict, which its help says."""
    said = " ".join(run("insights", "--help").output.split())
    assert "by the policy as it is now" in said
    assert "what people said of insights since (autonomous-dev resolve) is left out" in said


def test_a_replay_honours_the_policy_and_no_verdict(journal, tmp_path):
    """What is switched off would not have been said; what was rejected later would have been."""
    told = json.loads(run("insights", "--storage", journal, "--announce", "--format", "json").output)
    assert run("resolve", told["insights"][0]["id"], "--reject", "--storage", journal).exit_code == 0
    assert "would have spoken once" in run("insights", "--storage", journal, "--replay", "60").output
    policy = tmp_path / "off.yaml"
    policy.write_text("metrics: {test_duration: {detectors: {change_point: off}}}\n", encoding="utf-8")
    result = run("insights", "--storage", journal, "--replay", "60", "--policy", policy)
    assert "would never have spoken" in result.output


def test_a_long_replay_is_shared_among_processes(journal, monkeypatch):
    """Many looks at series are taken by processes, and say the same."""
    alone = run("insights", "--storage", journal, "--replay", "3", "--format", "json").output
    made = []

    class Pool(ProcessPoolExecutor):
        def __init__(self, *args, **kwargs):
            made.append(args[0])
            super().__init__(*args, **kwargs)

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", Pool)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(_looking_back, "MANY_LOOKS", 3)
    assert run("insights", "--storage", journal, "--replay", "3", "--format", "json").output == alone
    assert made == [2]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    run("insights", "--storage", journal, "--replay", "3")
    assert made == [2]
