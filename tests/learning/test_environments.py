"""
The runner changed, not the code: switches of a context's value, levels that follow it, and runs at which much is odd.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_changes import RUNS, change, history

from autonomous_dev.learning._causes import by_cause
from autonomous_dev.learning._contexts import says_where
from autonomous_dev.learning._environments import by_environment
from autonomous_dev.learning._insight import Direction, LearningInsight, Severity
from autonomous_dev.learning._runner_or_code import runners_part
from autonomous_dev.learning.detectors import Kind


def contexts(runners, key="runner", runs=range(RUNS), commits=None):
    """
    A context for each run with its *runners* value.
    """
    return [
        {"commit": f"c{run:02}" if commits is None else commits, "run_id": run, **({key: runner} if runner else {})}
        for run, runner in zip(runs, runners, strict=True)
    ]


def suite(count, runners, **given):
    """
    *count* series that ran on *runners*.
    """
    return [history(f"bench_{i}", contexts(runners, **given), runs=range(len(runners))) for i in range(count)]


def told(series, changes):
    """
    What is told of *changes*: about the environment, then the rest.
    """
    result = by_environment(changes, series)
    return [one for one in result if one.members], [one for one in result if not one.members]


SWITCH = ["a"] * 30 + ["b"] * 30


def test_a_runner_that_moves_most_series():
    """
    Changes that begin where the runner switched are one insight about the runner, with the changes inside.
    """
    series = suite(10, SWITCH)
    changes = [change(one, 30, effect=0.1 * (i + 1)) for i, one in enumerate(series[:6])]
    changes.append(apart := change(series[7], 12))
    (one,), rest = told(series, changes)
    assert rest == [apart]
    assert one.members == tuple(reversed(changes[:6]))
    assert (one.kind, one.category) == (Kind.ENVIRONMENT, "environment")
    assert (one.direction, one.severity) == (Direction.CHANGED, Severity.INFO)
    assert one.confidence >= 0.9
    assert "runner changed from a to b since commit c30, and 6 of 10 series moved with it" in one.description
    assert "Probably the runner, not the code" in one.description
    assert "again" in one.suggested_action
    assert (one.since.version, one.since.last_good, one.since.index) == ("c30", "c29", 30)
    assert LearningInsight.from_dict(one.to_dict()) == one


def test_few_of_many_that_saw_the_switch_are_the_code():
    """
    Where the runner switched for 300 series and one moved, the 299 others speak for the code.
    """
    series = suite(300, SWITCH)
    changes = [change(series[0], 30)]
    assert told(series, changes) == ([], changes)


def test_a_single_series_is_told_with_both_readings():
    """
    Where only one thing was measured confidence is moderate, and code and runner are both named.
    """
    series = suite(1, SWITCH)
    (one,), _ = told(series, [change(series[0], 30)])
    assert 0.5 <= one.confidence <= 0.7
    assert "The code changed with it, so either may have made it" in one.description
    assert "c29..c30" in one.suggested_action
    for place in ((29, 29, 30), (31, 31, 31)):
        said = [change(series[0], *place)]
        assert told(series, said) == ([], said)


def test_the_same_commit_on_both_sides_rules_the_code_out():
    """
    Where the commit did not change with the runner, the code did not make it.
    """
    series = suite(1, SWITCH, commits="c")
    (one,), _ = told(series, [change(series[0], 30)])
    assert one.confidence >= 0.85
    assert "while the code stayed the same" in one.description


def test_keys_that_switch_together_are_one():
    """
    Runner, host and Python that change at one run are one insight, which names them all.
    """
    known = [
        {**one, "python": f"3.1{'1' if i < 30 else '2'}", "host": one["runner"] + "1"}
        for i, one in enumerate(contexts(SWITCH))
    ]
    series = [history(f"bench_{i}", known) for i in range(4)]
    (one,), _ = told(series, [change(each, 30) for each in series])
    assert one.description.startswith("runner changed from a to b since commit c30 (and with it host, python)")


@pytest.mark.parametrize(
    "runners",
    [
        ["a", "b"] * 30,
        [None] * 30 + ["b"] * 30,
        ["a"] * 30 + ["b", "a"] * 15,
        [f"r{i}" for i in range(60)],
        [f"r{i}" for i in range(30)] + ["b"] * 30,
    ],
    ids=["alternates", "recorded since then", "comes and goes", "new each time", "new each time before"],
)
def test_what_is_no_switch(runners):
    """
    A value that was there before, does not stay, was never recorded before or is new each time says nothing.
    """
    series = suite(6, runners)
    changes = [change(one, 30) for one in series]
    assert told(series, changes) == ([], changes)


def test_a_pool_that_a_new_runner_replaces():
    """
    Several runners before, one since then: that is a switch.
    """
    series = suite(6, ["a", "b", "c"] * 10 + ["d"] * 30)
    (one,), _ = told(series, [change(each, 30) for each in series])
    assert "to d" in one.description


@pytest.mark.parametrize(
    "key", ["branch", "run_number", "build_url", "pid", "version", "vcs.ref.head.name", "released_at_time"]
)
def test_keys_of_code_runs_and_times_are_not_asked(key):
    """
    A version, run, branch, time or process that switches with the change is no environment.
    """
    series = suite(6, SWITCH, key=key)
    changes = [change(one, 30) for one in series]
    assert told(series, changes) == ([], changes)


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("os_version", True),
        ("python", True),
        ("runner_id", True),
        ("cicd.worker.name", True),
        ("instance_type", True),
        ("machine", True),
        ("temperature", True),
        ("commitSha", False),
        ("app_version", False),
        ("cicd.pipeline.run.id", False),
        ("service.instance.id", False),
    ],
)
def test_which_keys_say_where_something_ran(key, where):
    """
    Words decide: those of places come before those of versions and ids.
    """
    assert says_where(key) is where


def test_a_level_that_follows_an_alternating_runner():
    """
    Where runs alternate between runners and the level follows, the streaks are no changes of the code.
    """
    rng = np.random.default_rng(5)
    runners = list("aaaaaaabbbaaaabbaaaaabbbbaaaaaaaabbaaaaaaabbbaaaaaaaaabbbbbb")
    slow = np.array([one == "b" for one in runners])
    series = [
        history(f"bench_{i}", contexts(runners), values=10 + 3 * slow + 0.1 * rng.normal(size=RUNS)) for i in range(2)
    ]
    (one,), _ = told(series, [change(each, 54) for each in series])
    assert "bench_0 and 1 more series follow the runner, which alternates: a 9.97 s, b 13 s" in one.description
    assert "Compare runs of one runner only" in one.suggested_action
    assert one.confidence >= 0.8


def test_a_change_that_remains_on_each_runner():
    """
    Where the level also changed on each runner for itself, the runner does not explain it.
    """
    rng = np.random.default_rng(5)
    runners = ["a", "b", "a", "a"] * 15
    slow = np.array([one == "b" for one in runners])
    values = 10 + 3 * slow + 0.1 * rng.normal(size=RUNS) + np.where(np.arange(RUNS) >= 40, 3.0, 0.0)
    series = [history("bench", contexts(runners), values=values)]
    changes = [change(series[0], 40)]
    assert told(series, changes) == ([], changes)


@pytest.mark.parametrize("kind", [Kind.ANOMALY, Kind.UNCONFIRMED])
def test_many_odd_newest_samples_are_the_run(kind):
    """
    Several alarms at one run are one insight that says to wait; it is settled by the next runs.
    """
    series = suite(20, ["a"] * RUNS)
    at = RUNS - 1 if kind == Kind.ANOMALY else RUNS - 2
    changes = [change(one, at, kind=kind, confidence=0.6) for one in series[:8]]
    (one,), rest = told(series, [*changes, settled := change(series[9], 20)])
    assert rest == [settled]
    assert len(one.members) == 8
    assert one.kind == Kind.ENVIRONMENT
    assert one.settles_in >= 1
    assert 0.5 <= one.confidence <= 0.85
    assert f"8 of 20 series are odd at commit c{at}" in one.description
    assert "Wait for the next run" in one.suggested_action


def test_as_many_odd_samples_as_chance_gives():
    """
    Twelve odd newest samples of 300 are what chance gives, and two of two may be one commit's.
    """
    series = suite(300, ["a"] * RUNS)
    changes = [
        change(one, RUNS - 1, kind=Kind.ANOMALY, direction=(Direction.WORSE, Direction.BETTER)[i % 2])
        for i, one in enumerate(series[:12])
    ]
    assert told(series, changes) == ([], changes)
    assert told(series[:2], changes[:2]) == ([], changes[:2])


def test_odd_samples_of_another_run_are_apart():
    """
    Only what is odd at the same run is one insight.
    """
    series = suite(20, ["a"] * RUNS)
    changes = [change(one, RUNS - 1, kind=Kind.ANOMALY) for one in series[:5]]
    short = history("stopped", runs=range(40))
    lone = change(short, 39, kind=Kind.ANOMALY)
    groups, rest = told([*series, short], [*changes, lone])
    assert len(groups[0].members) == 5
    assert rest == [lone]


def test_ids_stay_as_members_come_and_go():
    """
    An insight about a switch or a run keeps its id, whoever its members are; another run has another.
    """
    series = suite(10, SWITCH)
    changes = [change(one, 30, effect=0.1 + 0.02 * i) for i, one in enumerate(series)]
    assert told(series, changes[:6])[0][0].id == told(series, changes[3:])[0][0].id
    odd = [change(one, 59, kind=Kind.ANOMALY) for one in series]
    assert told(series, odd[:6])[0][0].id == told(series, odd[3:])[0][0].id
    assert len({told(series, part)[0][0].id for part in (changes, odd)}) == 2


def test_what_was_told_of_the_environment_is_no_cause():
    """
    Causes are sought among what is left; insights with members stay as they are.
    """
    series = suite(10, SWITCH)
    changes = [change(one, 30) for one in series[:6]] + [change(one, 45) for one in series[6:]]
    left = by_environment(changes, series)
    grouped = by_cause(left, series)
    assert grouped[0] is left[0]
    assert [len(one.members) for one in grouped] == [6, 4]
    assert by_environment(grouped, series) == grouped


def test_series_without_contexts():
    """
    Without any context nothing is said of where things ran; nothing given gives nothing.
    """
    series = [history(f"bench_{i}", plain=True) for i in range(6)]
    changes = [change(one, 30) for one in series]
    assert by_environment(changes, series) == changes
    assert by_environment([], series) == []


def test_the_runners_part():
    """
    The part grows with the share that moved, is even lower than by chance for few of many, and 0 below chance.
    """
    parts = [runners_part(moved, 300, 1 / 600) for moved in (1, 5, 30, 150)]
    assert parts == sorted(parts)
    assert parts[0] < 0.1
    assert parts[-1] > 0.95
    assert runners_part(10, 300, 0.04) == 0.0


def test_many_series_are_fast():
    """
    Among 10,000 series with 300 samples and 200 insights the environment is looked at within a second.
    """
    first = history("bench", contexts(["a"] * 150 + ["b"] * 150, runs=range(300)), runs=range(300))
    series = [replace(first, key=replace(first.key, name=f"bench_{i}")) for i in range(10_000)]
    rng = np.random.default_rng(1)
    changes = [change(one, int(rng.integers(1, 300))) for one in series[:100]]
    changes += [change(one, 150) for one in series[100:200]]
    begin = time.process_time()
    by_environment(changes, series)
    assert time.process_time() - begin < 1.0


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_nothing_is_lost_or_told_twice(data):
    """
    Whatever coincides, each insight is told once, alone or as a member, and ids are told once.
    """
    runners = data.draw(st.lists(st.sampled_from(["a", "b", None]), min_size=12, max_size=12))
    series = suite(data.draw(st.integers(1, 6)), runners, runs=range(12))
    changes = []
    for one in series:
        for kind in data.draw(
            st.sets(st.sampled_from([Kind.CHANGE_POINT, Kind.UNCONFIRMED, Kind.ANOMALY, Kind.TREND]))
        ):
            at = data.draw(st.integers(0, 11))
            first, last = data.draw(st.integers(0, at)), data.draw(st.integers(at, 11))
            direction = data.draw(st.sampled_from(list(Direction)))
            confidence = data.draw(st.floats(0.5, 1.0))
            changes.append(change(one, at, first, last, kind=kind, direction=direction, confidence=confidence))
    result = by_cause(by_environment(changes, series), series)
    said = [id(part) for one in result for part in (one.members or (one,))]
    assert sorted(said) == sorted(map(id, changes))
    ids = [one.id for one in result]
    assert len(set(ids)) == len(ids)
    assert all(0.5 <= one.confidence <= 1.0 for one in result)
