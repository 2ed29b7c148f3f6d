"""
Simulated series that creep, become noisier, or grow a tail; and those that do nothing of the kind.

The mixtures that the confidences of these detectors were fitted on are stated here once; `calibrate_shapes.py` fits
and measures with different seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

KINDS: Final = (
    "gaussian",
    "lognormal",
    "t3",
    "bimodal",
    "ar25",
    "ar50",
    "counts",
    "percentages",
    "jumps",
    "weekly",
    "outliers",
)
"""
Gaussian; log-normal (sigma 0.7); Student's t with 3 degrees of freedom; two modes 1.5 to 5 sd apart; autoregressive
with 0.25 and 0.5; Poisson counts with means of 0.05 to 100; percentages capped at 100, one decimal; constant but for
single jumps (2% of the samples); a weekly season of 0.5 to 3 sd, sampled daily; Gaussian with 4% outliers of 4 to 40 sd.
"""

HARD_KINDS: Final = ("ar90", "walk")
"""Autoregressive with 0.9, and a random walk: they wander without a cause that anybody would call a trend."""

LENGTHS: Final = (8, 12, 20, 30, 50, 100, 200, 300)


@dataclass(frozen=True, slots=True)
class Shape:
    """
    One simulated series.

    Attributes:
        values: Shape (n,).

        kind: Of the noise.

        truth: ``null``, ``step``, ``trend``, ``spread`` or ``tail``.

        strength: The z that an ideal test of a trend has; the factor of a spread; 0 for the rest.

        place: First sample of the new state; 0 for a trend.
    """

    values: NDArray[np.float64]
    kind: str
    truth: str
    strength: float = 0.0
    place: int = 0


def noise(kind: str, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """
    Noise of *kind*, shape (n,), of sd 1 but for outliers and walks.
    """
    draws = rng.normal(size=n)
    if kind == "lognormal":
        return np.asarray((np.exp(0.7 * draws) - math.exp(0.245)) / math.sqrt((math.exp(0.49) - 1) * math.exp(0.49)))
    if kind == "t3":
        return rng.standard_t(3, size=n) / math.sqrt(3)
    if kind == "bimodal":
        share, apart = rng.uniform(0.1, 0.5), rng.uniform(1.5, 5)
        return np.asarray(
            (draws + apart * ((rng.random(n) < share) - share)) / math.sqrt(1 + apart**2 * share * (1 - share))
        )
    if kind in {"ar25", "ar50", "ar90"}:
        correlation = {"ar25": 0.25, "ar50": 0.5, "ar90": 0.9}[kind]
        draws[1:] *= math.sqrt(1 - correlation**2)
        for i in range(1, n):
            draws[i] += correlation * draws[i - 1]
    elif kind == "walk":
        draws = np.cumsum(draws)
    elif kind == "weekly":
        season = rng.normal(size=7) * rng.uniform(0.5, 3)
        draws = (draws + season[(np.arange(n) + rng.integers(7)) % 7]) / math.sqrt(1 + float(np.var(season)))
    elif kind == "outliers":
        size = np.exp(rng.uniform(math.log(4), math.log(40), size=n)) * np.where(rng.random(n) < 0.85, 1, -1)
        draws = np.where(rng.random(n) < 0.04, size, draws)
    elif kind == "jumps":
        draws = np.where(rng.random(n) < 0.02, np.round(draws * 10), 0.0)
    return draws


def shaped(
    kind: str, shift: NDArray[np.float64], rng: np.random.Generator, *, spread: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """
    Noise of *kind* whose level is moved by *shift* sd and whose noise is multiplied by *spread*, both of shape (n,).

    The level is 100, its noise 0.3 to 10% of it; counts and percentages have their own.
    """
    n = len(shift)
    wide = np.ones(n) if spread is None else spread
    if kind == "counts":
        mean = math.exp(rng.uniform(math.log(0.05), math.log(100)))
        # What makes counts noisier is a rate that varies: gamma mixing multiplies their variance and keeps their mean.
        shape = mean / np.maximum(wide**2 - 1, 1e-9)
        varied = np.where(wide > 1, rng.gamma(shape) / shape, 1.0)
        return rng.poisson(np.maximum(mean + shift * math.sqrt(mean), 0.0) * varied).astype(np.float64)
    if kind == "percentages":
        size = math.exp(rng.uniform(math.log(0.1), math.log(4.0)))
        raw = 100 - rng.uniform(0, 3) * size + size * (wide * rng.normal(size=n) - np.abs(shift))
        return np.asarray(np.clip(np.round(raw, 1), 0.0, 100.0))
    drawn = noise(kind, n, rng)
    if kind == "jumps":
        return np.asarray(np.round(100 + (shift + wide * drawn) * rng.integers(1, 50)))
    relative = math.exp(rng.uniform(math.log(0.003), math.log(0.1)))
    return np.asarray(100 * (1 + relative * (shift + wide * drawn)))


def null(kind: str, n: int, rng: np.random.Generator) -> Shape:
    """
    A series of *kind* that does nothing.
    """
    return Shape(shaped(kind, np.zeros(n), rng), kind, "null")


def creeping(kind: str, n: int, rng: np.random.Generator, z: float) -> Shape:
    """
    A series that rises or falls evenly, by so much that a test which knows its noise sees it with *z*.
    """
    correlation = {"ar25": 0.25, "ar50": 0.5}.get(kind, 0.0)
    rise = z * math.sqrt(12 * (n - 1) / (n * (n + 1)) * (1 + correlation) / (1 - correlation))
    shift = rise * np.linspace(0.0, 1.0, n) * (1.0 if kind == "counts" else float(rng.choice((-1.0, 1.0))))
    return Shape(shaped(kind, shift, rng), kind, "trend", z)


def stepping(kind: str, n: int, rng: np.random.Generator, z: float) -> Shape:
    """
    A series with one step at a random place, which a test that knows its noise sees with *z*; in one of two series
    everything is multiplied from there on, the noise with the level.
    """
    place = int(rng.integers(3, n - 2))
    later = np.arange(n) >= place
    if kind in {"counts", "percentages", "jumps"} or rng.random() < 0.5:
        shift = np.where(later, z * math.sqrt(n / (place * (n - place))), 0.0)
        return Shape(shaped(kind, shift, rng), kind, "step", z, place)
    factor = math.exp(rng.choice((-1.0, 1.0)) * rng.uniform(0.05, 1.5))
    return Shape(shaped(kind, np.zeros(n), rng) * np.where(later, factor, 1.0), kind, "step", z, place)


def spreading(kind: str, n: int, rng: np.random.Generator, factor: float, place: int) -> Shape:
    """
    A series whose noise is *factor* times as large from *place* on; the level stays.
    """
    wide = np.where(np.arange(n) < place, 1.0, factor)
    if kind == "counts" and factor < 1:
        wide = np.where(np.arange(n) < place, 1 / factor, 1.0)
    return Shape(shaped(kind, np.zeros(n), rng, spread=wide), kind, "spread", factor, place)


def tailing(kind: str, n: int, rng: np.random.Generator, share: float, reach: float, place: int) -> Shape:
    """
    A series of which a *share* of the samples lies *reach* sd higher, or half as much, from *place* on, or, in one of
    two series, until then; its median hardly moves.
    """
    later = np.arange(n) >= place
    rises = rng.random() < 0.5
    slow = (later == rises) & (rng.random(n) < share)
    shift = np.where(slow, rng.uniform(reach / 2, reach, size=n), 0.0)
    return Shape(shaped(kind, shift, rng), kind, "tail", share if rises else -share, place)
