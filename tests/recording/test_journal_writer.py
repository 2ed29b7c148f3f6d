"""
The writer: a sample that was acknowledged is in a file, whatever became of the file, the process or the disk.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from io import FileIO
from pathlib import Path

import pytest
from journal_files import look_at_each_sample, put, recorder, values, values_at, wait_for

from autonomous_dev.errors import StorageError
from autonomous_dev.recording import _journal_writer
from autonomous_dev.recording._journal_reader import JournalReader
from autonomous_dev.recording._journal_writer import RECHECK_SECONDS, JournalWriter, _AppendedFile
from autonomous_dev.recording._otlp import parse
from children import run_child

LINE = b'{"resourceMetrics":[{"resource":{}}]}\n'
HERE = str(Path(__file__).parent)


def test_a_renamed_file_is_left_within_the_recheck_time(tmp_path):
    """
    Samples after a rename go to a new file at the path, earlier ones are in the renamed one, none is in both.
    """
    path, moved = tmp_path / "m.jsonl", tmp_path / "moved.jsonl"
    seconds = [0.0]
    writer = recorder(path)
    writer._log._writer._checked = 0.0
    writer._log._writer._clock = lambda: seconds[0]
    put(writer, "m", 1)
    path.rename(moved)
    seconds[0] = RECHECK_SECONDS * 0.9
    put(writer, "m", 2)
    assert not path.exists()
    seconds[0] = RECHECK_SECONDS * 1.1
    put(writer, "m", 3)
    put(writer, "m", 4)
    assert (values_at(moved), values_at(path)) == ([1, 2], [3, 4])


def test_a_file_renamed_under_another_process_loses_and_doubles_nothing(tmp_path):
    """
    A process that goes on writing while its file is renamed leaves each sample in one file, exactly once.
    """
    path, moved = tmp_path / "m.jsonl", tmp_path / "moved.jsonl"
    code = f"""
import sys; sys.path.insert(0, {HERE!r})
from pathlib import Path
from journal_files import put, recorder
writer, path, i = recorder(Path({str(path)!r})), Path({str(moved)!r}), 0
while not path.exists() or after < 300:
    put(writer, "m", i)
    i += 1
    after = after + 1 if path.exists() and Path({str(path)!r}).exists() else 0
print(i)
"""
    with subprocess.Popen([sys.executable, "-W", "error", "-c", code], stdout=subprocess.PIPE, text=True) as child:
        wait_for(lambda: path.exists() and path.stat().st_size > 20_000)
        path.rename(moved)
        count = int(child.communicate(timeout=60)[0])
    assert child.returncode == 0
    old, new = values_at(moved), values_at(path)
    assert len(old) > 10
    assert len(new) >= 300
    assert sorted(old + new) == list(range(count))


def test_a_shared_lock_is_held_for_the_descriptors_life(tmp_path):
    """
    Whoever takes the exclusive lock knows that nobody writes: it is refused while a writer lives.
    """
    import fcntl

    path = tmp_path / "m.jsonl"
    writer = JournalWriter(path)
    with path.open("ab") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        del writer
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_writer_that_is_dropped_closes_its_file_without_a_warning(tmp_path):
    """
    Dropping a writer, or turning to a new file, closes the descriptor and is no ResourceWarning.
    """

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    path = tmp_path / "m.jsonl"
    before = descriptors()
    writer = recorder(path)
    look_at_each_sample(writer)
    for i in range(5):
        path.unlink()
        put(writer, "m", i)
    assert descriptors() == before + 1
    writer._log._writer = None
    assert descriptors() == before


def test_a_forked_child_writes_by_a_descriptor_of_its_own(tmp_path):
    """
    After a fork parent and child write to the same file by two descriptors, under two run ids.
    """
    path = tmp_path / "m.jsonl"
    told = run_child(f"""
        sys.path.insert(0, {HERE!r})
        from pathlib import Path
        from journal_files import put, recorder
        writer = recorder(Path({str(path)!r}))
        put(writer, "m", 1)
        held = writer._log._writer._file
        child = os.fork()
        put(writer, "m", 2 if child else 3)
        if not child:
            assert writer._log._writer._file is not held
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        put(writer, "m", 4)
        assert writer._log._writer._file is held
        (series,) = writer.series()
        tell([series.values.tolist(), [dict(c)["autonomous_dev.run.id"] for c in series.contexts]])
    """)
    runs = dict(zip(*told, strict=True))
    assert sorted(runs) == [1, 2, 3, 4]
    assert runs[1] == runs[2] == runs[4] != runs[3]


def test_a_fork_while_threads_record_does_not_hang(tmp_path):
    """
    A child that is forked while other threads hold our locks records, new series too, and reads.
    """
    path = tmp_path / "m.jsonl"
    told = run_child(f"""
        sys.path.insert(0, {HERE!r})
        import threading
        from pathlib import Path
        from journal_files import put, recorder, values
        writer, memory = recorder(Path({str(path)!r})), recorder(None)
        values(writer)
        locks = [writer._lock, writer._log._reader._lock, writer._log._reader.store._lock, writer._gauges._lock, memory._lock,
                 memory._log._store._lock]
        held, done = threading.Event(), threading.Event()
        def hold():
            for lock in locks:
                lock.acquire()
            held.set()
            done.wait()
            for lock in locks:
                lock.release()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        child = os.fork()
        if not child:
            import signal
            signal.alarm(20)
            for each in (writer, memory):
                put(each, "in the child", 1, {{"key": "new"}})
                assert 1 in values(each)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        done.set()
        thread.join()
        tell(status)
    """)
    assert told == 0


class ShortFile(_AppendedFile):
    """
    A file on a disk that takes only some bytes of the next writes.
    """

    takes: list[int]

    def write(self, data: bytes) -> int:
        if self.takes:
            taken = self.takes.pop(0)
            return super().write(data[:taken]) if taken else self._full()
        return super().write(data)

    @staticmethod
    def _full() -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def shorten(writer, path: Path, *takes: int) -> None:
    """
    Let the next writes of *writer* take this many bytes; 0 stands for a full disk.
    """
    file = ShortFile(path)
    file.takes = [*takes]
    writer._log._writer._file = file
    writer._log._writer._clock = lambda: writer._log._writer._checked


def test_after_a_short_write_the_whole_line_follows(tmp_path):
    """
    A write that took a part of a line is followed by a newline and the whole line: nothing is lost or doubled.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    put(writer, "m", 1)
    shorten(writer, path, 60)
    put(writer, "m", 2)
    put(writer, "m", 3)
    reader = JournalReader(path)
    assert values(reader) == [1, 2, 3]
    assert reader.damaged_lines == 1
    # Other readers of OTLP, too, find the whole line: it does not stand behind the torn one.
    _, torn, *whole = path.read_bytes().splitlines()
    assert len(torn) == 60
    assert all(parse(line) for line in whole)


