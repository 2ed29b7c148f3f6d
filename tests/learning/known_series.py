"""
Series whose truth is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomous_dev.learning.detectors import Outline
from autonomous_dev.series import AttributeValue, Series, SeriesKey, attributes_of, make_series

SECOND = 1_000_000_000


def series(
    values: ArrayLike,
    name: str = "test_duration",
    unit: str = "",
    identity: Mapping[str, AttributeValue] | None = None,
    contexts: Sequence[Mapping[str, AttributeValue]] | None = None,
) -> Series:
    """
    *values*, one a second from second 1 on.
    """
    column = np.asarray(values, dtype=np.float64)
    times = (1 + np.arange(len(column))) * SECOND
    known = [attributes_of(context) for context in contexts] if contexts is not None else None
    return make_series(SeriesKey(name, unit, attributes_of(identity)), times, column, known)


def noisy(levels: ArrayLike, noise: float, seed: int) -> NDArray[np.float64]:
    """
    *levels*, each multiplied by 1 plus Gaussian noise.
    """
    column = np.asarray(levels, dtype=np.float64)
    return column * (1 + noise * np.random.default_rng(seed).normal(size=len(column)))


def steps(*parts: tuple[int, float]) -> NDArray[np.float64]:
    """
    Levels, each for so many samples.
    """
    return np.concatenate([np.full(count, level) for count, level in parts])


NULL_KINDS = ("gaussian", "lognormal", "t3", "bimodal", "counts", "percentages", "autoregressive")


def null_series(kind: str, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """
    *size* samples of a process that does not change.
    """
    draws = rng.normal(size=size)
    if kind == "lognormal":
        draws = np.exp(0.7 * draws)
    elif kind == "t3":
        draws = rng.standard_t(3, size=size)
    elif kind == "bimodal":
        draws = 0.3 * draws + np.where(rng.random(size) < rng.uniform(0.1, 0.5), rng.uniform(1.5, 5), 0.0)
    elif kind == "counts":
        return rng.poisson(np.exp(rng.uniform(np.log(0.05), np.log(100))), size=size).astype(np.float64)
    elif kind == "percentages":
        return np.minimum(100.0, np.round(100 - np.abs(draws) * rng.uniform(0.2, 8), 1))
    elif kind == "autoregressive":
        draws = np.concatenate((rng.normal(size=50), draws))
        for i in range(1, len(draws)):
            draws[i] += 0.5 * draws[i - 1]
        draws = draws[50:]
    return 100 * (1 + draws * np.exp(rng.uniform(np.log(0.002), np.log(0.1))))


def outline(values: ArrayLike, name: str = "test_duration", unit: str = "") -> Outline:
    """
    The outline of *values*, one a second from second 1 on.
    """
    return Outline(series(values, name, unit))
