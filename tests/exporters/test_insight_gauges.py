"""
Insights on the page: counted, ranked, bounded, evaluated only when samples came, kept when the engine fails.
"""

from __future__ import annotations

import threading
import urllib.request
from dataclasses import replace

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from autonomous_dev import MetricsTracker, _state, conventions
from autonomous_dev.learning import Direction, Evidence, LearningInsight, Severity, Since, Status
from autonomous_dev.recording import SeriesMetricReader
from autonomous_dev_exporters._insight_gauges import MAX_INSIGHTS, MAX_KINDS, InsightBoard, InsightGauges
from autonomous_dev_exporters.prometheus import PageReader, serve
from children import run_child


def insight(name, *, category="performance", severity=Severity.WARNING, confidence=0.9, since=1_700_000_000.0):
    """
    An insight about metric *name*.
    """
    evidence = Evidence(
        metric=name, identity={}, unit="s", before=1.0, after=2.0, effect=1.0, interval=(0.5, 1.5),
        since=Since(time=since, index=3, index_range=(3, 4)), samples_before=3, samples_after=4,
    )  # fmt: skip
    return LearningInsight(
        category, f"{name} got worse", confidence, direction=Direction.WORSE, severity=severity, evidence=evidence,
        kind="change_point", id=f"id-{name}",
    )  # fmt: skip


class Source:
    """
    A tracker whose answers the test decides.
    """

    def __init__(self, *insights):
        self.insights = insights
        self.samples = 1
        self.asked = 0
        self.evaluated = threading.Semaphore(0)

    def sample_count(self):
        return self.samples

    def flush_instruments(self):
        pass

    def generate_insights(self):
        self.asked += 1
        self.evaluated.release()
        if isinstance(self.insights, Exception):
            raise self.insights
        return list(self.insights)


@pytest.fixture
def shown():
    """
    Gauges on a provider of their own, and what they report: value by metric name and attributes.
    """
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    gauges = InsightGauges(provider.get_meter(conventions.SCOPE))

    def report(name):
        data = reader.get_metrics_data()
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        return {
            tuple(sorted(dict(point.attributes).items())): point.value
            for metric in metrics
            if metric.name == name
            for point in metric.data.data_points
        }

    yield gauges, report
    provider.shutdown()


def kind(category, severity):
    """
    Attributes of a count of insights.
    """
    return ((conventions.INSIGHT_CATEGORY, category), (conventions.INSIGHT_SEVERITY, severity))


def none_of(*severities):
    """
    What is reported of severities that nothing ever had, once there was a look.
    """
    return {((conventions.INSIGHT_SEVERITY, severity),): 0 for severity in severities}


def test_open_insights_are_counted_by_category_and_severity(shown):
    """
    A kind that was open once is 0 when it is over.
    """
    gauges, report = shown
    source = Source(insight("a"), insight("b"), insight("c", category="cache", severity=Severity.CRITICAL))
    board = InsightBoard(source)
    gauges.show(board)
    board.refresh()
    assert report(conventions.INSIGHTS) == {kind("performance", "warning"): 2, kind("cache", "critical"): 1} | none_of(
        "info"
    )

    source.insights, source.samples = (insight("a"),), 2
    board.refresh()
    assert report(conventions.INSIGHTS) == {kind("performance", "warning"): 1, kind("cache", "critical"): 0} | none_of(
        "info"
    )


def test_what_is_over_or_unconfirmed_is_not_open(shown):
    """
    Neither what is resolved nor what the next run may take back is counted, or has a confidence and a time.
    """
    gauges, report = shown
    over = replace(insight("over"), status=Status.RESOLVED)
    maybe = replace(insight("maybe", severity=Severity.INFO), kind="unconfirmed")
    board = InsightBoard(Source(over, maybe, insight("a")))
    gauges.show(board)
    board.refresh()
    assert report(conventions.INSIGHTS) == {kind("performance", "warning"): 1} | none_of("info", "critical")
    for name in (conventions.INSIGHT_CONFIDENCE, conventions.INSIGHT_SINCE):
        assert {dict(attributes)[conventions.METRIC_NAME] for attributes in report(name)} == {"a"}


