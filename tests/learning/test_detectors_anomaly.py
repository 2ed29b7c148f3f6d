"""
Anomalies of the newest sample.
"""

from __future__ import annotations

import numpy as np
import pytest
from known_series import noisy, outline, steps

from autonomous_dev.learning.detectors import Kind, anomalies
from autonomous_dev.policy import Policy

POLICY = Policy()


def test_an_odd_newest_sample():
    """
    A newest sample far from all others is an anomaly of modest confidence.
    """
    values = np.append(noisy(steps((30, 10.0)), 0.02, 1), 13.0)
    (found,) = anomalies(outline(values), POLICY)
    assert found.kind is Kind.ANOMALY
    assert (found.start, found.samples_after) == (30, 1)
    assert 0.5 <= found.confidence < 0.8
    assert (found.before, found.after) == pytest.approx((10.0, 13.0), rel=0.02)


def test_an_extreme_newest_sample():
    """
    Only what lies absurdly far out is surer, and never sure.
    """
    values = np.append(noisy(steps((30, 10.0)), 0.02, 1), 100.0)
    (found,) = anomalies(outline(values), POLICY)
    assert 0.8 <= found.confidence < 0.9


@pytest.mark.parametrize("place", [5, 15, 28])
def test_an_odd_sample_in_the_middle_is_history(place):
    """
    Only the newest sample is asked.
    """
    values = noisy(steps((30, 10.0)), 0.02, 1)
    values[place] = 30.0
    assert anomalies(outline(values), POLICY) == ()


def test_the_newest_of_a_ramp_is_not_odd():
    """
    The highest sample of a creeping series is where the creep took it.
    """
    assert anomalies(outline(np.arange(10.0, 30.0)), POLICY) == ()


def test_as_far_as_earlier_spikes_is_not_odd():
    """
    A series that spikes now and then may end in a spike.
    """
    values = np.append(noisy(steps((30, 10.0)), 0.02, 1), 14.0)
    values[[7, 19]] = 15.0
    assert all(f.confidence < 0.5 for f in anomalies(outline(values), POLICY))


def test_it_is_compared_with_the_level_since_the_last_change():
    """
    A newest sample at the old level is odd for the new one.
    """
    values = np.append(noisy(steps((20, 10.0), (20, 20.0)), 0.02, 1), 10.0)
    (found,) = anomalies(outline(values), POLICY)
    assert found.confidence >= 0.5
    assert found.before == pytest.approx(20.0, rel=0.02)


def test_a_constant_that_moves_once():
    """
    The confidence in a first movement ever grows with how long there was none.
    """
    short, long = (anomalies(outline(steps((n, 0.0), (1, 3.0))), POLICY)[0].confidence for n in (6, 20))
    assert short < 0.5 <= long < 0.8
