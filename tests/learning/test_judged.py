"""
Which samples are judged.
"""

from __future__ import annotations

import math

import pytest
from known_series import series

from autonomous_dev.learning import judged_samples
from autonomous_dev.policy import Policy

POLICY = Policy()


@pytest.mark.parametrize(
    ("contexts", "judged"),
    [
        ([{"branch": "main"}, {"branch": "try"}, {"branch": "master"}], [1.0, 3.0]),
        ([{"branch": "try"}, {}, {"commit": "c"}], [2.0, 3.0]),
        ([{"branch": "try"}, {"branch": None}, {"branch": "try"}], [2.0]),
        ([{"branch": "try"}] * 3, [1.0, 2.0, 3.0]),
        ([{"branch": "try"}, {"branch": "fix"}, {"branch": "try"}], [1.0, 2.0, 3.0]),
        ([{"commit": "a"}, {"commit": "b"}, {"commit": "c"}], [1.0, 2.0, 3.0]),
        (None, [1.0, 2.0, 3.0]),
        ([{"branch": ("main", "x")}, {}, {}], [2.0, 3.0]),
    ],
)
def test_samples_of_the_default_branch_are_judged(contexts, judged):
    """
    Samples of other branches are left out; no branch, or None, is the default one; without any on it, all count.
    """
    assert judged_samples(series([1.0, 2.0, 3.0], contexts=contexts), POLICY).values.tolist() == judged


def test_what_is_no_number_is_not_judged():
    """
    NaN and infinities are left out on every branch, and contexts stay with their samples.
    """
    contexts = [{"commit": f"c{i}", "branch": "try" if i == 3 else "main"} for i in range(5)]
    one = judged_samples(series([1.0, math.nan, math.inf, 4.0, 5.0], contexts=contexts), POLICY)
    assert one.values.tolist() == [1.0, 5.0]
    assert one.column("commit") == ("c0", "c4")
    only_try = judged_samples(series([1.0, math.nan], contexts=[{"branch": "try"}, {}]), POLICY)
    assert only_try.values.tolist() == [1.0]


def test_a_series_that_is_judged_whole_is_not_copied():
    """
    Where nothing is left out the series itself is judged.
    """
    one = series([1.0, 2.0], contexts=[{"branch": "main"}, {}])
    assert judged_samples(one, POLICY) is one
    assert len(judged_samples(series([]), POLICY)) == 0
