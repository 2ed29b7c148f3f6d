"""
Writers that are killed again and again: no sample is lost that was acknowledged.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "recording"))

from writer_process import kill_writers

KILLS = 50


def test_fifty_kills(tmp_path):
    """
    Fifty times a writer is killed at a random moment while another one writes: each acknowledged sample is there once.
    """
    acknowledged, lost, doubled = kill_writers(tmp_path / "m.jsonl", kills=KILLS, seed=20)
    print(f"\n{KILLS} kills: {acknowledged:,} samples were acknowledged over pipes, {lost} are lost, {doubled} doubled")
    assert acknowledged > KILLS * 40
    assert (lost, doubled) == (0, 0)
