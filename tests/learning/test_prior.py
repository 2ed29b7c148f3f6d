"""
The share of series that change, estimated over a run.
"""

from __future__ import annotations

import numpy as np
import pytest
from given_detectors import found
from known_series import series

from autonomous_dev.errors import InvalidValueError
from autonomous_dev.learning._engine import judge
from autonomous_dev.learning._prior import MANY, estimate_prior
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.learning.detectors._odds import DEFAULT_PRIOR, MAX_SHIFT, log_odds, prior_shift, probability
from autonomous_dev.policy import Policy

POLICY = Policy()


SEEN = {"nothing": (0.95, 0.12), "weak": (0.04, 0.13), "strong": (0.01, 0.75)}
"""How often an engine says what of a series that does not change, and of one that does."""


def confidences(share: float, count: int, seed: int) -> list[float]:
    """
    What an engine that is calibrated at DEFAULT_PRIOR says in a world in which *share* of the series change.
    """
    rng = np.random.default_rng(seed)
    said = []
    for changed in rng.random(count) < share:
        what = rng.choice(list(SEEN), p=[chances[int(changed)] for chances in SEEN.values()])
        calm, moved = SEEN[what]
        sure = DEFAULT_PRIOR * moved / (DEFAULT_PRIOR * moved + (1 - DEFAULT_PRIOR) * calm)
        said.append(0.0 if what == "nothing" else sure)
    return said


@pytest.mark.parametrize("share", [0.07, 0.3, 0.6])
def test_the_share_of_a_run_is_found(share):
    """
    Whatever share of 2,000 series changes, the estimate is near it: three deviations of a share are 0.033 at most.
    """
    assert estimate_prior(confidences(share, 2000, 5)) == pytest.approx(share, abs=0.033)


def test_few_series_say_nothing():
    """
    Below twenty series the default stands, whatever they show; with twenty sure ones it has moved.
    """
    assert estimate_prior([]) == DEFAULT_PRIOR
    assert estimate_prior([0.99] * (MANY - 1)) == DEFAULT_PRIOR
    assert estimate_prior([0.99] * MANY) > 0.7
    assert estimate_prior([0.0] * MANY) < 0.2


@pytest.mark.parametrize("same", [0.0, 1.0])
def test_a_run_in_which_all_are_alike_stays_between_0_and_1(same):
    """
    A thousand series that all changed, or none, leave a share that odds can be made of.
    """
    assert 0.0 < estimate_prior([same] * 1000) < 1.0


def test_the_shift_of_a_prior():
    """
    Log-odds move by half of the difference of the priors' log-odds; not at all at the default.
    """
    assert prior_shift(DEFAULT_PRIOR) == 0.0
    assert prior_shift(0.07) == pytest.approx((log_odds(0.07) - log_odds(DEFAULT_PRIOR)) / 2)


@pytest.mark.parametrize("prior", [1e-6, 1 - 1e-6])
def test_the_shift_is_bounded(prior):
    """
    The surest that a detector can be, 0.99, stays sure enough to be announced however few series change.
    """
    assert abs(prior_shift(prior)) == MAX_SHIFT
    assert probability(log_odds(0.99) - MAX_SHIFT) > 0.8


def test_one_sure_change_is_told_among_ten_thousand_quiet_series():
    """
    A change that could not be clearer is not silenced by how many others are quiet.
    """
    share = estimate_prior([0.99] + [0.0] * 10_000)
    assert probability(log_odds(0.99) + prior_shift(share)) > 0.8


def constant(kind: Kind, confidence: float):
    """
    A detector that says the same of every series.
    """

    def detector(outline, policy):
        return (found(kind, confidence),)

    return detector


def test_a_given_prior_moves_changes_and_nothing_else():
    """
    In a rarer world a change point is less sure; a threshold and an odd sample are as sure as before.
    """
    one = series(np.arange(40.0))
    sure = {}
    changes = (Kind.CHANGE_POINT, Kind.HIT_RATIO, Kind.TREND, Kind.VARIABILITY, Kind.TAIL, Kind.UNCONFIRMED)
    for kind in (*changes, Kind.THRESHOLD, Kind.ANOMALY):
        for prior in (0.3, 0.07):
            judgement = judge([one], POLICY, now=1.0, detectors=[constant(kind, 0.9)], prior=prior)
            assert judgement.prior == prior
            sure[kind, prior] = judgement.insights[0].confidence
    # Odds of 9, times the root of those of 0.07 over those of 0.3.
    odds = 9 * ((0.07 / 0.93) / (0.3 / 0.7)) ** 0.5
    assert sure[Kind.CHANGE_POINT, 0.3] == 0.9
    assert sure[Kind.CHANGE_POINT, 0.07] == pytest.approx(odds / (1 + odds))
    # Whatever share a kind was calibrated for, the run's share moves it by the same factor.
    assert {sure[kind, 0.07] for kind in changes} == {sure[Kind.CHANGE_POINT, 0.07]}
    assert sure[Kind.THRESHOLD, 0.07] == sure[Kind.ANOMALY, 0.07] == 0.9


def test_the_prior_is_estimated_from_many_series_only():
    """
    A run of many quiet series makes the one that changed less sure; the same series alone is judged by the default.
    """

    def one_of(outline, policy):
        return (found(confidence=0.8),) if outline.series.key.name == "changed" else ()

    changed, quiet = series(np.arange(40.0), "changed"), [series(np.arange(40.0), f"q{i}") for i in range(200)]
    alone = judge([changed], POLICY, now=1.0, detectors=[one_of])
    among = judge([changed, *quiet], POLICY, now=1.0, detectors=[one_of])
    assert (alone.prior, alone.insights[0].confidence) == (DEFAULT_PRIOR, 0.8)
    assert among.prior < 0.05
    assert among.insights == ()
    short = judge([changed, *(series([1.0, 2.0], f"q{i}") for i in range(200))], POLICY, now=1.0, detectors=[one_of])
    assert short.prior == DEFAULT_PRIOR


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, float("nan"), 7, "0.3"])
def test_a_prior_is_a_share(wrong):
    """
    A prior that is no share between 0 and 1 is an error of ours.
    """
    with pytest.raises(InvalidValueError, match=r"prior is .*expected a share"):
        judge([], POLICY, now=1.0, prior=wrong)
