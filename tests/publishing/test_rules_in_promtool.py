"""
The rules as a real Prometheus evaluates them: each fires and is silent when it should.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rules_inputs import NOW, START, cache, check_with_promtool, every_kind, identified, operation, rules_for, series

import real_programs
from autonomous_dev.policy import AlertPolicy, Polarity, Policy, Threshold
from autonomous_dev.policy import MetricPolicy as Of
from autonomous_dev.publishing import RULES_FILE, TESTS_FILE, RuleSet, rules_yaml
from autonomous_dev.publishing._phrase import Live, spoken
from autonomous_dev.series import Attributes, Series

pytestmark = pytest.mark.slow

MINUTE = 60


_FAILED = re.compile(r"alertname: ?\w+, time: ?(\w+)")
_UNITS = {"d": 1440, "h": 60, "m": 1, "s": 0}


def _firing(
    rules: RuleSet, folder: Path, alert: str, feeds: dict[str, str], at: Sequence[int], every: int = 1
) -> list[bool]:
    """
    Whether *alert* fires at each of the minutes *at*, when the series are *feeds* (promtool's notation).

    Samples and evaluations come *every* so many minutes. That nothing fires is what promtool is told to expect.
    """
    promtool = real_programs.require("promtool")
    (folder / RULES_FILE).write_text(rules_yaml(rules), encoding="utf-8")
    test = {
        "rule_files": [RULES_FILE],
        "evaluation_interval": f"{every}m",
        "tests": [
            {
                "interval": f"{every}m",
                "input_series": [{"series": name, "values": values.strip()} for name, values in feeds.items()],
                "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []} for minute in at],
            }
        ],
    }
    (folder / "one.test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", "one.test.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    times = [re.findall(r"(\d+)([dhms])", time) for time in _FAILED.findall(said)]
    fired = {sum(int(count) * _UNITS[unit] for count, unit in time) for time in times}
    assert bool(fired) == (done.returncode != 0), said
    assert fired <= set(at), said
    return [minute in fired for minute in at]


def test_the_generated_files_pass(tmp_path: Path) -> None:
    """Promtool finds no fault in the rules of every kind, and each of their tests passes."""
    check_with_promtool(rules_for(every_kind()), tmp_path)


def test_the_empty_files_pass(tmp_path: Path) -> None:
    """So it does where nothing was recorded."""
    check_with_promtool(rules_for([], Policy()), tmp_path)


def test_the_tests_notice_a_rule_that_never_fires(tmp_path: Path) -> None:
    """With a limit moved out of reach, promtool's run of the generated tests fails for every kind."""
    promtool = real_programs.require("promtool")
    policy = Policy.parse("performance: {test_duration_max: 60, coverage_percent_min: 80}")
    rules = rules_for(every_kind(), policy)
    check_with_promtool(rules, tmp_path)
    document = yaml.safe_load(rules_yaml(rules))
    for group in document["groups"]:
        for rule in group["rules"]:
            rule["expr"] = "vector(1) > 2"
    (tmp_path / RULES_FILE).write_text(yaml.safe_dump(document), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", TESTS_FILE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    for alert in {rule.alert for rule in rules.rules}:
        assert re.search(rf"alertname: ?{alert},", done.stdout + done.stderr)


BUILD = "build_time_seconds"
BUILD_TIME = "build_time_last_recorded_timestamp_seconds"


def _build_rules() -> RuleSet:
    policy = Policy.parse("performance: {build_time_max: 150}")
    return rules_for([series("build_time", [100.0] * 9, "s", every=600.0)], policy, START + 9 * 600)


def _runs(*values: float, length: int = 10) -> dict[str, str]:
    """
    One run every *length* minutes; the gauge holds its value between them.
    """
    return {
        BUILD: " ".join(" ".join([str(value)] * length) for value in values),
        BUILD_TIME: " ".join(" ".join([str(run * length * MINUTE)] * length) for run in range(len(values))),
    }


def test_a_regression_needs_two_runs_in_a_row(tmp_path: Path) -> None:
    """One odd run, however long its gauge is scraped, is silent; the second in a row fires; a good one ends it."""
    feeds = _runs(100, 200, 100, 200, 200, 100)
    at = [5, 15, 19, 25, 35, 39, 45, 49, 55]
    fires = _firing(_build_rules(), tmp_path, "MetricRegressed", feeds, at)
    assert fires == [False, False, False, False, False, False, True, True, False]


def test_a_threshold_fires_on_one_run(tmp_path: Path) -> None:
    """The first run beyond the bound fires, the next good one ends it."""
    assert _firing(_build_rules(), tmp_path, "MetricAboveThreshold", _runs(100, 200, 100), [5, 15, 25]) == [
        False,
        True,
        False,
    ]


def test_runs_that_are_scraped_only_while_they_last(tmp_path: Path) -> None:
    """A process that lives for two scrapes of an hour is judged for as long as its newest sample counts."""
    feeds = {
        BUILD: "100 100 _x58 200 200 _x58 200 200 _x120",
        BUILD_TIME: "0 0 _x58 3600 3600 _x58 7200 7200 _x120",
    }
    rules = _build_rules()
    assert _firing(rules, tmp_path, "MetricRegressed", feeds, [59, 90, 119, 125, 200]) == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert _firing(rules, tmp_path, "MetricAboveThreshold", feeds, [59, 90]) == [False, True]


def test_each_run_may_be_a_target_of_its_own(tmp_path: Path) -> None:
    """Of several instances the one with the newest timestamp is judged, and the one before it is the run before."""
    feeds = {
        f'{BUILD}{{instance="a"}}': "200 200 200 stale",
        f'{BUILD_TIME}{{instance="a"}}': "60 60 60 stale",
        f'{BUILD}{{instance="b"}}': "_x10 100 100 100 stale",
        f'{BUILD_TIME}{{instance="b"}}': "_x10 600 600 600 stale",
        f'{BUILD}{{instance="c"}}': "_x20 200 200 200 stale",
        f'{BUILD_TIME}{{instance="c"}}': "_x20 1200 1200 1200 stale",
        f'{BUILD}{{instance="d"}}': "_x30 200 200 200 stale",
        f'{BUILD_TIME}{{instance="d"}}': "_x30 1800 1800 1800 stale",
    }
    rules = _build_rules()
    assert _firing(rules, tmp_path, "MetricAboveThreshold", feeds, [5, 15, 25]) == [True, False, True]
    assert _firing(rules, tmp_path, "MetricRegressed", feeds, [5, 15, 25, 35]) == [False, False, False, True]


def test_several_samples_of_one_run_are_one_run(tmp_path: Path) -> None:
    """Where runs record a metric several times, the samples of one bad run do not confirm each other."""
    day = 86400
    times = [START + run * day + second for run in range(8) for second in (0, 120)]
    contexts = [(("run_id", str(run)),) for run in range(8) for _ in range(2)]
    plain = identified("build_time", [100.0] * 16, "s", contexts=contexts)
    burst = type(plain)(plain.key, plain.times - plain.times + [t * 10**9 for t in times], plain.values, plain.contexts)
    rules = rules_for([burst], Policy(), START + 8 * day)
    value, time = "100 " * 24 + "200 " * 48, "0 " * 24 + "86400 " + "86520 " * 23 + "172800 " + "172920 " * 23
    feeds, hours = {BUILD: value, BUILD_TIME: time}, [20, 30, 47, 60]
    fires = _firing(rules, tmp_path, "MetricRegressed", feeds, [hour * 60 for hour in hours], every=60)
    assert fires == [False, False, False, True]


def test_a_stale_metric_fires_once_nothing_came_for_long(tmp_path: Path) -> None:
    """The age counts from the newest sample of any target, whether the gauge is still scraped or not."""
    policy = Policy(alerts=AlertPolicy(stale_after=1800.0))
    rules = rules_for([series("build_time", [1.0] * 3, "s", every=60.0)], policy, START + 200)
    held, gone = {BUILD_TIME: "0 " * 60}, {BUILD_TIME: "0 0 stale _x120"}
    assert _firing(rules, tmp_path, "MetricStale", held, [29, 31, 59]) == [False, True, True]
    assert _firing(rules, tmp_path, "MetricStale", gone, [29, 31, 120, 122]) == [False, True, True, False]
    other = {f'{BUILD_TIME}{{instance="a"}}': "0 " * 60, f'{BUILD_TIME}{{instance="b"}}': "1500 " * 60}
    assert _firing(rules, tmp_path, "MetricStale", other, [31, 54, 56]) == [False, False, True]


def test_slow_operations_need_traffic_and_time(tmp_path: Path) -> None:
    """Slow calls fire after ``for:``; three slow calls in the window, slow failures and quick calls never do."""
    rules = rules_for(operation("index", [0.010] * 6))
    base = "autonomous_dev_call_duration_seconds"
    name = 'autonomous_dev_operation_name="index"'

    def feeds(calls: float, seconds: float, more: str = "") -> dict[str, str]:
        return {
            f"{base}_count{{{name}{more}}}": f"0+{calls}x30",
            f"{base}_sum{{{name}{more}}}": f"0+{calls * seconds}x30",
        }

    alert = "OperationSlow"
    assert _firing(rules, tmp_path, alert, feeds(60, 0.125), [2, 4, 8, 20]) == [False, False, True, True]
    assert _firing(rules, tmp_path, alert, feeds(60, 0.0078125), [20]) == [False]
    assert _firing(rules, tmp_path, alert, feeds(0.5, 0.125), [20]) == [False]
    assert _firing(rules, tmp_path, alert, feeds(60, 0.125, ',error_type="KeyError"'), [20]) == [False]


def test_poor_hit_rates_need_traffic_and_time(tmp_path: Path) -> None:
    """A cache that misses fires, without a single hit too; a hitting one, and one with three lookups, never do."""
    rules = rules_for(cache("c", [0.9] * 6))

    def feeds(hits: float | None, misses: float) -> dict[str, str]:
        base = 'autonomous_dev_cache_lookups_total{autonomous_dev_cache_name="c",autonomous_dev_cache_result='
        both = {f'{base}"miss"}}': f"0+{misses}x30"}
        return both if hits is None else {**both, f'{base}"hit"}}': f"0+{hits}x30"}

    alert = "CacheHitRatePoor"
    assert _firing(rules, tmp_path, alert, feeds(30, 30), [3, 8, 20]) == [False, True, True]
    assert _firing(rules, tmp_path, alert, feeds(None, 60), [20]) == [True]
    assert _firing(rules, tmp_path, alert, feeds(58, 2), [20]) == [False]
    assert _firing(rules, tmp_path, alert, feeds(0.25, 0.25), [20]) == [False]


@pytest.mark.parametrize(
    "name", ["inf", "nan", "on", "bool", "ignoring", "group_left", "sum", "by", "offset", "start", "le"]
)
def test_words_of_promql_are_metrics(name: str, tmp_path: Path) -> None:
    """A metric may be called like a word of the language."""
    policy = Policy(thresholds=(Threshold(name, 3.0, True, 1),), metrics={name: Of(Polarity.LOWER)})
    check_with_promtool(rules_for([series(name, [1.0] * 6)], policy), tmp_path)


@pytest.mark.parametrize("bound", [0.0, -5.0, 1e-300, 123456789.0, 0.1, 1.7e308, -1.7e308, 1.7976931348623157e308])
@pytest.mark.parametrize("upper", [True, False])
def test_any_bound_is_tested(bound: float, upper: bool, tmp_path: Path) -> None:
    """The value that an alert shows is the one that its test expects, whatever the bound."""
    policy = Policy(thresholds=(Threshold("x", bound, upper, 1),), metrics={"x": Of(Polarity.LOWER)})
    check_with_promtool(rules_for([series("x", [bound] * 6)], policy), tmp_path)


@pytest.mark.parametrize("hold", [0.0, 0.25, 90.0, 86400.0 * 3])
def test_any_hold_is_tested(hold: float, tmp_path: Path) -> None:
    """``for:`` may be nothing or longer than any window."""
    check_with_promtool(rules_for(every_kind(), Policy(alerts=AlertPolicy(hold=hold))), tmp_path)


@pytest.mark.parametrize("every", [1.0, 70.0, 3600.0, 86400.0 * 10, 86400.0 * 200])
def test_any_rhythm_is_tested(every: float, tmp_path: Path) -> None:
    """Series that come every second or twice a year have tests that pass."""
    recorded: list[Series] = [
        series("test_duration", [45.0] * 6, "s", every=every),
        *operation("index", [0.01] * 6, every=every, calls=3),
        *cache("c", [0.9] * 6, every=every, lookups=3),
    ]
    check_with_promtool(rules_for(recorded, now=START + 6 * every), tmp_path)


_TEXTS = st.text(min_size=1, max_size=12) | st.text(alphabet="{}$\"'\\\n\t%`é\u2028: #-|>&*!", min_size=1, max_size=12)
_VALUES = _TEXTS | st.booleans() | st.integers() | st.none() | st.tuples(_TEXTS, st.integers())
_KEYS = _TEXTS | st.sampled_from(
    ["severity", "alertname", "job", "instance", "team", "le", "__name__", "a b", "a_b", "1x"]
)
_IDENTITIES = st.dictionaries(_KEYS, _VALUES, max_size=4).map(lambda keys: tuple(sorted(keys.items())))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    names=st.lists(_TEXTS, min_size=1, max_size=2, unique=True),
    identities=st.lists(_IDENTITIES, min_size=1, max_size=3, unique=True),
    unit=st.sampled_from(["", "s", "%", "{{x}}", "By/s", "1"]),
    labels=st.dictionaries(st.sampled_from(["team", "suite", "a_b"]), _TEXTS, max_size=2),
)
def test_hostile_names_and_labels_give_valid_rules(
    names: list[str], identities: list[Attributes], unit: str, labels: dict[str, str]
) -> None:
    """Whatever metrics, keys, values and labels are called, promtool takes the rules and their tests pass."""
    policy = Policy(
        thresholds=tuple(Threshold(name, 2.0, True, 1) for name in names),
        metrics={name: Of(Polarity.LOWER) for name in names},
        alerts=AlertPolicy(labels=labels, dashboard_url="https://example.org/{{ $value }}"),
        source="a {{b}}: c.yaml",
    )
    recorded = [identified(name, [1.0] * 6, unit, identity) for name in names for identity in identities]
    for text in names:
        recorded += [*operation(text, [0.01] * 6), *cache(text, [0.9] * 6)]
    with tempfile.TemporaryDirectory() as folder:
        check_with_promtool(rules_for(recorded, policy, NOW), Path(folder))


def test_values_are_shown_as_promtool_shows_them() -> None:
    """Infinities are written as Go writes them, which the tests' expectations rely on."""
    assert spoken((Live.NUMBER,), float("inf")) == "+Inf"
    assert spoken((Live.NUMBER,), float("-inf")) == "-Inf"
    assert spoken((Live.SHARE,), 0.5) == "50%"


def test_an_operation_over_its_budget_fires(tmp_path: Path) -> None:
    """With a budget, calls within it are silent however slow they used to be, and calls over it fire."""
    identity = (("autonomous_dev.operation.name", "index"),)
    budget = identified("autonomous_dev.call.budget", [0.25, 0.25], "s", identity)
    rules = rules_for([*operation("index", [0.010, 0.011]), budget], Policy())
    check_with_promtool(rules, tmp_path)
    base, name = "autonomous_dev_call_duration_seconds", 'autonomous_dev_operation_name="index"'

    def feeds(seconds: float) -> dict[str, str]:
        return {f"{base}_count{{{name}}}": "0+60x30", f"{base}_sum{{{name}}}": f"0+{60 * seconds}x30"}

    assert _firing(rules, tmp_path, "OperationSlow", feeds(0.125), [20]) == [False]
    assert _firing(rules, tmp_path, "OperationSlow", feeds(0.5), [2, 4, 8, 20]) == [False, False, True, True]
