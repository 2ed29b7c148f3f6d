"""
Falling hit ratios.
"""

from __future__ import annotations

import pytest
from known_series import noisy, outline, steps

from autonomous_dev.conventions import CACHE_HIT_RATIO
from autonomous_dev.learning.detectors import Kind, change_points, falling_hit_ratios, is_hit_ratio
from autonomous_dev.policy import Policy

FALLEN = steps((14, 0.95), (16, 0.31))


@pytest.mark.parametrize("name", [CACHE_HIT_RATIO, "api.hit_rate", "l2_Hit_Ratio"])
def test_a_hit_ratio_that_fell(name):
    """
    A fall is found at its place in whatever is called a hit ratio, with or without noise.
    """
    for values in (FALLEN, noisy(FALLEN, 0.03, 1)):
        (found,) = falling_hit_ratios(outline(values, name), Policy())
        assert found.kind is Kind.HIT_RATIO
        assert found.start == 14
        assert found.confidence >= 0.8


def test_what_rises_or_is_something_else():
    """
    A hit ratio that rose is nobody's trouble, and other metrics are other detectors'.
    """
    assert falling_hit_ratios(outline(FALLEN[::-1], CACHE_HIT_RATIO), Policy()) == ()
    assert falling_hit_ratios(outline(FALLEN, "coverage"), Policy()) == ()
    assert not is_hit_ratio("hit_ratio_limit")


def test_an_unconfirmed_fall_stays_unconfirmed():
    """
    What only the newest samples show is given as the change points give it, and nothing is made a hit ratio's of it.
    """
    shown = outline(noisy(FALLEN, 0.03, 1)[:16], CACHE_HIT_RATIO)
    known = [f for f in change_points(shown, Policy()) if f.kind is Kind.UNCONFIRMED and f.effect < 0]
    found = [f for f in falling_hit_ratios(shown, Policy()) if f.kind is not Kind.HIT_RATIO]
    assert known
    assert found == known
    assert all(f.settles_in > 0 for f in found)
