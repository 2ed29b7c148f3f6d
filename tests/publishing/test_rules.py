"""
Which series gets which rule, and what the rules say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from rules_inputs import NOW, POLICY, START, cache, every_kind, identified, operation, rules_for, series

from autonomous_dev.conventions import ALERT_NAMES
from autonomous_dev.learning.detectors import Finding, Kind
from autonomous_dev.policy import DAY, Polarity, Policy
from autonomous_dev.publishing import (
    GENERATED,
    RULES_FILE,
    TESTS_FILE,
    AlertRule,
    RuleSet,
    _baseline,
    rule_tests_yaml,
    rules_yaml,
)
from autonomous_dev.publishing._baseline import Baseline, learn_baseline
from autonomous_dev.publishing._live import traffic_window
from autonomous_dev.publishing._phrase import Live, escaped, spoken, template, with_unit
from autonomous_dev.publishing._promql import Selector, duration, number, quoted
from autonomous_dev.publishing._recorded import learned_limit
from autonomous_dev.publishing._rhythm import Rhythm, rhythm_of
from autonomous_dev.series import Series

GOLDEN = Path(__file__).parent / "golden"


def _of(rules: RuleSet, alert: str) -> list[AlertRule]:
    return [rule for rule in rules.rules if rule.alert == alert]


def _reasons(rules: RuleSet) -> str:
    return "\n".join(map(str, rules.left_out))


def test_golden_files() -> None:
    """The rules of one fixed journal are the golden ones; ``rules_inputs.py`` renews them."""
    rules = rules_for(every_kind())
    assert rules_yaml(rules) == (GOLDEN / RULES_FILE).read_text(encoding="utf-8")
    assert rule_tests_yaml(rules) == (GOLDEN / TESTS_FILE).read_text(encoding="utf-8")


def test_every_kind_is_there_and_complete() -> None:
    """The six alerts of the five kinds come out, each with severity, routing labels and three annotations."""
    rules = rules_for(every_kind(), Policy.parse("performance: {test_duration_max: 60, test_duration_min: 1}"))
    assert {rule.alert for rule in rules.rules} == set(ALERT_NAMES)
    document = yaml.safe_load(rules_yaml(rules))
    written = [rule for group in document["groups"] for rule in group["rules"]]
    assert len(written) == len(rules.rules)
    for rule in written:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["labels"]["autonomous_dev_metric_name"]
        assert set(rule["annotations"]) == {"summary", "description", "dashboard_url"}
        assert all(rule["annotations"].values())


def test_each_rule_is_tested_silent_and_firing() -> None:
    """Every rule is expected exactly once in the tests, after an evaluation at which nothing is expected."""
    rules = rules_for(every_kind())
    tests = yaml.safe_load(rule_tests_yaml(rules))["tests"]
    expected = [alert for test in tests for step in test["alert_rule_test"] for alert in step["exp_alerts"]]
    assert len(expected) == len(rules.rules)
    assert all(test["alert_rule_test"][0]["exp_alerts"] == [] for test in tests)


def test_a_threshold_whose_metric_was_never_recorded_is_left_out() -> None:
    """It is named with file, line and the nearest recorded metric."""
    rules = rules_for(every_kind())
    reason = (
        "threshold build_time_max (automation_policy.yaml:5): build_time was never recorded; did you mean build_times?"
    )
    assert reason in _reasons(rules)


def test_too_few_samples_and_unknown_polarity_give_no_regression() -> None:
    """Each is said, with the way out."""
    rules = rules_for([series("test_duration", [1.0] * 4, "s"), series("frobs", [1.0] * 9), *operation("f", [1.0] * 3)])
    assert _of(rules, "MetricRegressed") == []
    assert _of(rules, "OperationSlow") == []
    assert "regression of test_duration: needs more data (4 of 5)" in _reasons(rules)
    assert "slow operation f: needs more data (3 of 5)" in _reasons(rules)
    assert "regression of frobs: nothing says which way is better; write metrics: {frobs: {better: lower}}" in _reasons(
        rules
    )


def test_only_the_default_branch_is_the_norm() -> None:
    """Samples of other branches neither count nor move the level."""
    contexts = [(("branch", "main" if index % 2 else "wip"),) for index in range(12)]
    rules = rules_for([series("test_duration", [500.0, 10.0] * 6, "s", contexts=contexts)])
    assert "the usual level is 10 s (median of 6 samples)" in spoken(_of(rules, "MetricRegressed")[0].description, 1.0)


def test_polarity_decides_the_side() -> None:
    """Lower is better: above the limit is worse; higher is better: below."""
    rules = rules_for(every_kind())
    for rule in _of(rules, "MetricRegressed"):
        assert (" < " in rule.expr.splitlines()[0]) == ("coverage" in rule.expr)


def test_min_change_of_the_policy_widens_the_limit() -> None:
    """A constant series at 100 alerts beyond 105, and beyond 120 where the policy says 20%."""
    steady = [series("build_time", [100.0] * 9, "s")]
    assert "> 105\n" in _of(rules_for(steady), "MetricRegressed")[0].expr
    policy = Policy.parse("metrics: {build_time: {min_change: 20%}}")
    assert "> 120\n" in _of(rules_for(steady, policy), "MetricRegressed")[0].expr


def test_failed_calls_have_no_rule_of_their_own() -> None:
    """The duration of failures is not compared, and the rule of successes leaves them out."""
    failing = identified(
        "autonomous_dev.call.duration.mean",
        [1.0] * 6,
        "s",
        (("autonomous_dev.operation.name", "index"), ("error.type", "KeyError")),
    )
    rules = _of(rules_for([*operation("index", [0.01] * 6), failing]), "OperationSlow")
    assert len(rules) == 1
    assert all(("error_type", "") in selector.labels for selector in rules[0].selectors)


def test_a_cache_that_never_hit_gets_no_rule() -> None:
    """A hit ratio near zero cannot fall."""
    assert "poor hit rate c: the recorded hit ratio is 2.0%: it cannot fall further" in _reasons(
        rules_for(cache("c", [0.02] * 9))
    )


def test_series_that_were_given_up_get_no_rule() -> None:
    """After four times the time that makes a metric stale there is nothing to wait for."""
    rules = rules_for([series("test_duration", [1.0] * 9, "s")], now=START + 60 * DAY)
    assert rules.rules == ()
    assert "test_duration: without a sample for more than 28d" in _reasons(rules)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (series("Build", [1.0] * 5, "s"), series("build", [2.0] * 5, "s")),
        (series("a b", [1.0] * 5), series("a_b", [2.0] * 5)),
        (series("coverage", [1.0] * 5, "%"), series("coverage_percent", [2.0] * 5)),
        (series("x", [1.0] * 5, "s"), series("x", [2.0] * 5, "ms")),
        (series("x", [1.0] * 5, n=1), series("x", [2.0] * 5, n="1")),
    ],
)
def test_names_that_meet_in_prometheus_give_one_rule(first: object, second: object) -> None:
    """The first keeps the name, as on the page; the other is named as left out."""
    rules = rules_for([first, second])  # type: ignore[list-item]
    assert len(_of(rules, "MetricStale")) == 1
    assert "its name in Prometheus is that of" in _reasons(rules)


def test_windows_follow_the_interval_of_the_series() -> None:
    """A metric that comes every ten days is looked for during thirty, and is not stale after seven."""
    rules = rules_for([series("test_duration", [30.0] * 9, "s", every=10 * DAY)], now=START + 85 * DAY)
    assert "[30d]" in _of(rules, "MetricAboveThreshold")[0].expr
    assert _of(rules, "MetricStale")[0].expr.endswith(f"> {30 * 86400}")
    assert "[120d]" in _of(rules, "MetricStale")[0].expr


def test_the_rhythm_counts_runs_not_samples() -> None:
    """Bursts of one run count once; one process that records every hour for a month is no burst."""
    times = [(START + day * 86400 + second) * 10**9 for day in range(6) for second in (0, 60, 120)]
    contexts = [(("run_id", str(day)),) for day in range(6) for _ in range(3)]
    burst = identified("x", [1.0] * 18)
    burst = type(burst)(burst.key, np.array(times), burst.values, tuple(contexts))
    assert rhythm_of(burst) == Rhythm(DAY, DAY, 120.0)
    assert " - 120)" in _of(rules_for([_named(burst, "test_duration")]), "MetricRegressed")[0].expr
    hourly = series("x", [1.0] * 600, every=3600.0, contexts=[(("run_id", "one"),)] * 600)
    assert rhythm_of(hourly) == Rhythm(3600.0, 3600.0)
    assert rhythm_of(series("x", [1.0])) == Rhythm()


def _named(one: object, name: str) -> object:
    return type(one)(type(one.key)(name, "s"), one.times, one.values, one.contexts)  # type: ignore[attr-defined, call-arg]


@pytest.mark.parametrize(
    ("median", "looks"),
    [
        (None, (7 * DAY, 300.0)),
        (60.0, (7 * DAY, 300.0)),
        (3600.0, (7 * DAY, 900.0)),
        (DAY, (7 * DAY, 6 * 3600.0)),
        (90 * DAY, (270 * DAY, DAY)),
    ],
)
def test_the_past_is_looked_at_often_enough_and_not_too_often(median: float | None, looks: tuple[float, float]) -> None:
    """Four looks meet every run, a week has no more than one every five minutes, and ten have room for two runs."""
    assert Rhythm(median, median).looks(7 * DAY) == looks
    assert Rhythm(None, None).looks(60.0) == (600.0, 60.0)


def test_the_window_of_a_rate_follows_the_traffic() -> None:
    """A busy operation is judged over five minutes, a rare one over as long as twenty calls take."""
    busy, rare = operation("f", [1.0] * 6, every=60.0)[0], operation("f", [1.0] * 6, every=60.0, calls=0.5)[0]
    assert traffic_window(busy) == 300.0
    assert traffic_window(rare) == 3600.0
    assert traffic_window(None) == 300.0
    assert (
        "[1h]"
        in _of(rules_for(operation("f", [1.0] * 6, every=60.0, calls=0.5), now=START + 400), "OperationSlow")[0].expr
    )


@pytest.mark.parametrize("better", [Polarity.LOWER, Polarity.HIGHER])
def test_an_unconfirmed_level_is_not_the_usual_one(better: Polarity, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What the next runs may take back neither becomes the level that alerts are about nor is part of the one before.
    """
    values = np.array([10.0, 10.2, 9.8, 10.1, 9.9] * 2 + [7.0, 7.1, 6.9, 7.0, 7.2, 6.8])
    maybe = Finding(Kind.UNCONFIRMED, 0.7, 10, (10, 10), 10.0, 7.0, (-4.0, -2.0), 10, 6, settles_in=2)
    monkeypatch.setattr(_baseline, "change_points", lambda *_: (maybe,))
    baseline = learn_baseline(series("x", values), Policy(), better)
    assert baseline is not None
    assert (baseline.level, baseline.samples) == (10.0, 10)


