"""
``configure()`` in each order and for each kind of provider, at both ends of OpenTelemetry's versions.
"""

from __future__ import annotations

from opentelemetry.sdk.metrics import MeterProvider

from children import run_child
from entry_points import exported, install

ADDS_READERS = hasattr(MeterProvider, "add_metric_reader")
"""SDK 1.43 and newer; an older one takes readers in the constructor only."""


def test_a_program_without_opentelemetry_gets_a_provider():
    """
    Where none is set, a MeterProvider with our reader is set for the whole program, and instruments made before it
    report.
    """
    told = run_child("""
        counter = metrics.get_meter("app").create_up_down_counter("jobs")
        from autonomous_dev import MetricsTracker, configure
        configure()
        counter.add(3)
        tell([type(metrics.get_meter_provider()).__module__, [m.value for m in MetricsTracker().get_metrics("jobs")]])
    """)

    assert told == ["opentelemetry.sdk.metrics._internal", [3.0]]


def test_the_applications_provider_is_used_and_not_replaced():
    """
    A provider that was set before stays; it gets our reader where the SDK can add one, else the error shows the
    one line to write.
    """
    told = run_child("""
        from opentelemetry.sdk.metrics import MeterProvider
        provider = MeterProvider()
        metrics.set_meter_provider(provider)
        from autonomous_dev import configure
        from autonomous_dev.errors import ConfigurationError
        from autonomous_dev.recording import attached_reader
        try:
            configure()
            error = ""
        except ConfigurationError as raised:
            error = str(raised)
        tell([metrics.get_meter_provider() is provider, attached_reader(provider) is not None, error])
    """)

    assert told[0]
    if ADDS_READERS:
        assert told[1:] == [True, ""]
    else:
        assert not told[1]
        assert "MeterProvider(metric_readers=[SeriesMetricReader()" in told[2]


def test_the_applications_provider_with_our_reader_works_on_every_sdk():
    """
    A provider that was made with SeriesMetricReader is joined as it is: no second reader.
    """
    told = run_child("""
        from opentelemetry.sdk.metrics import MeterProvider
        from autonomous_dev.recording import SeriesMetricReader, attached_reader
        reader = SeriesMetricReader()
        metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
        from autonomous_dev import MetricsTracker, configure
        configure()
        metrics.get_meter("app").create_up_down_counter("jobs").add(2)
        found = [m.value for m in MetricsTracker().get_metrics("jobs")]
        tell([attached_reader(metrics.get_meter_provider()) is reader, found])
    """)

    assert told == [True, [2.0]]


def test_a_provider_that_the_application_sets_later_is_refused_by_opentelemetry_not_by_us():
    """
    After ``configure()`` the provider stands: OpenTelemetry logs that it is not replaced, and ours goes on.
    """
    told = run_child("""
        import logging
        logging.disable(logging.CRITICAL)
        from opentelemetry.sdk.metrics import MeterProvider
        from autonomous_dev import MetricsTracker, configure
        configure()
        ours = metrics.get_meter_provider()
        later = MeterProvider()
        metrics.set_meter_provider(later)
        metrics.get_meter("app").create_up_down_counter("jobs").add(4)
        tell([metrics.get_meter_provider() is ours, [m.value for m in MetricsTracker().get_metrics("jobs")]])
    """)

    assert told == [True, [4.0]]


def test_a_provider_that_is_set_at_the_same_moment_wins():
    """
    Where another thread sets a provider while ours is being made, theirs is joined and ours is shut down.
    """
    told = run_child("""
        import logging
        logging.disable(logging.CRITICAL)
        from opentelemetry.sdk.metrics import MeterProvider
        from autonomous_dev import MetricsTracker, configure
        from autonomous_dev.recording import SeriesMetricReader
        theirs = MeterProvider(metric_readers=[SeriesMetricReader()])
        real, refused = metrics.set_meter_provider, []
        def later(provider):
            real(theirs)
            real(provider)
            refused.append(provider)
        metrics.set_meter_provider = later
        configure()
        metrics.get_meter("app").create_up_down_counter("jobs").add(6)
        found = [m.value for m in MetricsTracker().get_metrics("jobs")]
        shut = type(refused[0].get_meter("x")).__name__
        tell([metrics.get_meter_provider() is theirs, found, shut])
    """)

    assert told == [True, [6.0], "NoOpMeter"]


