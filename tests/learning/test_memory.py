"""
Memory: each insight is announced once, keeps its id, and what people settled stays settled until it gets worse.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_series import noisy, series, steps
from told_insights import announced, as_new, change, event, judged_as, statuses

from autonomous_dev.conventions import EVENT_ANNOUNCED, EVENT_VERDICT, INSIGHT_PARENT, INSIGHT_STATUS, VERDICT
from autonomous_dev.learning import Direction, LearningInsight, Status
from autonomous_dev.learning._gone import SETTLED
from autonomous_dev.learning._memory import Memory
from autonomous_dev.learning._told import MAX_TOLD
from autonomous_dev.learning._verdicts import Verdict

LINK = "https://example.org/issues/7"


def slower(samples: int = 20):
    """Ten samples at 10, the others at 15."""
    return series(steps((10, 10.0), (samples - 10, 15.0)))


def test_an_empty_memory_changes_nothing():
    """Without a journal's events every insight is new, and the list is the same."""
    insights = [change(), LearningInsight("trend", "mine", 0.7)]
    assert Memory().recall(insights, 0.0) == insights
    assert Memory.of([], []) == Memory()
    assert Memory().shift("change_point", "test_duration") == 0.0


def test_what_was_announced_is_ongoing_and_not_announced_again():
    """An insight is new until it was announced, then ongoing; then nothing is left to be written."""
    memory = Memory.of(announced([change()], 20.0, judged=[slower()]), [])
    (again,) = memory.recall([change()], 21.0, [slower()])
    assert again.status is Status.ONGOING
    assert memory.announcements([again], {again.id}) == []
    (other,) = memory.recall([change(metric="build_time")], 21.0)
    assert other.status is Status.NEW


@pytest.mark.parametrize(
    ("later", "same"),
    [
        (change(12, spread=(2, 0), insight_id="later"), True),
        (change(11, insight_id="later"), True),
        (change(12, insight_id="later"), False),
        (change(8, spread=(0, 1), insight_id="later"), True),
        (change(10, insight_id="later", kind="unconfirmed"), True),
        (change(10, insight_id="later", kind="variability"), False),
        (change(10, insight_id="later", metric="build_time"), False),
        (change(10, -5.0, insight_id="later", direction=Direction.BETTER), False),
    ],
)
def test_a_later_insight_takes_over_the_id_where_it_is_the_same_story(later, same):
    """The id of an open insight goes on where series, kind and direction are its own and the places overlap."""
    first = change(10, spread=(1, 1), insight_id="first")
    memory = Memory.of(announced([first], 16.0, judged=[slower(16)]), [])
    (told,) = memory.recall([later], 21.0, [slower()])
    assert statuses([told]) == [("first", Status.ONGOING) if same else ("later", Status.NEW)]


def test_a_place_is_found_again_where_older_samples_were_added():
    """Five older samples that came from an import do not make an announced change another one."""
    memory = Memory.of(announced([change(10, insight_id="first")], 20.0), [])
    longer = series(steps((15, 10.0), (10, 15.0)))
    moved = longer.__class__(longer.key, longer.times - 5 * 10**9, longer.values, longer.contexts)
    later = change(15, insight_id="later")
    object.__setattr__(later.evidence.since, "time", 11.0)
    (told,) = memory.recall([later], 21.0, [moved])
    assert told.id == "first"


def test_an_id_goes_to_one_insight_only():
    """Of two changes that overlap an announced one, the one of its own id has it and the other is new."""
    memory = Memory.of(announced([change(10, spread=(3, 3), insight_id="first")], 20.0), [])
    both = [change(12, spread=(3, 0), insight_id="other"), change(10, insight_id="first")]
    told = memory.recall(both, 21.0, [slower()])
    assert statuses(told) == [("other", Status.NEW), ("first", Status.ONGOING)]


def test_a_trend_is_one_story_wherever_it_begins():
    """A series has one trend at a time, whose beginning moves along with the samples that are looked at."""
    memory = Memory.of(announced([change(2, kind="trend", insight_id="first")], 20.0), [])
    (told,) = memory.recall([change(14, kind="trend", insight_id="later")], 21.0, [slower()])
    assert statuses([told]) == [("first", Status.ONGOING)]


def test_a_confirmed_change_speaks_though_its_doubt_was_announced():
    """Who was told that something may have changed is told, once, that it did; under the same id."""
    doubt = change(10, kind="unconfirmed", insight_id="first")
    events = announced([doubt], 20.0)
    (told,) = Memory.of(events, []).recall([change(10, insight_id="later")], 21.0, [slower()])
    assert statuses([told]) == [("first", Status.NEW)]
    events += announced([told], 21.0, memory=Memory.of(events, []))
    (again,) = Memory.of(events, []).recall([change(10, insight_id="later")], 22.0, [slower()])
    assert statuses([again]) == [("first", Status.ONGOING)]


