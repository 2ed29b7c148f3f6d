"""
Sentences about many series at once: one change that moved them, or a runner that did.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Since
from autonomous_dev.learning._quantity import quantity
from autonomous_dev.learning._wording import SHORT_HASH, commit_range, run_again, title
from autonomous_dev.learning.detectors import Kind

NAMED: Final = 3
"""Members that a sentence names; the rest is counted."""


def describe_cause(members: Sequence[LearningInsight], direction: Direction, since: Since | None) -> str:
    """
    One sentence: how many series moved together, since when, and the largest of them.
    """
    way = {Direction.WORSE: "got worse", Direction.BETTER: "got better"}.get(direction, "changed")
    if members[0].kind == Kind.UNCONFIRMED:
        way = f"seem to have {way}"
    return f"{len(members)} series {way} together{_when(since)}: {_named(members)}"


def suggest_cause(members: Sequence[LearningInsight], direction: Direction, since: Since | None) -> str:
    """
    What to do about it.
    """
    changes = commit_range(since) or "what changed then"
    lead = members[0].evidence
    first = f", beginning with {title(lead)}" if lead is not None else ""
    if direction is Direction.BETTER:
        return f"Nothing to mend. One change moved them all: keep {changes}."
    if members[0].kind == Kind.UNCONFIRMED:
        again = run_again(max(member.settles_in for member in members))
        return f"{again[0].upper()}{again[1:]}. Only if it stays, one change moved them all: look at {changes}{first}."
    return f"One change moved them all, so look for one cause in {changes}{first}."


def describe_switch(
    members: Sequence[LearningInsight],
    keys: Sequence[str],
    values: tuple[str, str],
    seen: int,
    since: Since | None,
    *,
    same_code: bool,
) -> str:
    """
    That a value of the context changed where the series did.

    Args:
        members: The insights that it explains, the largest first.

        keys: The keys that changed there, the most telling first.

        values: Before and after, of the first key.

        seen: How many things were measured before and after the switch.

        since: When it was.

        same_code: Whether the version of the code stayed the same.
    """
    what = f"{keys[0]} changed from {values[0]} to {values[1]}{_when(since)}"
    if len(keys) > 1:
        what = f"{what} (and with it {', '.join(keys[1:])})"
    if same_code:
        return f"{what} while the code stayed the same, and {_named(members)}: the {keys[0]} made it"
    if len(members) == 1:
        return (
            f"{what}, and {_named(members)}. The code changed with it, so either may have made it"
            if commit_range(since)
            else f"{what}, and {_named(members)}. It may be the {keys[0]} or the code"
        )
    return f"{what}, and {len(members)} of {max(seen, len(members))} series moved with it: {_named(members)}. Probably the {keys[0]}, not the code"


def suggest_switch(keys: Sequence[str], values: tuple[str, str], since: Since | None, *, same_code: bool) -> str:
    """
    How to tell runner and code apart.
    """
    changes = commit_range(since)
    apart = f"Run the newest code on {values[0]} again, or the code from before on {values[1]}"
    later = f"; only if that shows the change again, look at {changes}" if changes and not same_code else ""
    return f"{apart}{later}. Compare runs of one {keys[0]} only."


def describe_following(members: Sequence[LearningInsight], key: str, levels: Sequence[tuple[str, float]]) -> str:
    """
    That a level follows a value of the context, from run to run.

    Args:
        members: The insights that it explains, the largest first.

        key: Of the context.

        levels: Median of the first member under each value, the most frequent value first.
    """
    lead = members[0].evidence
    if lead is None:
        return f"levels follow {key}"
    told = ", ".join(f"{value} {quantity(level, lead.metric, lead.unit)}" for value, level in levels[:NAMED])
    more = f" and {len(members) - 1} more series" if len(members) > 1 else ""
    verb = "follow" if more else "follows"
    return f"{title(lead)}{more} {verb} the {key}, which alternates: {told}. Not a change of the code"


def suggest_following(key: str) -> str:
    """
    How to compare what is comparable.
    """
    return f"Compare runs of one {key} only: record it so that it tells series apart, or run always on the same."


def describe_odd_run(members: Sequence[LearningInsight], measured: int, since: Since | None) -> str:
    """
    That many series are odd at one run.

    Args:
        members: The insights that it explains, the largest first.

        measured: How many things were measured in that run.

        since: Of the first member.
    """
    return (
        f"{len(members)} of {max(measured, len(members))} series are odd{_when(since, 'at')}: {_named(members)}. "
        "Probably the runner, not the code; the next runs tell"
    )


def suggest_odd_run(since: Since | None) -> str:
    """
    To wait for the next run.
    """
    changes = commit_range(since)
    later = f"; if it stays, look at {changes}" if changes else ""
    return f"Wait for the next run, or run it once more on another runner{later}."


def _when(since: Since | None, since_word: str = "since") -> str:
    if since is None:
        return ""
    if since.version:
        return f" {since_word} {since.version_key or 'version'} {since.version[:SHORT_HASH]}"
    return f" {since_word} run {since.run[:SHORT_HASH]}" if since.run else f" {since_word} sample {since.index + 1}"


def _named(members: Sequence[LearningInsight]) -> str:
    told = [_moved(one.evidence, one.direction) for one in members[:NAMED] if one.evidence is not None]
    rest = len(members) - len(told)
    return ", ".join(told) + (f" and {rest} more" if rest else "")


def _moved(evidence: Evidence, direction: Direction) -> str:
    before, after = (quantity(v, evidence.metric, evidence.unit) for v in (evidence.before, evidence.after))
    share = abs(evidence.relative_effect)
    amount = (
        f"{100 * share:.2g}% "
        if share < 0.995
        else f"{100 * share:.0f}% "
        if math.isfinite(share) and share < 100
        else ""
    )
    way = {Direction.WORSE: "worse", Direction.BETTER: "better"}.get(direction, "up" if evidence.effect > 0 else "down")
    return f"{title(evidence)} {amount}{way} ({before} → {after})"