def test_switched_off_sdk_is_honoured_and_the_file_still_gets_what_is_recorded(tmp_path):
    """
    With ``OTEL_SDK_DISABLED=true`` no provider is made; ``record_metric`` writes its line all the same.
    """
    told = run_child(
        f"""
        from autonomous_dev import MetricsTracker, configure
        configuration = configure(storage={str(tmp_path / "j.jsonl")!r})
        configuration.tracker.record_metric("build_time", 2.5)
        kept = [m.value for m in MetricsTracker({str(tmp_path / "j.jsonl")!r}).get_metrics("build_time")]
        tell([type(metrics.get_meter_provider()).__name__, kept])
    """,
        OTEL_SDK_DISABLED="true",
    )

    assert told == ["_ProxyMeterProvider", [2.5]]


def test_an_applications_no_op_provider_stays_in_force(tmp_path):
    """
    A NoOpMeterProvider says "no telemetry": it is kept, and recording goes on.
    """
    told = run_child(f"""
        import logging
        logging.disable(logging.CRITICAL)
        metrics.set_meter_provider(metrics.NoOpMeterProvider())
        from autonomous_dev import configure
        tracker = configure(storage={str(tmp_path / "j.jsonl")!r}).tracker
        tracker.record_metric("build_time", 2.5)
        tell([type(metrics.get_meter_provider()).__name__, [m.value for m in tracker.get_metrics()]])
    """)

    assert told == ["NoOpMeterProvider", [2.5]]


def test_called_twice_with_the_same_values_it_changes_nothing(tmp_path):
    """
    The second call returns what the first one made: the same tracker, the same server, one thread.
    """
    told = run_child(f"""
        import threading
        from autonomous_dev import configure
        first = configure(storage={str(tmp_path / "j.jsonl")!r}, prometheus_port=0)
        second = configure(storage={str(tmp_path / "j.jsonl")!r}, prometheus_port=0)
        third = configure()
        threads = [thread.name for thread in threading.enumerate()]
        tell([first is second is third, threads.count("autonomous_dev flush")])
    """)

    assert told == [True, 1]


def test_called_again_it_adds_what_is_asked_for_anew(tmp_path):
    """
    A library's ``configure()`` does not stand in the way of the application's ``configure(storage=...)``.
    """
    told = run_child(f"""
        from autonomous_dev import configure
        first = configure()
        second = configure(storage={str(tmp_path / "j.jsonl")!r})
        third = configure(prometheus_port=0)
        tell([first.tracker is None, second.tracker is not None, third.tracker is second.tracker, third.server.port > 0])
    """)

    assert told == [True, True, True, True]


def test_another_name_of_the_same_file_is_the_same_file(tmp_path):
    """
    ``..`` and links are followed before a path is compared; links in a circle are an error that names the path.
    """
    (tmp_path / "other").symlink_to(tmp_path)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    told = run_child(f"""
        from autonomous_dev import configure
        from autonomous_dev.errors import StorageError
        os.chdir({str(tmp_path)!r})
        try:
            configure(storage="circle")
        except StorageError as error:
            named = "circle" in str(error)
        first = configure(storage="journal.jsonl")
        again = [configure(storage=f"../{{Path.cwd().name}}/journal.jsonl"), configure(storage="other/journal.jsonl")]
        tell([named, [each is first for each in again]])
    """)

    assert told == [True, [True, True]]


def test_other_values_are_an_error_that_names_both(tmp_path):
    """
    A second journal, policy or port by ``configure`` is refused, and the message says what to use instead.
    """
    told = run_child(f"""
        from autonomous_dev import configure
        from autonomous_dev.errors import ConfigurationError
        configure(storage={str(tmp_path / "one.jsonl")!r}, prometheus_port=0)
        messages = []
        for other in ({{"storage": {str(tmp_path / "two.jsonl")!r}}}, {{"prometheus_port": 9464}}, {{"policy": "p.yaml"}}):
            try:
                configure(**other)
            except ConfigurationError as error:
                messages.append(str(error))
        tell(messages)
    """)

    assert len(told) == 3
    assert "one.jsonl" in told[0]
    assert "two.jsonl" in told[0]
    assert "MetricsTracker(path)" in told[0]
    assert "9464" in told[1]
    assert "p.yaml" in told[2]


def test_a_taken_port_leaves_the_rest_in_force(tmp_path):
    """
    ServeError passes through; the tracker stays, and a second call takes another port.
    """
    told = run_child(f"""
        import socket
        from autonomous_dev import configure
        from autonomous_dev.errors import ServeError
        with socket.create_server(("127.0.0.1", 0)) as taken:
            try:
                configure(storage={str(tmp_path / "j.jsonl")!r}, prometheus_port=taken.getsockname()[1])
                message = ""
            except ServeError as error:
                message = str(error)
            configuration = configure(storage={str(tmp_path / "j.jsonl")!r}, prometheus_port=0)
        tell([message, "target_info" in scrape(configuration.server)])
    """)

    assert "another program listens there" in told[0]
    assert told[1]


