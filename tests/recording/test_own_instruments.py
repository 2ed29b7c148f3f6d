"""
What profilers and caches measured reaches the journal by itself, once, and is read back as series.
"""

from __future__ import annotations

import gc
import math
from pathlib import Path
from typing import Any

import pytest
from journal_files import put, recorder, values

from autonomous_dev import _state
from autonomous_dev.conventions import DROP_EXAMPLES, DURATION_BOUNDS, RUN_ID
from autonomous_dev.errors import StorageError
from autonomous_dev.performance import PerformanceProfiler, SimpleCache
from autonomous_dev.recording import Recorder, Run
from autonomous_dev.recording._own_instruments import MAX_LINE
from autonomous_dev.recording._statistics import histogram_samples
from children import run_child

HERE = str(Path(__file__).parent)


def work(calls: int, hits: int = 0, misses: int = 0) -> SimpleCache:
    """
    Profile *calls* blocks and look a cache up.
    """
    for _ in range(calls):
        with PerformanceProfiler("load"):
            pass
    cache = SimpleCache(max_size=10, name="pages")
    cache.set("there", 1)
    for _ in range(hits):
        cache.get("there")
    for _ in range(misses):
        cache.get("missing")
    return cache


def series_of(writer: Recorder) -> dict[str, list[float]]:
    """
    Values by series.
    """
    return {str(series.key): series.values.tolist() for series in writer.series()}


@pytest.mark.parametrize("where", ["file", "memory"])
def test_they_are_read_back_as_series(tmp_path, where):
    """
    A flush becomes count, mean and quantiles of each operation, and lookups and hit ratio of each cache.
    """
    writer = recorder(tmp_path / "m.jsonl" if where == "file" else None)
    kept = work(4, hits=3, misses=1)
    writer.flush_instruments((("commit", "c1"),))
    kept.get("there")
    writer.flush_instruments((("commit", "c2"),))
    found = series_of(writer)
    operation, cache = "{autonomous_dev.operation.name=load}", "{autonomous_dev.cache.name=pages}"
    assert found[f"autonomous_dev.call.duration.count{operation}"] == [4]
    assert 0 < found[f"autonomous_dev.call.duration.mean{operation}"][0] < 0.1
    assert 0 < found[f"autonomous_dev.call.duration.p95{operation}"][0] < 0.1
    assert found[f"autonomous_dev.cache.lookups{cache}"] == [4, 1]
    assert found[f"autonomous_dev.cache.hit_ratio{cache}"] == [0.75, 1.0]
    ratio = writer.series("autonomous_dev.cache.hit_ratio")[0]
    assert ratio.column("commit") == ("c1", "c2")
    assert writer.totals().operations["load", ""][0] == 4
    assert writer.totals().lookups == {"pages": [4, 1]}


