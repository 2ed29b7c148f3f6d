"""
Where samples and events are kept: one interface, in memory or in a file.
"""

from __future__ import annotations

import errno
import weakref
from pathlib import Path
from typing import Protocol

import orjson

from autonomous_dev import _state
from autonomous_dev.errors import StorageError
from autonomous_dev.recording._at_exit import flush_at_exit
from autonomous_dev.recording._decoder import Decoder, Event, Totals
from autonomous_dev.recording._journal_reader import JournalReader, find_events
from autonomous_dev.recording._journal_writer import JournalWriter
from autonomous_dev.recording._prepared import Prepared
from autonomous_dev.recording._run import Run
from autonomous_dev.recording._store import SampleStore


class Log(Protocol):
    """
    Keeps what is recorded.
    """

    @property
    def destination(self) -> str:
        """
        A name that no other log of this process has, but one on the same file.
        """
        ...

    @property
    def damaged_lines(self) -> int:
        """
        What could not be read, as of the last look.
        """
        ...

    @property
    def dropped_series(self) -> int:
        """
        Series beyond the bound of what is held, as of the last look.
        """
        ...

    def append(self, prepared: Prepared, time_unix_nano: int, value: float, run: Run, span: str) -> None:
        """
        Keep one sample.

        Raises:
            StorageError: If it could not be stored.
        """
        ...

    def write(self, line: str) -> None:
        """
        Keep what a whole OTLP line says.

        Raises:
            StorageError: If it could not be stored.
        """
        ...

    def store(self) -> SampleStore:
        """
        The samples as of now.
        """
        ...

    def events(self) -> list[Event]:
        """
        The events as of now, oldest first.
        """
        ...

    def totals(self) -> Totals:
        """
        Sums of our own instruments, as of now.
        """
        ...

    def newer_events(self, name: str) -> list[Event]:
        """
        The events called *name* that others wrote since the last call, found without reading samples.
        """
        ...

    def after_fork_in_child(self) -> None:
        """
        Make new locks: another thread of the parent may have held the old ones.
        """
        ...


class MemoryLog:
    """
    Keeps the newest samples, within bounds, for as long as the process lives.
    """

    damaged_lines = 0

    def __init__(self) -> None:
        self.destination = f"memory:{id(self)}"
        self._store = SampleStore()
        self._decoder = Decoder(self._store.append)
        weakref.finalize(self, _state.flushed.forget, self.destination).atexit = False

    @property
    def dropped_series(self) -> int:
        """
        Series beyond the bound of what is held.
        """
        return self._store.dropped_series

    def append(self, prepared: Prepared, time_unix_nano: int, value: float, run: Run, span: str) -> None:
        """
        Keep one sample; the span is for journals.
        """
        del span
        self._store.append(prepared.key, time_unix_nano, value, prepared.context.of(run.context))

    def write(self, line: str) -> None:
        """
        Keep what a whole OTLP line says.
        """
        self._decoder.decode(orjson.loads(line))

    def store(self) -> SampleStore:
        """
        The samples.
        """
        return self._store

    def events(self) -> list[Event]:
        """
        The events, oldest first.
        """
        return self._decoder.events

    def totals(self) -> Totals:
        """
        Sums of our own instruments.
        """
        return self._decoder.totals

    def newer_events(self, name: str) -> list[Event]:
        """
        None: nobody else writes here.
        """
        del name
        return []

    def after_fork_in_child(self) -> None:
        """
        Make a new lock.
        """
        self._store.after_fork_in_child()


class JournalLog:
    """
    Keeps everything in a file, which other processes may write too.

    Args:
        path: The journal.

        read_only: Whether the file is only read; it must be there then.

        durable: Whether a line is on the disk before a call returns.

    Raises:
        StorageError: If the file cannot be opened.

        NotAJournalError: If it holds something else.
    """

    def __init__(self, path: Path, *, read_only: bool, durable: bool) -> None:
        self.path = path
        self._writer = None if read_only else JournalWriter(path, durable=durable)
        self._reader = JournalReader(path)
        self._searched_up_to = 0
        self.destination = str(path.resolve())
        if read_only:
            self._reader.refresh()
        else:
            flush_at_exit(path)
            _state.flushed.opened(self.destination)
            weakref.finalize(self, _state.flushed.closed, self.destination).atexit = False

    @property
    def damaged_lines(self) -> int:
        """
        Lines that could not be read, as of the last look.
        """
        return self._reader.damaged_lines

    @property
    def dropped_series(self) -> int:
        """
        Series beyond the bound of what is held of the file, as of the last look.
        """
        return self._reader.store.dropped_series

    def append(self, prepared: Prepared, time_unix_nano: int, value: float, run: Run, span: str) -> None:
        """
        Append one sample's line.

        Raises:
            StorageError: If its bytes did not get out, or the file is only read.
        """
        self.write(prepared.template.line(run.resource, time_unix_nano, value, span))

    def write(self, line: str) -> None:
        """
        Append a line.

        Raises:
            StorageError: If its bytes did not get out, or the file is only read.
        """
        if self._writer is None:
            raise StorageError(
                errno.EBADF, f"{self.path} was opened to be read only: open it with MetricsTracker(storage_path=...)"
            )
        self._writer.append(line.encode())

    def store(self) -> SampleStore:
        """
        The file's samples as of now.

        Raises:
            StorageError: If it cannot be read, or is missing and only read.
        """
        if self._writer is not None and not self.path.exists():
            # Moved away under us: the next record makes a new file, and there is nothing to read until then.
            self._reader.forget()
        else:
            self._reader.refresh()
        return self._reader.store

    def events(self) -> list[Event]:
        """
        The file's events as of now, oldest first.
        """
        self.store()
        return self._reader.events

    def totals(self) -> Totals:
        """
        Sums of our own instruments over the file, as of now.
        """
        self.store()
        return self._reader.totals

    def newer_events(self, name: str) -> list[Event]:
        """
        The events called *name* that came since the last call, found without reading samples.
        """
        events, self._searched_up_to = find_events(self.path, name, self._searched_up_to)
        return events

    def after_fork_in_child(self) -> None:
        """
        Make new locks; the writer takes a descriptor of its own.
        """
        self._reader.after_fork_in_child()
