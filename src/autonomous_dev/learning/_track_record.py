"""
How often what was announced was real, by what people said of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from autonomous_dev.learning._memory import Memory
from autonomous_dev.learning._told import Told
from autonomous_dev.learning._verdicts import Verdict

BINS: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Bounds of the confidences that are counted together; what is below the first has a bin of its own."""

_Z: Final = 1.959963984540054
"""Quantile of the Normal distribution that leaves 2.5% on either side."""


def wilson(hits: int, of: int) -> tuple[float, float]:
    """
    95% interval of a share; (0, 1) where nothing was counted.

    Source:
        Wilson (1927), JASA 22(158).
    """
    if not of:
        return 0.0, 1.0
    share, square = hits / of, _Z * _Z / of
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of)) / (1 + square)
    # At 0 and 1 the bound is exact, but for rounding.
    return 0.0 if hits == 0 else middle - half, 1.0 if hits == of else middle + half


@dataclass(frozen=True, slots=True)
class Precision:
    """
    Verdicts on insights of one kind.

    Attributes:
        kind: As it was announced; ``all`` for all of them together.

        announced: How many were announced.

        real: Accepted, or known.

        false: Rejected.
    """

    kind: str
    announced: int
    real: int
    false: int

    @property
    def unjudged(self) -> int:
        """
        Announced, and nobody said anything.
        """
        return self.announced - self.real - self.false

    @property
    def precision(self) -> float:
        """
        Share of the judged that was real; NaN where none was judged.
        """
        judged = self.real + self.false
        return self.real / judged if judged else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """
        95% interval of *precision*, by Wilson's formula.
        """
        return wilson(self.real, self.real + self.false)


@dataclass(frozen=True, slots=True)
class Bin:
    """
    What was said with about the same confidence, and what people said of it.

    Attributes:
        low: Smallest confidence, included.

        high: Largest confidence; included only where it is 1.

        judged: How many of them have a verdict.

        real: How many of these were real.

        said: Mean confidence with which those were announced.
    """

    low: float
    high: float
    judged: int
    real: int
    said: float

    @property
    def share(self) -> float:
        """
        Share that was real.
        """
        return self.real / self.judged

    @property
    def interval(self) -> tuple[float, float]:
        """
        95% interval of *share*, by Wilson's formula.
        """
        return wilson(self.real, self.judged)


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """
    What came of what was announced.

    Attributes:
        all: Over all kinds.

        kinds: Each kind that was announced, the most frequent first.

        bins: Bins of confidence in which something was judged, by rising confidence.
    """

    all: Precision
    kinds: tuple[Precision, ...]
    bins: tuple[Bin, ...]

    @property
    def calibration_error(self) -> float:
        """
        Mean distance between what was said and what was real, weighed by verdicts; NaN without verdicts.

        A few verdicts make it large by chance: with 20 in one bin even a perfect forecaster shows about 0.09.
        """
        judged = sum(one.judged for one in self.bins)
        return sum(one.judged * abs(one.said - one.share) for one in self.bins) / judged if judged else math.nan

    def to_dict(self) -> dict[str, Any]:
        """
        The record as JSON types; None for what nothing says yet.
        """
        error = self.calibration_error
        return {
            "all": _precision_dict(self.all),
            "kinds": [_precision_dict(one) for one in self.kinds],
            "calibration": [
                {
                    "from": one.low,
                    "to": one.high,
                    "said": one.said,
                    "judged": one.judged,
                    "real": one.real,
                    "share": one.share,
                    "interval": list(one.interval),
                }
                for one in self.bins
            ],
            "calibration_error": None if math.isnan(error) else error,
        }


def track_record(memory: Memory) -> TrackRecord:
    """
    The record of what *memory* knows: insights that were announced on their own, each with its newest verdict.

    What one cause did to many series is one announcement and one verdict. The confidence that counts is the one with
    which it was first announced.
    """
    told = [one for one in memory.told.values() if one.announced is not None and not one.announced.parent]
    kinds: dict[str, list[Told]] = {}
    for one in told:
        kinds.setdefault(_kind_of(one), []).append(one)
    by_kind = sorted((_precision(kind, ones) for kind, ones in kinds.items()), key=lambda p: (-p.announced, p.kind))
    return TrackRecord(_precision("all", told), tuple(by_kind), tuple(_bins(told)))


def _kind_of(told: Told) -> str:
    return told.announced.kind if told.announced is not None else told.said.kind


def _verdicts(told: Iterable[Told]) -> list[Verdict]:
    return [one.verdict.verdict for one in told if one.verdict is not None]


def _precision(kind: str, told: list[Told]) -> Precision:
    real = [verdict.real for verdict in _verdicts(told)]
    return Precision(kind, len(told), sum(real), len(real) - sum(real))


def _bins(told: Iterable[Told]) -> Iterable[Bin]:
    pairs = [
        (one.announced.confidence, one.verdict.verdict.real)
        for one in told
        if one.announced is not None and one.verdict is not None
    ]
    bounds = (0.0, *BINS)
    for low, high in pairwise(bounds):
        inside = [(said, real) for said, real in pairs if low <= said < high or said == high == 1.0]
        if inside:
            mean = math.fsum(said for said, _ in inside) / len(inside)
            yield Bin(low, high, len(inside), sum(real for _, real in inside), mean)


def _precision_dict(one: Precision) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "announced": one.announced,
        "real": one.real,
        "false": one.false,
        "unjudged": one.unjudged,
        "precision": None if math.isnan(one.precision) else one.precision,
        "interval": list(one.interval),
    }
