"""
Splits a series into segments of one level each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._noise import Noise, estimate_noise, noise_of_jumps
from autonomous_dev.learning.detectors._samples import ROUNDING
from autonomous_dev.learning.detectors._spikes import without_spikes

MIN_SEGMENT: Final = 3
"""Samples that a level rests on at least; a shift with fewer after it is not settled."""
_DECAY: Final = math.sqrt(2)
_TRIM: Final = 0.05
_PENALTY_LOG: Final = 2.0
"""What a split costs, in noise variances and for each log of the number of samples …"""
_PENALTY_SHORT: Final = 25.0
"""… and this over the number of samples, since a short series hardly knows its own noise."""
_ELIMINATE: Final = 3.2
"""Splits whose |z| stays below this are taken back."""
_CANDIDATE: Final = 0.6
"""A seeded interval may see a change with this share of the z that its true segments show."""
_NOISE_PRIOR: Final = 6.0
"""How many residuals of its own the noise of the whole series is worth to two neighbouring segments."""


@dataclass(frozen=True, slots=True)
class Split:
    """
    One boundary between two segments.

    Attributes:
        index: First sample of the new segment.

        index_range: Smallest and largest place that the data hardly tell from *index*, both included.

        z: Difference of the two levels over its standard error, signed.

        before: Level of the segment before it, spikes drawn in.

        after: Level of the segment that it begins.

        error: Standard error of ``after - before``.

        samples_before: Length of the segment before it.

        samples_after: Length of the segment that it begins.
    """

    index: int
    index_range: tuple[int, int]
    z: float
    before: float
    after: float
    error: float
    samples_before: int
    samples_after: int


@dataclass(frozen=True, slots=True)
class Segmentation:
    """
    A series as steps.

    Attributes:
        values: Shape (n,): the values, spikes drawn in.

        noise: Noise around the steps.

        splits: The boundaries, by increasing index.
    """

    values: NDArray[np.float64]
    noise: Noise
    splits: tuple[Split, ...]


def segment(values: NDArray[np.float64]) -> Segmentation:
    """
    The steps in *values*.

    Seeded intervals propose places, optimal partitioning over these places chooses among them, and what is not
    clear of its neighbours is taken back. No segment has fewer than three samples.

    Args:
        values: Shape (n,), at most about 1 in size.

    Source:
        Seeded intervals: Kovács, Bühlmann, Li & Munk (2023), Biometrika 110(1).
    """
    n = len(values)
    middle = float(np.median(values)) if n else 0.0
    calm = without_spikes(values - middle)
    noise = estimate_noise(calm, trim=_TRIM)
    if not noise.scale:
        noise = noise_of_jumps(calm)
    if n < 2 * MIN_SEGMENT or not noise.scale:
        return Segmentation(calm + middle, noise, ())
    sums = _Sums(calm)
    error = max(noise.scale * noise.inflation, ROUNDING)
    penalty = _PENALTY_LOG * math.log(n) + _PENALTY_SHORT / n
    places = _partition(sums, _candidates(sums, error, penalty), error, penalty)
    splits = _eliminate(sums, _relocate(sums, places), noise)
    return Segmentation(
        calm + middle,
        noise,
        tuple(replace(split, before=split.before + middle, after=split.after + middle) for split in splits),
    )


class _Sums:
    """
    Cumulated values and squares: the mean and the residual sum of squares of any stretch at once.
    """

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.n = len(values)
        self.first = np.concatenate(([0.0], np.cumsum(values)))
        self.second = np.concatenate(([0.0], np.cumsum(values**2)))

    def mean(self, start: int, end: int) -> float:
        return float(self.first[end] - self.first[start]) / (end - start)

    def residual(self, start: int, end: int) -> float:
        total = float(self.first[end] - self.first[start])
        return max(float(self.second[end] - self.second[start]) - total**2 / (end - start), 0.0)

    def gains(self, start: int, end: int) -> NDArray[np.float64]:
        """
        What a split at start + 3, …, end - 3 takes off the residual sum of squares.
        """
        places = np.arange(start + MIN_SEGMENT, end - MIN_SEGMENT + 1)
        left, right = places - start, end - places
        difference = (self.first[end] - self.first[places]) / right - (self.first[places] - self.first[start]) / left
        gains: NDArray[np.float64] = difference**2 * (left * right / (end - start))
        return gains


def _candidates(sums: _Sums, error: float, penalty: float) -> NDArray[np.intp]:
    least = _CANDIDATE**2 * penalty * error**2
    found: set[int] = set()
    for length in _interval_lengths(sums.n):
        shift = max(length // 2, 1)
        starts = np.unique(np.append(np.arange(0, sums.n - length + 1, shift), sums.n - length))
        places = np.arange(MIN_SEGMENT, length - MIN_SEGMENT + 1)
        begin, end = sums.first[starts][:, None], sums.first[starts + length][:, None]
        between = sums.first[starts[:, None] + places[None, :]]
        difference = (end - between) / (length - places) - (between - begin) / places
        gains = difference**2 * (places * (length - places) / length)
        best = np.argmax(gains, axis=1)
        strong = gains[np.arange(len(starts)), best] > least
        found.update((starts[strong] + places[best[strong]]).tolist())
    return np.array(sorted(found), dtype=np.intp)


def _interval_lengths(n: int) -> Iterator[int]:
    length, last = float(n), 0
    while length >= 2 * MIN_SEGMENT:
        if int(length) != last:
            last = int(length)
            yield last
        length /= _DECAY


def _partition(sums: _Sums, candidates: NDArray[np.intp], error: float, penalty: float) -> list[int]:
    """
    Optimal partitioning with splits at *candidates* only, each paid for with *penalty* noise variances.

    Source:
        Pruning: Killick, Fearnhead & Eckley (2012), JASA 107(500).
    """
    nodes = np.concatenate(([0], candidates, [sums.n])).astype(np.intp)
    price = penalty * error**2
    costs = np.full(len(nodes), np.inf)
    costs[0] = -price
    came_from = np.zeros(len(nodes), dtype=np.intp)
    open_nodes = np.zeros(0, dtype=np.intp)
    added = 0
    for j in range(1, len(nodes)):
        end = int(nodes[j])
        usable = int(np.searchsorted(nodes, end - MIN_SEGMENT, side="right"))
        open_nodes = np.concatenate((open_nodes, np.arange(added, usable, dtype=np.intp)))
        added = max(added, usable)
        if not len(open_nodes):
            continue
        starts = nodes[open_nodes]
        totals = sums.first[end] - sums.first[starts]
        residuals = sums.second[end] - sums.second[starts] - totals**2 / (end - starts)
        through = costs[open_nodes] + np.maximum(residuals, 0.0)
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


def _relocate(sums: _Sums, places: list[int]) -> list[int]:
    """
    Each place moved to where it separates its two segments best.
    """
    moved = [0, *places, sums.n]
    for i in range(1, len(moved) - 1):
        gains = sums.gains(moved[i - 1], moved[i + 1])
        moved[i] = moved[i - 1] + MIN_SEGMENT + int(np.argmax(gains))
    return moved[1:-1]


def _eliminate(sums: _Sums, places: list[int], noise: Noise) -> list[Split]:
    """
    The splits that stay when the weakest is taken back again and again.
    """
    bounds = [0, *places, sums.n]
    splits = [_split(sums, bounds, i, noise) for i in range(1, len(bounds) - 1)]
    strengths = np.array([abs(split.z) for split in splits])
    while splits:
        weakest = int(np.argmin(strengths))
        if strengths[weakest] >= _ELIMINATE:
            break
        del bounds[weakest + 1], splits[weakest]
        strengths = np.delete(strengths, weakest)
        for i in (weakest, weakest + 1):
            if 1 <= i < len(bounds) - 1:
                splits[i - 1] = _split(sums, bounds, i, noise)
                strengths[i - 1] = abs(splits[i - 1].z)
    return splits


def _split(sums: _Sums, bounds: list[int], i: int, noise: Noise) -> Split:
    start, index, end = bounds[i - 1 : i + 2]
    n, left, right = end - start, index - start, end - index
    # Noise differs along a series: what these two segments show of it counts beside the whole.
    residual = sums.residual(start, index) + sums.residual(index, end)
    variance = noise.scale**2 * _NOISE_PRIOR + residual
    scale = math.sqrt(variance / (_NOISE_PRIOR + max(n - 2, 0)))
    error = max(scale * noise.inflation * math.sqrt(n / (left * right)), ROUNDING)
    before, after = sums.mean(start, index), sums.mean(index, end)
    gains = sums.gains(start, end)
    near = np.flatnonzero(gains >= gains[index - start - MIN_SEGMENT] - 3.84 * (scale * noise.inflation) ** 2)
    span = (start + MIN_SEGMENT + int(near[0]), start + MIN_SEGMENT + int(near[-1]))
    return Split(index, span, (after - before) / error, before, after, error, left, right)