def test_the_level_is_that_of_the_newest_stable_stretch() -> None:
    """After a lasting change the new level counts; a change of three samples is not yet the norm."""
    rng = np.random.default_rng(7)
    old, new = 10 + rng.normal(0, 0.2, 30), 20 + rng.normal(0, 0.2, 30)
    assert _level([*old, *new], Polarity.LOWER) == pytest.approx(20, abs=0.2)
    assert _level([*old, *new[:3]], Polarity.LOWER) == pytest.approx(10, abs=0.2)


def test_a_level_that_is_worse_is_not_the_norm_until_it_has_lasted() -> None:
    """What got worse is measured by what was before, for thirty samples; what got better is the norm at once."""
    rng = np.random.default_rng(7)
    values = [*(10 + rng.normal(0, 0.2, 30)), *(20 + rng.normal(0, 0.2, 12))]
    assert _level(values, Polarity.LOWER) == pytest.approx(10, abs=0.2)
    assert _level(values, Polarity.HIGHER) == pytest.approx(20, abs=0.2)
    assert _level(values, None) == pytest.approx(20, abs=0.2)


def _level(values: Sequence[float], better: Polarity | None) -> float:
    baseline = learn_baseline(series("x", values), Policy(), better)
    assert baseline is not None
    return baseline.level


