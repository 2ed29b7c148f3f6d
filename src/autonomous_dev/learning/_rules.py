"""
Custom rules: plain functions of a user that say more than the engine does.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from autonomous_dev import _state
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.learning._insight import LearningInsight
from autonomous_dev.learning._looking import name_of
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series

_logger = logging.getLogger("autonomous_dev")

Rule = Callable[[Sequence[Series], Policy], Iterable[LearningInsight]]
"""The judged samples of every series and the policy in, insights out."""


def checked_rules(rules: object) -> tuple[Rule, ...]:
    """
    *rules*, if they are functions.

    Raises:
        InvalidTypeError: If they are not.
    """
    if not isinstance(rules, Iterable):
        raise InvalidTypeError(f"rules is {rules!r}: expected a list of functions of series and policy")
    known = tuple(rules)
    for rule in known:
        if not callable(rule):
            raise InvalidTypeError(f"a rule is {rule!r}: expected a function of series and policy")
    return known


def told_by_rules(
    rules: Sequence[Rule], series: Sequence[Series], policy: Policy
) -> tuple[list[LearningInsight], tuple[str, ...]]:
    """
    What the user's rules say, and the names of those that failed: one that raises costs nothing but itself.

    Args:
        rules: Asked in this order.

        series: The judged samples of every series.

        policy: Handed on.

    Raises:
        InvalidTypeError: If a rule gives something else than insights.
    """
    told: list[LearningInsight] = []
    failed: list[str] = []
    for rule in rules:
        try:
            said: object = rule(series, policy)
            given = list(said) if isinstance(said, Iterable) else None
        except Exception:  # noqa: BLE001  # it is logged, and the rule is named
            failure = f"rule {name_of(rule)} failed: its insights are missing, all others stand"
            _state.log_once(_logger, failure, exc_info=True)
            failed.append(name_of(rule))
            continue
        if given is None:
            raise InvalidTypeError(f"rule {name_of(rule)} returned {said!r}: expected a list of LearningInsight")
        for insight in given:
            if not isinstance(insight, LearningInsight):
                raise InvalidTypeError(f"rule {name_of(rule)} gave {insight!r}: expected a LearningInsight")
            told.append(_named(insight, name_of(rule)))
    return told, tuple(failed)


def _named(insight: LearningInsight, rule: str) -> LearningInsight:
    """
    With an id by which it is announced once: of the rule and its category, so that numbers in words may change.
    """
    if insight.id:
        return insight
    about = insight.evidence
    series = (about.metric, sorted(about.identity.items())) if about is not None else insight.description
    said = f"rule\0{rule}\0{insight.category}\0{series}"
    return replace(insight, id=hashlib.sha256(said.encode()).hexdigest()[:12])
