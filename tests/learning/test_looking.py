"""
Looking at many series: the same here, in threads and in processes.
"""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from given_detectors import ending, failing_on_seven, largest, nothing, seeing_contexts
from known_series import series

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.learning._engine import DEFAULT_DETECTORS, judge
from autonomous_dev.learning._looking import look
from autonomous_dev.policy import AlertPolicy, DetectorPolicy, MetricPolicy, Policy, Threshold

POLICY = Policy()


def many(count: int, length: int = 1000) -> list:
    """
    Series m0, m1, … of seeded noise.
    """
    rng = np.random.default_rng(3)
    return [series(rng.normal(100.0, 1.0, length), f"m{i}", "s") for i in range(count)]


def note(told: list[tuple[int, ...]], done: int, total: int) -> None:
    """
    Keep what progress says.
    """
    told.append((done, total))


def sent(value):
    """
    *value* as another process gets it.
    """
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # our own


@pytest.fixture(scope="module")
def processes():
    """
    Two processes that share nothing with this one.
    """
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture(params=["threads", "processes"])
def executor(request):
    """
    Both kinds of executors.
    """
    if request.param == "processes":
        yield request.getfixturevalue("processes")
        return
    with ThreadPoolExecutor(2) as pool:
        yield pool


class Inline(Executor):
    """
    Runs what it is given at once, and counts.
    """

    def __init__(self):
        self.chunks = []

    def submit(self, fn, /, *args, **kwargs):
        self.chunks.append(len(args[0]))
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # the future gives it back
            future.set_exception(error)
        return future


class Never(Executor):
    """
    Never runs anything; its first future is interrupted.
    """

    def __init__(self):
        self.futures = []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        if not self.futures:
            future.set_exception(KeyboardInterrupt())
        self.futures.append(future)
        return future


def test_findings_are_the_same_wherever_they_are_made(executor):
    """
    An executor gives each series its own findings, in the order of the series.
    """
    given = many(120)
    here = look(given, POLICY, (largest, nothing))

    assert look(given, POLICY, (largest, nothing), executor) == here
    assert [findings[0].start for findings in here] == [int(one.values.argmax()) for one in given]


def test_a_judgement_is_the_same_wherever_it_is_made(executor):
    """
    Insights, statuses and prior do not depend on where detectors run, with a policy that says something.
    """
    step = np.where(np.arange(40) < 20, 10.0, 14.0) + np.random.default_rng(1).normal(0, 0.1, 40)
    given = [*many(40, 30), series(step, "build_time", "s", contexts=[{"commit": f"c{i}"} for i in range(40)])]
    policy = Policy(thresholds=(Threshold("build_time", 12.0, upper=True),), metrics={"m0": MetricPolicy()})

    assert judge(given, policy, now=50.0, executor=executor) == judge(given, policy, now=50.0)


def test_ten_thousand_series_are_about_a_hundred_chunks():
    """
    Chunks are large enough to be worth sending and small enough to share the work out; a few short series are one.
    """
    short = series(np.arange(10.0))
    for given, least, most in (([short] * 10_000, 50, 200), (many(10_000, 20), 50, 200), ([short] * 30, 1, 1)):
        executor = Inline()
        look(given, POLICY, (), executor)
        assert least <= len(executor.chunks) <= most
        assert sum(executor.chunks) == len(given)


def test_long_series_are_not_lumped_together():
    """
    What makes a chunk is samples, not series.
    """
    executor = Inline()
    look(many(4, 100_000), POLICY, (), executor)
    assert executor.chunks == [1, 1, 1, 1]


def test_progress_is_told_from_none_to_all(executor):
    """
    Progress begins at 0, only grows, and ends at the number of series, with an executor and without.
    """
    for where in (None, executor):
        told: list[tuple[int, ...]] = []
        look(many(60), POLICY, (nothing,), where, partial(note, told))
        assert told[0] == (0, 60)
        assert told[-1] == (60, 60)
        assert len(told) > 2
        assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_what_a_detector_raises_names_detector_and_series(executor):
    """
    A failing detector's own exception comes out, with a note that says which it was and on which series.
    """
    for where in (None, executor):
        with pytest.raises(ZeroDivisionError, match="seven") as raised:
            look(many(30), POLICY, (nothing, failing_on_seven), where)
        assert raised.value.__notes__ == ["raised by detector failing_on_seven on series m7"]


def test_a_detector_that_cannot_be_sent_is_named(processes):
    """
    A function inside a function runs here and in threads; for processes the error says so.
    """

    def local(outline, policy):
        return ()

    with pytest.raises(InvalidTypeError, match=r"local.*cannot be sent to the processes.*a function of a module"):
        look(many(3), POLICY, (nothing, local), processes)
    assert look(many(3), POLICY, (local,)) == [(), (), ()]


def test_processes_that_end_are_an_error_of_ours():
    """
    An executor whose processes die is named, with what may have been the reason.
    """
    with (
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor,
        pytest.raises(InvalidValueError, match=r"its processes ended.*importable"),
    ):
        look(many(2), POLICY, (ending,), executor)


def test_an_interruption_cancels_what_waits():
    """
    Ctrl-C comes out as it is, and nothing of the rest is begun.
    """
    executor = Never()
    with pytest.raises(KeyboardInterrupt):
        look(many(60), POLICY, (nothing,), executor)
    assert len(executor.futures) > 1
    assert all(future.cancelled() for future in executor.futures[1:])


def test_a_failure_cancels_what_waits():
    """
    After a detector has raised nothing more is begun.
    """

    class Failing(Never):
        def submit(self, fn, /, *args, **kwargs):
            future = super().submit(fn, *args, **kwargs)
            if len(self.futures) == 1:
                self.futures[0] = future = Future()
                future.set_exception(ZeroDivisionError("first"))
            return future

    executor = Failing()
    with pytest.raises(ZeroDivisionError, match="first"):
        look(many(60), POLICY, (nothing,), executor)
    assert all(future.cancelled() for future in executor.futures[1:])


def test_detectors_see_no_contexts_anywhere():
    """
    A detector cannot depend on what only one of the roads would show it.
    """
    assert look([series([1.0, 2.0], contexts=[{"commit": "a"}, {}])], POLICY, (seeing_contexts,)) == [()]


@pytest.mark.parametrize("wrong", [2, "threads", object()])
def test_what_is_no_executor_is_an_error_of_ours(wrong):
    """
    A number of processes is no executor, and the error says what is.
    """
    with pytest.raises(InvalidTypeError, match=r"expected one of concurrent\.futures"):
        look(many(1), POLICY, (nothing,), wrong)


def test_nothing_to_look_at():
    """
    No series give no findings, and progress says so.
    """
    told: list[tuple[int, ...]] = []
    assert look([], POLICY, DEFAULT_DETECTORS, None, partial(note, told)) == []
    assert told == [(0, 0)]


def test_a_policy_travels():
    """
    A policy survives pickling with all its parts, and stays read-only.
    """
    policy = Policy(
        thresholds=(Threshold("a", 1.0, upper=True),),
        metrics={"a": MetricPolicy(min_change=0.1)},
        alerts=AlertPolicy(labels={"team": "x"}),
    )
    assert sent(policy) == policy
    read = Policy.parse("metrics: {a: {detectors: {trend: off}}}\nalerts: {labels: {a: b}}")
    back = sent(read)
    assert back == read
    for mapping in (back.metrics, back.metrics["a"].detectors, back.alerts.labels, back.detectors):
        with pytest.raises(TypeError):
            mapping["new"] = DetectorPolicy()
