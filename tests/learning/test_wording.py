"""
What insights say to people.
"""

from __future__ import annotations

import pytest

from autonomous_dev import conventions
from autonomous_dev.learning._insight import Direction, Evidence, Since
from autonomous_dev.learning._quantity import quantity
from autonomous_dev.learning._wording import commit_range, describe, span, suggest, title
from autonomous_dev.learning.detectors import Kind


def evidence(metric="test_duration", unit="s", before=10.2, after=14.5, **changes):
    """
    Evidence of a step at sample 31, with *changes*.
    """
    since = Since(
        31.0, 30, (30, 30), changes.pop("version", "abc123"), changes.pop("last_good", "def456"), version_key="commit"
    )
    values = {
        "identity": {"suite": "integration"}, "effect": after - before, "interval": (4.0, 4.6), "since": since,
        "samples_before": 30, "samples_after": 12,
    }  # fmt: skip
    return Evidence(metric=metric, unit=unit, before=before, after=after, **{**values, **changes})


@pytest.mark.parametrize(
    ("kind", "direction", "change", "said"),
    [
        (
            Kind.CHANGE_POINT,
            Direction.WORSE,
            {},
            "test_duration (suite=integration) got 42% worse: 10.2 s → 14.5 s since sample 31, commit abc123 (12 samples)",
        ),
        (
            Kind.CHANGE_POINT,
            Direction.BETTER,
            {"after": 5.1, "version": ""},
            "test_duration (suite=integration) got 50% better: 10.2 s → 5.1 s since sample 31 (12 samples)",
        ),
        (
            Kind.CHANGE_POINT,
            Direction.CHANGED,
            {"metric": "widgets", "unit": "", "identity": {}, "before": 0.0, "after": 3.0},
            "widgets rose: 0 → 3 since sample 31, commit abc123 (12 samples)",
        ),
        (
            Kind.TREND,
            Direction.WORSE,
            {"before": 10.0, "after": 21.0, "identity": {}},
            "test_duration got 110% worse, creeping +1 s a sample: 10 s → 21 s since sample 31, commit abc123 (12 samples)",
        ),
        (
            Kind.THRESHOLD,
            Direction.WORSE,
            {"before": 60.0, "after": 75.0, "samples_after": 1, "identity": {}},
            "test_duration is worse than its bound: 75 s, wanted at most 60 s, since sample 31, commit abc123 (1 sample)",
        ),
        (
            Kind.ANOMALY,
            Direction.WORSE,
            {"identity": {}, "samples_after": 1},
            "test_duration: the newest sample is worse than usual: 14.5 s, usual is 10.2 s (one sample against 30, commit abc123)",
        ),
        (
            Kind.VARIABILITY,
            Direction.WORSE,
            {"before": 0.2, "after": 0.6, "identity": {}},
            "test_duration scatters more: ±200 ms → ±600 ms around its level since sample 31, commit abc123 (12 samples)",
        ),
        (
            Kind.VARIABILITY,
            Direction.BETTER,
            {"before": 0.6, "after": 0.2, "identity": {}},
            "test_duration scatters less: ±600 ms → ±200 ms around its level since sample 31, commit abc123 (12 samples)",
        ),
        (
            Kind.TAIL,
            Direction.WORSE,
            {"identity": {}},
            "test_duration has a tail that rose while the median stayed: p95 10.2 s → 14.5 s since sample 31, commit abc123 (12 samples)",
        ),
    ],
)
def test_sentences(kind, direction, change, said):
    """
    Each kind has its sentence, with levels, share, sample (counted from 1) and commit.
    """
    assert describe(kind, direction, evidence(**change)) == said


@pytest.mark.parametrize(
    ("horizon", "after", "said"),
    [
        ((4.6, 9.0, 19.2), 60.0, "wanted at most 60 s, crossed in about 9 runs (5 to 20)"),
        ((0.2, 0.7, 0.9), 60.0, "wanted at most 60 s, crossed in about 1 run"),
        ((2.0, 3.0, 4.0), 30.0, "wanted at least 30 s, crossed in about 3 runs (2 to 4)"),
        (None, 60.0, "wanted at most 60 s, since sample 31, commit abc123 (12 samples)"),
    ],
)
def test_a_forecast_says_when(horizon, after, said):
    """
    A forecast names the level, the bound, and in how many runs it is crossed, in whole runs.
    """
    shown = evidence(before=51.0, after=after, identity={})
    sentence = describe(Kind.FORECAST, Direction.WORSE, shown, horizon=horizon)
    assert sentence == f"test_duration is creeping towards its bound: 51 s now, {said}"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (7200, "2 hours"), (9 * 86400, "9 days")],
)
def test_spans(seconds, said):
    """
    Times are told in the largest unit of which there are two.
    """
    assert span(seconds) == said


