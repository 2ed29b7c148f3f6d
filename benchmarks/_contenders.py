"""
What finds change points, ours and peers', all of one shape: values in, reports out.
"""

from __future__ import annotations

import atexit
import functools
import json
import math
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from _environments import is_made, python_of
from _segmenter import PACKAGES
from numpy.typing import NDArray

from autonomous_dev.learning import detect_change_points

HERE = Path(__file__).parent

OURS: Final = "ours"
Z_SCORE: Final = "z-score"
NOTHING: Final = "nothing"
PEERS: Final = (*PACKAGES, Z_SCORE)

Z_WINDOW: Final = 20
Z_LIMIT: Final = 3.0

FINDING: Final = 0.5
SURE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Report:
    """
    One change point that somebody reports.

    Attributes:
        index: First sample of the new level.

        confidence: 1 from a peer: none of them gives one.

        confirmed: Whether enough samples lie after it; True from a peer.
    """

    index: int
    confidence: float = 1.0
    confirmed: bool = True

    @property
    def finding(self) -> bool:
        """
        Whether it is said to a person as a change, and not as something that may become one.
        """
        return self.confirmed and self.confidence >= FINDING

    @property
    def sure(self) -> bool:
        """
        Whether it is a finding of a confidence of 0.8 or more.
        """
        return self.confirmed and self.confidence >= SURE


@dataclass(frozen=True, slots=True)
class Contender:
    """
    Somebody who finds change points.

    Attributes:
        name: Of the table's column.

        version: Of the package.

        find: The reports in values of shape (n,), NaN where missing.

        timed: The same, with the seconds that finding alone took.
    """

    name: str
    version: str
    find: Callable[[NDArray[np.float64]], tuple[Report, ...]]
    timed: Callable[[NDArray[np.float64]], tuple[tuple[Report, ...], float]]

    @property
    def ours(self) -> bool:
        """
        Whether it is the one that this benchmark is for.
        """
        return self.name == OURS


def peers_present() -> tuple[str, ...]:
    """
    The names of peers that can be measured: those that have an environment or need none.
    """
    return tuple(name for name in PEERS if name == Z_SCORE or is_made(PACKAGES[name]))


def peers_absent() -> tuple[str, ...]:
    """
    The names of peers that have no environment.
    """
    return tuple(name for name in PEERS if name not in peers_present())


def contenders(names: Sequence[str]) -> tuple[Contender, ...]:
    """
    Contenders by name.
    """
    return tuple(contender(name) for name in names)


@functools.cache
def contender(name: str) -> Contender:
    """
    The contender *name*. The process of a peer is started once and ends with this one, when its input does.
    """
    here = {OURS: find_ours, Z_SCORE: find_by_z_score, NOTHING: find_nothing}
    if name in here:
        return Contender(name, "", here[name], _timed(here[name]))
    # The threads of a linear algebra library would be a second core that nobody else has.
    process = subprocess.Popen(
        [python_of(PACKAGES[name]), "_segmenter.py", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    atexit.register(process.communicate)
    said = json.loads(_line(process))

    def timed(values: NDArray[np.float64]) -> tuple[tuple[Report, ...], float]:
        assert process.stdin is not None  # noqa: S101  # it was asked for
        sent = [None if math.isnan(value) else value for value in values.tolist()]
        process.stdin.write(json.dumps(sent) + "\n")
        process.stdin.flush()
        answer = json.loads(_line(process))
        return tuple(Report(index) for index in answer["changes"]), answer["seconds"]

    return Contender(name, f"{said['package']} {said['version']}", lambda values: timed(values)[0], timed)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101  # it was asked for
    line = process.stdout.readline()
    if not line:
        msg = f"{process.args!r} ended with code {process.wait()}: what it printed on standard error says why"
        raise RuntimeError(msg)
    return line


def _timed(
    find: Callable[[NDArray[np.float64]], tuple[Report, ...]],
) -> Callable[[NDArray[np.float64]], tuple[tuple[Report, ...], float]]:
    def timed(values: NDArray[np.float64]) -> tuple[tuple[Report, ...], float]:
        began = time.perf_counter()
        reports = find(values)
        return reports, time.perf_counter() - began

    return timed


def find_ours(values: NDArray[np.float64]) -> tuple[Report, ...]:
    """
    This package, with the prior that it takes where none is given.
    """
    return tuple(Report(point.index, point.confidence, point.confirmed) for point in detect_change_points(values))


def find_ours_at(values: NDArray[np.float64], prior: float) -> tuple[Report, ...]:
    """
    This package, told the share of series that change.
    """
    found = detect_change_points(values, prior=prior)
    return tuple(Report(point.index, point.confidence, point.confirmed) for point in found)


def find_by_z_score(values: NDArray[np.float64]) -> tuple[Report, ...]:
    """
    What a rule on a board does: a sample more than 3 sd from the mean of the 20 before it, the first of a burst.
    """
    places = np.flatnonzero(np.isfinite(values))
    present = values[places]
    if len(present) <= Z_WINDOW:
        return ()
    windows = np.lib.stride_tricks.sliding_window_view(present, Z_WINDOW)[:-1]
    alarms = np.abs(present[Z_WINDOW:] - windows.mean(axis=1)) > Z_LIMIT * windows.std(axis=1, ddof=1)
    first = alarms & ~np.concatenate(([False], alarms[:-1]))
    return tuple(Report(int(places[i + Z_WINDOW])) for i in np.flatnonzero(first))


def find_nothing(values: NDArray[np.float64]) -> tuple[Report, ...]:
    """
    Nothing, whatever the values: what a score is worth without doing anything.
    """
    del values
    return ()