@pytest.mark.parametrize("takes", [(0,), (60, 0), (60, 80), (60, 1)], ids=str)
def test_what_did_not_get_out_raises_and_costs_nobody_else(tmp_path, takes):
    """
    A sample whose bytes did not get out is a StorageError with ENOSPC; others' samples and later ones are there.
    """
    path = tmp_path / "m.jsonl"
    writer, other = recorder(path), recorder(path)
    put(writer, "m", 1)
    shorten(writer, path, *takes)
    with pytest.raises(StorageError, match="free some space") as caught:
        put(writer, "m", 2)
    assert caught.value.errno == errno.ENOSPC
    put(other, "m", 3)
    put(writer, "m", 4)
    assert values_at(path) == [1, 3, 4]


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path):
    """
    Against a file-size limit a writer gets a StorageError; each acknowledged sample of it and of another is there.
    """
    path = tmp_path / "m.jsonl"
    limited = f"""
        sys.path.insert(0, {HERE!r})
        import resource, errno
        from pathlib import Path
        from autonomous_dev.errors import StorageError
        from journal_files import put, recorder
        path, acknowledged, failed = Path({str(path)!r}), [], 0
        writer = recorder(path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 1_000_000, resource.RLIM_INFINITY))
        deadline = time.monotonic() + 20
        while failed < 20 and time.monotonic() < deadline:
            value = len(acknowledged) + 0.5
            try:
                put(writer, "limited", value, {{"commit": "abc"}})
            except StorageError as error:
                assert error.errno == errno.EFBIG, error
                failed += 1
            else:
                acknowledged.append(value)
        tell([acknowledged, failed])
    """
    stop = threading.Event()
    free: list[float] = []

    def write() -> None:
        writer = recorder(path)
        while not stop.is_set():
            put(writer, "free", len(free))
            free.append(float(len(free)))
            time.sleep(0)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        wait_for(lambda: len(free) > 10)
        acknowledged, failed = run_child(limited)
    finally:
        stop.set()
        thread.join()
    assert failed == 20
    assert len(acknowledged) > 10, "the limit struck before the two writers met"
    reader = JournalReader(path)
    assert values(reader, "free") == free
    assert values(reader, "limited") == acknowledged


def test_a_full_file_system_is_a_storage_error(tmp_path):
    """
    On a small tmpfs that is full, recording raises ENOSPC, and what was acknowledged is there.
    """
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs may be mounted here ({mounted.stderr.strip()}): the file-size limit stands for it")
    try:
        acknowledged: list[float] = []

        def fill() -> None:
            writer = recorder(folder / "m.jsonl")
            for i in range(10_000):
                put(writer, "m", i)
                acknowledged.append(i)

        with pytest.raises(StorageError) as caught:
            fill()
        assert caught.value.errno == errno.ENOSPC
        assert len(acknowledged) > 100
        assert values_at(folder / "m.jsonl") == acknowledged
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_durable_waits_for_the_disk(tmp_path, monkeypatch):
    """
    With durable=True each sample is synchronised before it is acknowledged; without, none is.
    """
    synchronised: list[int] = []
    monkeypatch.setattr(_journal_writer.os, "fdatasync", synchronised.append)
    put(recorder(tmp_path / "a"), "m", 1)
    assert synchronised == []
    writer = recorder(tmp_path / "b", durable=True)
    put(writer, "m", 1)
    put(writer, "m", 2)
    assert synchronised == [writer._log._writer._file.fileno()] * 2


def test_a_disk_that_does_not_synchronise_is_a_storage_error(tmp_path, monkeypatch):
    """
    A failing fdatasync is not acknowledged.
    """

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(_journal_writer.os, "fdatasync", fail)
    with pytest.raises(StorageError) as caught:
        put(recorder(tmp_path / "b", durable=True), "m", 1)
    assert caught.value.errno == errno.EIO


def test_each_sample_is_one_write(tmp_path):
    """
    A record is a single write of a whole line, so that the kernel keeps it apart from others'.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    put(writer, "m", 0, {"suite": "a"})
    writes: list[bytes] = []

    class Watched(FileIO):
        def write(self, data: bytes) -> int:
            writes.append(bytes(data))
            return super().write(data)

    with Watched(path, "ab") as file:
        writer._log._writer._file = file
        writer._log._writer._clock = lambda: writer._log._writer._checked
        for i in range(3):
            put(writer, "m", i, {"suite": "a"})
        writer._log._writer._file = None
    assert len(writes) == 3
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in writes)
