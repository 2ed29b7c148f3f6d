"""
What crosses from the rules' authors to their writer: alerts, their examples, and what was left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from autonomous_dev.learning import Severity
from autonomous_dev.publishing._phrase import Phrase
from autonomous_dev.publishing._promql import Selector


class Moment(Enum):
    """
    A sample's value that is only known when the example is laid out in time.
    """

    NOW = "now"
    ACT_BEFORE = "act before"


Act = tuple[float | Moment | None, ...]
"""Samples of a series up to one evaluation, the last of them at that very moment; None is a gap."""


@dataclass(frozen=True, slots=True)
class Feed:
    """
    What one series does in an example.

    Attributes:
        selector: The series.

        acts: One for each evaluation, in their order.
    """

    selector: Selector
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """
    A course of events in which an alert is silent at every evaluation but the last, where it fires.

    Attributes:
        spacing: Seconds between the samples of an act.

        feeds: The series, all with the same number of acts.

        labels: Labels of the result of the rule's expression, without those that the rule adds.

        value: Value of the alert when it fires; None where it is the time since the act before.
    """

    spacing: float
    feeds: tuple[Feed, ...]
    labels: tuple[tuple[str, str], ...]
    value: float | None


@dataclass(frozen=True, slots=True)
class AlertRule:
    """
    One alerting rule.

    Attributes:
        alert: Its name, one of ALERT_NAMES.

        expr: PromQL.

        hold: Seconds that *expr* must hold before the alert fires.

        reach: Seconds into the past that *expr* looks.

        severity: How loudly it speaks.

        labels: Further labels, as they shall arrive.

        summary: One line.

        description: What was seen, what was expected.

        dashboard_url: Where to look.

        selectors: Every selector in *expr*.

        example: When it is silent and when it fires.
    """

    alert: str
    expr: str
    hold: float
    reach: float
    severity: Severity
    labels: tuple[tuple[str, str], ...]
    summary: Phrase
    description: Phrase
    dashboard_url: str
    selectors: tuple[Selector, ...]
    example: Example


@dataclass(frozen=True, slots=True)
class LeftOut:
    """
    A rule that was not written.

    Attributes:
        what: The rule: ``threshold build_time_max (automation_policy.yaml:3)``.

        reason: Why, and where there is one the way out.
    """

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """
    The rules for what was recorded, and what no rule could be written for.

    Attributes:
        rules: In the order of ALERT_NAMES, then of the series.

        left_out: What was not written, and why.
    """

    rules: tuple[AlertRule, ...]
    left_out: tuple[LeftOut, ...]

    def selectors(self) -> tuple[Selector, ...]:
        """
        Every selector of every rule, each once; all of them should match a series on the page that is scraped.
        """
        return tuple(dict.fromkeys(selector for rule in self.rules for selector in rule.selectors))
