"""
The share of series that change: what no single series can tell, and a run over many can.

The detectors of changes were calibrated in worlds of their own: change points where three in ten series change, trends
where one in four creeps, scatter where it changes in one of ten, tails where they move in one of thirteen. A run of
which *s* is the share is taken for one in which all of these are rarer, or more frequent, by one factor, so each
confidence moves by the same log-odds, from wherever its own world put it: ``detectors/_odds.py``, ``prior_shift``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from autonomous_dev.learning.detectors._odds import DEFAULT_PRIOR

MANY: Final = 20
"""Series from which on their share is estimated; fewer say too little."""

WEIGHT: Final = 5.0
"""How many series the belief in DEFAULT_PRIOR is worth: Beta(1.5, 3.5)."""

MISSED: Final = 0.06
"""
Probability, at DEFAULT_PRIOR, that a series in which nothing was found changed all the same.

Of 3,000 simulated series (``benchmarks/_worlds.py``, seed 777) 2,149 showed nothing, and 5.9% of those had changed.
"""

_ROUNDS: Final = 200
_CLOSE: Final = 1e-6


def estimate_prior(confidences: Sequence[float]) -> float:
    """
    The share of series that change, from how sure it is of each that it did.

    Expectation-maximisation: each confidence is moved to the share assumed so far, and their mean, with WEIGHT
    series of DEFAULT_PRIOR beside them, is the next share. A confidence below MISSED counts as MISSED.

    Args:
        confidences: For each series the largest confidence, at DEFAULT_PRIOR, that its level shifted; 0 for none.

    Returns:
        A share in (0, 1); DEFAULT_PRIOR where there are fewer than MANY series.

    Source:
        Saerens, Latinne & Decaestecker (2002), Neural Computation 14(1), with a Beta prior.
    """
    if len(confidences) < MANY:
        return DEFAULT_PRIOR
    # Odds of each series' evidence alone, the prior's taken out of them.
    known = np.clip(np.asarray(confidences, dtype=np.float64), MISSED, 1 - 1e-9)
    evidence = known / (1 - known) * (1 - DEFAULT_PRIOR) / DEFAULT_PRIOR
    prior = DEFAULT_PRIOR
    for _ in range(_ROUNDS):
        weighed = evidence * prior
        changed = weighed / (weighed + 1 - prior)
        before, prior = prior, (float(changed.sum()) + WEIGHT * DEFAULT_PRIOR) / (len(known) + WEIGHT)
        if abs(prior - before) < _CLOSE:
            break
    return prior
