"""
Many processes and threads on one journal, and writers that are killed: nothing acknowledged is lost.
"""

from __future__ import annotations

from writer_process import kill_writers, write_from_many


def test_many_writers_lose_and_double_nothing_while_a_reader_reads(tmp_path):
    """
    Four processes with two threads each record 4,000 samples in all, a reader beside them sees the journal grow.
    """
    written = write_from_many(tmp_path / "m.jsonl", processes=4, threads=2, samples=500, ahead=50)
    assert (written.lost, written.doubled, written.damaged) == (0, 0, 0)
    assert len(written.sizes) >= 5, "the reader did not read while the writers wrote"
    assert list(written.sizes) == sorted(written.sizes)


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path):
    """
    Five times a writer is killed at a random moment while another one writes: each acknowledged sample is there.
    """
    acknowledged, lost, doubled = kill_writers(tmp_path / "m.jsonl", kills=5, seed=1)
    assert acknowledged > 200
    assert (lost, doubled) == (0, 0)
