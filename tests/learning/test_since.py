"""
Since which change: the suspects, with and without the order of the code.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_series import series

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.learning._since import commits_of, since_of
from autonomous_dev.learning.detectors import Finding, Kind


def found(start, first=None, last=None, kind=Kind.CHANGE_POINT):
    """
    A change at sample *start*, or anywhere from *first* to *last*.
    """
    places = (start if first is None else first, start if last is None else last)
    return Finding(kind, 0.9, start, places, 1.0, 2.0, (0.5, 1.5), 5, 5)


def measured(*commits, key="commit"):
    """
    One sample a commit; None for a sample without one.
    """
    return series(range(len(commits)), contexts=[{} if one is None else {key: one} for one in commits])


def test_suspects_reach_from_the_last_good_to_the_last_possible_sample():
    """
    Every version of a possible first sample is a suspect, and the version before them is the last good one.
    """
    since = since_of(measured("a", "b", "c", "d", "e", "f"), found(3, 2, 4))
    assert (since.version, since.last_good, since.versions) == ("d", "b", ("c", "d", "e"))
    assert (since.index, since.index_range, since.time, since.version_key) == (3, (2, 4), 4.0, "commit")


def test_a_certain_start_has_one_suspect():
    """
    Where the location is certain the version of that sample is the only suspect.
    """
    assert since_of(measured("a", "b", "c"), found(1)).versions == ("b",)


def test_unmeasured_commits_between_are_suspects():
    """
    Commits that the caller names between the last good and the last suspect count into the range, in order.
    """
    since = since_of(measured("a", "c", "f", "g"), found(2), ["a", "b", "c", "d", "e", "f", "g"])
    assert (since.last_good, since.versions) == ("c", ("d", "e", "f"))


def test_a_commit_that_was_measured_as_good_earlier_is_no_suspect():
    """
    Between the last good and the suspect, a commit that an earlier sample measured is left out.
    """
    assert since_of(measured("a", "c", "b", "d"), found(3), list("abcd")).versions == ("d",)


def test_abbreviations_meet_full_hashes():
    """
    A commit may be abbreviated to seven characters on either side; measured ones keep the name they were measured by.
    """
    full = [letter * 40 for letter in "abcde"]
    since = since_of(measured("a" * 7, "b" * 40, "d" * 9), found(2), full)
    assert since.versions == ("c" * 40, "d" * 9)
    since = since_of(measured("a" * 40, "b" * 40, "d" * 40), found(2), [one[:7] for one in full])
    assert since.versions == ("c" * 7, "d" * 40)


@pytest.mark.parametrize(
    ("version", "place"),
    [
        ("abcdef1", None),
        ("abcdef12", 0),
        ("abcdef", None),
        ("ABCDEF12", 0),
        ("2024.1.1", 3),
        ("2024.1", None),
        ("0123456789", 2),
    ],
)
def test_what_an_abbreviation_may_mean(version, place):
    """
    An ambiguous or shorter abbreviation means nothing, and what is no hash is met as a whole only.
    """
    assert commits_of(["abcdef1234", "abcdef1334", "0123456", "2024.1.1", "2024.1.10"]).place(version) == place


def test_unknown_commits_keep_their_place_in_time():
    """
    A suspect that the caller's order does not know stays behind the one measured before it; unknown ids are ignored.
    """
    since = since_of(measured("a", "b", "x", "d"), found(2, 1, 3), ["z", "a", "b", "c", "d"])
    assert since.versions == ("b", "x", "c", "d")
    assert since_of(measured("a", "b"), found(1), ["q", "r"]).versions == ("b",)


def test_code_that_was_measured_backwards_has_no_commits_between():
    """
    Where a suspect is older code than the last good one, only what was measured is told, in the order of time.
    """
    assert since_of(measured("a", "e", "b"), found(2), list("abcde")).versions == ("b",)


def test_suspects_are_told_in_the_order_of_the_code():
    """
    Suspects that were measured in another order than they were written are put into the order of the code.
    """
    assert since_of(measured("a", "d", "b"), found(1, 1, 2), list("abcd")).versions == ("b", "c", "d")


def test_several_samples_of_one_commit():
    """
    A version is told once, and one that a surely good sample has is no suspect even if a later sample has it too.
    """
    since = since_of(measured("a", "a", "a", "b", "b", "c"), found(3, 2, 5))
    assert (since.last_good, since.versions) == ("a", ("b", "c"))


def test_samples_without_version():
    """
    Without any version there are no suspects; where some samples have none, the others are told.
    """
    since = since_of(measured(None, None, None), found(1, 1, 2), ["a"])
    assert (since.version, since.last_good, since.versions, since.version_key) == ("", "", (), "")
    since = since_of(measured("a", None, None, "d"), found(2, 2, 3))
    assert (since.version, since.last_good, since.versions, since.version_key) == ("", "a", ("d",), "commit")


def test_a_change_at_the_first_sample_has_no_last_good_version():
    """
    Where the change may have begun with the first sample, nothing is known to be good.
    """
    since = since_of(measured("b", "d"), found(0, 0, 1), list("abcd"))
    assert (since.last_good, since.versions) == ("", ("b", "c", "d"))


def test_versions_that_are_numbers():
    """
    A build number is told as text.
    """
    since = since_of(measured(7, 8, 9, key="build"), found(1, 1, 2))
    assert (since.version, since.version_key, since.last_good, since.versions) == ("8", "build", "7", ("8", "9"))


def test_a_trend_has_no_suspects():
    """
    What creeps was made by no single version.
    """
    assert since_of(measured("a", "b", "c", "d"), found(0, 0, 2, Kind.TREND)).versions == ()


@pytest.mark.parametrize(
    ("commits", "error", "said"),
    [
        ("abc", InvalidTypeError, "'abc'"),
        (7, InvalidTypeError, "7"),
        (["a", 7], InvalidTypeError, r"commits\[1\] is 7"),
        (["a", ["b"]], InvalidTypeError, r"commits\[1\]"),
        (["a", ""], InvalidValueError, r"commits\[1\] is empty"),
        (["a", "b", "a"], InvalidValueError, r"commits\[2\] is 'a', which is there already at 0"),
    ],
)
def test_bad_commits_are_refused(commits, error, said):
    """
    Commits of a wrong type, empty or given twice are an error that names the entry.
    """
    with pytest.raises(error, match=said):
        since_of(measured("a", "b"), found(1), commits)


@given(
    st.lists(st.sampled_from([None, *"abcdefgh"]), min_size=1, max_size=12),
    st.lists(st.sampled_from("abcdefghij"), unique=True),
    st.data(),
)
def test_any_history_has_sensible_suspects(commits, order, data):
    """
    Suspects are told once each, never the last good version, and all measured possible ones are among them.
    """
    first = data.draw(st.integers(0, len(commits) - 1))
    last = data.draw(st.integers(first, len(commits) - 1))
    start = data.draw(st.integers(first, last))
    since = since_of(measured(*commits), found(start, first, last), order)
    assert len(set(since.versions)) == len(since.versions)
    assert since.last_good not in since.versions or not since.last_good
    assert set(commits[first : last + 1]) - {None, since.last_good} <= set(since.versions)
    assert set(since.versions) <= {one for one in commits if one} | set(order)
