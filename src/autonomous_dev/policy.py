"""
The user's policy, typed: thresholds, what counts as better, which branch is judged, how alerts speak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

DAY: Final = 86400.0


class Polarity(StrEnum):
    """
    Which way a metric is better.
    """

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Threshold:
    """
    A bound that a metric is to keep.

    Attributes:
        metric: Name of the metric: ``test_duration`` of ``test_duration_max``.

        bound: In the metric's own unit.

        upper: True where the metric is to stay at or below *bound*, false where at or above.

        line: Line of the policy file, counted from 1; 0 where there is no file.
    """

    metric: str
    bound: float
    upper: bool
    line: int = 0


@dataclass(frozen=True, slots=True)
class MetricPolicy:
    """
    What the policy says of one metric.

    Attributes:
        better: Which way is better; None leaves it to the name and the unit.

        min_change: Smallest change worth speaking of, as a share of the level before: 0.05 for 5%.

        identity: Metadata keys that distinguish series; None leaves the split to the rules.
    """

    better: Polarity | None = None
    min_change: float = 0.0
    identity: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """
    How alerting rules speak.

    Attributes:
        hold: Seconds that a condition on a live metric must hold before it alerts (``for:`` in Prometheus).

        stale_after: Seconds without a new sample after which a recorded metric is stale.

        dashboard_url: Where an alert points to.

        labels: Labels that every alert gets, for routing.
    """

    hold: float = 300.0
    stale_after: float = 7 * DAY
    dashboard_url: str = "http://127.0.0.1:3000/d/autonomous-dev-overview"
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Policy:
    """
    The whole policy; ``Policy()`` is the default one, without thresholds.

    Attributes:
        thresholds: Bounds on metrics.

        cache_size: Largest capacity, in entries, that a cache should have; None for no bound.

        metrics: What is said of single metrics, by name.

        default_branches: Branches whose samples are judged.

        alerts: How alerting rules speak.

        source: The file it was read from; empty where there is none.
    """

    thresholds: tuple[Threshold, ...] = ()
    cache_size: int | None = None
    metrics: Mapping[str, MetricPolicy] = field(default_factory=lambda: MappingProxyType({}))
    default_branches: tuple[str, ...] = ("main", "master")
    alerts: AlertPolicy = AlertPolicy()
    source: str = ""

    def metric(self, name: str) -> MetricPolicy:
        """
        What the policy says of metric *name*; the defaults where it says nothing.
        """
        return self.metrics.get(name, MetricPolicy())
