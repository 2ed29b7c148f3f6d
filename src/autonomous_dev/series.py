"""
The columns that stages pass on: series, their identity, and the context of each sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.conventions import RUN_ID

Scalar = str | bool | int | float | None
AttributeValue = Scalar | tuple[Scalar, ...]
Attributes = tuple[tuple[str, AttributeValue], ...]
"""Pairs in the order of their keys: hashable, so that it can identify a series."""

NO_ATTRIBUTES: Final[Attributes] = ()

RUN_KEYS: Final = ("run_id", "commit", RUN_ID)
"""Context keys that say which run a sample belongs to, the most telling first."""

VERSION_KEYS: Final = ("commit", "version", "build")
"""Context keys that say which state of the code a sample belongs to, the most telling first."""


def attributes_of(mapping: Mapping[str, AttributeValue] | None) -> Attributes:
    """
    *mapping* as attributes, in the order of the keys.
    """
    return tuple(sorted(mapping.items())) if mapping else NO_ATTRIBUTES


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """
    What makes samples one series: name, unit and identity attributes.

    Attributes:
        name: As the user typed it.

        unit: UCUM unit, empty where none was given.

        identity: What distinguishes this series from others of its name.
    """

    name: str
    unit: str = ""
    identity: Attributes = NO_ATTRIBUTES

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={value}" for key, value in self.identity)
        return f"{self.name}{{{inside}}}" if inside else self.name


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """
    The samples of one series, oldest first.

    Attributes:
        key: Name, unit and identity.

        times: Shape (n,), int64, Unix nanoseconds, not decreasing; read-only.

        values: Shape (n,), float64, in the series' unit; read-only.

        contexts: Length n: what was known of each sample that is no identity (commit, run id, …).
    """

    key: SeriesKey
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    contexts: tuple[Attributes, ...]

    def __len__(self) -> int:
        return len(self.values)

    def column(self, key: str) -> tuple[AttributeValue, ...]:
        """
        For each sample the context's value of *key*; None where it has none.
        """
        return tuple(dict(context).get(key) for context in self.contexts)

    def select(self, keep: NDArray[np.bool_]) -> Series:
        """
        The series of those samples for which *keep*, shape (n,), is true.
        """
        chosen = np.flatnonzero(keep)
        return make_series(
            self.key, self.times[chosen], self.values[chosen], tuple(self.contexts[i] for i in chosen.tolist())
        )


def make_series(
    key: SeriesKey,
    times: Sequence[int] | NDArray[np.int64],
    values: Sequence[float] | NDArray[np.float64],
    contexts: Sequence[Attributes] | None = None,
) -> Series:
    """
    A series of these columns: read-only copies, in the order of time (equal times keep their order).

    Args:
        key: Name, unit and identity.

        times: Shape (n,), Unix nanoseconds, in any order.

        values: Shape (n,).

        contexts: Length n; without them every context is empty.
    """
    time_column = np.array(times, dtype=np.int64)
    value_column = np.array(values, dtype=np.float64)
    context_column = tuple(contexts) if contexts is not None else (NO_ATTRIBUTES,) * len(time_column)
    if len(time_column) > 1 and bool(np.any(np.diff(time_column) < 0)):
        order = np.argsort(time_column, kind="stable")
        time_column, value_column = time_column[order], value_column[order]
        context_column = tuple(context_column[i] for i in order.tolist())
    time_column.setflags(write=False)
    value_column.setflags(write=False)
    return Series(key, time_column, value_column, context_column)


def run_of(context: Attributes) -> AttributeValue:
    """
    The run that a sample with this *context* belongs to; None where nothing says.
    """
    known = dict(context)
    return next((known[key] for key in RUN_KEYS if known.get(key) not in (None, "")), None)
