"""
From what is seen of a split to the probability that it is real: the map that calibration made.
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SAMPLES: Final = 2
"""Place of the log number of samples among the features of a split."""

_SHORTER: Final = 3
"""Place of the log length of the shorter segment."""

_DOUBT: Final = 3.0
_SURE: Final = 6.0

_KNEE: Final = -1.4


class Network(NamedTuple):
    """
    A smooth function of k features: one layer of h hyperbolic tangents, summed up.

    Attributes:
        low: Shape (k,): the smallest features that calibration knew; smaller ones count as these.

        high: Shape (k,): the largest ones.

        centre: Shape (k,): taken off the features.

        spread: Shape (k,): what they are divided by then.

        weights: Shape (k, h).

        offsets: Shape (h,).

        sums: Shape (h,).

        base: Added to their sum.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]
    offsets: NDArray[np.float64]
    sums: NDArray[np.float64]
    base: float

    def log_odds(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        The function at *features*, shape (…, k); shape (…).
        """
        known = np.clip(features, self.low, self.high)
        hidden = np.tanh((known - self.centre) / self.spread @ self.weights + self.offsets)
        result: NDArray[np.float64] = hidden @ self.sums + self.base
        return result

    @classmethod
    def of(cls, columns: dict[str, ArrayLike]) -> Network:
        """
        The function with these constants, by the names of the attributes.
        """
        arrays = {name: np.asarray(columns[name], dtype=np.float64) for name in cls._fields if name != "base"}
        return cls(base=float(np.asarray(columns["base"])), **arrays)


@cache
def calibrated(name: str) -> Network:
    """
    The map *name* of ``calibration.json``, beside this module.

    Its constants are not chosen by hand: ``benchmarks/calibration.py`` made them, and the file says from what.
    """
    text = files(__package__).joinpath("calibration.json").read_text("utf-8")
    return Network.of(json.loads(text)[name])


def change_log_odds(features: NDArray[np.float64]) -> float:
    """
    Log-odds that a split with these *features*, shape (20,), is real, near its place and lasting.

    Segments that are both longer than any that calibration knew are judged by the log-likelihood ratio alone, less one
    chance for each sample: means of so many samples are Gaussian, whatever the samples are.
    """
    network = calibrated("change")
    odds = float(network.log_odds(features))
    if features[_SHORTER] > network.high[_SHORTER]:
        z = math.exp(min(features[0], features[1])) / math.exp(max(features[5:8]) / 2)
        odds = max(odds, min(z**2 / 2 - float(features[_SAMPLES]) - _DOUBT, _SURE))
    return odds


def fresh_log_odds(features: NDArray[np.float64]) -> float:
    """
    Log-odds that two newest samples with these *features*, shape (7,), belong to a new process.
    """
    return float(calibrated("fresh").log_odds(features))


def knee_log_odds(strength: float, samples: int) -> float:
    """
    Log-odds that a knee of this *strength*, in a drifting series of so many *samples*, is real and near its place.

    One half at 4 noise variances for each log of the number of samples: chosen on the series at even places of the
    sorted labelled ones of the Turing Change Point Dataset. Of 85 knees found in 1,500 simulated drifting
    series (random walks, autoregressive with 0.8 and 0.9, lines broken and not) 0.35 of those at 8 to 40 were right and
    0.9 of those beyond; of those in broken lines 0.8 or more from 8 on.
    """
    return _KNEE + math.log(max(strength, 1e-9) / math.log(samples))
