"""
How often a series gets a sample: every window of a rule follows it.

A window narrower than the time between two runs holds no run at all, and its rule never fires.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.policy import DAY
from autonomous_dev.series import Series, run_of

_NEWEST: Final = 2000
"""Samples that the rhythm is taken from."""

_USUAL: Final = 0.9
"""Quantile of the gaps that counts as usual: every weekend is usual, a holiday is not."""

_RUNS: Final = 3
"""Usual gaps that a window holds."""

_LONGEST: Final = 365 * DAY
_STEPS: Final = (DAY, 6 * 3600.0, 3600.0, 900.0, 300.0, 60.0)
"""Resolutions of a look at earlier runs, in seconds; all divide a day."""

_LOOKS: Final = 2016
"""
Looks at most: a week every five minutes. An evaluation holds three samples for each, and promtool 2.42 allows
10,000 (https://github.com/prometheus/prometheus/blob/v2.42.0/cmd/promtool/unittest.go: ``NewLazyLoader``).
"""

_FEWEST: Final = 10
"""Looks at least, so that there is room for two runs."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """
    The rhythm of one series.

    Attributes:
        interval: Seconds between the beginnings of two runs, as they usually are at most; None with one run.

        median: Seconds between the beginnings of two runs, half of them less; None with one run.

        run_length: Seconds between the first and the last sample of the longest run; 0 where a run is one sample.
    """

    interval: float | None = None
    median: float | None = None
    run_length: float = 0.0

    def horizon(self, stale_after: float) -> float:
        """
        Seconds for which the newest sample counts: *stale_after*, or longer where samples come more rarely.
        """
        if self.interval is None or _RUNS * self.interval <= stale_after:
            return stale_after
        grain = 3600.0 if self.interval > DAY else 60.0
        return max(stale_after, min(math.ceil(_RUNS * self.interval / grain) * grain, _LONGEST))

    def looks(self, stale_after: float) -> tuple[float, float]:
        """
        How far to look back for the run before the newest one, and how often, in seconds.

        Looks are four times as frequent as runs, but there are at most _LOOKS of them: of runs that are nearer to
        each other than a look is long, the last one is seen.
        """
        reach = self.horizon(stale_after)
        wanted = (self.median or 0.0) / 4
        possible = [step for step in _STEPS if reach / step <= _LOOKS] or [_STEPS[0]]
        step = next((step for step in possible if step <= wanted), possible[-1])
        return max(reach, _FEWEST * step), step


def rhythm_of(series: Series) -> Rhythm:
    """
    The rhythm of *series*, from its newest samples.

    Samples of one run count as one where runs are short bursts with long pauses between them, else each for itself:
    a process that records once an hour for a month is no burst.
    """
    times = series.times[-_NEWEST:].astype(np.float64) / 1e9
    runs: dict[object, tuple[float, float]] = {}
    for index, (time, context) in enumerate(zip(times.tolist(), series.contexts[-_NEWEST:], strict=True)):
        run = run_of(context)
        key = ("sample", index) if run is None else ("run", run)
        first, _ = runs.get(key, (time, time))
        runs[key] = (first, time)
    gaps = _gaps([first for first, _ in runs.values()])
    longest = max((last - first for first, last in runs.values()), default=0.0)
    if len(gaps) and longest < np.median(gaps) / 2:
        return _rhythm(gaps, float(math.ceil(longest)))
    return _rhythm(_gaps(times.tolist()), 0.0)


def _rhythm(gaps: NDArray[np.float64], run_length: float) -> Rhythm:
    if not len(gaps):
        return Rhythm()
    usual, median = (float(np.quantile(gaps, share, method="higher")) for share in (_USUAL, 0.5))
    return Rhythm(usual, median, run_length)


def _gaps(times: list[float]) -> NDArray[np.float64]:
    gaps = np.diff(np.sort(np.array(times, dtype=np.float64)))
    return gaps[gaps > 0]
