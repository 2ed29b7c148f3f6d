"""
Publish what was learned: values in, text out.

``alerting_rules`` turns recorded series and the policy into rules; ``rules_yaml`` and ``rule_tests_yaml`` write
them for Prometheus and ``promtool``.
"""

from autonomous_dev.publishing._alert import AlertRule, LeftOut, RuleSet
from autonomous_dev.publishing._alerting import alerting_rules
from autonomous_dev.publishing._promql import Selector
from autonomous_dev.publishing._rules_yaml import GENERATED, RULES_FILE, TESTS_FILE, rule_tests_yaml, rules_yaml

__all__ = [
    "GENERATED",
    "RULES_FILE",
    "TESTS_FILE",
    "AlertRule",
    "LeftOut",
    "RuleSet",
    "Selector",
    "alerting_rules",
    "rule_tests_yaml",
    "rules_yaml",
]
