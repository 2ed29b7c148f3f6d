"""
What is one thing that was measured, and where the changes of many of them lie on one axis.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from autonomous_dev.conventions import CACHE, HISTOGRAM_COUNT, HISTOGRAM_MEAN, HISTOGRAM_QUANTILES, OPERATION
from autonomous_dev.learning._announced import key_of
from autonomous_dev.learning._importance import by_importance
from autonomous_dev.learning._insight import Direction, LearningInsight
from autonomous_dev.learning._runs import Runs, Span, runs_of
from autonomous_dev.series import Attributes, Series, SeriesKey

Thing = tuple[str, Attributes]

_STATISTICS: Final = (HISTOGRAM_COUNT, HISTOGRAM_MEAN, *(suffix for suffix, _ in HISTOGRAM_QUANTILES))
_NAMING: Final = frozenset({OPERATION, CACHE, "operation", "cache", "test", "benchmark"})
"""Identity keys that name what was measured, whatever of it was measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """
    An insight about one series, and where it may have begun.

    Attributes:
        insight: It.

        series: The judged samples that its places count.

        span: On the axis of runs.
    """

    insight: LearningInsight
    series: Series
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """
    What changed in one thing: several of its series may show it, and count once.

    Attributes:
        changes: The largest first.

        span: Where all of them may have begun.

        thing: What was measured.

        way: Worse or better; up or down where nothing says which is good.
    """

    changes: tuple[Located, ...]
    span: Span
    thing: Thing
    way: str


def thing_of(key: SeriesKey) -> Thing:
    """
    What a series is about: statistics of one histogram, and all that is measured of one operation, cache or test, are one.
    """
    if any(name in _NAMING for name, _ in key.identity):
        return "", key.identity
    for suffix in _STATISTICS:
        if key.name.endswith(suffix):
            return key.name.removesuffix(suffix), key.identity
    return key.name, key.identity


def things_in(series: Iterable[Series]) -> int:
    """
    How many things were measured.
    """
    return len({thing_of(one.key) for one in series})


def located(
    insights: Sequence[LearningInsight], series: Sequence[Series], kinds: Collection[str]
) -> tuple[Runs, list[Located]]:
    """
    The insights of these *kinds* that are about one series, on one axis of runs.

    Args:
        insights: Of one run of the engine; those with members are several already.

        series: The judged samples that their places count.

        kinds: Which are wanted.
    """
    wanted = [one for one in insights if one.kind in kinds and one.evidence is not None and not one.members]
    if not wanted:
        return Runs((), {}), []
    known: Mapping[SeriesKey | None, Series] = {one.key: one for one in series}
    found = [(one, known[key]) for one in wanted if (key := key_of(one)) in known]
    placed = [(one, own) for one, own in found if one.since is not None and _fits(one.since.index_range, len(own))]
    runs = runs_of(placed)
    return runs, [
        Located(one, own, runs.span(own, *one.since.index_range)) for one, own in placed if one.since is not None
    ]


def _fits(places: tuple[int, int], size: int) -> bool:
    return 0 <= places[0] <= places[1] < size


def united(changes: Iterable[Located]) -> list[Unit]:
    """
    *changes* by what they are about: series of one thing whose starts overlap show one change.
    """
    by_thing: dict[Thing, list[Located]] = {}
    for change in changes:
        by_thing.setdefault(thing_of(change.series.key), []).append(change)
    units: list[Unit] = []
    for thing, own in by_thing.items():
        together: list[Located] = []
        last = -1
        for change in sorted(own, key=lambda change: change.span.first):
            if together and change.span.first > last:
                units.append(unit(thing, together))
                together = []
            last = min(last, change.span.last) if together else change.span.last
            together.append(change)
        units.append(unit(thing, together))
    return units


def unit(thing: Thing, changes: Sequence[Located]) -> Unit:
    """
    *changes* whose spans overlap as one.
    """
    ordered = largest_first(changes)
    spans = [change.span for change in changes]
    return Unit(
        changes=ordered,
        span=Span(
            first=max(span.first for span in spans),
            last=min(span.last for span in spans),
            opens=min(span.opens for span in spans),
            closes=max(span.closes for span in spans),
        ),
        thing=thing,
        way=way_of(ordered[0].insight),
    )


def largest_first(changes: Iterable[Located]) -> tuple[Located, ...]:
    """
    *changes* in the order of their importance.
    """
    by_insight = {id(change.insight): change for change in changes}
    return tuple(by_insight[id(one)] for one in by_importance([change.insight for change in by_insight.values()]))


def way_of(insight: LearningInsight) -> str:
    """
    Worse or better; up or down where nothing says which is good.
    """
    if insight.direction is not Direction.CHANGED:
        return str(insight.direction)
    return "up" if insight.evidence is not None and insight.evidence.effect > 0 else "down"
