"""
Memory: what was announced and what people said of it, and what that makes of the insights of now.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import is_
from typing import Any, Final

from autonomous_dev.learning._announced import (
    PRELIMINARY,
    announced_attributes,
    announced_from,
    family,
    insight_from,
    key_of,
)
from autonomous_dev.learning._gone import Became, Gone, gone, resolved
from autonomous_dev.learning._insight import LearningInsight, Status
from autonomous_dev.learning._matching import Matching, grew, with_members
from autonomous_dev.learning._offsets import Outcome, offsets, outcome
from autonomous_dev.learning._told import Told, newest_by_series, told_by_id
from autonomous_dev.learning._verdicts import Verdict, verdict_from
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.recording import Event
from autonomous_dev.series import Series, SeriesKey

SPEAKING: Final = frozenset({Status.NEW, Status.WORSE, Status.RESOLVED})
"""What may be announced; the rest was, or is left to the people who know of it."""


@dataclass(frozen=True, slots=True)
class Memory:
    """
    What was announced and what people said of it: a value, made of a journal's events. ``Memory()`` knows nothing.

    An insight takes over the id of an open one of its series, story and direction whose place overlaps
    its own (``Matching``). Whether it has become worse ``grew`` decides, what became of one that is gone ``gone``.

    Attributes:
        told: By id.
    """

    told: Mapping[str, Told] = field(default_factory=dict)
    _by_series: Mapping[SeriesKey | None, tuple[str, ...]] = field(default_factory=dict, repr=False)
    _kinds: Mapping[str, float] = field(default_factory=dict, repr=False)
    _metrics: Mapping[tuple[str, str], float] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, announced: Iterable[Event], verdicts: Iterable[Event]) -> Memory:
        """
        The memory of a journal.

        Args:
            announced: Its events EVENT_ANNOUNCED, in any order; what cannot be read is passed over.

            verdicts: Its events EVENT_VERDICT.
        """
        said = [announced_from(event.attributes, event.time_unix_nano / 1e9) for event in announced]
        judged = [verdict_from(event.attributes, event.time_unix_nano / 1e9) for event in verdicts]
        told = told_by_id(filter(None, said), filter(None, judged))
        return cls(told, newest_by_series(told), *_offsets(told.values()))

    def shift(self, kind: str, metric: str) -> float:
        """
        Log-odds that verdicts add to the confidence of a *kind* of insight for a *metric*; 0 where nobody said.
        """
        if not self._kinds:
            return 0.0
        story = family(kind)
        own = self._metrics.get((story, metric))
        return self._kinds.get(story, 0.0) if own is None else own

    def recall(
        self, insights: Sequence[LearningInsight], now: float, judged: Sequence[Series] = ()
    ) -> list[LearningInsight]:
        """
        *insights* with the ids and statuses that follow from what was said, and those that are resolved.

        Accepted and rejected ones are left out, unless they have become worse since.

        Args:
            insights: Of now, in any order, which is kept.

            now: Unix seconds; says how long ago something was announced.

            judged: The judged samples of all series. Without them nothing can be told to be resolved, and only equal
                times are the same place.
        """
        if not self.told:
            return list(insights)
        places = {one.key: one for one in judged}
        matched = Matching(self.told, self._by_series, places).match(insights)
        over = self.gone(insights, judged, matched)
        # A return is told with what it ends, as its member; one that many series share speaks for itself.
        returns = {id(one.change) for one in over if one.change is not None} & set(map(id, insights))
        seen = [self._recalled(insight, matched) for insight in insights if id(insight) not in returns]
        found = [insight for insight in seen if insight is not None]
        for one in over:
            shown = one.change is not None and id(one.change) in returns
            change = self._recalled(one.change, matched) if one.change is not None and shown else None
            found.append(resolved(one, change, places[_series_of(one)], now))
        return found

    def gone(
        self,
        insights: Sequence[LearningInsight],
        judged: Sequence[Series],
        matched: Mapping[int, str] | None = None,
    ) -> list[Gone]:
        """
        What came back or is withdrawn of what was announced and is found no more.

        Args:
            insights: Of now.

            judged: The judged samples of all series.

            matched: For the ``id()`` of an insight the id that it takes over; None to find that out.
        """
        places = {one.key: one for one in judged}
        taken = Matching(self.told, self._by_series, places).match(insights) if matched is None else matched
        kept = set(taken.values())
        others: dict[SeriesKey | None, list[LearningInsight]] = {}
        for insight in with_members(insights):
            others.setdefault(key_of(insight), []).append(insight)
        found = []
        for told in (self.told[one] for ids in self._by_series.values() for one in ids):
            said = told.said
            if not told.open or told.parent or told.left_out or {said.id, *said.members} & kept or said.key is None:
                continue
            what = gone(said, places.get(said.key), others.get(said.key, ()))
            if what.became in {Became.CAME_BACK, Became.WITHDRAWN}:
                found.append(what)
        return found

    def announcements(
        self, insights: Sequence[LearningInsight], announced: Collection[str], judged: Sequence[Series] = ()
    ) -> list[dict[str, Any]]:
        """
        Attributes of the events EVENT_ANNOUNCED to write, so that each insight is announced once.

        Args:
            insights: From ``recall``.

            announced: Ids of those that are to be announced.

            judged: The judged samples of all series: the newest of each says what an announcement rested on.
        """
        newest = {one.key: float(one.times[-1]) / 1e9 for one in judged if len(one)}
        lines = []
        for insight in insights:
            if insight.id and insight.id in announced and insight.status in SPEAKING:
                lines.append(self._line(insight, newest))
                # What a return is told with begins a story of its own.
                parent = insight.id if insight.status is not Status.RESOLVED else ""
                told_within = [replace(member, status=Status.NEW) for member in insight.members if member.id]
                lines += [self._line(member, newest, parent) for member in told_within]
        return lines

    def _line(self, insight: LearningInsight, newest: Mapping[SeriesKey, float], parent: str = "") -> dict[str, Any]:
        key = key_of(insight)
        if key is None:
            return announced_attributes(insight, shift=self.shift(insight.kind, ""), parent=parent)
        rests_on = newest.get(key, math.nan)
        return announced_attributes(insight, newest=rests_on, shift=self.shift(insight.kind, key.name), parent=parent)

    def remembered(self) -> dict[str, LearningInsight]:
        """
        Everything that was announced or judged, as it was said, by id; the newest last.
        """
        return {key: insight_from(one.said) for key, one in sorted(self.told.items(), key=lambda pair: pair[1].said.at)}

    def _recalled(self, insight: LearningInsight, matched: Mapping[int, str]) -> LearningInsight | None:
        members = tuple(one for member in insight.members if (one := self._recalled(member, matched)) is not None)
        if insight.members and not members:
            return None
        told = self.told.get(matched.get(id(insight), ""))
        insight = replace(insight, members=members)
        if told is None:
            # A cause whose series were all announced one by one is no news.
            known = bool(members) and all(member.status not in SPEAKING for member in members)
            return replace(insight, status=Status.ONGOING if known else Status.NEW)
        # What leads a cause may be another series than before: its members know what grew.
        grown = any(m.status is Status.WORSE for m in members) if members else grew(insight, told.said)
        status = Status.WORSE if grown else Status.ONGOING
        link = ""
        if told.verdict is not None and told.verdict.verdict is Verdict.KNOWN:
            status, link = status if grown else Status.KNOWN, told.verdict.link
        elif told.said.kind in PRELIMINARY and insight.kind not in PRELIMINARY and not _accepted(told):
            # That it might be was announced, or rejected: now it is.
            status = Status.NEW
        elif told.left_out and not grown:
            return _left_of(insight)
        elif not told.open:
            # It was told to be over: only what is surer than it was then is told again.
            status = Status.NEW if insight.confidence > told.said.confidence else Status.ONGOING
        return replace(insight, id=told.said.id, status=status, link=link)


class RememberedEvents:
    """
    The memory of a journal, made anew only where events came, or the journal was read anew.
    """

    def __init__(self) -> None:
        self._counts = (0, 0)
        self._newest: tuple[Event, ...] = ()
        self._memory = Memory()

    def of(self, announced: Sequence[Event], verdicts: Sequence[Event]) -> Memory:
        """
        ``Memory.of`` the same.

        Args:
            announced: As the journal gives them: events are only ever added behind, and are the same objects as long
                as the journal is not read from its beginning again.

            verdicts: Likewise.
        """
        counts, newest = (len(announced), len(verdicts)), (*announced[-1:], *verdicts[-1:])
        # Events are compared as objects: a journal that took this one's place may hold as many.
        if counts != self._counts or not all(map(is_, newest, self._newest)):
            self._counts, self._newest, self._memory = counts, newest, Memory.of(announced, verdicts)
        return self._memory


def _accepted(told: Told) -> bool:
    return told.left_out and told.verdict is not None and told.verdict.verdict is Verdict.ACCEPT


def _left_of(cause: LearningInsight) -> LearningInsight | None:
    """
    What a settled insight still has to say: of the series that one cause moved, those that nobody has settled.
    """
    if not cause.members or cause.kind == Kind.ENVIRONMENT:
        return None
    return cause.members[0] if len(cause.members) == 1 else replace(cause, status=Status.NEW)


def _series_of(what: Gone) -> SeriesKey:
    assert what.said.key is not None  # noqa: S101  # gone() looks only at what has a series
    return what.said.key


def _offsets(told: Iterable[Told]) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
    """
    Shifts by family of kinds, and by family and metric. The newest verdict on each insight counts, once for a cause.
    """
    learned: dict[str, list[Outcome]] = {}
    for one in told:
        if one.verdict is not None and not one.verdict.about.parent:
            about = one.verdict.about
            metric = about.key.name if about.key is not None else ""
            real = one.verdict.verdict.real
            learned.setdefault(family(about.kind), []).append(outcome(metric, about.confidence, about.shift, real=real))
    kinds: dict[str, float] = {}
    metrics: dict[tuple[str, str], float] = {}
    for story, outcomes in learned.items():
        kinds[story], own = offsets(outcomes)
        metrics.update({(story, metric): value for metric, value in own.items()})
    return kinds, metrics
