"""
All that is known of each insight that was announced or judged: a journal's events, folded by id.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from autonomous_dev.learning._announced import Announced
from autonomous_dev.learning._insight import Status
from autonomous_dev.learning._verdicts import Verdict, VerdictSaid
from autonomous_dev.series import SeriesKey

MAX_TOLD: Final = 100
"""Newest announcements of one series that are looked at for an id to take over."""


@dataclass(frozen=True, slots=True)
class Told:
    """
    All that is known of one insight that was announced, or judged by people.

    Attributes:
        said: What counts as known: the newest announcement, or what the newest verdict was about.

        announced: The first announcement; None where people judged it before.

        verdict: The newest; None where nobody said.

        silenced: Whether the verdict is newer than any announcement: accepted and rejected ones are left out then.

        over: The announcement that it is resolved, where that is the newest.
    """

    said: Announced
    announced: Announced | None = None
    verdict: VerdictSaid | None = None
    silenced: bool = False
    over: Announced | None = None

    @property
    def open(self) -> bool:
        """
        Whether nobody was told that it is over.
        """
        return self.over is None

    @property
    def left_out(self) -> bool:
        """
        Whether people settled it, and nothing was announced of it since.
        """
        return self.silenced and self.verdict is not None and self.verdict.verdict is not Verdict.KNOWN

    @property
    def parent(self) -> str:
        """
        Id of the insight that told it as a member; empty where it was told on its own.
        """
        return self.said.parent


def told_by_id(announced: Iterable[Announced], verdicts: Iterable[VerdictSaid]) -> dict[str, Told]:
    """
    What is known of each id, after all events in the order of their times; equal times keep theirs.
    """
    told: dict[str, Told] = {}
    events: list[Announced | VerdictSaid] = [*announced, *verdicts]
    for event in sorted(events, key=_when):
        if isinstance(event, Announced):
            _take_announced(told, event)
        else:
            _take_verdict(told, event)
    return told


def _when(event: Announced | VerdictSaid) -> float:
    return event.at if isinstance(event, Announced) else event.about.at


def _take_announced(told: dict[str, Told], event: Announced) -> None:
    known = told.get(event.id)
    closed = event.status is Status.RESOLVED
    told[event.id] = Told(
        # What was announced is what counts, not the words in which it ended.
        said=event if not closed or known is None else known.said,
        announced=event if known is None or known.announced is None else known.announced,
        verdict=known.verdict if known is not None else None,
        over=event if closed else None,
    )
    for member in known.said.members if closed and known is not None else ():
        if member in told and told[member].parent == event.id:
            told[member] = replace(told[member], over=event)


def _take_verdict(told: dict[str, Told], event: VerdictSaid) -> None:
    known = told.get(event.about.id)
    told[event.about.id] = Told(
        said=_with_newest(event.about, known),
        announced=known.announced if known is not None else None,
        verdict=event,
        silenced=True,
        over=known.over if known is not None else None,
    )


def _with_newest(about: Announced, known: Told | None) -> Announced:
    # A verdict is no look at the samples: what came after the announcement is still new.
    if known is None:
        return about
    return replace(about, newest=known.said.newest, members=known.said.members, parent=known.said.parent)


def newest_by_series(told: Mapping[str, Told]) -> dict[SeriesKey | None, tuple[str, ...]]:
    """
    The ids of each series, the MAX_TOLD newest, newest first.
    """
    found: dict[SeriesKey | None, list[str]] = {}
    for one in told.values():
        found.setdefault(one.said.key, []).append(one.said.id)
    return {
        key: tuple(heapq.nlargest(MAX_TOLD, ids, key=lambda insight_id: told[insight_id].said.at))
        for key, ids in found.items()
    }
