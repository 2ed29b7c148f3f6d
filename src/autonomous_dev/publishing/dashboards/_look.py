"""
What all panels of our dashboards have in common: data source, colours, legends, tables.

Colours are those of Okabe and Ito, which people with any kind of colour vision tell apart
(https://jfly.uni-koeln.de/color/). Grafana has no such palette, so ``coloured_by_name`` makes one.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import prometheus, table, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"

_CATEGORIES: Final = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE)
_CHARACTERS: Final = string.ascii_letters + string.digits + "_.-/<>)"

SEVERITY_COLOURS: Final[Mapping[str, str]] = {"critical": VERMILION, "warning": ORANGE, "info": SKY}

SOURCE: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The data source that the reader chose at the top of the board."""


def fixed(colour: str) -> dashboard_builders.FieldColor:
    """
    One *colour* for everything.
    """
    return dashboard_builders.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(colour)


def of(identifier: str, value: object) -> dashboard.DynamicConfigValue:
    """
    One property of an override.
    """
    return dashboard.DynamicConfigValue(id_val=identifier, value=value)


def query(expr: str, ref_id: str = "A", legend: str = "") -> prometheus.Dataquery:
    """
    A query over the board's time range.
    """
    made = prometheus.Dataquery().expr(expr).ref_id(ref_id).datasource(SOURCE).range()
    return made.legend_format(legend) if legend else made


def now(expr: str, ref_id: str = "A", legend: str = "") -> prometheus.Dataquery:
    """
    A query at the end of the board's time range, one row a series.
    """
    made = prometheus.Dataquery().expr(expr).ref_id(ref_id).datasource(SOURCE).instant()
    return made.legend_format(legend) if legend else made.format(PromQueryFormat.TABLE)


def graph(title: str, description: str, unit: str, empty: str) -> timeseries.Panel:
    """
    A time series panel: lines, and a legend with the newest and the largest value.

    Args:
        title: What it shows.

        description: What it means and what to do about it.

        unit: Grafana's id of the unit.

        empty: What the panel says where there is no data.
    """
    legend = (
        common_builders.VizLegendOptions()
        .show_legend(True)
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    )
    tooltip = (
        common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    )
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .no_value(empty)
        .line_width(2)
        .fill_opacity(0)
        .show_points(common.VisibilityMode.AUTO)
        .legend(legend)
        .tooltip(tooltip)
        .color_scheme(fixed(BLUE))
    )
    for expression, colour in coloured_by_name():
        panel.override_by_regexp(expression, [of("color", {"mode": "fixed", "fixedColor": colour})])
    return panel


def coloured_by_name() -> list[tuple[str, str]]:
    """
    For each colour a regular expression of the series' names that get it.

    The first and the last character decide, so that an operation or a cache has one colour in every graph, whatever
    else is shown; what a legend puts before the name (``p95``) does not count.
    """
    count = len(_CATEGORIES)
    classes = ["".join(c for c in _CHARACTERS if ord(c) % count == index) for index in range(count)]
    sets = [f"[{re.escape(characters)}]" for characters in classes]
    found = []
    for number, colour in enumerate(_CATEGORIES):
        pairs = "|".join(f"{first}.*{sets[(number - index) % count]}" for index, first in enumerate(sets))
        found.append((rf"/^(?:p\d\d )?(?:{pairs}) *$/", colour))
    return found


def rows(title: str, description: str, unit: str, empty: str) -> table.Panel:
    """
    A table panel, arguments as ``graph``.
    """
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .no_value(empty)
        .cell_height(common.TableCellHeight.SM)
        .color_scheme(dashboard_builders.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color("text"))
    )


def merged(names: Mapping[str, str]) -> list[dashboard.DataTransformerConfig]:
    """
    One row for each set of labels, with these columns in this order and no others.

    Args:
        names: Column or label → heading; the value of query B is ``Value #B``, that of an only query ``Value``.
    """
    places = {column: place for place, column in enumerate(names)}
    return [
        dashboard.DataTransformerConfig(id_val="merge", options={}),
        dashboard.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(names)}}),
        dashboard.DataTransformerConfig(
            id_val="organize",
            options={"excludeByName": {}, "indexByName": places, "renameByName": dict(names)},
        ),
    ]


def severity_words() -> dashboard.DynamicConfigValue:
    """
    The override that shows a severity in its colour.
    """
    words = {
        severity: dashboard.ValueMappingResult(text=severity, color=colour, index=index)
        for index, (severity, colour) in enumerate(SEVERITY_COLOURS.items())
    }
    return of("mappings", [dashboard.ValueMap(options=words)])


COLOURED_TEXT: Final = dashboard.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"})

NOTHING: Final = dashboard.DynamicConfigValue(id_val="noValue", value="–")
"""What an empty cell says; without it, it would say what the whole table says when it is empty."""
