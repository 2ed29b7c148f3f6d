from __future__ import annotations

import pytest

from autonomous_dev import MetricsTracker
from autonomous_dev.conventions import (
    CACHE,
    CACHE_CAPACITY,
    CACHE_HIT_RATIO,
    CACHE_HIT_RATIO_PREDICTED,
    CACHE_LOOKUPS,
    CAPACITY_FACTOR,
)
from autonomous_dev.learning import Direction, LearningInsight, Severity, judge
from autonomous_dev.learning._ranking import Candidate, Helpfulness, reason
from autonomous_dev.learning.advice import MIN_LOOKUPS, CacheUse, cache_uses, capacities, enlargement
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series, SeriesKey, make_series

POLICY = Policy()
MINUTE = 60 * 10**9
START = 1_795_000_000 * 10**9


def recorded(
    name: str = "get_config",
    *,
    capacity: int | list[int] = 50,
    lookups: float | list[float] = 1000.0,
    hits: float | list[float] = 0.61,
    predicted: tuple[float, float, float] | list[tuple[float, float, float] | None] | None = (0.93, 0.94, 0.95),
    intervals: int = 20,
) -> list[Series]:
    """The series of one cache, each number for all intervals or one for each."""

    def column(value: object) -> list:
        return value if isinstance(value, list) else [value] * intervals

    times = [START + i * MINUTE for i in range(intervals)]
    cache = ((CACHE, name),)
    rows = column(predicted)
    told = [i for i, row in enumerate(rows) if row is not None]
    series = [
        make_series(SeriesKey(CACHE_HIT_RATIO, "1", cache), times, column(hits)),
        make_series(SeriesKey(CACHE_LOOKUPS, "{lookup}", cache), times, column(lookups)),
        make_series(SeriesKey(CACHE_CAPACITY, "{entry}", cache), times, column(capacity)),
    ]
    for place, factor in enumerate(("2", "4", "8")):
        key = SeriesKey(CACHE_HIT_RATIO_PREDICTED, "1", ((CAPACITY_FACTOR, factor), *cache))
        key = SeriesKey(key.name, key.unit, tuple(sorted(key.identity)))
        series.append(make_series(key, [times[i] for i in told], [rows[i][place] for i in told]))
    return series


def advice(policy: Policy = POLICY, **of: object) -> LearningInsight | None:
    """What is advised for one cache."""
    found = capacities(recorded(**of), policy)
    assert len(found) <= 1
    return found[0] if found else None


def use(**of: object) -> CacheUse:
    """One cache as it is joined."""
    (found,) = cache_uses(recorded(**of), POLICY)
    return found


def test_a_cache_that_doubling_would_lift_is_told_so():
    """
    The insight says which cache, from which size to which, and from which hit rate to which.
    """
    insight = advice()

    assert insight.description == ("doubling `get_config` from 50 to 100 would lift its hit rate from 61% to 93%")
    assert "max_size=100" in insight.suggested_action
    assert (insight.category, insight.kind) == ("cache", Kind.CAPACITY)
    assert (insight.direction, insight.severity) == (Direction.CHANGED, Severity.INFO)
    evidence = insight.evidence
    assert (evidence.metric, evidence.identity) == (CACHE_HIT_RATIO, {CACHE: "get_config"})
    assert (evidence.before, evidence.after) == pytest.approx((0.61, 0.93))
    assert evidence.interval[0] < 0.32 < evidence.interval[1]
    assert LearningInsight.from_dict(insight.to_dict()) == insight


@pytest.mark.parametrize(
    ("predicted", "capacity"),
    [
        ((0.90, 0.92, 0.93), 100),  # most of it is there with twice
        ((0.70, 0.92, 0.93), 200),
        ((0.70, 0.80, 0.93), 400),
        ((0.61, 0.61, 0.67), 400),  # a loop that only fits eight times
    ],
)
def test_the_smallest_capacity_with_most_of_the_gain_is_advised(predicted, capacity):
    """
    Four fifths of what eight times would gain are enough.
    """
    assert enlargement(use(predicted=predicted)).capacity == capacity


@pytest.mark.parametrize(
    "of",
    [
        {"predicted": (0.62, 0.63, 0.65)},  # under five points
        {"predicted": None},  # nothing was evicted
        {"lookups": MIN_LOOKUPS / 20 - 1},
        {"hits": 0.97, "predicted": (1.0, 1.0, 1.0)},
    ],
)
def test_there_is_nothing_to_say_where_little_is_gained_or_known(of):
    """
    A gain of a few points, a cache that is not full, and too few lookups give no advice.
    """
    assert advice(**of) is None


def test_no_capacity_above_the_policys_is_advised():
    """
    ``cache_size`` bounds what is advised: the best within it, or nothing.
    """
    grows = (0.70, 0.80, 0.93)

    assert advice(Policy(cache_size=400), predicted=grows).suggested_action.count("max_size=400") == 1
    assert "max_size=200" in advice(Policy(cache_size=399), predicted=grows).suggested_action
    assert advice(Policy(cache_size=99), predicted=grows) is None


def test_intervals_weigh_by_their_lookups():
    """
    Ten lookups do not outweigh ten thousand.
    """
    busy = use(lookups=[10_000.0, 10.0], hits=[0.5, 0.0], predicted=[(0.6, 0.7, 0.8), (1.0, 1.0, 1.0)], intervals=2)

    assert busy.hit_ratio == pytest.approx(0.5, abs=0.001)
    assert busy.predictions == pytest.approx({2: 0.6, 4: 0.7, 8: 0.8}, abs=0.001)


