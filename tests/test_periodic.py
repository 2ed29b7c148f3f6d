"""
The one thread: it goes on after failures, stops when told, and runs again in a forked child.
"""

from __future__ import annotations

import threading

from autonomous_dev._periodic import Periodic
from children import run_child


def test_a_failing_action_is_called_again_and_logged_once(caplog):
    """
    An exception ends neither the thread nor the program; the log has one traceback of any number of failures.
    """
    enough = threading.Event()

    def fail() -> None:
        if periodic.failures == 3:
            enough.set()
        raise ValueError("broken")

    periodic = Periodic(fail, 0.001, first=0.0, name="test thread")
    periodic.start()
    assert enough.wait(10)
    periodic.stop()

    assert periodic.failures >= 4
    assert [record.getMessage() for record in caplog.records] == [
        "test thread failed and goes on; further failures are only counted"
    ]


def test_nothing_is_called_after_stop():
    """
    ``stop`` waits for a call under way, after which there is none.
    """
    called = threading.Event()
    calls = []
    periodic = Periodic(lambda: (calls.append(1), called.set()), 0.001, first=0.0, name="test thread")
    periodic.start()
    assert called.wait(10)
    periodic.stop()

    before = len(calls)
    assert not any(thread.name == "test thread" for thread in threading.enumerate())
    assert len(calls) == before


def test_a_second_start_makes_no_second_thread():
    """
    Started twice, there is one thread.
    """
    periodic = Periodic(lambda: None, 60.0, first=60.0, name="test thread")
    periodic.start()
    periodic.start()

    assert sum(thread.name == "test thread" for thread in threading.enumerate()) == 1
    periodic.stop()


def test_it_runs_on_in_a_forked_child():
    """
    A thread does not survive a fork; registered for it, a new one does the work in the child.
    """
    told = run_child("""
        import threading
        from autonomous_dev import _state
        from autonomous_dev._periodic import Periodic
        called = []
        periodic = Periodic(lambda: called.append(os.getpid()), 0.005, first=0.0, name="test thread")
        periodic.start()
        _state.on_fork(periodic.restart_in_child)
        until(lambda: called)
        child = os.fork()
        if child == 0:
            try:
                until(lambda: os.getpid() in called)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        tell(os.waitstatus_to_exitcode(status))
    """)

    assert told == 0


def test_a_program_ends_while_the_thread_waits():
    """
    The end of the program does not wait for the next call.
    """
    told = run_child("""
        from autonomous_dev._periodic import Periodic
        Periodic(lambda: None, 3600.0, first=3600.0, name="test thread").start()
        tell("ended")
    """)

    assert told == "ended"
