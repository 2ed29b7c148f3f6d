"""
The metric reader: every instrument of a provider becomes series, at both ends of OpenTelemetry's versions.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
from pathlib import Path

import pytest
from journal_files import put, recorder, wait_for
from opentelemetry.metrics import NoOpMeterProvider, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)

from autonomous_dev import _state
from autonomous_dev.conventions import SCOPE
from autonomous_dev.errors import ConfigurationError
from autonomous_dev.recording import SeriesMetricReader, attach_reader, attached_reader
from autonomous_dev.recording._store import Limits
from children import run_child

HERE = str(Path(__file__).parent)
ADDS_READERS = hasattr(MeterProvider, "add_metric_reader")
"""
SDK 1.43 and newer; an older one takes readers in the constructor only.
"""


@pytest.fixture
def reader() -> SeriesMetricReader:
    """
    A reader that belongs to no provider yet.
    """
    return SeriesMetricReader()


@pytest.fixture
def provider(reader):
    """
    A provider with *reader* in it.
    """
    made = MeterProvider([reader], shutdown_on_exit=False)
    yield made
    made.shutdown()


@pytest.fixture
def meter(provider):
    """
    A meter of the program's.
    """
    return provider.get_meter("program")


def collected(reader: SeriesMetricReader) -> dict[str, list[float]]:
    """
    Values by series after one more collection.
    """
    reader.collect_quietly()
    return {str(series.key): series.values.tolist() for series in reader.store.series()}


def test_a_gauge_is_a_sample_once_however_often_it_is_collected(reader, meter):
    """
    The value that a gauge was set to is there once, with the time of its first collection.
    """
    gauge = meter.create_gauge("depth", "{job}")
    gauge.set(5, {"queue": "mail"})
    gauge.set(7, {"queue": "print"})
    for _ in range(5):
        assert collected(reader) == {"depth{queue=mail}": [5], "depth{queue=print}": [7]}
    gauge.set(6, {"queue": "mail"})
    for _ in range(3):
        assert collected(reader) == {"depth{queue=mail}": [5, 6], "depth{queue=print}": [7]}
    series = reader.store.series()[0]
    assert (series.key.unit, series.contexts) == ("{job}", ((), ()))
    assert series.times[0] < series.times[1]


def test_an_equal_value_that_is_set_again_is_no_new_sample(reader, meter):
    """
    Pinned: a gauge that is set to the value that it has is not seen, nor is a value overwritten between collections.
    """
    gauge = meter.create_gauge("depth")
    gauge.set(5)
    assert collected(reader) == {"depth": [5]}
    gauge.set(5)
    assert collected(reader) == {"depth": [5]}
    gauge.set(6)
    gauge.set(7)
    assert collected(reader) == {"depth": [5, 7]}
    gauge.set(6)
    gauge.set(7)
    assert collected(reader) == {"depth": [5, 7]}


def test_counters_are_rates(reader, meter):
    """
    What a counter got between two collections is an amount per second; an interval without calls is none.
    """
    counter = meter.create_counter("requests", "{request}")
    collected(reader)
    for amount in (3, 5):
        counter.add(amount, {"route": "/a"})
        collected(reader)
    collected(reader)
    (series,) = reader.store.series()
    assert (str(series.key), series.key.unit, len(series)) == ("requests{route=/a}", "{request}/s", 2)
    elapsed = (series.times[1] - series.times[0]) / 1e9
    assert series.values[1] == pytest.approx(5 / elapsed)
    assert series.values[0] > 0


def test_histograms_are_count_mean_and_quantiles(reader, meter):
    """
    Of each interval a histogram gives count, mean and quantiles, of what came in it only.
    """
    histogram = meter.create_histogram("latency", "s", explicit_bucket_boundaries_advisory=[0.1, 1.0, 10.0])
    for value in (0.05, 0.05, 0.5, 0.5):
        histogram.record(value)
    first = collected(reader)
    assert first["latency.count"] == [4]
    assert first["latency.mean"] == pytest.approx([0.275])
    assert first["latency.p50"] == pytest.approx([0.1])
    assert first["latency.p95"] == pytest.approx([0.91])
    histogram.record(5.0)
    second = collected(reader)
    assert second["latency.count"] == [4, 1]
    assert second["latency.mean"][1] == pytest.approx(5.0)
    assert collected(reader) == second
    assert {series.key.name: series.key.unit for series in reader.store.series()} == {
        "latency.count": "", "latency.mean": "s", "latency.p50": "s", "latency.p95": "s",
    }  # fmt: skip


def test_observable_instruments_are_read(reader, meter):
    """
    Observable gauges, counters and up-down counters, and plain up-down counters, are series as their plain kin.
    """
    seen = [10.0]
    meter.create_observable_gauge("temperature", [lambda _: [Observation(seen[0])]])
    meter.create_observable_counter("reads", [lambda _: [Observation(int(seen[0]), {"disk": "a"})]])
    meter.create_observable_up_down_counter("threads", [lambda _: [Observation(int(seen[0]))]])
    plain = meter.create_up_down_counter("jobs")
    plain.add(2)
    collected(reader)
    seen[0] = 14.0
    plain.add(1)
    collected(reader)
    found = collected(reader)
    assert found["temperature"] == [10, 14]
    assert found["threads"] == [10, 14]
    assert found["jobs"] == [2, 3]
    rates = next(series for series in reader.store.series() if series.key.name == "reads")
    assert (
        rates.values[-2] == pytest.approx(4 / ((rates.times[-1 - 1] - rates.times[-3]) / 1e9))
        if len(rates) > 2
        else len(rates)
    )
    assert rates.values[-1] == 0


def test_exponential_histograms_have_no_quantiles(reader):
    """
    An exponential histogram gives count and mean, and does not stop the others.
    """
    views = [View(instrument_name="sizes", aggregation=ExponentialBucketHistogramAggregation())]
    provider = MeterProvider([reader], views=views, shutdown_on_exit=False)
    meter = provider.get_meter("program")
    for value in (100, 300):
        meter.create_histogram("sizes", "By").record(value)
    meter.create_gauge("after").set(1)
    assert collected(reader) == {"sizes.count": [2], "sizes.mean": [200], "after": [1]}


def test_a_histogram_without_buckets_has_no_quantiles(reader):
    """
    A view that takes the buckets away leaves count and mean.
    """
    views = [View(instrument_name="sizes", aggregation=ExplicitBucketHistogramAggregation(boundaries=[]))]
    provider = MeterProvider([reader], views=views, shutdown_on_exit=False)
    provider.get_meter("program").create_histogram("sizes").record(3)
    assert collected(reader) == {"sizes.count": [1], "sizes.mean": [3]}


def test_our_own_meter_is_skipped(reader, provider):
    """
    What record_metric published on the same provider is in the recorder already and not read a second time.
    """
    writer = recorder(None, meter_provider=provider)
    put(writer, "m", 1.0, {"suite": "a"})
    provider.get_meter(SCOPE).create_gauge("bookkeeping").set(3)
    provider.get_meter("program").create_gauge("theirs").set(4)
    assert collected(reader) == {"theirs": [4]}


def test_what_is_recorded_is_seen_by_every_other_reader():
    """
    Another reader of the provider has the newest value of each series and when it was recorded, and nothing before.
    """
    memory = InMemoryMetricReader()
    provider = MeterProvider([memory], shutdown_on_exit=False)
    one = recorder(None, meter_provider=provider)
    two = recorder(None, meter_provider=provider)
    put(one, "Build Time", 1.0, {"suite": "a", "commit": "c1"}, unit="s", at=100)
    put(one, "Build Time", 2.0, {"suite": "a", "commit": "c2"}, unit="s", at=200)
    put(two, "Build Time", 3.0, {"suite": "b"}, unit="s", at=300.5)
    put(two, "Build Time", 9.0, {"suite": "b"}, unit="s", at=250)  # came late: not the newest
    metrics = [
        m
        for s in memory.get_metrics_data().resource_metrics[0].scope_metrics
        if s.scope.name == SCOPE
        for m in s.metrics
    ]
    found = {m.name: {p.attributes["suite"]: p.value for p in m.data.data_points} for m in metrics if "build" in m.name}
    units = {m.name: m.unit for m in metrics}
    assert found == {"build_time": {"a": 2.0, "b": 3.0}, "build_time.last_recorded_timestamp": {"a": 200.0, "b": 300.5}}
    assert (units["build_time"], units["build_time.last_recorded_timestamp"]) == ("s", "s")
    provider.shutdown()


@pytest.mark.parametrize("at_exit", [True, False])
def test_a_reader_in_the_constructors_list_is_found(reader, at_exit):
    """
    A reader that the program put into its provider is the one that is used, on every version.
    """
    provider = MeterProvider([InMemoryMetricReader(), reader], shutdown_on_exit=False)
    assert attached_reader(provider) is reader
    assert attach_reader(provider) is reader
    provider.get_meter("program").create_gauge("g").set(1)
    assert collected(reader) == {"g": [1]}
    provider.shutdown()


def test_a_provider_without_our_reader():
    """
    From SDK 1.43 on a reader is added, once; an older SDK gives an error that shows the constructor's line.
    """
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    assert attached_reader(provider) is None
    if ADDS_READERS:
        added = attach_reader(provider)
        assert added is not None
        assert attach_reader(provider) is added
        assert attached_reader(provider) is added
        provider.get_meter("program").create_gauge("g").set(1)
        assert collected(added) == {"g": [1]}
    else:
        with pytest.raises(
            ConfigurationError, match=r"MeterProvider\(metric_readers=\[SeriesMetricReader\(\)"
        ) as caught:
            attach_reader(provider)
        assert "from autonomous_dev.recording import SeriesMetricReader" in str(caught.value)
        assert "opentelemetry-sdk>=1.43" in str(caught.value)
        assert isinstance(caught.value, RuntimeError)
    provider.shutdown()


def test_a_provider_that_is_dropped_is_not_kept():
    """
    The registry of readers and gauges keeps no provider alive.
    """
    import gc

    provider = MeterProvider([SeriesMetricReader()], shutdown_on_exit=False)
    attach_reader(provider)
    put(recorder(None, meter_provider=provider), "m", 1)
    before = len(_state.readers), len(_state.gauges)
    provider.shutdown()
    del provider
    gc.collect()
    assert len(_state.gauges) <= before[1]


@pytest.mark.parametrize("nothing", [NoOpMeterProvider(), None, object()], ids=lambda value: type(value).__name__)
def test_what_is_no_sdk_provider_takes_no_reader(nothing):
    """
    The API's own provider, and anything else, has and gets no reader.
    """
    assert attached_reader(nothing) is None
    assert attach_reader(nothing) is None


def test_a_disabled_sdk_takes_no_reader(tmp_path):
    """
    Under OTEL_SDK_DISABLED nothing is attached, and the file alone gives what was recorded.
    """
    told = run_child(
        f"""
        sys.path.insert(0, {HERE!r})
        from pathlib import Path
        from opentelemetry.sdk.metrics import MeterProvider
        from autonomous_dev.recording import attach_reader
        from journal_files import put, recorder, values
        provider = MeterProvider(shutdown_on_exit=False)
        metrics.set_meter_provider(provider)
        writer = recorder(Path({str(tmp_path / "m.jsonl")!r}), meter_provider=None)
        put(writer, "m", 1, {{"suite": "a"}})
        tell([attach_reader(provider) is None, values(writer)])
        """,
        OTEL_SDK_DISABLED="true",
    )
    assert told == [True, [1]]


def test_a_callback_that_raises_is_logged_and_stops_nothing(reader, meter, caplog):
    """
    A failing callback of the program's costs its own instrument only, and is in the log.
    """

    def fail(_):
        raise RuntimeError("mine")

    meter.create_observable_gauge("broken", [fail])
    meter.create_gauge("fine").set(1)
    with caplog.at_level(logging.WARNING):
        assert collected(reader) == {"fine": [1]}
    assert caplog.records


def test_a_collection_that_raises_is_logged(reader, provider, monkeypatch, caplog):
    """
    When the SDK's collection itself raises, the program does not, and what was read before stays.
    """
    provider.get_meter("program").create_gauge("g").set(1)
    collected(reader)

    def fail(*_, **__):
        raise TimeoutError("the deadline passed")

    monkeypatch.setattr(reader, "_collect", fail)
    with caplog.at_level(logging.WARNING, "autonomous_dev"):
        assert collected(reader) == {"g": [1]}
    assert "could not all be collected" in caplog.text


def test_a_collection_of_an_unknown_shape_is_logged(reader, caplog):
    """
    Data that cannot be read is in the log and raises nothing.
    """
    with caplog.at_level(logging.WARNING, "autonomous_dev"):
        reader._receive_metrics(object())
    assert "could not be read" in caplog.text


def test_a_reader_without_a_provider_collects_nothing(reader):
    """
    Before it belongs to a provider a reader is silent.
    """
    assert collected(reader) == {}


def test_values_that_are_not_finite_are_no_samples(reader, meter):
    """
    NaN and infinities, which older SDKs let through, are left out.
    """
    values = [math.nan, math.inf, 2.0]
    meter.create_observable_gauge("g", [lambda _: [Observation(values[0])]])
    found = {}
    while values:
        found = collected(reader)
        values.pop(0)
        if not values:
            break
    assert found == {"g": [2.0]}


def test_what_is_kept_is_bounded():
    """
    Beyond its limits the reader drops, and counts what it dropped.
    """
    reader = SeriesMetricReader(limits=Limits(samples_per_series=10, series=5, samples=1000))
    provider = MeterProvider([reader], shutdown_on_exit=False)
    gauge = provider.get_meter("program").create_gauge("g")
    for i in range(8):
        gauge.set(i, {"k": str(i)})
    assert len(collected(reader)) == 5
    for i in range(30):
        gauge.set(i + 0.5, {"k": "0"})
        collected(reader)
    assert collected(reader)["g{k=0}"] == [i + 0.5 for i in range(20, 30)]
    assert reader.store.dropped_series >= 3
    assert reader.store.dropped_samples == 21
    assert len(reader._last) <= 5
    provider.shutdown()


def test_the_last_values_are_taken_in_at_shutdown(reader, provider):
    """
    The provider does not collect before it shuts down: the reader does.
    """
    provider.get_meter("program").create_gauge("g").set(4)
    reader.shutdown()
    assert [series.values.tolist() for series in reader.store.series()] == [[4]]


def test_a_forked_child_goes_on_reading():
    """
    In a forked child the reader collects, though another thread of the parent held its lock at the fork.
    """
    told = run_child("""
        import signal, threading
        from opentelemetry.sdk.metrics import MeterProvider
        from autonomous_dev.recording import SeriesMetricReader
        reader = SeriesMetricReader()
        provider = MeterProvider([reader], shutdown_on_exit=False)
        gauge = provider.get_meter("program").create_gauge("g")
        gauge.set(1)
        reader.collect_quietly()
        held, done = threading.Event(), threading.Event()
        def hold():
            with reader.store._lock:
                held.set()
                done.wait()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        child = os.fork()
        if not child:
            signal.alarm(20)
            gauge.set(2)
            reader.collect_quietly()
            assert [s.values.tolist() for s in reader.store.series()] == [[1, 2]]
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        done.set()
        thread.join()
        tell(status)
    """)
    assert told == 0


def test_many_threads_may_collect(reader, provider, meter):
    """
    Collections from several threads while values are set lose no error and double no value.
    """
    import threading

    gauge = meter.create_gauge("g")
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            reader.collect_quietly()

    threads = [threading.Thread(target=collect) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(200):
        gauge.set(i)
    wait_for(lambda: reader.store.appended > 0)
    stop.set()
    for thread in threads:
        thread.join()
    found = collected(reader)["g"]
    assert found[-1] == 199
    assert set(found) <= set(range(200))


@pytest.mark.skipif(
    not hasattr(MeterProvider, "add_metric_reader"), reason="readers are given to the constructor there"
)
def test_threads_that_attach_at_once_share_one_reader():
    """
    Of several threads that find no reader, one adds it.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(40):
            provider, start, got = MeterProvider(shutdown_on_exit=False), threading.Barrier(4), set()

            def attach(provider=provider, start=start, got=got):
                start.wait(10)
                got.add(attach_reader(provider))

            threads = [threading.Thread(target=attach) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert len(got) == 1
    finally:
        sys.setswitchinterval(interval)