@pytest.mark.parametrize(("samples", "most"), [(5, 0.0060), (10, 0.0010), (20, 0.0005)])
def test_two_quiet_runs_are_rarely_both_beyond_the_limit(samples: int, most: float) -> None:
    """
    On Gaussian noise two further samples both lie beyond the limit in at most so many of 20,000 series.

    Expected are 0.42%, 0.024% and 0.004%; the bounds are these and three standard errors of a binomial share.
    """
    rng = np.random.default_rng(1)
    x = rng.standard_normal((20_000, samples + 2))
    past, level = x[:, :samples], np.median(x[:, :samples], axis=1)
    spread = 1.4826 * np.median(np.abs(past - level[:, None]), axis=1)
    beyond = [
        min(now) > middle + Baseline(middle, width, samples).margin(0.0)
        for now, middle, width in zip(x[:, samples:], level, spread, strict=True)
    ]
    assert np.mean(beyond) <= most


@pytest.mark.parametrize("level", [0.0, 1e-300, 0.012345, 45.6789, -45.6789, 123456.0, 1e300])
@pytest.mark.parametrize("upper", [True, False])
def test_learned_limits_are_short_and_never_nearer(level: float, upper: bool) -> None:
    """A limit has four digits, and rounding never brings it nearer to the level."""
    baseline = Baseline(level, abs(level) / 77, 9)
    limit = learned_limit(baseline, baseline.margin(0.05), upper=upper)
    exact = level + baseline.margin(0.05) * (1 if upper else -1)
    assert limit >= exact if upper else limit <= exact
    assert limit == pytest.approx(exact, rel=2e-3)
    assert float(f"{limit:.4g}") == limit


