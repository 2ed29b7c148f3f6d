"""
Reads a journal, incrementally: each call takes in what came since the last one.
"""

from __future__ import annotations

import mmap
import os
import re
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import orjson

from autonomous_dev.errors import StorageError
from autonomous_dev.recording._decoder import Decoder, Event, Totals
from autonomous_dev.recording._journal_writer import check_journal, storage_error
from autonomous_dev.recording._otlp import START_LOGS, START_METRICS, gauge_frame
from autonomous_dev.recording._store import FILE_LIMITS, Limits, SampleStore
from autonomous_dev.series import Attributes, SeriesKey

CHUNK: Final = 4 * 1024 * 1024
MAX_FOREIGN_LINE: Final = 64 * 1024 * 1024
"""Bytes after which a line without end is given up as damaged."""

MAX_FRAMES: Final = 10_000
"""Gauge lines, apart from time and value, whose decoding is remembered."""

_START: Final = re.compile(b"|".join(re.escape(start.encode()) for start in (START_METRICS, START_LOGS)))


class JournalReader:
    """
    The samples of one file, as of the last ``refresh``.

    Attributes:
        store: The samples.

        damaged_lines: Lines, or pieces of lines, that could not be read.
    """

    def __init__(self, path: Path, *, limits: Limits = FILE_LIMITS) -> None:
        self.path = path
        self.store = SampleStore(limits)
        self.damaged_lines = 0
        self._decoder = Decoder(self._append)
        self._frames: dict[tuple[bytes, bytes], tuple[SeriesKey, Attributes]] = {}
        self._last: tuple[SeriesKey, int, float, Attributes] | None = None
        self._file_id: tuple[int, int] | None = None
        self._offset = 0
        self._lock = threading.RLock()

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
        with self.path.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            file_id = (status.st_dev, status.st_ino)
            if file_id != self._file_id or status.st_size < self._offset:
                check_journal(self.path)
                self._start_anew()
                self._file_id = file_id
            file.seek(self._offset)
            rest = b""
            while chunk := file.read(CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._line(line)
                    self._offset += len(line) + 1
                if len(rest) > MAX_FOREIGN_LINE:
                    self.damaged_lines += 1
                    self._offset += len(rest)
                    rest = b""
            # A last line without its newline is whole when it parses: no part of an object does.
            if rest and _parse(rest) is not None:
                self._line(rest)
                self._offset += len(rest)

    def _append(self, key: SeriesKey, time_unix_nano: int, value: float, context: Attributes) -> None:
        self._last = (key, time_unix_nano, value, context)
        self.store.append(key, time_unix_nano, value, context)

    def _remember(self, frame: tuple[tuple[bytes, bytes], int, float]) -> None:
        # The line was just decoded: what came of it holds for each line of its frame.
        if self._last is not None and self._last[1:3] == frame[1:]:
            if len(self._frames) >= MAX_FRAMES:
                self._frames.clear()
            self._frames[frame[0]] = (self._last[0], self._last[3])

    def _start_anew(self) -> None:
        self.store.clear()
        self._decoder = Decoder(self._append)
        self._frames.clear()
        self._last = None
        self.damaged_lines = 0
        self._offset = 0

    def _line(self, line: bytes) -> None:
        if not line or line.isspace():
            return
        frame = gauge_frame(line)
        known = self._frames.get(frame[0]) if frame is not None else None
        if frame is not None and known is not None:
            self.store.append(known[0], frame[1], frame[2], known[1])
            return
        document = _parse(line)
        if document is not None:
            if not self._decoder.decode(document):
                self.damaged_lines += 1
            elif frame is not None:
                self._remember(frame)
            return
        self.damaged_lines += 1
        for piece in _pieces(line):
            document = _parse(piece)
            if document is not None:
                self._decoder.decode(document)


def _parse(line: bytes) -> object:
    try:
        document: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return document


def _pieces(line: bytes) -> Iterator[bytes]:
    """
    The parts of a torn line that begin as our lines do: a write that was cut off, and the next one behind it.
    """
    starts = [match.start() for match in _START.finditer(line)]
    for start, end in pairwise([*starts, len(line)]):
        if (start, end) != (0, len(line)):
            yield line[start:end]


def find_events(path: Path, name: str) -> list[Event]:
    """
    The events called *name* in the journal at *path*, without reading its samples.

    Raises:
        StorageError: If the file cannot be read.
    """
    decoder = Decoder(lambda *_: None)
    try:
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return []
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                needle = f'"eventName":"{name}"'.encode()
                place = content.find(needle)
                while place >= 0:
                    end = content.find(b"\n", place)
                    end = len(content) if end < 0 else end
                    line = content[content.rfind(b"\n", 0, place) + 1 : end]
                    for piece in (line, *_pieces(line)):
                        document = _parse(piece)
                        if document is not None:
                            decoder.decode(document)
                    place = content.find(needle, end)
    except OSError as error:
        raise storage_error("read", path, error) from error
    return [event for event in decoder.events if event.name == name]