def test_an_interval_without_calls_writes_nothing(tmp_path):
    """
    A flush when nothing was called leaves the file as it is.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    writer.flush_instruments()
    assert path.read_bytes() == b""
    work(1)
    writer.flush_instruments()
    text = path.read_bytes()
    assert text.count(b"\n") == 1
    writer.flush_instruments()
    work(0)
    writer.flush_instruments()
    assert path.read_bytes() == text


def test_a_failed_call_is_its_own_histogram(tmp_path):
    """
    Calls that raised are counted by the kind of error, apart from the good ones.
    """
    writer = recorder(tmp_path / "m.jsonl")
    for error in (KeyError, None, KeyError):
        try:
            with PerformanceProfiler("load"):
                if error:
                    raise error
        except KeyError:
            pass
    writer.flush_instruments()
    found = series_of(writer)
    assert found["autonomous_dev.call.duration.count{autonomous_dev.operation.name=load}"] == [1]
    assert found["autonomous_dev.call.duration.count{autonomous_dev.operation.name=load, error.type=KeyError}"] == [2]


def test_two_recorders_on_one_path_do_not_double(tmp_path):
    """
    What was flushed by one recorder is not flushed by another one on the same file, by whatever path it is called.
    """
    path = tmp_path / "m.jsonl"
    (tmp_path / "folder").mkdir()
    one, two = recorder(path), recorder(tmp_path / "folder" / ".." / "m.jsonl")
    work(3)
    one.flush_instruments()
    two.flush_instruments()
    work(2)
    two.flush_instruments()
    one.flush_instruments()
    counts = next(v for k, v in series_of(one).items() if "duration.count" in k)
    assert counts == [3, 2]
    other = recorder(tmp_path / "other.jsonl")
    other.flush_instruments()
    assert next(v for k, v in series_of(other).items() if "duration.count" in k) == [5]


def test_what_could_not_be_written_comes_with_the_next_flush(tmp_path, monkeypatch):
    """
    A failing flush raises and loses nothing.
    """
    writer = recorder(tmp_path / "m.jsonl")
    work(3)

    def fail(_: bytes) -> None:
        raise StorageError(28, "full", "m.jsonl")

    with monkeypatch.context() as patch:
        patch.setattr(writer._log._writer, "append", fail)
        with pytest.raises(StorageError):
            writer.flush_instruments()
    work(1)
    writer.flush_instruments()
    assert next(v for k, v in series_of(writer).items() if "duration.count" in k) == [4]


def test_a_recorder_that_only_reads_flushes_nothing(tmp_path):
    """
    Reading a file leaves its bytes, whatever was measured.
    """
    path = tmp_path / "m.jsonl"
    put(recorder(path), "m", 1)
    text = path.read_bytes()
    work(3)
    recorder(path, read_only=True).flush_instruments()
    assert path.read_bytes() == text


def test_a_flush_names_the_run(tmp_path):
    """
    A flush of an iteration belongs to that iteration's run.
    """
    writer = recorder(tmp_path / "m.jsonl")
    run = Run()
    writer.record("m", 1.0, None, None, None, run)
    work(1)
    writer.flush_instruments((), run)
    runs = {dict(series.contexts[0])[RUN_ID] for series in writer.series()}
    assert runs == {dict(run.context)[RUN_ID]}


def test_after_one_record_there_is_one_sample(tmp_path):
    """
    Our bookkeeping is never a sample: neither in the file nor in memory nor beside a provider that collects.
    """
    from opentelemetry.sdk.metrics import MeterProvider

    from autonomous_dev.recording import SeriesMetricReader

    reader = SeriesMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    for path in (tmp_path / "m.jsonl", None):
        writer = recorder(path, meter_provider=provider)
        put(writer, "m", 1.0, {"suite": "a", "commit": "c"})
        writer.flush_instruments()
        reader.collect_quietly()
        assert [len(series) for series in writer.series()] == [1]
        assert reader.store.series() == []
        assert writer.sample_count() == 1
    provider.shutdown()


class Counted:
    """
    A cache as the state sees it.
    """

    def __init__(self, name: str, max_size: int | None = 50, **tallies: Any) -> None:
        self.counts = _state.CacheCounts(untold=tallies.pop("untold", frozenset()))
        self.max_size = max_size
        self.count(**tallies)
        _state.register_cache(name, self)

    def count(self, **tallies: Any) -> None:
        for name, value in tallies.items():
            setattr(self.counts, name, value)

    def size(self) -> int:
        return 0


@pytest.mark.parametrize("where", ["file", "memory"])
def test_a_cache_that_evicts_comes_with_what_a_larger_one_would_have_answered(tmp_path, where):
    """
    Each interval has the capacity and, by factor, the hit ratio of a larger cache, from that interval alone.
    """
    writer = recorder(tmp_path / "m.jsonl" if where == "file" else None)
    cache = Counted("pages", hits=50, misses=50, evictions=10, saved=[10, 20, 30])
    roomy = Counted("roomy", hits=5, misses=5)
    writer.flush_instruments()
    cache.count(hits=60, misses=80, evictions=12, saved=[20, 30, 60])
    writer.flush_instruments()
    found = series_of(writer)
    name = "autonomous_dev.cache.name=pages"
    predicted = "autonomous_dev.cache.hit_ratio.predicted{autonomous_dev.cache.capacity_factor=%s, " + name + "}"
    assert found[f"autonomous_dev.cache.capacity{{{name}}}"] == [50, 50]
    assert found["autonomous_dev.cache.capacity{autonomous_dev.cache.name=roomy}"] == [50]
    assert found[predicted % 2] == [0.6, 0.5]
    assert found[predicted % 4] == [0.7, 0.5]
    assert found[predicted % 8] == [0.8, 1.0]
    assert found[f"autonomous_dev.cache.hit_ratio{{{name}}}"] == [0.5, 0.25]
    assert not [key for key in found if "predicted" in key and "roomy" in key]
    times = {tuple(s.times.tolist()) for s in writer.series() if "pages" in str(s.key)}
    assert len(times) == 1
    del roomy


def test_what_a_cache_cannot_tell_is_not_written(tmp_path):
    """
    Without a bound on its size there is no capacity, without an adviser no prediction.
    """
    untold = frozenset({"autonomous_dev.cache.hit_ratio.predicted"})
    cache = Counted("pages", None, hits=5, misses=5, evictions=2, untold=untold)
    writer = recorder(tmp_path / "m.jsonl")
    writer.flush_instruments()
    assert {key.partition("{")[0] for key in series_of(writer)} == {
        "autonomous_dev.cache.lookups", "autonomous_dev.cache.hit_ratio",
    }  # fmt: skip
    del cache


@pytest.mark.parametrize("where", ["file", "memory"])
def test_budgets_come_with_the_durations(tmp_path, where):
    """
    The budget of each operation that was called in the interval, as it was then.
    """
    writer = recorder(tmp_path / "m.jsonl" if where == "file" else None)
    _state.set_budget("load", 1.0)
    _state.set_budget("idle", 2.0)
    work(1)
    writer.flush_instruments()
    writer.flush_instruments()
    _state.set_budget("load", 0.5)
    work(1)
    writer.flush_instruments()
    found = {key: value for key, value in series_of(writer).items() if "budget" in key}
    assert found == {"autonomous_dev.call.budget{autonomous_dev.operation.name=load}": [1.0, 0.5]}


@pytest.mark.parametrize("where", ["file", "memory"])
def test_sized_calls_come_by_size_class(tmp_path, where):
    """
    The mean size and the mean duration of the calls of one interval, by power of two and declared complexity.
    """
    writer = recorder(tmp_path / "m.jsonl" if where == "file" else None)
    for size, seconds in ((4, 1.0), (7, 2.0), (8, 5.0)):
        _state.sized_operation("sort", "n log n").observe(size, seconds)
    _state.sized_operation("scan").observe(1, 0.5)
    writer.flush_instruments()
    _state.sized_operation("sort", "n log n").observe(6, 3.0)
    writer.flush_instruments()
    sort = "{autonomous_dev.operation.complexity=n log n, autonomous_dev.operation.name=sort, autonomous_dev.size.class=%d}"
    scan = "{autonomous_dev.operation.name=scan, autonomous_dev.size.class=1}"
    assert series_of(writer) == {
        f"autonomous_dev.sized_call.size{sort % 4}": [5.5, 6.0],
        f"autonomous_dev.sized_call.duration{sort % 4}": [1.5, 3.0],
        f"autonomous_dev.sized_call.size{sort % 8}": [8.0],
        f"autonomous_dev.sized_call.duration{sort % 8}": [5.0],
        f"autonomous_dev.sized_call.size{scan}": [1.0],
        f"autonomous_dev.sized_call.duration{scan}": [0.5],
    }


def test_what_the_bounds_refused_comes_when_it_grew(tmp_path, monkeypatch):
    """
    The number of refused names, some of them as context; nothing where none came.
    """
    monkeypatch.setattr(_state, "MAX_OPERATIONS", 0)
    writer = recorder(tmp_path / "m.jsonl")
    for name in ("a", "b"):
        _state.counted_operation(name)
    writer.flush_instruments((("commit", "c"),))
    writer.flush_instruments()
    _state.counted_operation("c")
    writer.flush_instruments()
    (dropped,) = writer.series("autonomous_dev.series.dropped")
    assert dropped.values.tolist() == [2, 3]
    assert dict(dropped.key.identity) == {
        "autonomous_dev.drop.reason": "cardinality", "autonomous_dev.operation.name": "_other",
    }  # fmt: skip
    assert dropped.column(DROP_EXAMPLES) == (("a", "b"), ("a", "b", "c"))
    assert dropped.column("commit") == ("c", None)


@pytest.mark.parametrize("odd", [math.inf, 1.7e308])
def test_an_infinite_duration_silences_no_operation(tmp_path, odd):
    """
    What came after it is read back, finite, interval by interval, and no line or point is damaged.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    counted = _state.counted_operation("load")
    sized = _state.sized_operation("load")
    for seconds in (0.2, odd, odd, 0.2, 0.2):
        _state.cells.observe(counted.first, DURATION_BOUNDS, seconds)
        sized.observe(3, seconds)
        writer.flush_instruments()
    reader = recorder(path)
    (counts,) = reader.series("autonomous_dev.call.duration.count")
    (p95,) = reader.series("autonomous_dev.call.duration.p95")
    assert counts.values.tolist() == [1] * 5
    assert p95.values[0] == pytest.approx(0.2)
    assert p95.values[3:] == pytest.approx([0.1, 0.1])
    assert all(math.isfinite(cell) for cell in reader.totals().operations["load", ""])
    assert reader.damaged_lines == 0
    assert "null" not in path.read_text()


