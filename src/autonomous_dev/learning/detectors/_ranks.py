"""
Ranks: what stays of values when their distribution is not trusted.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

_GRID: Final = np.linspace(-5.0, 5.0, 4001)
_BELOW: Final = np.array([NormalDist().cdf(float(x)) for x in _GRID])


def ranks(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """
    The rank of each value, counted from 1, equal ones sharing their mean, and how many share each rank.

    Args:
        values: Shape (n,), finite.

    Returns:
        Ranks of shape (n,), and the sizes of the groups of equal values.
    """
    n = len(values)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(np.append(first, n))
    result = np.empty(n)
    result[order] = np.repeat(first + (sizes + 1) / 2, sizes)
    return result, sizes


def normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    What a standard Gaussian would show at the ranks of *values*: outliers and skewness are gone, order stays.

    Args:
        values: Shape (n,), finite.

    Returns:
        Shape (n,).

    Source:
        Blom (1958), Statistical Estimates and Transformed Beta-Variables: (rank - 3/8) / (n + 1/4).
    """
    return np.interp((ranks(values)[0] - 0.375) / (len(values) + 0.25), _BELOW, _GRID)


def rank_sum(values: NDArray[np.float64], left: int) -> tuple[float, float]:
    """
    How the first *left* of *values* and the rest rank against each other.

    Args:
        values: Shape (n,), finite.

        left: Size of the first group, from 1 to n - 1.

    Returns:
        Mann-Whitney's z, at least 0, corrected for ties and continuity; and the share of pairs, from 0.5 to 1, in
        which the group that is higher on the whole is higher.

    Source:
        Mann & Whitney (1947), Annals of Mathematical Statistics 18(1).
    """
    n = len(values)
    right = n - left
    ranked, ties = ranks(values)
    u = float(ranked[:left].sum()) - left * (left + 1) / 2
    tied = float(np.sum(ties.astype(np.float64) ** 3 - ties)) / (n * (n - 1))
    variance = left * right / 12 * (n + 1 - tied)
    share = max(u, left * right - u) / (left * right)
    if variance <= 0:
        return 0.0, share
    return max((abs(u - left * right / 2) - 0.5) / math.sqrt(variance), 0.0), share
