"""
What a process has once stays bounded, and what its bounds refuse is known.
"""

from __future__ import annotations

import gc
import threading

import pytest

from autonomous_dev import _state
from autonomous_dev._cells import Cells
from autonomous_dev._state import CacheCounts, Refusals
from autonomous_dev.conventions import CACHE, DROP_REASON, ERROR_TYPE, OPERATION
from children import run_child

OPERATIONS = (OPERATION, "_other")
ERRORS = (ERROR_TYPE, "_OTHER")
CACHES = (CACHE, "_other")


class Counted:
    """
    A cache as the state sees it.
    """

    max_size: int | None = 10

    def __init__(self, counts: CacheCounts | None = None, **tallies: object) -> None:
        self.counts = counts or CacheCounts()
        for name, value in tallies.items():
            setattr(self.counts, name, value)

    def size(self) -> int:
        return 3


def test_operations_beyond_the_bound_are_counted_together_by_how_they_ended(monkeypatch):
    """
    Successes and failures of refused operations are two histograms, and each refused name is counted once.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 2)
    kept = [_state.counted_operation(name) for name in ("a", "b")]
    others = [_state.counted_operation(f"load_user_{n}") for n in (17, 18, 17, 19, 20)]
    failed = _state.counted_operation("load_user_17", "KeyError")

    assert [one.labels for one in kept] == [{OPERATION: "a"}, {OPERATION: "b"}]
    assert {id(one) for one in others} == {id(others[0])}
    assert others[0].labels == {OPERATION: "_other"}
    assert failed.labels == {OPERATION: "_other", ERROR_TYPE: "_OTHER"}
    assert _state.refused() == {OPERATIONS: Refusals(4, ("load_user_17", "load_user_18", "load_user_19"))}
    said = {DROP_REASON: "cardinality", OPERATION: "_other", ERROR_TYPE: "", CACHE: ""}
    assert _state.dropped_series() == [(said, 4)]


def test_what_we_time_ourselves_has_a_place_of_its_own(monkeypatch):
    """
    However many operations there are, calibration is counted as none of them and takes no place from any.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 2)
    _state.counted_operation("a")
    timed = _state.counted_operation(_state.CALIBRATION)
    _state.counted_operation("b")
    assert (timed.labels, _state.refused()) == ({OPERATION: _state.CALIBRATION}, {})
    _state.counted_operation("c")
    assert _state.counted_operation("a", "KeyError").labels == {OPERATION: "_other", ERROR_TYPE: "_OTHER"}
    assert _state.operations().keys() == {("a", ""), ("b", ""), ("_other", ""), ("_other", "_OTHER")}


def test_calibration_after_the_bound_is_no_call_of_the_program(monkeypatch):
    """
    Where all places are taken already, what we time is still counted apart.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 1)
    for name in ("a", "b"):
        _state.counted_operation(name)
    timed = _state.counted_operation(_state.CALIBRATION)
    _state.cells.add(timed.first)
    assert (timed.labels, _state.calls()) == ({OPERATION: _state.CALIBRATION}, 0)
    assert _state.refused() == {OPERATIONS: Refusals(1, ("b",))}


def test_all_attribute_sets_are_fewer_than_the_sdk_keeps():
    """
    The SDK has a bound of 2,000 of its own: ours is reached first, with what stands for the refused.
    """
    for number in range(3000):
        _state.counted_operation(f"o{number}", "KeyError" if number % 2 else "")
        _state.register_cache(f"c{number}", Counted())
    assert len(_state.operations()) == _state.MAX_OPERATIONS + 2 < 2000
    assert 2 * len(_state.caches()) == 2 * (_state.MAX_CACHES + 1) < 2000
    assert _state.refused()[OPERATIONS].names == 3000 - _state.MAX_OPERATIONS
    assert _state.refused()[CACHES].names == 3000 - _state.MAX_CACHES


def test_kinds_of_errors_are_bounded_for_each_operation():
    """
    An operation that raises a new class each time takes no more than its share; another one has its own.
    """
    labels = [_state.counted_operation("load", f"Error{n}").labels[ERROR_TYPE] for n in range(50)]
    bound = _state.MAX_ERROR_TYPES
    assert labels == [f"Error{n}" for n in range(bound)] + ["_OTHER"] * (50 - bound)
    assert _state.counted_operation("store", "Error30").labels[ERROR_TYPE] == "Error30"
    assert _state.counted_operation("load").labels == {OPERATION: "load"}
    assert _state.refused() == {
        ERRORS: Refusals(50 - bound, (f"load Error{bound}", f"load Error{bound + 1}", f"load Error{bound + 2}"))
    }


def test_a_new_kind_of_error_of_a_kept_operation_is_no_refused_operation(monkeypatch):
    """
    Where nothing new can be kept, the operation that is kept goes on, and its new errors are counted with the others.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 1)
    assert _state.counted_operation("load").labels == {OPERATION: "load"}
    assert _state.counted_operation("load", "KeyError").labels == {OPERATION: "_other", ERROR_TYPE: "_OTHER"}
    assert _state.refused() == {ERRORS: Refusals(1, ("load KeyError",))}


def test_a_long_kind_of_error_is_cut():
    """
    No value of an attribute is longer than 255 characters, and a cut one is one entry.
    """
    long = "m." + "E" * 400
    first, again = (_state.counted_operation("load", long) for _ in range(2))
    assert first is again
    assert first.labels[ERROR_TYPE] == long[:255]
    assert len(_state.operations()) == 1