def test_our_own_names_are_shortened():
    """
    Names of this project lose their prefix; a user's identity stays as typed.
    """
    own = evidence(metric=conventions.CALL_DURATION + ".mean", identity={conventions.OPERATION: "scan"})
    assert title(own) == "call.duration.mean (operation=scan)"


@pytest.mark.parametrize(("after", "share"), [(19.9, "99%"), (19.96, "100%"), (20.0, "100%"), (25.0, "150%")])
def test_a_share_is_a_plain_number(after, share):
    """
    About twice as much is 100%, not 1e+02%.
    """
    assert f"got {share} worse" in describe(Kind.CHANGE_POINT, Direction.WORSE, evidence(before=10.0, after=after))


@pytest.mark.parametrize(
    ("version", "last_good", "span"), [("b" * 40, "a" * 40, f"{'a' * 12}..{'b' * 12}"), ("b", "", "b"), ("", "a", "")]
)
def test_commit_range(version, last_good, span):
    """
    The range runs from the last good version to the first of the new state, as far as both are known.
    """
    assert commit_range(Since(0.0, 0, (0, 0), version, last_good)) == span


def test_the_range_reaches_to_the_last_version_that_may_have_made_it():
    """
    A change that may have begun later than it looks is sought in all versions up to there.
    """
    assert commit_range(Since(0.0, 0, (0, 2), "b", "a", versions=("b", "c", "d"))) == "a..d"
    assert commit_range(Since(0.0, 0, (0, 2), "b", versions=("b", "c"))) == "b, c"
    assert commit_range(None) == ""


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize(("runs", "said"), [(1, "1 more run would"), (3, "3 more runs would")])
def test_what_is_unconfirmed_is_run_again_first(direction, runs, said):
    """
    Whichever way it seems to go, what is unconfirmed is to be run again, with how many runs would settle it.
    """
    action = suggest(Kind.UNCONFIRMED, direction, "performance", evidence(samples_after=2), settles_in=runs)
    assert action == f"Run it again: {said} settle it. Only if it stays, look at def456..abc123."


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("category", ["performance", "quality", "resource", "cache", "trend", "unheard of"])
def test_every_insight_has_an_action(kind, direction, category):
    """
    There is something to do about every kind of insight, without an unfilled place in the text.
    """
    said = suggest(kind, direction, category, evidence())
    assert len(said) > 20
    assert "{changes}" not in said
    assert "{name}" not in said


def test_actions_name_the_commits():
    """
    What to look at is the range of commits, or the sample where no commit is known.
    """
    assert "def456..abc123" in suggest(Kind.CHANGE_POINT, Direction.WORSE, "performance", evidence())
    unknown = evidence(version="", last_good="")
    assert "before sample 31" in suggest(Kind.CHANGE_POINT, Direction.WORSE, "performance", unknown)


def test_policy_advice_is_right_for_unknown_polarity():
    """
    Where nothing says which way is better the advice shows the lines of the policy that would.
    """
    said = suggest(Kind.CHANGE_POINT, Direction.CHANGED, "trend", evidence(metric="widgets"))
    assert "metrics: {widgets: {better: lower}}" in said


@pytest.mark.parametrize(
    ("value", "name", "unit", "text"),
    [
        (14.5, "t", "s", "14.5 s"),
        (0.00321, "t", "s", "3.21 ms"),
        (-2.5e-6, "t", "s", "-2.5 µs"),
        (0.0, "t", "s", "0 s"),
        (512 * 2**20, "t", "By", "512 MiB"),
        (87.5, "coverage", "%", "87.5%"),
        (0.954, "hit_rate", "", "95.4%"),
        (0.5, conventions.CACHE_HIT_RATIO, "1", "50%"),
        (0.5, "share", "1", "0.5"),
        (42.0, "n", "{item}", "42"),
        (1234.5, "n", "iter/sec", "1234 iter/sec"),
        (1e300, "n", "", "1e+300"),
    ],
)
def test_quantities(value, name, unit, text):
    """
    Numbers are written as people write them.
    """
    assert quantity(value, name, unit) == text
