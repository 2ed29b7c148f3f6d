"""
How well caches work, and whether they are large enough.
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import table, timeseries

from autonomous_dev.conventions import HIT
from autonomous_dev.publishing.dashboards._look import graph, merged, now, of, query, rows
from autonomous_dev.publishing.dashboards._names import (
    CACHE_LABEL,
    CAPACITY,
    EVICTIONS,
    LOOKUPS,
    RESULT_LABEL,
    SIZE,
    WINDOW,
    chosen,
)

MOST: Final = 8
"""Caches that a graph shows."""

_LEGEND: Final = f"{{{{{CACHE_LABEL}}}}}"
_NO_LOOKUP: Final = "No cache was looked up in this time range: decorate a function with @cached."


def _per_cache(expr: str) -> str:
    return f"sum by ({CACHE_LABEL}) ({expr})"


def hit_rates() -> timeseries.Panel:
    """
    Share of lookups that were hits: of the caches with the lowest share.
    """
    found = f'{RESULT_LABEL}="{HIT}"'
    hits = _per_cache(f"rate({chosen(LOOKUPS, found)}{WINDOW})")
    lookups = _per_cache(f"rate({chosen(LOOKUPS)}{WINDOW})")
    panel = graph(
        "Hit rate by cache",
        f"Share of lookups that found an entry; the {MOST} caches with the lowest.",
        "percentunit",
        _NO_LOOKUP,
    )
    target = query(f"bottomk({MOST}, {hits} / {lookups})", legend=_LEGEND)
    return panel.min(0).max(1).with_target(target).span(9).height(8)


def evictions() -> timeseries.Panel:
    """
    Entries that a full cache threw out for newer ones.
    """
    evicted = _per_cache(f"rate({chosen(EVICTIONS)}{WINDOW})")
    panel = graph(
        "Evictions by cache",
        f"Entries per second that a full cache threw out for newer ones; the {MOST} caches with the most. "
        "With a low hit rate: a larger capacity would help.",
        "cps",
        _NO_LOOKUP,
    )
    target = query(f"topk({MOST}, {evicted})", legend=_LEGEND)
    return panel.min(0).with_target(target).span(6).height(8)


def sizes() -> table.Panel:
    """
    Entries and capacity of each cache.
    """
    size, capacity = _per_cache(chosen(SIZE)), _per_cache(chosen(CAPACITY))
    panel = rows(
        "Size and capacity",
        "Entries that each cache holds and may hold, summed over all caches of the name and all chosen instances.",
        "short",
        "No cache is registered: decorate a function with @cached.",
    )
    panel = (
        panel.with_target(now(size, "A"))
        .with_target(now(capacity, "B"))
        .with_target(now(f"{size} / {capacity}", "C"))
        .transformations(
            merged({CACHE_LABEL: "Cache", "Value #A": "Entries", "Value #B": "Capacity", "Value #C": "Full"})
        )
        .override_by_name("Entries", [of("custom.width", 80), of("decimals", 0)])
        .override_by_name("Capacity", [of("custom.width", 90), of("decimals", 0)])
        .override_by_name("Full", [of("unit", "percentunit"), of("decimals", 0), of("custom.width", 70)])
        .sort_by([common_builders.TableSortByFieldState().display_name("Full").desc(True)])
    )
    return panel.span(9).height(8)
