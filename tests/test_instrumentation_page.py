"""
The code blocks of the page on instrumentation run as they stand.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "instrumentation.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_the_page_has_blocks():
    """
    All five are found.
    """
    assert len(BLOCKS) == 5


@pytest.mark.parametrize("number", range(5))
def test_a_block_runs_as_it_stands(number, tmp_path):
    """
    In a fresh process, with warnings as errors, its assertions hold.
    """
    program = tmp_path / "block.py"  # a file, so that a class or function in it has source
    program.write_text(BLOCKS[number], encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-W", "error", program], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
