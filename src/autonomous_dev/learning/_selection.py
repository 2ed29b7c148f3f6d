"""
Which findings are told: one insight for each cause, and nothing that is too unsure or too small.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from autonomous_dev.conventions import HISTOGRAM_COUNT, HISTOGRAM_MEAN, HISTOGRAM_QUANTILES
from autonomous_dev.learning._insight import Direction, Evidence, LearningInsight
from autonomous_dev.learning.detectors import MIN_SEGMENT, Finding, Kind
from autonomous_dev.policy import MetricPolicy, Polarity
from autonomous_dev.series import Attributes, SeriesKey, attributes_of

Histograms = set[tuple[str, Attributes]]
"""Name and identity of each histogram whose statistics are judged."""

TOLD_FROM: Final = 0.5
"""Confidence from which on a finding becomes an insight."""

_STANDS: Final = 0.5
"""Share of its effect that an earlier change must still show to stand."""

_BOUNDS: Final = frozenset({Kind.THRESHOLD, Kind.FORECAST})
_SHIFTS: Final = frozenset({Kind.CHANGE_POINT, Kind.UNCONFIRMED})
_AROUND: Final = frozenset({Kind.VARIABILITY, Kind.TAIL})
"""What happens around a level; where the level itself moved, that is what is told."""

QUANTILE_STEP: Final = 5.0
"""Ratio between two quantiles from which on they lie more than a bucket apart: two bounds of 1, 2.5, 5, 10, …"""


def direction_of(finding: Finding, better: Polarity | None) -> Direction:
    """
    Worse, better, or changed where nothing says which way is better.

    A bound that is broken or about to be is always worse, and so is more noise.
    """
    if finding.kind in _BOUNDS:
        return Direction.WORSE
    if finding.kind is Kind.VARIABILITY:
        better = Polarity.LOWER
    if better is None or not finding.effect:
        return Direction.CHANGED
    return Direction.BETTER if (finding.effect > 0) == (better is Polarity.HIGHER) else Direction.WORSE


def worth_telling(findings: Sequence[Finding], better: Polarity | None, said: MetricPolicy) -> list[Finding]:
    """
    The findings of one series that become insights.

    Told are: each broken threshold; the newest settled change of level; an earlier change for the worse that still
    stands, where the newest is none; a change that only the newest samples show, as unconfirmed; the trend since, or
    where it leads; what happened to the noise or the tail where the level stayed; and an odd newest sample that
    nothing else explains. A change that was undone is history: only the return is told.

    Args:
        findings: Of all detectors, on one series.

        better: Which way the metric is better; None where nothing says.

        said: Of the metric in the policy: which kinds are told, from which confidence and which change on.
    """
    sure = [finding for finding in findings if _sure(finding, said)]
    broken = [finding for finding in sure if finding.kind is Kind.THRESHOLD]
    shifts = _standing(_shifts(sure), better)
    ahead = [finding for finding in sure if finding.kind is Kind.FORECAST]
    creeping = ahead or [finding for finding in sure if finding.kind is Kind.TREND]
    around = _around([f for f in sure if f.kind in _AROUND and not any(_explains(shift, f) for shift in shifts)])
    explained = {finding.start for finding in (*broken, *shifts)}
    fresh = any(_fresh(shift) for shift in shifts)
    odd = [f for f in sure if f.kind is Kind.ANOMALY and not fresh and not explained & {f.start, f.start - 1}]
    return broken + [f for f in (*shifts, *creeping, *around, *odd) if _large(f, said)]


def _sure(finding: Finding, said: MetricPolicy) -> bool:
    tuned = said.detector(finding.kind)
    least = TOLD_FROM if tuned.min_confidence is None else tuned.min_confidence
    return tuned.enabled and finding.confidence >= least


def _shifts(findings: Iterable[Finding]) -> list[Finding]:
    """
    Changes of level, oldest first; a fallen hit ratio is told instead of the change point at its place.
    """
    found: dict[int, Finding] = {}
    for finding in findings:
        if finding.kind is Kind.HIT_RATIO or (finding.kind in _SHIFTS and finding.start not in found):
            found[finding.start] = finding
    return [found[start] for start in sorted(found)]


def _fresh(shift: Finding) -> bool:
    """
    Whether only the newest samples show it.
    """
    return shift.kind is Kind.UNCONFIRMED or shift.samples_after < MIN_SEGMENT


def _standing(shifts: list[Finding], better: Polarity | None) -> list[Finding]:
    settled = [finding for finding in shifts if not _fresh(finding)]
    fresh = [finding for finding in shifts if _fresh(finding)]
    told = settled[-1:]
    if told and direction_of(told[0], better) is not Direction.WORSE:
        now = told[0].after
        told = [
            finding
            for finding in settled[:-1]
            if direction_of(finding, better) is Direction.WORSE and (now - finding.before) / finding.effect >= _STANDS
        ][-1:] + told
    return told + fresh


def _explains(shift: Finding, around: Finding) -> bool:
    """
    Whether the level moved where its surroundings did, or later: noise mostly grows with the level.
    """
    return shift.start_range[1] >= around.start_range[0]


def _around(found: Sequence[Finding]) -> list[Finding]:
    """
    *found* without the scatter that began where a tail may have: a longer tail scatters more, and says more.
    """
    tails = [f for f in found if f.kind is Kind.TAIL]
    return [f for f in found if f.kind is Kind.TAIL or not any(_meet(f.start_range, t.start_range) for t in tails)]


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _large(finding: Finding, said: MetricPolicy) -> bool:
    if finding.kind is Kind.FORECAST:
        return True  # its effect is the way to the bound
    own = said.detector(finding.kind).min_change
    smallest = (said.min_change if own is None else own) or 0.0
    return not finding.before or abs(finding.effect) >= smallest * abs(finding.before)


def histograms(keys: Iterable[SeriesKey]) -> Histograms:
    """
    The histograms that *keys* hold statistics of: known by a count and a mean of one name and identity.

    A user's own metric may be called ``latency.p95``; it is no quantile read from buckets.
    """
    named = {(key.name, key.identity) for key in keys}
    return {
        (base, identity)
        for name, identity in named
        if name.endswith(HISTOGRAM_COUNT)
        and ((base := name.removesuffix(HISTOGRAM_COUNT)) + HISTOGRAM_MEAN, identity) in named
    }


def is_further_statistic(key: SeriesKey, known: Histograms) -> bool:
    """
    Whether *key* is of a histogram whose mean stands for it.
    """
    suffixes = (HISTOGRAM_COUNT, *(suffix for suffix, _ in HISTOGRAM_QUANTILES))
    return any(key.name.endswith(s) and (key.name.removesuffix(s), key.identity) in known for s in suffixes)


def told_by_buckets(insights: Iterable[LearningInsight], known: Histograms) -> list[LearningInsight]:
    """
    *insights* without those of a histogram's quantiles that one step of its buckets could make.

    A quantile is known to its bucket only: when a duration drifts across a bound, it jumps a whole bucket.
    """
    return [insight for insight in insights if not _within_buckets(insight, known)]


def _base(evidence: Evidence | None, suffix: str, known: Histograms) -> str:
    """
    The histogram that *evidence* is a statistic of; empty where it is none.
    """
    if evidence is None or not evidence.metric.endswith(suffix):
        return ""
    base = evidence.metric.removesuffix(suffix)
    return base if (base, attributes_of(evidence.identity)) in known else ""


def _within_buckets(insight: LearningInsight, known: Histograms) -> bool:
    evidence = insight.evidence
    if evidence is None or not any(_base(evidence, suffix, known) for suffix, _ in HISTOGRAM_QUANTILES):
        return False
    low, high = sorted((abs(evidence.before), abs(evidence.after)))
    return high < QUANTILE_STEP * low


def once_per_histogram(insights: Sequence[LearningInsight], known: Histograms) -> list[LearningInsight]:
    """
    *insights* without those of a histogram's quantiles where its mean, or a lower quantile, moved the same way.
    """
    said: set[tuple[object, ...]] = set()
    dropped: set[int] = set()
    for suffix in (HISTOGRAM_MEAN, *(suffix for suffix, _ in HISTOGRAM_QUANTILES)):
        moved = set()
        for insight in insights:
            evidence = insight.evidence
            base = _base(evidence, suffix, known)
            if evidence is not None and base:
                moved.add(what := (base, tuple(evidence.identity.items()), insight.direction))
                if what in said:
                    dropped.add(id(insight))
        said |= moved
    return [insight for insight in insights if id(insight) not in dropped]
