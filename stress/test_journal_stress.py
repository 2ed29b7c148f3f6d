"""
Hundreds of thousands of samples from many processes and threads into one journal, read all the while.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "recording"))

from writer_process import write_from_many

PROCESSES, THREADS, SAMPLES = 8, 4, 20_000
AHEAD = 500
"""Samples that a thread may record in one look of the reader: each is a look at a growing file."""


def test_eight_processes_of_four_threads(tmp_path):
    """
    640,000 samples: none is lost, none is doubled, and a reader reads at least twenty times meanwhile.
    """
    path = tmp_path / "m.jsonl"
    written = write_from_many(path, processes=PROCESSES, threads=THREADS, samples=SAMPLES, ahead=AHEAD)
    total = PROCESSES * THREADS * SAMPLES
    print(
        f"\n{total:,} samples by {PROCESSES} processes of {THREADS} threads in {written.seconds:.1f} s "
        f"({total / written.seconds:,.0f} a second, {path.stat().st_size / 1e6:,.0f} MB), {len(written.sizes)} reads "
        f"saw the journal grow; lost {written.lost}, doubled {written.doubled}, damaged lines {written.damaged}"
    )
    path.unlink()
    assert (written.lost, written.doubled, written.damaged) == (0, 0, 0)
    assert len(written.sizes) >= 20, "the reader did not read while the writers wrote"
    assert list(written.sizes) == sorted(written.sizes)
