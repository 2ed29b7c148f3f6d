"""
How far a team's verdicts move confidences: a logit offset for each kind and metric, partially pooled over a kind.

A verdict is a Bernoulli whose log-odds is that of the confidence before any shift, plus the offset of its kind,
plus the offset of its kind for its metric. Both offsets have a Normal prior around 0; what is used is the posterior
mode, by Newton's method. The posterior is log-concave, so there is one mode, and none is at infinity.

Source:
    Gelman and Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models, chapter 14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from autonomous_dev.learning.detectors._odds import log_odds, probability

METRIC_VARIANCE: Final = 1.0
"""Variance of the offset of one metric: a team's odds are within a factor of 7 of ours in 19 of 20 cases."""

KIND_VARIANCE: Final = 0.25
"""
Variance of the offset that all metrics share for one kind: a fifth of what one metric teaches moves the others.

What people reject is mostly one noisy metric, so a kind is moved only where several of its metrics agree.
"""

_STEPS: Final = 50
_CLOSE: Final = 1e-9

Outcome = tuple[str, float, bool]
"""Metric, log-odds of the confidence before any shift, and whether people called it real."""


def outcome(metric: str, confidence: float, shift: float, *, real: bool) -> Outcome:
    """
    What a verdict teaches about *metric*.

    Args:
        metric: The metric; empty for an insight that has none.

        confidence: As it was said, in [0, 1].

        shift: Log-odds by which earlier verdicts had moved it; taken off, or they would count twice.

        real: Whether people called it real.
    """
    return metric, log_odds(confidence) - shift, real


def offsets(outcomes: Iterable[Outcome]) -> tuple[float, dict[str, float]]:
    """
    The posterior mode for the verdicts on one kind.

    Args:
        outcomes: Any number, of any metrics.

    Returns:
        The offset of the kind, which metrics without a verdict have, and the whole offset of each metric with one
        (its own plus that of the kind), in log-odds.
    """
    by_metric: dict[str, list[tuple[float, bool]]] = {}
    for metric, odds, real in outcomes:
        by_metric.setdefault(metric, []).append((odds, real))
    shared, own = 0.0, dict.fromkeys(by_metric, 0.0)
    for _ in range(_STEPS if by_metric else 0):
        shared_step, steps = _newton(by_metric, shared, own)
        # The log-odds of a verdict moves by no more than 2 at once: far from the mode Newton would overshoot.
        largest = max(abs(shared_step) + abs(step) for step in steps.values())
        damping = min(1.0, 2.0 / largest) if largest else 1.0
        shared += damping * shared_step
        own = {metric: value + damping * steps[metric] for metric, value in own.items()}
        if largest < _CLOSE:
            break
    return shared, {metric: shared + value for metric, value in own.items()}


def _newton(
    by_metric: Mapping[str, Sequence[tuple[float, bool]]], shared: float, own: Mapping[str, float]
) -> tuple[float, dict[str, float]]:
    """
    One step of Newton's method: the Hessian is an arrow, so each metric is eliminated on its own.
    """
    slope, curve = -shared / KIND_VARIANCE, 1 / KIND_VARIANCE
    rows: dict[str, tuple[float, float, float]] = {}
    for metric, verdicts in by_metric.items():
        chances = [probability(odds + shared + own[metric]) for odds, _ in verdicts]
        pull = sum(real - chance for (_, real), chance in zip(verdicts, chances, strict=True))
        weight = sum(chance * (1 - chance) for chance in chances)
        gradient, stiffness = pull - own[metric] / METRIC_VARIANCE, weight + 1 / METRIC_VARIANCE
        rows[metric] = (gradient, weight, stiffness)
        slope += pull - weight * gradient / stiffness
        curve += weight - weight * weight / stiffness
    step = slope / curve
    return step, {metric: (gradient - weight * step) / stiff for metric, (gradient, weight, stiff) in rows.items()}
