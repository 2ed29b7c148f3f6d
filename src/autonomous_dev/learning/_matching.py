"""
Which insight of now is one that was announced: the same series and direction at an overlapping place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from autonomous_dev.learning._announced import Announced, key_of, story
from autonomous_dev.learning._insight import Direction, LearningInsight, Since
from autonomous_dev.learning._told import Told
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.series import Series, SeriesKey

PLACED: Final = frozenset({Kind.CHANGE_POINT, Kind.VARIABILITY, Kind.TAIL})
"""Stories that begin at a place; of any other a series has one at a time, whose place moves with time."""

LEVELS: Final = frozenset({Kind.CHANGE_POINT, Kind.TREND})
"""Stories about where the level went: steps and slopes are two ways to tell one."""

FRESH: Final = 5
"""
Newest samples whose story an announcement may not have known yet. What began earlier was seen then, and announced
as it looked then: another place, or a slope for a step, is no news.
"""

GROWN: Final = 1.5
"""Times the effect that was announced, or judged by people, from which on something has become worse."""


def with_members(insights: Iterable[LearningInsight]) -> Iterator[LearningInsight]:
    """
    Each insight, then its members.
    """
    for insight in insights:
        yield insight
        yield from insight.members


@dataclass(slots=True)
class Matching:
    """
    Gives each insight of now at most one id of what was told, and each id to one insight only.

    Attributes:
        told: What is known, by id.

        by_series: Ids by series, newest first.

        places: The judged samples of each series.

        found: For the ``id()`` of an insight the id that it takes over.
    """

    told: Mapping[str, Told]
    by_series: Mapping[SeriesKey | None, Sequence[str]]
    places: Mapping[SeriesKey, Series]
    found: dict[int, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def match(self, insights: Sequence[LearningInsight]) -> dict[int, str]:
        """
        For the ``id()`` of each insight, member or not, the id that it takes over. Its own comes before any other's.
        """
        single = [one for one in with_members(insights) if not one.members]
        for one in single:
            if one.id in self.told and not self._began_since(one, self.told[one.id]):
                self._take(one, one.id)
        for fits in (self._overlaps, self._retells):
            for one in single:
                if id(one) not in self.found:
                    self._take(one, self._first(one, fits))
        for one in insights:
            if one.members:
                self._take(one, one.id if self._is_open(one.id) else self._cause(one))
        return self.found

    def _is_open(self, insight_id: str) -> bool:
        return insight_id in self.told and self.told[insight_id].open

    def _take(self, insight: LearningInsight, insight_id: str) -> None:
        if insight_id and insight_id not in self._taken:
            self.found[id(insight)] = insight_id
            self._taken.add(insight_id)

    def _first(self, insight: LearningInsight, fits: Callable[[Since, str, Told], bool]) -> str:
        """
        The newest id of the insight's series that is free, speaks of the same way, and *fits*; empty for none.
        """
        key, evidence = key_of(insight), insight.evidence
        if key is None or evidence is None:
            return ""
        for insight_id in self.by_series.get(key, ()):
            told = self.told[insight_id]
            if insight_id in self._taken or told.said.members or not _same_way(insight, told.said):
                continue
            if not self._began_since(insight, told) and fits(evidence.since, insight.kind, told):
                return insight_id
        return ""

    def _cause(self, insight: LearningInsight) -> str:
        """
        The id of an open insight of its kind that told one of its members.
        """
        members = [self.found[id(member)] for member in insight.members if id(member) in self.found]
        parents = (self.told[member].parent for member in members)
        return next((i for i in parents if self._is_open(i) and self.told[i].said.kind == insight.kind), "")

    def _began_since(self, insight: LearningInsight, told: Told) -> bool:
        """
        Whether an insight began after what was told was told to be over: the same thing, again.
        """
        if told.over is None:
            return False
        return insight.evidence is None or insight.evidence.since.time > _known_up_to(told.over) + 1e-6

    def _overlaps(self, since: Since, kind: str, told: Told) -> bool:
        """
        Whether it is the same story at the same place.
        """
        said = told.said
        if story(said.kind) != story(kind):
            return False
        if story(kind) not in PLACED:
            # What people settled ends there: one that began later is another.
            return not told.left_out or since.time <= said.at
        series = self.places.get(said.key) if said.key is not None else None
        if series is None or not len(series):
            return abs(since.time - said.start) < 1e-3
        # Where it began, counted in the samples of now: history may have been added, or lost.
        start = int(np.searchsorted(series.times, round(said.start * 1e9) - 1000))
        early, late = said.spread
        return start - early <= since.index_range[1] and since.index_range[0] <= start + late

    def _retells(self, since: Since, kind: str, told: Told) -> bool:
        """
        Whether it tells by other words what was announced: the samples that it begins with were known then.
        """
        said = told.said
        series = self.places.get(said.key) if said.key is not None else None
        if series is None or not {story(said.kind), story(kind)} <= LEVELS:
            return False
        known = int(np.searchsorted(series.times, round(_known_up_to(said) * 1e9) + 1000, "right"))
        return since.index + FRESH <= known


def _known_up_to(said: Announced) -> float:
    """
    Unix seconds of the newest sample that was known when it was said.
    """
    return said.newest if math.isfinite(said.newest) else said.at


def _same_way(insight: LearningInsight, said: Announced) -> bool:
    """
    Whether both speak of a change for the worse, or better, and of one up, or down.
    """
    effect = insight.evidence.effect if insight.evidence is not None else math.nan
    return said.direction is insight.direction and not effect * said.effect < 0


def grew(insight: LearningInsight, said: Announced) -> bool:
    """
    Whether an insight has become clearly worse than was said. What is better cannot.

    Its effect is more than GROWN times the known one, and both intervals agree: it lies beyond the known interval,
    and the known effect lies nearer to nothing than all of its own interval.
    """
    evidence = insight.evidence
    if evidence is None or insight.direction is Direction.BETTER or not math.isfinite(said.effect):
        return False
    if insight.kind == Kind.STALENESS:
        return False  # it grows with every second
    effect, known = abs(evidence.effect), abs(said.effect)
    beyond = max((abs(bound) for bound in said.interval if math.isfinite(bound)), default=known)
    low, high = evidence.interval
    nearest = min(abs(low), abs(high)) if low * high > 0 else 0.0
    return effect > GROWN * known and effect > beyond and nearest > known
