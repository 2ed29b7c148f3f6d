"""
One cause that moved many series at one time is one insight with members.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from autonomous_dev.learning._chance import LEVEL, at_least
from autonomous_dev.learning._group_wording import describe_cause, suggest_cause
from autonomous_dev.learning._importance import importance
from autonomous_dev.learning._insight import Direction, LearningInsight, Severity, Since
from autonomous_dev.learning._runs import Runs
from autonomous_dev.learning._since import since_between
from autonomous_dev.learning._things import Located, Unit, largest_first, located, things_in, united
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.series import Series

SETTLED: Final = frozenset({Kind.CHANGE_POINT, Kind.HIT_RATIO})
FRESH: Final = frozenset({Kind.UNCONFIRMED})

FRESH_SHARE: Final = 0.02
"""Share of quiet series that show an unconfirmed change at any one time: the bound that its detector is held to."""

FRESH_PLACES: Final = 2
"""Runs at which an unconfirmed change usually begins: it is one of the newest."""

_JOINS: Final = 0.05
"""Chance below which the rest of a run joins those that moved the same way."""

_VAGUE: Final = 0.2
"""Share of its series over which a start may be spread and still be counted …"""
_VAGUE_RUNS: Final = 3
"""… and the number of runs that is always precise enough."""

_PINNED: Final = 3
"""Changes that are all there is, and all at one run with new code, from which on they are one."""

_IMPORTANT: Final = 0.5
"""Share of the largest member's importance from which on a worse member makes the whole worse."""

_LOUDNESS: Final = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)


def by_cause(insights: Sequence[LearningInsight], series: Sequence[Series]) -> list[LearningInsight]:
    """
    *insights* with changes of level that one cause made told as one.

    What is chance: each change falls on any run of its series alike, with the width of its possible starts, and
    independently of the others. At each run the number of changes that may have begun there has then a binomial tail,
    which is asked for all changes and for those of one way (worse, better, up, down); times the runs it has to be below 1%. Where one way is beyond chance, the others of that run join if they alone are below 5%. Unconfirmed
    changes are always new, so for them 2% of all things is what chance gives. Besides, three or more changes are one
    where they are all there are, each at the same run exactly, and with new code.

    Series of one thing (the mean and the 95th percentile of an operation, all that is measured of one test) count
    once, and are one whenever their possible starts overlap.

    Confidence is the largest member's. To multiply the members' doubts would be overconfident: alarms of one run
    depend on each other. Worse is what has a worse member of at least half the largest one's importance; better, what
    has better members only. Trends creep and have no such moment; they are left apart.

    Args:
        insights: Of one run of the engine, in any order.

        series: The judged samples that their places count.

    Returns:
        The same insights in the same order, a group in the place of its first member.
    """
    runs, changes = located(insights, series, SETTLED | FRESH)
    if len(changes) < 2:
        return list(insights)
    groups: list[list[Unit]] = []
    for family in (SETTLED, FRESH):
        units = united(change for change in changes if change.insight.kind in family)
        if not units:
            continue
        things = things_in(series) if family is FRESH and len(units) > 1 else 0
        together = _coinciding(units, len(runs), things)
        alone = _without(units, (unit for group in together for unit in group))
        groups += together
        groups += [[unit] for unit in alone if len(unit.changes) > 1]
    return with_groups(insights, _told(groups, runs))


def with_groups(insights: Sequence[LearningInsight], groups: Iterable[LearningInsight]) -> list[LearningInsight]:
    """
    *insights* with each of *groups* in the place of its first member.
    """
    group_of = {id(member): group for group in groups for member in group.members}
    said: set[int] = set()
    result: list[LearningInsight] = []
    for one in insights:
        told = group_of.get(id(one), one)
        if id(told) not in said:
            said.add(id(told))
            result.append(told)
    return result


