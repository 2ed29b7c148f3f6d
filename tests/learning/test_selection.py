"""
Which findings of one series are told.
"""

from __future__ import annotations

import pytest
from given_detectors import found

from autonomous_dev.learning._insight import Direction
from autonomous_dev.learning._selection import direction_of, worth_telling
from autonomous_dev.learning.detectors import Finding, Kind
from autonomous_dev.policy import DetectorPolicy, MetricPolicy, Polarity

LOWER = Polarity.LOWER
USUAL = MetricPolicy()


def told(*findings: Finding, better: Polarity | None = LOWER, said: MetricPolicy = USUAL) -> list[Finding]:
    """
    What is told of a series.
    """
    return worth_telling(findings, better, said)


def unconfirmed(**other: object) -> Finding:
    """
    A shift that only the two newest of 40 samples show.
    """
    return found(Kind.UNCONFIRMED, **{"confidence": 0.6, "start": 38, "samples_after": 2, "settles_in": 3, **other})


@pytest.mark.parametrize(("left", "count"), [(0.6, 2), (0.5, 2), (0.4, 1), (-0.2, 1)])
def test_an_earlier_change_stands_while_half_of_it_is_left(left, count):
    """
    After a relief the change for the worse before it is told as long as half of its effect still stands.
    """
    worse = found(start=20, before=10.0, after=14.0)
    relief = found(start=40, before=14.0, after=10.0 + 4.0 * left)
    assert told(worse, relief) == [worse, relief][-count:]


def test_an_unconfirmed_change_is_told_beside_what_is_settled():
    """
    A change that only the newest samples show is told as unconfirmed, and does not hide the settled one before it.
    """
    settled, fresh = found(start=20), unconfirmed(before=14.0, after=20.0)
    assert told(fresh, settled) == [settled, fresh]
    assert told(unconfirmed(confidence=0.49)) == []


def test_an_unconfirmed_change_explains_the_odd_newest_sample():
    """
    One cause is told once: the odd sample at the end is part of the unconfirmed change.
    """
    odd = found(Kind.ANOMALY, 0.7, start=39, samples_after=1)
    for start in (36, 37, 38, 39):
        assert told(unconfirmed(start=start), odd) == [unconfirmed(start=start)]
    assert told(unconfirmed(confidence=0.4), odd) == [odd]
    assert told(found(start=20), odd) == [found(start=20), odd]


def test_the_hit_ratio_speaks_for_the_change_at_its_place():
    """
    A fallen hit ratio is told instead of the change point, be it settled or not.
    """
    ratio = found(Kind.HIT_RATIO, after=5.0)
    assert told(found(after=5.0), ratio, better=Polarity.HIGHER) == [ratio]
    fresh = found(Kind.HIT_RATIO, start=38, samples_after=2, settles_in=3)
    assert told(unconfirmed(), fresh, better=Polarity.HIGHER) == [fresh]


def test_a_forecast_speaks_for_the_trend():
    """
    Where a trend leads to is told instead of the trend; an unsure forecast does not silence it.
    """
    trend, ahead = found(Kind.TREND, start=0), found(Kind.FORECAST, 0.7, start=0, horizon=(5.0, 9.0, 20.0))
    assert told(trend, ahead) == [ahead]
    assert told(trend, found(Kind.FORECAST, 0.4, start=0)) == [trend]


@pytest.mark.parametrize("kind", [Kind.VARIABILITY, Kind.TAIL])
def test_noise_and_tail_are_told_where_the_level_stayed(kind):
    """
    A noisier series or a longer tail is told, unless the level moved at the same place or later.
    """
    around = found(kind, start=21, start_range=(18, 24))
    assert told(around) == [around]
    for start in (18, 24, 30):
        level = found(start=start)
        assert told(around, level) == [level]
    before = found(start=17)
    assert told(around, before) == [before, around]


def test_a_longer_tail_speaks_for_the_scatter_at_its_place():
    """
    Where a tail and the scatter may have begun together only the tail is told; one that is too unsure silences nothing.
    """
    noisier = found(Kind.VARIABILITY, start=21, start_range=(18, 24))
    tail = found(Kind.TAIL, 0.7, start=26, start_range=(24, 28))
    assert told(noisier, tail) == [tail]
    assert told(tail, noisier) == [tail]
    later = found(Kind.TAIL, start=27, start_range=(25, 28))
    assert told(noisier, later) == [noisier, later]
    assert told(noisier, found(Kind.TAIL, 0.4, start=21, start_range=(18, 24))) == [noisier]


