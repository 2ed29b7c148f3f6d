"""
The value that the whole package exists to produce: an insight, with the evidence it rests on.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from autonomous_dev.errors import InvalidTypeError, InvalidValueError


class Direction(StrEnum):
    """
    What a change means. Without a known polarity a change is only a change.
    """

    WORSE = "worse"
    BETTER = "better"
    CHANGED = "changed"


class Status(StrEnum):
    """
    What is new about an insight, compared with what was announced and with what people made of it.
    """

    NEW = "new"
    ONGOING = "ongoing"
    WORSE = "worse"
    KNOWN = "known"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """
    How loudly an insight speaks.
    """

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Since:
    """
    When, and at which change, it began.

    Attributes:
        time: Unix seconds of the first sample of the new state.

        index: Its place among the judged samples of the series, counted from 0.

        index_range: Smallest and largest place it may really have, both included.

        version: Commit, version or build of that sample, where its context has one; else empty.

        version_key: Which of these it is: ``commit``, ``version``, ``build``; else empty.

        versions: The versions that may have made the change, oldest first, unmeasured commits between included where
            the caller named them; empty where samples have no version.

        last_good: The same of the last sample before it; else empty.

        run: Run id of that sample, where known; else empty.
    """

    time: float
    index: int
    index_range: tuple[int, int]
    version: str = ""
    last_good: str = ""
    run: str = ""
    version_key: str = ""
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    The numbers behind an insight.

    Attributes:
        metric: Name of the recorded metric.

        identity: Identity attributes of its series.

        unit: UCUM unit of *before*, *after*, *effect* and *interval*; empty where unknown.

        before: Level before.

        after: Level since.

        effect: ``after - before``.

        interval: 95% interval of *effect*.

        since: When it began.

        samples_before: Number of samples behind *before*.

        samples_after: Number of samples behind *after*.
    """

    metric: str
    identity: dict[str, Any]
    unit: str
    before: float
    after: float
    effect: float
    interval: tuple[float, float]
    since: Since
    samples_before: int
    samples_after: int

    @property
    def relative_effect(self) -> float:
        """
        Effect as a share of *before*; infinite where *before* is 0.
        """
        return self.effect / abs(self.before) if self.before else math.copysign(math.inf, self.effect)


@dataclass(frozen=True, slots=True)
class LearningInsight:
    """
    One thing learned from the recorded metrics.

    Attributes:
        category: What it is about: ``performance``, ``quality``, ``cache``, ``resource``, ``trend``, …

        description: One sentence for people.

        confidence: Probability, in [0, 1], that this is real and lasting.

        suggested_action: What to do about it.

        kind: Which detector found it; empty for an insight that a user made.

        direction: Worse, better, or changed where nothing says which is good.

        severity: How loudly it speaks.

        evidence: The numbers; None for an insight that a user made.

        id: Stable over runs; empty for an insight that a user made.

        status: New, ongoing, worse than announced, known (with *link*), or resolved.

        link: Where people follow a known insight up; empty where nobody said.

        settles_in: How many more runs would settle it; 0 where it is settled.

        reason: Why it stands where it does in the ranking.

        members: The insights that one cause made, where it is one for many series; they are not told on their own.

    Raises:
        InvalidTypeError: If a text is no string or *confidence* no number.

        InvalidValueError: If *confidence* is not in [0, 1].
    """

    category: str
    description: str
    confidence: float
    suggested_action: str = ""
    kind: str = field(default="", kw_only=True)
    direction: Direction = field(default=Direction.CHANGED, kw_only=True)
    severity: Severity = field(default=Severity.INFO, kw_only=True)
    evidence: Evidence | None = field(default=None, kw_only=True)
    id: str = field(default="", kw_only=True)
    status: Status = field(default=Status.NEW, kw_only=True)
    link: str = field(default="", kw_only=True)
    settles_in: int = field(default=0, kw_only=True)
    reason: str = field(default="", kw_only=True)
    members: tuple[LearningInsight, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        for name in ("category", "description", "suggested_action"):
            value = getattr(self, name)
            if not isinstance(value, str):
                msg = f"{name} is {value!r}: expected a string"
                raise InvalidTypeError(msg)
        if isinstance(self.confidence, bool) or not isinstance(self.confidence, int | float):
            msg = f"confidence is {self.confidence!r}: expected a number from 0 to 1"
            raise InvalidTypeError(msg)
        if not 0.0 <= self.confidence <= 1.0:
            msg = f"confidence is {self.confidence!r}: expected a number from 0 to 1, 0.8 for 80%"
            raise InvalidValueError(msg)

    def __hash__(self) -> int:
        # Evidence holds a dict; what is equal has these in common.
        return hash((self.id, self.category, self.description, self.confidence))

    @property
    def since(self) -> Since | None:
        """
        When, and at which change, it began; None for an insight that a user made.
        """
        return None if self.evidence is None else self.evidence.since

    def to_dict(self) -> dict[str, Any]:
        """
        The insight as JSON types; ``from_dict`` gives it back.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LearningInsight:
        """
        The insight that ``to_dict`` turned into *data*.
        """
        evidence = data.get("evidence")
        if evidence is not None:
            # JSON has no tuples: a list among the identity was one.
            identity = {k: tuple(v) if isinstance(v, list) else v for k, v in evidence["identity"].items()}
            since = {
                **evidence["since"],
                "index_range": tuple(evidence["since"]["index_range"]),
                "versions": tuple(evidence["since"].get("versions", ())),
            }
            interval = tuple(evidence["interval"])
            evidence = Evidence(**{**evidence, "identity": identity, "since": Since(**since), "interval": interval})
        return cls(
            **{
                **data,
                "evidence": evidence,
                "direction": Direction(data.get("direction", Direction.CHANGED)),
                "severity": Severity(data.get("severity", Severity.INFO)),
                "status": Status(data.get("status", Status.NEW)),
                "members": tuple(cls.from_dict(member) for member in data.get("members", ())),
            }
        )