def test_of_endless_names_a_bounded_number_is_remembered(monkeypatch):
    """
    Beyond a bound the number of refused names is a lower bound, and no memory is taken any more.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 0)
    monkeypatch.setattr(_state, "MAX_REFUSED", 5)
    for number in range(100):
        _state.counted_operation(f"o{number}")
    assert _state.refused()[OPERATIONS].names == 5
    assert len(_state._refused[OPERATIONS].hashes) == 5


def test_the_newest_budget_counts(monkeypatch):
    """
    An operation has one budget, the last that was said; beyond the bound new ones are not kept.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 1)
    _state.set_budget("load", 1.0)
    _state.set_budget("store", 5.0)
    _state.set_budget("load", 2.0)
    assert _state.budgets == {"load": 2.0}


def test_a_dead_cache_is_counted_on():
    """
    No counter falls when a cache dies: lookups, evictions, expirations, and what larger caches would have answered.
    """
    dying = Counted(hits=5, misses=4, evictions=3, expirations=2, saved=[1, 2, 3])
    living = Counted(hits=10, misses=10, evictions=10, expirations=10, saved=[10, 10, 10])
    _state.register_cache("pages", dying)
    _state.register_cache("pages", living)
    before = _state.caches()["pages"]
    del dying
    gc.collect()
    after = _state.caches()["pages"]
    assert (before.size, before.capacity, after.size, after.capacity) == (6, 20, 3, 10)
    for totals in (before, after):
        assert (totals.hits, totals.misses, totals.evictions, totals.expirations) == (15, 14, 13, 12)
        assert totals.saved == (11, 12, 13)


def test_counts_that_are_kept_elsewhere_are_as_they_were_seen_last():
    """
    What a watched cache said when it was asked last stays when it dies.
    """
    said = [3, 1]

    class Elsewhere(CacheCounts):
        def refresh(self) -> None:
            self.hits, self.misses = said

    watched = Counted(Elsewhere())
    _state.register_cache("watched", watched)
    assert (_state.caches()["watched"].hits, _state.measured(0).caches["watched"].misses) == (3, 1)
    said[:] = [4, 2]
    assert _state.measured(0).caches["watched"].hits == 4
    del watched
    gc.collect()
    said[:] = [0, 0]
    assert _state.caches()["watched"].hits == 4


@pytest.mark.parametrize("broken", ["size", "max_size"])
def test_a_cache_that_fails_does_not_hide_the_others(broken):
    """
    What one cache cannot say is nothing, and is counted as a failure of ours.
    """

    def fail(_: object) -> int:
        raise RuntimeError

    bad = type("Bad", (Counted,), {broken: property(fail) if broken == "max_size" else fail})(hits=1)
    good = Counted(hits=2)
    for cache in (bad, good):
        _state.register_cache("pages", cache)
    failures = _state.failures().get("cache", 0)
    totals = _state.caches()["pages"]
    assert totals.hits == 3
    assert (totals.size, totals.capacity) == ((3, 20) if broken == "size" else (6, 10))
    assert _state.failures()["cache"] == failures + 1


def test_what_calibrates_is_counted_nowhere():
    """
    Operation and cache of the calibration are in no sum.
    """
    _state.counted_operation(_state.CALIBRATION)
    timed = Counted()
    _state.register_cache(_state.CALIBRATION, timed)
    assert (_state.operations(), _state.caches(), _state.calls()) == ({}, {}, 0)


def test_spent_time_adds_up(monkeypatch):
    """
    A component's overhead is what was measured and what is estimated; an estimate that fails is left out.
    """
    monkeypatch.setattr(_state, "_spent", {})
    monkeypatch.setattr(_state, "overhead_estimates", {"cache": lambda: 2.0, "profiler": lambda: 1 / 0})
    _state.spend("journal", 0.25)
    _state.spend("journal", 0.5)
    _state.spend("cache", 1.0)
    assert _state.overhead_seconds() == {"journal": 0.75, "cache": 3.0}


def test_finalizers_that_count_find_no_lock_of_ours_held():
    """
    The collector runs them whenever it likes, also while counts are read: nothing hangs, nothing fails.
    """
    told = run_child("""
    import faulthandler, gc
    from autonomous_dev import PerformanceProfiler, _state
    faulthandler.dump_traceback_later(30, exit=True)

    class Connection:
        def __init__(self, number):
            self.itself, self.number = self, number

        def __del__(self):
            with PerformanceProfiler(f"close {self.number}", size=1):
                pass

    for number in range(20):
        with PerformanceProfiler(f"known {number}", size=1):
            pass
    for number in range(300):
        gc.collect()
        gc.disable()
        Connection(number)
        # It runs at another allocation each time.
        gc.set_threshold(gc.get_count()[0] + number % 60)
        gc.enable()
        _state.measured(0)
    gc.collect()
    closed = [counts[0] for (name, _), counts in _state.operations().items() if name.startswith("close ")]
    tell([len(closed), sum(closed), _state.failures()])
    """)

    assert told == [300, 300.0, {}]


def test_cells_that_are_asked_for_while_others_are_given_are_others():
    """
    A finalizer in the midst of it gets its own, and both may count at once.
    """
    cells = Cells()
    given = []
    asked = []

    class Values(list):
        def extend(self, more):
            asked.append(more)
            if len(asked) == 1:
                given.append(cells.allocate(3))
                cells.add(given[0] + 2)
            super().extend(more)

    cells.values = Values()
    thread = threading.Thread(target=lambda: given.append(cells.allocate(2)), daemon=True)
    thread.start()
    thread.join(20)
    given.append(cells.allocate(4))
    cells.add(given[2] + 3)

    assert not thread.is_alive()
    first, second, third = given
    taken = [*range(first, first + 3), *range(second, second + 2), *range(third, third + 4)]
    assert len(set(taken)) == 9
    assert (cells.read(first, 3), cells.read(second, 2), cells.read(third, 4)) == ((0, 0, 1), (0, 0), (0, 0, 0, 1))
