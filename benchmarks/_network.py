"""
Fits the small networks that calibration ships: weighted logistic loss, Adam, nothing but numpy.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._confidence import Network

_BATCH = 512
_RATE = 5e-3
_DECAY = 1e-4
_RARE = 0.001
"""Share of rows at either end whose features are beyond what the network is said to know."""


def fit_several(
    features: NDArray[np.float64],
    right: NDArray[np.float64],
    weights: NDArray[np.float64],
    hidden: int,
    *,
    several: int,
) -> Network:
    """
    The mean of *several* networks from different first weights, which is a network again: as ``fit``.
    """
    fitted = [fit(features, right, weights, hidden, seed=seed) for seed in range(several)]
    return fitted[0]._replace(
        weights=np.concatenate([each.weights for each in fitted], axis=1),
        offsets=np.concatenate([each.offsets for each in fitted]),
        sums=np.concatenate([each.sums for each in fitted]) / several,
        base=sum(each.base for each in fitted) / several,
    )


def fit(
    features: NDArray[np.float64],
    right: NDArray[np.float64],
    weights: NDArray[np.float64],
    hidden: int,
    *,
    seed: int,
    epochs: int = 60,
) -> Network:
    """
    The network that says best which rows are *right*.

    Args:
        features: Shape (n, k).

        right: Shape (n,), 0 or 1.

        weights: Shape (n,), positive.

        hidden: Number of hyperbolic tangents.

        seed: Of the first weights and of the order.

        epochs: Passes over all rows.

    Source:
        Adam: Kingma & Ba (2015), arXiv:1412.6980.
    """
    rng = np.random.default_rng(seed)
    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    scaled, weights = (features - centre) / spread, weights / weights.mean()
    n, k = scaled.shape
    parameters = [
        rng.normal(size=(k, hidden)) / math.sqrt(k),
        np.zeros(hidden),
        rng.normal(size=hidden) / math.sqrt(hidden),
        np.zeros(1),
    ]
    first, second = ([np.zeros_like(p) for p in parameters] for _ in range(2))
    step = 0
    for epoch in range(epochs):
        rate = _RATE * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
        order = rng.permutation(n)
        for start in range(0, n, _BATCH):
            chosen = order[start : start + _BATCH]
            rows = scaled[chosen]
            layer = np.tanh(rows @ parameters[0] + parameters[1])
            said = 1 / (1 + np.exp(-np.clip(layer @ parameters[2] + parameters[3], -30, 30)))
            error = (said - right[chosen]) * weights[chosen] / len(chosen)
            back = np.outer(error, parameters[2]) * (1 - layer**2)
            slopes = [
                rows.T @ back + _DECAY * parameters[0],
                back.sum(axis=0),
                layer.T @ error + _DECAY * parameters[2],
                np.array([error.sum()]),
            ]
            step += 1
            for i, slope in enumerate(slopes):
                first[i] = 0.9 * first[i] + 0.1 * slope
                second[i] = 0.999 * second[i] + 0.001 * slope**2
                unbiased = first[i] / (1 - 0.9**step), second[i] / (1 - 0.999**step)
                parameters[i] = parameters[i] - rate * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)
    low, high = np.quantile(features, (_RARE, 1 - _RARE), axis=0)
    return Network(low, high, centre, spread, parameters[0], parameters[1], parameters[2], float(parameters[3][0]))


def log_loss(odds: NDArray[np.float64], right: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """
    Weighted mean of -log of the probability given to what was so.
    """
    return float(np.average(np.logaddexp(0.0, np.where(right > 0.5, -odds, odds)), weights=weights))
