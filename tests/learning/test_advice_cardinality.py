"""
Names that a program makes up without end are told, with examples and the way out.
"""

from __future__ import annotations

import pytest

from autonomous_dev import MetricsTracker, _state
from autonomous_dev.conventions import CACHE, DROP_EXAMPLES, DROP_REASON, ERROR_TYPE, OPERATION, SERIES_DROPPED
from autonomous_dev.learning import Direction, Severity
from autonomous_dev.learning.advice import cardinalities
from autonomous_dev.performance import PerformanceProfiler, SimpleCache
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series, SeriesKey, attributes_of, make_series


def recorded(under: dict[str, str], counts: list[float], examples: tuple[str, ...] = ()) -> Series:
    """
    What a journal has of one bound.
    """
    key = SeriesKey(SERIES_DROPPED, "{series}", attributes_of(under))
    context = ((DROP_EXAMPLES, examples),) if examples else ()
    return make_series(key, range(len(counts)), counts, [context] * len(counts))


def test_operations_beyond_the_bound_are_told():
    """
    How many, what they are counted as, some of them, and where to put what varies.
    """
    under = {DROP_REASON: "cardinality", OPERATION: "_other"}
    (insight,) = cardinalities([recorded(under, [5, 2417], ("load_user_17", "load_user_18"))], Policy())
    assert insight.description == (
        "2,417 operations beyond the 1,997 that are kept are counted as `_other`, e.g. load_user_17, load_user_18"
    )
    assert "attributes" in insight.suggested_action
    assert (insight.kind, insight.direction, insight.severity) == ("cardinality", Direction.WORSE, Severity.WARNING)
    assert insight.id == cardinalities([recorded(under, [7])], Policy())[0].id


def test_more_than_can_be_told_apart_is_a_lower_bound():
    """
    Where the memory for refused names was full, there are at least so many.
    """
    under = {DROP_REASON: "cardinality", CACHE: "_other"}
    (insight,) = cardinalities([recorded(under, [_state.MAX_REFUSED])], Policy())
    assert insight.description == "at least 10,000 caches beyond the 998 that are kept are counted as `_other`"


@pytest.mark.parametrize(
    ("under", "counts"),
    [
        ({DROP_REASON: "name"}, [3.0]),
        ({DROP_REASON: "cardinality", "x": "y"}, [3.0]),
        ({DROP_REASON: "cardinality", OPERATION: "_other"}, []),
    ],
)
def test_other_reasons_are_not_told_here(under, counts):
    """
    What is not exported for another reason, and an empty series, are no matter of different names.
    """
    assert cardinalities([recorded(under, counts)], Policy()) == ()


@pytest.mark.parametrize("where", ["file", "memory"])
def test_a_program_that_makes_up_names_is_told(tmp_path, monkeypatch, where):
    """
    From the profiler to the insight, in the process itself and from its file: operations, errors, caches.
    """
    for bound, most in (("MAX_OPERATIONS", 4), ("MAX_CACHES", 2), ("MAX_ERROR_TYPES", 2)):
        monkeypatch.setattr(_state, bound, most)
    tracker = MetricsTracker(tmp_path / "m.jsonl" if where == "file" else None)
    for number in range(4):
        error = type(f"Error{number}", (Exception,), {"__module__": "m"})
        with pytest.raises(error), PerformanceProfiler("load"):
            raise error
        with PerformanceProfiler(f"user_{number}"):
            pass
        SimpleCache(3, name=f"cache_{number}").get("x")
    if where == "file":
        tracker.flush_instruments()
        tracker = MetricsTracker(tmp_path / "m.jsonl", read_only=True)
    told = sorted(i.description.partition(", e.g. ")[2] for i in tracker.generate_insights() if i.kind == "cardinality")
    assert told == ["cache_2, cache_3", "load m.Error2, load m.Error3", "user_2, user_3"]
    assert tracker.series(SERIES_DROPPED)[0].key.name == SERIES_DROPPED
    identities = {key for one in tracker.series(SERIES_DROPPED) for key, _ in one.key.identity}
    assert identities == {DROP_REASON, OPERATION, CACHE, ERROR_TYPE}
