"""
The level that a series usually has, learned from its newest stable stretch, and how far from it is unusual.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors import Kind, Outline, change_points
from autonomous_dev.policy import Polarity, Policy
from autonomous_dev.series import Series

MIN_SAMPLES: Final = 5
"""Samples that a level rests on at least."""

NEWEST: Final = 30
"""Samples that a level rests on at most, and after which a level that is worse than the one before is the usual one."""

_LOOKED_AT: Final = 200
"""Samples in which the newest stable stretch is looked for."""

_SURE: Final = 0.5
"""Confidence from which on a change of level ends a stretch."""

_SPREADS: Final = 4.0
_SHORTNESS: Final = 5.0
"""
Of n samples of Gaussian noise, two further ones are both beyond ``4 (1 + 5/n)`` spreads on one side in 0.42% of
200,000 trials for n = 5, in 0.024% for 10 and in 0.004% for 20; without the second factor in 1.4%, 0.13%, 0.010%.
"""

_MAD_TO_SIGMA: Final = 1.4826
"""Source: Rousseeuw & Croux (1993), JASA 88(424): a Gaussian's standard deviation over its median deviation."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """
    The usual level of a series.

    Attributes:
        level: Median, in the series' unit.

        spread: Robust standard deviation of single samples, in the series' unit.

        samples: How many samples it rests on.
    """

    level: float
    spread: float
    samples: int

    def margin(self, min_change: float) -> float:
        """
        Distance from the level, in the series' unit, beyond which a sample is unusual.

        Args:
            min_change: Smallest share of the level that is worth speaking of.
        """
        noise = _SPREADS * (1 + _SHORTNESS / self.samples) * self.spread
        return max(noise, min_change * abs(self.level))


def learn_baseline(samples: Series, policy: Policy, better: Polarity | None) -> Baseline | None:
    """
    The usual level of *samples*: that since their last change; None where fewer than five tell.

    A change that fewer than five samples show is not yet the usual level, nor is one that is unconfirmed, whichever
    way it goes, nor one for the worse that fewer than thirty show: what the insights call worse, the alerts call so
    too, until it is mended or has become usual.

    Args:
        samples: Finite samples, oldest first, as ``judged_samples`` gives them.

        policy: Handed on to the detector of changes.

        better: Which way the metric is better; None where nothing says.
    """
    if len(samples) < MIN_SAMPLES:
        return None
    newest = samples.select(np.arange(len(samples)) >= len(samples) - _LOOKED_AT)
    found = change_points(Outline(newest), policy)
    # What is unconfirmed belongs to no level yet: neither to the one before it nor to one of its own.
    settled = min((f.start for f in found if f.kind is Kind.UNCONFIRMED), default=len(newest))
    shifts = (f.start for f in found if f.confidence >= _SURE and f.kind is not Kind.UNCONFIRMED and f.start < settled)
    stretches = [newest.values[first:end] for first, end in pairwise([0, *shifts, settled])]
    told = [stretch for stretch in stretches if len(stretch) >= MIN_SAMPLES] or [newest.values]
    while len(told) > 1 and len(told[-1]) < NEWEST and _worse(told[-1], told[-2], better):
        told.pop()
    stable = told[-1][-NEWEST:]
    # Halves, so that the largest floats do not overflow on the way.
    level = 2 * float(np.median(stable / 2))
    spread = 4 * _MAD_TO_SIGMA * float(np.median(np.abs(stable / 4 - level / 4)))
    return Baseline(level, spread, len(stable)) if math.isfinite(spread) else None


def _worse(now: NDArray[np.float64], before: NDArray[np.float64], better: Polarity | None) -> bool:
    rose = float(np.median(now)) > float(np.median(before))
    return better is not None and rose == (better is Polarity.LOWER)
