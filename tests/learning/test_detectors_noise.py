"""
Noise gives nothing; the noise itself is measured right.
"""

from __future__ import annotations

import numpy as np
import pytest
from known_series import NULL_KINDS, null_series, outline, steps

from autonomous_dev.learning.detectors import anomalies, change_points, trends
from autonomous_dev.learning.detectors._noise import estimate_noise
from autonomous_dev.policy import Policy

SIZES = (5, 8, 12, 20, 30, 60, 150, 300)


@pytest.mark.parametrize("kind", NULL_KINDS)
def test_noise_gives_nothing(kind):
    """
    Of 250 seeded series in which nothing changes at most 3% (6% with autocorrelation) have a finding, 1% a sure one.

    The bounds are three standard deviations of the share above these.
    """
    rng = np.random.default_rng([20, NULL_KINDS.index(kind)])
    found = sure = 0
    for _ in range(250):
        one = outline(null_series(kind, int(rng.choice(SIZES)), rng))
        confidences = [f.confidence for look in (change_points, trends, anomalies) for f in look(one, Policy())]
        found += max(confidences, default=0.0) >= 0.5
        sure += max(confidences, default=0.0) >= 0.8
    share = 0.06 if kind == "autoregressive" else 0.03
    assert found / 250 <= share + 3 * np.sqrt(share * (1 - share) / 250)
    assert sure / 250 <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 250)


@pytest.mark.parametrize("size", [5, 6, 10, 100])
def test_constants_give_nothing(size):
    """
    Equal samples have nothing to tell.
    """
    for value in (0.0, 5.0, -1e300):
        one = outline(np.full(size, value))
        assert not [f for look in (change_points, trends, anomalies) for f in look(one, Policy())]


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_scale_and_correlation(correlation):
    """
    Steps and spikes leave the estimated noise within 15% of the truth, and its correlation within 0.1.
    """
    rng = np.random.default_rng(8)
    noise = rng.normal(size=4000)
    for i in range(1, len(noise)):
        noise[i] = correlation * noise[i - 1] + np.sqrt(1 - correlation**2) * noise[i]
    values = noise + steps((1000, 0.0), (1500, 8.0), (1500, -3.0))
    values[::100] += 30.0
    estimate = estimate_noise(values / 100, trim=0.05)
    assert 100 * estimate.scale == pytest.approx(1.0, rel=0.15)
    assert estimate.correlation == pytest.approx(correlation, abs=0.1)
