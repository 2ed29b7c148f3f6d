"""
Which way metrics are better.
"""

from __future__ import annotations

import pytest

from autonomous_dev import conventions
from autonomous_dev.learning._polarity import category, polarity
from autonomous_dev.policy import MetricPolicy, Polarity, Policy

LOWER, HIGHER = Polarity.LOWER, Polarity.HIGHER


@pytest.mark.parametrize(
    ("name", "unit", "better"),
    [
        ("test_duration", "", LOWER),
        ("build_time", "", LOWER),
        ("ci_duration", "s", LOWER),
        ("lint_errors", "", LOWER),
        ("memory_usage", "", LOWER),
        ("error_rate", "", LOWER),
        ("cacheMisses", "", LOWER),
        ("coverage", "%", HIGHER),
        ("coverage_percent", "", HIGHER),
        ("hit_rate", "", HIGHER),
        ("tests_passed", "", HIGHER),
        ("accuracy", "", HIGHER),
        ("requests_per_second", "", HIGHER),
        ("coverage_errors", "", LOWER),
        (conventions.CALL_DURATION + ".mean", "s", LOWER),
        (conventions.CALL_DURATION + ".p95", "s", LOWER),
        (conventions.CALL_DURATION + conventions.HISTOGRAM_COUNT, "", None),
        (conventions.CACHE_HIT_RATIO, "1", HIGHER),
        (conventions.CACHE_EVICTIONS, "{eviction}/s", LOWER),
        (conventions.CACHE_LOOKUPS, "{lookup}/s", None),
        ("parse", "ns/iter", LOWER),
        ("parse", "iter/sec", HIGHER),
        ("parse_time", "ops/s", HIGHER),
        ("heap", "By", LOWER),
        ("widgets", "{widget}/s", HIGHER),
        ("widgets", "", None),
        ("commits_per_day", "", None),
        ("", "", None),
    ],
)
def test_by_name_and_unit(name, unit, better):
    """
    The last telling word of the name decides, then the unit; a rate is a speed whatever word stands before it.
    """
    assert polarity(name, unit, Policy()) is better


def test_the_policy_wins():
    """
    What the policy says of a metric comes before its name.
    """
    policy = Policy(metrics={"test_duration": MetricPolicy(better=HIGHER)})
    assert polarity("test_duration", "s", policy) is HIGHER
    assert polarity("build_time", "s", policy) is LOWER


@pytest.mark.parametrize(
    ("name", "unit", "about"),
    [
        ("test_duration", "", "performance"),
        ("parse", "iter/sec", "performance"),
        ("coverage_percent", "%", "quality"),
        ("lint_errors", "", "quality"),
        ("memory_usage", "", "resource"),
        (conventions.CACHE_HIT_RATIO, "1", "cache"),
        ("widgets", "", "trend"),
    ],
)
def test_category(name, unit, about):
    """
    A metric's name and unit say what it is about.
    """
    assert category(name, unit) == about


@pytest.mark.parametrize(
    ("name", "unit", "better"),
    [
        ("time_to_first_success", "s", Polarity.LOWER),
        ("uptime", "s", Polarity.HIGHER),
        ("free_memory", "By", Polarity.HIGHER),
        ("error_budget_remaining", "", Polarity.HIGHER),
    ],
)
def test_the_time_to_something_good_and_what_is_left(name, unit, better):
    """
    A time until something good is better short; what is left of anything is better large.
    """
    assert polarity(name, unit, Policy()) is better
