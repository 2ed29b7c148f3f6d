from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import textwrap
import threading
import weakref
from importlib.metadata import version

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Sum

from autonomous_dev import conventions
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance import PerformanceProfiler, SimpleCache, cached, observe_caches
from autonomous_dev.performance._instruments import call_duration_on, tracer_on
from children import forked

CACHE = "autonomous_dev.cache.name"


def metrics_of(reader):
    """
    Name → metric, of one collection.
    """
    data = reader.get_metrics_data()
    return {
        metric.name: metric
        for resource in (data.resource_metrics if data else [])
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def values_of(metric):
    """
    Attributes → value.
    """
    return {tuple(sorted(point.attributes.items())): point.value for point in metric.data.data_points}


def in_child(program: str) -> object:
    """
    What *program* prints as JSON on its last line, in a fresh interpreter in which warnings are errors.
    """
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    return json.loads(child.stdout.splitlines()[-1])


def test_caches_are_reported_by_name():
    """
    Lookups by result, evictions, size and capacity of each name, as the right kinds of instruments.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    observe_caches(provider)
    caches = [SimpleCache(2, name="users"), SimpleCache(3, name="users")]
    double = cached(max_size=1, name="double")(lambda n: 2 * n)
    for cache in caches:
        cache.set("a", 1)
        cache.get("a")
        cache.get("b")
    double(1)
    double(2)
    double(2)

    metrics = metrics_of(reader)
    provider.shutdown()

    assert values_of(metrics["autonomous_dev.cache.lookups"]) == {
        ((CACHE, "users"), ("autonomous_dev.cache.result", "hit")): 2,
        ((CACHE, "users"), ("autonomous_dev.cache.result", "miss")): 2,
        ((CACHE, "double"), ("autonomous_dev.cache.result", "hit")): 1,
        ((CACHE, "double"), ("autonomous_dev.cache.result", "miss")): 2,
    }
    assert values_of(metrics["autonomous_dev.cache.evictions"]) == {((CACHE, "users"),): 0, ((CACHE, "double"),): 1}
    assert values_of(metrics["autonomous_dev.cache.size"]) == {((CACHE, "users"),): 2, ((CACHE, "double"),): 1}
    assert values_of(metrics["autonomous_dev.cache.capacity"]) == {((CACHE, "users"),): 5, ((CACHE, "double"),): 1}
    predicted = metrics.pop("autonomous_dev.cache.hit_ratio.predicted")
    assert (predicted.unit, len(predicted.data.data_points)) == ("1", 3)  # of the one that evicted something
    caches_only = {name: metric for name, metric in metrics.items() if name.startswith("autonomous_dev.cache.")}
    units = {name.rpartition(".")[2]: (metric.unit, metric.data.is_monotonic) for name, metric in caches_only.items()}
    assert units == {
        "lookups": ("{lookup}", True),
        "evictions": ("{eviction}", True),
        "expirations": ("{expiration}", True),
        "size": ("{entry}", False),
        "capacity": ("{entry}", False),
    }
    assert all(metric.description and isinstance(metric.data, Sum) for metric in metrics.values())


def test_observing_twice_counts_once():
    """
    A second call for one provider adds nothing.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    observe_caches(provider)
    observe_caches(provider)
    SimpleCache(1, name="one").get(1)

    lookups = values_of(metrics_of(reader)["autonomous_dev.cache.lookups"])
    provider.shutdown()

    assert lookups[(CACHE, "one"), ("autonomous_dev.cache.result", "miss")] == 1


def test_counters_never_fall():
    """
    Neither a clear nor the end of a cache takes back what was counted.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    observe_caches(provider)
    misses = []
    for _ in range(5):
        function = cached(name="short")(lambda n: n)
        function(1)
        function(2)
        misses.append(lookups_of_short(reader))
        function.cache_clear()
        misses.append(lookups_of_short(reader))
        del function
        gc.collect()
        misses.append(lookups_of_short(reader))
    provider.shutdown()

    assert misses == [2, 2, 2, 4, 4, 4, 6, 6, 6, 8, 8, 8, 10, 10, 10]


def lookups_of_short(reader):
    """
    Missed lookups of the cache named short.
    """
    lookups = values_of(metrics_of(reader)["autonomous_dev.cache.lookups"])
    return lookups[(CACHE, "short"), ("autonomous_dev.cache.result", "miss")]


def test_instruments_are_made_once_per_provider_and_go_with_it():
    """
    Profilers of one provider share its histogram, and a provider that is not used any more is collected.
    """
    provider = MeterProvider([InMemoryMetricReader()])
    assert call_duration_on(provider) is call_duration_on(provider)
    assert call_duration_on(None) is call_duration_on(None)
    assert tracer_on(None) is tracer_on(None)
    observe_caches(provider)
    alive = weakref.ref(provider)
    provider.shutdown()

    del provider
    gc.collect()

    assert alive() is None


def test_a_provider_is_asked_once():
    """
    However many profilers are made, a provider is asked for our meter as if there were one profiler.
    """
    asked = []

    class Counting(MeterProvider):
        def get_meter(self, *args, **kwargs):
            asked.append(args)
            return super().get_meter(*args, **kwargs)

    provider = Counting([InMemoryMetricReader()])
    PerformanceProfiler("load", meter_provider=provider)
    by_one = len(asked)
    for _ in range(3):
        PerformanceProfiler("load", meter_provider=provider)
    provider.shutdown()

    assert set(asked) == {("autonomous_dev", conventions.VERSION)}
    assert len(asked) == by_one <= 2


@pytest.mark.our_failures
def test_a_provider_that_takes_no_weak_reference_still_works():
    """
    A foreign provider with slots or without a hash is used, only not remembered.
    """

    class Slotted:
        __slots__ = ("inner",)
        __hash__ = None

        def get_meter(self, *args):
            return self.inner.get_meter(*args)

    reader = InMemoryMetricReader()
    slotted = Slotted()
    slotted.inner = MeterProvider([reader])
    with PerformanceProfiler("load", meter_provider=slotted):
        pass

    metrics = metrics_of(reader)
    slotted.inner.shutdown()
    assert set(metrics) == {"autonomous_dev.call.duration"}


def test_a_wrong_provider_fails_at_once():
    """
    The message says what was expected.
    """
    with pytest.raises(InvalidTypeError, match="meter_provider is a int; expected a MeterProvider"):
        observe_caches(3)


def test_the_version_of_the_scope_is_that_of_the_package():
    """
    The constant follows the installed distribution.
    """
    assert version("autonomous-dev") == conventions.VERSION


SET_PROVIDERS = """
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    meter_provider = MeterProvider([reader])
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(meter_provider)
"""
MAKE = """
    from autonomous_dev.performance import PerformanceProfiler, SimpleCache, cached, observe_caches
    profiler = PerformanceProfiler("load")
    double = cached(name="double")(lambda n: 2 * n)
"""
USE = """
    import json
    def use():
        with profiler:
            double(1)
            double(1)
    use()
    data = reader.get_metrics_data().resource_metrics
    scopes = [s for r in data for s in r.scope_metrics]
    points = {m.name: [getattr(p, "value", getattr(p, "count", None)) for p in m.data.data_points]
              for s in scopes for m in s.metrics}
    print(json.dumps([sorted(s.name.split(".")[0] for s in exporter.get_finished_spans()), points, len(scopes)]))
"""
POINTS = {
    "autonomous_dev.call.duration": [1],
    "autonomous_dev.cache.lookups": [1, 1],
    "autonomous_dev.cache.evictions": [0],
    "autonomous_dev.cache.expirations": [0],
    "autonomous_dev.cache.size": [1],
    "autonomous_dev.cache.capacity": [128],
}
OF_OURSELVES = {"autonomous_dev.overhead.duration", "autonomous_dev.profiler.road"}


@pytest.mark.parametrize(
    "program",
    [SET_PROVIDERS + MAKE + USE, MAKE + SET_PROVIDERS + USE],
    ids=["set before", "set after"],
)
def test_the_global_providers_get_everything_in_either_order(program):
    """
    Whether the SDK is set before or after profilers and caches are made, spans and metrics arrive, in one scope.
    """
    spans, points, scopes = in_child(program)

    assert spans == ["cached <lambda>", "load"]
    assert {name: values for name, values in points.items() if name not in OF_OURSELVES} == POINTS
    assert scopes == 1


def test_a_block_that_ran_before_the_sdk_was_set_does_not_matter():
    """
    A profiler that was used without an SDK makes spans from the next block on.
    """
    before = """
    with profiler:
        double(3)
    double.cache_clear()
    """
    spans, points, _ = in_child(MAKE + before + SET_PROVIDERS + USE)

    assert spans == ["cached <lambda>", "load"]
    assert points["autonomous_dev.call.duration"] == [1]
    assert points["autonomous_dev.cache.lookups"] == [1, 2]


def test_a_provider_that_is_given_and_global_is_not_counted_twice():
    """
    ``observe_caches`` on the provider that is also the global one, before or after, counts each lookup once.
    """
    for program in (
        MAKE + SET_PROVIDERS + "    observe_caches(meter_provider)\n" + USE,
        SET_PROVIDERS.replace("    metrics.set_meter_provider(meter_provider)\n", "")
        + MAKE
        + "    observe_caches(meter_provider)\n    metrics.set_meter_provider(meter_provider)\n"
        + USE,
    ):
        _, points, _ = in_child(program)
        assert points["autonomous_dev.cache.lookups"] == [1, 1]


def test_a_disabled_sdk_costs_nothing_and_breaks_nothing():
    """
    With OTEL_SDK_DISABLED the durations are still counted in the process.
    """
    program = """
    import os
    os.environ["OTEL_SDK_DISABLED"] = "true"
    """
    program += SET_PROVIDERS + MAKE
    program += """
    import json
    from autonomous_dev import _state
    with profiler:
        double(1)
    print(json.dumps([_state.operations()["load", ""][0], len(exporter.get_finished_spans())]))
    """
    assert in_child(program) == [1.0, 0]


@pytest.mark.our_failures
def test_a_broken_global_provider_breaks_nothing():
    """
    A third party's provider that fails is logged, and the program goes on.
    """
    program = """
    import json, logging
    from opentelemetry import metrics, trace
    logging.getLogger("autonomous_dev").addHandler(logging.NullHandler())
    logging.getLogger("autonomous_dev").propagate = False
    class Broken(metrics.MeterProvider, trace.TracerProvider):
        def get_meter(self, *args, **kwargs):
            raise RuntimeError("broken")
        get_tracer = get_meter
    metrics.set_meter_provider(Broken())
    trace.set_tracer_provider(Broken())
    """
    program += MAKE
    program += """
    from autonomous_dev import _state
    with profiler:
        result = double(2)
    print(json.dumps([result, SimpleCache(1).get(1), sorted(_state.failures())]))
    """
    assert in_child(program) == [4, None, ["histogram of call durations", "instruments of caches", "tracer"]]


def test_the_import_loads_neither_numpy_nor_an_sdk():
    """
    Instrumented programs stay light, after use too.
    """
    program = MAKE
    program += """
    import json, sys
    with profiler:
        double([1])
    heavy = ("numpy", "opentelemetry.sdk", "yaml", "orjson", "prometheus_client")
    print(json.dumps([name for name in sys.modules if name.startswith(heavy)]))
    """
    assert in_child(program) == []


# Fork.


def test_a_computation_of_a_thread_that_is_not_in_the_child_does_not_hang_it():
    """
    A fork in the middle of another thread's computation leaves nobody to wait for: the child computes.
    """
    entered, release = threading.Event(), threading.Event()
    parent = os.getpid()

    @cached
    def compute(key):
        if os.getpid() == parent:
            entered.set()
            release.wait(30)
        return os.getpid() == parent

    thread = threading.Thread(target=compute, args=(1,))
    thread.start()
    assert entered.wait(30)
    try:
        answer = forked(lambda: compute(1))
    finally:
        release.set()
        thread.join(30)

    assert answer == "False"
    assert compute(1) is True


def test_a_fork_inside_a_computation_goes_on_in_both():
    """
    Who computes when the process forks finishes in parent and child.
    """

    @cached
    def compute(key):
        return forked(lambda: os.getpid() > 0)

    assert compute(1) == "True"
    assert compute.cache_info() == (0, 1, 128, 1)


def counted_on(reader):
    """
    What a reader has of one cache and one operation: lookups, evictions, expirations, predictions, calls.
    """
    metrics = metrics_of(reader)
    points = {name: metrics[name].data.data_points for name in metrics}
    return [
        sum(point.value for point in points[conventions.CACHE_LOOKUPS]),
        sum(point.value for point in points[conventions.CACHE_EVICTIONS]),
        sum(point.value for point in points[conventions.CACHE_EXPIRATIONS]),
        [round(point.value, 2) for point in points.get(conventions.CACHE_HIT_RATIO_PREDICTED, ())],
        sum(point.count for point in points[conventions.CALL_DURATION]),
    ]


@pytest.mark.parametrize("mine", [True, False], ids=["the child's", "the parent's"])
def test_a_forked_child_counts_its_lookups_as_its_calls(mine):
    """
    A provider that the child makes begins at 0, one of its parent's goes on: caches as durations.
    """
    parents = InMemoryMetricReader()
    provider = MeterProvider([parents], shutdown_on_exit=False)
    cache = SimpleCache(max_size=2, name="forked")

    def use(provider, numbers):
        observe_caches(provider)
        with PerformanceProfiler("load", meter_provider=provider):
            for number in numbers:
                if cache.get(number) is None:
                    cache.set(number, number)

    use(provider, (1, 2, 3, 4) * 2)
    before = counted_on(parents)

    def child():
        reader = InMemoryMetricReader()
        use(MeterProvider([reader], shutdown_on_exit=False) if mine else provider, (4, 4, 9))
        return json.dumps(counted_on(reader if mine else parents))

    assert before == [8, 6, 0, [0.5, 0.5, 0.5], 1]
    after = json.loads(forked(child))
    assert after == ([3, 1, 0, after[3], 1] if mine else [11, 7, 0, after[3], 2])
    assert all(0 <= ratio <= 1 for ratio in after[3])
    assert after[3]


def test_a_profiler_works_in_a_forked_child():
    """
    Blocks go on in a child, inside a block of the parent too.
    """
    profiler = PerformanceProfiler("forked")

    def child():
        with profiler:
            pass
        return profiler.duration >= 0

    with profiler:
        assert forked(child) == "True"
