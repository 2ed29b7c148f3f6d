"""
The engine: from series to insights, statuses and their order.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from known_series import SECOND, noisy, series, steps

from autonomous_dev import conventions
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.learning._engine import judge
from autonomous_dev.learning._insight import Direction, LearningInsight, Severity
from autonomous_dev.learning._judged import judged_samples
from autonomous_dev.learning._policy_checks import oversized_caches, unrecorded_thresholds
from autonomous_dev.learning._status import State
from autonomous_dev.learning.detectors import Finding, Kind
from autonomous_dev.policy import AlertPolicy, DetectorPolicy, MetricPolicy, Polarity, Policy, Threshold
from autonomous_dev.series import SeriesKey, make_series

POLICY = Policy()
CONTEXTS = [{"commit": f"c{i:02}"} for i in range(40)]
STEP = noisy(steps((20, 10.0), (20, 14.0)), 0.02, 1)


def insights(one, policy=POLICY):
    """
    What is told of one series.
    """
    return judge([one], policy, now=100.0).insights


def test_ten_rising_durations_are_worse():
    """
    What the guide promises: ten rising test durations are called worse, surely, and once.
    """
    (insight,) = insights(series(np.arange(10.0, 20.0)))
    assert insight.direction is Direction.WORSE
    assert "worse" in insight.description
    assert insight.confidence >= 0.8
    assert insight.kind == Kind.TREND


def test_ten_equal_samples_are_judged_and_say_nothing():
    """
    A constant has no insight, and is said to have been judged.
    """
    judgement = judge([series(np.full(10, 5.0))], POLICY, now=100.0)
    assert judgement.insights == ()
    assert str(judgement.statuses[0]) == "judged"


def test_evidence():
    """
    An insight carries before, after, interval, and since which sample, commit and run it is so.
    """
    contexts = [{"commit": f"c{i:02}", "run_id": i} for i in range(40)]
    (insight,) = insights(series(STEP, "build_time", "s", {"suite": "unit"}, contexts))
    evidence = insight.evidence
    assert (evidence.metric, evidence.unit, evidence.identity) == ("build_time", "s", {"suite": "unit"})
    assert (evidence.before, evidence.after) == pytest.approx((10.0, 14.0), rel=0.02)
    assert evidence.effect == pytest.approx(evidence.after - evidence.before)
    assert evidence.interval[0] < evidence.effect < evidence.interval[1]
    since = evidence.since
    assert (since.index, since.time, since.version, since.last_good, since.run) == (20, 21.0, "c20", "c19", "20")
    assert (insight.category, insight.severity) == ("performance", Severity.WARNING)
    assert "c19..c20" in insight.suggested_action
    assert LearningInsight.from_dict(json.loads(json.dumps(insight.to_dict()))) == insight


@pytest.mark.parametrize(
    ("name", "unit", "direction", "word"),
    [
        ("test_duration", "s", Direction.WORSE, "worse"),
        ("coverage", "%", Direction.BETTER, "better"),
        ("widgets", "", Direction.CHANGED, "rose"),
    ],
)
def test_polarity_decides(name, unit, direction, word):
    """
    The same step is worse, better or only a change, by what the metric is.
    """
    (insight,) = insights(series(STEP, name, unit))
    assert insight.direction is direction
    assert word in insight.description
    assert (insight.severity is Severity.INFO) == (direction is not Direction.WORSE)


def test_the_policy_turns_it_round():
    """
    ``better`` of the policy decides for metrics whose name says nothing.
    """
    policy = Policy(metrics={"widgets": MetricPolicy(better=Polarity.LOWER)})
    assert insights(series(STEP, "widgets"), policy)[0].direction is Direction.WORSE


def test_small_changes_are_left_out():
    """
    What is smaller than the policy's ``min_change`` is not told; a larger one is.
    """
    for smallest, count in ((0.5, 0), (0.3, 1)):
        policy = Policy(metrics={"test_duration": MetricPolicy(min_change=smallest)})
        assert len(insights(series(STEP), policy)) == count


def test_identity_of_an_insight():
    """
    The id stays as samples arrive, and depends on kind, name, identity and time, not on the commit.
    """
    (first,) = insights(series(STEP))
    (later,) = insights(series(np.concatenate((STEP, noisy(steps((5, 14.0)), 0.02, 2)))))
    (committed,) = insights(series(STEP, contexts=[{"commit": "x"}] * 40))
    (other,) = insights(series(STEP, identity={"suite": "unit"}))
    assert first.id == later.id == committed.id != other.id
    assert len(first.id) == 12
    assert int(first.id, 16) >= 0


def test_there_and_back_is_not_called_worse():
    """
    A change that was undone is history: what is told is the return.
    """
    found = insights(series(noisy(steps((20, 10.0), (20, 14.0), (20, 10.0)), 0.02, 1)))
    assert [insight.direction for insight in found] == [Direction.BETTER]


def test_a_small_relief_does_not_hide_what_got_worse():
    """
    After a large change for the worse and a small one for the better, both are told, the worse first.
    """
    found = insights(series(noisy(steps((20, 10.0), (20, 15.0), (20, 14.0)), 0.01, 1)))
    assert [(i.direction, i.evidence.since.index) for i in found] == [(Direction.WORSE, 20), (Direction.BETTER, 40)]


def test_only_the_newest_of_several_steps():
    """
    Of two changes for the worse the newest is told.
    """
    found = insights(series(noisy(steps((20, 10.0), (20, 12.0), (20, 15.0)), 0.01, 1)))
    assert [i.evidence.since.index for i in found] == [40]


def test_a_hit_ratio_is_told_once():
    """
    A fallen hit ratio is one insight, of that kind, and says what to do about the capacity of which cache.
    """
    one = series(steps((14, 0.95), (16, 0.31)), conventions.CACHE_HIT_RATIO, "1", {conventions.CACHE: "index"})
    (insight,) = insights(one)
    assert (insight.kind, insight.category, insight.direction) == (Kind.HIT_RATIO, "cache", Direction.WORSE)
    assert "capacity" in insight.suggested_action
    assert "index" in insight.suggested_action
    assert "95% → 31%" in insight.description


def test_threshold_and_change_may_both_stand():
    """
    A series that stepped over its bound has two insights; its odd newest sample is not a third.
    """
    policy = Policy(thresholds=(Threshold("test_duration", 12.0, upper=True),))
    assert {i.kind for i in insights(series(STEP), policy)} == {Kind.THRESHOLD, Kind.CHANGE_POINT}
    single = np.append(noisy(steps((20, 10.0)), 0.02, 1), 20.0)
    assert {i.kind for i in insights(series(single), policy)} == {Kind.THRESHOLD}
    assert {i.kind for i in insights(series(single))} == {Kind.ANOMALY}


def test_a_threshold_needs_one_sample():
    """
    One sample beyond its bound is told, while everything else still needs more data.
    """
    policy = Policy(thresholds=(Threshold("test_duration", 60.0, upper=True),))
    judgement = judge([series([75.0], unit="s")], policy, now=1.0)
    assert [i.kind for i in judgement.insights] == [Kind.THRESHOLD]
    assert "worse" in judgement.insights[0].description
    assert str(judgement.statuses[0]) == "needs more data (1 of 5)"


def test_a_histogram_speaks_once():
    """
    Mean and quantiles that moved together are one insight, the mean's; a quantile that moved alone speaks.
    """
    names = [conventions.CALL_DURATION + suffix for suffix in (".p95", ".mean", ".p50")]
    tenfold = noisy(steps((20, 10.0), (20, 100.0)), 0.02, 5)
    moved = [series(tenfold * (1 + i), name, "s", {"op": "a"}) for i, name in enumerate(names)]
    count = series([3.0] * 40, conventions.CALL_DURATION + ".count", "", {"op": "a"})
    assert [i.evidence.metric for i in judge([*moved, count], POLICY, now=1.0).insights] == [names[1]]
    calm = series(noisy(steps((40, 10.0)), 0.02, 3), names[1], "s", {"op": "a"})
    assert [i.evidence.metric for i in judge([moved[0], calm, count], POLICY, now=1.0).insights] == [names[0]]
    elsewhere = replace(moved[0].key, identity=(("op", "b"),))
    other = make_series(elsewhere, moved[0].times, moved[0].values)
    assert len(judge([moved[1], other, count], POLICY, now=1.0).insights) == 2


@pytest.mark.parametrize(("after", "told"), [(2.5, 0), (4.9, 0), (6.0, 1)])
def test_a_quantile_that_moved_by_a_bucket_says_nothing(after, told):
    """
    A quantile jumps by a bucket when a duration drifts across a bound: only a larger move is told.
    """
    one = series(noisy(steps((20, 1.0), (20, after)), 0.001, 5), conventions.CALL_DURATION + ".p95", "s", {"op": "a"})
    rest = [series([1.0] * 40, conventions.CALL_DURATION + end, "", {"op": "a"}) for end in (".count", ".mean")]
    assert len(judge([one, *rest], POLICY, now=1.0).insights) == told


def test_only_the_default_branch_is_judged():
    """
    Samples of other branches change nothing; a series that is on no default branch is judged whole.
    """
    contexts = [{"branch": "main"}] * 20 + [{"branch": "try"}] * 20
    one = series(STEP, contexts=contexts)
    assert len(judged_samples(one, POLICY)) == 20
    assert insights(one) == ()
    assert len(insights(one, Policy(default_branches=("main", "try")))) == 1
    assert len(insights(series(STEP, contexts=[{"branch": "try"}] * 40))) == 1
    assert len(judged_samples(series([1.0, math.nan], contexts=[{"branch": "try"}, {}]), POLICY)) == 1


def test_statuses():
    """
    Too few samples, stale, judged: each series has its state, in order; a stale one still has its insights.
    """
    policy = Policy(alerts=AlertPolicy(stale_after=60.0))
    few = series([1.0, math.nan, 2.0, 3.0], "few")
    none = series([], "none")
    judgement = judge([few, none, series(STEP)], policy, now=40.0 + 61.0)
    assert [str(status) for status in judgement.statuses] == [
        "needs more data (3 of 5)",
        "needs more data (0 of 5)",
        "stale",
    ]
    assert math.isnan(judgement.statuses[1].newest)
    assert judgement.statuses[2].newest == 40.0
    assert [i.kind for i in judgement.insights] == [Kind.CHANGE_POINT, Kind.STALENESS]
    (fresh,) = judge([series(STEP)], policy, now=99.0).statuses
    assert (fresh.state, fresh.samples) == (State.JUDGED, 40)


def test_worse_comes_first_and_larger_before_smaller():
    """
    Insights are ordered by direction, then by confidence times impact.
    """
    made = [
        series(noisy(steps((at, 10.0), (60 - at, after)), 0.02, 1), name)
        for name, at, after in (
            ("coverage", 10, 20.0),
            ("build_time", 20, 14.0),
            ("ci_duration", 30, 20.0),
            ("x", 45, 20.0),
        )
    ]
    found = judge(made, POLICY, now=1.0).insights
    assert [insight.evidence.metric for insight in found] == ["ci_duration", "build_time", "x", "coverage"]
    assert found[0].severity is Severity.CRITICAL
    assert found[0].reason == "99% sure, 100% slower"


def test_any_detector_can_stand_behind_the_interface():
    """
    A detector is a function from series and policy to findings; unsure ones are not told.
    """

    def one_of(confidence):
        def detector(one, policy):
            return (Finding(Kind.CHANGE_POINT, confidence, 2, (2, 2), 1.0, 2.0, (0.5, 1.5), 2, 3),)

        return detector

    one = series([1.0, 1.0, 2.0, 2.0, 2.0])
    assert len(judge([one], POLICY, now=1.0, detectors=[one_of(0.6)]).insights) == 1
    assert judge([one], POLICY, now=1.0, detectors=[one_of(0.4)]).insights == ()


def test_oversized_caches():
    """
    Each capacity above the policy's bound is told, the largest first; without a bound none is.
    """
    found = oversized_caches({"a": 50, "b": 500, "c": 1000}, Policy(cache_size=100))
    assert ["c" in found[0].description, "b" in found[1].description] == [True, True]
    assert len(found) == 2
    assert len({insight.id for insight in found}) == 2
    assert oversized_caches({"a": 50}, POLICY) == ()


def test_thresholds_on_nothing():
    """
    A bound on a metric that nobody recorded is named, with the recorded name that is spelled most alike.
    """
    policy = Policy(thresholds=(Threshold("test_durations", 1.0, upper=True), Threshold("zzz", 1.0, upper=True)))
    found = unrecorded_thresholds(policy, ["test_duration", "coverage"])
    assert [(u.threshold.metric, u.nearest_name) for u in found] == [("test_durations", "test_duration"), ("zzz", "")]
    assert unrecorded_thresholds(policy, ["test_durations", "zzz"]) == ()


def test_the_same_samples_give_the_same_judgement():
    """
    Nothing is random.
    """
    made = [series(STEP), make_series(SeriesKey("walk"), np.arange(200) * SECOND, np.cumsum(STEP[:1].repeat(200)))]
    assert judge(made, POLICY, now=5.0) == judge(made, POLICY, now=5.0)


@pytest.mark.parametrize("name", ["api_latency.p95", "build.p50"])
def test_a_users_own_quantile_is_a_metric_like_any(name):
    """
    A metric that is called like a histogram's statistic, and is none, speaks for itself.
    """
    own = series(noisy(steps((20, 0.2), (20, 0.6)), 0.02, 5), name, "s")
    mean = series(noisy(steps((20, 0.2), (20, 0.6)), 0.02, 6), name.rpartition(".")[0] + ".mean", "s")
    assert {i.evidence.metric for i in insights(own)} == {name}
    (both,) = judge([own, mean], POLICY, now=1.0).insights
    assert {i.evidence.metric for i in both.members} == {own.key.name, mean.key.name}


@pytest.mark.parametrize(
    ("name", "unit", "values"),
    [
        ("hit_ratio", "1", [1e307] * 15 + [5e307] * 15),
        ("creep_time", "", [1.7e308 * (2 * (i / 29) - 1) for i in range(30)]),
    ],
)
def test_the_largest_numbers_are_told_too(name, unit, values):
    """
    A series whose numbers overflow on the way into words does not take all insights with it.
    """
    assert insights(series(values, name, unit))


def test_an_insight_survives_json():
    """
    to_dict, JSON and from_dict give the insight back, with lists among its identity too.
    """
    key = {"suite": "unit", "tags": ("x", "y")}
    (told,) = insights(series(STEP, identity=key))
    assert LearningInsight.from_dict(json.loads(json.dumps(told.to_dict()))) == told


def stale_kinds(made, **policy):
    """
    How many series each insight of staleness is about, nine days after the last sample.
    """
    judgement = judge(made, Policy(**policy), now=9 * 86400.0)
    return [max(len(i.members), 1) for i in judgement.insights if i.kind == Kind.STALENESS]


def test_what_comes_no_more_is_told_once():
    """
    A histogram that vanished is one series; what only advisers read is none; the policy switches it off by metric.
    """
    flat = np.full(20, 5.0)
    statistics = [
        series(flat, conventions.CALL_DURATION + end, "s", {"op": "a"}) for end in (".count", ".mean", ".p50", ".p95")
    ]
    goes_on = make_series(SeriesKey("alive"), 9 * 86400 * SECOND - np.arange(20) * SECOND, flat)
    advised = series(flat, conventions.CACHE_CAPACITY, "", {conventions.CACHE: "a"})
    assert stale_kinds([*statistics, advised, goes_on]) == [1]
    assert stale_kinds([series(flat, "a"), series(flat, "b"), goes_on]) == [2]
    off = {"a": MetricPolicy(detectors={Kind.STALENESS: DetectorPolicy(enabled=False)})}
    assert stale_kinds([series(flat, "a"), series(flat, "b"), goes_on], metrics=off) == [1]
    assert stale_kinds([goes_on]) == []


def test_advice_is_switched_by_metric_too():
    """
    What an adviser says of a metric is told unless the policy has its kind switched off there, or wants it surer.
    """
    own = LearningInsight("cache", "too small", 0.7, kind=Kind.CAPACITY, evidence=insights(series(STEP))[0].evidence)

    def adviser(series, policy):
        return (own,)

    def told(**tuned):
        policy = Policy(metrics={"test_duration": MetricPolicy(detectors={Kind.CAPACITY: DetectorPolicy(**tuned)})})
        judgement = judge([], policy, now=1.0, advisers=[adviser])
        return [insight.description for insight in judgement.insights]

    assert told() == ["too small"]
    assert told(enabled=False) == []
    assert told(min_confidence=0.71) == []


def test_what_one_change_moved_is_one_insight():
    """
    Series that moved at one commit are one insight with members, and one announcement.
    """
    made = [
        series(noisy(steps((20, 10.0), (20, after)), 0.02, i), f"{name}_duration", "s", {}, CONTEXTS)
        for i, (name, after) in enumerate((("build", 14.0), ("test", 15.0), ("lint", 20.0)))
    ]
    judgement = judge(made, POLICY, now=100.0)
    (one,) = judgement.insights
    assert len(one.members) == 3
    assert "3 series" in one.reason
    assert judgement.announced == (one.id,)


def test_the_machine_is_told_apart_from_the_code():
    """
    Series that moved where the runner changed are an insight about the runner, unless the policy switches that off.
    """
    contexts = [{"commit": f"c{i:02}", "runner": "old" if i < 20 else "new"} for i in range(40)]
    made = [
        series(noisy(steps((20, 10.0), (20, 14.0)), 0.02, i), f"metric{i}_duration", "s", {}, contexts)
        for i in range(8)
    ]
    (one,) = judge(made, POLICY, now=100.0).insights
    assert (one.kind, one.direction, one.severity) == (Kind.ENVIRONMENT, Direction.CHANGED, Severity.INFO)
    assert len(one.members) == 8
    off = Policy(detectors={Kind.ENVIRONMENT: DetectorPolicy(enabled=False)})
    assert [i.kind for i in judge(made, off, now=100.0).insights] == [Kind.CHANGE_POINT]


def test_unmeasured_commits_are_suspects_too():
    """
    Where the caller names the commits, those between the last good one and the first bad one count into the range.
    """
    one = series(STEP, contexts=CONTEXTS)
    order = [f"c{i:02}" + half for i in range(40) for half in ("", "x")]
    (plain,) = judge([one], POLICY, now=100.0).insights
    (named,) = judge([one], POLICY, now=100.0, commits=order).insights
    assert plain.since.last_good == named.since.last_good
    assert set(plain.since.versions) < set(named.since.versions)
    assert "c19x" in named.since.versions
    with pytest.raises(InvalidTypeError, match="commits"):
        judge([one], POLICY, now=100.0, commits="c1")