def test_texts_of_users_are_no_templates() -> None:
    """Double braces, and a brace that touches ours, are written as strings inside a template."""
    assert escaped("{{ $value }}") == '{{ "{{" }} $value {{ "}}" }}'
    assert template(("a{", Live.NUMBER)) == 'a{{ "{" }}{{ printf "%.6g" $value }}'
    assert escaped("m{suite=x}") == "m{suite=x}"
    assert spoken(("x ", Live.DURATION), 8 * DAY + 61) == "x 8d 0h 1m 1s"
    assert spoken((Live.DURATION,), 0) == "0s"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (300, "5m"), (5400, "90m"), (7 * DAY, "7d"), (0.25, "250ms")])
def test_durations(seconds: float, text: str) -> None:
    """A duration is written in the largest unit that divides it."""
    assert duration(seconds) == text


def test_numbers_read_back() -> None:
    """A number in PromQL is the same float again."""
    for value in (0.0, -0.0, 60.0, 0.1, -1e-300, 1.7976931348623157e308, 1e15, 123456789012345.6):
        assert float(number(value)) == value
    assert number(-0.0) == "0"


def test_units_are_spoken() -> None:
    """Percent touches its number; annotations lose their braces; 1 is no unit."""
    assert [with_unit("3", unit) for unit in ("s", "%", "{error}", "1", "")] == ["3 s", "3%", "3 error", "3", "3"]


def test_selectors_match_as_prometheus_does() -> None:
    """An absent label equals an empty one; what a target owns is renamed by the scrape."""
    selector = Selector("m", (("a", "1"), ("b", ""), ("exported_job", "x")))
    assert selector.matches("m", {"a": "1", "job": "x"})
    assert selector.matches("m", {"a": "1", "b": "", "job": "x", "otel_scope_name": "s"})
    assert not selector.matches("m", {"a": "1", "b": "2", "job": "x"})
    assert not selector.matches("n", {"a": "1", "job": "x"})
    assert selector.promql() == 'm{a="1",b="",exported_job="x"}'
    assert selector.present().promql() == 'm{a="1",exported_job="x"}'
    assert Selector("inf").promql() == '{__name__="inf"}'
    assert quoted('a"\\\n\x00\U0001f4a9\u2028') == '"a\\"\\\\\\u000a\\u0000\U0001f4a9\\u2028"'


def test_no_metric_name_is_typed() -> None:
    """Names in Prometheus come from ``prometheus_names``: no source of the rules holds one."""
    sources = Path(rules_yaml.__code__.co_filename).parent.glob("*.py")
    assert not re.findall(r"autonomous_dev_(?:call|cache|metric)", "".join(path.read_text() for path in sources))


def test_nothing_recorded_gives_empty_valid_files() -> None:
    """Without series both files are there, ours by their first line, and hold nothing."""
    rules = rules_for([], Policy())
    assert yaml.safe_load(rules_yaml(rules)) == {"groups": []}
    assert yaml.safe_load(rule_tests_yaml(rules))["tests"] == []
    assert rules_yaml(rules).startswith(GENERATED)
    assert rule_tests_yaml(rules).startswith(GENERATED)


def test_the_same_series_give_the_same_text() -> None:
    """Nothing in the files depends on when they were written."""
    assert rules_yaml(rules_for(every_kind(), POLICY, NOW)) == rules_yaml(rules_for(every_kind(), POLICY, NOW - 3600))


@pytest.mark.parametrize("name", ["autonomous_dev_call_duration", "target_info"])
def test_a_metric_that_is_not_exported_gets_no_rule(name: str) -> None:
    """What is not on the page under its name would get rules that never fire."""
    rules = rules_for([series(name, [1.0] * 8)])
    assert not rules.rules
    assert name in _reasons(rules)


def _budgeted(budget: list[float], means: list[float]) -> list[Series]:
    identity = (("autonomous_dev.operation.name", "index"),)
    return [*operation("index", means), identified("autonomous_dev.call.budget", budget, "s", identity)]


def test_the_budget_of_an_operation_is_the_limit_of_its_rule() -> None:
    """The newest budget, not the recorded level, is what an operation is held against; it needs no level."""
    for means in ([0.010] * 6, [3.0]):
        (rule,) = _of(rules_for(_budgeted([1.0, 0.25], means)), "OperationSlow")
        assert re.search(r"> 0\.25\n", rule.expr)
        assert "its budget is 0.25 s" in template(rule.description)


def test_a_budget_that_makes_no_sense_is_none() -> None:
    """A budget that is not above zero, or longer than a year, leaves the recorded level as the limit."""
    for budget in (0.0, -1.0, 1e300):
        (rule,) = _of(rules_for(_budgeted([budget], [0.010] * 6)), "OperationSlow")
        assert "the recorded level is 0.01 s" in template(rule.description)
