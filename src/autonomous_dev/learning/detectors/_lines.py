"""
Knees: where a series that drifts all along changes its direction or jumps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._partition import cheapest_splits, interval_lengths
from autonomous_dev.learning.detectors._samples import ROUNDING

MIN_LINE: Final = 5
"""Samples that a line rests on at least."""

_PRICE: Final = 10.0
"""
What a knee costs, in noise variances and for each log of the number of samples. 8 to 14 do equally well on either half
of the labelled series of the Turing Change Point Dataset.
"""
_CANDIDATE: Final = 0.4
"""Share of the price that a seeded interval must gain for its best place to be tried."""
_ROUNDS: Final = 4
"""Fits until the noise around the lines and its correlation have settled."""
_MAX_CORRELATION: Final = 0.9
_MAD_TO_SIGMA: Final = 1.4826


@dataclass(frozen=True, slots=True)
class Knee:
    """
    One boundary between two lines.

    Attributes:
        index: First sample of the new line.

        index_range: Smallest and largest place that the data hardly tell from *index*, both included.

        strength: What it takes off the residuals, in variances of the noise around the lines, correlation counted.

        before: What the old line says of the samples around *index*.

        after: What the new line says of them.

        error: Standard error of ``after - before``.

        samples_before: Length of the line before it.

        samples_after: Length of the line that it begins.
    """

    index: int
    index_range: tuple[int, int]
    strength: float
    before: float
    after: float
    error: float
    samples_before: int
    samples_after: int


def find_knees(values: NDArray[np.float64]) -> tuple[Knee, ...]:
    """
    The knees of *values*, by increasing index.

    Args:
        values: Shape (n,), finite, at most about 1 in size, spikes drawn in.

    Source:
        As for levels: seeded intervals and optimal partitioning, with a line's residuals as the cost.
    """
    n = len(values)
    if n < 2 * MIN_LINE:
        return ()
    sums = _LineSums(values)
    noise, places = _noise_of_bends(values), list[int]()
    for _ in range(_ROUNDS):
        before = places
        places = _partition(sums, _PRICE * math.log(n) * noise)
        noise = _noise_around(values, places)
        if places == before:
            break
    bounds = [0, *places, n]
    return tuple(_knee(sums, bounds[i - 1], bounds[i], bounds[i + 1], noise) for i in range(1, len(bounds) - 1))


class _LineSums:
    """
    Cumulated moments: the residuals around the best line of any stretch at once.
    """

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.n = len(values)
        y = values - np.mean(values)
        t = np.arange(self.n) - (self.n - 1) / 2
        self.moments = np.concatenate((np.zeros((5, 1)), np.cumsum([y, t, y * y, t * t, t * y], axis=1)), axis=1)
        self.mean = float(np.mean(values))

    def residuals(self, start: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.float64]:
        """
        Sums of squared distances from the best lines over *start* to *end*, shapes alike.
        """
        y, t, yy, tt, ty = self.moments[:, end] - self.moments[:, start]
        length = np.maximum(end - start, 1)
        spread = tt - t * t / length
        slope_part = np.where(spread > 0, (ty - t * y / length) ** 2 / np.maximum(spread, 1e-300), 0.0)
        return np.asarray(np.maximum(yy - y * y / length - slope_part, 0.0))

    def at(self, start: int, end: int, place: float) -> tuple[float, float]:
        """
        What the best line over *start* to *end* says of *place*, and the variance of that in variances of the noise.
        """
        y, t, _, tt, ty = (float(x) for x in self.moments[:, end] - self.moments[:, start])
        length = end - start
        spread = tt - t * t / length
        slope = (ty - t * y / length) / spread if spread > 0 else 0.0
        away = place - (self.n - 1) / 2 - t / length
        return self.mean + y / length + slope * away, 1 / length + (away * away / spread if spread > 0 else 0.0)


def _noise_of_bends(values: NDArray[np.float64]) -> float:
    """
    Variance of the noise, from second differences, which do not see a line.
    """
    bends = np.diff(values, 2)
    return max((_MAD_TO_SIGMA * float(np.median(np.abs(bends)))) ** 2 / 6, ROUNDING**2)


def _noise_around(values: NDArray[np.float64], places: list[int]) -> float:
    """
    Variance of a long mean of the noise around lines that change at *places*.
    """
    n = len(values)
    rest = np.concatenate([_rest(values[a:b]) for a, b in pairwise([0, *places, n])])
    squares = float(rest @ rest)
    lines = len(places) + 1
    if squares <= n * ROUNDING**2:
        return ROUNDING**2
    correlation = float(rest[1:] @ rest[:-1]) / squares
    # Residuals of short lines look less correlated than the noise is.
    correlation = min(max(correlation + (1 + 3 * correlation) * lines / n, 0.0), _MAX_CORRELATION)
    return max(squares / max(n - 2 * lines, 1) * (1 + correlation) / (1 - correlation), ROUNDING**2)


def _rest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.arange(len(values)) - (len(values) - 1) / 2
    centred = values - np.mean(values)
    return np.asarray(centred - x * (float(x @ centred) / max(float(x @ x), 1.0)))


def _partition(sums: _LineSums, price: float) -> list[int]:
    def residuals(starts: NDArray[np.intp], end: int) -> NDArray[np.float64]:
        return sums.residuals(starts, np.full(len(starts), end))

    places = cheapest_splits(sums.n, _candidates(sums, _CANDIDATE * price), price, MIN_LINE, residuals)
    bounds = [0, *places, sums.n]
    for i in range(1, len(bounds) - 1):
        bounds[i] = _best(sums, bounds[i - 1], bounds[i + 1])[0]
    return bounds[1:-1]


def _candidates(sums: _LineSums, least: float) -> NDArray[np.intp]:
    found = [np.zeros(0, dtype=np.intp)]
    for length in interval_lengths(sums.n, 2 * MIN_LINE):
        starts = np.append(np.arange(0, sums.n - length, max(length // 4, 1)), sums.n - length)[:, None]
        places = starts + np.arange(MIN_LINE, length - MIN_LINE + 1)[None, :]
        begin, end = np.broadcast_to(starts, places.shape), np.broadcast_to(starts + length, places.shape)
        whole = sums.residuals(starts[:, 0], starts[:, 0] + length)[:, None]
        gains = whole - sums.residuals(begin, places) - sums.residuals(places, end)
        best = np.argmax(gains, axis=1)
        rows = np.arange(len(starts))
        found.append(places[rows, best][gains[rows, best] > least])
    return np.unique(np.concatenate(found))


def _best(sums: _LineSums, start: int, end: int) -> tuple[int, NDArray[np.intp], NDArray[np.float64]]:
    """
    The place at which two lines fit best, all places that were tried, and the residuals there.
    """
    places = np.arange(start + MIN_LINE, end - MIN_LINE + 1)
    rest = sums.residuals(np.full(len(places), start), places) + sums.residuals(places, np.full(len(places), end))
    return int(places[np.argmin(rest)]), places, rest


def _knee(sums: _LineSums, start: int, place: int, end: int, noise: float) -> Knee:
    _, places, rest = _best(sums, start, end)
    here = float(rest[place - start - MIN_LINE])
    whole = float(sums.residuals(np.array([start]), np.array([end]))[0])
    near = places[rest <= here + 3.84 * noise]
    # Compared is what either line says of the middle of the new one: a bend shows there, and a jump as well.
    middle = place + (min(end - place, place - start) - 1) / 2
    (before, first), (after, second) = sums.at(start, place, middle), sums.at(place, end, middle)
    return Knee(
        index=place,
        index_range=(min(int(near[0]), place), max(int(near[-1]), place)),
        strength=max(whole - here, 0.0) / noise,
        before=before,
        after=after,
        error=max(math.sqrt(noise * (first + second)), ROUNDING),
        samples_before=place - start,
        samples_after=end - place,
    )
