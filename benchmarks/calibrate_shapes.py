"""
Fits and measures the confidences of trends, changed scatter, moved tails and odd newest samples on simulated series.

``python benchmarks/calibrate_shapes.py fit trend`` prints the constants that the detector's module ships (seed 1);
``… measure trend`` prints how the shipped ones do on other series (seed 2). ``--size`` says on how many series.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from _shapes import HARD_KINDS, KINDS, LENGTHS, Shape, creeping, null, spreading, stepping, tailing
from numpy.typing import NDArray

from autonomous_dev.learning.detectors import Outline
from autonomous_dev.learning.detectors._anomaly import departure
from autonomous_dev.learning.detectors._tail import tail_shift
from autonomous_dev.learning.detectors._trend import creep
from autonomous_dev.learning.detectors._variability import spread_change
from autonomous_dev.series import SeriesKey, make_series

FIT_SEED: Final = 1
MEASURE_SEED: Final = 2
RARE: Final = 1 / 3
"""Weight of series that show what is looked for, where they are one in four of those drawn: one in ten of those meant."""

WANDER: Final = 4.0
"""Weight of walks in the fit of trends: calling them a trend is the mistake that people remember."""


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What a detector makes of one series.

    Attributes:
        group: ``null`` kinds by their noise, the rest by what they do.

        right: Whether the series shows it, there and in that direction.

        confidence: As shipped; 0 where nothing was found.

        features: What the logistic model sees; None where nothing was found.

        shape: The series.
    """

    group: str
    right: bool
    confidence: float
    features: tuple[float, ...] | None
    shape: Shape


