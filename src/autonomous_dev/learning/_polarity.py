"""
Which way a metric is better: from the policy, else from its name, else from its unit.
"""

from __future__ import annotations

import re
from typing import Final

from autonomous_dev.conventions import HISTOGRAM_COUNT
from autonomous_dev.policy import Polarity, Policy

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_TIMES: Final = frozenset({
    "delay", "duration", "durations", "elapsed", "lag", "latency", "runtime", "time", "times", "wait",
})  # fmt: skip
_SIZES: Final = frozenset({
    "allocated", "allocation", "allocations", "bytes", "disk", "memory", "rss", "size", "swap",
})  # fmt: skip
_DEFECTS: Final = frozenset({
    "alerts", "bug", "bugs", "complexity", "crash", "crashes", "debt", "defect", "defects", "duplication", "error",
    "errors", "eviction", "evictions", "exceptions", "fail", "failed", "failing", "failure", "failures", "flaky",
    "issue", "issues", "leak", "leaks", "lint", "miss", "misses", "regressions", "retries", "timeouts", "violations",
    "vulnerabilities", "warning", "warnings",
})  # fmt: skip
_COSTS: Final = frozenset({"cost", "costs", "cpu", "loss", "overhead", "scanned", "spend"})
_GOOD: Final = frozenset({
    "accuracy", "availability", "coverage", "covered", "fps", "hit", "hits", "ops", "pass", "passed", "passing",
    "precision", "recall", "score", "speedup", "success", "successes", "throughput", "uptime", "velocity",
})  # fmt: skip
_GOOD_TIMES: Final = frozenset({"availability", "uptime"})
_ROOM: Final = frozenset({"available", "free", "headroom", "remaining"})
"""What is left of something: the more the better, whatever it is left of."""

_NEUTRAL: Final = frozenset({"call", "calls", "commit", "commits", "lookup", "lookups"})
"""Amounts of use: nothing about them is good or bad, whatever their unit says."""

_TIME_UNITS: Final = frozenset({"ns", "us", "µs", "ms", "s", "min", "h", "d", "sec", "seconds", "milliseconds"})
_BYTE_UNITS: Final = frozenset(
    {"By", "KiBy", "MiBy", "GiBy", "TiBy", "KBy", "kBy", "MBy", "GBy", "TBy", "B", "kB", "KB", "MB", "GB", "KiB", "MiB"}
)
_RATE_UNIT: Final = re.compile(r".+/(s|sec|second|min|h)$")
_PER_SECOND: Final = re.compile(r"per_?(s|sec|second)$", re.IGNORECASE)


def polarity(name: str, unit: str, policy: Policy) -> Polarity | None:
    """
    Which way the metric *name* is better; None where nothing says.

    The last telling word of the name decides: ``error_rate`` is about errors, ``coverage_errors`` too. A unit of
    something per second makes words such as ``time`` say nothing: ``query_time`` in ``iter/sec`` is a speed.

    Args:
        name: As the user typed it: ``test_duration``, ``autonomous_dev.call.duration.p95``.

        unit: UCUM unit or what a benchmark tool calls it (``ns/iter``, ``iter/sec``); may be empty.

        policy: ``better`` of the metric comes before everything.
    """
    wanted = policy.metric(name).better
    if wanted is not None:
        return wanted
    rate = bool(_RATE_UNIT.match(unit))
    telling = _GOOD | _DEFECTS | _COSTS | _NEUTRAL | (frozenset() if rate else _TIMES | _SIZES)
    said = words(name)
    if _ROOM & set(said):
        return Polarity.HIGHER
    word = next((word for word in reversed(said) if word in telling), "")
    if word in _GOOD - _GOOD_TIMES and is_time(unit):  # time to the first success
        return Polarity.LOWER
    if word:
        # How often a duration was measured is an amount of use too.
        counted = word in _TIMES | _SIZES and name.endswith(HISTOGRAM_COUNT)
        neutral = word in _NEUTRAL or counted
        return None if neutral else Polarity.HIGHER if word in _GOOD else Polarity.LOWER
    if rate or _PER_SECOND.search(name):
        return Polarity.HIGHER
    return Polarity.LOWER if is_time(unit) or unit in _BYTE_UNITS else None


def words(name: str) -> list[str]:
    """
    The words that *name* is made of, in small letters: ``testDuration.p95`` → test, duration, p, 95.
    """
    return [word.lower() for word in _WORD.findall(name)]


def is_time(unit: str) -> bool:
    """
    Whether *unit* is one of time, also of time per something: ``ns/iter``.
    """
    return unit.partition("/")[0] in _TIME_UNITS


def category(name: str, unit: str) -> str:
    """
    What a metric is about: ``cache``, ``quality``, ``resource``, ``performance``; else ``trend``.
    """
    found = set(words(name))
    if found & {"cache", "cached", "hit", "hits"}:
        return "cache"
    if found & (_TIMES | {"throughput", "ops", "fps"}) or is_time(unit) or _RATE_UNIT.match(unit):
        return "performance"
    if found & (_DEFECTS | (_GOOD - {"velocity", "uptime"})) or found & {"quality", "tests"}:
        return "quality"
    if found & (_SIZES | _COSTS) or unit in _BYTE_UNITS:
        return "resource"
    return "trend"
