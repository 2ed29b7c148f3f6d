"""
The page of a journal: what a live process would show, of what no process is alive for.
"""

from __future__ import annotations

import subprocess
import time
import urllib.request

import pytest

from autonomous_dev import MetricsTracker
from autonomous_dev.errors import ConfigurationError, NotAJournalError, ServeError, StorageError
from autonomous_dev_exporters import prometheus
from autonomous_dev_exporters.prometheus import serve_storage
from children import run_child
from real_programs import require


def page(server):
    """
    The text of a server's page.
    """
    with urllib.request.urlopen(server.url, timeout=10) as answer:
        return answer.read().decode()


def values(text):
    """
    Of each sample the value, by name and labels; without the page's own target_info.
    """
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {series: float(value) for series, _, value in lines if not series.startswith("target_info")}


def until(condition):
    """
    What *condition* gives as soon as it is true; fails after twenty seconds.
    """
    deadline = time.monotonic() + 20
    while not (answer := condition()):
        assert time.monotonic() < deadline, "the deadline passed"
        time.sleep(0.01)
    return answer


LIVE = """
    from autonomous_dev import PerformanceProfiler, cached, configure
    c = configure(storage={journal!r}, prometheus_port=0)
    c.tracker.record_metric("test_duration", 12.5, {{"suite": "unit", "commit": "abc"}}, unit="s")
    c.tracker.record_metric("test_duration", 13.5, {{"suite": "unit", "commit": "def"}}, unit="s")
    c.tracker.record_metric("coverage", 0.0)
    c.tracker.record_metric("Hostile {{{{}}}} Name", 1.0, {{"key with space": 'a"b\\n'}})
    @cached(max_size=4)
    def double(n): return 2 * n
    for n in (1, 1, 2): double(n)
    for _ in range(3):
        with PerformanceProfiler("work"): pass
    try:
        with PerformanceProfiler("work"): raise KeyError("k")
    except KeyError: pass
    tell(scrape(c.server))
"""


def test_the_page_shows_what_the_live_one_showed(tmp_path):
    """
    Names, labels, units and values of recorded metrics, calls and lookups are those of the process that is gone.
    """
    journal = str(tmp_path / "j.jsonl")
    live = values(run_child(LIVE.format(journal=journal)))
    with serve_storage(journal, port=0) as server:
        recorded = values(page(server))

    wanted = ("test_duration", "coverage", "hostile", "autonomous_dev_call_duration", "autonomous_dev_cache_lookups")
    assert {k: v for k, v in live.items() if k.startswith(wanted)} == pytest.approx(
        {k: v for k, v in recorded.items() if k.startswith(wanted)}
    )
    assert any(k.startswith("autonomous_dev_call_duration_seconds_bucket") for k in recorded)


SAID = """
    from autonomous_dev import PerformanceProfiler, _state, cached, configure
    _state.MAX_OPERATIONS = 2
    c = configure(storage={journal!r}, prometheus_port=0)
    c.tracker.record_metric("build", 1.0)
    @cached(max_size=2)
    def double(n): return 2 * n
    for n in (1, 2, 3, 4) * 3: double(n)
    for name in ("a", "b", "user 1", "user 2"):
        with PerformanceProfiler(name, budget=0.5): pass
    tell(scrape(c.server))
"""


def test_the_page_shows_budgets_capacities_predictions_and_what_was_dropped(tmp_path):
    """
    What a process says of itself is there after its end, under the names, labels and types that it had.
    """
    journal = str(tmp_path / "j.jsonl")
    text = run_child(SAID.format(journal=journal))
    with serve_storage(journal, port=0) as server:
        recorded = page(server)

    wanted = tuple(
        f"autonomous_dev_{name}"
        for name in ("call_budget_seconds", "cache_capacity", "cache_hit_ratio_predicted", "series_dropped_total")
    )
    then, now = ({k: v for k, v in values(each).items() if k.startswith(wanted)} for each in (text, recorded))
    assert {next(name for name in wanted if key.startswith(name)) for key in now} == set(wanted)
    assert now == pytest.approx(then)
    assert [value for key, value in now.items() if 'drop_reason="cardinality"' in key] == [2.0]
    types = [{line for line in each.splitlines() if line.startswith("# TYPE")} for each in (text, recorded)]
    assert {line for line in types[0] if line.split()[2].startswith(wanted)} <= types[1]


