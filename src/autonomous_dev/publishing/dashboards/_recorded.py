"""
The metrics that a team records itself, whatever they are called, and how fresh they are.
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.models import common

from autonomous_dev.prometheus_names import unit_suffix
from autonomous_dev.publishing.dashboards._look import graph, merged, now, of, query, rows
from autonomous_dev.publishing.dashboards._names import CHOSEN, TIMESTAMP_SUFFIX, recorded, timestamps

VARIABLE: Final = "recorded"
"""The board's variable that holds names of recorded metrics, without their units."""

_NAMES: Final = f"${{{VARIABLE}:regex}}"

MOST: Final = 12
"""Series of one metric that are drawn: those with the highest values."""

LABELS_VARIABLE: Final = "labels"
"""The board's hidden variable that holds the names of the labels that recorded metrics have, and ``__name__``."""

GRAFANA_UNITS: Final = (
    ("s", "s"),
    ("ms", "ms"),
    ("us", "µs"),
    ("ns", "ns"),
    ("min", "m"),
    ("h", "h"),
    ("d", "d"),
    ("By", "bytes"),
    ("KiBy", "kbytes"),
    ("MiBy", "mbytes"),
    ("GiBy", "gbytes"),
    ("KBy", "deckbytes"),
    ("MBy", "decmbytes"),
    ("GBy", "decgbytes"),
    ("%", "percent"),
    ("Hz", "hertz"),
    ("Cel", "celsius"),
)
"""
UCUM units and Grafana's ids for them.

Source: https://github.com/grafana/grafana/blob/v12.3.0/packages/grafana-data/src/valueFormats/categories.ts
"""


def freshness() -> table.Panel:
    """
    When each recorded metric last got a sample.
    """
    newest = f"last_over_time({timestamps(_NAMES)}[$__range])"
    named = f'label_replace({newest}, "metric", "$1", "__name__", "(.+){TIMESTAMP_SUFFIX}")'
    panel = rows(
        "How fresh recorded metrics are",
        "When each recorded metric last got a sample, and how many series it has. What is no longer recorded grows old here.",
        "short",
        "No metric is recorded yet: MetricsTracker().record_metric(name, value).",
    )
    panel = (
        panel.with_target(now(f"count by (metric) ({named})", "A"))
        .with_target(now(f"max by (metric) ({named}) * 1000", "B"))
        .with_target(now(f"time() - max by (metric) ({named})", "C"))
        .transformations(
            merged(
                {
                    "metric": "Metric",
                    "Value #A": "Series",
                    "Value #B": "Newest sample",
                    "Value #C": "Age",
                }
            )
        )
        .override_by_name("Series", [of("decimals", 0)])
        .override_by_name("Newest sample", [of("unit", "dateTimeAsIso")])
        .override_by_name("Age", [of("unit", "s"), of("decimals", 1)])
        .sort_by([common_builders.TableSortByFieldState().display_name("Age").desc(True)])
    )
    return panel.span(24).height(6)


def values() -> timeseries.Panel:
    """
    A graph for each recorded metric that the reader chose, in the unit at the end of its name.
    """
    # Which labels tell the series of a metric apart is the team's choice: the board asks for all names of labels.
    labels = f'"${{{LABELS_VARIABLE}:join:", "}}"'
    named = f'label_join({recorded(_NAMES)}, "series", " ", {labels})'
    panel = graph(
        f"${VARIABLE}",
        "The newest value, a line for each set of labels; of several instances the highest value. "
        f"With more than {MOST} lines, those with the highest values.",
        "short",
        "No value in this time range.",
    )
    panel = panel.line_interpolation(common.LineInterpolation.STEP_AFTER).with_target(
        query(f"topk({MOST}, max by (series) ({named}))", legend="{{series}}")
    )
    for ucum, grafana in GRAFANA_UNITS:
        panel.override_by_regexp(rf"/^\S+_{unit_suffix(ucum)}(?: |$)/", [of("unit", grafana)])
    return panel.repeat(VARIABLE).repeat_direction("h").max_per_row(3).span(8).height(8)


def labels_query() -> str:
    """
    The query of LABELS_VARIABLE; ``up`` is in it so that there always are labels, with ``__name__`` among them.
    """
    return f'label_names({{__name__=~".+{TIMESTAMP_SUFFIX}|up", {CHOSEN}}})'


def labels_regex() -> str:
    """
    What LABELS_VARIABLE keeps: all but what says which target and which scope a series comes from.
    """
    return "/^(?!(?:job|instance|otel_scope_.+)$).+/"
