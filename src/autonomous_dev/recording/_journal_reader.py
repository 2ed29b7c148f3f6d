"""
Reads a journal, incrementally: each call takes in what came since the last one.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from autonomous_dev.conventions import RUN_ID
from autonomous_dev.errors import StorageError
from autonomous_dev.recording._decoder import Decoder, Event, Totals
from autonomous_dev.recording._gauge_line import Frame, gauge_frame
from autonomous_dev.recording._journal_writer import check_journal, storage_error
from autonomous_dev.recording._otlp import parse, pieces
from autonomous_dev.recording._run import ContextInRun
from autonomous_dev.recording._store import FILE_LIMITS, Limits, SampleStore
from autonomous_dev.series import Attributes, SeriesKey

CHUNK: Final = 4 * 1024 * 1024
MAX_FOREIGN_LINE: Final = 64 * 1024 * 1024
"""Bytes after which a line without end is given up as damaged."""

MAX_KNOWN: Final = 2000
"""Texts of gauge lines, and runs, whose decoding is remembered."""


class JournalReader:
    """
    The samples of one file, as of the last ``refresh``.

    Attributes:
        store: The samples.
    """

    def __init__(self, path: Path, *, limits: Limits = FILE_LIMITS) -> None:
        self.path = path
        self.store = SampleStore(limits)
        self._damaged_lines = 0
        self._decoder = Decoder(self._append)
        self._known: dict[tuple[bytes, bytes], tuple[SeriesKey, ContextInRun]] = {}
        self._runs: dict[bytes, Attributes] = {}
        self._last: tuple[SeriesKey, int, float, Attributes] | None = None
        self._file_id: tuple[int, int] | None = None
        self._offset = 0
        self._lock = threading.RLock()

    @property
    def damaged_lines(self) -> int:
        """
        Lines, or pieces and points of lines, that could not be read.
        """
        return self._damaged_lines + self._decoder.damaged_points

    @property
    def events(self) -> list[Event]:
        """
        What the journal holds beside samples, in the order of the file.
        """
        return self._decoder.events

    @property
    def totals(self) -> Totals:
        """
        Sums of our own instruments over the whole file.
        """
        return self._decoder.totals

    def refresh(self) -> None:
        """
        Take in what was appended. A file that was replaced or cut is read anew.

        Raises:
            StorageError: If the file is missing or cannot be read.

            NotAJournalError: If it holds something else.
        """
        with self._lock:
            try:
                self._refresh()
            except StorageError:
                raise
            except OSError as error:
                raise storage_error("read", self.path, error) from error

    def forget(self) -> None:
        """
        Hold nothing: the file is gone.
        """
        with self._lock:
            self._start_anew()
            self._file_id = None

    def after_fork_in_child(self) -> None:
        """
        Make new locks: another thread of the parent may have held the old ones.
        """
        self._lock = threading.RLock()
        self.store.after_fork_in_child()

    def _refresh(self) -> None:
        if self._file_id is None:
            check_journal(self.path)
        with self.path.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            file_id = (status.st_dev, status.st_ino)
            if file_id != self._file_id or status.st_size < self._offset:
                check_journal(self.path)
                self._start_anew()
                self._file_id = file_id
            file.seek(self._offset)
            rest = b""
            # Up to here only: writers may be faster than this, and a look has to end.
            left = status.st_size - self._offset
            while chunk := file.read(min(CHUNK, left)):
                left -= len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._line(line)
                    self._offset += len(line) + 1
                if len(rest) > MAX_FOREIGN_LINE:
                    self._damaged_lines += 1
                    self._offset += len(rest)
                    rest = b""
            # A last line without its newline is whole when it parses: no part of an object does.
            if rest and parse(rest) is not None:
                self._line(rest)
                self._offset += len(rest)

    def _append(self, key: SeriesKey, time_unix_nano: int, value: float, context: Attributes) -> None:
        self._last = (key, time_unix_nano, value, context)
        self.store.append(key, time_unix_nano, value, context)

    def _append_known(self, frame: Frame) -> bool:
        """
        Take in a line by what another one of its text, and another one of its run, were decoded to.
        """
        known, run = self._known.get(frame.around), self._runs.get(frame.resource)
        if known is None or run is None:
            return False
        key, context = known
        self.store.append(key, frame.time_unix_nano, frame.value, context.of(run))
        return True

    def _remember(self, frame: Frame) -> None:
        # The line was just decoded: what came of it holds for each line of its text, and of its run.
        if self._last is None or self._last[1:3] != (frame.time_unix_nano, frame.value):
            return
        key, _, _, context = self._last
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        if len(self._runs) >= MAX_KNOWN:
            self._runs.clear()
        run = tuple(pair for pair in context if pair[0] == RUN_ID)
        self._runs[frame.resource] = run
        self._known[frame.around] = (key, ContextInRun(tuple(pair for pair in context if pair[0] != RUN_ID)))

    def _start_anew(self) -> None:
        self.store.clear()
        self._decoder = Decoder(self._append)
        self._known.clear()
        self._runs.clear()
        self._last = None
        self._damaged_lines = 0
        self._offset = 0

    def _line(self, line: bytes) -> None:
        if not line or line.isspace():
            return
        frame = gauge_frame(line)
        if frame is not None and self._append_known(frame):
            return
        self._last = None
        document = parse(line)
        # A write that was cut off costs itself only, not the next one behind it.
        for piece in (document,) if document is not None else map(parse, pieces(line)):
            if piece is None or not self._decoder.decode(piece):
                self._damaged_lines += 1
        if document is not None and frame is not None:
            self._remember(frame)


def find_events(path: Path, name: str, start: int = 0) -> tuple[list[Event], int]:
    """
    The events called *name* in the journal at *path*, without reading its samples.

    Args:
        path: The journal; one that was moved away holds none.

        name: The event.

        start: Where to begin, in bytes; a shorter file is read from its beginning.

    Returns:
        The events, and where to begin the next time.

    Raises:
        StorageError: If the file cannot be read.
    """
    decoder = Decoder(lambda *_: None)
    needle = f'"eventName":"{name}"'.encode()
    try:
        with path.open("rb") as file:
            offset = start if start <= os.fstat(file.fileno()).st_size else 0
            file.seek(offset)
            # Not mapped: a file that is cut short meanwhile would end the process.
            for line in file:
                if line.endswith(b"\n"):
                    offset += len(line)
                if needle in line:
                    for piece in pieces(line):
                        document = parse(piece)
                        if document is not None:
                            decoder.decode(document)
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise storage_error("read", path, error) from error
    return [event for event in decoder.events if event.name == name], offset
