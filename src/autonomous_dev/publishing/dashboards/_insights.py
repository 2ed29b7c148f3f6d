"""
What got worse, since when, and how sure that is.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.models import common

from autonomous_dev.learning import Severity
from autonomous_dev.publishing.dashboards._look import (
    BLUE,
    COLOURED_TEXT,
    NOTHING,
    SEVERITY_COLOURS,
    SOURCE,
    fixed,
    merged,
    now,
    of,
    rows,
    severity_words,
)
from autonomous_dev.publishing.dashboards._names import (
    ABOUT_LABEL,
    CATEGORY_LABEL,
    CONFIDENCE,
    ID_LABEL,
    METRIC_LABEL,
    OPEN_INSIGHTS,
    SEVERITY_LABEL,
    SINCE,
    about,
    chosen,
)


def open_insights() -> stat.Panel:
    """
    How many insights are open, by severity.
    """
    panel = (
        stat.Panel()
        .title("Open insights")
        .description(
            "Changes and broken bounds that are open now, by severity. "
            "Nothing here means that nothing was published, not that all is well."
        )
        .datasource(SOURCE)
        .unit("short")
        .decimals(0)
        .no_value("none published")
        .color_scheme(fixed(BLUE))
        .color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME)
        .orientation(common.VizOrientation.HORIZONTAL)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(now(f"sum by ({SEVERITY_LABEL}) ({chosen(OPEN_INSIGHTS)})", legend=f"{{{{{SEVERITY_LABEL}}}}}"))
        .span(5)
        .height(9)
    )
    for severity, colour in SEVERITY_COLOURS.items():
        panel.override_by_name(severity, [of("color", {"mode": "fixed", "fixedColor": colour})])
    return panel


def what_got_worse() -> table.Panel:
    """
    The open insights about what got worse, the most severe first.
    """
    labels = f"{METRIC_LABEL}, {ABOUT_LABEL}, {ID_LABEL}, {CATEGORY_LABEL}, {SEVERITY_LABEL}"
    notable = f'{SEVERITY_LABEL}!="{Severity.INFO}"'
    sure, since = (f"max by ({labels}) ({about(chosen(name, notable))})" for name in (CONFIDENCE, SINCE))
    panel = rows(
        "What got worse, since when, how sure",
        "One row for each open insight of note. Sure: the probability that it is real and lasting. The whole sentence, "
        "the commit, what to do, and changes that are only worth knowing: autonomous-dev insights.",
        "short",
        "Nothing of note is published. Is serve() given the tracker, and are there five samples of each metric?",
    )
    panel = (
        panel.with_target(now(sure, "A"))
        .with_target(now(f"{since} * 1000", "B"))
        .with_target(now(f"time() - {since}", "C"))
        .transformations(
            merged(
                {
                    SEVERITY_LABEL: "Severity",
                    METRIC_LABEL: "Metric",
                    ABOUT_LABEL: "Of",
                    CATEGORY_LABEL: "Category",
                    "Value #A": "Sure",
                    "Value #B": "Since",
                    "Value #C": "For",
                }
            )
        )
        .override_by_name("Severity", [severity_words(), COLOURED_TEXT, of("custom.width", 90)])
        .override_by_name("Of", [NOTHING])
        .override_by_name("Category", [of("custom.width", 120)])
        .override_by_name("Sure", [of("unit", "percentunit"), of("decimals", 0), of("custom.width", 80)])
        .override_by_name("Since", [of("unit", "dateTimeAsIso"), of("custom.width", 170)])
        .override_by_name("For", [of("unit", "s"), of("decimals", 1), of("custom.width", 100)])
        .sort_by(
            [
                common_builders.TableSortByFieldState().display_name("Severity").desc(False),
                common_builders.TableSortByFieldState().display_name("Sure").desc(True),
            ]
        )
    )
    return panel.span(19).height(9)
