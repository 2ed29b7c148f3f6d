"""
Recorded series for the tests of rules, and promtool run on what comes out.

The golden files are written anew by ``PYTHONPATH=tests python tests/publishing/rules_inputs.py`` from the top.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import real_programs
from autonomous_dev.policy import DAY, Policy
from autonomous_dev.publishing import RULES_FILE, TESTS_FILE, RuleSet, alerting_rules, rule_tests_yaml, rules_yaml
from autonomous_dev.series import Attributes, AttributeValue, Series, SeriesKey, attributes_of, make_series

START = 1_760_000_000
"""Unix seconds of the first sample."""

NOW = START + 10 * DAY

POLICY = Policy.parse(
    """
performance:
  test_duration_max: 60
  coverage_percent_min: 80
  build_time_max: 300
alerts:
  labels: {team: platform}
""",
    "automation_policy.yaml",
)


def series(
    name: str,
    values: Sequence[float],
    unit: str = "",
    every: float = DAY,
    contexts: Sequence[Attributes] | None = None,
    **identity: AttributeValue,
) -> Series:
    """
    A series with a sample every so many seconds.
    """
    return identified(name, values, unit, attributes_of(identity), every, contexts)


def identified(
    name: str,
    values: Sequence[float],
    unit: str = "",
    identity: Attributes = (),
    every: float = DAY,
    contexts: Sequence[Attributes] | None = None,
) -> Series:
    """
    A series whose identity may have any keys.
    """
    times = [round((START + index * every) * 1e9) for index in range(len(values))]
    return make_series(SeriesKey(name, unit, identity), times, values, contexts)


def operation(name: str, means: Sequence[float], every: float = DAY, calls: float = 1000.0) -> list[Series]:
    """
    What instrumentation left in the journal of one operation.
    """
    identity = (("autonomous_dev.operation.name", name),)
    return [
        identified("autonomous_dev.call.duration.count", [calls] * len(means), "", identity, every),
        identified("autonomous_dev.call.duration.mean", means, "s", identity, every),
        identified("autonomous_dev.call.duration.p95", means, "s", identity, every),
    ]


def cache(name: str, ratios: Sequence[float], every: float = DAY, lookups: float = 1000.0) -> list[Series]:
    """
    What instrumentation left in the journal of one cache.
    """
    identity = (("autonomous_dev.cache.name", name),)
    return [
        identified("autonomous_dev.cache.hit_ratio", ratios, "1", identity, every),
        identified("autonomous_dev.cache.lookups", [lookups] * len(ratios), "{lookup}", identity, every),
    ]


def every_kind() -> list[Series]:
    """
    Series that give a rule of each kind.
    """
    return [
        series("test_duration", [44.5, 45.5, 45.0, 44.0, 46.0, 45.0, 45.5, 44.5], "s", suite="integration"),
        series("test_duration", [12.0, 12.5], "s", suite="unit", os="linux"),
        series("coverage_percent", [92.0, 92.5, 92.0, 91.5, 92.0], "%"),
        series("build_times", [100.0] * 5, "s"),
        *operation("index", [0.010, 0.011, 0.010, 0.009, 0.010, 0.010]),
        *cache("app.parse", [0.90, 0.92, 0.91, 0.90, 0.91]),
    ]


def rules_for(recorded: Sequence[Series], policy: Policy = POLICY, now: float = NOW) -> RuleSet:
    """
    The rules for *recorded*.
    """
    return alerting_rules(recorded, policy, now=now)


def write(rules: RuleSet, folder: Path) -> None:
    """
    Both files of *rules*, under their own names.
    """
    (folder / RULES_FILE).write_text(rules_yaml(rules), encoding="utf-8")
    (folder / TESTS_FILE).write_text(rule_tests_yaml(rules), encoding="utf-8")


def check_with_promtool(rules: RuleSet, folder: Path) -> None:
    """
    Have promtool check *rules* (duplicates are fatal) and run their tests.
    """
    promtool = real_programs.require("promtool")
    write(rules, folder)
    for command in (["check", "rules", "--lint-fatal", RULES_FILE], ["test", "rules", TESTS_FILE]):
        done = subprocess.run([promtool, *command], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "duplicate" not in done.stdout


if __name__ == "__main__":
    write(rules_for(every_kind()), Path(__file__).parent / "golden")
