"""
Replay: what would have been said after each run, how late, and what would have been taken back.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from known_series import SECOND, noisy, series, steps
from told_insights import change

from autonomous_dev.errors import InvalidValueError
from autonomous_dev.learning import Direction, Judgement, Status
from autonomous_dev.learning._history import recorded_runs
from autonomous_dev.learning._replay import Replay, replay
from autonomous_dev.learning.detectors import change_points
from autonomous_dev.policy import Policy
from autonomous_dev.series import SeriesKey, attributes_of, make_series


def history(values, name="test_duration", noise=0.01, seed=0):
    """A series with one commit a sample."""
    column = noisy(values, noise, seed) if noise else values
    return series(column, name, contexts=[{"commit": f"c{i}"} for i in range(len(column))])


def test_a_step_is_one_story_and_soon_told():
    """A step of 50% in the middle of 60 runs has one id, is told as a change at most three runs late, and stands."""
    told = replay([history(steps((30, 10.0), (30, 15.0)))], Policy(), runs=60)
    assert len({one.insight.id for one in told.announcements}) == 1
    (one,) = (said for said in told.announcements if said.insight.kind == "change_point")
    assert one.insight.status is Status.NEW
    assert told.runs[one.run].name == f"c{30 + one.late}"
    assert one.late <= 3
    assert told.withdrawn == 0
    assert told.spoken == len(told.announcements) == 1
    assert told.summary.startswith("on your last 60 runs this would have spoken once ")


def test_a_quiet_history_is_never_spoken_of():
    """Where nothing happened, nothing would have been said."""
    told = replay([history(np.full(60, 10.0), seed=1)], Policy(), runs=40, detectors=[change_points])
    assert told.summary == "on your last 40 runs this would never have spoken"
    assert told.announcements == ()


def test_what_stood_before_the_walk_is_taken_for_announced():
    """A change that is older than the runs that are walked over is no news in any of them."""
    told = replay([history(steps((20, 10.0), (30, 15.0)))], Policy(), runs=20)
    assert len(told.runs) == 20
    assert told.announcements == ()


def test_an_undone_change_is_resolved_and_not_withdrawn():
    """A change that was undone is told, and told to be over; nothing is taken back."""
    told = replay([history(steps((20, 10.0), (12, 15.0), (12, 10.0)))], Policy(), runs=44)
    assert told.withdrawn == 0
    (over,) = [insight for run in told.runs for insight in run.resolved]
    assert over.id == told.announcements[0].insight.id
    assert "came back" in over.description


def at_first(found):
    """A judge that gives ``found(samples)`` for the number of samples of the first series, all to be announced."""

    def judged(known, policy, /, *, now, detectors, memory):
        insights = memory.recall(found(len(known[0])), now, known)
        speaking = tuple(i.id for i in insights if i.status in {Status.NEW, Status.WORSE, Status.RESOLVED})
        return Judgement(tuple(insights), (), announced=speaking)

    return judged


def test_what_is_no_longer_believed_is_withdrawn():
    """What is announced after run 15 and found no more from run 20 on, the level being as it was, is withdrawn."""
    one = history(steps((10, 10.0), (30, 15.0)), noise=0.0)
    told = replay([one], Policy(), runs=40, judge=at_first(lambda n: [change(10)] if 15 <= n < 20 else []))
    (said,) = told.announcements
    assert (said.run, said.late, said.withdrawn) == (14, 4, True)
    assert "1 withdrawn later" in told.summary


def test_how_late_is_counted_from_where_the_change_is_placed_in_the_end():
    """A change that was first placed at sample 12 and in the end at sample 10 was two runs later than it looked."""
    one = history(steps((10, 10.0), (30, 15.0)), noise=0.0)

    def found(count):
        if count < 15:
            return []
        return [change(12, spread=(2, 0), insight_id="a")] if count < 30 else [change(10, insight_id="b")]

    (said,) = replay([one], Policy(), runs=40, judge=at_first(found)).announcements
    assert (said.run, said.late) == (14, 4)


def test_only_series_with_a_new_sample_are_looked_at_again():
    """A detector is asked once for each sample of each series, not once for each run and series."""
    asked = []

    def counting(outline, policy):
        asked.append((outline.series.key.name, len(outline.series)))
        return change_points(outline, policy)

    often = history(np.full(40, 10.0), "often")
    rare = make_series(
        SeriesKey("rare"), often.times[::10], often.values[::10], [often.contexts[i] for i in range(0, 40, 10)]
    )
    told = replay([often, rare], Policy(), runs=40, detectors=[counting])
    assert len(told.runs) == 40
    assert sorted(asked) == sorted([("often", n) for n in range(1, 41)] + [("rare", n) for n in range(1, 5)])


def test_an_executor_gives_the_same_replay():
    """Where series are looked at changes nothing of what would have been said."""
    made = [history(steps((20, 10.0), (20, 15.0)), f"m{i}", seed=i) for i in range(3)]
    here = replay(made, Policy(), runs=30)
    asked = []

    class Counting(ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            asked.append(args)
            return super().submit(*args, **kwargs)

    with Counting(2) as executor:
        assert replay(made, Policy(), runs=30, executor=executor) == here
    assert len(asked) == 31
    assert here.announcements


def test_a_replay_is_what_the_days_would_have_said():
    """After each run the judge sees that run's samples and none that came later, at that run's time."""
    seen = []

    def judged(known, policy, /, *, now, detectors, memory):
        seen.append((now, [len(one) for one in known], max(int(one.times[-1]) for one in known)))
        return Judgement((), ())

    replay([history(np.full(6, 1.0)), history(np.full(3, 1.0), "other")], Policy(), runs=3, judge=judged)
    assert seen == [
        (3.0, [3, 3], 3 * SECOND),
        (4.0, [4, 3], 4 * SECOND),
        (5.0, [5, 3], 5 * SECOND),
        (6.0, [6, 3], 6 * SECOND),
    ]


def test_progress_is_told():
    """Who waits is told how many runs are done."""
    told = []
    replay([history(np.full(5, 1.0))], Policy(), runs=3, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_nothing_recorded_is_nothing_to_replay():
    """Without a sample there is no run, which is said."""
    assert replay([], Policy(), runs=60) == Replay((), ())
    assert replay([], Policy(), runs=60).summary == "no run is recorded yet: there is nothing to replay"


@pytest.mark.parametrize("runs", [0, -1, 2.0, True, "60"])
def test_a_number_of_runs_that_is_none_is_an_error(runs):
    """At least one run has to be walked over."""
    with pytest.raises(InvalidValueError, match="expected a whole number"):
        replay([], Policy(), runs=runs)


def test_a_replay_is_json():
    """What is printed for machines holds insights that can be read back."""
    told = replay([history(steps((20, 10.0), (10, 15.0)))], Policy(), runs=30)
    document = json.loads(json.dumps(told.to_dict()))
    assert document["summary"] == told.summary
    assert document["announcements"][0]["insight"]["direction"] == Direction.WORSE
    assert len(document["runs"]) == 30


def at(times, contexts, name="m"):
    """A series at these seconds."""
    return make_series(
        SeriesKey(name), [int(t * SECOND) for t in times], [1.0] * len(times), [attributes_of(c) for c in contexts]
    )


def test_runs_are_what_people_named():
    """One run id is one run, over all series and through whatever it interleaves with; a commit stands in for it."""
    found = recorded_runs(
        [
            at([1, 2, 3], [{"run_id": "a"}, {"run_id": "b"}, {"run_id": "a"}]),
            at([2.5, 9], [{"run_id": "b", "commit": "x"}, {"commit": "x"}], "n"),
        ]
    )
    assert [(run.name, run.begin / SECOND, run.end / SECOND) for run in found] == [
        ("b", 2.0, 2.5), ("a", 1.0, 3.0), ("x", 9.0, 9.0),
    ]  # fmt: skip


def test_the_rounds_of_one_process_are_runs():
    """A loop that records two metrics three times is three runs, whether its process is known or not."""
    for context in ({"autonomous_dev.run.id": "p"}, {}):
        both = [at([1, 3, 5], [context] * 3), at([2, 4, 6], [context] * 3, "n")]
        assert [(run.begin / SECOND, run.end / SECOND) for run in recorded_runs(both)] == [(1, 2), (3, 4), (5, 6)]
        assert recorded_runs(both)[0].name == "1970-01-01 00:00:02 UTC"


def test_an_iteration_is_one_run():
    """Different series under one process id are one run."""
    both = [at([1], [{"autonomous_dev.run.id": "p"}]), at([2], [{"autonomous_dev.run.id": "p"}], "n")]
    assert len(recorded_runs(both)) == 1
    assert replace(recorded_runs(both)[0], name="") == recorded_runs(both)[0].__class__("", SECOND, 2 * SECOND)