def test_nothing_found_is_not_nothing_judged(shown):
    """
    Before the first look there is no count; after one that found nothing there are zeros.
    """
    gauges, report = shown
    board = InsightBoard(Source())
    gauges.show(board)
    assert report(conventions.INSIGHTS) == {}
    board.refresh()
    assert report(conventions.INSIGHTS) == none_of("info", "warning", "critical")


def test_the_operation_of_an_insight_is_named(shown):
    """
    An insight about one of our own series says whose it is; a user's own identity is no label here.
    """
    gauges, report = shown
    one = insight("autonomous_dev.call.duration.mean")
    identity = {conventions.OPERATION: "load", "suite": "unit"}
    board = InsightBoard(Source(replace(one, evidence=replace(one.evidence, identity=identity))))
    gauges.show(board)
    board.refresh()
    ((attributes, _),) = report(conventions.INSIGHT_CONFIDENCE).items()
    assert dict(attributes)[conventions.OPERATION] == "load"
    assert "suite" not in dict(attributes)


def test_each_insight_has_its_confidence_and_its_time(shown):
    """
    By metric name, id, category and severity; an insight of a user's, without evidence, has no time.
    """
    gauges, report = shown
    board = InsightBoard(
        Source(insight("a", confidence=0.75, since=1_700_000_123.5), LearningInsight("mine", "x", 0.5))
    )
    gauges.show(board)
    board.refresh()

    attributes = tuple(
        sorted(
            {
                conventions.METRIC_NAME: "a",
                conventions.INSIGHT_ID: "id-a",
                conventions.INSIGHT_CATEGORY: "performance",
                conventions.INSIGHT_SEVERITY: "warning",
            }.items()
        )
    )
    assert report(conventions.INSIGHT_SINCE) == {attributes: 1_700_000_123.5}
    assert report(conventions.INSIGHT_CONFIDENCE)[attributes] == 0.75
    assert sorted(report(conventions.INSIGHT_CONFIDENCE).values()) == [0.5, 0.75]


def test_what_is_shown_is_bounded_to_the_most_important(shown):
    """
    The first hundred have gauges of their own, categories beyond a bound are summed; all are counted.
    """
    gauges, report = shown
    many = [insight(f"m{n}", category=f"c{n}") for n in range(MAX_KINDS + 50)]
    board = InsightBoard(Source(*many))
    gauges.show(board)
    board.refresh()

    names = {dict(attributes)[conventions.METRIC_NAME] for attributes in report(conventions.INSIGHT_CONFIDENCE)}
    assert names == {f"m{n}" for n in range(MAX_INSIGHTS)}
    counts = report(conventions.INSIGHTS)
    assert counts[kind("_other", "warning")] == 50
    assert sum(counts.values()) == len(many)


def test_nothing_is_evaluated_until_samples_came():
    """
    The engine is asked once for the same samples, and again for more.
    """
    source = Source()
    board = InsightBoard(source)
    board.refresh()
    board.refresh()
    assert source.asked == 1

    source.samples = 2
    board.refresh()
    assert source.asked == 2


def test_when_the_engine_fails_the_last_insights_stay(shown, caplog):
    """
    The failure counter rises, the log has one traceback, and the next evaluation is tried for the same samples.
    """
    gauges, report = shown
    source = Source(insight("a"))
    board = InsightBoard(source)
    gauges.show(board)
    board.refresh()
    source.insights, source.samples = ValueError("broken"), 2
    board.refresh()
    board.refresh()

    assert report(conventions.INSIGHTS) == {kind("performance", "warning"): 1} | none_of("info", "critical")
    assert report(conventions.INSIGHT_FAILURES) == {(): 2}
    assert len(caplog.records) == 1

    source.insights = ()
    board.refresh()
    assert report(conventions.INSIGHTS) == {kind("performance", "warning"): 0} | none_of("info", "critical")


