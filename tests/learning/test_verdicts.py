"""
Verdicts: what is taken for one, how it is kept, and how it moves the confidences that are said next.
"""

from __future__ import annotations

import contextlib
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from told_insights import change, event, judged_as

from autonomous_dev.conventions import EVENT_OUTCOME, EVENT_VERDICT, VERDICT, VERDICT_LINK
from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.learning import LearningInsight
from autonomous_dev.learning._memory import Memory
from autonomous_dev.learning._offsets import KIND_VARIANCE, METRIC_VARIANCE, offsets, outcome
from autonomous_dev.learning._verdicts import (
    MAX_LINK,
    Verdict,
    check_link,
    find_insight,
    verdict_attributes,
    verdict_from,
    verdict_lines,
    verdict_of,
)
from autonomous_dev.learning.detectors._odds import log_odds, shifted

LINK = "https://example.org/issues/7"


@pytest.mark.parametrize(
    ("given_", "verdict"),
    [
        ({"accept": True}, (Verdict.ACCEPT, "")),
        ({"known": LINK}, (Verdict.KNOWN, LINK)),
        ({"reject": True}, (Verdict.REJECT, "")),
    ],
)
def test_one_verdict_is_taken(given_, verdict):
    """Each of the three is named by its argument."""
    assert verdict_of(**given_) == verdict


@pytest.mark.parametrize(
    "given_", [{}, {"accept": True, "reject": True}, {"known": LINK, "accept": True}, {"known": "no link"}]
)
def test_not_exactly_one_verdict_is_an_error(given_):
    """None, two, or a known one without a link is refused, with what there is to choose from."""
    with pytest.raises(InvalidValueError, match="expected"):
        verdict_of(**given_)


@pytest.mark.parametrize("given_", [{"accept": 1}, {"reject": "yes"}, {"known": True}, {"known": None}])
def test_a_verdict_of_the_wrong_type_is_an_error(given_):
    """What is neither a bool nor a link is refused."""
    with pytest.raises(InvalidTypeError):
        verdict_of(**given_)


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "ftp://example.org/x", "//example.org", "https://", "https:///path", "example.org",
        "https://example.org/\x1b[2J", "https://example.org/a b", "https://example.org/\n", "https://[::1",
        "https://example.org:port/", "https://example.org/\u202egnp", "https://e.org/" + "x" * MAX_LINK, "",
    ],
)  # fmt: skip
def test_what_is_no_link_for_a_browser_is_an_error(link):
    """A link is printed and shown on boards: only http and https, bounded, nothing that commands a terminal."""
    with pytest.raises(InvalidValueError, match="link"):
        check_link(link)


@pytest.mark.parametrize("link", [LINK, "http://localhost:3000/browse/AB-1?x=%20y#z", "https://bücher.example/ä"])
def test_links_are_taken_as_they_are(link):
    """What people follow things up with is kept to the letter."""
    assert check_link(link) == link


@given(st.text(max_size=60))
def test_a_link_is_checked_whatever_it_is(link):
    """No text makes the check raise anything but our error."""
    with contextlib.suppress(InvalidValueError):
        assert check_link(link).lower().startswith(("http://", "https://"))


def test_a_verdict_is_read_back():
    """What the journal keeps says the verdict, the link, and what the insight said then."""
    said = verdict_from(verdict_attributes(change(), Verdict.KNOWN, LINK, shift=-0.5), 30.0)
    assert (said.verdict, said.link, said.about.at) == (Verdict.KNOWN, LINK, 30.0)
    assert (said.about.id, said.about.confidence, said.about.shift) == (change().id, 0.9, -0.5)
    assert (said.about.before, said.about.after, said.about.start) == (10.0, 15.0, 11.0)


@pytest.mark.parametrize("broken", [{VERDICT: "maybe"}, {VERDICT_LINK: "javascript:1"}])
def test_a_verdict_that_cannot_be_read_is_none(broken):
    """What another program wrote is not shown to people, nor counted."""
    assert verdict_from({**verdict_attributes(change(), Verdict.KNOWN, LINK), **broken}, 30.0) is None


def test_a_shift_of_the_runner_says_nothing_about_its_members():
    """Rejecting that the runner changed leaves the series open; rejecting a cause rejects what it did to each."""
    members = [change(metric="a"), change(metric="b")]
    environment = change(kind="environment", members=members)
    assert len(verdict_lines(environment, Verdict.REJECT, "", Memory().shift)) == 1
    assert len(verdict_lines(change(members=members), Verdict.REJECT, "", Memory().shift)) == 3


def test_an_unknown_id_names_the_ones_like_it():
    """A mistyped id is answered with what was probably meant, an empty journal with where ids come from."""
    insights = [change(insight_id="3f9c0a12be47", members=[change(insight_id="77ab77ab77ab")])]
    assert find_insight("77ab77ab77ab", insights, {}) is insights[0].members[0]
    assert find_insight("gone", [], {"gone": change()}) == change()
    with pytest.raises(InvalidValueError, match=r"did you mean 3f9c0a12be47\?.*lists the ids of all"):
        find_insight("3f9c", insights, {})
    with pytest.raises(InvalidValueError, match=r"did you mean 3f9c0a12be47\?"):
        find_insight("3f9c0a12be74", insights, {})
    with pytest.raises(InvalidValueError, match="there is none now"):
        find_insight("x" * 500, [], {})
    with pytest.raises(InvalidTypeError):
        find_insight(7, [], {})


def test_without_verdicts_nothing_is_shifted():
    """No verdict, no shift: the offsets are exactly 0."""
    assert offsets([]) == (0.0, {})
    assert shifted(0.8, Memory().shift("change_point", "test_duration")) == 0.8


