"""
The journal as a file: what is appended is read, once, whatever happened to the file.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_files import (
    NOW,
    attributes,
    foreign_line,
    gauge,
    look_at_each_sample,
    point,
    put,
    recorder,
    values,
    values_at,
)

from autonomous_dev.errors import AutonomousDevError, NotAJournalError, StorageError
from autonomous_dev.recording._journal_reader import JournalReader
from autonomous_dev.recording._otlp import START, parse
from autonomous_dev.recording._store import Limits

FOREIGN = foreign_line(gauge("f", point(1.5)))


def journal_of(path: Path, count: int) -> list[bytes]:
    """
    A journal of *count* samples 0, 1, 2 … at *path*; its lines.
    """
    writer = recorder(path)
    for i in range(count):
        put(writer, "m", float(i), {"commit": f"c{i}"} if i % 2 else None)
    return path.read_bytes().splitlines(keepends=True)


def test_what_is_recorded_is_read_back(tmp_path):
    """
    Name, unit, value, time, identity and context of a sample come back as they were given.
    """
    path = tmp_path / "m.jsonl"
    put(recorder(path), "größe Ω", -1.25e-7, {"suite": "unit", "commit": "9f2c1ab"}, unit="By", at=1_795_000_001.25)
    (series,) = recorder(path).series()
    assert (series.key.name, series.key.unit, series.key.identity) == ("größe Ω", "By", (("suite", "unit"),))
    assert series.values.tolist() == [-1.25e-7]
    assert series.times.tolist() == [1_795_000_001_250_000_000]
    assert dict(series.contexts[0])["commit"] == "9f2c1ab"


def test_the_file_and_its_folders_are_there_once_the_recorder_is(tmp_path):
    """
    A journal is made, with its folders, before the first sample.
    """
    path = tmp_path / "a" / "b" / "m.jsonl"
    recorder(path)
    assert path.read_bytes() == b""


def test_two_writers_share_a_file(tmp_path):
    """
    Samples of two recorders are in one file, and each sees the other's.
    """
    path = tmp_path / "m.jsonl"
    one, two = recorder(path), recorder(path)
    for i in range(5):
        put(one, "m", i)
        put(two, "m", 10 + i)
    assert values(one) == values(two) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]


def test_reading_is_incremental(tmp_path, monkeypatch):
    """
    A second look takes in what came since the first, and reads nothing twice.
    """
    path = tmp_path / "m.jsonl"
    journal_of(path, 3)
    reader = JournalReader(path)
    assert values(reader) == [0, 1, 2]
    seen: list[bytes] = []
    line = reader._line
    monkeypatch.setattr(reader, "_line", lambda text: (seen.append(text), line(text)))
    put(recorder(path), "m", 3)
    assert values(reader) == [0, 1, 2, 3]
    assert len(seen) == 1


@pytest.mark.parametrize("text", [FOREIGN, None], ids=["foreign", "ours"])
def test_a_last_line_without_its_newline_counts_once(tmp_path, text):
    """
    A whole line that lacks its newline is a sample at once, and no second one when bytes follow.
    """
    path = tmp_path / "m.jsonl"
    whole = text.encode() if text else journal_of(path, 1)[0]
    path.write_bytes(whole.rstrip(b"\n"))
    reader = JournalReader(path)
    first = values(reader)
    assert len(first) == 1
    assert values(reader) == first
    put(recorder(path), "later", 7)
    assert values(reader) == [*first, 7]
    # One that reads from the beginning sees both on one line.
    fresh = JournalReader(path)
    assert values(fresh) == [*first, 7]
    assert (fresh.damaged_lines, reader.damaged_lines) == (0, 0)


def test_a_last_line_is_completed_later(tmp_path):
    """
    A part of a line is no sample until the rest of it came.
    """
    path = tmp_path / "m.jsonl"
    lines = journal_of(path, 2)
    path.write_bytes(b"".join(lines)[:-50])
    reader = JournalReader(path)
    assert values(reader) == [0]
    with path.open("ab") as file:
        file.write(lines[-1][-50:])
    assert values(reader) == [0, 1]
    assert reader.damaged_lines == 0


def test_a_cut_at_every_byte_costs_the_cut_line_only(tmp_path):
    """
    However the end of a journal was cut off, whole lines stay, and what is written next is never lost.
    """
    path = tmp_path / "m.jsonl"
    lines = journal_of(path, 7)
    text = b"".join(lines)
    follower = JournalReader(path)
    for cut in range(len(text) - sum(map(len, lines[-3:])), len(text) + 1):
        path.write_bytes(text[:cut])
        follower.forget()
        whole = sum(len(b"".join(lines[: i + 1])) - 1 <= cut for i in range(len(lines)))
        samples = [
            i
            for i in range(7)
            if i < whole - sum(START.match(line) and b"resourceLogs" in line for line in lines[:whole])
        ]
        assert values(follower) == samples, cut
        put(recorder(path), "m", 99.0)
        assert values(follower) == [*samples, 99], cut
        assert values_at(path) == [*samples, 99], cut


@given(
    at=st.integers(0, 10**6),
    junk=st.binary(min_size=1, max_size=60),
    replace=st.booleans(),
)
def test_damage_costs_damaged_lines_only(tmp_path_factory, at, junk, replace):
    """
    Bytes overwritten or inserted anywhere lose no line that they did not touch, and are counted.
    """
    path = tmp_path_factory.mktemp("damage") / "m.jsonl"
    lines = journal_of(path, 9)
    text = b"".join(lines)
    at %= len(text) - len(junk)
    damaged = text[:at] + junk + text[at + len(junk) * replace :]
    path.write_bytes(damaged)
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    last = at + (len(junk) if replace else 0)
    # A line is touched where its bytes, or the newline before it, were.
    untouched = {
        line for line, start in zip(lines, starts, strict=True) if start + len(line) <= at or start - 1 >= last
    }
    expected = {
        float(
            json.loads(line)["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"][0][
                "asDouble"
            ]
        )
        for line in untouched
        if b"resourceMetrics" in line
    }
    reader = JournalReader(path)
    found = values(reader)
    assert expected <= set(found)
    assert all(found.count(value) == 1 for value in expected)
    # Damage that leaves a line JSON cannot be seen: others may write members that we do not know.
    if any(parse(line) is None for line in damaged.split(b"\n") if line.strip()):
        assert reader.damaged_lines >= 1
    put(recorder(path), "m", 99.0)
    assert 99.0 in values(reader)
    assert 99.0 in values_at(path)


@pytest.mark.parametrize(
    ("number", "damaged"),
    [
        (b'"timeUnixNano":"1795000001000000000"', b'"timeUnixNano":"17950000010000000001111"'),
        (b'"asDouble":1.0', b'"asDouble":inf'),
        (b'"asDouble":1.0', b'"asDouble":1_0'),
        (b'"asDouble":1.0', b'"asDouble":1e999'),
    ],
)
def test_damaged_numbers_are_no_samples(tmp_path, number, damaged):
    """
    What damage made of a time or a value that no line of ours can hold is left out and counted.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    for i in range(3):
        put(writer, "m", i)
    text = path.read_bytes()
    assert number in text
    path.write_bytes(text.replace(number, damaged))
    reader = JournalReader(path)
    assert values(reader) == [0, 2]
    assert reader.damaged_lines == 1


