"""
Appends lines to the journal so that none is lost: not to a kill, other writers, a full disk or a renamed file.

Each writer holds a shared lock for the life of its descriptor; one record is one unbuffered write through a local
reference. Whoever wants to move the file takes the exclusive lock, and so never moves it under a write.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Final

from autonomous_dev import _state
from autonomous_dev.errors import NotAJournalError, StorageError
from autonomous_dev.recording._otlp import START, START_LOGS, START_METRICS, parse, pieces

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no flock; appending works there, moving the file does not
    fcntl = None  # type: ignore[assignment]

RECHECK_SECONDS: Final = 0.05
"""How long a renamed file may go on to be written to."""

_HEAD: Final = 1024 * 1024
_STARTS: Final = tuple(f'{start}{{"resource":{{'.encode() for start in (START_METRICS, START_LOGS))


def check_journal(path: Path) -> None:
    """
    Make sure that *path* may be read as a journal, and appended to.

    An empty file and one of OTLP lines may, whoever wrote them; also where some lines, even the first, are damaged.

    Raises:
        NotAJournalError: If the file holds something else.

        StorageError: If it cannot be read.
    """
    # A pipe would wait for somebody, and a device keeps nothing.
    if os.path.exists(path) and not path.is_file() and not path.is_dir():  # noqa: PTH110 - Path.exists raises for some names
        raise NotAJournalError(errno.EINVAL, f"{path} is no regular file: name a file to be made", str(path))
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise storage_error("read", path, error) from error
    if _is_journal(head):
        return
    msg = (
        f"{path} is not a journal: its first line is {head[:40]!r}, expected OTLP JSON lines. Nothing was written to "
        "it. Choose another file; to bring in the measurements of other tools, record or import them into a journal."
    )
    raise NotAJournalError(errno.EINVAL, msg, str(path))


def _is_journal(head: bytes) -> bool:
    """
    Whether a file begins as a journal does.

    A document that merely holds an OTLP line somewhere, and OTLP that is spread over many lines, are none.
    """
    *lines, rest = head.split(b"\n")
    if not head.strip() or head.startswith(_STARTS) or any(start.startswith(head) for start in _STARTS):
        return True
    if not lines:  # longer than what was read, or not ended
        return START.match(rest) is not None
    held = [_is_otlp(line) for line in lines if line.strip()]
    return 2 * sum(held) >= max(len(held), 1)


def _is_otlp(line: bytes) -> bool:
    first, *_ = parts = [*pieces(line)]
    ours = START.match(first) is not None or any(start.startswith(first) for start in _STARTS)
    return ours and any(parse(part) is not None for part in parts)


def storage_error(what: str, path: Path, error: OSError) -> StorageError:
    """
    A StorageError that says what could not be done with which file, and keeps ``errno``.
    """
    reason = error.strerror or str(error)
    if error.errno == errno.EISDIR or os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        reason = "it is a directory; name a file in it"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = f"{reason}; choose a path that this user may write to"
    elif error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        reason = f"{reason}; free some space or choose another disk"
    return StorageError(error.errno or errno.EIO, f"cannot {what} {path}: {reason}", str(path))


class _AppendedFile(FileIO):
    """
    Closed by its last reference, on purpose: a thread may still be writing when the writer has turned to a new file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "ab")

    def __del__(self) -> None:
        self.close()


class JournalWriter:
    """
    Appends whole lines to one file; made once, used by many threads.

    Args:
        path: The file; made, with its folders, if it is not there.

        durable: Whether each line is on the disk (fdatasync), not only with the kernel, before ``append`` returns.

        clock: Monotonic seconds.

    Raises:
        StorageError: If the file cannot be opened for appending.

        NotAJournalError: If it holds something else than a journal.
    """

    def __init__(self, path: Path, *, durable: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._durable = durable
        self._clock = clock
        self._checked = clock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error("make the folder of", path, error) from error
        self._file: FileIO | None = self._open()
        _state.on_fork(self._after_fork_in_child)

    def append(self, line: bytes) -> None:
        """
        Write one line that ends in a newline; returning means that its bytes are out.

        Raises:
            StorageError: If they are not. A torn part that did get out is ended by the next line's reader.
        """
        file = self._current()
        try:
            written = file.write(line)
            if written != len(line):
                # The disk filled up, or a limit struck. Ours must not be taken for half of the next line.
                written = file.write(b"\n" + line) - 1
            if self._durable and written == len(line):
                os.fdatasync(file.fileno())
        except OSError as error:
            raise storage_error("append to", self.path, error) from error
        if written != len(line):
            raise storage_error("append to", self.path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _current(self) -> FileIO:
        file = self._file
        now = self._clock()
        if file is not None and now - self._checked < RECHECK_SECONDS:
            return file
        if file is None or not _same_file(file, self.path):
            # Only the name is rebound: another thread may be about to write to the old one, which the last
            # reference closes.
            file = self._file = self._open()
        self._checked = now
        return file

    def _open(self) -> FileIO:
        try:
            while True:
                # What stands at the path now may be a document of the user's.
                if self.path.exists():
                    check_journal(self.path)
                file = _AppendedFile(self.path)
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_SH)
                if _same_file(file, self.path):
                    return file
        except StorageError:
            raise
        except OSError as error:
            raise storage_error("open", self.path, error) from error

    def _after_fork_in_child(self) -> None:
        # The descriptor's lock is the parent's too: the child takes its own.
        self._file = None


def _same_file(file: FileIO, path: Path) -> bool:
    try:
        at_path = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(file.fileno())
    return (held.st_ino, held.st_dev) == (at_path.st_ino, at_path.st_dev)
