"""
A store that is full keeps room for what tells why, and knows how much it left out.
"""

from __future__ import annotations

from journal_files import recorder

from autonomous_dev import _state
from autonomous_dev.conventions import CALL_DURATION, DURATION_BOUNDS, SERIES_DROPPED
from autonomous_dev.recording._store import Limits, SampleStore
from autonomous_dev.series import SeriesKey

LIMITS = Limits(samples_per_series=10, series=10, samples=1000)


def fill(store: SampleStore, name: str, count: int) -> None:
    """
    A sample of so many series of one metric.
    """
    for number in range(count):
        store.append(SeriesKey(name, "", (("n", number),)), 1, 1.0, ())


def held(store: SampleStore) -> dict[str, int]:
    """
    Series by name.
    """
    names = [one.key.name for one in store.series()]
    return {name: names.count(name) for name in names}


def test_our_own_series_leave_room_for_the_users():
    """
    Operations without end take four fifths of the places; the rest, and SERIES_DROPPED, still get in.
    """
    store = SampleStore(LIMITS)
    fill(store, CALL_DURATION, 50)
    fill(store, "build_time", 5)
    fill(store, SERIES_DROPPED, 3)
    assert held(store) == {CALL_DURATION: 8, "build_time": 2, SERIES_DROPPED: 3}
    assert store.dropped_series == 45


def test_the_users_may_take_every_place():
    """
    What is no series of ours has all places where ours took none, and SERIES_DROPPED gets in all the same, bounded.
    """
    store = SampleStore(LIMITS)
    fill(store, "build_time", 12)
    fill(store, SERIES_DROPPED, 1000)
    assert held(store) == {"build_time": 10, SERIES_DROPPED: 100}


def test_dropped_series_are_told_apart():
    """
    A series that came often is dropped once, and nothing is dropped any more once the store was emptied.
    """
    store = SampleStore(LIMITS)
    for _ in range(3):
        fill(store, "m", 12)
    assert store.dropped_series == 2
    store.clear()
    assert store.dropped_series == 0
    fill(store, CALL_DURATION, 8)
    assert (held(store), store.dropped_series) == ({CALL_DURATION: 8}, 0)


def test_what_was_refused_stands_before_what_fills_the_store(tmp_path, monkeypatch):
    """
    The first line of a flush says what the bounds refused.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 1000)
    writer = recorder(tmp_path / "m.jsonl")
    for number in range(1500):
        counted = _state.counted_operation(f"user {number}".ljust(200, "\u20ac"))
        _state.cells.observe(counted.first, DURATION_BOUNDS, 0.1)
    writer.flush_instruments()
    first, *rest = (tmp_path / "m.jsonl").read_text().splitlines()
    assert rest
    assert first.index(SERIES_DROPPED) < first.index(CALL_DURATION)


def test_what_was_refused_is_said_while_it_is_used(tmp_path, monkeypatch):
    """
    A flush says it again where something was counted under what stands for the refused, and not where nothing was.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 1)
    writer = recorder(tmp_path / "m.jsonl")

    def call(name: str) -> None:
        _state.cells.observe(_state.counted_operation(name).first, DURATION_BOUNDS, 0.1)
        writer.flush_instruments()

    for name in ("kept", "user 1", "user 1", "kept"):
        call(name)
    (dropped,) = writer.series(SERIES_DROPPED)
    assert dropped.values.tolist() == [1, 1]