def test_an_odd_sample_that_stays_is_a_change_even_if_it_was_rejected():
    """One odd sample may be rejected as chance; when the level stays it speaks, under the same id, unless accepted."""
    odd = change(10, kind="anomaly", insight_id="first")
    for verdict, told in ((Verdict.REJECT, [("first", Status.NEW)]), (Verdict.ACCEPT, [])):
        memory = Memory.of(announced([odd], 20.0), judged_as(odd, verdict, 20.5))
        assert memory.recall([odd], 21.0, [slower()]) == []
        assert statuses(memory.recall([change(10, insight_id="later")], 21.0, [slower()])) == told
        assert memory.shift("change_point", "test_duration") == 0.0


@pytest.mark.parametrize(
    ("effect", "half", "status"),
    [(8.0, 0.5, Status.WORSE), (7.4, 0.5, Status.ONGOING), (8.0, 4.0, Status.ONGOING)],
)
def test_worse_is_more_than_half_as_much_again_and_surely_so(effect, half, status):
    """An effect of 5 has become worse at 8, not at 7.4, and not where 8 may as well be 5."""
    memory = Memory.of(announced([change(10, 5.0)], 20.0), [])
    (told,) = memory.recall([change(10, effect, half=half)], 21.0, [slower()])
    assert told.status is status


def test_a_wide_announced_interval_holds_what_is_no_news():
    """An effect within the interval that was announced is not worse than what was said."""
    memory = Memory.of(announced([change(10, 5.0, half=4.0)], 20.0), [])
    (told,) = memory.recall([change(10, 8.0, half=0.5)], 21.0)
    assert told.status is Status.ONGOING


def test_worse_is_announced_once():
    """After it was told to be worse, the larger effect is what is known."""
    events = announced([change(10, 5.0)], 20.0)
    memory = Memory.of(events, [])
    (worse,) = memory.recall([change(10, 9.0)], 21.0)
    events += announced([worse], 21.0, memory=memory)
    (again,) = Memory.of(events, []).recall([change(10, 9.0)], 22.0)
    assert again.status is Status.ONGOING


def test_what_is_better_does_not_get_worse():
    """A larger improvement is no news."""
    better = change(10, -3.0, direction=Direction.BETTER)
    memory = Memory.of(announced([better], 20.0), [])
    (told,) = memory.recall([change(10, -7.0, direction=Direction.BETTER)], 21.0)
    assert told.status is Status.ONGOING


@pytest.mark.parametrize("verdict", [Verdict.ACCEPT, Verdict.REJECT])
def test_what_people_settled_is_left_out_until_it_is_worse(verdict):
    """Accepted and rejected changes are silent; a clearly larger one and one at another place speak."""
    first = change(10, 5.0)
    events, verdicts = announced([first], 20.0), judged_as(first, verdict, 21.0)
    memory = Memory.of(events, verdicts)
    assert memory.recall([change(10, 5.5)], 22.0, [slower()]) == []
    (worse,) = memory.recall([change(10, 9.0)], 22.0, [slower()])
    assert statuses([worse]) == [(first.id, Status.WORSE)]
    (later,) = memory.recall([change(16, 5.0)], 22.0, [slower()])
    assert later.status is Status.NEW
    memory = Memory.of(events + announced([worse], 23.0, memory=memory), verdicts)
    (again,) = memory.recall([change(10, 9.0)], 24.0, [slower()])
    assert again.status is Status.ONGOING


def test_a_verdict_needs_no_announcement():
    """What people saw on their own terminal can be accepted before anything was announced."""
    memory = Memory.of([], judged_as(change(), Verdict.ACCEPT, 21.0))
    assert memory.recall([change()], 22.0) == []


def test_an_accepted_trend_is_silent_and_a_later_one_speaks():
    """A trend has no place that could tell a second one apart: what began after the verdict is another."""
    trend = change(2, kind="trend", insight_id="first")
    memory = Memory.of(announced([trend], 20.0), judged_as(trend, Verdict.ACCEPT, 25.0))
    assert memory.recall([change(10, kind="trend", insight_id="x")], 26.0) == []
    (later,) = memory.recall([change(40, kind="trend", insight_id="x")], 50.0)
    assert statuses([later]) == [("x", Status.NEW)]


