"""
Budgets: operations that take longer than their profilers were told they may.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from autonomous_dev.conventions import (
    CALL_BUDGET,
    CALL_DURATION,
    HISTOGRAM_COUNT,
    HISTOGRAM_MEAN,
    HISTOGRAM_QUANTILES,
    OPERATION,
)
from autonomous_dev.learning._importance import SURE
from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Severity, Since
from autonomous_dev.learning._quantity import quantity
from autonomous_dev.learning.advice._still import held_budget
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import Policy
from autonomous_dev.series import VERSION_KEYS, Attributes, Series, run_of

_P95 = CALL_DURATION + HISTOGRAM_QUANTILES[-1][0]


def budgets(series: Sequence[Series], policy: Policy) -> tuple[LearningInsight, ...]:
    """
    One insight for each operation whose successful calls are over its budget.

    The newest budget counts, for as long as it is still said. An operation is over it where one call in twenty takes longer: where the p95 of the
    newest interval is above it. The confidence is ``1 - 0.2 / k`` after k such intervals in a row, as for thresholds.

    Args:
        series: The judged samples of every series, each oldest first.

        policy: Not asked: a budget is the program's own word.
    """
    del policy
    found = {(one.key.name, one.key.identity): one for one in series if len(one)}
    return tuple(
        insight
        for (name, identity), one in found.items()
        if name == CALL_BUDGET and (insight := _over(one, identity, found)) is not None
    )


def _over(said: Series, identity: Attributes, found: Mapping[tuple[str, Attributes], Series]) -> LearningInsight | None:
    p95 = found.get((_P95, identity))
    budget = held_budget(said, p95) if p95 is not None else None
    if p95 is None or budget is None or not p95.values[-1] > budget:
        return None
    within = np.flatnonzero(p95.values <= budget)
    first = int(within[-1]) + 1 if len(within) else 0
    intervals = len(p95) - first
    confidence = 1 - 0.2 / intervals
    mean = _at(found.get((CALL_DURATION + HISTOGRAM_MEAN, identity)), int(p95.times[-1]))
    calls = _since(found.get((CALL_DURATION + HISTOGRAM_COUNT, identity)), int(p95.times[first]))
    operation = str(dict(identity).get(OPERATION, ""))
    newest, since = float(p95.values[-1]), _begun(p95, first)
    began = datetime.fromtimestamp(since.time, UTC).strftime("%Y-%m-%d %H:%M UTC")
    at = f", {since.version_key} {since.version[:12]}" if since.version else ""
    return LearningInsight(
        category="performance",
        description=(
            f"`{operation}` is over its budget: p95 {_spoken(newest)}, budget {_spoken(budget)}, since {began}{at} "
            f"({intervals} {'interval' if intervals == 1 else 'intervals'}, {calls:,.0f} calls)"
        ),
        confidence=confidence,
        suggested_action=_remedy(operation, mean, budget),
        kind=Kind.BUDGET,
        direction=Direction.WORSE,
        severity=_severity(confidence, mean, budget),
        evidence=Evidence(
            metric=_P95,
            identity=dict(identity),
            unit="s",
            before=budget,
            after=newest,
            effect=newest - budget,
            interval=(newest - budget, newest - budget),
            since=since,
            samples_before=first,
            samples_after=intervals,
        ),
        id=hashlib.sha256(
            json.dumps([Kind.BUDGET, identity, int(p95.times[first]) // 1_000_000], default=str).encode()
        ).hexdigest()[:12],
    )


def _at(series: Series | None, time: int) -> float:
    """
    The value of *series* at *time*, Unix nanoseconds; NaN where it has none.
    """
    if series is None:
        return math.nan
    place = int(np.searchsorted(series.times, time, "right")) - 1
    return float(series.values[place]) if place >= 0 and int(series.times[place]) == time else math.nan


def _since(counts: Series | None, time: int) -> float:
    return 0.0 if counts is None else float(counts.values[counts.times >= time].sum())


def _begun(series: Series, first: int) -> Since:
    context = dict(series.contexts[first])
    key = next((key for key in VERSION_KEYS if context.get(key) not in (None, "")), "")
    before = dict(series.contexts[first - 1]) if first else {}
    run = run_of(series.contexts[first])
    return Since(
        time=float(series.times[first]) / 1e9,
        index=first,
        index_range=(first, first),
        version=str(context[key]) if key else "",
        version_key=key,
        last_good=str(before.get(key) or ""),
        run="" if run is None else str(run),
    )


def _severity(confidence: float, mean: float, budget: float) -> Severity:
    """
    Critical where the usual call is over the budget too, not only one in twenty.
    """
    if confidence < SURE:
        return Severity.INFO
    return Severity.CRITICAL if mean > budget else Severity.WARNING


def _remedy(operation: str, mean: float, budget: float) -> str:
    if mean > budget:
        return (
            f"Profile `{operation}`: its mean, {_spoken(mean)}, is over the budget too, so that every call is too slow; "
            f"or give it the budget that it needs."
        )
    return (
        f"Look at the slowest calls of `{operation}` (the exemplars of its histogram lead to their traces), since the "
        f"usual one is within the budget; or give it the budget that it needs."
    )


def _spoken(seconds: float) -> str:
    return quantity(seconds, CALL_DURATION, "s")
