"""
Durations that wait until somebody reads give the very points and exemplars that were recorded at once.
"""

from __future__ import annotations

import math
import threading
from functools import partial

import pytest
from opentelemetry import context, trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from autonomous_dev import _state
from autonomous_dev.conventions import CALL_DURATION, OPERATION, PROFILER_ROAD
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._instruments import call_duration_on
from autonomous_dev.performance.profiling import _durations
from autonomous_dev.performance.profiling._durations import MAX_PENDING, Durations, durations_on
from children import forked, run_child

LOAD = {OPERATION: "load"}
SAVE = {OPERATION: "save", "error.type": "KeyError"}
TEMPORALITIES = {
    "cumulative": AggregationTemporality.CUMULATIVE,
    "delta": AggregationTemporality.DELTA,
}
VIEWS = {
    "none": [],
    "exponential": [View(instrument_name="*", aggregation=ExponentialBucketHistogramAggregation(max_size=20))],
    "own bounds": [View(instrument_name="*", aggregation=ExplicitBucketHistogramAggregation([0.5, 1.5]))],
    "fewer attributes": [View(instrument_name="autonomous_dev.call.*", attribute_keys={OPERATION})],
    "renamed": [View(instrument_name="autonomous_dev.call.duration", name="renamed")],
    "one dropped, one kept": [
        View(instrument_name="autonomous_dev.call.duration", aggregation=DropAggregation()),
        View(instrument_name="autonomous_dev.call.duration", name="kept"),
    ],
    "gauge dropped": [View(instrument_name=PROFILER_ROAD, aggregation=DropAggregation())],
}


def inside(number, work, *, sampled=True):
    """
    Do *work* while a span with ids of this number is current.
    """
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else 0)
    span = NonRecordingSpan(SpanContext(number, number, is_remote=False, trace_flags=flags))
    token = context.attach(trace.set_span_in_context(span))
    try:
        return work()
    finally:
        context.detach(token)


def collected(reader):
    """
    Name → attributes → what a point says, but its moments, of one collection of histograms.
    """
    data = reader.get_metrics_data()
    found = {}
    for resource in data.resource_metrics if data else []:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points = [point for point in metric.data.data_points if hasattr(point, "count")]
                if points:
                    found[metric.name] = {tuple(sorted(point.attributes.items())): said(point) for point in points}
                    found[metric.name]["temporality"] = metric.data.aggregation_temporality
    return found


def said(point):
    """
    What a point says, in a form that can be compared.
    """
    exemplars = sorted(
        (
            exemplar.value,
            exemplar.trace_id,
            exemplar.span_id,
            tuple(sorted((exemplar.filtered_attributes or {}).items())),
        )
        for exemplar in point.exemplars
    )
    buckets = (
        (tuple(point.bucket_counts), tuple(point.explicit_bounds))
        if hasattr(point, "bucket_counts")
        else (point.scale, point.zero_count, point.positive)
    )
    return point.count, point.sum, point.min, point.max, buckets, exemplars


def read(reader):
    """
    The points of CALL_DURATION, of one collection.
    """
    return collected(reader).get(CALL_DURATION, {})


def count_of(points, labels=LOAD):
    """
    How many durations there are with these labels.
    """
    point = points.get(tuple(sorted(labels.items())))
    return 0 if point is None else point[0]


def some_durations(record):
    """
    In and outside spans, sampled and not, by two sets of labels, into several buckets.
    """
    for number, seconds in enumerate((0.0, 1e-7, 0.003, 0.003, 0.7, 1.0, 400.0), start=1):
        inside(number, lambda seconds=seconds: record(seconds, LOAD))
        inside(100 + number, lambda seconds=seconds: record(seconds, SAVE), sampled=number % 2 == 0)
        record(seconds, LOAD)


