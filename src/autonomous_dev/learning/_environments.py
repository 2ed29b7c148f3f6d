"""
The runner changed, not the code: what a context, or many alarms at one run, say about where things ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autonomous_dev.learning._causes import SETTLED, with_groups
from autonomous_dev.learning._following import Following, following
from autonomous_dev.learning._group_wording import describe_following, suggest_following
from autonomous_dev.learning._insight import LearningInsight
from autonomous_dev.learning._odd_runs import odd_runs
from autonomous_dev.learning._runner_or_code import MOST, ODD, environment_insight
from autonomous_dev.learning._switched import switched
from autonomous_dev.learning._things import Located, largest_first, located
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.series import Series


def by_environment(insights: Sequence[LearningInsight], series: Sequence[Series]) -> list[LearningInsight]:
    """
    *insights* with those that the place where things ran explains told as one of Kind.ENVIRONMENT.

    Three things are told. A **switch**: changes begin where a key of the context (``runner``, ``host``, anything that is
    no version, run, branch, time or process) gets another value for good. A level that **follows** a value that changes
    back and forth. **Odd newest samples** of three or more things at one run, more than chance gives.

    Whether a switch made it, and not the code that changed in the same run, is asked of all things that saw the switch.
    Their number that moved has three sources: single changes at the rate that is seen elsewhere; a commit that moves
    many (in 2 of 100, a twentieth of them on average); another runner (moves anything in half of the cases, then any
    share alike). Confidence is the runner's part of the three. Where one thing only was measured it stays moderate, and
    the sentence says both readings; where the commit is the same on both sides of the switch, the code is out.

    Args:
        insights: Of one run of the engine, before ``by_cause``: what is grouped already stays as it is.

        series: The judged samples that their places count.

    Returns:
        The other insights as they were, in their order; each group in the place of its first member.
    """
    runs, changes = located(insights, series, SETTLED | ODD | {Kind.VARIABILITY})
    if not changes:
        return list(insights)
    groups = _follow(changes)
    groups += switched(_others(changes, groups), series, runs)
    groups += odd_runs(_others(changes, groups), series, runs)
    return with_groups(insights, groups)


def _others(changes: Iterable[Located], groups: Iterable[LearningInsight]) -> list[Located]:
    taken = {id(member) for group in groups for member in group.members}
    return [change for change in changes if id(change.insight) not in taken]


def _follow(changes: Sequence[Located]) -> list[LearningInsight]:
    """
    Levels that follow a value that changes back and forth.
    """
    by_key: dict[str, dict[Located, Following]] = {}
    for change in changes:
        evidence, since = change.insight.evidence, change.insight.since
        if evidence is not None and since is not None:
            before, after = evidence.samples_before, evidence.samples_after
            found = following(change.series, change.insight.kind, since.index, before, after)
            if found is not None:
                by_key.setdefault(found.key, {})[change] = found
    groups = []
    for key, own in by_key.items():
        ordered = largest_first(own)
        lead = own[ordered[0]]
        members = tuple(change.insight for change in ordered)
        confidence = min(max(one.share for one in own.values()), MOST)
        text = describe_following(members, key, lead.levels)
        since = ordered[0].insight.since
        groups.append(environment_insight(ordered, since, confidence, text, suggest_following(key), ["follows", key]))
    return groups
