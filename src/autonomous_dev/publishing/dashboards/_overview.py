"""
The board *Overview*: what got worse, since when, how sure; alerts; durations; caches; recorded metrics.
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from autonomous_dev.publishing.dashboards import _alerts, _caches, _durations, _insights, _recorded
from autonomous_dev.publishing.dashboards._look import SOURCE
from autonomous_dev.publishing.dashboards._names import ANY_OF_OURS, CHOSEN, TIMESTAMP_SUFFIX

UID: Final = "autonomous-dev-overview"


def overview() -> str:
    """
    The board as JSON text, ready to be provisioned; the same text at each call.
    """
    board = (
        dashboard_builders.Dashboard("Autonomous dev: overview")
        .uid(UID)
        .description("What got worse, since when, how sure that is, and the numbers behind it.")
        .tags(["autonomous-dev"])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard_builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_chosen_by_reader("job", "Job", f"label_values({ANY_OF_OURS}, job)").all_value(".*"))
        .with_variable(
            _chosen_by_reader(
                "instance", "Instance", f'label_values({ANY_OF_OURS[:-1]}, job=~"$job"}}, instance)'
            ).all_value(".*")
        )
        .with_variable(
            _chosen_by_reader(
                _recorded.VARIABLE,
                "Recorded metric",
                f'label_values({{__name__=~".+{TIMESTAMP_SUFFIX}", {CHOSEN}}}, __name__)',
            ).regex(f"/(.+){TIMESTAMP_SUFFIX}/")
        )
        .with_variable(
            _chosen_by_reader(_recorded.LABELS_VARIABLE, "Labels", _recorded.labels_query())
            .regex(_recorded.labels_regex())
            .hide(dashboard.VariableHide.HIDE_VARIABLE)
        )
        .annotation(_alerts.fired())
        .with_row(dashboard_builders.Row("What got worse"))
        .with_panel(_insights.open_insights())
        .with_panel(_insights.what_got_worse())
        .with_row(dashboard_builders.Row("Alerts"))
        .with_panel(_alerts.firing_now())
        .with_panel(_alerts.when_they_fired())
        .with_row(dashboard_builders.Row("Durations"))
        .with_panel(_durations.slowest())
        .with_panel(_durations.busiest())
        .with_panel(_durations.errors())
        .with_row(dashboard_builders.Row("Caches"))
        .with_panel(_caches.hit_rates())
        .with_panel(_caches.evictions())
        .with_panel(_caches.sizes())
        .with_row(dashboard_builders.Row("Recorded metrics"))
        .with_panel(_recorded.freshness())
        .with_panel(_recorded.values())
        .build()
    )
    # The builders number no panels; links to a panel need a number that stays.
    for number, panel in enumerate(board.panels or [], start=1):
        panel.id_val = number
    return f"{JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(board)}\n"


def _chosen_by_reader(name: str, label: str, query: str) -> dashboard_builders.QueryVariable:
    return (
        dashboard_builders.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(dashboard.VariableOption(text="All", value="$__all"))
    )
