"""
Sentences: what happened to a series, and what to do about it.
"""

from __future__ import annotations

import math
from typing import Final

from autonomous_dev.conventions import CACHE, OPERATION, OWN_PREFIX
from autonomous_dev.learning._insight import Direction, Evidence, Since
from autonomous_dev.learning._quantity import quantity
from autonomous_dev.learning.detectors import Kind

SHORT_HASH: Final = 12
"""Characters of a version that a sentence shows."""

_NAMED_VERSIONS: Final = 4
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
_BESIDE_LEVEL: Final = {
    Kind.VARIABILITY: "Repeat it on one machine to see whether the runner or the code scatters; then look at {changes}.",
    Kind.TAIL: "Look at the slowest samples alone (retries, cold caches, pauses, one slow host), and at {changes}.",
    Kind.FORECAST: "Act before it is crossed: profile it now and find what grows with every run; if it may grow, "
    "raise the bound on {name} in the policy.",
}


def title(evidence: Evidence) -> str:
    """
    What a series is called in sentences: ``test_duration (suite=integration)``; our own names lose their prefix.
    """
    short = {OPERATION: "operation", CACHE: "cache"}
    inside = ", ".join(f"{short.get(key, key)}={value}" for key, value in evidence.identity.items())
    name = evidence.metric.removeprefix(OWN_PREFIX)
    return f"{name} ({inside})" if inside else name


def describe(
    kind: Kind,
    direction: Direction,
    evidence: Evidence,
    *,
    horizon: tuple[float, float, float] | None = None,
) -> str:
    """
    One sentence: what changed, how far, since when. Samples are counted from 1 in sentences.

    Args:
        kind: What was found.

        direction: What it means.

        evidence: The numbers.

        horizon: Of a forecast: samples until the bound is crossed, as earliest, likeliest and latest.
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
    if kind in {Kind.VARIABILITY, Kind.TAIL, Kind.FORECAST}:
        return f"{what} {_beside_level(kind, evidence, before, after, horizon)}"
    return f"{what} {_verb(direction, evidence)}: {before} → {after} {_since(evidence)}"


def _beside_level(
    kind: Kind, evidence: Evidence, before: str, after: str, horizon: tuple[float, float, float] | None
) -> str:
    """
    What is no change of level: a scatter, a tail, a bound that is not crossed yet.
    """
    rose = evidence.effect > 0
    if kind is Kind.VARIABILITY:
        return f"scatters {'more' if rose else 'less'}: ±{before} → ±{after} around its level {_since(evidence)}"
    if kind is Kind.TAIL:
        way = "rose" if rose else "fell"
        return f"has a tail that {way} while the median stayed: p95 {before} → {after} {_since(evidence)}"
    bound = "at most" if rose else "at least"
    return f"is creeping towards its bound: {before} now, wanted {bound} {after}, {_ahead(evidence, horizon)}"


def _ahead(evidence: Evidence, horizon: tuple[float, float, float] | None) -> str:
    """
    When a bound is crossed: ``crossed in about 9 runs (5 to 20)``.
    """
    if horizon is None:
        return _since(evidence)
    earliest, likeliest, latest = (max(math.ceil(samples), 1) for samples in horizon)
    about = f"about {likeliest} {'run' if likeliest == 1 else 'runs'}"
    return f"crossed in {about}" + (f" ({earliest} to {latest})" if earliest < latest else "")


def span(seconds: float) -> str:
    """
    A time in words, in days where it is two days or more: ``9 days``, ``36 hours``, ``5 minutes``.

    Args:
        seconds: 0 or more.
    """
    for name, length in (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {name}s"
    return f"{seconds:.0f} {'second' if round(seconds) == 1 else 'seconds'}"


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
    return f", {since.version_key or 'version'} {since.version[:SHORT_HASH]}" if since.version else ""


def commit_range(since: Since | None) -> str:
    """
    The versions to look at: ``last_good..newest`` where one is known to be good, a list where they are few; else empty.

    The newest is the last that may have made it, which may be newer than that of the first sample of the new state.
    """
    if since is None:
        return ""
    newest = since.versions[-1] if since.versions else since.version
    if since.last_good and newest and since.last_good != newest:
        return f"{since.last_good[:SHORT_HASH]}..{newest[:SHORT_HASH]}"
    return ", ".join(version[:SHORT_HASH] for version in since.versions[:_NAMED_VERSIONS]) or newest[:SHORT_HASH]


def run_again(runs: int) -> str:
    """
    What to do about something unconfirmed: ``run it again: 2 more runs would settle it``.

    Args:
        runs: How many more like the newest would settle it; 0 where nobody knows.
    """
    if not runs:
        return "run it again before acting"
    return f"run it again: {runs} more {'run' if runs == 1 else 'runs'} would settle it"


def suggest(kind: Kind, direction: Direction, category: str, evidence: Evidence, *, settles_in: int = 0) -> str:
    """
    What to do about it.

    Args:
        kind: What was found.

        direction: What it means.

        category: What the metric is about.

        evidence: The numbers.

        settles_in: Of something unconfirmed: how many more runs would settle it.
    """
    since = evidence.since
    changes = commit_range(since) or f"the change before sample {since.index + 1}"
    if kind is Kind.UNCONFIRMED:
        again = run_again(settles_in)
        return f"{again[0].upper()}{again[1:]}. Only if it stays, look at {changes}."
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
    if kind is Kind.ANOMALY:
        return f"Run it once more before acting: one sample is no change. If it stays, look at {changes}."
    if kind is Kind.TREND:
        return _CREEP.get(category, _CREEP["trend"]).format(name=evidence.metric)
    wanted = _BESIDE_LEVEL.get(kind) or _LOOK.get(category, _LOOK["trend"])
    return wanted.format(changes=changes, name=evidence.metric)
