"""
Change points: where the level of a series shifted and stayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.learning.detectors._confidence import fresh_log_odds
from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._fresh import Fresh, fresh_change
from autonomous_dev.learning.detectors._odds import DEFAULT_PRIOR, MAX_CONFIDENCE, prior_shift, probability, shifted
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.learning.detectors._samples import MIN_SAMPLES, Samples
from autonomous_dev.learning.detectors._segments import LEAST, Split, segment
from autonomous_dev.policy import Policy
from autonomous_dev.series import SeriesKey, make_series

TOLD_FROM: Final = 0.5
"""Confidence from which on a change is a finding, and what other detectors compare with begins anew."""

_FRESH_LASTS: Final = 0.6
"""
Of 2,489 pairs of neighbours beyond six robust sd in 1,295 published benchmark histories 53% were followed by five more
of their kind; over the 16 projects the median is 64%.
"""

_SETTLED: Final = 0.8
"""Confidence at which a change is settled."""

_MORE: Final = (1, 2, 3, 5, 8, 13)
"""So many more samples are tried."""

_NORMAL_95: Final = 1.96


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """
    One shift of the level of a series.

    Attributes:
        index: The first sample of the new segment.

        confidence: Probability, in [0, 1], that a practitioner who sees the series, with what came after, calls this
            real and lasting.

        confirmed: Whether enough samples after it show it; what is not may be gone with the next ones.

        before: Level before, in the values' unit.

        after: Level after.

        interval: 95% interval of ``after - before``.

        index_range: Smallest and largest index that *index* may really have, both included.

        settles_in: How many more samples like the newest would settle it; 0 where it is confirmed.
    """

    index: int
    confidence: float
    confirmed: bool
    before: float
    after: float
    interval: tuple[float, float]
    index_range: tuple[int, int]
    settles_in: int = 0


def detect_change_points(
    values: ArrayLike, times: ArrayLike | None = None, *, prior: float = DEFAULT_PRIOR
) -> tuple[ChangePoint, ...]:
    """
    Find where the level of a series shifted and stayed; one setting for every kind of series.

    A finding is what is confirmed and has a confidence of 0.5 or more. What is less likely than 0.4 is left out, and so is
    anything in a series of fewer than five finite samples.

    Args:
        values: Shape (n,), oldest first, in the series' own unit. NaN marks a missing sample, infinities count as
            missing too.

        times: Shape (n,), in any unit; samples are put into their order, equal times keep theirs. None for samples
            that are in order already.

        prior: Share of series, in (0, 1), that are expected to change at all.

    Returns:
        Change points by increasing index, an index being a place in *values* put into the order of *times*.

    Raises:
        InvalidTypeError: If *values* or *times* cannot be read as numbers.

        InvalidValueError: If they are not one-dimensional or differ in length, if a time is NaN, or if *prior* is not
            between 0 and 1.

    Source:
        Seeded intervals: Kovács, Bühlmann, Li & Munk (2023), Biometrika 110(1). Prior shift: Saerens, Latinne &
        Decaestecker (2002), Neural Computation 14(1).
    """
    column = _column(values, "values")
    if isinstance(prior, bool) or not isinstance(prior, int | float) or not 0.0 < prior < 1.0:
        raise InvalidValueError(f"prior is {prior!r}: expected a share between 0 and 1, such as {DEFAULT_PRIOR}")
    if times is not None:
        when = _column(times, "times")
        if len(when) != len(column):
            raise InvalidValueError(f"times has {len(when)} entries and values {len(column)}: expected one for each")
        if np.isnan(when).any():
            raise InvalidValueError("times holds a NaN: expected a time for each value")
        column = column[np.argsort(when, kind="stable")]
    series = make_series(SeriesKey("values"), np.arange(len(column)), column)
    by = prior_shift(prior)
    return tuple(
        ChangePoint(
            index=found.start,
            confidence=shifted(found.confidence, by),
            confirmed=found.kind is Kind.CHANGE_POINT,
            before=found.before,
            after=found.after,
            interval=found.interval,
            index_range=found.start_range,
            settles_in=found.settles_in,
        )
        for found in change_points(Outline(series), Policy())
    )


def change_points(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    The shifts of level, oldest first; those with a confidence below 0.4 are left out.

    A change that only the two newest samples show, or the newest few with a confidence below 0.5, is unconfirmed, and
    is told with how many more samples would settle it. One odd sample is never a shift.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Not asked; part of every detector's shape.
    """
    del policy
    samples = outline.samples
    if len(samples) < MIN_SAMPLES:
        return ()
    splits = outline.reported.splits
    found = [_finding(samples, split) for split in splits]
    fresh = None if outline.drifts else fresh_change(outline.newest)
    if fresh is not None:
        confidence = _FRESH_LASTS * probability(fresh_log_odds(fresh.features))
        if confidence >= probability(LEAST) and (not splits or splits[-1].index < len(samples) - 4):
            found.append(_fresh_finding(samples, fresh, confidence))
    return tuple(found)


def _finding(samples: Samples, split: Split) -> Finding:
    confidence = min(probability(split.odds), MAX_CONFIDENCE)
    newest = split.index + split.samples_after == len(samples)
    open_ended = newest and confidence < TOLD_FROM
    before, after = samples.in_unit(split.before), samples.in_unit(split.after)
    reach = samples.in_unit(_NORMAL_95 * split.error)
    low, high = (int(samples.positions[i]) for i in split.index_range)
    return Finding(
        kind=Kind.UNCONFIRMED if open_ended else Kind.CHANGE_POINT,
        confidence=confidence,
        start=int(samples.positions[split.index]),
        start_range=(low, high),
        before=before,
        after=after,
        interval=(after - before - reach, after - before + reach),
        samples_before=split.samples_before,
        samples_after=split.samples_after,
        settles_in=_settles_in(samples, split.index) if open_ended else 0,
    )


def _fresh_finding(samples: Samples, fresh: Fresh, confidence: float) -> Finding:
    before, after = samples.in_unit(fresh.before), samples.in_unit(fresh.after)
    reach = samples.in_unit(_NORMAL_95 * fresh.error)
    index = len(samples) - 2
    start = int(samples.positions[index])
    return Finding(
        kind=Kind.UNCONFIRMED,
        confidence=confidence,
        start=start,
        start_range=(start, start),
        before=before,
        after=after,
        interval=(after - before - reach, after - before + reach),
        samples_before=fresh.samples_before,
        samples_after=2,
        settles_in=_settles_in(samples, index),
    )


def _settles_in(samples: Samples, index: int) -> int:
    """
    How many more samples like those from *index* on would make the change there sure.
    """
    newest = samples.scaled[index:]
    for more in _MORE:
        longer = np.concatenate((samples.scaled, np.resize(newest, more)))
        near = [split for split in segment(longer).splits if abs(split.index - index) <= 2]
        if near and probability(near[-1].odds) >= _SETTLED:
            return more
    return _MORE[-1]


def _column(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidTypeError(f"{name} is {values!r:.80}: expected a sequence of numbers") from None
    if column.ndim != 1:
        raise InvalidValueError(f"{name} has the shape {column.shape}: expected one dimension, (n,)")
    return column
