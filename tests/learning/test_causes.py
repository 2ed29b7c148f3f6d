"""
One cause that moves many series is one insight; what coincides by chance stays apart.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from known_changes import RUNS, change, history

from autonomous_dev.learning._causes import by_cause
from autonomous_dev.learning._chance import at_least, exactly, exactly_with_spread
from autonomous_dev.learning._insight import Direction, LearningInsight, Severity
from autonomous_dev.learning.detectors import Kind


def told(series, changes):
    """
    What is told of *changes*: groups, then what stayed apart.
    """
    result = by_cause(changes, series)
    return [one for one in result if one.members], [one for one in result if not one.members]


def suite(count):
    """
    *count* series of different metrics.
    """
    return [history(f"bench_{i}") for i in range(count)]


def test_a_commit_that_moves_five_series_is_one_insight():
    """
    Five changes at one run of sixty are one insight, with their own texts inside, the largest first.
    """
    series = suite(8)
    moved = [change(series[i], 30, effect=0.1 * (i + 1)) for i in range(5)]
    apart = [change(series[i], 10 * i - 45) for i in (5, 6, 7)]
    groups, rest = told(series, [*moved, *apart])
    (group,) = groups
    assert rest == apart
    assert group.members == tuple(reversed(moved))
    assert (group.kind, group.direction, group.severity) == (Kind.CHANGE_POINT, Direction.WORSE, Severity.WARNING)
    assert (group.since.version, group.since.last_good, group.since.versions) == ("c30", "c29", ("c30",))
    assert "5 series got worse together since commit c30" in group.description
    assert "bench_4 50% worse (1 s → 1.5 s)" in group.description
    assert "and 2 more" in group.description
    assert "c29..c30" in group.suggested_action
    assert LearningInsight.from_dict(group.to_dict()) == group


def test_confidence_is_the_largest_members():
    """
    Members do not make each other surer: they depend on the same run.
    """
    series = suite(5)
    (group,), _ = told(series, [change(one, 30, confidence=0.6 + 0.05 * i) for i, one in enumerate(series)])
    assert group.confidence == pytest.approx(0.8)


def test_two_of_sixty_runs_coincide_by_chance():
    """
    Two changes at one run stay two insights.
    """
    series = suite(2)
    changes = [change(one, 30) for one in series]
    assert told(series, changes) == ([], changes)


def test_independent_changes_stay_apart():
    """
    Of thirty independent changes in sixty runs none are grouped in at least 97 of 100 worlds.
    """
    series = suite(30)
    false = 0
    for seed in range(150):
        rng = np.random.default_rng([11, seed])
        at = rng.integers(1, RUNS, size=30)
        ways = rng.choice([Direction.WORSE, Direction.BETTER], size=30)
        changes = [change(one, int(i), direction=way) for one, i, way in zip(series, at, ways, strict=True)]
        false += by_cause(changes, series) != changes
    assert false <= 4


def test_five_among_thirty_independent_changes():
    """
    A commit that makes five worse is told as one in at least 95 of 100 worlds with thirty other changes.
    """
    series = suite(35)
    found = 0
    for seed in range(100):
        rng = np.random.default_rng([12, seed])
        at = rng.integers(1, RUNS, size=30)
        ways = rng.choice([Direction.WORSE, Direction.BETTER], size=30)
        changes = [change(one, int(i), direction=way) for one, i, way in zip(series, at, ways, strict=False)]
        changes += [change(one, 40) for one in series[30:]]
        groups, _ = told(series, changes)
        found += any({id(one) for one in changes[30:]} <= {id(one) for one in group.members} for group in groups)
    assert found >= 95


def test_uncertain_places_overlap():
    """
    Possible starts that overlap are one cause, and what all leave possible is since when.
    """
    series = suite(5)
    spans = [(28, 31), (30, 33), (30, 30), (29, 30), (30, 31)]
    (group,), _ = told(
        series, [change(one, first, first, last) for one, (first, last) in zip(series, spans, strict=True)]
    )
    assert (group.since.index, group.since.index_range, group.since.versions) == (30, (30, 30), ("c30",))
    assert group.since.last_good == "c29"


def test_runs_that_a_series_did_not_take_part_in_are_possible():
    """
    A series measured in every third run meets a change between two of its samples.
    """
    series = [*suite(4), history("rare", runs=range(0, RUNS, 3))]
    changes = [change(one, 31) for one in series[:4]] + [change(series[4], 11)]
    (group,), rest = told(series, changes)
    assert len(group.members) == 5
    assert not rest


def test_times_where_no_runs_are_known():
    """
    Without runs, changes at the same time are one.
    """
    series = [history(f"bench_{i}", plain=True) for i in range(5)]
    (group,), _ = told(series, [change(one, 30) for one in series])
    assert "since sample 31" in group.description
    assert group.since.time == 30 * 3600.0


def test_statistics_of_one_operation_go_together():
    """
    Mean and 95th percentile of one operation are one insight whenever they overlap, and count once beside others.
    """
    operation = {"autonomous_dev.operation.name": "load"}
    names = (
        "autonomous_dev.call.duration.mean",
        "autonomous_dev.call.duration.p95",
        "autonomous_dev.call.memory_peak.mean",
    )
    series = [history(name, identity=operation) for name in names]
    (group,), _ = told(series, [change(one, 30) for one in series])
    assert len(group.members) == 3
    apart = [change(series[0], 20), change(series[1], 40)]
    assert told(series, apart) == ([], apart)
    other = history("bench")
    groups, rest = told([*series, other], [*(change(one, 30) for one in series), lone := change(other, 30)])
    assert len(groups[0].members) == 3
    assert rest == [lone]


def test_three_changes_at_one_new_commit_of_a_short_history():
    """
    In eight runs three changes are one where they are all there are, at one run, with new code; else they stay apart.
    """
    series = [history(f"bench_{i}", runs=range(8)) for i in range(4)]
    changes = [change(one, 4) for one in series[:3]]
    assert len(told(series, changes)[0]) == 1
    assert told(series, [*changes, change(series[3], 2)])[0] == []
    same = [history(f"bench_{i}", [{"commit": "a", "run_id": r} for r in range(8)], runs=range(8)) for i in range(3)]
    assert told(same, [change(one, 4) for one in same])[0] == []


def test_direction_of_a_group():
    """
    One minor member for the worse does not make a group worse; an important one does.
    """
    series = suite(6)
    better = [change(one, 30, direction=Direction.BETTER, effect=-0.4) for one in series[:5]]
    assert told(series, better)[0][0].direction is Direction.BETTER
    for effect, direction in ((0.02, Direction.CHANGED), (0.4, Direction.WORSE)):
        (group,), _ = told(series, [*better, change(series[5], 30, effect=effect)])
        assert len(group.members) == 6
        assert group.direction is direction


def test_the_id_stays_as_members_come_and_go():
    """
    A group's id depends on kind and run, not on who its members are or how sure they are of the place.
    """
    series = suite(8)
    changes = [change(one, 30, confidence=0.6 + 0.04 * i, effect=0.1 + 0.05 * i) for i, one in enumerate(series)]
    (group,), _ = told(series, changes)
    wide = change(series[0], 30, 29, 31)
    for part in (changes[:5], changes[3:], [wide, *changes[1:6]]):
        assert told(series, part)[0][0].id == group.id
    assert told(series, [change(one, 31) for one in series])[0][0].id != group.id


def test_unconfirmed_changes_are_grouped_among_themselves():
    """
    Unconfirmed changes are always new: more of them than 2% of all things are needed, and settled ones stay apart.
    """
    series = suite(40)
    fresh = [change(one, 58, kind=Kind.UNCONFIRMED, confidence=0.55) for one in series[:6]]
    groups, _ = told(series, fresh)
    assert [group.kind for group in groups] == [Kind.UNCONFIRMED]
    assert "seem to have got worse together" in groups[0].description
    assert told(series, fresh[:2])[0] == []
    groups, rest = told(series, [*fresh, settled := change(series[7], 57)])
    assert rest == [settled]


def test_trends_and_others_stay_apart():
    """
    What creeps, what is odd, what a user made and what is grouped already are left as they are.
    """
    series = suite(5)
    trends = [change(one, 30, kind=Kind.TREND) for one in series]
    own = LearningInsight("performance", "mine", 0.9)
    (group,), _ = told(series, [change(one, 30) for one in series])
    assert by_cause([*trends, own, group], series) == [*trends, own, group]


def test_what_is_about_no_given_series_stays():
    """
    Insights about unknown series, and places beyond a series' end, are left as they are.
    """
    series = suite(5)
    changes = [change(one, 30) for one in series]
    assert by_cause(changes, []) == changes
    assert by_cause(changes, [history(one.key.name, runs=range(8)) for one in series]) == changes
    assert by_cause([], series) == []


def test_a_spread_start_is_not_counted():
    """
    A change that may have begun anywhere in half of the history joins nothing.
    """
    series = suite(6)
    vague = change(series[5], 30, 15, 45)
    groups, rest = told(series, [*(change(one, 30) for one in series[:5]), vague])
    assert len(groups[0].members) == 5
    assert rest == [vague]


def test_suspects_are_what_all_members_suspect():
    """
    Commits that were never measured are suspects of the group if they are suspects of each member.
    """
    series = suite(5)
    changes = []
    for i, one in enumerate(series):
        said = change(one, 30)
        since = replace(said.since, versions=("x", "y", "c30") if i else ("y", "c30"))
        changes.append(replace(said, evidence=replace(said.evidence, since=since)))
    assert told(series, changes)[0][0].since.versions == ("y", "c30")


def test_many_series_are_fast():
    """
    Among 10,000 series with 300 samples and 200 insights causes are found within a second.
    """
    contexts = history("a", runs=range(300)).contexts
    first = history("bench", runs=range(300))
    series = [replace(first, key=replace(first.key, name=f"bench_{i}"), contexts=contexts) for i in range(10_000)]
    rng = np.random.default_rng(1)
    changes = [change(one, int(rng.integers(1, 300))) for one in series[:100]]
    changes += [change(one, 150) for one in series[100:200]]
    begin = time.process_time()
    groups, _ = told(series, changes)
    assert time.process_time() - begin < 1.0
    assert max(len(group.members) for group in groups) >= 100


def test_binomial_tails():
    """
    Tails are sums of the terms, 1 where they are not rare, and 0 where they cannot happen.
    """
    assert at_least(5, 35, 1 / 60) == pytest.approx(sum(exactly(i, 35, 1 / 60) for i in range(5, 36)))
    assert (at_least(0, 5, 0.1), at_least(6, 5, 0.1), at_least(1, 10, 0.5), at_least(2, 5, 0.0)) == (1.0, 0.0, 1.0, 0.0)
    assert at_least(3, 3, 1.0) == 1.0
    assert sum(exactly_with_spread(i, 12, 20.0) for i in range(13)) == pytest.approx(1.0)
    assert exactly_with_spread(3, 12, 1.0) == pytest.approx(1 / 13)