@pytest.mark.parametrize("views", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("temporality", TEMPORALITIES.values(), ids=TEMPORALITIES)
def test_points_and_exemplars_are_those_that_are_recorded_at_once(temporality, views):
    """
    Over several collections, one of them empty: equal for every temporality and view, to the exemplar.
    """
    sides = []
    for deferred in (True, False):
        reader = InMemoryMetricReader(preferred_temporality={Histogram: temporality, Counter: temporality})
        provider = MeterProvider([reader], views=views, shutdown_on_exit=False)
        durations = durations_on(provider)
        histogram = call_duration_on(provider)
        told = []
        for filled in (True, False, True):
            if filled:
                some_durations(durations.record if deferred else histogram.record)
                assert bool(durations._pending) is deferred
            # Whoever reads has a span of its own, which no exemplar may show.
            told.append(inside(999, partial(collected, reader)))
        sides.append(told)
        provider.shutdown()

    assert sides[0] == sides[1]
    assert len(sides[0][2]) == 1
    exemplars = [point[5] for key, point in next(iter(sides[0][2].values())).items() if key != "temporality"]
    assert all(1 <= trace_id <= 107 and trace_id == span_id for per in exemplars for _, trace_id, span_id, _ in per)
    assert any(exemplars)


def test_an_exemplar_leads_to_the_span_of_its_block():
    """
    Even where the span has ended, and another one is current, when somebody reads.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    durations = durations_on(provider)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")

    with tracer.start_as_current_span("block") as span:
        durations.record(0.5, LOAD)
    with tracer.start_as_current_span("reader"):
        points = read(reader)
    provider.shutdown()

    wanted = span.get_span_context()
    assert points[((OPERATION, "load"),)][5] == [(0.5, wanted.trace_id, wanted.span_id, ())]


def test_an_unsampled_span_and_none_give_no_exemplar():
    """
    Also where the reader stands in a sampled span.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    durations = durations_on(provider)

    with TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("t").start_as_current_span("block"):
        durations.record(0.5, LOAD)
    durations.record(0.5, LOAD)
    points = inside(999, lambda: read(reader))
    provider.shutdown()

    assert points[((OPERATION, "load"),)][0] == 2
    assert points[((OPERATION, "load"),)][5] == []


@pytest.mark.parametrize("temporality", TEMPORALITIES.values(), ids=TEMPORALITIES)
def test_two_readers_both_get_everything_once(temporality):
    """
    Whichever of them reads first.
    """
    readers = [InMemoryMetricReader(preferred_temporality={Histogram: temporality}) for _ in range(2)]
    provider = MeterProvider(readers, shutdown_on_exit=False)
    durations = durations_on(provider)
    told = []
    for order in (readers, readers[::-1]):
        durations.record(1.0, LOAD)
        told.append([count_of(read(reader)) for reader in order])
    provider.shutdown()

    assert told == ([[1, 1], [2, 2]] if temporality is AggregationTemporality.CUMULATIVE else [[1, 1], [1, 1]])


def test_providers_keep_their_durations_apart():
    """
    Each provider has durations of its own, made once.
    """
    readers = [InMemoryMetricReader() for _ in range(2)]
    providers = [MeterProvider([reader], shutdown_on_exit=False) for reader in readers]
    durations = [durations_on(provider) for provider in providers]
    for number, one in enumerate(durations):
        for _ in range(number + 1):
            one.record(1.0, LOAD)

    assert [durations_on(provider) for provider in providers] == durations
    assert [count_of(read(reader)) for reader in readers] == [1, 2]
    for provider in providers:
        provider.shutdown()


def test_beyond_the_bound_durations_are_recorded_at_once(monkeypatch):
    """
    A bounded number waits, and only the newest of those with their contexts; none is lost.
    """
    monkeypatch.setattr(_durations, "MAX_WAITING", 2 * MAX_PENDING)
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    durations = durations_on(provider)
    waiting = []

    for number in range(1, 4 * MAX_PENDING + 1):
        inside(number, lambda: durations.record(2.0, LOAD))
        waiting.append((len(durations._pending), len(durations._older)))
    kept = sum(context is not _durations._NOTHING_CURRENT for *_, context in durations._older)
    points = read(reader)
    provider.shutdown()

    assert max(with_context for with_context, _ in waiting) == MAX_PENDING
    assert max(map(sum, waiting)) <= 2 * MAX_PENDING
    assert waiting[-1] == waiting[-2]
    assert 0 < kept < 10
    assert count_of(points) == 4 * MAX_PENDING
    assert len(durations._pending) == len(durations._older) == 0


def test_a_slow_block_keeps_its_exemplar_however_many_quick_ones_follow():
    """
    Among ten thousand, the only one of its bucket still leads to its trace, and the newest of the others to theirs.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    durations = durations_on(provider)

    for number in range(1, 10_001):
        inside(number, lambda number=number: durations.record(40.0 if number == 5 else 1e-3, LOAD))
    exemplars = read(reader)[tuple(LOAD.items())][5]
    provider.shutdown()

    assert [(value, trace_id) for value, trace_id, *_ in exemplars] == [(1e-3, 10_000), (40.0, 5)]


def test_threads_lose_and_double_nothing_while_others_read(monkeypatch):
    """
    Four threads record, two readers read in between and afterwards: both have seen every duration once.
    """
    # Few wait, so that all three ways are taken: with a context, without one, and at once.
    monkeypatch.setattr(_durations, "MAX_WAITING", 2 * MAX_PENDING)
    readers = [InMemoryMetricReader(preferred_temporality={Histogram: AggregationTemporality.DELTA}) for _ in range(2)]
    provider = MeterProvider(readers, shutdown_on_exit=False)
    durations = durations_on(provider)
    counts, reads, recorded = [0, 0], [0, 0], [0] * 4
    beginning = threading.Barrier(6)
    ended = threading.Event()

    def work(index):
        beginning.wait()
        # Until it was read in between often enough, with a bound.
        while recorded[index] < 100 or (sum(reads) < 4 and recorded[index] < 50_000):
            durations.record(0.001, LOAD)
            recorded[index] += 1

    def keep_reading(index):
        beginning.wait()
        while not ended.is_set():
            count = count_of(read(readers[index]))
            counts[index] += count
            reads[index] += count > 0

    workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    watchers = [threading.Thread(target=keep_reading, args=(index,)) for index in range(2)]
    for thread in workers + watchers:
        thread.start()
    for thread in workers:
        thread.join()
    ended.set()
    for thread in watchers:
        thread.join()
    overlapped = sum(reads)
    for index, reader in enumerate(readers):
        counts[index] += count_of(read(reader))
    provider.shutdown()

    assert counts == [sum(recorded)] * 2
    assert overlapped >= 4


def test_a_forked_child_does_not_record_what_its_parent_had_noted():
    """
    What waits is the parent's: the child forgets it and records its own.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    durations = durations_on(provider)
    for _ in range(3):
        durations.record(1.0, LOAD)

    def work():
        durations.record(1.0, LOAD)
        return count_of(read(reader))

    assert forked(work) == "1"
    assert count_of(read(reader)) == 3
    provider.shutdown()


def test_a_fork_while_somebody_reads_does_not_hang_the_child():
    """
    The lock of a reader that is not in the child is not waited for.
    """
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    durations = durations_on(provider)

    with durations._lock:
        told = forked(lambda: (durations.record(1.0, LOAD), durations.drain(), len(durations._pending))[-1])
    provider.shutdown()

    assert told == "0"


class Kept(MetricExporter):
    def __init__(self):
        super().__init__()
        self.counts = []

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        for resource in metrics_data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == CALL_DURATION:
                        self.counts += [point.count for point in metric.data.data_points]
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **kwargs):
        pass


