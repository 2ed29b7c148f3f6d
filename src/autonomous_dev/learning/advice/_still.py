"""
What a program still says: advice on what it stopped saying would never end, since a journal forgets nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from autonomous_dev.series import Series

STILL_SAID: Final = 20
"""
Intervals for which what was said holds without being said again.

Some: several processes write one file and not each says everything in each interval. Not many: with a flush every five
minutes what was mended is told for less than two hours more.
"""


def still_said(said: Series, beside: Series) -> bool:
    """
    Whether at most STILL_SAID samples of *beside* are newer than the newest one of *said*.
    """
    return len(said) > 0 and len(beside) - int(np.searchsorted(beside.times, said.times[-1], "right")) <= STILL_SAID


def held_budget(budget: Series | None, durations: Series) -> float | None:
    """
    How long a call may take, in seconds, as said last; None where nothing says so any more.

    Args:
        budget: What profilers were told, oldest first; None where that was nothing.

        durations: A statistic of the same operation's durations, a sample for each interval.
    """
    return float(budget.values[-1]) if budget is not None and still_said(budget, durations) else None


def oldest_still(series: Iterable[Series]) -> int:
    """
    Where the newest STILL_SAID intervals of *series* begin, Unix nanoseconds.
    """
    # The newest times of all are among the newest of each.
    newest = [one.times[-STILL_SAID:] for one in series if len(one)]
    return int(np.unique(np.concatenate(newest))[-STILL_SAID:][0]) if newest else 0
