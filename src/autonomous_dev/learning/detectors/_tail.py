"""
Tails: the slowest samples became slower, or faster again, while the median stayed where it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._odds import MAX_CONFIDENCE, probability
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._samples import ROUNDING
from autonomous_dev.learning.detectors._slope import NORMAL_95
from autonomous_dev.policy import Policy

MIN_TAIL_SAMPLES: Final = 40
"""Samples that a tail is judged by at least: a tenth of fewer is two or three."""

TAIL: Final = 0.95
"""The quantile whose levels are told."""

_MIN_SIDE: Final = 15
_SHOULDER: Final = 0.8
"""Share of the samples that is no tail, and has no say in where it moved."""

_MOST_SCORE: Final = 2.5
"""Scores end at the highest 1.6% of the samples, so that a single one never decides."""

_STAYED: Final = 0.25
"""A median, or a lower tenth, that moved by less than this share of what the tail did has stayed."""

_LOWER_STAYED: Final = 0.5

_SAME_LEVEL: Final = 0.4
"""Interquartile ranges of the whole by which two medians must differ for a step to lie between them …"""

_STEP_Z: Final = 4.5
"""… and how sure that must be: the largest z of a place in 1,000 samples of pure noise seldom exceeds 4."""

_STAGES: Final = 4
"""How often the samples after a step are asked for a newer one."""

_MOST_Z: Final = 12.0
_BIAS: Final = -0.0625
"""
This and the next three: fitted by ``benchmarks/calibrate_shapes.py fit tail --size 10000``, seed 1. In one of thirteen of
its series (by weight) 6 to 20% of the samples come to lie up to 3 to 15 sd higher, or do so no more; of the others one in
five has a step, one in seven creeps, one in twenty wanders, the rest is noise of eleven kinds; 40 to 1,000 samples.
"""
_Z: Final = 1.63
_LOG_SHORTER: Final = 1.92
_LOG_N: Final = -2.55
_LEAST: Final = 0.05


@dataclass(frozen=True, slots=True)
class TailShift:
    """
    One place at which the upper tail of n samples moved.

    Attributes:
        index: Place, among the finite samples, of the first one of the new tail.

        index_range: Smallest and largest place that are nearly as likely.

        z: Difference of the mean tail scores over its standard error; positive where the tail rose.

        before: The 95th percentile before, in scaled units.

        after: The same after.

        error: Standard error of their difference.

        samples_before: Samples that *before* rests on.

        samples_after: Samples that *after* rests on.
    """

    index: int
    index_range: tuple[int, int]
    z: float
    before: float
    after: float
    error: float
    samples_before: int
    samples_after: int

    @property
    def features(self) -> tuple[float, float, float]:
        """
        What the confidence is made of: |z|, drawn in to 12; logs of the shorter side and of n.
        """
        return (
            min(abs(self.z), _MOST_Z),
            math.log(min(self.samples_before, self.samples_after)),
            math.log(self.samples_before + self.samples_after),
        )

    @property
    def confidence(self) -> float:
        """
        The probability that the tail moved for good, and near there.
        """
        z, shorter, n = self.features
        return MAX_CONFIDENCE * probability(_BIAS + _Z * z + _LOG_SHORTER * shorter + _LOG_N * n)


def tail_shift(outline: Outline) -> TailShift | None:
    """
    Where the tail of the samples since the last step of their median moved, however surely; None where it did not.

    The ranks of the highest fifth are scored as exponential samples of that rank would lie, everything else as 0, and
    all places are compared at once: what counts is how many of the highest samples came late, never how high they are.
    """
    start = _start(outline.samples.scaled)
    values = outline.samples.scaled[start:]
    n = len(values)
    if n < MIN_TAIL_SAMPLES:
        return None
    z = _profile(_scores(values))
    best = int(np.argmax(np.abs(z)))
    place = best + _MIN_SIDE
    left, right = np.sort(values[:place]), np.sort(values[place:])
    before, after = _quantile(left, TAIL), _quantile(right, TAIL)
    moved = after - before
    if moved * z[best] <= 0 or abs(moved) <= ROUNDING:
        return None
    for share, stayed in ((0.5, _STAYED), (0.1, _LOWER_STAYED)):
        if abs(_quantile(right, share) - _quantile(left, share)) >= stayed * abs(moved):
            return None
    near = np.flatnonzero((z**2 >= z[best] ** 2 - 3.84) & (z * z[best] > 0)) + _MIN_SIDE
    return TailShift(
        index=start + place,
        index_range=(start + int(near[0]), start + int(near[-1])),
        z=float(z[best]),
        before=before,
        after=after,
        error=math.hypot(_error(left), _error(right)),
        samples_before=place,
        samples_after=n - place,
    )


def tails(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    The shift of a series' upper tail while its median stayed: none or one finding.

    ``before`` and ``after`` are 95th percentiles, in the series' unit. It needs forty samples at one level. A series
    that scatters more to both sides became noisier instead, and what one sample in a hundred does is nobody's tail.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Not asked; part of every detector's shape.
    """
    del policy
    found = tail_shift(outline)
    if found is None or found.confidence < _LEAST:
        return ()
    samples = outline.samples
    effect, reach = found.after - found.before, NORMAL_95 * found.error
    low, high = (int(samples.positions[i]) for i in found.index_range)
    return (
        Finding(
            kind=Kind.TAIL,
            confidence=found.confidence,
            start=int(samples.positions[found.index]),
            start_range=(low, high),
            before=samples.in_unit(found.before),
            after=samples.in_unit(found.after),
            interval=(samples.in_unit(effect - reach), samples.in_unit(effect + reach)),
            samples_before=found.samples_before,
            samples_after=found.samples_after,
        ),
    )