@pytest.mark.parametrize("end", ["force_flush", "shutdown"])
def test_the_last_durations_are_exported_when_the_provider_is_flushed_or_ends(end):
    """
    A periodic reader that has not read yet reads before it goes.
    """
    exporter = Kept()
    provider = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=600_000)], shutdown_on_exit=False
    )
    durations = durations_on(provider)
    for _ in range(5):
        durations.record(1.0, LOAD)

    getattr(provider, end)()

    assert exporter.counts == [5]
    if end == "force_flush":
        provider.shutdown()


def test_a_program_that_ends_exports_its_last_durations():
    """
    Without a word of the program's: its provider shuts down at exit, and the periodic reader reads.
    """
    told = run_child("""
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, PeriodicExportingMetricReader
        from autonomous_dev.performance.profiling._durations import durations_on

        class Telling(MetricExporter):
            def export(self, metrics_data, timeout_millis=10_000, **kwargs):
                tell({metric.name: [getattr(point, "count", None) for point in metric.data.data_points]
                      for resource in metrics_data.resource_metrics for scope in resource.scope_metrics
                      for metric in scope.metrics}["autonomous_dev.call.duration"])
                return MetricExportResult.SUCCESS
            def force_flush(self, timeout_millis=10_000):
                return True
            def shutdown(self, timeout_millis=30_000, **kwargs):
                pass

        metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(Telling())]))
        for _ in range(4):
            durations_on(None).record(1.0, {"a": "b"})
    """)

    assert told == [4]


