"""
Staleness: series that came regularly and come no more, while others go on, or all at once.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autonomous_dev.learning._importance import SURE
from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Severity, Since
from autonomous_dev.learning._status import SeriesStatus, State
from autonomous_dev.learning._wording import span, title
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import Policy
from autonomous_dev.series import SeriesKey

CATEGORY: Final = "quality"
"""Whatever a series was about: what is not measured is not watched."""

_TOGETHER: Final = 1 / 7
"""Series vanished together where their newest samples lie closer than this share of ``stale_after``: a day of a week."""

_NAMED: Final = 3
NO_GAPS: Final[Mapping[SeriesKey, float]] = MappingProxyType({})


def longest_gap(times: NDArray[np.int64]) -> float:
    """
    The longest time without a sample so far, in seconds; 0 for fewer than two samples.

    Args:
        times: Shape (n,), Unix nanoseconds, not decreasing.
    """
    return float(np.max(np.diff(times))) / 1e9 if len(times) > 1 else 0.0


def silence(gap: float, longest: float) -> float:
    """
    The probability that a series without a sample for so long has vanished.

    One half where it has been silent for as long as ever before, 1 - half the ratio beyond that: the chance that a
    silence goes on is taken to halve each time it doubles. Below, half the ratio.

    Args:
        gap: Seconds since its newest sample, 0 or more.

        longest: Seconds of the longest silence before; 0 where there was none.
    """
    if gap <= 0:
        return 0.0
    return 1 - 0.5 * longest / gap if gap >= longest else 0.5 * gap / longest


def stale(
    statuses: Sequence[SeriesStatus], policy: Policy, now: float, *, gaps: Mapping[SeriesKey, float] = NO_GAPS
) -> tuple[LearningInsight, ...]:
    """
    What came regularly and comes no more.

    Series that could be judged and have had no sample for ``policy.alerts.stale_after`` make one insight for all that
    vanished together, with a member for each. Where everything is stale there is one insight: nothing has been
    recorded since.

    Args:
        statuses: Of all series of one journal.

        policy: ``alerts.stale_after``, in seconds.

        now: Unix seconds.

        gaps: Of each series the longest gap so far, in seconds, as ``longest_gap`` gives it. A series that has none
            here is taken to have been silent for ``stale_after`` before.

    Returns:
        Those of confidence 0.5 or more, that which vanished last first.
    """
    vanished = [status for status in statuses if status.state is State.STALE]
    if not vanished:
        return ()
    usual = policy.alerts.stale_after
    told = {status.key: _alone(status, now, gaps.get(status.key, usual)) for status in vanished}
    # Silent for longer than ever, by its own rhythm: a series that comes once a month is not stale after a week.
    vanished = [status for status in vanished if told[status.key].confidence >= 0.5]
    if not vanished:
        return ()
    if not any(now - status.newest <= usual for status in statuses if math.isfinite(status.newest)):
        newest = max(status.newest for status in statuses if math.isfinite(status.newest))
        return (_everything([told[status.key] for status in vanished], newest, now),)
    vanished.sort(key=lambda status: (-status.newest, str(status.key)))
    groups = _together(vanished, usual * _TOGETHER)
    return tuple(_group([told[status.key] for status in group]) for group in groups)


def _together(vanished: Sequence[SeriesStatus], near: float) -> Iterator[list[SeriesStatus]]:
    """
    *vanished*, the newest first, cut wherever two neighbours lie *near* seconds or more apart.
    """
    cuts = [i for i, (one, other) in enumerate(pairwise(vanished), 1) if one.newest - other.newest >= near]
    for start, end in pairwise([0, *cuts, len(vanished)]):
        yield list(vanished[start:end])


def _alone(status: SeriesStatus, now: float, longest: float) -> LearningInsight:
    key, gap = status.key, now - status.newest
    place = status.samples - 1
    evidence = Evidence(
        metric=key.name,
        identity=dict(key.identity),
        unit="s",
        before=longest,
        after=gap,
        effect=gap - longest,
        interval=(gap - longest, gap - longest),
        since=Since(status.newest, place, (place, place)),
        samples_before=status.samples,
        samples_after=0,
    )
    return _insight(
        f"{title(evidence)} has had no sample for {span(gap)}, and never before for more than {span(longest)}; "
        f"the last was on {_day(status.newest)}",
        f"See whether {key.name} was renamed or removed on purpose; if not, mend what recorded it. {_IF_WANTED}",
        silence(gap, longest),
        [key.name, key.identity, round(status.newest * 1000)],
        evidence,
    )


_IF_WANTED: Final = "If it is to come more rarely, write alerts: {stale_after: 30d} into the policy."


def _group(members: Sequence[LearningInsight]) -> LearningInsight:
    """
    One insight for series that vanished together, the newest of *members* first.
    """
    if len(members) == 1:
        return members[0]
    first = members[0]
    since = max((member.since for member in members if member.since is not None), key=lambda since: since.time)
    return replace(
        first,
        description=f"{len(members)} series vanished together: {_names(members)} had their last samples "
        f"by {_day(since.time)}, while others go on",
        suggested_action="See what was renamed or removed at that time; if nothing was meant to be, mend what recorded "
        f"them. {_IF_WANTED}",
        confidence=max(member.confidence for member in members),
        id=_id([member.id for member in members]),
        members=tuple(members),
    )


def _everything(members: Sequence[LearningInsight], newest: float, now: float) -> LearningInsight:
    one = len(members) == 1
    return _insight(
        f"Nothing has been recorded since {_day(newest)}, for {span(now - newest)}: "
        f"{_names(members)} {'is' if one else 'are'} stale",
        f"See whether the job that records still runs, and writes where this is read. {_IF_WANTED}",
        max(member.confidence for member in members),
        ["everything", round(newest * 1000)],
        None,
        tuple(members),
    )


def _insight(
    description: str,
    action: str,
    confidence: float,
    what: object,
    evidence: Evidence | None,
    members: tuple[LearningInsight, ...] = (),
) -> LearningInsight:
    return LearningInsight(
        category=CATEGORY,
        description=description,
        confidence=confidence,
        suggested_action=action,
        kind=Kind.STALENESS,
        direction=Direction.WORSE,
        severity=Severity.WARNING if confidence >= SURE else Severity.INFO,
        evidence=evidence,
        id=_id(what),
        members=members,
    )


def _names(members: Sequence[LearningInsight]) -> str:
    titles = [title(member.evidence) for member in members if member.evidence is not None]
    more = len(titles) - _NAMED
    return ", ".join(titles[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _day(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d")
    except (OverflowError, ValueError, OSError):
        return f"second {seconds:.0f}"


def _id(what: object) -> str:
    return hashlib.sha256(json.dumps([Kind.STALENESS, what], default=str).encode()).hexdigest()[:12]