def test_a_known_one_is_shown_with_its_link():
    """Known is neither silent nor announced; it speaks where it gets worse, and keeps its link."""
    events, verdicts = announced([change()], 20.0), judged_as(change(), Verdict.KNOWN, 21.0, LINK)
    memory = Memory.of(events, verdicts)
    (known,) = memory.recall([change()], 22.0)
    assert (known.status, known.link) == (Status.KNOWN, LINK)
    assert memory.announcements([known], {known.id}) == []
    (worse,) = memory.recall([change(10, 9.0)], 22.0)
    assert (worse.status, worse.link) == (Status.WORSE, LINK)
    (again,) = Memory.of(events + announced([worse], 23.0), verdicts).recall([change(10, 9.0)], 24.0)
    assert again.status is Status.KNOWN


def test_the_newest_verdict_counts():
    """Who changes their mind says so, and the last word stands."""
    verdicts = judged_as(change(), Verdict.REJECT, 21.0) + judged_as(change(), Verdict.KNOWN, 22.0, LINK)
    assert Memory.of([], verdicts).recall([change()], 23.0)[0].status is Status.KNOWN
    assert Memory.of([], verdicts).shift("change_point", "test_duration") > 0


def returned(back: int):
    """Slower at sample 10, as before from sample 20 on, for *back* samples."""
    return series(noisy(steps((10, 10.0), (10, 15.0), (back, 10.0)), 0.001, 0))


def test_a_series_that_came_back_is_told_once():
    """What was announced and is undone is told as resolved, with the return; then both are over."""
    events = announced([change()], 20.0, judged=[slower()])
    memory = Memory.of(events, [])
    back = change(20, -5.0, direction=Direction.BETTER)
    (over,) = memory.recall([back], 20.0 + 2 * 86400, [returned(5)])
    assert (over.id, over.status, over.direction) == (change().id, Status.RESOLVED, Direction.BETTER)
    assert [member.id for member in over.members] == [back.id]
    assert "came back to 10" in over.description
    assert "2 days ago" in over.description
    assert over.evidence.since.index == 10
    events += announced([over], 26.0, memory=memory)
    assert statuses(Memory.of(events, []).recall([back], 27.0, [returned(6)])) == [(back.id, Status.ONGOING)]


def test_a_return_that_is_not_settled_yet_resolves_nothing():
    """Two samples that are back may be chance: while their change is unconfirmed, what was announced stays open."""
    memory = Memory.of(announced([change()], 20.0, judged=[slower()]), [])
    back = change(20, -5.0, direction=Direction.BETTER, kind="unconfirmed")
    assert statuses(memory.recall([back], 22.0, [returned(2)])) == [(back.id, Status.NEW)]
    assert memory.recall([], 22.0, [returned(2)]) == []
    assert [one.status for one in memory.recall([], 23.0, [returned(3)])] == [Status.RESOLVED]


def test_a_return_of_many_series_speaks_for_itself():
    """A return that is a member of a larger insight is not told twice."""
    memory = Memory.of(announced([change()], 20.0, judged=[slower()]), [])
    back = change(20, -5.0, direction=Direction.BETTER)
    whole = change(20, -5.0, direction=Direction.BETTER, insight_id="all", members=[back, change(20, metric="b")])
    told = memory.recall([whole], 25.0, [returned(5)])
    assert statuses(told) == [("all", Status.NEW), (change().id, Status.RESOLVED)]
    assert [len(one.members) for one in told] == [2, 0]


def test_nothing_is_resolved_without_new_samples():
    """An insight that is found no more, over the same samples, has not come back: a policy may have changed."""
    memory = Memory.of(announced([change()], 20.0, judged=[slower()]), [])
    assert memory.recall([], 21.0, [slower()]) == []
    assert memory.recall([], 21.0) == []


def test_what_is_no_longer_believed_is_withdrawn_after_some_samples():
    """A change that is found no more though the series did not change back is withdrawn; a passing doubt is not."""
    memory = Memory.of(announced([change()], 20.0, judged=[slower(20)]), [])
    assert memory.recall([], 21.0, [slower(20 + SETTLED - 1)]) == []
    (over,) = memory.recall([], 21.0, [slower(20 + SETTLED)])
    assert (over.status, over.direction) == (Status.RESOLVED, Direction.CHANGED)
    assert "withdrawn" in over.description


def test_a_further_change_takes_an_announced_one_over():
    """Worse and worse again is no resolution: the later change speaks for both."""
    memory = Memory.of(announced([change()], 20.0, judged=[slower()]), [])
    worse = series(steps((10, 10.0), (10, 15.0), (10, 20.0)))
    told = memory.recall([change(20)], 21.0, [worse])
    assert statuses(told) == [(change(20).id, Status.NEW)]


