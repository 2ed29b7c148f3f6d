"""
Changes that begin where a value of the context switches for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from autonomous_dev.learning._contexts import Switch, switches, tellingness, value_of
from autonomous_dev.learning._group_wording import describe_switch, suggest_switch
from autonomous_dev.learning._insight import LearningInsight
from autonomous_dev.learning._runner_or_code import MOST, ODD, ODD_SHARE, environment_insight, runners_part
from autonomous_dev.learning._runs import Runs
from autonomous_dev.learning._selection import TOLD_FROM
from autonomous_dev.learning._since import since_between
from autonomous_dev.learning._things import Located, largest_first, thing_of, things_in, united
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.series import Series

_SINGLE: Final = 0.7
"""Nothing is surer than this share of its own confidence while only one thing shows it: the code changed as well."""

_SAME_CODE: Final = 0.95

_SETTLES: Final = 3
"""Samples of the new state from which on a level can be seen."""

_MOST_SWITCHES: Final = 8
"""Switches that are compared with all series: each costs a look into each of them."""


def switched(changes: Sequence[Located], series: Sequence[Series], runs: Runs) -> list[LearningInsight]:
    """
    What begins where a value of the context switches for good.
    """
    found: dict[tuple[int, str], list[tuple[Located, Switch]]] = {}
    for change in changes:
        if change.insight.kind != Kind.VARIABILITY:
            for switch in _switches(change):
                found.setdefault((runs.place(change.series, switch.index), switch.key), []).append((change, switch))
    ordered = sorted(found, key=lambda at: (-len(found[at]), tellingness(at[1]), at[0]))
    groups: list[LearningInsight] = []
    taken: set[Located] = set()
    for at in ordered[:_MOST_SWITCHES]:
        own = [(change, switch) for change, switch in found[at] if change not in taken]
        if own:
            beside = [
                key for place, key in ordered if place == at[0] and key != at[1] and _meet(found[place, key], own)
            ]
            told = _switch_told(own, [at[1], *sorted(beside, key=tellingness)], at[0], changes, series, runs)
            if told is not None:
                groups.append(told)
                taken.update(change for change, _ in own)
    return groups


def _switches(change: Located) -> list[Switch]:
    evidence, since = change.insight.evidence, change.insight.since
    if evidence is None or since is None:
        return []
    window = since.index - evidence.samples_before, since.index + evidence.samples_after
    return switches(change.series, since.index_range, window)


def _meet(one: Sequence[tuple[Located, Switch]], other: Sequence[tuple[Located, Switch]]) -> bool:
    """
    Whether most changes of *other* are in *one* too.
    """
    there = {change for change, _ in one}
    return 2 * sum(change in there for change, _ in other) > len(other)


def _switch_told(
    own: Sequence[tuple[Located, Switch]],
    keys: Sequence[str],
    place: int,
    changes: Sequence[Located],
    series: Sequence[Series],
    runs: Runs,
) -> LearningInsight | None:
    """
    The insight that the switch at *place* made them; None where the code is likelier.
    """
    units = united(change for change, _ in own)
    ordered = largest_first(change for change, _ in own)
    lead = next(switch for change, switch in own if change is ordered[0])
    surest = max(change.insight.confidence for change in ordered)
    same_code = all(_same_commit(change.series, switch.index) for change, switch in own)
    saw = max(len(_that_saw(own, series)), len(units))
    if same_code:
        confidence = surest * _SAME_CODE
    else:
        fresh = all(change.insight.kind in ODD for change in ordered)
        elsewhere = len(united(changes)) - len(units)
        length = ordered[0].span.closes - ordered[0].span.opens + 1
        by_chance = ODD_SHARE if fresh else min((elsewhere + 1) / (things_in(series) * length), 0.5)
        part = runners_part(len(units), saw, by_chance)
        exact = all(_starts_at(change, switch.index) for change, switch in own)
        alone = surest * min(part, _SINGLE) if exact else 0.0
        confidence = min(part, MOST) if len(units) > 1 else alone
    if confidence < TOLD_FROM:
        return None
    members = tuple(change.insight for change in ordered)
    since = since_between(ordered[0].series, lead.index, (lead.index, lead.index))
    values = str(lead.before), str(lead.after)
    return environment_insight(
        ordered,
        since,
        confidence,
        describe_switch(members, keys, values, saw, since, same_code=same_code),
        suggest_switch(keys, values, since, same_code=same_code),
        ["switch", runs.name(place)],
    )


def _starts_at(change: Located, index: int) -> bool:
    return change.insight.since is not None and change.insight.since.index == index


def _same_commit(series: Series, index: int) -> bool:
    commit = value_of(series, index, "commit")
    return commit is not None and commit == value_of(series, index - 1, "commit")


def _that_saw(own: Sequence[tuple[Located, Switch]], series: Sequence[Series]) -> set[object]:
    """
    The things that were measured before and after the switch, with the same new value.
    """
    switch = own[0][1]
    earlier = max(int(change.series.times[one.index - 1]) for change, one in own)
    later = min(int(change.series.times[one.index]) for change, one in own)
    between = (earlier + later) // 2 if earlier < later else later - 1
    least = min(_SETTLES, *(len(change.series) - one.index for change, one in own))
    saw: set[object] = set()
    for one in series:
        at = int(np.searchsorted(one.times, between, "right"))
        if _SETTLES <= at <= len(one) - least and value_of(one, at, switch.key) == switch.after:
            before = value_of(one, at - 1, switch.key)
            if before is not None and before != switch.after:
                saw.add(thing_of(one.key))
    return saw
