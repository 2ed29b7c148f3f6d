"""
How unusual a statistic is against its own history, in decades of a tail probability.
"""

from __future__ import annotations

import math
from typing import Final

_SLOWEST: Final = 0.7 / 10_000
"""Least weight of the newest row: after some 28,000 rows the past fades with a half-life of 10,000."""
_TAIL: Final = 0.05
"""Share of rows that are unusual enough to count."""
_TAIL_DECADES: Final = -math.log10(_TAIL)
_EDGE: Final = math.log(1.96)
_EXCESS: Final = 0.18
_EXCESS_ROWS: Final = 20
"""
Where the tail of a normal distribution begins, on the logarithm of the distance in standard deviations, and how far
beyond that its rows lie on average: what is believed at first, with the weight of so many unusual rows.
"""
_LEAST_EXCESS: Final = 0.02
_EDGE_STEP: Final = 1.5
_LEARNING: Final = 30
"""Rows from which mean and spread are learned before anything is unusual."""
_FARTHEST: Final = 1e3
"""Distances beyond so many standard deviations are alike."""
_NEAREST: Final = 1e-3
_MOST: Final = 8.0
_DECADE: Final = 1 / math.log(10)


class Surprise:
    """
    The history of one statistic, in six numbers, and what it says of the newest row.

    A row's weight grows with its place (twice the mean of all weights when it comes), so that how a series began is soon
    forgotten at any age. The distance from the mean is compared with a tail that is learned as well: its logarithm
    beyond the 95% quantile is taken as exponential (a Pareto tail of the distance), so that a series with many large
    bursts finds few of them unusual.

    Source:
        The tail's index: Hill (1975), https://doi.org/10.1214/aos/1176343247. The score of labelled streams
        (see `AnomalyStream`), the mean over 40 random halvings of the files, moves by less than one point with the first
        tail's weight at 10 or 50 rows, the most at 6 or 12, or newer rows weighing 1.5 or 3 times the mean, and by less
        than four with the tail at 3% or 10%.
    """

    __slots__ = ("_edge", "_excess", "_mean", "_rows", "_unusual", "_variance")

    def __init__(self) -> None:
        self._rows = 0
        self._mean = 0.0
        self._variance = 0.0
        self._edge = _EDGE
        self._excess = _EXCESS
        self._unusual = _EXCESS_ROWS

    @property
    def mean(self) -> float:
        """
        Mean of the rows so far, the newer ones with more weight.
        """
        return self._mean

    @property
    def spread(self) -> float:
        """
        Standard deviation of the rows so far, the newer ones with more weight.
        """
        return math.sqrt(self._variance)

    def of(self, statistic: float) -> float:
        """
        Take in the newest row, and say how unusual it was to the rows before it.

        Args:
            statistic: Finite, at most 1e100 from 0.

        Returns:
            ``-log10`` of the share of rows that lie as far from the mean, at most 8; 0 for the 95% that lie nearest, and
            for the first 30 rows.
        """
        self._rows = rows = self._rows + 1
        variance = self._variance
        step = statistic - self._mean
        decades = 0.0
        if rows > _LEARNING:
            distance = min(abs(step) / math.sqrt(variance), _FARTHEST) if variance else _FARTHEST if step else 0.0
            decades = self._beyond_edge(math.log(max(distance, _NEAREST)), max(1 / rows, _SLOWEST))
        weight = max(2 / (rows + 1), _SLOWEST)
        self._mean += weight * step
        self._variance = (1 - weight) * (variance + weight * step * step)
        return decades

    def _beyond_edge(self, log_distance: float, weight: float) -> float:
        beyond = log_distance - self._edge
        if beyond <= 0:
            self._edge -= _EDGE_STEP * _TAIL * weight
            return 0.0
        decades = min(_TAIL_DECADES + _DECADE * beyond / self._excess, _MOST)
        self._unusual += 1
        share = max(1 / self._unusual, _SLOWEST / _TAIL)
        self._excess = max(self._excess + share * (beyond - self._excess), _LEAST_EXCESS)
        self._edge += _EDGE_STEP * (1 - _TAIL) * weight
        return decades