@pytest.mark.parametrize(
    "insight",
    [change(19, kind="anomaly"), change(10, -5.0, direction=Direction.BETTER)],
    ids=["one odd sample", "an improvement"],
)
def test_what_passes_passes_without_a_word(insight):
    """An odd sample is over with the next one, and a lost improvement is a change for the worse of its own."""
    memory = Memory.of(announced([insight], 20.0, judged=[slower()]), [])
    assert memory.recall([], 21.0, [returned(10)]) == []


def test_settled_ones_are_not_resolved():
    """Nobody waits to hear that what they rejected or accepted is gone; what is known is told to be over."""
    events = announced([change()], 20.0, judged=[slower()])
    for verdict, count in ((Verdict.ACCEPT, 0), (Verdict.REJECT, 0), (Verdict.KNOWN, 1)):
        memory = Memory.of(events, judged_as(change(), verdict, 21.0, LINK if verdict is Verdict.KNOWN else ""))
        assert len(memory.recall([], 22.0, [returned(10)])) == count


def test_what_was_resolved_is_told_again_where_it_is_surer_or_began_later():
    """What was told to be over is silent at its place, unless it is surer than when it was announced."""
    events = announced([change()], 20.0, judged=[slower()])
    (over,) = Memory.of(events, []).recall([], 21.0, [returned(10)])
    memory = Memory.of(events + announced([over], 22.0, judged=[returned(10)]), [])
    long = series(steps((10, 10.0), (60, 15.0)))
    assert statuses(memory.recall([change()], 23.0, [long])) == [(change().id, Status.ONGOING)]
    assert statuses(memory.recall([change(confidence=0.95)], 23.0, [long])) == [(change().id, Status.NEW)]
    assert statuses(memory.recall([change(40)], 23.0, [long])) == [(change(40).id, Status.NEW)]


def test_a_broken_bound_is_news_each_time_it_breaks():
    """A bound that was kept again and is broken later is broken anew."""
    broken = change(10, kind="threshold", insight_id="first")
    events = announced([broken], 20.0, judged=[slower()])
    (over,) = Memory.of(events, []).recall([], 21.0, [returned(3)])
    memory = Memory.of(events + announced([over], 22.0, judged=[returned(3)]), [])
    again = change(25, kind="threshold", insight_id="second")
    assert statuses(memory.recall([again], 30.0, [series(steps((70, 10.0)))])) == [("second", Status.NEW)]


def test_another_way_to_tell_what_was_announced_is_no_news():
    """A step that is placed elsewhere, or told as a slope, among samples that were known when it was announced."""
    long = series(steps((10, 10.0), (30, 15.0)))
    memory = Memory.of(announced([change(20, insight_id="first")], 41.0, judged=[long]), [])
    for other in (change(12, insight_id="x"), change(35, insight_id="x"), change(0, kind="trend", insight_id="x")):
        assert statuses(memory.recall([other], 42.0, [long])) == [("first", Status.ONGOING)]
    for other in (change(36, insight_id="x"), change(12, kind="variability", insight_id="x")):
        assert ("x", Status.NEW) in statuses(memory.recall([other], 42.0, [long]))


def test_up_and_down_are_two_stories():
    """Where nothing says which way is better, a rise is not the fall before it."""
    fall = change(10, -5.0, direction=Direction.CHANGED, insight_id="fall")
    memory = Memory.of(announced([fall], 20.0, judged=[slower()]), [])
    (rise,) = memory.recall([change(10, 5.0, direction=Direction.CHANGED, insight_id="rise")], 21.0, [slower()])
    assert statuses([rise]) == [("rise", Status.NEW)]


def test_what_is_missing_is_told_once():
    """A series that is stale becomes more so with every second, which is no news."""
    memory = Memory.of(announced([change(10, 100.0, kind="staleness")], 20.0), [])
    assert memory.recall([change(10, 1000.0, kind="staleness")], 21.0)[0].status is Status.ONGOING


def cause(*metrics, insight_id="cause"):
    """One insight for many series."""
    return change(insight_id=insight_id, metric=metrics[0], members=[change(metric=name) for name in metrics])


def test_a_cause_is_announced_with_its_members():
    """One insight for many series is one announcement; its series are no news afterwards, alone or with others."""
    lines = announced([cause("a", "b")], 20.0)
    assert [line.attributes.get(INSIGHT_PARENT, "") for line in lines] == ["", "cause", "cause"]
    memory = Memory.of(lines, [])
    (same,) = memory.recall([cause("a", "b", "c", insight_id="other")], 21.0)
    assert statuses([same, *same.members]) == [
        ("cause", Status.ONGOING),
        (change(metric="a").id, Status.ONGOING),
        (change(metric="b").id, Status.ONGOING),
        (change(metric="c").id, Status.NEW),
    ]
    (alone,) = memory.recall([change(metric="b")], 21.0)
    assert alone.status is Status.ONGOING