def team(rng: random.Random, *, said: float, precision: float, verdicts: int, metric: str = "test_duration"):
    """Verdicts on what the engine says with confidence *said* of a metric whose true precision is another."""
    return [outcome(metric, said, 0.0, real=rng.random() < precision) for _ in range(verdicts)]


def test_twenty_verdicts_calibrate_a_metric_that_is_worse_than_said():
    """Where 0.8 is said and 0.4 is true, confidences after 20 verdicts are within 0.1 of the truth, over 400 teams."""
    rng = random.Random(11)
    after = [
        shifted(0.8, offsets(team(rng, said=0.8, precision=0.4, verdicts=20))[1]["test_duration"]) for _ in range(400)
    ]
    assert sum(after) / len(after) == pytest.approx(0.4, abs=0.1)
    # One team sees chance in its own 20 verdicts: 0.11 as they stand, less after the prior.
    assert math.sqrt(sum((one - sum(after) / len(after)) ** 2 for one in after) / len(after)) < 0.11


def test_a_team_that_agrees_is_left_as_it_is():
    """Where 0.8 is said and true, 20 verdicts move the confidence by less than 0.05 on average."""
    rng = random.Random(12)
    after = [
        shifted(0.8, offsets(team(rng, said=0.8, precision=0.8, verdicts=20))[1]["test_duration"]) for _ in range(400)
    ]
    assert sum(after) / len(after) == pytest.approx(0.8, abs=0.05)


def test_verdicts_on_what_was_shifted_do_not_count_twice():
    """
    Each of 20 insights is said with the shift of the verdicts before it, and the confidence still ends near the truth.
    """
    rng = random.Random(13)
    ended = []
    for _ in range(200):
        verdicts = []
        for place in range(20):
            memory = Memory.of([], verdicts)
            said = shifted(0.8, memory.shift("change_point", "test_duration"))
            told = change(10 * place, confidence=said)
            verdict = Verdict.ACCEPT if rng.random() < 0.4 else Verdict.REJECT
            verdicts += judged_as(told, verdict, float(place), memory=memory)
        ended.append(shifted(0.8, Memory.of([], verdicts).shift("change_point", "test_duration")))
    assert sum(ended) / len(ended) == pytest.approx(0.4, abs=0.1)


def test_one_metric_moves_its_like_a_little_and_other_kinds_not():
    """A fifth of what one metric teaches is taken for its kind: others of the kind move by that, other kinds stay."""
    verdicts = [e for i in range(20) for e in judged_as(change(10 * i, confidence=0.8), Verdict.REJECT, float(i))]
    memory = Memory.of([], verdicts)
    own, other = memory.shift("change_point", "test_duration"), memory.shift("change_point", "build_time")
    assert own < -2.0
    assert other == pytest.approx(own * KIND_VARIANCE / (KIND_VARIANCE + METRIC_VARIANCE))
    assert memory.shift("unconfirmed", "test_duration") == own
    assert memory.shift("trend", "test_duration") == 0.0


def test_metrics_that_agree_move_their_kind():
    """Ten metrics of which each rejects two insights say more about an eleventh than one that rejects twenty."""
    one = offsets([outcome("a", 0.8, 0.0, real=False)] * 20)[0]
    ten = offsets([outcome(f"m{i % 10}", 0.8, 0.0, real=False) for i in range(20)])[0]
    assert ten < 1.5 * one < 0


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.floats(0, 1), st.floats(-30, 30), st.booleans()), min_size=1, max_size=30
    )
)
def test_the_mode_is_found_whatever_the_verdicts(verdicts):
    """At the offsets that are given, the slope of the posterior is 0, even for confidences of 0 and 1."""
    given_ = [outcome(metric, confidence, shift, real=real) for metric, confidence, shift, real in verdicts]
    shared, whole = offsets(given_)
    pull = dict.fromkeys(whole, 0.0)
    for metric, odds, real in given_:
        pull[metric] += real - 1 / (1 + math.exp(-(odds + whole[metric])))
    for metric, value in whole.items():
        assert pull[metric] == pytest.approx((value - shared) / METRIC_VARIANCE, abs=1e-5)
    assert sum(pull.values()) == pytest.approx(shared / KIND_VARIANCE, abs=1e-5)


def test_one_verdict_moves_by_what_the_prior_allows():
    """One rejection of something said with 0.8 takes it to about 0.68, worked out by bisection."""
    low, high = -5.0, 0.0
    for _ in range(60):
        middle = (low + high) / 2
        slope = -1 / (1 + math.exp(-(log_odds(0.8) + middle))) - middle / (KIND_VARIANCE + METRIC_VARIANCE)
        low, high = (middle, high) if slope > 0 else (low, middle)
    assert offsets([outcome("m", 0.8, 0.0, real=False)])[1]["m"] == pytest.approx(low, abs=1e-6)


def test_what_is_helpful_moves_no_confidence():
    """Outcomes of suggestions are no verdicts: they move ranks only."""
    said = {"autonomous_dev.suggestion.kind": "change_point", "autonomous_dev.suggestion.helpful": False}
    assert Memory.of([], [event(EVENT_OUTCOME, said, 1.0)] * 20).shift("change_point", "test_duration") == 0.0


def test_an_insight_without_numbers_can_be_judged():
    """An insight of a user's own rule has no series, and is settled by its id all the same."""
    rule = LearningInsight("resource", "too much memory", 0.85, id="abc", kind="")
    memory = Memory.of([], [event(EVENT_VERDICT, verdict_attributes(rule, Verdict.REJECT), 1.0)])
    assert memory.recall([rule], 2.0) == []
