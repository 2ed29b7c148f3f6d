"""
Runs at which more things are odd than chance gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from autonomous_dev.learning._chance import LEVEL, at_least
from autonomous_dev.learning._group_wording import describe_odd_run, suggest_odd_run
from autonomous_dev.learning._insight import LearningInsight
from autonomous_dev.learning._runner_or_code import ODD, ODD_SHARE, environment_insight, runners_part
from autonomous_dev.learning._runs import Runs
from autonomous_dev.learning._selection import TOLD_FROM
from autonomous_dev.learning._things import Located, Unit, largest_first, thing_of, united
from autonomous_dev.series import Series

_MOST_ODD: Final = 0.85
"""Nobody has seen what comes next."""

_SEVERAL: Final = 3
"""Things that have to be odd at one run: two are as easily one commit's."""


def odd_runs(changes: Sequence[Located], series: Sequence[Series], runs: Runs) -> list[LearningInsight]:
    """
    Runs at which more things are odd than chance gives.
    """
    left = united(change for change in changes if change.insight.kind in ODD)
    groups: list[LearningInsight] = []
    places = sorted({unit.span.last for unit in left}, reverse=True)
    if len(left) < _SEVERAL:
        return []
    for place in places:
        here = [unit for unit in left if unit.span.first <= place <= unit.span.last]
        measured = max(len({thing_of(one.key) for one in series if _was_measured(one, runs.starts[place])}), len(here))
        chosen = _beyond_chance(here, measured, len(places))
        part = runners_part(len(chosen), measured, ODD_SHARE) if chosen else 0.0
        if part >= TOLD_FROM:
            groups.append(_odd_run(chosen, measured, runs.name(place), min(part, _MOST_ODD)))
            left = [unit for unit in left if unit not in set(chosen)]
    return groups


def _beyond_chance(units: Sequence[Unit], measured: int, looks: int) -> list[Unit]:
    """
    All of *units*, or those of one way, if they are more than chance gives; the largest such part.
    """
    ways = sorted({unit.way for unit in units})
    parts = [(list(units), ODD_SHARE), *(([u for u in units if u.way == way], ODD_SHARE / 2) for way in ways)]
    looks *= len(parts) if len(ways) > 1 else 1
    for part, share in sorted(parts, key=lambda part: -len(part[0])):
        if len(part) >= _SEVERAL and at_least(len(part), measured, share) * looks < LEVEL:
            return part
    return []


def _was_measured(series: Series, since: int) -> bool:
    return len(series) > 0 and int(series.times[-1]) >= since


def _odd_run(units: Sequence[Unit], measured: int, run: str | int, confidence: float) -> LearningInsight:
    ordered = largest_first(change for unit in units for change in unit.changes)
    members = tuple(change.insight for change in ordered)
    since = ordered[0].insight.since
    told = environment_insight(
        ordered,
        since,
        confidence,
        describe_odd_run(members, measured, since),
        suggest_odd_run(since),
        ["odd", run],
    )
    return replace(told, settles_in=max(1, *(member.settles_in for member in members)))
