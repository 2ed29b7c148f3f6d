"""
One measure of the detection benchmark: a figure of each contender, how sure it is, and what was to be reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from _contenders import OURS
from _shares import wilson

SHARE, SCORE, POINTS, SAMPLES = "share", "score", "points", "samples"
MICROSECONDS, MILLISECONDS, SECONDS, MEGABYTES = "µs", "ms", "s", "MB"

_DECIMALS: Final = {SCORE: 3, POINTS: 1, SAMPLES: 0, MICROSECONDS: 1, MILLISECONDS: 2, SECONDS: 1, MEGABYTES: 0}


@dataclass(frozen=True, slots=True)
class Figure:
    """
    What one contender reached.

    Attributes:
        value: In the row's unit; a share is between 0 and 1.

        n: What it rests on: series, changes, reports.

        interval: 95% interval; None where none was formed.
    """

    value: float
    n: int
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """
    One measure.

    Attributes:
        group: Which rows it is measured with.

        measure: What is measured, with its threshold.

        unit: Of the figures.

        figures: By contender.

        target: What ours was to reach; None where nothing was set.

        at_most: Whether the target is an upper bound.

        by_interval: Whether the worse end of the interval is held against the target, not the value.
    """

    group: str
    measure: str
    unit: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    target: float | None = None
    at_most: bool = True
    by_interval: bool = False

    @property
    def met(self) -> bool:
        """
        Whether ours reached the target; True where none was set or ours was not measured.
        """
        ours = self.figures.get(OURS)
        if self.target is None or ours is None:
            return True
        value = ours.value
        if self.by_interval and ours.interval is not None:
            value = ours.interval[1] if self.at_most else ours.interval[0]
        return value <= self.target if self.at_most else value >= self.target

    def target_text(self) -> str:
        """
        The target as the table says it.
        """
        if self.target is None:
            return ""
        end = " (end of the interval)" if self.by_interval else ""
        missed = "" if self.met else " **missed**"
        return f"{'≤' if self.at_most else '≥'} {amount(self.target, self.unit)}{end}{missed}"

    def figure_text(self, name: str) -> str:
        """
        The figure of contender *name* as the table says it; empty where there is none.
        """
        figure = self.figures.get(name)
        if figure is None:
            return ""
        text = amount(figure.value, self.unit)
        # An interval for everybody would hide the figures; a row without ours is all about the peers.
        if figure.interval is not None and (name == OURS or OURS not in self.figures):
            low, high = (amount(end, self.unit) for end in figure.interval)
            text += f" ({low} to {high})"
        return text


@dataclass(frozen=True, slots=True)
class Measured:
    """
    What measuring a group gave.

    Attributes:
        rows: Of the table.

        pictures: SVG text by name.
    """

    rows: tuple[Row, ...]
    pictures: Mapping[str, str] = field(default_factory=dict)


def amount(value: float, unit: str) -> str:
    """
    *value* with as many digits as say something.
    """
    if unit == SHARE:
        return f"{100 * value:.2f}%" if abs(value) < 0.1 else f"{100 * value:.1f}%"
    decimals = _DECIMALS[unit]
    return f"{value:.{decimals}f}" if unit in {SCORE, POINTS} else f"{value:,.{decimals}f} {unit}"


def share(hits: int, n: int) -> Figure:
    """
    *hits* of *n*, with its Wilson interval.
    """
    return Figure(hits / n if n else 0.0, n, wilson(hits, n))
