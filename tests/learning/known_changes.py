"""
Insights about series whose changes are known, without a detector between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from known_series import SECOND

from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight, Severity
from autonomous_dev.learning._since import since_between
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.series import AttributeValue, Series, SeriesKey, attributes_of, make_series

RUNS = 60


def history(
    name: str,
    contexts: Sequence[Mapping[str, AttributeValue]] | None = None,
    *,
    identity: Mapping[str, AttributeValue] | None = None,
    runs: Sequence[int] = range(RUNS),
    values: Sequence[float] | None = None,
    plain: bool = False,
) -> Series:
    """
    A series with a sample in each of *runs*, an hour apart; commits ``c00``, ``c01``, … unless *contexts* say else.
    """
    known = (
        contexts if contexts is not None else [{} if plain else {"commit": f"c{run:02}", "run_id": run} for run in runs]
    )
    column = np.ones(len(runs)) if values is None else np.asarray(values, dtype=np.float64)
    key = SeriesKey(name, "s", attributes_of(identity))
    return make_series(key, [run * 3600 * SECOND for run in runs], column, [attributes_of(one) for one in known])


def change(
    series: Series,
    at: int,
    first: int | None = None,
    last: int | None = None,
    *,
    kind: str = Kind.CHANGE_POINT,
    direction: Direction = Direction.WORSE,
    confidence: float = 0.9,
    effect: float = 0.3,
) -> LearningInsight:
    """
    The insight that *series* changed at sample *at*, or anywhere from *first* to *last*.
    """
    places = (at if first is None else first, at if last is None else last)
    evidence = Evidence(
        metric=series.key.name,
        identity=dict(series.key.identity),
        unit=series.key.unit,
        before=1.0,
        after=1.0 + effect,
        effect=effect,
        interval=(0.9 * effect, 1.1 * effect),
        since=since_between(series, at, places),
        samples_before=at,
        samples_after=len(series) - at,
    )
    return LearningInsight(
        category="performance",
        description=f"{series.key} changed at {at}",
        confidence=confidence,
        kind=kind,
        direction=direction,
        severity=Severity.WARNING if direction is Direction.WORSE else Severity.INFO,
        evidence=evidence,
        id=f"{series.key}:{kind}:{at}",
    )
