"""
A confidence is a probability: of those that say 0.8, eight in ten are right.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from autonomous_dev.learning import detect_change_points, estimate_prior
from autonomous_dev.learning.detectors._odds import DEFAULT_PRIOR

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from _worlds import Simulated, world


def near(one: Simulated, index: int) -> bool:
    """
    Whether a change of *one* lies near *index*: what calibration calls right.
    """
    reach = min(5, max(2, len(one.values) // 10))
    return any(abs(index - change) <= reach for change in one.changes)


@pytest.fixture(scope="module")
def usual() -> list[tuple[float, bool]]:
    """
    What is said, and whether it is right, of 1,500 series of which DEFAULT_PRIOR change.
    """
    said = []
    for one in world(1500, np.random.default_rng(2024), changing=DEFAULT_PRIOR):
        said += [(c.confidence, near(one, c.index)) for c in detect_change_points(one.values) if c.confirmed]
    return said


@pytest.mark.parametrize(("low", "high"), [(0.4, 0.7), (0.7, 0.9), (0.9, 1.0)])
def test_what_is_said_is_so(usual, low, high):
    """
    In each range as many are right as was said, within three binomial sd and what calibration itself leaves, 0.05.
    """
    inside = [(confidence, right) for confidence, right in usual if low <= confidence < high]
    assert len(inside) >= 30
    said = sum(confidence for confidence, _ in inside) / len(inside)
    seen = sum(right for _, right in inside) / len(inside)
    spread = math.sqrt(said * (1 - said) / len(inside))
    assert abs(said - seen) <= 3 * spread + 0.05


def test_sure_ones_are_right(usual):
    """
    Of those that say 0.8 or more at least 96 in 100 are right, within three binomial sd.
    """
    sure = [right for confidence, right in usual if confidence >= 0.8]
    assert sum(sure) / len(sure) >= 0.96 - 3 * math.sqrt(0.96 * 0.04 / len(sure))


def test_where_few_change_the_prior_is_estimated():
    """
    Of 600 series of which 7% change, the estimated share moves what is said towards what is so.
    """
    found = [
        (one, [c for c in detect_change_points(one.values) if c.confirmed])
        for one in world(600, np.random.default_rng(7), changing=0.07)
    ]
    share = estimate_prior([max((c.confidence for c in reports), default=0.0) for _, reports in found])
    assert 0.03 < share < 0.13

    def gap(prior: float) -> float:
        told = [(c, one) for one, _ in found for c in detect_change_points(one.values, prior=prior) if c.confirmed]
        return abs(sum(c.confidence for c, _ in told) - sum(near(one, c.index) for c, one in told)) / len(told)

    assert gap(share) < gap(DEFAULT_PRIOR)
