"""
How often chance alone would make so many things coincide.
"""

from __future__ import annotations

import math
from typing import Final

LEVEL: Final = 0.01
"""Chance, over all places of a history, below which a coincidence is none."""

_ENOUGH: Final = 1e-12
"""A term of a sum, as a share of it, that no longer counts."""


def at_least(count: int, trials: int, chance: float) -> float:
    """
    The probability that *count* or more of *trials* happen, each with *chance*, independently.

    Where chances differ, their mean gives an upper bound for counts above the expected one.

    Args:
        count: From 0 on.

        trials: From 0 on.

        chance: In [0, 1].

    Source:
        Hoeffding (1956), On the distribution of the number of successes in independent trials, theorem 5.
    """
    if count <= 0:
        return 1.0
    if count > trials or chance <= 0.0:
        return 0.0
    if chance >= 1.0:
        return 1.0
    if count <= trials * chance:
        # Only rare things are asked about; the complement is not worth a second sum.
        return 1.0
    odds = math.log(chance) - math.log1p(-chance)
    term = exactly(count, trials, chance)
    total = 0.0
    for i in range(count, trials + 1):
        total += term
        if term <= _ENOUGH * total:
            break
        term *= (trials - i) / (i + 1) * math.exp(odds)
    return min(1.0, total)


def exactly(count: int, trials: int, chance: float) -> float:
    """
    The probability that *count* of *trials* happen, each with *chance* in (0, 1), independently.
    """
    ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    return math.exp(ways + count * math.log(chance) + (trials - count) * math.log1p(-chance))


def exactly_with_spread(count: int, trials: int, against: float) -> float:
    """
    The probability that *count* of *trials* happen, whose common chance has the density ``b (1 - x)^(b - 1)``.

    Args:
        count: From 0 to *trials*.

        trials: From 1 on.

        against: b; 1 for a chance that may be anything, 20 for one of a twentieth on average.
    """
    ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    beta = math.lgamma(count + 1) + math.lgamma(trials - count + against) - math.lgamma(trials + 1 + against)
    return math.exp(ways + beta + math.log(against))