def test_an_empty_file_is_a_journal(tmp_path):
    """
    An empty file, and one of newlines, hold no samples and are written to.
    """
    for text in (b"", b"\n\n"):
        path = tmp_path / "m.jsonl"
        path.write_bytes(text)
        assert values_at(path) == []
        put(recorder(path), "m", 1)
        assert values_at(path) == [1]


DOCUMENTS = {
    "pretty": json.dumps({"test_duration": [1.5, 2.5], "name": "mine"}, indent=2).encode(),
    "array": b"[1,2,3]",
    "metrics array": b'[{"name": "test_duration", "value": 12.5}]\n',
    "object": b'{"resource": "mine"}\n',
    "prefix": b'{"resource',
    "text": b"my notes\nare here\n",
    "blank line first": b'\n{"mine": 1}\n',
    "binary": bytes(range(256)),
    "zeros": bytes(4096),
    "gzip": gzip.compress(FOREIGN.encode(), mtime=0),
    "csv": b"name,value\ntest_duration,12.5\n",
    "otlp over many lines": json.dumps(json.loads(FOREIGN), indent=1).encode(),
    "otlp over many lines, tight": b'{"resourceMetrics": [{\n"resource": {}}\n]}\n',
    "notes with a line of otlp": b"# How to\n\nWrite this:\n\n" + FOREIGN.encode() + b"\nand be happy.\n",
    "a log that mentions otlp": b"INFO " + FOREIGN.encode() + b"INFO " + FOREIGN.encode(),
    "otlp of traces": b'{"resourceSpans":[]}\n',
    "long text": b"x" * 3_000_000,
}