def _coinciding(units: Sequence[Unit], places: int, things: int) -> list[list[Unit]]:
    """
    The units that coincide beyond chance, the least likely first.

    Args:
        units: Of one family.

        places: Number of runs.

        things: How many things might show an unconfirmed change; 0 for settled ones.
    """
    left = [unit for unit in units if _is_precise(unit)]
    groups: list[list[Unit]] = []
    while len(left) > 1:
        ways = sorted({unit.way for unit in left})
        asked = [left, *([unit for unit in left if unit.way == way] for way in ways if len(ways) > 1)]
        looks = FRESH_PLACES if things else places
        # Half of what is new by chance goes one way.
        expected = [FRESH_SHARE if some is left else FRESH_SHARE / 2 for some in asked]
        odds, place, chosen = min(
            (
                (*_least_likely(some, places, things, share), i)
                for i, (some, share) in enumerate(zip(asked, expected, strict=True))
            ),
        )
        if odds * looks >= LEVEL:
            break
        group = _at(asked[chosen], place)
        left = _without(left, group)
        if _odds_at(left, place, things, FRESH_SHARE) < _JOINS:
            rest = _at(left, place)
            group += rest
            left = _without(left, rest)
        groups.append(group)
    if not groups and not things and _all_at_one(left):
        groups.append(left)
    return groups


def _without(units: Iterable[Unit], taken: Iterable[Unit]) -> list[Unit]:
    gone = set(taken)
    return [unit for unit in units if unit not in gone]


def _is_precise(unit: Unit) -> bool:
    return unit.span.width <= _VAGUE_RUNS or unit.span.chance <= _VAGUE


def _at(units: Iterable[Unit], place: int) -> list[Unit]:
    return [unit for unit in units if unit.span.first <= place <= unit.span.last]


def _odds_at(units: Sequence[Unit], place: int, things: int, share: float) -> float:
    """
    How probable it is that as many of *units* as do may have begun at *place*.
    """
    count = len(_at(units, place))
    if things:
        return at_least(count, max(things, len(units)), share)
    able = [unit.span.chance for unit in units if unit.span.opens <= place <= unit.span.closes]
    return at_least(count, len(able), sum(able) / len(able)) if able else 1.0


def _least_likely(units: Sequence[Unit], places: int, things: int, share: float) -> tuple[float, int]:
    """
    The smallest such probability, and its place.
    """
    counts, able, chances = (np.zeros(places + 1) for _ in range(3))
    spans = [unit.span for unit in units]
    for into, starts, ends, amounts in (
        (counts, [span.first for span in spans], [span.last for span in spans], [1.0] * len(spans)),
        (able, [span.opens for span in spans], [span.closes for span in spans], [1.0] * len(spans)),
        (chances, [span.opens for span in spans], [span.closes for span in spans], [span.chance for span in spans]),
    ):
        np.add.at(into, starts, amounts)
        np.add.at(into, np.asarray(ends) + 1, -np.asarray(amounts))
    counts, able = (np.rint(np.cumsum(column)) for column in (counts, able))
    mean = np.cumsum(chances) / np.maximum(able, 1)
    if things:
        place = int(np.argmax(counts))
        return at_least(int(counts[place]), max(things, len(units)), share), place
    known: dict[tuple[float, float, float], float] = {}
    best, where = 1.0, 0
    for place in np.flatnonzero(counts >= 2).tolist():
        case = float(counts[place]), float(able[place]), round(float(mean[place]), 9)
        if case not in known:
            known[case] = at_least(int(case[0]), int(case[1]), case[2])
        if known[case] < best:
            best, where = known[case], place
    return best, where


def _all_at_one(units: Sequence[Unit]) -> bool:
    """
    Whether *units* are three or more, each at the same run exactly, with code that is new there.
    """
    spans = {(unit.span.first, unit.span.last) for unit in units}
    if len(units) < _PINNED or len(spans) > 1 or units[0].span.width > 1:
        return False
    since = [unit.changes[0].insight.since for unit in units]
    return all(one is not None and one.version and one.last_good and one.version != one.last_good for one in since)