def main() -> None:
    """
    Fits or measures one detector.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("fit", "measure"))
    parser.add_argument("detector", choices=tuple(_CASES))
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args()
    usual = FIT_SEED if asked.what == "fit" else MEASURE_SEED
    rng = np.random.default_rng(usual if asked.seed is None else asked.seed)
    look, world, wanted, weight = _CASES[asked.detector]
    seen = [look(shape) for shape in world(asked.size, rng)]
    weights = np.array([weight if one.shape.truth == wanted else 1.0 for one in seen])
    if asked.what == "fit":
        if asked.detector == "trend":
            weights *= [WANDER if one.shape.kind in HARD_KINDS else 1.0 for one in seen]
        _fit(seen, weights)
    else:
        _measure(seen, weights, wanted)


def _fit(seen: list[Seen], weights: NDArray[np.float64]) -> None:
    found = [i for i, one in enumerate(seen) if one.features is not None]
    columns = np.array([(1.0, *(seen[i].features or ())) for i in found])
    right = np.array([float(seen[i].right) for i in found])
    w = weights[found]
    constants = np.zeros(columns.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(columns @ constants, -30, 30)))
        curvature = (columns * (w * p * (1 - p))[:, None]).T @ columns + 1e-3 * np.eye(len(constants))
        constants += np.linalg.solve(curvature, columns.T @ (w * (right - p)))
    print(f"{len(found)} of {len(seen)} series seen; constants:", *(f"{c:.3g}" for c in constants))


def _measure(seen: list[Seen], weights: NDArray[np.float64], wanted: str) -> None:
    confidence = np.array([one.confidence for one in seen])
    right = np.array([one.right for one in seen])
    told = confidence > 0
    bins = np.minimum((confidence * 10).astype(int), 9)
    error = sum(
        weights[chosen].sum() * abs(np.average(confidence[chosen] - right[chosen], weights=weights[chosen]))
        for b in range(10)
        if (chosen := told & (bins == b)).any()
    ) / float(weights[told].sum())
    print(f"{len(seen)} series, {told.sum()} reports; expected calibration error {error:.4f}")
    for least in (0.5, 0.8):
        sure = confidence >= least
        if sure.any():
            print(f"precision at >= {least}: {np.average(right[sure], weights=weights[sure]):.4f} of {sure.sum()}")
    groups = defaultdict(list)
    for one in seen:
        groups[one.group].append(one)
    for group, ones in sorted(groups.items()):
        shares = [sum(one.confidence >= least for one in ones) / len(ones) for least in (0.5, 0.8)]
        print(f"  {group:12} n={len(ones):6}  >=0.5 {shares[0]:7.2%}  >=0.8 {shares[1]:7.2%}")
    for name, plain in _PLAIN[wanted].items():
        ones = [one for one in seen if one.shape.truth == wanted and plain(one.shape)]
        if ones:
            hits = sum(one.confidence >= 0.5 and one.right for one in ones)
            print(f"  recall, {name}: {hits / len(ones):.1%} of {len(ones)}")


def _others(rng: np.random.Generator, n: int, lot: float, *, slopes: bool) -> Shape:
    """
    A series that shows nothing of what is looked for: steps (and slopes where they are none), wanderers, nothing.
    """
    kind, z = str(rng.choice(KINDS)), math.exp(rng.uniform(math.log(2), math.log(12)))
    if lot < 0.2:
        return stepping(kind, n, rng, z)
    if slopes and lot < 0.33:
        return creeping(kind, n, rng, 2 * z)
    return null(str(rng.choice(HARD_KINDS)) if lot > 0.95 else kind, n, rng)


def _trend_world(size: int, rng: np.random.Generator) -> Iterator[Shape]:
    for _ in range(size):
        n, lot = int(rng.choice(LENGTHS)), rng.random()
        if lot < 0.25:
            yield creeping(str(rng.choice(KINDS)), n, rng, math.exp(rng.uniform(math.log(2), math.log(12))))
        else:
            yield _others(rng, n, rng.random(), slopes=False)


def _spread_world(size: int, rng: np.random.Generator) -> Iterator[Shape]:
    for _ in range(size):
        n, lot = int(rng.choice((20, 30, 50, 100, 200, 300, 1000))), rng.random()
        if lot < 0.25:
            factor = math.exp(rng.choice((-1.0, 1.0)) * rng.uniform(math.log(1.5), math.log(6)))
            least = max(8, n // 6)
            yield spreading(str(rng.choice(KINDS)), n, rng, factor, int(rng.integers(least, n - least + 1)))
        else:
            yield _others(rng, n, rng.random(), slopes=True)


def _tail_world(size: int, rng: np.random.Generator) -> Iterator[Shape]:
    for _ in range(size):
        n, lot = int(rng.choice((40, 50, 100, 200, 300, 1000))), rng.random()
        if lot < 0.25:
            share, reach = rng.uniform(0.06, 0.2), math.exp(rng.uniform(math.log(3), math.log(15)))
            least = max(15, n // 6)
            yield tailing(str(rng.choice(KINDS)), n, rng, share, reach, int(rng.integers(least, n - least + 1)))
        else:
            yield _others(rng, n, rng.random(), slopes=True)


_ODD_BY_NATURE: Final = frozenset({"jumps", "outliers"})
"""What may well end in an odd sample of its own."""


def _odd_world(size: int, rng: np.random.Generator) -> Iterator[Shape]:
    for _ in range(size):
        shape = _others(rng, int(rng.choice(LENGTHS)), rng.random(), slopes=True)
        while shape.kind in _ODD_BY_NATURE:
            shape = _others(rng, int(rng.choice(LENGTHS)), rng.random(), slopes=True)
        if rng.random() < 0.25:
            values = shape.values.copy()
            middle = float(np.median(values[-8:]))
            sd = 1.4826 * float(np.median(np.abs(values - np.median(values)))) or float(np.std(values)) or 1.0
            away = math.exp(rng.uniform(math.log(4), math.log(60)))
            values[-1] = middle + rng.choice((-1.0, 1.0)) * away * sd
            shape = Shape(values, shape.kind, "odd", away, len(values) - 1)
        yield shape


def _outline(shape: Shape) -> Outline:
    # One sample an hour: nothing that follows the days of a week.
    times = np.arange(1, len(shape.values) + 1) * 3_600_000_000_000
    return Outline(make_series(SeriesKey("simulated"), times, shape.values))


def _seen(shape: Shape, confidence: float, features: tuple[float, ...] | None, *, right: bool) -> Seen:
    group = shape.kind if shape.truth == "null" else shape.truth
    return Seen(group, right, confidence if confidence >= 0.05 else 0.0, features, shape)


def _see_trend(shape: Shape) -> Seen:
    found = creep(_outline(shape))
    if found is None:
        return _seen(shape, 0.0, None, right=False)
    return _seen(shape, found.confidence, found.features, right=shape.truth == "trend")


def _see_spread(shape: Shape) -> Seen:
    found = spread_change(_outline(shape))
    if found is None:
        return _seen(shape, 0.0, None, right=False)
    near = abs(found.index - shape.place) <= max(5, 0.15 * len(shape.values))
    right = shape.truth == "spread" and near and (found.z > 0) == (shape.strength > 1)
    return _seen(shape, found.confidence, found.features, right=right)


def _see_tail(shape: Shape) -> Seen:
    found = tail_shift(_outline(shape))
    if found is None:
        return _seen(shape, 0.0, None, right=False)
    near = abs(found.index - shape.place) <= max(10, 0.2 * len(shape.values))
    right = shape.truth == "tail" and near and (found.z > 0) == (shape.strength > 0)
    return _seen(shape, found.confidence, found.features, right=right)


def _see_odd(shape: Shape) -> Seen:
    found = departure(_outline(shape))
    if found is None or found.distance < 0.25:
        return _seen(shape, 0.0, None, right=False)
    return _seen(shape, found.oddness, (found.feature,), right=shape.truth == "odd")


Case = tuple[Callable[[Shape], Seen], Callable[[int, np.random.Generator], Iterator[Shape]], str, float]

_CASES: Final[dict[str, Case]] = {
    "trend": (_see_trend, _trend_world, "trend", 1.0),
    "variability": (_see_spread, _spread_world, "spread", RARE),
    # One in thirteen: at one in ten the worst kinds of noise would show a tail in 1.4% of their series.
    "tail": (_see_tail, _tail_world, "tail", 0.75 * RARE),
    "anomaly": (_see_odd, _odd_world, "odd", RARE),
}

_SMOOTH: Final = frozenset(KINDS) - {"jumps", "counts", "percentages"}


def _wide(shape: Shape) -> bool:
    long_enough = min(shape.place, len(shape.values) - shape.place) >= 30
    return long_enough and abs(math.log(shape.strength)) >= math.log(3) and shape.kind in _SMOOTH


_PLAIN: Final[dict[str, dict[str, Callable[[Shape], bool]]]] = {
    "trend": {
        "ideal z 5 and more": lambda shape: shape.strength >= 5,
        "ideal z 8 and more": lambda shape: shape.strength >= 8,
    },
    "spread": {"threefold, thirty samples on either side, noise that can scatter": _wide},
    "tail": {
        "a share of 10% and more, 200 and 300 samples": lambda s: abs(s.strength) > 0.1 and 200 <= len(s.values) <= 300,
        "a share of 10% and more, 1,000 samples": lambda s: abs(s.strength) > 0.1 and len(s.values) == 1000,
    },
    "odd": {"15 sd and more": lambda shape: shape.strength >= 15},
}


if __name__ == "__main__":
    main()
