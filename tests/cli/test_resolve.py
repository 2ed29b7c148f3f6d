"""
``resolve``: one word about an insight, for everybody who shares the journal.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autonomous_dev import MetricsTracker
from autonomous_dev.cli import commands

LINK = "https://example.org/issues/7"


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


def listed(journal: Path) -> list[dict[str, object]]:
    """What the command lists as JSON."""
    found: list[dict[str, object]] = json.loads(run("insights", "--storage", journal, "--format", "json").output)[
        "insights"
    ]
    return found


@pytest.mark.parametrize(
    ("verdict", "means"),
    [
        (["--accept"], "accepted as the new normal"),
        (["--known", LINK], f"known, followed up at {LINK}"),
        (["--reject"], "rejected: silent"),
    ],
)
def test_a_verdict_is_kept_and_its_meaning_is_said(journal, verdict, means):
    """Each verdict prints the insight and what follows; accepted and rejected ones are listed no more."""
    (before,) = listed(journal)
    result = run("resolve", before["id"], *verdict, "--storage", journal)
    assert result.exit_code == 0, result.output
    assert means in result.output
    assert "test_duration" in result.output
    after = listed(journal)
    if verdict[0] == "--known":
        assert [(one["status"], one["link"]) for one in after] == [("known", LINK)]
        assert f"followed up at {LINK}" in run("insights", "--storage", journal).output
    else:
        assert after == []


def test_a_verdict_can_be_changed(journal):
    """A rejected insight is listed no more, and can still be marked as known."""
    insight = listed(journal)[0]["id"]
    run("resolve", insight, "--reject", "--storage", journal)
    assert run("resolve", insight, "--known", LINK, "--storage", journal).exit_code == 0
    assert listed(journal)[0]["status"] == "known"


@pytest.mark.parametrize(
    "verdict", [[], ["--accept", "--reject"], ["--known", LINK, "--accept"], ["--known", ""], ["--known"]]
)
def test_not_exactly_one_verdict_is_a_message(journal, verdict):
    """None and two verdicts are refused with what there is, and nothing is written."""
    before = journal.read_bytes()
    result = run("resolve", listed(journal)[0]["id"], "--storage", journal, *verdict)
    assert result.exit_code == 2
    assert "Error" in result.output
    assert journal.read_bytes() == before


def test_an_unknown_id_is_answered_with_the_near_one(journal):
    """A mistyped id is one line that names the insight that was probably meant, and nothing is written."""
    before, known = journal.read_bytes(), str(listed(journal)[0]["id"])
    for wrong in (known[:-1], known[:5], known[:-2] + "zz"):
        result = run("resolve", wrong, "--accept", "--storage", journal)
        assert result.exit_code == 1
        assert f"did you mean {known}?" in result.output
        assert result.output.count("\n") == 1
    assert "autonomous-dev insights" in run("resolve", "\x1b[2J", "--accept", "--storage", journal).output
    assert "\x1b" not in run("resolve", "\x1b[2J", "--accept", "--storage", journal).output
    assert journal.read_bytes() == before


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://example.org/\x1b[2J", "TICKET-7"])
def test_a_link_that_is_none_is_a_message(journal, link):
    """What is no address is refused with what one looks like, and does not command the terminal."""
    result = run("resolve", listed(journal)[0]["id"], "--known", link, "--storage", journal)
    assert result.exit_code == 1
    assert "https://example.org/issues/7" in result.output
    assert "\x1b" not in result.output


def test_a_missing_journal_is_named_and_not_made(tmp_path):
    """A verdict makes no file."""
    result = run("resolve", "abc", "--accept", "--storage", tmp_path / "none.json")
    assert result.exit_code == 1
    assert "none.json" in result.output
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_journal_is_left_alone(tmp_path):
    """A verdict is never written into somebody else's file."""
    path = tmp_path / "data.json"
    path.write_text('[{"mine": 1}]')
    result = run("resolve", "abc", "--accept", "--storage", path)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert path.read_text() == '[{"mine": 1}]'


def test_a_verdict_survives_the_death_of_its_process_and_is_seen_by_others(journal):
    """A process that is killed as soon as its verdict is given has given it: an open tracker sees it at once."""
    tracker = MetricsTracker(journal)
    (insight,) = tracker.generate_insights()
    program = f"""
import os, signal
from autonomous_dev import MetricsTracker
MetricsTracker({str(journal)!r}).resolve({insight.id!r}, accept=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-W", "error", "-c", program], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert tracker.generate_insights() == []
    assert tracker.memory().told[insight.id].verdict.verdict == "accept"


def test_many_processes_may_judge_at_once(journal):
    """Verdicts that four processes give at the same time are all there, each a line of its own."""
    insight = listed(journal)[0]["id"]
    command = [sys.executable, "-W", "error", "-m", "autonomous_dev.cli", "resolve", str(insight), "--storage", journal]
    running = [
        subprocess.Popen([*command, "--known", f"{LINK}{i}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for i in range(4)
    ]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, b"")
    tracker = MetricsTracker(journal, read_only=True)
    events = tracker.events("autonomous_dev.insight.verdict")
    assert sorted(event.attributes["autonomous_dev.verdict.link"] for event in events) == [
        f"{LINK}{i}" for i in range(4)
    ]
    assert tracker.damaged_lines == 0
