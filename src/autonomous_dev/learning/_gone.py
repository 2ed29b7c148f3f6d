"""
What became of an announced insight that is found no more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from autonomous_dev.learning._announced import Announced, family, insight_from
from autonomous_dev.learning._insight import Direction, LearningInsight, Status
from autonomous_dev.learning._quantity import quantity
from autonomous_dev.learning._wording import title
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.series import Series

PASSING: Final = frozenset({Kind.ANOMALY, Kind.ENVIRONMENT})
"""Kinds about one run: they are over with the next one, which is no news."""

ON_LEVEL: Final = frozenset(
    {Kind.CHANGE_POINT, Kind.UNCONFIRMED, Kind.HIT_RATIO, Kind.TREND, Kind.THRESHOLD, Kind.BUDGET}
)
"""Kinds whose levels are values of the series itself: whether it came back can be seen."""

FACTS: Final = frozenset({Kind.THRESHOLD, Kind.BUDGET})
"""Kinds that are no guess: one sample within its bound is within its bound."""

AT_ONCE: Final = frozenset({Kind.STALENESS})
"""Kinds that one new sample ends."""

SETTLED: Final = 5
"""New samples after which what is found no more was no passing doubt: a confidence near its limit comes and goes."""

_NEWEST: Final = 3
"""Newest samples whose median is the level now: one odd sample is none."""

_BACK: Final = 0.5
"""Share of the announced effect below which the level has come back."""


class Became(StrEnum):
    """
    What became of it.
    """

    OPEN = "open"
    """Too few samples came since to say."""

    CAME_BACK = "came back"
    """The series is where it was."""

    WITHDRAWN = "withdrawn"
    """The series did not change back, and with what came after this is no longer believed."""

    PASSED = "passed"
    """It is over without a word: of one run only, history that is held no more, or a later change speaks for it."""


@dataclass(frozen=True, slots=True)
class Gone:
    """
    An announced insight that is found no more.

    Attributes:
        said: What was announced.

        became: What became of it.

        level: Where the series is now.

        change: The insight that the return is, where there is one: told with it.
    """

    said: Announced
    became: Became
    level: float = math.nan
    change: LearningInsight | None = None


def gone(said: Announced, series: Series | None, others: Sequence[LearningInsight]) -> Gone:
    """
    What became of what was *said*, which is found no more.

    Args:
        said: What was announced.

        series: Its judged samples as of now; None where there are none.

        others: What stands in the same series now.
    """
    if said.kind in PASSING or said.direction is Direction.BETTER:
        # An improvement that is lost is a change for the worse, which speaks for itself.
        return Gone(said, Became.PASSED)
    if series is None or not len(series):
        return Gone(said, Became.OPEN)
    # Seconds as floats lose what is below a microsecond.
    newest = said.newest if math.isfinite(said.newest) else said.at
    new = len(series) - int(np.searchsorted(series.times, round(newest * 1e9) + 1000, "right"))
    if not new:
        return Gone(said, Became.OPEN)
    if series.times[0] > said.start * 1e9 + 1000:
        return Gone(said, Became.PASSED)
    level = float(np.median(series.values[-min(_NEWEST, new) :]))
    later = [one for one in others if one.evidence is not None and one.evidence.since.time > said.start]
    return _judged(Gone(said, Became.OPEN, level), new, later)


def _judged(what: Gone, new: int, later: Sequence[LearningInsight]) -> Gone:
    """
    *what*, decided by its level, by the number of *new* samples, and by what was found *later* in the series.
    """
    said = what.said
    if said.kind in ON_LEVEL and said.effect:
        if (what.level - said.before) / said.effect <= _BACK:
            return _returned(what, new, later)
        if later:
            return replace(what, became=Became.PASSED)
    if new < SETTLED and said.kind not in AT_ONCE:
        return what
    return replace(what, became=Became.WITHDRAWN if said.kind in ON_LEVEL else Became.CAME_BACK)


def _returned(what: Gone, new: int, later: Sequence[LearningInsight]) -> Gone:
    """
    *what*, whose level is back: for good where a change says so, or enough samples do.
    """
    back = [one for one in later if family(one.kind) == Kind.CHANGE_POINT and _opposite(one, what.said)]
    settled = [one for one in back if one.kind != Kind.UNCONFIRMED]
    needed = 1 if what.said.kind in FACTS else SETTLED if what.said.kind == Kind.TREND else _NEWEST
    if not settled and (back or new < needed):
        return what
    return replace(what, became=Became.CAME_BACK, change=settled[-1] if settled else None)


def resolved(what: Gone, change: LearningInsight | None, series: Series, now: float) -> LearningInsight:
    """
    The insight that says so: its id is that of what was announced, its member the return, where that is one.

    Args:
        what: Came back, or withdrawn.

        change: The return as it is told; None where there is none, or people do not want to hear of it.

        series: Its judged samples.

        now: Unix seconds.
    """
    said = what.said
    told = insight_from(said)
    assert told.evidence is not None  # noqa: S101  # what has no series is not looked for
    start = int(np.searchsorted(series.times, round(said.start * 1e9) - 1000))
    since = replace(told.evidence.since, index=start, index_range=(start - said.spread[0], start + said.spread[1]))
    evidence = replace(told.evidence, since=since)
    name = title(evidence)
    before, after, level = (quantity(v, evidence.metric, evidence.unit) for v in (said.before, said.after, what.level))
    if what.became is Became.WITHDRAWN:
        words = (
            f"{name}: withdrawn, the samples since no longer show {before} → {after}, announced {ago(now - said.at)}"
        )
        action = "Nothing to do. If it was false, say so with autonomous-dev resolve --reject: the next ones are judged by it."
    elif said.kind in ON_LEVEL:
        words = f"{name} came back to {level}; {before} → {after} was announced {ago(now - said.at)}"
        action = "Nothing to mend. Keep what brought it back."
    else:
        words = f"{name}: over. Announced {ago(now - said.at)}: {said.description}"
        action = "Nothing to mend."
    back = what.became is Became.CAME_BACK and said.direction is Direction.WORSE
    return replace(
        told,
        description=words,
        suggested_action=action,
        direction=Direction.BETTER if back else Direction.CHANGED,
        evidence=evidence,
        status=Status.RESOLVED,
        members=(change,) if change is not None else (),
    )


def ago(seconds: float) -> str:
    """
    How long ago that is: ``3 days ago``, in the largest unit that fits.
    """
    for size, unit in ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count:,} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def _opposite(insight: LearningInsight, said: Announced) -> bool:
    evidence = insight.evidence
    return (
        evidence is not None and insight.direction is not Direction.WORSE and (evidence.effect > 0) != (said.effect > 0)
    )