@pytest.mark.parametrize("kind", [name for name in DOCUMENTS if name != "prefix"])
def test_a_document_of_another_kind_is_never_written_to(tmp_path, kind):
    """
    A file that is no journal is refused by writer and reader, told of, and keeps its bytes.
    """
    path = tmp_path / "metrics.json"
    path.write_bytes(DOCUMENTS[kind])
    for options in ({}, {"read_only": True}):
        with pytest.raises(NotAJournalError) as caught:
            recorder(path, **options)
        assert str(path) in str(caught.value)
        assert "import" in str(caught.value)
        assert isinstance(caught.value, OSError)
        assert caught.value.filename == str(path)
    assert path.read_bytes() == DOCUMENTS[kind]


def test_a_document_that_replaces_the_journal_is_never_written_to(tmp_path):
    """
    A user's document that was moved to the path of a live writer keeps its bytes.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    look_at_each_sample(writer)
    put(writer, "m", 1)
    mine = tmp_path / "mine"
    mine.write_bytes(b'{"mine": 1}\n')
    mine.rename(path)
    with pytest.raises(NotAJournalError):
        put(writer, "m", 2)
    assert path.read_bytes() == b'{"mine": 1}\n'


@pytest.mark.parametrize(
    "first", [b'{"resourceMetr', b'{"resourceMetrics":[{"resource":{"attri', b'x\xff{"resourceMe', b"{}\n"]
)
def test_a_damaged_first_line_does_not_cost_the_journal(tmp_path, first):
    """
    A journal whose first line was torn or damaged is read and written as before.
    """
    path = tmp_path / "m.jsonl"
    lines = journal_of(path, 5)
    path.write_bytes(first + b"\n" + b"".join(lines[1:]))
    put(recorder(path), "m", 99)
    assert set(values_at(path)) >= {2, 3, 4, 99}


@pytest.mark.parametrize("first", [b'{"resource', b'{"resourceMetrics":[{"resource":{"attri'])
def test_a_torn_first_line_alone_is_a_journal(tmp_path, first):
    """
    A process that died in its very first write left a journal, not a document.
    """
    path = tmp_path / "m.jsonl"
    path.write_bytes(first)
    put(recorder(path), "m", 99)
    assert values_at(path) == [99]


def test_a_long_first_line_of_others_is_a_journal(tmp_path):
    """
    A first line beyond what is looked at is judged by its beginning.
    """
    path = tmp_path / "m.jsonl"
    path.write_text(foreign_line(gauge("f", *(point(float(i), NOW + i) for i in range(30_000)))))
    assert path.stat().st_size > 1024 * 1024
    assert values_at(path) == [float(i) for i in range(30_000)]


def test_a_directory_is_refused(tmp_path):
    """
    A directory as path gives an error that says so.
    """
    for options in ({}, {"read_only": True}):
        with pytest.raises(StorageError, match="it is a directory; name a file in it"):
            recorder(tmp_path, **options)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    """
    Where the parent is a file, or the system takes no files, the error names the path and says why.
    """
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file" / "m.jsonl", tmp_path / "file" / "deep" / "m.jsonl", Path("/proc/m.jsonl")):
        with pytest.raises(StorageError) as caught:
            recorder(path)
        assert str(path) in str(caught.value)
        assert caught.value.errno
        assert isinstance(caught.value, AutonomousDevError | OSError)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_that_is_only_read_must_be_there(tmp_path):
    """
    Opening a missing file to read names it, and makes nothing.
    """
    path = tmp_path / "folder" / "m.jsonl"
    with pytest.raises(StorageError) as caught:
        recorder(path, read_only=True)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert list(tmp_path.iterdir()) == []


def test_what_is_only_read_takes_no_sample(tmp_path):
    """
    A recorder that was opened to read refuses to record, and the file keeps its bytes.
    """
    path = tmp_path / "m.jsonl"
    text = b"".join(journal_of(path, 2))
    reader = recorder(path, read_only=True)
    for metadata in (None, {"suite": "x", "new_key": "v"}):
        with pytest.raises(StorageError, match="read only"):
            put(reader, "other", 1, metadata)
    assert path.read_bytes() == text


def test_a_replaced_file_is_read_anew(tmp_path):
    """
    When another file stands at the path, the reader has that one's samples and no others.
    """
    path = tmp_path / "m.jsonl"
    journal_of(path, 3)
    reader = JournalReader(path)
    assert values(reader) == [0, 1, 2]
    other = tmp_path / "other"
    put(recorder(other), "m", 50)
    put(recorder(other), "m", 51)
    other.rename(path)
    assert values(reader) == [50, 51]


def test_a_truncated_file_is_read_anew(tmp_path):
    """
    When a file got shorter, the reader has what is left.
    """
    path = tmp_path / "m.jsonl"
    lines = journal_of(path, 5)
    reader = JournalReader(path)
    assert values(reader) == [0, 1, 2, 3, 4]
    os.truncate(path, len(lines[0]))
    assert values(reader) == [0]
    os.truncate(path, 0)
    assert values(reader) == []


def test_a_file_moved_away_leaves_nothing_to_read_until_the_next_sample(tmp_path):
    """
    A recorder whose file is gone has no samples, and a new file after the next one.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    look_at_each_sample(writer)
    put(writer, "m", 1)
    assert values(writer) == [1]
    path.unlink()
    assert values(writer) == []
    put(writer, "other", 2, {"suite": "a", "shard": "b"})
    assert values(writer) == [2]


