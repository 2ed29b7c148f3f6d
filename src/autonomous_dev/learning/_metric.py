"""
One recorded sample, as ``get_metrics`` hands it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from autonomous_dev.conventions import RUN_ID
from autonomous_dev.series import Attributes, Series


@dataclass(frozen=True, slots=True)
class Metric:
    """
    One sample of a metric.

    Attributes:
        name: As it was recorded.

        value: In *unit*.

        timestamp: Unix seconds.

        metadata: What was recorded with it, identity and context; read-only.

        unit: UCUM unit; empty where none was given.
    """

    name: str
    value: float
    timestamp: float
    metadata: Mapping[str, Any]
    unit: str = ""


def metrics_of(series: Series, start: int = 0, end: int | None = None) -> Iterator[Metric]:
    """
    The samples of *series* from place *start* up to *end*, oldest first; those of one context share their metadata.
    """
    shared: dict[Attributes, Mapping[str, Any]] = {}
    key = series.key
    for time, value, context in zip(
        series.times[start:end].tolist(), series.values[start:end].tolist(), series.contexts[start:end], strict=True
    ):
        metadata = shared.get(context)
        if metadata is None:
            metadata = shared[context] = _metadata((*key.identity, *context))
        yield Metric(key.name, value, time / 10**9, metadata, key.unit)


def _metadata(attributes: Attributes) -> Mapping[str, Any]:
    return MappingProxyType(
        {key: list(value) if isinstance(value, tuple) else value for key, value in attributes if key != RUN_ID}
    )