def test_what_is_measured_reaches_the_file_by_itself(tmp_path):
    """
    With a storage, calls and lookups are flushed by the thread while the program runs, and the rest at its end.
    """
    journal = tmp_path / "j.jsonl"
    run_child(f"""
        from autonomous_dev import PerformanceProfiler, _configure, cached, configure
        _configure.FLUSH_SECONDS = 0.02
        configure(storage={str(journal)!r})
        @cached(max_size=8)
        def square(n): return n * n
        for n in (1, 2, 1, 1):
            square(n)
        for _ in range(3):
            with PerformanceProfiler("work"):
                pass
        until(lambda: b"autonomous_dev.call.duration" in Path({str(journal)!r}).read_bytes())
        with PerformanceProfiler("last"):
            pass
    """)
    told = run_child(f"""
        from autonomous_dev import MetricsTracker
        totals = MetricsTracker({str(journal)!r}, read_only=True).recorded_totals()
        tell([{{name: cells[0] for (name, _), cells in totals.operations.items()}}, list(totals.lookups.values())])
    """)

    assert told == [{"work": 3.0, "last": 1.0}, [[2, 2]]]


def test_a_forked_child_flushes_what_it_measured(tmp_path):
    """
    The thread runs again in a forked child, which writes its own calls and not the parent's once more.
    """
    journal = tmp_path / "j.jsonl"
    run_child(f"""
        from autonomous_dev import MetricsTracker, PerformanceProfiler, _configure, configure
        _configure.FLUSH_SECONDS = 0.02
        configure(storage={str(journal)!r})
        with PerformanceProfiler("parent"):
            pass
        until(lambda: b"parent" in Path({str(journal)!r}).read_bytes())
        child = os.fork()
        if child == 0:
            try:
                with PerformanceProfiler("child"):
                    pass
                until(lambda: b'"child"' in Path({str(journal)!r}).read_bytes())
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    """)
    told = run_child(f"""
        from autonomous_dev import MetricsTracker
        totals = MetricsTracker({str(journal)!r}, read_only=True).recorded_totals()
        tell({{name: cells[0] for (name, _), cells in totals.operations.items()}})
    """)

    assert told == {"parent": 1.0, "child": 1.0}


def test_a_policy_alone_makes_a_tracker_in_memory(tmp_path):
    """
    Thresholds can be judged without a file.
    """
    policy = tmp_path / "policy.yaml"
    policy.write_text("performance:\n  test_duration_max: 60\n")
    told = run_child(f"""
        from autonomous_dev import configure
        tracker = configure(policy={str(policy)!r}).tracker
        tell([tracker.storage_path, [t.metric for t in tracker.policy.thresholds]])
    """)

    assert told == [None, ["test_duration"]]


def test_a_wrong_policy_is_an_error_with_file_and_line(tmp_path):
    """
    PolicyError passes through and nothing is in force: the next call starts afresh.
    """
    policy = tmp_path / "policy.yaml"
    policy.write_text("performance:\n  test_duration_max: soon\n")
    told = run_child(f"""
        from autonomous_dev import configure
        from autonomous_dev.errors import PolicyError
        try:
            configure(policy={str(policy)!r})
            message = ""
        except PolicyError as error:
            message = str(error)
        tell([message, configure().tracker])
    """)

    assert told[0].startswith(f"{policy}:2")
    assert told[1] is None


def test_a_wrong_port_is_an_error_that_names_it():
    """
    What is no port is refused at once, with what was expected.
    """
    told = run_child("""
        from autonomous_dev import configure
        from autonomous_dev.errors import AutonomousDevError
        messages = []
        for value in ("9464", True, -1, 70000):
            try:
                configure(prometheus_port=value)
            except AutonomousDevError as error:
                messages.append(str(error))
        tell(messages)
    """)

    assert [message.partition(":")[0] for message in told] == [
        "port is '9464'",
        "port is True",
        "port is -1",
        "port is 70000",
    ]
    assert all("from 0 to 65535" in message for message in told)


def histograms(environment):
    """
    Each histogram that was exported, with its kind.
    """
    kinds = {metric["name"]: metric["data"] for metric in exported(environment, "metrics")}
    return {name: kind for name, kind in kinds.items() if kind.endswith("Histogram")}