def test_a_hit_ratio_that_may_have_fallen_is_told_once():
    """
    Two detectors see the same unconfirmed fall of a hit ratio: it is told once, and so is another at another place.
    """
    one, other = unconfirmed(after=5.0), unconfirmed(start=36, after=5.0)
    assert told(one, one, better=Polarity.HIGHER) == [one]
    assert told(one, other, one, better=Polarity.HIGHER) == [other, one]


@pytest.mark.parametrize(
    "kind",
    [
        Kind.CHANGE_POINT,
        Kind.UNCONFIRMED,
        Kind.TREND,
        Kind.ANOMALY,
        Kind.THRESHOLD,
        Kind.HIT_RATIO,
        Kind.FORECAST,
        Kind.VARIABILITY,
        Kind.TAIL,
    ],
)
def test_every_detector_can_be_switched_off_and_tuned(kind):
    """
    The policy switches each kind off, asks for more confidence or a larger change, or is content with less.
    """
    one = found(kind, 0.7)
    assert told(one) == [one]
    assert told(one, said=MetricPolicy(detectors={kind: DetectorPolicy(enabled=False)})) == []
    for least, count in ((0.71, 0), (0.7, 1)):
        assert len(told(one, said=MetricPolicy(detectors={kind: DetectorPolicy(min_confidence=least)}))) == count
    unsure = found(kind, 0.3)
    assert told(unsure) == []
    assert told(unsure, said=MetricPolicy(detectors={kind: DetectorPolicy(min_confidence=0.2)})) == [unsure]


def test_the_smallest_change_of_a_detector_stands_before_that_of_the_metric():
    """
    What is smaller than the metric's ``min_change`` is not told, unless its detector has one of its own.
    """
    one, line = found(), found(Kind.TREND, start=0)
    assert told(one, line, said=MetricPolicy(min_change=0.5)) == []
    own = {Kind.TREND: DetectorPolicy(min_change=0.3)}
    assert told(one, line, said=MetricPolicy(min_change=0.5, detectors=own)) == [line]
    assert told(one, line, said=MetricPolicy(detectors={Kind.TREND: DetectorPolicy(min_change=0.5)})) == [one]
    assert told(one, said=MetricPolicy(min_change=0.4)) == [one]
    assert told(found(Kind.THRESHOLD), said=MetricPolicy(min_change=0.9)) == [found(Kind.THRESHOLD)]


def test_what_is_switched_off_explains_nothing():
    """
    Without change points the odd newest sample is told, and a hit ratio still is.
    """
    off = MetricPolicy(detectors={Kind.CHANGE_POINT: DetectorPolicy(enabled=False)})
    odd = found(Kind.ANOMALY, 0.7, start=39, samples_after=1)
    assert told(unconfirmed(), odd, said=off) == [odd]
    ratio = found(Kind.HIT_RATIO, after=5.0)
    assert told(found(after=5.0), ratio, better=Polarity.HIGHER, said=off) == [ratio]


def test_a_forecast_is_told_however_near_the_bound_is():
    """
    The effect of a forecast is the way to the bound: a short one is the more urgent.
    """
    near = found(Kind.FORECAST, after=10.1)
    assert told(near, said=MetricPolicy(min_change=0.5)) == [near]


@pytest.mark.parametrize(
    ("kind", "after", "better", "direction"),
    [
        (Kind.CHANGE_POINT, 14.0, Polarity.LOWER, Direction.WORSE),
        (Kind.CHANGE_POINT, 14.0, Polarity.HIGHER, Direction.BETTER),
        (Kind.CHANGE_POINT, 14.0, None, Direction.CHANGED),
        (Kind.CHANGE_POINT, 10.0, Polarity.LOWER, Direction.CHANGED),
        (Kind.THRESHOLD, 14.0, Polarity.HIGHER, Direction.WORSE),
        (Kind.FORECAST, 14.0, None, Direction.WORSE),
        (Kind.VARIABILITY, 14.0, Polarity.HIGHER, Direction.WORSE),
        (Kind.VARIABILITY, 6.0, None, Direction.BETTER),
    ],
)
def test_directions(kind, after, better, direction):
    """
    Bounds and more noise are worse whatever the metric is; all else is by its polarity.
    """
    assert direction_of(found(kind, after=after), better) is direction
