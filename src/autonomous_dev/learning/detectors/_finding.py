"""
What a detector says: something about one series, in numbers, without words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """
    What was found.
    """

    CHANGE_POINT = "change_point"
    TREND = "trend"
    ANOMALY = "anomaly"
    THRESHOLD = "threshold"
    HIT_RATIO = "hit_ratio"
    CAPACITY = "capacity"
    GROWTH = "growth"
    BUDGET = "budget"
    CARDINALITY = "cardinality"
    UNCONFIRMED = "unconfirmed"
    VARIABILITY = "variability"
    FORECAST = "forecast"
    TAIL = "tail"
    STALENESS = "staleness"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One detector's statement about one series of n samples.

    Attributes:
        kind: Which detector speaks.

        confidence: Probability, in [0, 1], that a practitioner who sees the series calls this real and lasting.

        start: Index of the first sample of the new state; 0 <= start < n.

        start_range: Smallest and largest index that *start* may really have, both included.

        before: Level before, in the series' unit. For a threshold: the bound.

        after: Level now, in the series' unit.

        interval: 95% interval of ``after - before``, in the series' unit.

        samples_before: How many samples *before* rests on.

        samples_after: How many samples *after* rests on.

        settles_in: How many more samples would settle it, if they are like the newest; 0 where it is settled.

        horizon: For a forecast: samples until the bound is crossed, as earliest, likeliest and latest.
    """

    kind: Kind
    confidence: float
    start: int
    start_range: tuple[int, int]
    before: float
    after: float
    interval: tuple[float, float]
    samples_before: int
    samples_after: int
    settles_in: int = 0
    horizon: tuple[float, float, float] | None = None

    @property
    def effect(self) -> float:
        """
        ``after - before``, in the series' unit.
        """
        return self.after - self.before
