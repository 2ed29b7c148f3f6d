"""
Whether confidences mean what they say.

Source: expected calibration error over equal-width bins, Naeini, Cooper & Hauskrecht (2015), "Obtaining well calibrated
probabilities using Bayesian binning", AAAI 29; Brier (1950), Monthly Weather Review 78.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """
    Reports of about the same confidence.

    Attributes:
        low: Smallest confidence of the bin.

        high: Where the next one begins.

        n: Reports.

        said: Their mean confidence.

        right: How many of them were right.
    """

    low: float
    high: float
    n: int
    said: float
    right: int

    @property
    def observed(self) -> float:
        """
        Share that was right.
        """
        return self.right / self.n


@dataclass(frozen=True, slots=True)
class Reliability:
    """
    What became of many confidences.

    Attributes:
        n: Reports.

        right: How many were right.

        error: Expected calibration error: the mean of what a bin says less what it observes, without sign.

        brier: Mean of the squared difference of confidence and outcome.

        sure: Reports of the confidence asked for, or more.

        sure_right: How many of those were right.

        bins: Those that hold anything, in order.
    """

    n: int
    right: int
    error: float
    brier: float
    sure: int
    sure_right: int
    bins: tuple[Bin, ...]


def reliability(confidences: Sequence[float], right: Sequence[bool], *, sure: float = 0.8) -> Reliability:
    """
    How *confidences*, each in [0, 1], agree with whether they were *right*; with none of them all is 0.
    """
    said, true = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    if not len(said):
        return Reliability(0, 0, 0.0, 0.0, 0, 0, ())
    place = np.minimum((said * BINS).astype(np.int64), BINS - 1)
    bins = tuple(
        Bin(b / BINS, (b + 1) / BINS, int(inside.sum()), float(said[inside].mean()), int(true[inside].sum()))
        for b in range(BINS)
        if (inside := place == b).any()
    )
    error = sum(one.n * abs(one.said - one.observed) for one in bins) / len(said)
    certain = said >= sure
    return Reliability(
        n=len(said),
        right=int(true.sum()),
        error=error,
        brier=float(np.mean((said - true) ** 2)),
        sure=int(certain.sum()),
        sure_right=int(true[certain].sum()),
        bins=bins,
    )
