"""
Detectors over many series: in this process, or in the threads and processes of an executor.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.learning.detectors import Detector, Finding, Outline
from autonomous_dev.policy import Policy
from autonomous_dev.series import NO_ATTRIBUTES, Series, SeriesKey

Progress = Callable[[int, int], None]
"""Told how many series are done, and how many there are."""

Columns = tuple[SeriesKey, NDArray[np.int64], NDArray[np.float64]]
"""A series without its contexts: what a process is sent."""

CHUNKS: Final = 100
"""How many chunks a long run is cut into."""

_LEAST: Final = 20_000
"""Samples that are worth a chunk: sending it takes far less than looking at it."""

_FIXED: Final = 500
"""Samples that take as long as what each series costs however short it is."""


def look(
    series: Sequence[Series],
    policy: Policy,
    detectors: Sequence[Detector],
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> list[tuple[Finding, ...]]:
    """
    What each detector finds in each series. Detectors see times and values, never contexts.

    Args:
        series: The judged samples of each series, oldest first.

        policy: Passed on to the detectors.

        detectors: In the order in which their findings are given. What they raise goes on, with a note that names
            detector and series.

        executor: Where the work is done; None for here and now. Its results are the same.

        progress: Called at the beginning and after each chunk of series.

    Returns:
        The findings of each series, in the order of *series*.

    Raises:
        InvalidTypeError: If *executor* is none, or a detector cannot be sent to its processes.

        InvalidValueError: If the processes of *executor* ended before the work was done.
    """
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise InvalidTypeError(f"executor is {executor!r}: expected one of concurrent.futures, or None")
    report = progress or _silent
    chunks = list(_chunks(series))
    found: list[tuple[Finding, ...]] = []
    report(0, len(series))
    for findings in _looked_at(chunks, policy, tuple(detectors), executor):
        found.extend(findings)
        report(len(found), len(series))
    return found


def _silent(done: int, total: int) -> None:
    """
    Nobody asked how far it is.
    """


def _chunks(series: Sequence[Series]) -> Iterator[list[Columns]]:
    size = max(sum(_cost(one) for one in series) / CHUNKS, _LEAST)
    chunk: list[Columns] = []
    cost = 0
    for one in series:
        chunk.append((one.key, one.times, one.values))
        cost += _cost(one)
        if cost >= size:
            yield chunk
            chunk, cost = [], 0
    if chunk:
        yield chunk


def _cost(series: Series) -> int:
    return len(series) + _FIXED


def _looked_at(
    chunks: list[list[Columns]], policy: Policy, detectors: tuple[Detector, ...], executor: Executor | None
) -> Iterator[list[tuple[Finding, ...]]]:
    """
    The findings of each chunk, in order.
    """
    if executor is None:
        for chunk in chunks:
            yield look_at(chunk, policy, detectors)
        return
    futures = [executor.submit(look_at, chunk, policy, detectors) for chunk in chunks]
    try:
        for future in futures:
            yield future.result()
    except Exception as error:
        raise _explained(error, detectors, executor) from error
    finally:
        # Whatever ended this (Ctrl-C, a detector, a caller that had enough): nobody will ask for the rest.
        for future in futures:
            future.cancel()


def look_at(chunk: list[Columns], policy: Policy, detectors: tuple[Detector, ...]) -> list[tuple[Finding, ...]]:
    """
    The findings of each series of *chunk*: what one call in another process does.
    """
    return [_findings(columns, policy, detectors) for columns in chunk]


def _findings(columns: Columns, policy: Policy, detectors: tuple[Detector, ...]) -> tuple[Finding, ...]:
    key, times, values = columns
    outline = Outline(Series(key, times, values, (NO_ATTRIBUTES,) * len(values)))
    found: list[Finding] = []
    for detector in detectors:
        try:
            found.extend(detector(outline, policy))
        except Exception as error:
            error.add_note(f"raised by detector {name_of(detector)} on series {key}")
            raise
    return tuple(found)


def name_of(function: object) -> str:
    """
    What *function* is called in messages: its name, or that of its class.
    """
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def _explained(error: Exception, detectors: tuple[Detector, ...], executor: Executor) -> Exception:
    """
    The error to raise for *error*: ours where a detector cannot be sent, or the processes ended; else itself.
    """
    if any(note.startswith("raised by detector") for note in getattr(error, "__notes__", ())):
        return error
    for detector in detectors:
        try:
            pickle.dumps(detector)
        except Exception:  # noqa: BLE001  # pickle raises what it likes
            return InvalidTypeError(
                f"detector {name_of(detector)} cannot be sent to the processes of {type(executor).__name__}: expected "
                "a function of a module; a lambda or a function inside a function runs without an executor, or in threads"
            )
    if isinstance(error, BrokenExecutor):
        return InvalidValueError(
            f"executor is {executor!r}, and its processes ended before all series were looked at: {error}. Detectors "
            "must be importable there (not typed at a prompt), and memory must suffice; executor=None judges here"
        )
    return error