def _start(values: NDArray[np.float64]) -> int:
    """
    Place of the newest step of the median of *values*, shape (n,): a grown tail alone moves the mean, and no median.
    """
    start = 0
    for _ in range(_STAGES):
        rest = values[start:]
        if len(rest) < MIN_TAIL_SAMPLES:
            break
        low, middle, high = np.quantile(rest, (0.25, 0.5, 0.75))
        z = _profile(np.sign(rest - middle))
        place = int(np.argmax(np.abs(z))) + _MIN_SIDE
        moved = abs(float(np.median(rest[place:])) - float(np.median(rest[:place])))
        if abs(z[place - _MIN_SIDE]) < _STEP_Z or moved <= _SAME_LEVEL * (high - low):
            break
        start += place
    return start


def _scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    0 for all but the highest fifth of *values*, shape (n,); for those the mean exceedance that their rank stands for.
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2) / (len(values) + 1)
    scores = np.clip(-np.log((1 - ranks) / (1 - _SHOULDER)), 0.0, _MOST_SCORE)
    return np.asarray(scores[place.reshape(-1)])


def _profile(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    For each place with fifteen scores on either side, z of the difference of the means after and before it.
    """
    n = len(scores)
    places = np.arange(_MIN_SIDE, n - _MIN_SIDE + 1)
    scores = scores - np.mean(scores)
    total = float(scores @ scores)
    if total <= n * ROUNDING**2:
        return np.zeros(len(places))
    raw = -np.cumsum(scores)[places - 1] * np.sqrt(n / (places * (n - places)))
    place = int(places[np.argmax(np.abs(raw))])
    rest = np.concatenate([side - np.mean(side) for side in (scores[:place], scores[place:])])
    left = float(rest @ rest)
    alike = float(rest[1:] @ rest[:-1]) / left if left > 0 else 0.0
    alike = min(max(alike + (1 + 3 * max(alike, 0.0)) / n, 0.0), 0.9)
    return np.asarray(raw / math.sqrt(total / (n - 1) * (1 + alike) / (1 - alike)))


def _quantile(ordered: NDArray[np.float64], share: float) -> float:
    return float(ordered[min(int(share * len(ordered)), len(ordered) - 1)])


def _error(ordered: NDArray[np.float64]) -> float:
    """
    Standard error of the 95th percentile of *ordered*, shape (n,): half of what one binomial sd of ranks spans.
    """
    n = len(ordered)
    reach = math.sqrt(TAIL * (1 - TAIL) / n)
    return max(_quantile(ordered, TAIL + reach) - _quantile(ordered, TAIL - reach), 0.0) / 2