def test_memory_is_bounded(tmp_path):
    """
    A reader keeps the newest samples within its limits and counts what it drops; the file keeps all.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    for i in range(100):
        put(writer, "m", i)
    for name in "abc":
        put(writer, name, 1)
    reader = JournalReader(path, limits=Limits(samples_per_series=10, series=2, samples=1000))
    assert values(reader, "m") == list(range(90, 100))
    assert len(reader.store.series()) == 2
    assert (reader.store.dropped_samples, reader.store.dropped_series) == (90, 2)
    assert len(values_at(path)) == 103


def test_lines_of_others_and_ours_share_a_file(tmp_path):
    """
    What was written by others before is read beside ours.
    """
    path = tmp_path / "m.jsonl"
    path.write_text(foreign_line(gauge("f", point(1.5, attributes=attributes(a="b")))))
    writer = recorder(path)
    put(writer, "m", 2)
    assert {series.key.name: series.values.tolist() for series in writer.series()} == {"f": [1.5], "m": [2]}


def test_a_look_ends_though_writers_go_on(tmp_path, monkeypatch):
    """
    A look takes in what was there when it began: lines that are appended while it reads are for the next one.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    for i in range(3):
        put(writer, "m", i)
    reader = JournalReader(path)
    line = reader._line
    monkeypatch.setattr(reader, "_line", lambda text: (put(writer, "m", 99), line(text)))
    reader.refresh()
    assert reader.store.appended == 3
