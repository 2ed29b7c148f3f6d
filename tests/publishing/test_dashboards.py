"""
The boards: kept copies are what the builders make, and every name in them is derived.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import real_programs
from autonomous_dev import conventions
from autonomous_dev.errors import StorageError
from autonomous_dev.prometheus_names import label_name, metric_name

PROJECT = Path(__file__).resolve().parents[2]

if find_spec("grafana_foundation_sdk") is None and os.environ.get("REQUIRE_REAL") != "1":
    pytest.skip("the board builder is missing: pip install --group boards", allow_module_level=True)

from autonomous_dev.publishing import dashboards  # noqa: E402 - it needs the builder

OVERVIEW: dict[str, Any] = json.loads(dashboards.overview())
PANELS = [panel for panel in OVERVIEW["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]


def _panel(title: str) -> dict[str, Any]:
    return next(panel for panel in PANELS if panel["title"] == title)


def test_the_bundled_boards_and_their_copy_are_what_the_builders_make():
    """Nobody edited a built board, and none was forgotten: package data, copy and a fresh build are the same bytes."""
    built = dashboards.built()
    for folder in (dashboards.BUNDLED, dashboards.COPY):
        kept = {path.name: path.read_text(encoding="utf-8") for path in (PROJECT / folder).glob("*.json")}
        assert kept == built, f"{folder} is out of date: run python -m autonomous_dev.publishing.dashboards"


def test_the_documented_command_writes_both_places(tmp_path):
    """The module, run with a folder, writes each board to both places there and says where."""
    for folder in (dashboards.BUNDLED, dashboards.COPY):
        (tmp_path / folder).mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "autonomous_dev.publishing.dashboards", str(tmp_path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    written = [tmp_path / folder / "overview.json" for folder in (dashboards.BUNDLED, dashboards.COPY)]
    assert done.stdout.split() == [str(path) for path in written]
    assert {path.read_text(encoding="utf-8") for path in written} == {dashboards.overview()}


def test_a_folder_that_is_not_the_project_is_refused(tmp_path):
    """Boards are not scattered over a folder that does not keep them: the error names what is missing."""
    with pytest.raises(StorageError, match=r"autonomous_dev_exporters/grafana is not a folder"):
        dashboards.regenerate(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_board_can_be_provisioned():
    """What Grafana's provisioning needs is there, and what only an import by hand understands is not."""
    assert OVERVIEW["uid"] == dashboards.UID == "autonomous-dev-overview"
    assert OVERVIEW["schemaVersion"] >= 36
    assert not {"__inputs", "__requires", "id"} & OVERVIEW.keys()
    assert not [panel["title"] for panel in OVERVIEW["panels"] if panel["type"] == "row" and panel.get("collapsed")]
    ids = [panel["id"] for panel in OVERVIEW["panels"]]
    assert ids == list(range(1, len(ids) + 1))


