"""
Windows made of real benchmark histories: calm stretches in random order, in which nothing changes, and steps put into them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from _worlds import Simulated
from numpy.typing import NDArray

CALM: Final = 3.0
"""
A stretch is calm if no cut of it, with an eighth of it on either side at least, has a rank-sum z of 3 or more.

That check knows nothing of the engine: Wilcoxon (1945), Mann & Whitney (1947).
"""

_TRIES: Final = 400
"""Stretches that are looked at for each window that is wanted, before it is left at fewer."""

_MAD_TO_SD: Final = 1.4826
_OUTER, _INNER = 3, 5
_HIGHEST: Final = 30.0


def load_histories(data: Path, half: int | None = None) -> tuple[NDArray[np.float64], ...]:
    """
    The values of each history in ``histories/series.jsonl`` below *data*, missing ones left out.

    Args:
        data: The folder of real series.

        half: 0 for the projects at even places of their sorted list, 1 for the others; None for all.
    """
    with (data / "histories" / "series.jsonl").open(encoding="utf-8") as file:
        histories = [json.loads(line) for line in file]
    projects = sorted({history["source"] for history in histories})
    kept = projects if half is None else projects[half::2]
    columns = [np.array(history["values"], dtype=np.float64) for history in histories if history["source"] in kept]
    return tuple(column[np.isfinite(column)] for column in columns)


def calm_windows(
    histories: Sequence[NDArray[np.float64]], n: int, count: int, rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """
    *count* calm stretches of *n* samples put into random order, fewer where calm stretches are rare.

    A history is drawn, then a place in it, so that a long one counts no more than a short one.

    Args:
        histories: Shape (length,) each, without missing values.

        n: Length of a window.

        count: How many.

        rng: The only source of chance.
    """
    long_enough = [history for history in histories if len(history) >= n]
    windows: list[NDArray[np.float64]] = []
    for _ in range(_TRIES * count if long_enough else 0):
        history = long_enough[int(rng.integers(len(long_enough)))]
        begin = int(rng.integers(0, len(history) - n + 1))
        stretch = history[begin : begin + n]
        if is_calm(stretch):
            windows.append(rng.permutation(stretch))
            if len(windows) == count:
                break
    return windows


def is_calm(stretch: NDArray[np.float64]) -> bool:
    """
    Whether the largest rank-sum z over all cuts is below 3; never where fewer than three values differ.
    """
    n, edge = len(stretch), max(len(stretch) // 8, 2)
    distinct, place, times = np.unique(stretch, return_inverse=True, return_counts=True)
    if len(distinct) < 3:
        return False
    middles = np.cumsum(times) - (times - 1) / 2
    ranks = middles[place] - (n + 1) / 2
    before = np.arange(1, n)
    variance = before * (n - before) * float(np.mean(ranks**2)) / (n - 1)
    z = np.abs(np.cumsum(ranks)[:-1]) / np.sqrt(variance)
    return bool(z[edge - 1 : n - edge].max() < CALM)


def spread(window: NDArray[np.float64], *, beyond: float = 3.0) -> float:
    """
    The sd of *window* with its spikes clipped at so many robust sd from the median.

    Spikes would make the sd, and so a step of the same z, as large as themselves.
    """
    middle = float(np.median(window))
    reach = beyond * _MAD_TO_SD * float(np.median(np.abs(window - middle)))
    clipped = np.clip(window, middle - reach, middle + reach) if reach else window
    return float(np.std(clipped))


def step_into(
    window: NDArray[np.float64], rng: np.random.Generator, *, strength: tuple[float, float] = (3.0, 25.0)
) -> Simulated:
    """
    *window* with one to three steps at random places, none higher than 30 sd.

    The first and the last level last for three samples or more, those between for five. A level that comes back is as
    usual as one that goes on.

    Args:
        window: Shape (n,), in which nothing changes.

        rng: The only source of chance.

        strength: Smallest and largest z against the neighbouring segments, drawn log-uniformly.
    """
    n = len(window)
    count = 1 + int(n >= 60 and rng.random() < 0.4) + int(n >= 100 and rng.random() < 0.3)
    lengths = np.array([_OUTER, *[_INNER] * (count - 1), _OUTER])
    cuts = np.sort(rng.integers(0, n - int(lengths.sum()) + 1, size=count))
    places = [int(place) for place in np.cumsum(lengths)[:-1] + cuts]
    bounds, values, level, strengths = [0, *places, n], window.copy(), 0.0, []
    for i, place in enumerate(places):
        before, after = place - bounds[i], bounds[i + 2] - place
        reach = math.sqrt(before * after / (before + after))
        wanted = min(math.exp(rng.uniform(*np.log(strength))), _HIGHEST * reach)
        sign = float(rng.choice((-1.0, 1.0))) if level == 0.0 or rng.random() < 0.5 else -math.copysign(1.0, level)
        step = sign * wanted / reach * spread(window)
        values[place:] += step
        level += step
        strengths.append(wanted)
    return Simulated(values, tuple(places), tuple(strengths), "real")