def test_exponential_histograms_by_choice(tmp_path):
    """
    ``histogram="exponential"`` makes the durations of calls exponential, and nothing else; asked again it changes nothing.
    """
    environment = install(tmp_path)
    run_child(
        """
        from autonomous_dev import PerformanceProfiler, configure
        assert configure(histogram="exponential") is configure(histogram="exponential") is configure()
        with PerformanceProfiler("work"):
            pass
        metrics.get_meter("app").create_histogram("waiting", "s").record(1)
        """,
        **environment,
        OTEL_METRICS_EXPORTER="lines",
    )

    assert histograms(environment) == {"autonomous_dev.call.duration": "ExponentialHistogram", "waiting": "Histogram"}


def test_an_exponential_histogram_of_the_applications_provider_is_the_applications_to_ask_for(tmp_path):
    """
    Where the provider stands already, the error shows the view; with that view in it, the durations are exponential.
    """
    environment = install(tmp_path)
    told = run_child(
        """
        from lines_for_tests import Metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
        from autonomous_dev import PerformanceProfiler, configure
        from autonomous_dev.errors import ConfigurationError
        from autonomous_dev.recording import SeriesMetricReader
        class Made(MeterProvider):
            pass
        bare = metrics.get_meter_provider
        metrics.get_meter_provider = lambda: Made(metric_readers=[SeriesMetricReader()])
        try:
            configure(histogram="exponential")
        except ConfigurationError as error:
            message = str(error)
        metrics.get_meter_provider = bare
        line = message[message.index("View("):message.index("])")]
        readers = [SeriesMetricReader(), PeriodicExportingMetricReader(Metrics())]
        metrics.set_meter_provider(MeterProvider(metric_readers=readers, views=[eval(line)]))
        configure(histogram="explicit")
        with PerformanceProfiler("work"):
            pass
        tell(line)
        """,
        **environment,
    )

    assert told.startswith("View(")
    assert histograms(environment) == {"autonomous_dev.call.duration": "ExponentialHistogram"}


def test_spans_go_where_an_argument_says(tmp_path):
    """
    ``traces`` takes names or an exporter; it comes before the environment, and asked again it changes nothing.
    """
    environment = install(tmp_path)
    run_child(
        """
        from lines_for_tests import Spans
        from autonomous_dev import PerformanceProfiler, configure
        exporter = Spans()
        assert configure(traces=exporter) is configure(traces=exporter) is configure()
        with PerformanceProfiler("by object"):
            pass
        """,
        **environment,
        OTEL_TRACES_EXPORTER="lines",
    )
    run_child(
        """
        from autonomous_dev import PerformanceProfiler, configure
        configure()
        assert configure(traces="lines") is configure(traces="lines")
        with PerformanceProfiler("by name"):
            pass
        """,
        **environment,
    )

    assert [span["name"] for span in exported(environment, "spans")] == ["by object", "by name"]


def test_spans_are_added_to_the_applications_provider(tmp_path):
    """
    An application's TracerProvider stays, with its processors; what ``traces`` says is added. The environment's is not.
    """
    environment = install(tmp_path)
    told = run_child(
        """
        from lines_for_tests import Spans
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from autonomous_dev import PerformanceProfiler, configure
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(Spans()))
        trace.set_tracer_provider(provider)
        configure()
        with PerformanceProfiler("once"):
            pass
        configure(traces="lines")
        with PerformanceProfiler("twice"):
            pass
        tell(trace.get_tracer_provider() is provider)
        """,
        **environment,
        OTEL_TRACES_EXPORTER="lines",
    )

    assert told
    assert [span["name"] for span in exported(environment, "spans")] == ["once", "twice", "twice"]


def test_wrong_traces_and_histograms_are_refused():
    """
    What is no exporter, no kind of histogram, no SDK's provider or another value than before is an error that says so.
    """
    told = run_child("""
        from opentelemetry import trace
        from autonomous_dev import configure
        from autonomous_dev.errors import AutonomousDevError
        def refused(**arguments):
            try:
                configure(**arguments)
            except AutonomousDevError as error:
                return [type(error).__name__, str(error)]
        messages = [refused(traces=7), refused(histogram="log"), refused(traces="zipkin")]
        trace.set_tracer_provider(trace.NoOpTracerProvider())
        messages.append(refused(traces="console"))
        configure(histogram="exponential")
        messages.append(refused(histogram="explicit"))
        tell(messages)
    """)

    assert [kind for kind, _ in told] == ["InvalidTypeError", "InvalidValueError", *["ConfigurationError"] * 3]
    assert "expected a SpanExporter" in told[0][1]
    assert "'explicit' or 'exponential'" in told[1][1]
    assert "traces='zipkin': 'zipkin' is not installed" in told[2][1]
    assert "NoOpTracerProvider" in told[3][1]
    assert "'exponential'" in told[4][1]