def test_the_page_passes_promtool(tmp_path):
    """
    ``promtool check metrics`` finds nothing, hostile names and values included.
    """
    journal = str(tmp_path / "j.jsonl")
    run_child(LIVE.format(journal=journal))
    with serve_storage(journal, port=0) as server:
        text = page(server)
    checked = subprocess.run(
        [require("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False
    )

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_page_follows_the_file(tmp_path, monkeypatch):
    """
    What another process appends is on the page soon, and a file that was replaced takes the old series away.
    """
    monkeypatch.setattr(prometheus, "FOLLOW_SECONDS", 0.01)
    journal = tmp_path / "j.jsonl"
    MetricsTracker(journal).record_metric("build_time", 5.0, unit="s", timestamp=1_700_000_000.5)
    with serve_storage(journal, port=0) as server:
        first = page(server)
        assert "build_time_seconds{" in first
        assert "build_time_last_recorded_timestamp_seconds" in first

        MetricsTracker(journal).record_metric("build_time", 6.0, unit="s")
        until(lambda: 6.0 in values(page(server)).values())

        journal.rename(tmp_path / "old.jsonl")
        MetricsTracker(journal).record_metric("lint_errors", 7.0)
        until(lambda: "lint_errors{" in page(server))
        assert "build_time_seconds{" not in page(server)


def test_insights_of_the_file_are_on_the_page(tmp_path):
    """
    A level that doubled is an open insight, with its metric, confidence and time.
    """
    journal = tmp_path / "j.jsonl"
    tracker = MetricsTracker(journal)
    for n in range(30):
        value = (10.0 if n < 15 else 20.0) + (n * 7 % 5) * 0.1
        tracker.record_metric("test_duration", value, timestamp=1_700_000_000.0 + 3600 * n)
    with serve_storage(journal, port=0) as server:
        text = until(lambda: found if "autonomous_dev_insight_confidence{" in (found := page(server)) else "")

    since = {
        key: value for key, value in values(text).items() if key.startswith("autonomous_dev_insight_since_seconds")
    }
    assert 1_700_000_000.0 + 3600 * 15 in since.values()
    assert all('autonomous_dev_metric_name="test_duration"' in key for key in since)


def test_lines_that_cannot_be_read_are_counted(tmp_path):
    """
    A damaged line costs itself only, and the page says that there is one.
    """
    journal = tmp_path / "j.jsonl"
    MetricsTracker(journal).record_metric("build_time", 5.0)
    with journal.open("ab") as file:
        file.write(b"\x00 no line of ours\n")
    MetricsTracker(journal).record_metric("build_time", 6.0)
    with serve_storage(journal, port=0) as server:
        found = {series.partition("{")[0]: value for series, value in values(page(server)).items()}

    assert found["autonomous_dev_journal_damaged_lines_total"] == 1.0
    assert found["build_time"] == 6.0


def test_nothing_is_written(tmp_path):
    """
    Serving a file leaves it and its folder as they were.
    """
    journal = tmp_path / "j.jsonl"
    MetricsTracker(journal).record_metric("build_time", 5.0)
    before = journal.read_bytes()
    with serve_storage(journal, port=0) as server:
        page(server)

    assert journal.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["j.jsonl"]


def test_a_missing_or_foreign_file_is_an_error_and_nothing_is_made(tmp_path):
    """
    The file is named; no file appears; somebody's document is left alone.
    """
    with pytest.raises(StorageError, match=r"gone\.jsonl"):
        serve_storage(tmp_path / "gone.jsonl", port=0)
    foreign = tmp_path / "mine.json"
    foreign.write_text('{"mine": 1}\n')
    with pytest.raises(NotAJournalError, match=r"mine\.json"):
        serve_storage(foreign, port=0)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]
    assert foreign.read_text() == '{"mine": 1}\n'


def test_a_taken_port_is_an_error(tmp_path):
    """
    As for a live page; the message names the endpoint that has the port.
    """
    journal = tmp_path / "j.jsonl"
    MetricsTracker(journal).record_metric("build_time", 5.0)
    with serve_storage(journal, port=0) as server, pytest.raises(ServeError, match=server.url):
        serve_storage(journal, port=server.port)


def test_a_switched_off_sdk_is_said_and_not_served(tmp_path, monkeypatch):
    """
    An empty page would look like a file without samples.
    """
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with pytest.raises(ConfigurationError, match="OTEL_SDK_DISABLED=false"):
        serve_storage(tmp_path / "j.jsonl", port=0)