def test_failures_stay_counted_when_a_board_goes(shown):
    """
    A counter never falls: what a closed endpoint had counted is kept.
    """
    gauges, report = shown
    source = Source()
    source.insights = ValueError("broken")
    board = InsightBoard(source)
    gauges.show(board)
    board.refresh()
    gauges.hide(board)

    assert report(conventions.INSIGHT_FAILURES) == {(): 1}
    assert report(conventions.INSIGHTS) == {}


def test_a_scrape_evaluates_nothing():
    """
    Insights come from the thread that serve starts, soon after it starts and at its interval; scrapes read.
    """
    provider = MeterProvider(metric_readers=[PageReader()], shutdown_on_exit=False)
    source = Source(insight("a"))
    with serve(0, tracker=source, meter_provider=provider, insight_seconds=3600.0) as server:
        assert source.evaluated.acquire(timeout=10)
        source.samples = 2
        for _ in range(3):
            with urllib.request.urlopen(server.url, timeout=10) as answer:
                page = answer.read().decode()
        assert source.asked == 1
    provider.shutdown()

    assert "autonomous_dev_insights{" in page


def test_the_thread_evaluates_at_its_interval_and_ends_with_the_server():
    """
    New samples are judged without a scrape; after close nobody asks any more.
    """
    provider = MeterProvider(metric_readers=[PageReader()], shutdown_on_exit=False)
    source = Source()
    with serve(0, tracker=source, meter_provider=provider, insight_seconds=0.005):
        assert source.evaluated.acquire(timeout=10)
        source.samples = 2
        assert source.evaluated.acquire(timeout=10)
    source.samples = 3
    provider.shutdown()

    assert not any(thread.name == "autonomous_dev insights" for thread in threading.enumerate())
    assert source.asked == 2
    assert not _state.composition.servers


def test_a_closed_endpoint_shows_its_insights_no_more():
    """
    Served again, an insight is counted once; what the parent served is not on the page of a forked child.
    """
    told = run_child("""
        from autonomous_dev import MetricsTracker
        from autonomous_dev.learning import LearningInsight
        from autonomous_dev_exporters.prometheus import serve
        class Tracker(MetricsTracker):
            def generate_insights(self):
                return [LearningInsight("mine", "x", 0.5)]
        def count(server):
            series = 'autonomous_dev_insights{autonomous_dev_insight_category="mine",autonomous_dev_insight_severity="info"}'
            return until(lambda: values(scrape(server)).get(series))
        tracker = Tracker()
        with serve(0, tracker=tracker) as server:
            counts = [count(server)]
        server = serve(0, tracker=tracker)
        counts.append(count(server))
        back, out = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                with serve(0, tracker=tracker) as own:
                    os.write(out, json.dumps(count(own)).encode())
                os._exit(0)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        tell([*counts, json.loads(os.read(back, 1000))])
    """)

    assert told == [1.0, 1.0, 1.0]


def test_a_real_tracker_is_judged():
    """
    Ten values that rise from run to run give an insight on the page of the tracker's provider.
    """
    reader = PageReader()
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    tracker = MetricsTracker(meter_provider=provider)
    for n in range(10):
        tracker.record_metric("test_duration", 10.0 + n, timestamp=1_700_000_000.0 + 3600 * n)
    board = InsightBoard(tracker)
    gauges = InsightGauges(provider.get_meter(conventions.SCOPE))
    gauges.show(board)
    board.refresh()
    provider.shutdown()

    assert board.failures == 0
    assert "test_duration" in {found.evidence.metric for found in board.insights if found.evidence}


def test_what_other_instruments_report_is_judged_after_a_quiet_time():
    """
    A gauge of the program's own that stood still for a while is judged again when it moves.
    """
    provider = MeterProvider(metric_readers=[SeriesMetricReader()], shutdown_on_exit=False)
    jobs = provider.get_meter("app").create_up_down_counter("jobs")
    judged = []

    class Tracker(MetricsTracker):
        def generate_insights(self):
            judged.append(len(self.get_metrics("jobs")))
            return []

    board = InsightBoard(Tracker(meter_provider=provider))
    jobs.add(1)
    for _ in range(4):
        board.refresh()
    jobs.add(1)
    board.refresh()
    provider.shutdown()

    assert judged == [1, 2]
