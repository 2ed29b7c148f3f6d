"""
Capacities: caches that a larger size would make answer more, and how large is large enough.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from autonomous_dev.conventions import CACHE_HIT_RATIO
from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Severity, Since
from autonomous_dev.learning.advice._cache_use import CacheUse, cache_uses
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series

MIN_GAIN: Final = 0.05
"""Gain in hit ratio that is worth the memory: below it, one lookup in twenty, nobody would notice."""

MIN_LOOKUPS: Final = 1000
"""A share of so many lookups is known to 3 points (95%), less than MIN_GAIN."""

MOST: Final = 0.8
"""Share of what the largest capacity would gain, with which a smaller one is enough."""

ESTIMATE_ERROR: Final = 0.0075
"""Standard error of a prediction itself, in hit ratio: half of the 1.5 points that large, sampled caches were off at most."""

_MIN_VOTE: Final = 100
"""Lookups from which on an interval speaks for itself: its own share is known to 10 points."""

_MAX_CONFIDENCE: Final = 0.95
_NORMAL_95: Final = 1.96
_VERBS: Final = {2: "doubling", 4: "quadrupling", 8: "raising"}


@dataclass(frozen=True, slots=True)
class Enlargement:
    """
    What one cache should become.

    Attributes:
        factor: Multiple of its capacity.

        capacity: Entries that it then holds at most.

        gain: By how much its hit ratio would rise.

        error: Standard error of *gain*.

        confidence: Probability that the next interval's hit ratio would rise by at least half of *gain*.
    """

    factor: int
    capacity: int
    gain: float
    error: float
    confidence: float


def capacities(series: Sequence[Series], policy: Policy) -> tuple[LearningInsight, ...]:
    """
    One insight for each cache whose hit ratio a larger capacity would lift by MIN_GAIN or more.

    Args:
        series: The judged samples of every series, each oldest first.

        policy: No capacity above its ``cache_size`` is advised.
    """
    return tuple(
        _insight(use, wanted)
        for use in cache_uses(series, policy)
        if (wanted := enlargement(use, policy.cache_size)) is not None
    )


def enlargement(use: CacheUse, bound: int | None = None) -> Enlargement | None:
    """
    The smallest capacity that gains MOST of what the largest would; None where none is worth it, or too little is known.

    Args:
        use: What is recorded of the cache.

        bound: Largest capacity that may be advised; None for 8 times the present one.
    """
    if use.capacity is None or use.total < MIN_LOOKUPS:
        return None
    gains = {
        factor: ratio - use.hit_ratio
        for factor, ratio in use.predictions.items()
        if bound is None or factor * use.capacity <= bound
    }
    enough = MOST * max(gains.values(), default=0.0)
    factor = next((factor for factor, gain in gains.items() if gain >= max(enough, MIN_GAIN)), None)
    if factor is None:
        return None
    gain = gains[factor]
    error = math.hypot(math.sqrt(gain * (1 - gain) / use.total), ESTIMATE_ERROR)
    return Enlargement(factor, factor * use.capacity, gain, error, _confidence(use, factor, gain, error))


def _confidence(use: CacheUse, factor: int, gain: float, error: float) -> float:
    """
    The probability that the next interval would gain at least half of *gain*.

    It is the product of two: that the gain so far is real, from the error of the share of lookups that were saved;
    and that the next interval is like those so far, by the rule of succession, (agreeing + 1) / (intervals + 2). One
    interval alone, however long, is 67% sure: nothing says whether the next will be like it.

    Source: Laplace's rule, https://en.wikipedia.org/wiki/Rule_of_succession.
    """
    real = NormalDist().cdf(gain / 2 / error)
    agreeing, intervals = 1, 1
    if use.predicted is not None and bool((use.lookups >= _MIN_VOTE).any()):
        own = use.predicted[:, list(use.predictions).index(factor)] - use.hits
        votes = own[use.lookups >= _MIN_VOTE] >= gain / 2
        agreeing, intervals = int(np.count_nonzero(votes)), len(votes)
    return min(real * (agreeing + 1) / (intervals + 2), _MAX_CONFIDENCE)


def _insight(use: CacheUse, wanted: Enlargement) -> LearningInsight:
    before, after = use.hit_ratio, use.hit_ratio + wanted.gain
    reach = _NORMAL_95 * wanted.error
    intervals = len(use.hits)
    return LearningInsight(
        category="cache",
        description=(
            f"{_VERBS[wanted.factor]} `{use.name}` from {use.capacity} to {wanted.capacity} "
            f"would lift its hit rate from {_percent(before)} to {_percent(after)}"
        ),
        confidence=wanted.confidence,
        suggested_action=(
            f"Give `{use.name}` max_size={wanted.capacity}; where several caches have this name, "
            f"{wanted.factor} times its own max_size to each."
        ),
        kind=Kind.CAPACITY,
        # Nothing changed. What got better is not suggested: this is to be.
        direction=Direction.CHANGED,
        severity=Severity.INFO,
        evidence=Evidence(
            metric=CACHE_HIT_RATIO,
            identity=dict(use.identity),
            unit="1",
            before=before,
            after=after,
            effect=wanted.gain,
            interval=(max(wanted.gain - reach, 0.0), min(wanted.gain + reach, 1.0 - before)),
            since=Since(time=float(use.times[0]) / 1e9, index=use.start, index_range=(use.start, use.start)),
            samples_before=intervals,
            samples_after=intervals,
        ),
        # The same as long as the cache has this capacity: the newest intervals begin somewhere else each time.
        id=hashlib.sha256(
            json.dumps([Kind.CAPACITY, use.identity, use.capacity], default=str).encode()
        ).hexdigest()[:12],
    )  # fmt: skip


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.0f}%"