def _told(groups: Iterable[Sequence[Unit]], runs: Runs) -> list[LearningInsight]:
    told: list[LearningInsight] = []
    used: set[str] = set()
    for group in groups:
        one = _group(group, runs)
        if one.id in used:
            # Two at one run, each beyond chance for itself: the thing of its first member tells them apart.
            one = replace(one, id=group_id(one.kind, [one.id, str(group[0].thing)]))
        used.add(one.id)
        told.append(one)
    return told


def _group(units: Sequence[Unit], runs: Runs) -> LearningInsight:
    changes = largest_first(change for unit in units for change in unit.changes)
    members = tuple(change.insight for change in changes)
    lead = members[0]
    kinds = {member.kind for member in members}
    kind = str(lead.kind) if len(kinds) == 1 else str(Kind.CHANGE_POINT)
    way = direction_of_members(members)
    since = common_since(changes, runs)
    thing = [str(units[0].thing)] if len(units) == 1 else []
    return replace(
        lead,
        description=describe_cause(members, way, since),
        suggested_action=suggest_cause(members, way, since),
        confidence=max(member.confidence for member in members),
        kind=kind,
        direction=way,
        severity=max((member.severity for member in members), key=_LOUDNESS.index),
        evidence=replace(lead.evidence, since=since) if lead.evidence is not None and since is not None else None,
        id=group_id(_family(kind), [anchor(changes, runs), *thing]),
        settles_in=max(member.settles_in for member in members),
        members=members,
    )


def _family(kind: str) -> str:
    return str(Kind.UNCONFIRMED) if kind == Kind.UNCONFIRMED else str(Kind.CHANGE_POINT)


def direction_of_members(members: Sequence[LearningInsight]) -> Direction:
    """
    Worse where an important member is; better where all are; else changed.
    """
    largest = max(importance(member) for member in members)
    worse = [member for member in members if member.direction is Direction.WORSE]
    if any(importance(member) >= _IMPORTANT * largest for member in worse):
        return Direction.WORSE
    better = all(member.direction is Direction.BETTER for member in members)
    return Direction.BETTER if better else Direction.CHANGED


def group_id(kind: str, parts: Sequence[str | int]) -> str:
    """
    An id that stays as members come and go: of the kind and what they have in common.
    """
    said = json.dumps([kind, "group", *parts])
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def anchor(changes: Sequence[Located], runs: Runs) -> str | int:
    """
    The run at which most of *changes* begin, of several the oldest; where no runs are known, its time in ms.

    What most of them have in common stays when one of them goes, and the ends of their common range do not.
    """
    starts = Counter(runs.place(change.series, _start(change)) for change in changes)
    return runs.name(min(starts, key=lambda place: (-starts[place], place)))


def _start(change: Located) -> int:
    since = change.insight.since
    return 0 if since is None else since.index


def common_since(changes: Sequence[Located], runs: Runs) -> Since | None:
    """
    When the first of *changes* began, narrowed to what all of them leave possible; its own where that is nothing.

    Args:
        changes: The largest first.

        runs: The axis of their spans.
    """
    lead = changes[0]
    own = lead.insight.since
    if own is None:
        return None
    first, last = max(change.span.first for change in changes), min(change.span.last for change in changes)
    low, high = own.index_range
    possible = [i for i in range(low, high + 1) if first <= runs.place(lead.series, i) <= last]
    narrowed = own
    if possible:
        start = min(max(own.index, possible[0]), possible[-1])
        narrowed = since_between(lead.series, start, (possible[0], possible[-1]))
    named = [
        set(since.versions) for change in changes if (since := change.insight.since) is not None and since.versions
    ]
    common = tuple(version for version in own.versions if all(version in versions for versions in named))
    return replace(narrowed, versions=common or narrowed.versions)