def test_a_cause_of_what_was_announced_one_by_one_is_no_news():
    """Series that were announced alone and turn out to have one cause are ongoing; with a further one they are news."""
    memory = Memory.of(announced([change(metric="a"), change(metric="b")], 20.0), [])
    assert memory.recall([cause("a", "b")], 21.0)[0].status is Status.ONGOING
    assert memory.recall([cause("a", "b", "c")], 21.0)[0].status is Status.NEW


def test_a_cause_is_worse_where_one_of_its_series_is():
    """Another series that leads a cause is no measure of it; a member that grew is."""
    memory = Memory.of(announced([cause("a", "b")], 20.0), [])
    led = change(10, 50.0, metric="b", insight_id="cause", members=[change(metric="a"), change(metric="b")])
    assert memory.recall([led], 21.0)[0].status is Status.ONGOING
    grown = change(metric="a", insight_id="cause", members=[change(metric="a"), change(10, 9.0, metric="b")])
    assert memory.recall([grown], 21.0)[0].status is Status.WORSE


def test_a_verdict_on_a_cause_holds_for_its_members():
    """Who accepts what one cause did to many series has accepted it for each, and it counts as one verdict."""
    verdicts = judged_as(cause("a", "b"), Verdict.REJECT, 21.0)
    memory = Memory.of(announced([cause("a", "b")], 20.0), verdicts)
    assert memory.recall([cause("a", "b")], 22.0) == []
    assert memory.recall([change(metric="b")], 22.0) == []
    (rest,) = memory.recall([cause("a", "b", "c")], 22.0)
    assert statuses([rest]) == [(change(metric="c").id, Status.NEW)]
    alone = Memory.of([], judged_as(change(metric="a"), Verdict.REJECT, 21.0))
    assert memory.shift("change_point", "a") == alone.shift("change_point", "a")


def test_a_cause_is_resolved_when_all_of_it_is_gone():
    """One series that came back leaves a cause open; when all are back it is told once, and its members with it."""
    now = [series(steps((10, 10.0), (10, 15.0)), name) for name in "ab"]
    later = [series(steps((10, 10.0), (10, 15.0), (5, 10.0)), name) for name in "ab"]
    events = announced([cause("a", "b")], 20.0, judged=now)
    memory = Memory.of(events, [])
    assert statuses(memory.recall([change(metric="b")], 21.0, later)) == [(change(metric="b").id, Status.ONGOING)]
    (over,) = memory.recall([], 21.0, later)
    assert statuses([over]) == [("cause", Status.RESOLVED)]
    assert Memory.of(events + announced([over], 22.0), []).recall([], 23.0, later) == []


def test_only_the_newest_announcements_of_a_series_are_looked_at():
    """Ids are taken over from a bounded number of announcements of a series, the newest."""
    old = change(10, insight_id="old", spread=(2, 2))
    many = [change(100 + 10 * i, insight_id=f"n{i}") for i in range(MAX_TOLD)]
    long = series(steps((10, 10.0), (2000, 15.0)))
    near = change(11, insight_id="near")
    assert Memory.of(announced([old], 1.0), []).recall([near], 9.0, [long])[0].id == "old"
    memory = Memory.of(announced([old], 1.0) + announced(many, 2.0), [])
    found = memory.recall([near], 9.0, [long])
    assert found[0].id == "near"


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*announced([change()], 1.0)[0].attributes, VERDICT, INSIGHT_PARENT, INSIGHT_STATUS]),
            st.one_of(st.text(max_size=5), st.floats(), st.integers(), st.none(), st.lists(st.integers(), max_size=3)),
        ),
        max_size=3,
    ),
    st.booleans(),
)
def test_events_that_cannot_be_read_are_passed_over(changes, as_verdict):
    """Whatever another program wrote under our names, memory is made, recalls, and raises nothing."""
    lines = judged_as(change(), Verdict.KNOWN, 1.0, LINK) if as_verdict else announced([change()], 1.0)
    name = EVENT_VERDICT if as_verdict else EVENT_ANNOUNCED
    broken = [event(name, {**lines[0].attributes, **some}, 1.0) for some in changes]
    memory = Memory.of([] if as_verdict else broken, broken if as_verdict else [])
    assert math.isfinite(memory.shift("change_point", "test_duration"))
    for insight in memory.recall([as_new(change())], 2.0, [slower(40)]):
        assert isinstance(insight.description, str)