def test_an_interval_without_a_prediction_gains_nothing():
    """
    Where nothing was evicted, a larger cache would have answered the same.
    """
    half = use(predicted=[(0.81, 0.81, 0.81), None], intervals=2)

    assert half.predictions == pytest.approx(dict.fromkeys((2, 4, 8), 0.71))


def test_only_intervals_with_the_present_capacity_count():
    """
    After the advice was taken, what was predicted for the old size says nothing.
    """
    taken = {
        "capacity": [50] * 10 + [100] * 10,
        "hits": [0.61] * 10 + [0.93] * 10,
        "predicted": [(0.93, 0.94, 0.95)] * 10 + [(0.94, 0.95, 0.95)] * 10,
    }

    assert advice(**taken) is None
    assert (use(**taken).capacity, len(use(**taken).hits)) == (100, 10)


def test_only_the_newest_level_of_hits_counts():
    """
    What a cache was used for before its hit ratio shifted is another use.
    """
    wobble = [0.002 * (i % 3) for i in range(40)]
    shifted = use(
        hits=[(0.3 if i < 20 else 0.9) + wobble[i] for i in range(40)],
        predicted=[(0.9, 0.9, 0.9) if i < 20 else (0.91, 0.91, 0.91) for i in range(40)],
        intervals=40,
    )

    assert shifted.start == 20
    assert enlargement(shifted) is None


def test_only_the_newest_hundred_intervals_count():
    """
    A slow drift leaves a bounded past.
    """
    assert (use(intervals=300).start, len(use(intervals=300).hits)) == (200, 100)


def test_confidence_grows_with_the_intervals_that_agree():
    """
    One interval is 67% sure, by the rule of succession; never more than 95%; those that disagree take some away.
    """
    sure = [enlargement(use(intervals=n, lookups=5000.0)).confidence for n in (1, 2, 10, 100)]
    assert sure == pytest.approx([2 / 3, 3 / 4, 11 / 12, 0.95])
    lift, none = (0.93, 0.94, 0.95), (0.62, 0.62, 0.62)
    assert enlargement(use(predicted=[lift, none] * 10)).confidence == pytest.approx(11 / 22)


def test_a_small_gain_is_less_sure():
    """
    What is near the error of the prediction itself is not told as if it were certain.
    """
    large, small = (enlargement(use(predicted=(0.61 + gain,) * 3, intervals=10)).confidence for gain in (0.3, 0.05))

    assert small < large


def test_intervals_with_few_lookups_do_not_vote():
    """
    Twenty intervals of sixty lookups are one statement together.
    """
    assert enlargement(use(lookups=60.0)).confidence == pytest.approx(2 / 3, abs=0.01)


def test_the_id_stays_until_the_capacity_changes():
    """
    More intervals of the same are the same insight.
    """
    assert advice(intervals=20).id == advice(intervals=250).id
    assert advice(capacity=60).id != advice(capacity=50).id
    assert advice(name="other").id != advice().id


def test_predictions_never_fall_with_the_factor_nor_below_what_was_seen():
    """
    A sample's estimate that is a little off is put right.
    """
    assert use(predicted=(0.55, 0.7, 0.69)).predictions == pytest.approx({2: 0.61, 4: 0.7, 8: 0.7})
    assert use(predicted=(0.7, 0.8, 1.01)).predictions[8] == 1.0


def test_a_cache_without_a_capacity_or_lookups_is_no_error():
    """
    Journals of earlier versions, and of caches that cannot tell, have only some of the series.
    """
    series = recorded()
    without_capacity = [one for one in series if one.key.name != CACHE_CAPACITY]
    (told,) = cache_uses(without_capacity, POLICY)

    assert told.capacity is None
    assert capacities(without_capacity, POLICY) == ()
    assert cache_uses([one for one in series if one.key.name != CACHE_LOOKUPS], POLICY) == ()
    assert cache_uses([], POLICY) == ()


def test_the_engine_gives_the_advice_of_several_caches():
    """
    Each cache has its own, among all insights.
    """
    series = [*recorded("first"), *recorded("second", predicted=None), *recorded("third", capacity=8)]
    found = [i for i in judge(series, POLICY, now=START / 1e9).insights if i.kind == Kind.CAPACITY]

    assert sorted(insight.evidence.identity[CACHE] for insight in found) == ["first", "third"]


def test_what_a_larger_cache_would_answer_is_not_judged_by_itself():
    """
    A hit ratio that falls is one insight, not one for each predicted ratio that falls with it; nor is a capacity judged.
    """
    falls = recorded(
        hits=[0.9 - 0.5 * (i >= 15) + 0.001 * (i % 3) for i in range(30)],
        predicted=[(0.95 - 0.5 * (i >= 15),) * 3 for i in range(30)],
        capacity=[50 - 20 * (i >= 15) for i in range(30)],
        intervals=30,
    )
    found = judge(falls, POLICY, now=START / 1e9).insights

    assert found[0].direction is Direction.WORSE
    assert {insight.evidence.metric for insight in found} == {CACHE_HIT_RATIO}


def test_advice_is_suggested_with_a_reason_that_fits():
    """
    It is nothing that lacks a polarity: the reason does not say so.
    """
    said = reason(Candidate(advice(), {}, Helpfulness()), {})

    assert "would lift" in said
    assert "polarity" not in said


def test_no_advice_without_caches():
    """
    A tracker without caches has none.
    """
    tracker = MetricsTracker()
    tracker.record_metric("test_duration", 1.0)

    assert [i for i in tracker.generate_insights() if i.kind == Kind.CAPACITY] == []