def test_nothing_is_noted_before_the_program_has_a_provider_and_everything_after():
    """
    With the API alone nothing waits and no SDK is loaded; a provider that is set later is noticed at the next block.
    """
    told = run_child("""
        from autonomous_dev.performance.profiling._durations import durations_on
        durations = durations_on(None)
        for _ in range(3):
            durations.record(1.0, {"a": "before"})
        before = len(durations._pending), "opentelemetry.sdk" in sys.modules

        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider([reader]))
        durations.record(1.0, {"a": "after"})
        durations.record(1.0, {"a": "after"})
        waiting = len(durations._pending)
        (resource,) = reader.get_metrics_data().resource_metrics
        (scope,) = resource.scope_metrics
        points = {metric.name: metric.data.data_points for metric in scope.metrics}["autonomous_dev.call.duration"]
        tell([before, waiting, [[point.attributes["a"], point.count] for point in points], durations_on(None) is durations])
    """)

    assert told == [[0, False], 2, [["after", 2]], True]


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_disabled_sdk_reads_nothing_and_nothing_is_noted(order):
    """
    With OTEL_SDK_DISABLED, whether the provider was set before or after.
    """
    told = run_child(
        f"""
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from autonomous_dev.performance.profiling._durations import durations_on
        order = {order!r}
        if order == "before":
            metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
        durations = durations_on(None)
        if order == "after":
            metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
        if durations is not None:
            durations.record(1.0, {{}})
        tell(durations is None or len(durations._pending) == 0)
        """,
        OTEL_SDK_DISABLED="true",
    )

    assert told is True


def test_a_provider_that_never_records_has_no_durations():
    """
    The API's own provider of nothing.
    """
    assert durations_on(NoOpMeterProvider()) is None


def test_a_provider_that_is_not_the_sdks_gets_each_duration_at_once():
    """
    Where nobody promises to run callbacks before reading, nothing waits.
    """
    recorded = []

    class Instrument:
        def record(self, amount, attributes=None, context=None):
            recorded.append((amount, attributes))

    class Meter:
        def create_histogram(self, name, unit="", description="", *, explicit_bucket_boundaries_advisory=None):
            return Instrument()

        def __getattr__(self, name):
            return lambda *_, **__: None

    class Provider:
        def get_meter(self, *_, **__):
            return Meter()

    durations = durations_on(Provider())
    durations.record(1.0, LOAD)

    assert recorded == [(1.0, LOAD)]
    assert len(durations._pending) == 0


def test_a_wrong_provider_fails_at_once():
    """
    The error names what was given.
    """
    with pytest.raises(InvalidTypeError, match="meter_provider is a str"):
        durations_on("provider")


@pytest.mark.our_failures
def test_one_duration_that_cannot_be_recorded_costs_only_itself(monkeypatch, caplog):
    """
    One at which the program's exemplar filter fails is counted as a failure; the others are recorded.
    """

    class Failing(AlwaysOnExemplarFilter):
        def should_sample(self, value, *_, **__):
            if value == 1.5:
                raise ValueError("the filter's own")
            return True

    monkeypatch.setattr(_state, "_failures", {})
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], exemplar_filter=Failing(), shutdown_on_exit=False)
    durations = durations_on(provider)

    durations.record(1.0, LOAD)
    durations.record(1.5, LOAD)
    durations.record(2.0, LOAD)
    points = read(reader)
    provider.shutdown()

    assert count_of(points) == 2
    assert _state.failures() == {"histogram of call durations": 1}


