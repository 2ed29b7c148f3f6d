"""
The code blocks, commands and policies of the page on insights run as they stand.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autonomous_dev import MetricsTracker
from autonomous_dev.policy import DETECTORS, Policy

TEXT = (Path(__file__).parent.parent / "docs" / "insights.md").read_text(encoding="utf-8")


def blocks(language):
    """
    The fenced blocks of one language, in the order of the page.
    """
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)


PYTHON = blocks("python")


def finish(command, folder):
    """
    What *command* prints in *folder*; it succeeds, and with warnings as errors says nothing on stderr.
    """
    variables = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False, cwd=folder,
        env={**variables, "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert done.stderr == ""
    return done.stdout


def run_block(number, folder):
    """
    Run a block as a program: in a file, so that other processes can load it.
    """
    program = folder / "block.py"
    program.write_text(PYTHON[number], encoding="utf-8")
    return finish([sys.executable, program], folder)


def neutral(said):
    """
    *said* without ids and without the numbers of confidences.
    """
    return re.sub(r"\d+% sure", "sure", re.sub(r"\b[0-9a-f]{12}\b", "ID", said))


def test_the_page_has_blocks():
    """
    All seven programs, the policy and the commands are found.
    """
    assert len(PYTHON) == 8
    assert len(blocks("yaml")) == 1
    assert len(blocks("console")) == 5


@pytest.mark.parametrize("number", range(7))
def test_a_block_runs_as_it_stands(number, tmp_path):
    """
    In a fresh process, with warnings as errors, its assertions hold.
    """
    run_block(number, tmp_path)


def test_the_commands_print_what_the_page_shows(tmp_path):
    """
    On the journal of the first block each command succeeds and prints the lines that stand under it.

    Ids hang on the hour, and shares of confidence on the calibration: these may differ.
    """
    run_block(0, tmp_path)
    (tmp_path / "commits.txt").write_text("".join(f"c{number}\n" for number in range(60)))
    (insight,) = MetricsTracker(tmp_path / "metrics.jsonl", read_only=True).generate_insights()
    (shown,) = set(re.findall(r"\b[0-9a-f]{12}\b", TEXT))
    commands = re.findall(r"^\$ autonomous-dev (.*)\n((?:(?!\$).*\n)*)", "".join(blocks("console")), re.MULTILINE)
    assert len(commands) == 6

    for arguments, expected in commands:
        words = arguments.replace(shown, insight.id).split()
        said = finish([Path(sys.executable).parent / "autonomous-dev", *words], tmp_path)
        assert neutral(said).startswith(neutral(expected)), f"autonomous-dev {arguments}\n{said}"


def test_the_policy_is_one():
    """
    The YAML block says what the page says of it.
    """
    policy = Policy.parse(blocks("yaml")[0])

    assert (policy.false_discoveries, policy.min_change) == (0.1, 0.02)
    assert not policy.metric("build_time").detector("variability").enabled
    own = policy.metric("test_duration")
    assert own.min_change == 0.05
    assert not own.detector("trend").enabled
    assert own.detector("anomaly").min_confidence == 0.8
    assert (own.detector("change_point").min_confidence, own.detector("change_point").min_change) == (0.9, 0.1)


def test_every_kind_is_explained():
    """
    The page names each kind that a policy can switch.
    """
    table = TEXT[TEXT.index("| kind |") : TEXT.index("Of the changes of one series")]

    assert set(re.findall(r"`([a-z_]+)`", table)) >= set(DETECTORS)
