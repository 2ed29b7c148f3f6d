"""
What was said of a series at some time: an insight as the journal keeps it, and back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from autonomous_dev.conventions import (
    INSIGHT_AFTER,
    INSIGHT_BEFORE,
    INSIGHT_CATEGORY,
    INSIGHT_CONFIDENCE,
    INSIGHT_DESCRIPTION,
    INSIGHT_DIRECTION,
    INSIGHT_ID,
    INSIGHT_IDENTITY,
    INSIGHT_INTERVAL,
    INSIGHT_KIND,
    INSIGHT_MEMBERS,
    INSIGHT_NEWEST,
    INSIGHT_PARENT,
    INSIGHT_SAMPLES,
    INSIGHT_SHIFT,
    INSIGHT_SINCE,
    INSIGHT_SINCE_RANGE,
    INSIGHT_SINCE_VERSION,
    INSIGHT_STATUS,
    INSIGHT_UNIT,
    METRIC_NAME,
)
from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Since, Status
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.series import SeriesKey, attributes_of

MAX_TEXT: Final = 2000
"""Characters of a description that the journal keeps."""

MAX_MEMBERS: Final = 1000
"""Members of one insight whose ids the journal keeps: a line stays far below 1 MiB."""

_FOREVER: Final = 9e9
"""Unix seconds that 64 bits of nanoseconds still hold: the year 2255."""

_FAMILIES: Final[Mapping[str, str]] = {Kind.UNCONFIRMED: Kind.CHANGE_POINT, Kind.HIT_RATIO: Kind.CHANGE_POINT}


def family(kind: str) -> str:
    """
    What kinds are of one kind: an unconfirmed change becomes a change point, which a hit ratio is told instead of.
    """
    return str(_FAMILIES.get(kind, kind))


PRELIMINARY: Final = frozenset({Kind.ANOMALY, Kind.UNCONFIRMED})
"""Kinds that say that there may be a change: one odd sample, or too few to settle it."""


def story(kind: str) -> str:
    """
    What kinds are one story of a series: its family, and the odd sample that a change begins with.
    """
    return str(Kind.CHANGE_POINT) if kind == Kind.ANOMALY else family(kind)


@dataclass(frozen=True, slots=True)
class Announced:
    """
    What was said of one series, and when.

    Attributes:
        id: Of the insight.

        status: Why it was announced: new, worse, or resolved.

        at: Unix seconds at which it was said.

        kind: Which detector spoke.

        category: What it was about.

        direction: Worse, better or changed.

        description: The sentence.

        key: The series; None for an insight without evidence.

        confidence: As said then.

        shift: Log-odds by which earlier verdicts had moved *confidence*.

        before: Level before, in the series' unit.

        after: Level since.

        interval: 95% interval of ``after - before``.

        samples: Numbers of samples behind *before* and *after*.

        start: Unix seconds of the first sample of the new state.

        spread: How many samples earlier, and later, than *start* it may have begun.

        version: Commit or version of that sample; empty where unknown.

        newest: Unix seconds of the newest sample that it rested on; NaN where unknown.

        members: Ids of the insights that were told as one with it.

        parent: Id of the insight that told it as one of its members; empty where it was told on its own.
    """

    id: str
    status: Status
    at: float
    kind: str
    category: str
    direction: Direction
    description: str
    key: SeriesKey | None
    confidence: float
    shift: float = 0.0
    before: float = math.nan
    after: float = math.nan
    interval: tuple[float, float] = (math.nan, math.nan)
    samples: tuple[int, int] = (0, 0)
    start: float = math.nan
    spread: tuple[int, int] = (0, 0)
    version: str = ""
    newest: float = math.nan
    members: tuple[str, ...] = ()
    parent: str = ""

    @property
    def effect(self) -> float:
        """
        ``after - before``, in the series' unit.
        """
        return self.after - self.before


def key_of(insight: LearningInsight) -> SeriesKey | None:
    """
    The series that an insight is about; None where it has no evidence.
    """
    evidence = insight.evidence
    return None if evidence is None else SeriesKey(evidence.metric, evidence.unit, attributes_of(evidence.identity))


def announced_attributes(
    insight: LearningInsight, *, newest: float = math.nan, shift: float = 0.0, parent: str = ""
) -> dict[str, Any]:
    """
    *insight* as attributes of an event; ``announced_from`` reads them back.

    Args:
        insight: What is said. Without evidence it has no numbers.

        newest: Unix seconds of the newest judged sample of its series; NaN where unknown.

        shift: Log-odds by which verdicts have moved its confidence.

        parent: Id of the insight that tells it as one of its members.
    """
    said: dict[str, Any] = {
        INSIGHT_ID: insight.id,
        INSIGHT_STATUS: str(insight.status),
        INSIGHT_KIND: str(insight.kind),
        INSIGHT_CATEGORY: insight.category,
        INSIGHT_DIRECTION: str(insight.direction),
        INSIGHT_DESCRIPTION: insight.description[:MAX_TEXT],
        INSIGHT_CONFIDENCE: float(insight.confidence),
        **({INSIGHT_SHIFT: shift} if shift else {}),
        **({INSIGHT_PARENT: parent} if parent else {}),
        **({INSIGHT_MEMBERS: tuple(m.id for m in insight.members[:MAX_MEMBERS])} if insight.members else {}),
    }
    evidence = insight.evidence
    if evidence is None:
        return said
    since = evidence.since
    numbers = {INSIGHT_BEFORE: evidence.before, INSIGHT_AFTER: evidence.after, INSIGHT_NEWEST: newest}
    return {
        **said,
        METRIC_NAME: evidence.metric,
        INSIGHT_IDENTITY: json.dumps(evidence.identity, sort_keys=True),
        INSIGHT_UNIT: evidence.unit,
        # JSON has no NaN: what is missing says the same.
        **{name: float(value) for name, value in numbers.items() if math.isfinite(value)},
        **({INSIGHT_INTERVAL: tuple(map(float, evidence.interval))} if _finite(evidence.interval) else {}),
        INSIGHT_SAMPLES: (evidence.samples_before, evidence.samples_after),
        INSIGHT_SINCE: float(since.time),
        INSIGHT_SINCE_RANGE: (since.index - since.index_range[0], since.index_range[1] - since.index),
        INSIGHT_SINCE_VERSION: since.version,
    }


def announced_from(attributes: Mapping[str, Any], at: float) -> Announced | None:
    """
    What an event says that ``announced_attributes`` made; None for one that cannot be read, whoever wrote it.

    Args:
        attributes: Of the event.

        at: Unix seconds of the event.
    """
    try:
        return _read(attributes, at)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _read(attributes: Mapping[str, Any], at: float) -> Announced:
    key = None
    if METRIC_NAME in attributes and INSIGHT_IDENTITY in attributes:
        identity = json.loads(attributes[INSIGHT_IDENTITY])
        # JSON has no tuples: a list among the identity was one.
        pairs = {name: tuple(value) if isinstance(value, list) else value for name, value in identity.items()}
        key = SeriesKey(str(attributes[METRIC_NAME]), str(attributes.get(INSIGHT_UNIT, "")), attributes_of(pairs))
        hash(key)
    confidence = float(attributes[INSIGHT_CONFIDENCE])
    if not attributes[INSIGHT_ID] or not 0.0 <= confidence <= 1.0:
        raise ValueError
    low, high = _two(attributes.get(INSIGHT_INTERVAL), math.nan)
    early, late = _two(attributes.get(INSIGHT_SINCE_RANGE), 0)
    before, after = _two(attributes.get(INSIGHT_SAMPLES), 0)
    return Announced(
        id=str(attributes[INSIGHT_ID]),
        status=Status(attributes.get(INSIGHT_STATUS, Status.NEW)),
        at=at,
        kind=str(attributes.get(INSIGHT_KIND, "")),
        category=str(attributes.get(INSIGHT_CATEGORY, "")),
        direction=Direction(attributes.get(INSIGHT_DIRECTION, Direction.CHANGED)),
        description=str(attributes.get(INSIGHT_DESCRIPTION, "")),
        key=key,
        confidence=confidence,
        shift=_number(attributes.get(INSIGHT_SHIFT, 0.0)),
        before=float(attributes.get(INSIGHT_BEFORE, math.nan)),
        after=float(attributes.get(INSIGHT_AFTER, math.nan)),
        interval=(float(low), float(high)),
        samples=(int(before), int(after)),
        start=_time(attributes[INSIGHT_SINCE]) if key is not None else math.nan,
        spread=(int(early), int(late)),
        version=str(attributes.get(INSIGHT_SINCE_VERSION, "")),
        newest=_time(attributes[INSIGHT_NEWEST]) if INSIGHT_NEWEST in attributes else math.nan,
        members=tuple(map(str, attributes.get(INSIGHT_MEMBERS, ()))),
        parent=str(attributes.get(INSIGHT_PARENT, "")),
    )


def insight_from(said: Announced) -> LearningInsight:
    """
    What was said as an insight again; places of samples are unknown, so its index is 0.
    """
    evidence = None
    if said.key is not None:
        evidence = Evidence(
            metric=said.key.name,
            identity=dict(said.key.identity),
            unit=said.key.unit,
            before=said.before,
            after=said.after,
            effect=said.effect,
            interval=said.interval,
            since=Since(said.start, 0, (-said.spread[0], said.spread[1]), version=said.version),
            samples_before=said.samples[0],
            samples_after=said.samples[1],
        )
    return LearningInsight(
        category=said.category,
        description=said.description,
        confidence=said.confidence,
        kind=said.kind,
        direction=said.direction,
        evidence=evidence,
        id=said.id,
        status=Status.ONGOING,
    )


def _two(pair: Any, missing: float) -> Sequence[float]:
    if pair is None:
        return missing, missing
    first, second = pair
    return first, second


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _time(value: Any) -> float:
    seconds = float(value)
    if not abs(seconds) < _FOREVER:
        raise ValueError
    return seconds


def _finite(numbers: Sequence[float]) -> bool:
    return all(map(math.isfinite, numbers))
