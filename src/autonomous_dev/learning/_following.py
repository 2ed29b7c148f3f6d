"""
Levels that follow a value of the context, which alternates from run to run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning._contexts import MOST_WINDOW, column_of, keys_at
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.series import AttributeValue, Series

EXPLAINS: Final = 0.5
"""Share of the variance that the value has to explain."""

_REMAINS: Final = 1 / 3
"""Share of the shift that may remain when each value is compared with itself."""

_ALTERNATES: Final = 3
"""Times that the value changes at least: once is a switch, twice an interlude."""

_EACH: Final = 4
"""Samples for each value, on average, below which it explains nothing."""

_OUTLYING: Final = 4.0
"""Robust sd from its value's median from which on a sample is drawn in."""

_COMMON: Final = 2
"""Samples before the shift from which on the level under a value is known."""


@dataclass(frozen=True, slots=True)
class Following:
    """
    A key whose value says which level a sample has.

    Attributes:
        key: Of the context.

        share: Of the variance that it explains, in [0, 1], corrected for the number of values.

        levels: Each value's median, the most frequent value first.
    """

    key: str
    share: float
    levels: tuple[tuple[str, float], ...]


def following(series: Series, kind: str, start: int, before: int, after: int) -> Following | None:
    """
    The key that explains what was found at *start*; None where none does.

    A key explains a shift when its value changes back and forth, its values account for half of the variance,
    and a third of the shift at most remains where each value is compared with itself.

    Args:
        series: n samples.

        kind: Of the finding; what became noisier is looked at since then.

        start: First sample of the new state.

        before: Samples of the state before. Older ones are looked at too: each streak may be a state of its own.

        after: Samples of the new state.
    """
    begin, end = max(0, start - MOST_WINDOW), min(len(series), start + min(after, MOST_WINDOW))
    if kind == Kind.VARIABILITY:
        begin = start
    if end - begin < 2 * _EACH:
        return None
    # Scaled, so that no square overflows.
    values = series.values[begin:end] / (float(np.max(np.abs(series.values[begin:end]))) or 1.0)
    found = []
    for key in keys_at(series, end - 1):
        column = column_of(series, key, begin, end)
        share = _explained(values, column)
        if share >= EXPLAINS and (kind == Kind.VARIABILITY or _accounts_for(values, column, start - begin, before)):
            found.append(Following(key, share, _levels(series.values[begin:end], column)))
    # The first is the most telling one of those that explain the same.
    return max(found, key=lambda one: round(one.share, 2), default=None)


def _explained(values: NDArray[np.float64], column: Sequence[AttributeValue]) -> float:
    """
    The adjusted share of the variance that lies between the groups of *column*, outliers drawn in.

    It is 0 where the column does not alternate, has too many values or lacks some.
    """
    counts = Counter(column)
    changes = sum(one != other for one, other in pairwise(column))
    n, groups = len(column), len(counts)
    if None in counts or groups < 2 or groups * _EACH > n or changes < _ALTERNATES:
        return 0.0
    members = [np.flatnonzero([one == value for one in column]) for value in counts]
    levels = np.empty(n)
    for places in members:
        levels[places] = np.median(values[places])
    reach = _OUTLYING * 1.4826 * float(np.median(np.abs(values - levels)))
    drawn_in = np.clip(values, levels - reach, levels + reach)
    total = float(np.var(drawn_in)) * n
    rest = sum(float(np.var(drawn_in[places])) * len(places) for places in members)
    return 1 - rest / total * (n - 1) / (n - groups) if total > 0 else 0.0


def _accounts_for(values: NDArray[np.float64], column: Sequence[AttributeValue], at: int, before: int) -> bool:
    """
    Whether little of the shift at *at* remains when each value is compared with itself.
    """
    earlier = Counter(column[:at])
    levels = {
        value: float(np.median([x for x, one in zip(values[:at], column[:at], strict=True) if one == value]))
        for value, count in earlier.items()
        if count >= _COMMON
    }
    if before <= 0 or at <= 0:
        return False
    rests = [x - levels[one] for x, one in zip(values[at:], column[at:], strict=True) if one in levels]
    if 2 * len(rests) <= len(values) - at:
        return False
    shift = float(np.median(values[at:]) - np.median(values[max(0, at - before) : at]))
    return abs(float(np.median(rests))) <= _REMAINS * abs(shift)


def _levels(values: NDArray[np.float64], column: Sequence[AttributeValue]) -> tuple[tuple[str, float], ...]:
    return tuple(
        (str(value), float(np.median([x for x, one in zip(values, column, strict=True) if one == value])))
        for value, _ in Counter(column).most_common()
    )
