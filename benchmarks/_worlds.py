"""
Simulated series whose truth is known: noise of many kinds, with and without changes of level.

The mixture is stated here once; calibration and benchmark draw from it with different seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NULL_KINDS: Final = (
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
    "missing",
    "rounded",
    "uneven",
    "bursts",
)
"""
Gaussian; log-normal (sigma 0.7); Student's t with 3 degrees of freedom; two modes 1.5 to 5 of their own sd apart;
autoregressive with 0.25 and 0.5; Poisson counts with means of 0.05 to 100; percentages capped at 100, one decimal;
constant but for single jumps (2% of samples); a weekly season of half to three noise sd, sampled daily; Gaussian with
4% outliers of 4 to 40 sd, most to the right and half of them in runs of two; Gaussian with 15% missing; Gaussian
rounded to one to four steps a sd; Gaussian whose sd changes by up to 4 times halfway;
Gaussian with bursts of two to four samples that are 3 to 20 sd off and gone again.
"""

LENGTHS: Final = (12, 20, 30, 50, 100, 200, 300)

_OUTER: Final = 3
_INNER: Final = 5


@dataclass(frozen=True, slots=True)
class Simulated:
    """
    One simulated series.

    Attributes:
        values: Shape (n,); NaN where a sample is missing.

        changes: First index of each new level.

        strengths: For each change the z an ideal test would see, that knows noise and both segments.

        kind: Of the noise.
    """

    values: NDArray[np.float64]
    changes: tuple[int, ...]
    strengths: tuple[float, ...]
    kind: str


def null_series(kind: str, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """
    *n* samples of a process of this *kind* that does not change.
    """
    return _Process(kind, n, rng).values(np.zeros(n))


def changed_series(
    kind: str,
    n: int,
    rng: np.random.Generator,
    *,
    strength: tuple[float, float] = (3.0, 25.0),
    changes: int | None = None,
) -> Simulated:
    """
    *n* samples with *changes* steps at random places, each of an ideal z drawn log-uniformly from *strength*.

    The first and the last level last for three samples or more, those between for five: what is gone earlier
    is a burst. No step is higher than 30 sd.

    Args:
        kind: Of the noise, one of NULL_KINDS.

        n: Length.

        rng: The only source of chance.

        strength: Smallest and largest ideal z against the neighbouring segments.

        changes: How many; None draws 1 to 4, fewer in short series.
    """
    count = changes if changes is not None else int(rng.integers(1, 1 + max(1, min(4, n // 25))))
    process = _Process(kind, n, rng)
    places = draw_places(n, count, rng)
    bounds = [0, *places, n]
    shifts, strengths, level = np.zeros(n), [], 0.0
    for i, place in enumerate(places):
        sides = slice(bounds[i], place), slice(place, bounds[i + 2])
        # A level that comes back is as usual as one that goes on.
        sign = float(rng.choice((-1.0, 1.0))) if level == 0.0 or rng.random() < 0.5 else -math.copysign(1.0, level)
        wanted = math.exp(rng.uniform(*np.log(strength)))
        step = process.step(level, sign, wanted, *sides)
        shifts[place:] = level + step
        strengths.append(process.ideal_z(level, step, *sides))
        level += step
    return Simulated(process.values(shifts), tuple(places), tuple(strengths), kind)


def ramp_series(kind: str, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """
    *n* samples that creep by 1 to 12 noise sd from the first to the last: a trend, and no change of level.
    """
    return _Process(kind, n, rng).values(np.linspace(0.0, rng.choice((-1.0, 1.0)) * rng.uniform(1.0, 12.0), n))


def world(
    size: int,
    rng: np.random.Generator,
    *,
    changing: float = 0.3,
    creeping: float = 0.03,
    lengths: tuple[int, ...] = LENGTHS,
    kinds: tuple[str, ...] = NULL_KINDS,
    strength: tuple[float, float] = (3.0, 25.0),
) -> Iterator[Simulated]:
    """
    *size* series: a share *changing* of them with changes of level, a share *creeping* with a slope, the rest with neither.
    """
    for _ in range(size):
        kind, n, lot = str(rng.choice(kinds)), int(rng.choice(lengths)), rng.random()
        if lot < changing:
            yield changed_series(kind, n, rng, strength=strength)
        elif lot < changing + creeping:
            yield Simulated(ramp_series(kind, n, rng), (), (), kind)
        else:
            yield Simulated(null_series(kind, n, rng), (), (), kind)


def draw_places(n: int, count: int, rng: np.random.Generator) -> list[int]:
    """
    *count* first places of new levels, so that the outer segments last three samples or more and the inner ones five.
    """
    lengths = np.array([_OUTER, *[_INNER] * (count - 1), _OUTER])
    free = n - int(lengths.sum())
    cuts = np.sort(rng.integers(0, free + 1, size=count))
    return [int(place) for place in np.cumsum(lengths)[:-1] + cuts]


class _Process:
    """
    One draw of noise of sd 1, on a level of 100 with a noise of 0.3 to 10%, which steps in units of that sd are added to.
    """

    def __init__(self, kind: str, n: int, rng: np.random.Generator) -> None:
        self.kind, self.n, self.rng = kind, n, rng
        self.noise, self.deviations = _noise(kind, n, rng)
        self.mean = math.exp(rng.uniform(math.log(0.05), math.log(100)))
        self.relative = math.exp(rng.uniform(math.log(0.003), math.log(0.1)))
        correlation = _correlation(kind)
        self.long_run = math.sqrt((1 + correlation) / (1 - correlation))

    def step(self, level: float, sign: float, wanted: float, before: slice, after: slice) -> float:
        """
        The step from *level* whose ideal z is *wanted*, at most 30 sd; a count that cannot fall so far rises.
        """
        if self.kind == "counts":
            old = self._count(level)
            if sign < 0 and old < wanted**2 / (before.stop - before.start):
                sign = 1.0
        step = sign
        for _ in range(20):
            step *= wanted / max(self.ideal_z(level, step, before, after), 1e-9)
            step = math.copysign(min(abs(step), 30.0), sign)
        return step

    def ideal_z(self, level: float, step: float, before: slice, after: slice) -> float:
        """
        The step over the standard error that a test has which knows the noise and both segments.
        """
        left, right = before.stop - before.start, after.stop - after.start
        if self.kind == "counts":
            old, new = self._count(level), self._count(level + step)
            return abs(new - old) / math.sqrt(max(old, 1e-9) / left + max(new, 1e-9) / right)
        variances = [float(np.mean(self.deviations[side] ** 2)) for side in (before, after)]
        return abs(step) / (self.long_run * math.sqrt(variances[0] / left + variances[1] / right))

    def values(self, shifts: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        The samples, shape (n,), with *shifts* of the level.
        """
        rng, kind = self.rng, self.kind
        if kind == "counts":
            return rng.poisson(np.maximum(self.mean + shifts * math.sqrt(self.mean), 0.0)).astype(np.float64)
        if kind == "jumps":
            return np.round(100 + (shifts + self.noise) * rng.integers(1, 50))
        if kind == "percentages":
            spread = math.exp(rng.uniform(math.log(0.1), math.log(8.0)))
            raw = 100 - rng.uniform(0, 3) * spread + spread * (self.noise - np.abs(shifts))
            return np.clip(np.round(raw, 1), 0.0, 100.0)
        values = 100 * (1 + self.relative * (self.noise + shifts))
        if kind == "rounded":
            step = 100 * self.relative / rng.integers(1, 5)
            values = np.round(values / step) * step
        if kind == "missing":
            values[rng.random(self.n) < 0.15] = np.nan
        return values * math.exp(rng.uniform(-10, 10))

    def _count(self, level: float) -> float:
        return max(self.mean + level * math.sqrt(self.mean), 0.0)


