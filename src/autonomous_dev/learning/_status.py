"""
What is known of a series beside its insights: whether there was anything to judge it by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from autonomous_dev.learning.detectors import MIN_SAMPLES
from autonomous_dev.series import SeriesKey


class State(StrEnum):
    """
    Whether a series can be judged.
    """

    JUDGED = "judged"
    NEEDS_MORE_DATA = "needs more data"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class SeriesStatus:
    """
    The state of one series. ``str()`` says it in words: ``needs more data (3 of 5)``.

    Attributes:
        key: Name, unit and identity.

        state: Stale comes before judged; its insights are given all the same.

        samples: Finite samples that were judged, those of other branches apart.

        needed: Samples that judging takes. A threshold takes only one, whatever the state.

        newest: Unix seconds of the newest judged sample; NaN where there is none.
    """

    key: SeriesKey
    state: State
    samples: int
    needed: int
    newest: float

    def __str__(self) -> str:
        if self.state is State.NEEDS_MORE_DATA:
            return f"{self.state} ({self.samples} of {self.needed})"
        return str(self.state)


def status_of(key: SeriesKey, samples: int, newest: float, *, now: float, stale_after: float) -> SeriesStatus:
    """
    The state of a series with so many finite *samples*.

    Args:
        key: Name, unit and identity.

        samples: Number of finite samples.

        newest: Unix seconds of the newest; NaN where there is none.

        now: Unix seconds.

        stale_after: Seconds without a sample after which a series that could be judged is stale.
    """
    if samples < MIN_SAMPLES:
        state = State.NEEDS_MORE_DATA
    elif math.isfinite(newest) and now - newest > stale_after:
        state = State.STALE
    else:
        state = State.JUDGED
    return SeriesStatus(key, state, samples, MIN_SAMPLES, newest)
