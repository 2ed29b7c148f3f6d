"""
Alerts that fire now, and when alerts fired.
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import statetimeline, table
from grafana_foundation_sdk.models import common, dashboard

from autonomous_dev.publishing.dashboards._look import (
    COLOURED_TEXT,
    NOTHING,
    SOURCE,
    VERMILION,
    fixed,
    merged,
    now,
    of,
    query,
    rows,
    severity_words,
)
from autonomous_dev.publishing.dashboards._names import ABOUT_LABEL, CHOSEN_OR_WITHOUT, METRIC_LABEL, about

FIRING: Final = f'ALERTS{{alertstate="firing", {CHOSEN_OR_WITHOUT}}}'
"""The series that Prometheus keeps of every firing alert; it ends when the alert does."""

BEGAN: Final = f"ALERTS_FOR_STATE{{{CHOSEN_OR_WITHOUT}}}"
"""For each active alert the Unix time at which its condition began to hold."""


def firing_now() -> table.Panel:
    """
    The alerts that fire, the newest first.
    """
    labels = f"alertname, severity, {METRIC_LABEL}, {ABOUT_LABEL}"
    began = f"max by ({labels}) ({about(f'{BEGAN} and ignoring (alertstate) {FIRING}')})"
    panel = rows(
        "Alerts firing now",
        "Since: when the alert's condition began to hold, which is before it fired by the rule's for:.",
        "short",
        "No alert fires.",
    )
    panel = (
        panel.with_target(now(f"{began} * 1000", "A"))
        .with_target(now(f"time() - {began}", "B"))
        .transformations(
            merged(
                {
                    "severity": "Severity",
                    "alertname": "Alert",
                    METRIC_LABEL: "Metric",
                    ABOUT_LABEL: "Of",
                    "Value #A": "Since",
                    "Value #B": "For",
                }
            )
        )
        .override_by_name("Severity", [severity_words(), COLOURED_TEXT, of("custom.width", 80)])
        .override_by_name("Alert", [of("custom.width", 170)])
        .override_by_name("Of", [NOTHING])
        .override_by_name("Since", [of("unit", "dateTimeAsIso"), of("custom.width", 155)])
        .override_by_name("For", [of("unit", "s"), of("decimals", 1), of("custom.width", 80)])
        .sort_by([common_builders.TableSortByFieldState().display_name("For").desc(False)])
    )
    return panel.span(16).height(7)


def when_they_fired() -> statetimeline.Panel:
    """
    For each alert the times at which it fired.
    """
    firing = dashboard.ValueMap(options={"1": dashboard.ValueMappingResult(text="firing", color=VERMILION, index=0)})
    return (
        statetimeline.Panel()
        .title("When alerts fired")
        .description(
            "A bar for as long as at least one alert of this name fired. Where each began is marked in every graph."
        )
        .datasource(SOURCE)
        .unit("short")
        .no_value("No alert fired in this time range.")
        .mappings([firing])
        .color_scheme(fixed(VERMILION))
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.7)
        .fill_opacity(80)
        .line_width(0)
        .legend(common_builders.VizLegendOptions().show_legend(False).display_mode(common.LegendDisplayMode.LIST))
        .with_target(query(f"max by (alertname) ({FIRING})", legend="{{alertname}}"))
        .span(8)
        .height(7)
    )


def fired() -> dashboard_builders.AnnotationQuery:
    """
    A mark in every graph at each time at which an alert began to fire.
    """
    # Bars for as long as an alert fires would hide the lines as soon as there are several.
    began = f"{FIRING} unless {FIRING} offset $__interval"
    return (
        dashboard_builders.AnnotationQuery()
        .name("Alerts")
        .datasource(SOURCE)
        .enable(True)
        .icon_color(VERMILION)
        .expr(about(began))
        .step("15s")
        .title_format("{{alertname}}")
        .text_format("{{" + METRIC_LABEL + "}} {{" + ABOUT_LABEL + "}}")
        .tag_keys("severity")
    )
