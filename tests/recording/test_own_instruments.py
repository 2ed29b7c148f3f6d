"""
What profilers and caches measured reaches the journal by itself, once, and is read back as series.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from journal_files import put, recorder, values

from autonomous_dev.conventions import RUN_ID
from autonomous_dev.errors import StorageError
from autonomous_dev.performance import PerformanceProfiler, SimpleCache
from autonomous_dev.recording import Recorder, Run
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
