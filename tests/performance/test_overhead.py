"""
What the instrumentation costs, and which names it refused, is said by its own metrics.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Sum
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)

from autonomous_dev import _state
from autonomous_dev.conventions import (
    CACHE,
    COMPONENT,
    DROP_REASON,
    ERROR_TYPE,
    OPERATION,
    OVERHEAD_DURATION,
    SERIES_DROPPED,
)
from autonomous_dev.performance import PerformanceProfiler, cached
from autonomous_dev.performance._calibration import _Estimate, _same_without_processors, _time_block, _time_lookup
from children import run_child


@pytest.fixture
def exported():
    """
    A provider, and its points by metric and attributes.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)

    def points(name: str) -> dict[frozenset[Any], float]:
        data = reader.get_metrics_data()
        found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        assert all(isinstance(metric.data, Sum) and metric.data.is_monotonic for metric in found)
        return {frozenset(p.attributes.items()): p.value for m in found for p in m.data.data_points}

    yield provider, points
    provider.shutdown()


def component(name: str) -> frozenset[Any]:
    """
    The attributes of one component.
    """
    return frozenset({(COMPONENT, name)})


def test_the_overhead_of_profilers_and_caches_is_a_metric(exported):
    """
    It grows with every block and lookup, stands still without, and what is timed for it is counted nowhere.
    """
    provider, points = exported
    profiler = PerformanceProfiler("load", meter_provider=provider)
    double = cached(max_size=8)(lambda number: 2 * number)

    def use(times: int) -> dict[frozenset[Any], float]:
        for number in range(times):
            with profiler:
                double(number % 3)
        return points(OVERHEAD_DURATION)

    first, second, third = use(100), use(10_000), use(0)
    for name in ("profiler", "cache"):
        assert 0 < first[component(name)] < second[component(name)] < 10
    assert third[component("cache")] == second[component("cache")]
    assert list(_state.operations()) == [("load", "")]
    assert _state.calls() == 10_100
    (totals,) = _state.caches().values()
    assert (totals.hits, totals.misses) == (10_097, 3)


def test_the_estimate_is_near_what_is_measured():
    """
    The seconds of one block and one hit are within a factor of two of loops of real ones.
    """

    def loop(use: Any, times: int = 5_000) -> float:
        taken = []
        for _ in range(5):
            began = time.thread_time()
            for _ in range(times):
                use()
            taken.append(time.thread_time() - began)
        return min(taken) / times

    profiler = PerformanceProfiler("load")
    double = cached(max_size=8)(lambda number: 2 * number)

    def block() -> None:
        with profiler:
            pass

    def nothing() -> None:
        pass

    (a_block,) = _time_block()
    a_hit, a_miss = _time_lookup()
    assert loop(block) - loop(nothing) == pytest.approx(a_block, rel=1.0)
    assert 0 < a_hit < a_miss
    assert loop(lambda: double(1)) < 10 * (a_hit + loop(nothing))


def test_an_estimate_never_falls_and_is_made_anew_when_what_it_depends_on_changed():
    """
    What came before keeps the cost that it had; uses that are forgotten take nothing back.
    """
    uses, costs, version = [0.0], [2.0], ["public"]
    timed = []

    def time_one() -> tuple[float, ...]:
        timed.append(version[0])
        return (costs[0],)

    estimate = _Estimate(lambda: (uses[0],), time_one, lambda: version[0])
    assert (estimate.seconds(), timed) == (0.0, [])
    uses[0] = 3.0
    assert estimate.seconds() == 6.0
    costs[0], version[0] = 0.5, "fast"
    uses[0] = 5.0
    assert estimate.seconds() == 7.0
    uses[0] = 1.0
    assert estimate.seconds() == 7.0
    assert timed == ["public", "fast"]


def test_who_asks_while_it_is_timed_gets_what_was_known():
    """
    A reader inside the timing neither waits nor times.
    """
    inside = []
    estimate: _Estimate

    def time_one() -> tuple[float, ...]:
        inside.append(estimate.seconds())
        return (1.0,)

    estimate = _Estimate(lambda: (2.0,), time_one, lambda: None)
    assert (estimate.seconds(), inside) == (2.0, [0.0])


def dropped(*said: str) -> frozenset[tuple[str, str]]:
    """
    The labels of a point of SERIES_DROPPED: the same keys whatever it says.
    """
    empty = dict.fromkeys((DROP_REASON, OPERATION, ERROR_TYPE, CACHE), "")
    return frozenset({**empty, **dict(zip(said[::2], said[1::2], strict=True))}.items())


