"""
Operations whose cost grows faster with the size of their input than their authors declared.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median
from typing import Final

from autonomous_dev._growth import HIGHEST_EXPONENT, fit_growth
from autonomous_dev.complexity import FITTED, NOTATION, ComplexityFit, exponent_between, interval
from autonomous_dev.conventions import (
    DECLARED_COMPLEXITY,
    OPERATION,
    SIZE_CLASS,
    SIZED_CALL_DURATION,
    SIZED_CALL_SIZE,
)
from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Severity, Since
from autonomous_dev.learning._quantity import quantity
from autonomous_dev.learning.advice._still import STILL_SAID
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import Policy
from autonomous_dev.series import VERSION_KEYS, Attributes, AttributeValue, Series, run_of

MAX_CONFIDENCE: Final = 0.95

MIN_EXCESS: Final = 0.2
"""
By how much the whole interval of the exponent must lie above the declared one: less is what memory does to code that
keeps its word.

Of 36 fits of twelve operations whose growth is known (sorting, summing, copying, loops; 60 calls each, CPython 3.11),
the largest error was 0.18, the root mean square 0.06; copying dictionaries, which is linear, came out at up to 1.2.
"""

MIN_RISE: Final = 4.0
"""Typical time at the largest sizes over that at the smallest: memory slower than the caches makes constants double."""

_ENOUGH: Final = 20
"""Pairs from which on the newest run alone is judged, where its sizes span enough."""


@dataclass(frozen=True, slots=True)
class _Interval:
    """
    The calls of one size class in one interval.
    """

    time: int
    size: float
    seconds: float
    context: Attributes


def growths(series: Sequence[Series], policy: Policy, /) -> tuple[LearningInsight, ...]:
    """
    One insight for each operation that surely grows faster than declared, by name.

    Told where the fit excludes the declared growth and the whole 95% interval of the exponent is above the declared one
    by MIN_EXCESS. Of one operation what was declared last is judged; nothing where that was no growth. The confidence is the probability, for the normal errors that the interval stands for, that the
    exponent is above the declared one; at most MAX_CONFIDENCE, which what is told so surely mostly reaches. An operation
    without a declared growth is never told.

    Simulated, with noise of 5% to 50%, overheads, tilts by memory and 10 to 280 intervals: of 1,200 operations that
    kept their word none was told, of 1,680 that grew by two names faster 1,677 were.

    Args:
        series: Of these SIZED_CALL_SIZE and SIZED_CALL_DURATION are read; paired by attributes and time.

        policy: Not asked; part of every adviser's shape.
    """
    del policy
    found = []
    grouped = _by_operation(series)
    newest: dict[str, int] = {}
    for (operation, _), classes in grouped.items():
        newest[operation] = max(newest.get(operation, 0), _newest(classes))
    for (operation, declared), classes in sorted(grouped.items()):
        if declared in FITTED and _newest(classes) == newest[operation]:
            intervals = _judged(classes)
            fit = _worse(intervals, declared)
            if fit is not None:
                found.append(_insight(operation, declared, fit, intervals))
    return tuple(found)


def _by_operation(series: Sequence[Series]) -> dict[tuple[str, str], list[list[_Interval]]]:
    """
    For each operation and declared growth its intervals by size class, each oldest first.
    """
    durations = {one.key.identity: one for one in series if one.key.name == SIZED_CALL_DURATION}
    grouped: dict[tuple[str, str], list[list[_Interval]]] = defaultdict(list)
    for one in series:
        labels = dict(one.key.identity)
        if one.key.name != SIZED_CALL_SIZE or one.key.identity not in durations or SIZE_CLASS not in labels:
            continue
        matching = durations[one.key.identity]
        seconds = dict(zip(matching.times.tolist(), matching.values.tolist(), strict=True))
        columns = zip(one.times.tolist(), one.values.tolist(), one.contexts, strict=True)
        rows = [
            _Interval(time, size, seconds[time], context)
            for time, size, context in columns
            if 1 <= size <= 1e100 and 0 < seconds.get(time, 0) < math.inf
        ]
        operation, declared = str(labels.get(OPERATION, "")), str(labels.get(DECLARED_COMPLEXITY, ""))
        if rows:
            grouped[operation, declared].append(rows[-STILL_SAID:])
    return grouped


def _newest(classes: list[list[_Interval]]) -> int:
    return max(row.time for rows in classes for row in rows)


def _judged(classes: list[list[_Interval]]) -> list[_Interval]:
    """
    The intervals of the newest run where they suffice, else the newest of every run; by size.
    """
    rows = sorted((row for rows in classes for row in rows), key=lambda row: row.size)
    run = _run(max(rows, key=lambda row: row.time))
    own = [row for row in rows if _run(row) == run]
    return own if len(own) >= _ENOUGH and _span(own) >= _span(rows) / 2 else rows


def _run(row: _Interval) -> AttributeValue:
    return run_of(row.context)


def _span(rows: list[_Interval]) -> float:
    return math.log(rows[-1].size / rows[0].size)


def _worse(rows: list[_Interval], declared: str) -> ComplexityFit | None:
    smallest, largest = rows[0].size, rows[-1].size
    end = max(1, len(rows) // 8)
    rise = median(row.seconds for row in rows[-end:]) / median(row.seconds for row in rows[:end])
    if largest <= smallest or rise < MIN_RISE:
        return None
    fit = fit_growth([row.size for row in rows], [row.seconds for row in rows])
    if fit.complexity not in FITTED[FITTED.index(declared) + 1 :] or declared in fit.candidates:
        return None
    promised = exponent_between(declared, smallest, largest)
    return fit if fit.low > promised + MIN_EXCESS else None


def _insight(operation: str, declared: str, fit: ComplexityFit, rows: list[_Interval]) -> LearningInsight:
    smallest, largest = rows[0].size, rows[-1].size
    promised = exponent_between(declared, smallest, largest)
    ahead = 10 ** math.ceil(math.log10(2 * largest))
    takes = quantity(float(f"{fit.seconds(ahead):.2g}"), SIZED_CALL_DURATION, "s")
    return LearningInsight(
        category="performance",
        description=(
            f"{operation} grows like {NOTATION[fit.complexity]} (exponent {fit.exponent:.2f}, "
            f"{interval(fit.low, fit.high)}), declared {NOTATION[declared]}: "
            f"{ahead:,} items will take about {takes}"
        ),
        confidence=_confidence(fit, promised),
        suggested_action=(
            f"Profile {operation} with {largest:,.0f} items and look for work that is done again for each item: a loop "
            f"in a loop, a search in a list, a copy or a query per item. If it is meant to grow so, "
            f'declare complexity="{fit.complexity}".'
        ),
        kind=Kind.GROWTH,
        direction=Direction.WORSE,
        severity=Severity.WARNING,
        evidence=Evidence(
            metric=SIZED_CALL_DURATION,
            identity={OPERATION: operation, DECLARED_COMPLEXITY: declared},
            unit="1",
            before=promised,
            after=fit.exponent,
            effect=fit.exponent - promised,
            interval=(fit.low - promised, min(fit.high, HIGHEST_EXPONENT) - promised),
            since=_since(rows),
            samples_before=0,
            samples_after=fit.samples,
        ),
        id=hashlib.sha256(f"{Kind.GROWTH}\0{operation}\0{declared}".encode()).hexdigest()[:12],
    )


def _confidence(fit: ComplexityFit, promised: float) -> float:
    """
    Probability that the exponent is above the *promised* one.
    """
    error = (fit.exponent - fit.low) / NormalDist().inv_cdf(0.975)
    return min(NormalDist().cdf((fit.exponent - promised) / error), MAX_CONFIDENCE)


def _since(rows: list[_Interval]) -> Since:
    """
    The first interval that was judged: nothing says that it was better before.
    """
    first = min(rows, key=lambda row: row.time)
    context = dict(first.context)
    version_key = next((key for key in VERSION_KEYS if context.get(key) not in (None, "")), "")
    run = run_of(first.context)
    return Since(
        time=first.time / 1e9,
        index=0,
        index_range=(0, 0),
        version=str(context[version_key]) if version_key else "",
        version_key=version_key,
        run="" if run is None else str(run),
    )
