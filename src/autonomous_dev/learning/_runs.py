"""
One axis for many series: the runs, in their order, and where on it a change of one series may have begun.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from autonomous_dev.learning._insight import LearningInsight
from autonomous_dev.series import AttributeValue, Series, run_of

MOST_LOOKED_AT: Final = 64
"""Series whose contexts are read for the order of runs: each sample's context costs a microsecond."""


@dataclass(frozen=True, slots=True)
class Span:
    """
    Where a change may have begun, in places of runs, all ends included.

    Attributes:
        first: The earliest place: the first run after the last one that was surely good.

        last: The latest place.

        opens: The earliest place at which the series can show a change: its second run.

        closes: Its newest run.
    """

    first: int
    last: int
    opens: int
    closes: int

    @property
    def width(self) -> int:
        """
        How many places it may have begun at.
        """
        return self.last - self.first + 1

    @property
    def chance(self) -> float:
        """
        The chance to cover a given place, if it began anywhere in its series.
        """
        return min(1.0, self.width / max(1, self.closes - self.opens + 1))


@dataclass(frozen=True, slots=True)
class Runs:
    """
    The runs of some series, oldest first.

    Attributes:
        starts: Unix nanoseconds at which each began; where no runs are known, each time at which something was
            measured.

        places: Where each run is, counted from 0; empty where no runs are known.

        names: The runs in the same order; empty where none are known.
    """

    starts: tuple[int, ...]
    places: Mapping[AttributeValue, int]
    names: tuple[AttributeValue, ...] = ()

    def __len__(self) -> int:
        return len(self.starts)

    def name(self, place: int) -> str | int:
        """
        The run at *place*; its time in milliseconds where no runs are known.
        """
        return str(self.names[place]) if self.names else self.starts[place] // 1_000_000

    def place(self, series: Series, index: int) -> int:
        """
        The place of the run that sample *index* belongs to; one without a run is in the one that began last.
        """
        run = run_of(series.contexts[index]) if self.places else None
        known = self.places.get(run) if run is not None else None
        return max(0, bisect_right(self.starts, int(series.times[index])) - 1) if known is None else known

    def span(self, series: Series, first: int, last: int) -> Span:
        """
        The places at which a change may have begun, whose first sample is one of *first* to *last*.

        Runs between the last good sample and *first*, in which the series was not measured, are among them.
        """
        earliest = self.place(series, first)
        latest = max(earliest, self.place(series, last))
        if first:
            earliest = min(earliest, self.place(series, first - 1) + 1)
        opens = self.place(series, 0) + 1
        return Span(earliest, latest, min(opens, earliest), max(latest, self.place(series, len(series) - 1)))


def runs_of(insights: Sequence[tuple[LearningInsight, Series]]) -> Runs:
    """
    The runs of the series that *insights* are about.

    The order is read from some of the series, evenly chosen; runs around the changes of the others are added.

    Args:
        insights: Each with the judged samples of its series.
    """
    series = list({id(one): one for _, one in insights}.values())
    chosen = series[:: -(-len(series) // MOST_LOOKED_AT)] if series else []
    began: dict[AttributeValue, int] = {}
    for one in chosen:
        for i, context in enumerate(one.contexts):
            _note(began, run_of(context), int(one.times[i]))
    for insight, one in insights:
        if insight.since is not None:
            first, last = insight.since.index_range
            for i in {0, first - 1, first, last, insight.since.index, len(one) - 1}:
                if 0 <= i < len(one):
                    _note(began, run_of(one.contexts[i]), int(one.times[i]))
    if not began:
        times = np.unique(np.concatenate([one.times for one in chosen])) if chosen else np.array([], np.int64)
        return Runs(tuple(times.tolist()), {})
    ordered = sorted(began, key=lambda run: (began[run], str(run)))
    return Runs(tuple(began[run] for run in ordered), {run: place for place, run in enumerate(ordered)}, tuple(ordered))


def _note(began: dict[AttributeValue, int], run: AttributeValue, time: int) -> None:
    if run is not None and time < began.get(run, time + 1):
        began[run] = time
