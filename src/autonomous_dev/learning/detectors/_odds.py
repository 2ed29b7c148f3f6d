"""
Probabilities moved by evidence: what Bayes' rule does to a confidence.
"""

from __future__ import annotations

import math
from typing import Final

DEFAULT_PRIOR: Final = 0.3
"""Share of series that change at all in the world that the shipped confidences are calibrated for."""

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