def test_refused_operations_are_a_metric(exported, monkeypatch):
    """
    Names beyond the bound are counted by what stands for them; without any nothing is exported.
    """
    provider, points = exported
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 1)
    for name in ("kept", "kept"):
        with PerformanceProfiler(name, meter_provider=provider):
            pass
    assert points(SERIES_DROPPED) == {}
    for name in ("user 1", "user 2", "user 2"):
        with PerformanceProfiler(name, meter_provider=provider):
            pass
    assert points(SERIES_DROPPED) == {dropped(DROP_REASON, "cardinality", OPERATION, "_other"): 2}


@pytest.mark.parametrize("first", ["profiler", "tracker"])
def test_refused_and_unexported_series_are_one_metric(exported, monkeypatch, first):
    """
    Whoever came first to the provider, all reasons are told on one instrument.
    """
    from autonomous_dev import MetricsTracker

    provider, points = exported
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 0)

    def profile() -> None:
        with PerformanceProfiler("a", meter_provider=provider):
            pass

    def record() -> None:
        tracker = MetricsTracker(meter_provider=provider)
        tracker.record_metric("Build", 1.0)
        tracker.record_metric("build", 1.0)

    for step in (profile, record) if first == "profiler" else (record, profile):
        step()
    assert points(SERIES_DROPPED) == {
        dropped(DROP_REASON, "cardinality", OPERATION, "_other"): 1,
        dropped(DROP_REASON, "name"): 1,
        dropped(DROP_REASON, "limit"): 0,
    }


def test_the_sdk_has_nothing_left_to_drop(exported):
    """
    Thousands of names, with errors, make fewer attribute sets than the SDK's own bound: it adds no overflow.
    """
    provider, _ = exported
    profilers = [PerformanceProfiler(f"user {number}", meter_provider=provider) for number in range(2300)]
    for profiler in profilers:
        with profiler:
            pass
        with pytest.raises(KeyError), profiler:
            raise KeyError
    reader = (
        provider._metric_readers[0] if hasattr(provider, "_metric_readers") else provider._sdk_config.metric_readers[0]
    )
    metrics = [m for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics]
    (durations,) = [metric for metric in metrics if metric.name == "autonomous_dev.call.duration"]
    labels = [dict(point.attributes) for point in durations.data.data_points]
    assert len(labels) == _state.MAX_OPERATIONS + 2
    assert not any("otel.metric.overflow" in each for each in labels)
    assert sum(point.count for point in durations.data.data_points) == 4600


def test_a_forked_child_can_be_asked_too():
    """
    A fork while another thread times leaves no lock behind that the child would find taken for good.
    """
    found = run_child("""
        from autonomous_dev import _state
        from autonomous_dev.performance import PerformanceProfiler
        with PerformanceProfiler("load"):
            pass
        _state.overhead_seconds()
        estimate = _state.overhead_estimates["profiler"].__self__
        estimate._lock.acquire()
        pid = os.fork()
        if pid == 0:
            os._exit(0 if _state.overhead_seconds()["profiler"] > 0 else 1)
        tell(os.waitpid(pid, 0)[1])
    """)
    assert found == 0


class Quota(Sampler):
    """
    A sampler of the program's own.
    """

    def __init__(self):
        self.asked = 0

    def should_sample(self, *_args: Any, **_kwargs: Any) -> SamplingResult:
        self.asked += 1
        return SamplingResult(Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        return "quota"


def test_the_programs_sampler_is_not_asked_about_what_is_timed(monkeypatch):
    """
    Wherever it stands; those of the SDK are taken over, and no resource is looked for.
    """
    quota, ratio = Quota(), ParentBased(TraceIdRatioBased(0.5))
    found = []
    for sampler in (quota, ParentBased(quota), ParentBased(ALWAYS_ON, local_parent_sampled=quota), ratio):
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        monkeypatch.setattr(trace, "get_tracer_provider", lambda provider=provider: provider)
        with monkeypatch.context() as within:
            within.setattr(Resource, "create", lambda *_: pytest.fail("looked for a resource"))
            _time_block()
            found.append(_same_without_processors().sampler is sampler)

    assert quota.asked == 0
    assert found == [False, False, False, True]
