"""
How well streaming anomaly scores agree with labelled windows: early alarms inside windows are rewarded, others cost.

Source: Lavin & Ahmad (2015), "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark",
https://arxiv.org/abs/1510.03336, the standard profile.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

HIT: Final = 1.0
MISS: Final = 1.0
FALSE_ALARM: Final = 0.11
"""Weights of the standard profile."""

PROBATION_SHARE, PROBATION_ROWS = 0.15, 750
"""Rows at the beginning of a file that are not judged: this share, at most so many."""

_OUTSIDE: Final = -1
_FAR: Final = 3.0
"""Window widths behind a window from which on a false alarm costs all it can."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledStream:
    """
    One file: its rows, and what an alarm in each is worth.

    Attributes:
        name: Of the file.

        seconds: Shape (n,).

        values: Shape (n,).

        worth: Shape (n,), in [-1, 1]: of an alarm in that row, before the profile's weights.

        window: Shape (n,): number of the labelled window that the row lies in, -1 outside.

        windows: How many windows the file has.

        begin: First row that is judged.
    """

    name: str
    seconds: NDArray[np.float64]
    values: NDArray[np.float64]
    worth: NDArray[np.float64]
    window: NDArray[np.int64]
    windows: int
    begin: int


def read_streams(folder: Path) -> tuple[LabelledStream, ...]:
    """
    The files below *folder*, which holds ``data/`` and ``labels/combined_windows.json``, by name.
    """
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    return tuple(_read(folder, name, labels[name]) for name in sorted(labels))


def _read(folder: Path, name: str, windows: Sequence[tuple[str, str]]) -> LabelledStream:
    with (folder / "data" / name).open(encoding="utf-8", newline="") as file:
        rows = [(_seconds(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    seconds = np.array([row[0] for row in rows])
    bounds = [(_first(seconds, _seconds(begin)), _first(seconds, _seconds(end))) for begin, end in windows]
    return labelled_stream(name, seconds, np.array([row[1] for row in rows]), bounds)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _first(seconds: NDArray[np.float64], wanted: float) -> int:
    return int(np.flatnonzero(seconds == wanted)[0])


def labelled_stream(
    name: str, seconds: NDArray[np.float64], values: NDArray[np.float64], bounds: Sequence[tuple[int, int]]
) -> LabelledStream:
    """
    A stream whose windows are rows *bounds*, first and last, both inside, in order.
    """
    n = len(values)
    worth, window = np.full(n, -1.0), np.full(n, _OUTSIDE, dtype=np.int64)
    for number, (first, last) in enumerate(bounds):
        width = last - first + 1
        for row in range(first, last + 1):
            worth[row] = _sigmoid(-(last - row + 1) / width) / _sigmoid(-1.0)
            window[row] = number
        following = bounds[number + 1][0] if number + 1 < len(bounds) else n
        for row in range(last + 1, following):
            worth[row] = _sigmoid((row - last) / max(width - 1, 1))
    begin = math.ceil(min(math.floor(PROBATION_SHARE * n), PROBATION_ROWS))
    return LabelledStream(name, seconds, values, worth, window, len(bounds), begin)


def _sigmoid(place: float) -> float:
    return -1.0 if place > _FAR else 2.0 / (1.0 + math.exp(5.0 * place)) - 1.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """
    What every threshold gives on some files.

    Attributes:
        thresholds: Falling; the first is above every score.

        totals: Of all rows with a score of the threshold or more.

        least: Total of an answer without alarms.

        most: Total of a perfect answer.
    """

    thresholds: NDArray[np.float64]
    totals: NDArray[np.float64]
    least: float
    most: float

    def best(self) -> float:
        """
        The threshold with the largest total, the highest of equal ones.
        """
        return float(self.thresholds[int(np.argmax(self.totals))])

    def score(self, threshold: float) -> float:
        """
        From 0, no alarms, to 100, perfect, at *threshold*.
        """
        reached = np.flatnonzero(self.thresholds >= threshold)
        total = float(self.totals[reached[-1]]) if len(reached) else self.least
        return 100 * (total - self.least) / (self.most - self.least)


def sweep(streams: Sequence[LabelledStream], scores: Mapping[str, Sequence[float]]) -> Sweep:
    """
    All thresholds on *streams*.

    Args:
        streams: The files.

        scores: By file: one in [0, 1] for each row.
    """
    gains: list[tuple[float, float]] = []
    judged = 0
    for stream in streams:
        column = np.asarray(scores[stream.name], dtype=np.float64)
        inside = np.arange(len(column)) >= stream.begin
        outside = inside & (stream.window == _OUTSIDE)
        gains.extend(zip(column[outside].tolist(), (FALSE_ALARM * stream.worth[outside]).tolist(), strict=True))
        for number in range(stream.windows):
            rows = np.flatnonzero(inside & (stream.window == number))
            judged += bool(len(rows))
            gains.extend(_window_gains(column[rows].tolist(), stream.worth[rows].tolist()))
    gains.sort(key=lambda gain: -gain[0])
    ordered = np.array([score for score, _ in gains])
    totals = -MISS * judged + np.cumsum([gain for _, gain in gains])
    last = (
        np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(ordered) else np.array([], dtype=np.int64)
    )
    windows = sum(stream.windows for stream in streams)
    return Sweep(
        thresholds=np.concatenate(([np.inf], ordered[last])),
        totals=np.concatenate(([-MISS * judged], totals[last])),
        least=-MISS * judged,
        most=HIT * windows,
    )


def _window_gains(scores: Sequence[float], worth: Sequence[float]) -> list[tuple[float, float]]:
    """
    What lowering the threshold to a row's score adds: a window counts its best row, and a miss as long as it has none.
    """
    best, gains = -MISS, []
    for score, value in sorted(zip(scores, worth, strict=True), key=lambda row: -row[0]):
        if HIT * value > best:
            gains.append((score, HIT * value - best))
            best = HIT * value
        else:
            gains.append((score, 0.0))
    return gains


def halves_score(streams: Sequence[LabelledStream], scores: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """
    The score of the files in even places with the threshold that is best on the others, and the other way round.
    """
    even, odd = (sweep(streams[part::2], scores) for part in (0, 1))
    return even.score(odd.best()), odd.score(even.best())
