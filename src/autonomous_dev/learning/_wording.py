"""
Sentences: what happened to a series, and what to do about it.
"""

from __future__ import annotations

from typing import Final

from autonomous_dev.conventions import CACHE, OPERATION, OWN_PREFIX
from autonomous_dev.learning._insight import Direction, Evidence, Since
from autonomous_dev.learning._quantity import quantity
from autonomous_dev.learning.detectors import MIN_SEGMENT, Kind

_SHORT_HASH: Final = 12
_LOOK: Final = {
    "performance": "Profile it with PerformanceProfiler and compare the slowest parts with those before; look at {changes}.",
    "quality": "Look at {changes}, mend what it let through, and check it before the next merge.",
    "resource": "Take a memory or size profile now and compare it with one before; look at {changes}.",
    "cache": "Look at the cache's keys, capacity and evictions, and at {changes}.",
    "trend": "Look at {changes}, and mend it; if it is wanted, say so in the policy.",
}
_CREEP: Final = {
    "performance": "It creeps, so no single change is to blame: profile it now, find what grows with every run, and set {name}_max in the policy.",
    "quality": "It creeps, so no single change is to blame: set a bound in the policy that stops it, and plan its repair.",
    "resource": "It creeps: look for what is kept and never freed, and set {name}_max in the policy.",
    "cache": "It creeps: compare the cache's capacity with the number of different keys, which is growing or shrinking.",
    "trend": "It creeps, so no single change is to blame: look for what grows with every run, and set {name}_max in the policy.",
}


def title(evidence: Evidence) -> str:
    """
    What a series is called in sentences: ``test_duration (suite=integration)``; our own names lose their prefix.
    """
    short = {OPERATION: "operation", CACHE: "cache"}
    inside = ", ".join(f"{short.get(key, key)}={value}" for key, value in evidence.identity.items())
    name = evidence.metric.removeprefix(OWN_PREFIX)
    return f"{name} ({inside})" if inside else name


def describe(kind: Kind, direction: Direction, evidence: Evidence) -> str:
    """
    One sentence: what changed, how far, since when. Samples are counted from 1 in sentences.
    """
    before, after = (quantity(v, evidence.metric, evidence.unit) for v in (evidence.before, evidence.after))
    what = title(evidence)
    if kind is Kind.THRESHOLD:
        bound = "at most" if evidence.effect > 0 else "at least"
        return f"{what} is worse than its bound: {after}, wanted {bound} {before}, {_since(evidence)}"
    if kind is Kind.ANOMALY:
        judged = "is odd" if direction is Direction.CHANGED else f"is {direction} than usual"
        return (
            f"{what}: the newest sample {judged}: {after}, usual is {before} "
            f"(one sample against {evidence.samples_before}{_at(evidence.since)})"
        )
    if kind is Kind.TREND:
        steps = max(evidence.samples_after - 1, 1)
        rate = quantity(evidence.effect / steps, evidence.metric, evidence.unit)
        sign = "+" if evidence.effect > 0 else ""
        return f"{what} {_verb(direction, evidence)}, creeping {sign}{rate} a sample: {before} → {after} {_since(evidence)}"
    return f"{what} {_verb(direction, evidence)}: {before} → {after} {_since(evidence)}"


def _verb(direction: Direction, evidence: Evidence) -> str:
    share = abs(evidence.relative_effect)
    amount = f"{100 * share:.2g}% " if share < 0.995 else f"{100 * share:.0f}% " if share < 100 else ""
    if direction is not Direction.CHANGED:
        return f"got {amount}{direction}"
    way = "rose" if evidence.effect > 0 else "fell"
    return f"{way} by {amount.strip()}" if amount else way


def _since(evidence: Evidence) -> str:
    since = evidence.since
    count = evidence.samples_after
    return f"since sample {since.index + 1}{_at(since)} ({count} {'sample' if count == 1 else 'samples'})"


def _at(since: Since) -> str:
    return f", {since.version_key or 'version'} {since.version[:_SHORT_HASH]}" if since.version else ""


def commit_range(since: Since) -> str:
    """
    The changes to look at, ``last_good..version``; empty where the context had no version.
    """
    if since.last_good and since.version and since.last_good != since.version:
        return f"{since.last_good[:_SHORT_HASH]}..{since.version[:_SHORT_HASH]}"
    return since.version[:_SHORT_HASH]


def suggest(kind: Kind, direction: Direction, category: str, evidence: Evidence) -> str:
    """
    What to do about it.
    """
    since = evidence.since
    span = commit_range(since)
    changes = span or f"the change before sample {since.index + 1}"
    if direction is Direction.WORSE:
        return _remedy(kind, category, evidence, changes)
    if direction is Direction.BETTER:
        return f"Nothing to mend. Keep {changes}, and tighten the metric's bound in the policy if it has one."
    return (
        f"Look at {changes}. Nothing says which way {evidence.metric} is better: "
        f"write metrics: {{{evidence.metric}: {{better: lower}}}} (or higher) into the policy."
    )


def _remedy(kind: Kind, category: str, evidence: Evidence, changes: str) -> str:
    if kind is Kind.HIT_RATIO:
        cache = evidence.identity.get(CACHE, evidence.identity.get("cache", ""))
        whose = f" of cache {cache}" if cache else ""
        return (
            f"Raise the capacity (max_size){whose} above the number of different keys in use, "
            f"or undo what made it smaller or the keys more varied: look at {changes}."
        )
    if kind is Kind.CHANGE_POINT and evidence.samples_after < MIN_SEGMENT:
        return f"Run it once more before acting: only {evidence.samples_after} samples show it. Then look at {changes}."
    if kind is Kind.ANOMALY:
        return f"Run it once more before acting: one sample is no change. If it stays, look at {changes}."
    if kind is Kind.TREND:
        return _CREEP.get(category, _CREEP["trend"]).format(name=evidence.metric)
    return _LOOK.get(category, _LOOK["trend"]).format(changes=changes)