def fill(operations: int, length: int = 200) -> None:
    """
    Count two calls of so many operations with long names.
    """
    for number in range(operations):
        counted = _state.counted_operation(f"{number}".ljust(length, "\u20ac"))
        for seconds in (0.1, 0.2):
            _state.cells.observe(counted.first, DURATION_BOUNDS, seconds)
        _state.set_budget(f"{number}".ljust(length, "\u20ac"), 1.0)


@pytest.mark.parametrize("context", [(), (("commit", "c" * 60_000),)])
def test_many_operations_take_several_lines(tmp_path, context):
    """
    No line reaches 1 MiB, whatever was called and whatever the context; all of it is there.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path)
    fill(2500)
    caches = [Counted(f"{n}" * 50, hits=1, misses=1, evictions=1, saved=[0, 0, 1]) for n in range(120)]
    writer.flush_instruments(context)
    lines = path.read_bytes().splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) < MAX_LINE
    totals = writer.totals()
    assert sum(cells[0] for cells in totals.operations.values()) == 5000
    assert len(totals.operations) == _state.MAX_OPERATIONS + 1
    assert len(totals.lookups) == len(caches)
    assert {tuple(counts) for counts in totals.lookups.values()} == {(1, 1)}
    counts = writer.series("autonomous_dev.call.duration.count")
    assert sum(float(series.values.sum()) for series in counts) == 5000
    text = path.read_bytes()
    writer.flush_instruments(context)
    assert path.read_bytes() == text


def test_a_flush_that_fails_half_way_goes_on_where_it_was(tmp_path, monkeypatch):
    """
    What reached the file in the lines before the failure is not written again, the rest is.
    """
    writer = recorder(tmp_path / "m.jsonl")
    fill(1000)
    append = writer._log._writer.append
    room = [2]

    def full_after_two(line: bytes) -> None:
        room[0] -= 1
        if room[0] < 0:
            raise StorageError(28, "full", "m.jsonl")
        append(line)

    with monkeypatch.context() as patch:
        patch.setattr(writer._log._writer, "append", full_after_two)
        with pytest.raises(StorageError):
            writer.flush_instruments()
    fill(1)
    writer.flush_instruments()
    totals = writer.totals().operations
    assert len(totals) == 1000
    assert sorted({cells[0] for cells in totals.values()}) == [2, 4]
    assert sum(cells[0] for cells in totals.values()) == 2002


def counts_in(path: Path) -> list[float]:
    """
    Calls in each interval of the journal at *path*.
    """
    found = recorder(path, read_only=True).series("autonomous_dev.call.duration.count")
    return found[0].values.tolist() if found else []


def test_a_journal_that_is_opened_again_gets_what_is_new(tmp_path):
    """
    A second tracker on a path whose first one is gone doubles nothing, and misses nothing.
    """
    path = tmp_path / "m.jsonl"
    work(3)
    recorder(path).flush_instruments()
    gc.collect()
    work(2)
    recorder(path).flush_instruments()
    assert counts_in(path) == [3, 2]


def test_of_many_closed_journals_only_the_newest_are_remembered(tmp_path, monkeypatch):
    """
    A program that opens one journal after the other does not grow: the older ones get what was measured and are let go.
    """
    monkeypatch.setattr(_state, "MAX_IDLE", 3)
    monkeypatch.setattr(_state, "exit_paths", set())
    monkeypatch.setattr(_state, "flushed", _state.Flushed())
    kept = recorder(tmp_path / "kept.jsonl")
    for number in range(10):
        writer = recorder(tmp_path / f"{number}.jsonl")
        work(1)
        writer.flush_instruments()
        del writer
        gc.collect()
    work(1)
    recorder(tmp_path / "last.jsonl")
    flushed = _state.flushed
    assert len(flushed._idle) <= 4
    assert len(flushed._up_to) <= 6
    assert len(_state.exit_paths) <= 6
    assert Path(kept._log.destination) in _state.exit_paths
    assert sum(counts_in(tmp_path / "0.jsonl")) >= 1
    before = counts_in(tmp_path / "0.jsonl")
    again = recorder(tmp_path / "0.jsonl")
    again.flush_instruments()
    assert counts_in(tmp_path / "0.jsonl") == before
    work(2)
    again.flush_instruments()
    # Recorders of tests have a clock of their own, so that the order is not that of time.
    assert sorted(counts_in(tmp_path / "0.jsonl")) == sorted([*before, 2])


def test_recording_says_what_it_costs(tmp_path, monkeypatch):
    """
    Samples, flushes and collections take time, which adds up by component and is no sample.
    """
    monkeypatch.setattr(_state, "_spent", {})
    monkeypatch.setattr(_state, "overhead_estimates", {})
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from autonomous_dev.recording import SeriesMetricReader

    ours, theirs = SeriesMetricReader(), InMemoryMetricReader()
    provider = MeterProvider([ours, theirs], shutdown_on_exit=False)
    writer = recorder(tmp_path / "m.jsonl", meter_provider=provider)
    put(writer, "m", 1.0)
    first = _state.overhead_seconds()["journal"]
    work(1)
    writer.flush_instruments()
    ours.collect_quietly()
    spent = _state.overhead_seconds()
    assert 0 < first < spent["journal"] < 1
    assert 0 < spent["reader"] < 1
    metrics = theirs.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    (metric,) = [metric for metric in metrics if metric.name == "autonomous_dev.overhead.duration"]
    assert (metric.unit, metric.data.is_monotonic) == ("s", True)
    assert {point.attributes["autonomous_dev.component"] for point in metric.data.data_points} == {"journal", "reader"}
    assert ours.store.series() == []
    provider.shutdown()


CHILD = f"""
    sys.path.insert(0, {HERE!r})
    from pathlib import Path
    from autonomous_dev.performance import PerformanceProfiler
    from journal_files import put, recorder
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ["JOURNAL"])
    writer = recorder(path, clock=time.time_ns)
    def call(times):
        for _ in range(times):
            with PerformanceProfiler("load"):
                pass
