"""
The guard around our half of what we wrap: silent in a program, loud in our own tests.
"""

from __future__ import annotations

import logging

import pytest

import children
from autonomous_dev import _state
from autonomous_dev.performance import PerformanceProfiler
from autonomous_dev.performance._guard import RAISE_FAILURES, report


def fail():
    """
    A failure of ours, as the guard sees it.
    """
    try:
        raise KeyError("ours")  # noqa: TRY301 - it is what the guard is for
    except KeyError:
        report("guarded part")


def test_a_failure_is_raised_in_our_tests():
    """
    By default a test does not get past a failure of ours.
    """
    with pytest.raises(KeyError, match="ours"):
        fail()


@pytest.mark.our_failures
def test_a_failure_is_counted_and_logged_once(monkeypatch, caplog):
    """
    In a program it goes no further than the log.
    """
    monkeypatch.setattr(_state, "_failures", {})
    caplog.set_level(logging.WARNING, "autonomous_dev")

    fail()
    fail()

    assert _state.failures() == {"guarded part": 2}
    (record,) = caplog.records
    assert "the guarded part failed; the program goes on" in record.getMessage()
    assert record.exc_info[0] is KeyError


def test_a_clock_that_fails_is_seen_by_a_test():
    """
    The switch holds for what the profiler guards.
    """
    with pytest.raises(ZeroDivisionError), PerformanceProfiler("x", clock=lambda: 1 / 0):
        pass


def test_a_program_knows_nothing_of_the_switch():
    """
    Without the variable, or with an empty one, nothing is raised.
    """
    told = children.run_child(
        """
        import logging
        logging.disable()
        from autonomous_dev import PerformanceProfiler
        with PerformanceProfiler("x", clock=lambda: 1 / 0):
            tell("went on")
        """,
        **{RAISE_FAILURES: ""},
    )

    assert told == "went on"
