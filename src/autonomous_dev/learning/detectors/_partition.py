"""
Where a sequence of numbers may have changed its mean: seeded intervals propose, optimal partitioning chooses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._noise import Noise
from autonomous_dev.learning.detectors._samples import ROUNDING

MIN_SEGMENT: Final = 3
"""Samples that a level rests on at least; a shift with fewer after it is not settled."""
_DECAY: Final = math.sqrt(2)
_PENALTY_LOG: Final = 1.0
"""What a split costs, in noise variances and for each log of the number of samples …"""
_PENALTY_SHORT: Final = 8.0
"""… and this over the number of samples, since a short series hardly knows its own noise."""


class Sums:
    """
    Cumulated values and squares: the mean and the residual sum of squares of any stretch at once.

    Args:
        values: Shape (n,), around 0.
    """

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.n = len(values)
        self.first = np.concatenate(([0.0], np.cumsum(values)))
        self.second = np.concatenate(([0.0], np.cumsum(values**2)))

    def mean(self, start: int, end: int) -> float:
        """
        Mean of the values from *start* to *end*, the last one excluded.
        """
        return float(self.first[end] - self.first[start]) / (end - start)

    def residual(self, start: int, end: int) -> float:
        """
        Sum of squared distances from that mean.
        """
        total = float(self.first[end] - self.first[start])
        return max(float(self.second[end] - self.second[start]) - total**2 / (end - start), 0.0)

    def residuals(self, starts: NDArray[np.intp], end: int) -> NDArray[np.float64]:
        """
        The same for many *starts* at once.
        """
        totals = self.first[end] - self.first[starts]
        return np.asarray(np.maximum(self.second[end] - self.second[starts] - totals**2 / (end - starts), 0.0))


def propose(readings: NDArray[np.float64], noises: Sequence[Noise]) -> list[int]:
    """
    Places at which the mean of a series may shift, by any of its readings; more of them rather than fewer.

    Args:
        readings: Shape (k, n), k readings of the same n samples, each at most about 10 in size.

        noises: The noise of each.

    Returns:
        First indices of new segments, increasing; by each reading they are at least three samples apart.

    Source:
        Seeded intervals: Kovács, Bühlmann, Li & Munk (2023), Biometrika 110(1).
    """
    n = readings.shape[1]
    if n < 2 * MIN_SEGMENT:
        return []
    noisy = [i for i, noise in enumerate(noises) if noise.scale]
    if not noisy:
        return []
    centred = readings[noisy] - readings[noisy].mean(axis=1)[:, None]
    errors = np.array([max(noises[i].scale * noises[i].inflation, ROUNDING) for i in noisy])
    penalties = (_PENALTY_LOG * math.log(n) + _PENALTY_SHORT / n) * errors**2
    first = np.concatenate((np.zeros((len(noisy), 1)), np.cumsum(centred, axis=1)), axis=1)
    found: set[int] = set()
    for row, candidates in enumerate(_candidates(first, penalties)):
        sums = Sums(centred[row])
        found.update(cheapest_splits(n, candidates, float(penalties[row]), MIN_SEGMENT, sums.residuals))
    return sorted(found)


def interval_lengths(n: int, shortest: int) -> Iterator[int]:
    """
    Lengths of seeded intervals: *n* and, again and again, the root of two shorter, down to *shortest*.
    """
    length, last = float(n), 0
    while length >= shortest:
        if int(length) != last:
            last = int(length)
            yield last
        length /= _DECAY


def _candidates(first: NDArray[np.float64], least: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """
    The best place of each seeded interval that gains more than *least*, for each row of cumulated values *first*.
    """
    rows, n = len(first), first.shape[1] - 1
    found: list[list[NDArray[np.intp]]] = [[np.zeros(0, dtype=np.intp)] for _ in range(rows)]
    for length in interval_lengths(n, 2 * MIN_SEGMENT):
        starts = np.append(np.arange(0, n - length, max(length // 2, 1)), n - length)
        places = np.arange(MIN_SEGMENT, length - MIN_SEGMENT + 1)
        begin, end = first[:, starts][:, :, None], first[:, starts + length][:, :, None]
        gains = first[:, starts[:, None] + places]
        # With the mean of the interval taken off, one side's sum says all.
        gains -= begin + (end - begin) / length * places
        gains *= gains
        gains *= length / (places * (length - places))
        best = np.argmax(gains, axis=2)
        strong = np.take_along_axis(gains, best[:, :, None], axis=2)[:, :, 0] > least[:, None]
        for row in range(rows):
            found[row].append((starts + places[best[row]])[strong[row]])
    return [np.unique(np.concatenate(parts)) for parts in found]


def cheapest_splits(
    n: int,
    candidates: NDArray[np.intp],
    price: float,
    shortest: int,
    residuals: Callable[[NDArray[np.intp], int], NDArray[np.float64]],
) -> list[int]:
    """
    Those of *candidates* that part n samples so that the residuals and the price of each split are least in all.

    Args:
        n: Number of samples.

        candidates: Increasing places between 0 and n.

        price: What each split costs.

        shortest: Samples of the shortest segment.

        residuals: From starts, shape (k,), and one end to the cost of each segment between them, shape (k,).

    Source:
        Pruning: Killick, Fearnhead & Eckley (2012), JASA 107(500).
    """
    nodes = np.concatenate(([0], candidates, [n])).astype(np.intp)
    costs = np.full(len(nodes), np.inf)
    costs[0] = -price
    came_from = np.zeros(len(nodes), dtype=np.intp)
    open_nodes = np.zeros(0, dtype=np.intp)
    added = 0
    for j in range(1, len(nodes)):
        end = int(nodes[j])
        usable = int(np.searchsorted(nodes, end - shortest, side="right"))
        open_nodes = np.concatenate((open_nodes, np.arange(added, usable, dtype=np.intp)))
        added = max(added, usable)
        if not len(open_nodes):
            continue
        through = costs[open_nodes] + residuals(nodes[open_nodes], end)
        best = int(np.argmin(through))
        came_from[j], costs[j] = open_nodes[best], through[best] + price
        # A start that is dearer than a split here can never be the best again.
        open_nodes = open_nodes[through <= costs[j]]
    places = []
    j = int(came_from[-1])
    while j > 0:
        places.append(int(nodes[j]))
        j = int(came_from[j])
    return places[::-1]
