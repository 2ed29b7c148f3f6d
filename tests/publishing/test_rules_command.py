"""
``autonomous-dev rules``: what it writes, what it says, and what it refuses.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autonomous_dev.cli import commands
from autonomous_dev.learning import MetricsTracker
from autonomous_dev.publishing import GENERATED, RULES_FILE, TESTS_FILE


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """
    Six runs of one metric.
    """
    path = tmp_path / "metrics.jsonl"
    tracker = MetricsTracker(path)
    for run in range(6):
        tracker.record_metric("test_duration", 45.0 + run / 10, timestamp=time.time() - 86400 * (6 - run))
    return path


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(commands, ["rules", *[str(argument) for argument in arguments]])


def test_it_writes_both_files_and_says_what_was_left_out(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy of the working folder is used; a threshold without a metric is named with the nearest one."""
    monkeypatch.chdir(tmp_path)
    Path("automation_policy.yaml").write_text("performance:\n  test_duration_max: 60\n  test_durations_max: 9\n")
    done = _run("--out", tmp_path / "new" / "folder", "--storage", journal)
    assert done.exit_code == 0, done.output
    assert "3 rules: 1 MetricAboveThreshold, 1 MetricRegressed, 1 MetricStale" in done.output
    assert "(automation_policy.yaml:3): test_durations was never recorded; did you mean test_duration?" in done.output
    for name in (RULES_FILE, TESTS_FILE):
        written = tmp_path / "new" / "folder" / name
        assert f"wrote {written}" in done.output
        assert written.read_text().startswith(GENERATED)
    assert _run("--out", tmp_path / "new" / "folder", "--storage", journal).exit_code == 0


def test_a_file_of_somebody_else_is_kept(journal: Path, tmp_path: Path) -> None:
    """Neither file is written when one of them is there and does not begin as ours do."""
    (tmp_path / TESTS_FILE).write_text("mine: true\n")
    done = _run("--out", tmp_path, "--storage", journal)
    assert done.exit_code == 1
    assert "does not begin with" in done.output
    assert (tmp_path / TESTS_FILE).read_text() == "mine: true\n"
    assert not (tmp_path / RULES_FILE).exists()


def test_errors_are_said_in_one_line(journal: Path, tmp_path: Path) -> None:
    """A missing journal, a missing or wrong policy and a folder that cannot be made end with exit code 1 and a reason."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("performance:\n  a_max: true\n")
    for arguments, says in [
        (("--out", tmp_path, "--storage", tmp_path / "no.jsonl"), "no.jsonl"),
        (("--out", tmp_path, "--storage", journal, "--policy", tmp_path / "no.yaml"), "no.yaml: cannot be read"),
        (("--out", tmp_path, "--storage", journal, "--policy", wrong), f"{wrong}:2: performance.a_max is true"),
        (("--out", journal / "x", "--storage", journal), "give --out a folder"),
        (("--out", journal, "--storage", journal), "give --out a folder"),
    ]:
        done = _run(*arguments)
        assert done.exit_code == 1, done.output
        assert isinstance(done.exception, SystemExit)
        assert says in done.output
        assert "Traceback" not in done.output
    assert not (tmp_path / "no.jsonl").exists()
    assert not (tmp_path / RULES_FILE).exists()