"""


def child(path: Path, code: str) -> object:
    """
    Run *code* in a process that has a recorder on *path* and may ``call``.
    """
    return run_child(CHILD + code, JOURNAL=str(path))


def counts_at(path: Path) -> list[float]:
    """
    Calls that the journal at *path* knows of, one number a flush, smallest first.
    """
    return values(recorder(path, read_only=True), "autonomous_dev.call.duration.count")


def test_at_exit_the_last_calls_reach_the_file(tmp_path):
    """
    A program that ends without another word has everything it measured in its journal.
    """
    path = tmp_path / "m.jsonl"
    child(path, """
    call(3)
    writer.flush_instruments()
    call(2)
    """)  # fmt: skip
    assert counts_at(path) == [2, 3]


def test_at_exit_a_removed_journal_is_not_made_again(tmp_path):
    """
    A program whose journal was removed leaves none behind, and ends without a word.
    """
    path = tmp_path / "m.jsonl"
    child(path, """
    call(2)
    path.unlink()
    """)  # fmt: skip
    assert not path.exists()


def test_at_exit_a_document_that_stands_there_instead_keeps_its_bytes(tmp_path):
    """
    At exit too, what is no journal is left alone: logged, not raised.
    """
    path = tmp_path / "m.jsonl"
    child(path, """
    import logging
    logging.getLogger("autonomous_dev").addHandler(logging.NullHandler())
    logging.getLogger("autonomous_dev").propagate = False
    call(2)
    path.unlink()
    path.write_text("mine")
    """)  # fmt: skip
    assert path.read_text() == "mine"


def test_a_forked_child_writes_only_what_it_measured(tmp_path):
    """
    After a fork the parent's calls are the parent's to write, the child's the child's, at exit too.
    """
    path = tmp_path / "m.jsonl"
    child(path, """
    call(4)
    pid = os.fork()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0
        call(1)
    else:
        call(2)
    """)  # fmt: skip
    assert counts_at(path) == [2, 5]


def test_at_exit_a_relative_path_is_where_it_was(tmp_path):
    """
    A program that changed its folder meanwhile flushes into the journal that it opened.
    """
    child(tmp_path / "unused.jsonl", f"""
    os.chdir({str(tmp_path)!r})
    relative = recorder(Path("relative.jsonl"), clock=time.time_ns)
    os.chdir("/")
    call(2)
    """)  # fmt: skip
    assert counts_at(tmp_path / "relative.jsonl") == [2]


def test_the_quantiles_of_one_call_are_its_duration():
    """
    Of one measurement the sum is known: no quantile is made of its bucket.
    """
    found = {name: value for name, _, value in histogram_samples("d", "s", (1, 0.11, 0, 1, 0), (0.1, 0.25))}
    assert found == {"d.count": 1.0, "d.mean": 0.11, "d.p50": 0.11, "d.p95": 0.11}


def test_no_quantile_is_above_the_largest_value_that_there_can_have_been():
    """
    The sum bounds the largest value, where the others were as small as their buckets let them be.
    """
    found = {name: value for name, _, value in histogram_samples("d", "s", (2, 0.22, 0, 2, 0), (0.1, 0.25))}
    assert found["d.p95"] == pytest.approx(0.12)
    assert found["d.p50"] == pytest.approx(0.12)
    negative = {name: value for name, _, value in histogram_samples("d", "Cel", (2, -3.0, 1, 1, 0), (0.1, 0.25))}
    assert negative["d.p95"] == pytest.approx(0.235)
