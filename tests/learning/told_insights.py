"""
Insights about series that tests make up, and a journal's events about them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from autonomous_dev.conventions import EVENT_ANNOUNCED, EVENT_VERDICT
from autonomous_dev.learning import Direction, Evidence, LearningInsight, Since, Status
from autonomous_dev.learning._memory import Memory
from autonomous_dev.learning._verdicts import Verdict, verdict_lines
from autonomous_dev.recording import Event
from autonomous_dev.series import Series


def change(
    start: int = 10,
    effect: float = 5.0,
    *,
    insight_id: str = "",
    kind: str = "change_point",
    metric: str = "test_duration",
    confidence: float = 0.9,
    direction: Direction = Direction.WORSE,
    spread: tuple[int, int] = (0, 0),
    half: float = 0.5,
    members: Sequence[LearningInsight] = (),
) -> LearningInsight:
    """
    The level 10 changed by *effect*, give or take *half*, at sample *start* of a series with one sample a second.
    """
    since = Since(time=1.0 + start, index=start, index_range=(start - spread[0], start + spread[1]))
    evidence = Evidence(metric, {}, "", 10.0, 10.0 + effect, effect, (effect - half, effect + half), since, start, 5)
    return LearningInsight(
        "performance", f"{metric} changed at {start}", confidence, kind=kind, direction=direction, evidence=evidence,
        id=insight_id or f"{kind}-{metric}-{start}", members=tuple(members),
    )  # fmt: skip


def announced(
    insights: Sequence[LearningInsight], at: float, *, memory: Memory | None = None, judged: Sequence[Series] = ()
) -> list[Event]:
    """
    The events that announcing all of *insights* at Unix second *at* writes.
    """
    lines = (memory or Memory()).announcements(insights, {insight.id for insight in insights}, judged)
    return [event(EVENT_ANNOUNCED, line, at) for line in lines]


def judged_as(
    insight: LearningInsight, verdict: Verdict, at: float, link: str = "", memory: Memory | None = None
) -> list[Event]:
    """
    The events that a verdict at Unix second *at* writes.
    """
    return [
        event(EVENT_VERDICT, line, at) for line in verdict_lines(insight, verdict, link, (memory or Memory()).shift)
    ]


def event(name: str, attributes: Mapping[str, Any], at: float) -> Event:
    """
    An event of a journal.
    """
    return Event(name, round(at * 1e9), dict(attributes))


def statuses(insights: Sequence[LearningInsight]) -> list[tuple[str, Status]]:
    """
    Id and status of each.
    """
    return [(insight.id, insight.status) for insight in insights]


def as_new(insight: LearningInsight) -> LearningInsight:
    """
    *insight* as the engine makes it, before anything is remembered.
    """
    return replace(insight, status=Status.NEW, link="")
