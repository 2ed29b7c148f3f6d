"""
Probabilities moved by evidence: what Bayes' rule does to a confidence.
"""

from __future__ import annotations

import math
from typing import Final

DEFAULT_PRIOR: Final = 0.3
"""Share of series that change at all in the world that the shipped confidences are calibrated for."""

MAX_CONFIDENCE: Final = 0.99
"""No change is surer than this: one in a hundred is left to what nobody thought of."""

MAX_SHIFT: Final = 3.0
"""
Log-odds that the share of a run moves a confidence by at most: no detector is ever surer than 0.99, however clear the
change, and what is that sure is still told with 0.83 among any number of quiet series.
"""

_SHARE_COUNTS: Final = 0.5
"""
How much of its own log-odds the share of a run moves: part of a confidence's doubt is about the place, and part is
settled by what is seen, whatever the world. In simulated worlds of which 7% and 50% change (``benchmarks/_worlds.py``,
seed 5, 442 and 674 reports) the calibration error is 0.117 and 0.023 where all of it moves, 0.080 and 0.026 where
nothing does, and 0.020 and 0.014 at one half.
"""

_CERTAIN: Final = 1e-9
"""Distance from 0 and 1 that a probability keeps, so that its odds stay finite."""


def log_odds(probability: float) -> float:
    """
    Natural logarithm of ``p / (1 - p)``, within about 20 of 0.
    """
    kept = min(max(probability, _CERTAIN), 1 - _CERTAIN)
    return math.log(kept / (1 - kept))


def probability(odds: float) -> float:
    """
    The probability whose ``log_odds`` is *odds*.
    """
    return 1 / (1 + math.exp(-min(max(odds, -700.0), 700.0)))


def shifted(confidence: float, by: float) -> float:
    """
    *confidence* after evidence that multiplies its odds by ``exp(by)``; 0 and 1 stay what they are.
    """
    if not by or confidence in {0.0, 1.0}:
        return confidence
    return probability(log_odds(confidence) + by)


def prior_shift(prior: float) -> float:
    """
    By how much log-odds move in a world in which the share *prior* of series changes; 0 at DEFAULT_PRIOR.

    Half of the difference of the shares' log-odds, at most MAX_SHIFT either way; the same for every kind of change.
    """
    return min(max(_SHARE_COUNTS * (log_odds(prior) - log_odds(DEFAULT_PRIOR)), -MAX_SHIFT), MAX_SHIFT)
