"""
The split of metadata into identity and context: decided once per metric, for every process that shares the journal.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from journal_files import put, recorder, split

from autonomous_dev.conventions import EVENT_SPLIT, METADATA_KEY, METADATA_ROLE, METRIC_NAME
from autonomous_dev.recording import Recorder, Role, Split
from autonomous_dev.recording._split import CONTEXT_KEYS, IDENTITY_KEYS, MAX_IDENTITY_VALUES, rule
from children import run_child

HERE = str(Path(__file__).parent)


def keys_of(writer: Recorder, name: str = "m") -> list[tuple[list[str], list[str]]]:
    """
    Identity keys and context keys (without the run) of each series of *name*.
    """
    return [
        ([key for key, _ in s.key.identity], [key for key, _ in s.contexts[0] if key != "autonomous_dev.run.id"])
        for s in writer.series(name)
    ]


def decisions(path: Path) -> list[tuple[object, object, object]]:
    """
    The decisions in the journal: metric, key, role.
    """
    reader = recorder(path, read_only=True)
    return [
        tuple(e.attributes[k] for k in (METRIC_NAME, METADATA_KEY, METADATA_ROLE)) for e in reader.events(EVENT_SPLIT)
    ]


@pytest.mark.parametrize("key", sorted(IDENTITY_KEYS))
def test_known_identity_keys(key):
    """
    The keys that always tell series apart do, even with values that look like a hash.
    """
    assert rule(key, "9f2c1ab4") is Role.IDENTITY


@pytest.mark.parametrize("key", sorted(CONTEXT_KEYS))
def test_known_context_keys(key):
    """
    The keys that describe a run never tell series apart.
    """
    assert rule(key, "plain") is Role.CONTEXT


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("change", "9f2c1ab"), ("change", "9F2C1AB4"), ("id", "0f" * 20), ("id", "0f" * 32), ("id", "123e4567-e89b-12d3-a456-426614174000"),
        ("when", "2026-11-24"), ("when", "2026-11-24T12:30:00Z"), ("when", "2026-11-24 12:30"), ("started_at", "x"), ("build.date", "x"),
        ("start_time", 5), ("job-timestamp", "x"), ("Time", "x"),
    ],
)  # fmt: skip
def test_look_alikes_are_context(key, value):
    """
    Values that look like hashes, UUIDs or dates, and keys that end like a time, are context.
    """
    assert rule(key, value) is Role.CONTEXT


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shard", "3"), ("shard", 3), ("python", "3.11"), ("region", "eu-central-1"), ("team", "facade"), ("team", "deadbeef"), ("what", "9f2c1a"),
        ("sometime", "x"), ("format", "2026"), ("n", 1234567), ("flag", True), ("parts", ("9f2c1ab", "x")),
    ],
)  # fmt: skip
def test_other_keys_are_identity(key, value):
    """
    A key that nothing speaks against tells series apart: words of hexadecimal letters are words.
    """
    assert rule(key, value) is Role.IDENTITY


@pytest.mark.parametrize("where", ["file", "memory"])
def test_fifty_values_are_series_and_more_are_not(tmp_path, where):
    """
    A key makes 50 series; from the 51st value on it is context, and the 50 series go on.
    """
    writer = recorder(tmp_path / "m.jsonl" if where == "file" else None)
    for i in range(MAX_IDENTITY_VALUES):
        put(writer, "m", i, {"shard": f"s{i}"})
    assert len(writer.series("m")) == 50
    for i in range(50, 60):
        put(writer, "m", i, {"shard": f"s{i}"})
    put(writer, "m", 99, {"shard": "s7"})
    put(writer, "m", 100, {"shard": "s55"})
    series = {dict(s.key.identity).get("shard"): s for s in writer.series("m")}
    assert len(series) == 51
    assert series["s7"].values.tolist() == [7, 99]
    assert series[None].values.tolist() == [*range(50, 60), 100]
    assert series[None].column("shard")[0] == "s50"
    # Another metric, and keys that are always identity, have their own count.
    put(writer, "other", 1, {"shard": "s55"})
    assert keys_of(writer, "other") == [(["shard"], [])]
    for i in range(60):
        put(writer, "suites", i, {"suite": f"s{i}"})
    assert len(writer.series("suites")) == 60
    if where == "file":
        assert [d[2] for d in decisions(tmp_path / "m.jsonl") if d[:2] == ("m", "shard")] == ["identity", "overflowed"]


def test_an_overflow_holds_in_the_next_process(tmp_path):
    """
    A recorder that comes later knows the 50 series, keeps them, and makes no 51st.
    """
    path = tmp_path / "m.jsonl"
    first = recorder(path)
    for i in range(51):
        put(first, "m", i, {"shard": f"s{i}"})
    later = recorder(path)
    put(later, "m", 200, {"shard": "s7"})
    put(later, "m", 201, {"shard": "new"})
    series = {dict(s.key.identity).get("shard"): sorted(s.values.tolist()) for s in later.series("m")}
    assert len(series) == 51
    assert series["s7"] == [7, 200]
    assert series[None] == [50, 201]


def test_values_of_earlier_processes_count(tmp_path):
    """
    A metric that got 30 values from one process and 30 others from the next has 50 series.
    """
    path = tmp_path / "m.jsonl"
    for process in range(2):
        writer = recorder(path)
        for i in range(30):
            put(writer, "m", i, {"shard": f"{process}-{i}"})
    assert len(writer.series("m")) == 51


def test_a_decision_is_written_once_per_metric(tmp_path):
    """
    Each key of each metric is decided in the journal once, by whichever recorder comes first.
    """
    path = tmp_path / "m.jsonl"
    one, two = recorder(path), recorder(path)
    for writer in (one, two, recorder(path)):
        for _ in range(3):
            put(writer, "m", 1, {"suite": "a", "commit": "c", "shard": "1"})
            put(writer, "n", 1, {"shard": "1"})
    assert sorted(decisions(path)) == [
        ("m", "commit", "context"), ("m", "shard", "identity"), ("m", "suite", "identity"), ("n", "shard", "identity"),
    ]  # fmt: skip


def test_a_decision_is_taken_over_by_another_process(tmp_path):
    """
    A value that looks otherwise to a later process does not change what a key is to the metric.
    """
    path = tmp_path / "m.jsonl"
    put(recorder(path), "m", 1, {"label": "9f2c1ab"})
    told = run_child(f"""
        sys.path.insert(0, {HERE!r})
        from pathlib import Path
        from journal_files import put, recorder
        put(recorder(Path({str(path)!r})), "m", 2, {{"label": "plain"}})
        tell(None)
    """)
    assert told is None
    assert keys_of(recorder(path)) == [([], ["label"])]


def test_a_decision_is_taken_over_by_a_process_that_runs_already(tmp_path):
    """
    A recorder that has recorded other metrics before takes over what is decided for a metric meanwhile.
    """
    path = tmp_path / "m.jsonl"
    early = recorder(path)
    put(early, "other", 1, {"label": "plain"})
    put(recorder(path), "m", 1, {"label": "9f2c1ab"})
    put(early, "m", 2, {"label": "plain"})
    assert keys_of(early) == [([], ["label"])]


def test_threads_decide_after_what_the_journal_holds(tmp_path, monkeypatch):
    """
    While one thread takes over what other processes decided, another one does not decide without it.
    """
    path = tmp_path / "m.jsonl"
    put(recorder(path), "m", 1, {"label": "9f2c1ab"})
    writer = recorder(path)
    learning, go_on = threading.Event(), threading.Event()
    learn = writer._split.learn

    def slowly(decision):
        learning.set()
        assert go_on.wait(20)
        learn(decision)

    monkeypatch.setattr(writer._split, "learn", slowly)
    threads = [threading.Thread(target=put, args=(writer, "m", i, {"label": f"plain{i}"})) for i in (2, 3)]
    threads[0].start()
    assert learning.wait(20)
    threads[1].start()
    threads[1].join(0.2)  # it has to wait for the first
    go_on.set()
    for thread in threads:
        thread.join()
    assert keys_of(writer) == [([], ["label"])]
    assert len(writer.series()[0]) == 3


def test_an_overflow_without_known_values_takes_no_new_ones():
    """
    A key that overflowed elsewhere is context for values whose series are not held here.
    """
    learned = Split()
    learned.learn({METRIC_NAME: "m", METADATA_KEY: "k", METADATA_ROLE: "overflowed"})
    learned.count("m", (("k", "known"),))
    assert learned.divide("m", (("k", "new"),)) == ((), (("k", "new"),), {})
    assert learned.divide("m", (("k", "known"),)) == ((("k", "known"),), (), {})


def test_what_the_user_said_wins(tmp_path):
    """
    identity= makes exactly those keys identity, known ones and look-alikes too, without a limit; it is written down.
    """
    path = tmp_path / "m.jsonl"
    writer = recorder(path, split=split("commit"))
    for i in range(60):
        put(writer, "m", i, {"commit": f"{i:07x}", "suite": "a", "shard": "1"})
    assert len(writer.series("m")) == 60
    assert keys_of(writer)[0] == (["commit"], ["shard", "suite"])
    assert sorted(decisions(path)) == [
        ("m", "commit", "identity"),
        ("m", "shard", "context"),
        ("m", "suite", "context"),
    ]


def test_an_empty_identity_makes_everything_context(tmp_path):
    """
    identity=[] makes one series of a metric.
    """
    writer = recorder(None, split=split())
    put(writer, "m", 1, {"suite": "a"})
    put(writer, "m", 2, {"suite": "b"})
    assert keys_of(writer) == [([], ["suite"])]


def test_the_policy_of_one_metric_wins_over_what_was_said_for_all():
    """
    Identity for a single metric goes before identity for every metric, and leaves the other metrics alone.
    """
    writer = recorder(None, split=Split(["suite"], {"m": ["runner"]}))
    for name in ("m", "n"):
        put(writer, name, 1, {"suite": "a", "runner": "r"})
    assert keys_of(writer, "m") == [(["runner"], ["suite"])]
    assert keys_of(writer, "n") == [(["suite"], ["runner"])]
    only = recorder(None, split=Split(None, {"m": ["runner"]}))
    for name in ("m", "n"):
        put(only, name, 1, {"suite": "a", "runner": "r"})
    assert keys_of(only, "n") == [(["suite"], ["runner"])]


def test_what_was_said_anew_is_written_anew(tmp_path):
    """
    When the user says another identity than the journal holds, that is what holds from then on, for others too.
    """
    path = tmp_path / "m.jsonl"
    put(recorder(path), "m", 1, {"label": "plain"})
    put(recorder(path, split=split()), "m", 2, {"label": "plain"})
    put(recorder(path), "m", 3, {"label": "plain"})
    assert [d[2] for d in decisions(path)] == ["identity", "context"]
    assert [s.values.tolist() for s in recorder(path).series()] == [[1], [2, 3]]


def test_a_decision_that_cannot_be_read_is_passed_over():
    """
    Events of another shape change nothing.
    """
    learned = Split()
    for decision in (
        {},
        {METRIC_NAME: "m"},
        {METRIC_NAME: "m", METADATA_KEY: "k", METADATA_ROLE: "x"},
        {METRIC_NAME: 5, METADATA_KEY: "k", METADATA_ROLE: "context"},
    ):
        learned.learn(decision)
    assert learned.divide("m", (("k", "v"),))[0] == (("k", "v"),)


def test_the_context_of_a_run_is_what_never_tells_series_apart():
    """
    Of a run's metadata only context keys describe what profilers and caches measured in it.
    """
    assert Recorder.context_of({"suite": "a", "commit": "c", "shard": "1", "when": "2026-11-24"}) == (
        ("commit", "c"), ("when", "2026-11-24"),
    )  # fmt: skip