def test_an_infinite_duration_is_left_to_the_sdk():
    """
    It says what it says of one that is recorded at once.
    """
    counts = []
    for deferred in (True, False):
        reader = InMemoryMetricReader()
        provider = MeterProvider([reader], shutdown_on_exit=False)
        record = durations_on(provider).record if deferred else call_duration_on(provider).record
        record(math.inf, LOAD)
        record(1.0, LOAD)
        counts.append(count_of(read(reader)))
        provider.shutdown()

    assert counts[0] == counts[1]


# The gauge in whose callback this happens.

ROADS = """
    from opentelemetry import trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from autonomous_dev.performance.profiling._durations import durations_on
    from autonomous_dev.performance._instruments import road_on

    class Own(TracerProvider):
        pass

    def roads():
        data = reader.get_metrics_data()
        return [[point.value, *point.attributes.values()]
                for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics
                for metric in scope.metrics if metric.name == "autonomous_dev.profiler.road"
                for point in metric.data.data_points]

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    durations_on(provider)
    road = road_on(None)
    if road.open("before", {}) is not None:
        raise AssertionError("there is no provider yet")
    before = roads()
    trace.set_tracer_provider(%s(shutdown_on_exit=False))
    if (opened := road.open("first", {})) is not None:
        road.close(opened, None, "")
    tell([before, roads()])
"""


@pytest.mark.parametrize(
    ("provider", "wanted"),
    [
        ("TracerProvider", [[1, "fast", "spans of the SDK"]]),
        ("Own", [[1, "public", "provider __main__.Own"]]),
        ("(lambda **_: trace.NoOpTracerProvider())", []),
    ],
    ids=["sdk", "own", "nothing"],
)
def test_which_road_the_profiler_takes_is_a_metric(provider, wanted):
    """
    Nothing before the program has a provider; then fast or public, and why.
    """
    assert run_child(ROADS % provider) == [[], wanted]


def test_who_reads_second_waits_for_the_first():
    """
    A reader never collects while another one still records what it took out.
    """
    started, go = threading.Event(), threading.Event()
    order = []

    class Slow:
        __module__ = "opentelemetry.sdk.slow"

        def record(self, amount, attributes=None, context=None):
            started.set()
            go.wait(10)
            order.append(amount)

    durations = Durations(Slow())
    durations.record(1.0, LOAD)
    first = threading.Thread(target=durations.drain)
    second = threading.Thread(target=lambda: (durations.drain(), order.append("second")))
    first.start()
    started.wait(10)
    second.start()
    second.join(0.1)  # it would have ended, did it not wait
    go.set()
    first.join()
    second.join()

    assert order == [1.0, "second"]


def test_a_finalizer_that_reads_while_durations_are_taken_out_finds_us_busy():
    """
    It neither waits for itself nor takes anything out; what comes meanwhile is recorded, now or the next time.
    """
    recorded = []

    class Reading:
        def record(self, seconds, labels, context=None):
            recorded.append(seconds)
            if len(recorded) == 1:
                # As a finalizer that the collector runs here.
                durations.drain()
                for number in range(MAX_PENDING + 2):
                    durations.record(10.0 + number, LOAD)

    Reading.__module__ = "opentelemetry.sdk.metrics"
    durations = Durations(Reading())
    for seconds in (1.0, 2.0, 3.0):
        durations.record(seconds, LOAD)

    thread = threading.Thread(target=durations.drain, daemon=True)
    thread.start()
    thread.join(20)

    assert not thread.is_alive()
    durations.drain()
    assert sorted(recorded) == [1.0, 2.0, 3.0, *(10.0 + number for number in range(MAX_PENDING + 2))]