def _correlation(kind: str) -> float:
    """
    Correlation of neighbours: 0.5 for "ar50".
    """
    return int(kind.removeprefix("ar")) / 100 if kind.startswith("ar") else 0.0


def _noise(kind: str, n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Noise of sd 1, outliers apart, and the sd of each sample; both of shape (n,).
    """
    draws, even = rng.normal(size=n), np.ones(n)
    if kind == "uneven":
        even = np.where(np.arange(n) < n * rng.uniform(0.3, 0.7), 1.0, math.exp(rng.uniform(-1.4, 1.4)))
        return draws * even, even
    if kind.startswith("ar"):
        return _autoregressive(draws, _correlation(kind)), even
    made = _MADE.get(kind)
    return (draws if made is None else made(draws, rng)), even


def _autoregressive(draws: NDArray[np.float64], correlation: float) -> NDArray[np.float64]:
    draws[1:] *= math.sqrt(1 - correlation**2)
    for i in range(1, len(draws)):
        draws[i] += correlation * draws[i - 1]
    return draws


def _lognormal(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    del rng
    skewed = np.exp(0.7 * draws)
    return np.asarray((skewed - math.exp(0.245)) / math.sqrt((math.exp(0.49) - 1) * math.exp(0.49)))


def _t3(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.standard_t(3, size=len(draws)) / math.sqrt(3)


def _bimodal(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    share, apart = rng.uniform(0.1, 0.5), rng.uniform(1.5, 5)
    second = rng.random(len(draws)) < share
    return np.asarray((draws + apart * (second - share)) / math.sqrt(1 + apart**2 * share * (1 - share)))


def _jumps(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.where(rng.random(len(draws)) < 0.02, np.round(draws * 10), 0.0)


def _weekly(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    season = rng.normal(size=7) * rng.uniform(0.5, 3)
    mixed = draws + season[(np.arange(len(draws)) + rng.integers(7)) % 7]
    return np.asarray(mixed / math.sqrt(1 + float(np.var(season))))


def _outliers(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    n = len(draws)
    odd = rng.random(n) < 0.027
    odd[1:] |= odd[:-1] & (rng.random(n - 1) < 0.5)
    size = np.exp(rng.uniform(math.log(4), math.log(40), size=n)) * np.where(rng.random(n) < 0.85, 1, -1)
    return np.where(odd, size, draws)


def _bursts(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    n = len(draws)
    for _ in range(int(rng.integers(1, 2 + n // 60))):
        start, length = int(rng.integers(1, n)), int(rng.integers(2, 5))
        if start + length <= n:
            draws[start : start + length] += rng.choice((-1, 1)) * math.exp(rng.uniform(math.log(3), math.log(20)))
    return draws


_MADE: Final[Mapping[str, Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]]] = {
    "lognormal": _lognormal,
    "t3": _t3,
    "bimodal": _bimodal,
    "jumps": _jumps,
    "weekly": _weekly,
    "outliers": _outliers,
    "bursts": _bursts,
}
"""What makes each kind of noise from Gaussian draws; the kinds that are not here change something else, or nothing."""