@pytest.mark.parametrize("names", ["", "()", "test_duration", "(test_duration|lint_errors)"])
def test_prometheus_takes_every_query(tmp_path, names):
    """Every query of a panel, a variable and the annotation is PromQL, also while nothing is recorded yet."""
    variables = [variable["query"] for variable in OVERVIEW["templating"]["list"][1:]]
    selectors = [re.fullmatch(r"label_\w+\((\{.+\})(?:, \w+)?\)", query)[1] for query in variables]
    annotation = next(item for item in OVERVIEW["annotations"]["list"] if item["name"] == "Alerts")["expr"]
    values = {
        "${recorded:regex}": names,
        '${labels:join:", "}': '__name__", "suite',
        "$__rate_interval": "1m",
        "$__interval": "15s",
        "$__range": "6h",
        "$job": ".*",
        "$instance": ".*",
    }
    rules = []
    for number, expr in enumerate([*EXPRESSIONS, *selectors, annotation]):
        for variable, value in values.items():
            expr = expr.replace(variable, value)  # noqa: PLW2901 - one variable after the other
        rules.append({"record": f"query:number{number}", "expr": expr})
    path = tmp_path / "queries.yml"
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(
        [real_programs.require("promtool"), "check", "rules", "--lint=none", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_variables_lead_from_data_source_to_metric():
    """A reader chooses the data source, then job and instance, then which recorded metrics to see."""
    variables = OVERVIEW["templating"]["list"]
    assert [variable["name"] for variable in variables] == ["datasource", "job", "instance", "recorded", "labels"]
    assert variables[0]["type"] == "datasource"
    assert all(variable["refresh"] for variable in variables[1:])


def test_every_panel_explains_itself():
    """Each panel says what it shows, in which unit, and why it may be empty."""
    for panel in PANELS:
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"], panel["id"]
        assert len(panel["description"]) > 20, panel["title"]
        assert defaults["unit"], panel["title"]
        assert defaults["noValue"], panel["title"]


def test_every_series_of_ours_is_shown_by_its_derived_name():
    """The board asks for exactly those of our metrics that the conventions have, under the names that are scraped."""
    known = {
        metric_name(conventions.CALL_DURATION, "s") + "_bucket",
        metric_name(conventions.CALL_DURATION, "s") + "_count",
        metric_name(conventions.CACHE_LOOKUPS, "{lookup}", counter=True),
        metric_name(conventions.CACHE_EVICTIONS, "{eviction}", counter=True),
        metric_name(conventions.CACHE_SIZE, "{entry}"),
        metric_name(conventions.CACHE_CAPACITY, "{entry}"),
        metric_name(conventions.INSIGHTS, "{insight}"),
        metric_name(conventions.INSIGHT_CONFIDENCE, "1"),
        metric_name(conventions.INSIGHT_SINCE, "s"),
    }
    assert {name for expr in EXPRESSIONS for name in re.findall(r"(autonomous_dev_\w+){", expr)} == known


def test_every_label_of_ours_is_derived():
    """No label in a query is typed by hand: each is one of the conventions' attributes."""
    attributes = {value for name, value in vars(conventions).items() if name.isupper() and isinstance(value, str)}
    labels = {label_name(attribute) for attribute in attributes if attribute.startswith(conventions.OWN_PREFIX)}
    used = {word for expr in EXPRESSIONS for word in re.findall(r"\bautonomous_dev_\w+\b(?!{)", expr)}
    assert used
    assert used <= labels


def test_firing_alerts_are_a_panel_and_marks_in_every_graph():
    """Alerts that fire are listed with the time since when, and each time at which one fired is marked."""
    now = [target["expr"] for target in _panel("Alerts firing now")["targets"]]
    assert all('ALERTS{alertstate="firing"' in expr and "ALERTS_FOR_STATE" in expr for expr in now)
    annotation = next(item for item in OVERVIEW["annotations"]["list"] if item["name"] == "Alerts")
    assert annotation["enable"]
    assert 'ALERTS{alertstate="firing"' in annotation["expr"]


@pytest.mark.parametrize(
    ("recorded", "unit"),
    [("test_duration", "s"), ("coverage_percent", "%"), ("lint_errors", ""), ("heap", "By"), ("traffic", "By/s")],
)
def test_the_value_of_a_recorded_metric_is_found_whatever_its_unit(recorded, unit):
    """From the name that the timestamp tells, the selector finds the value's series, and not the timestamp's."""
    expression = _panel("$recorded")["targets"][0]["expr"]
    pattern = re.search(r'__name__=~"(.+?)", __name__', expression)[1].replace("${recorded:regex}", recorded)
    assert re.fullmatch(pattern, metric_name(recorded, unit))
    assert not re.fullmatch(pattern, metric_name(recorded + conventions.LAST_RECORDED, "s"))
    assert not re.fullmatch(pattern, f"other_{recorded}")


@pytest.mark.parametrize(
    ("legend", "unit"),
    [
        ("test_duration_seconds integration", "s"),
        ("test_duration_seconds", "s"),
        ("heap_bytes linux", "bytes"),
        ("coverage_percent", "percent"),
        ("build_milliseconds", "ms"),
        ("lint_errors seconds", None),
    ],
)
def test_a_recorded_metric_is_drawn_in_the_unit_at_the_end_of_its_name(legend, unit):
    """Seconds are drawn as seconds and bytes as bytes, by the name in the legend and not by a label's value."""
    assert _overridden(_panel("$recorded"), legend, "unit") == unit


@pytest.mark.parametrize(
    "name", ["search", "build_index", "app.views.Home.get", "<lambda>", "x9", "p95 search", "lint_errors  "]
)
def test_a_name_has_one_colour_in_every_graph(name):
    """An operation or a cache is drawn in the same colour everywhere, whatever else is drawn."""
    colours = {_overridden(panel, name, "color")["fixedColor"] for panel in PANELS if panel["type"] == "timeseries"}
    assert len(colours) == 1
    assert colours == {_overridden(_panel("How often they run"), name.removeprefix("p95 "), "color")["fixedColor"]}


def test_names_are_spread_over_all_colours():
    """Of many names no colour gets more than half, and each gets some."""
    names = [f"{first}peration{last}" for first in "abcdefgh" for last in "nostuvw123"]
    colours = Counter(_overridden(_panel("How often they run"), name, "color")["fixedColor"] for name in names)
    assert len(colours) == 6
    assert max(colours.values()) < len(names) / 2


def _overridden(panel: dict[str, Any], name: str, wanted: str) -> Any:
    """
    What Grafana makes of a property of the series of this *name*: the last override whose expression finds it.
    """
    value = None
    for override in panel["fieldConfig"]["overrides"]:
        expression = override["matcher"]["options"]
        if override["matcher"]["id"] == "byRegexp" and re.search(expression.strip("/"), name):
            value = next((item["value"] for item in override["properties"] if item["id"] == wanted), value)
    return value


def test_no_colour_says_good_or_bad_by_red_and_green():
    """Only colours that people with any colour vision tell apart are used."""
    colours = set(re.findall(r"#[0-9A-Fa-f]{6}", dashboards.overview()))
    assert colours <= {"#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"}
    assert not re.findall(r'"(?:color|fixedColor)": "(?:red|green)', dashboards.overview())
