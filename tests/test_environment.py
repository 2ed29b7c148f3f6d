"""
What the ``OTEL_*`` variables ask for is there after ``configure()``, or the error names the variable and the way out.
"""

from __future__ import annotations

import pytest

from children import run_child
from entry_points import exported, exports, install
from real_programs import free_port

CALLS = """
from opentelemetry import trace
from autonomous_dev import PerformanceProfiler, configure
configure()
for _ in range(3):
    with PerformanceProfiler("work", attributes={"one": 1, "two": 2}):
        pass
"""
"""A program of the user's that knows nothing of OpenTelemetry but what its environment says."""

REFUSED = """
import threading
from opentelemetry import trace
from autonomous_dev import configure
from autonomous_dev.errors import ConfigurationError
try:
    configure()
    message = "not refused"
except ConfigurationError as error:
    message = str(error)
os.environ.pop("OTEL_PYTHON_METER_PROVIDER", None)  # which the API would look for, too
unset = [type(metrics.get_meter_provider()).__name__, type(trace.get_tracer_provider()).__name__]
tell([message, unset, [thread.name for thread in threading.enumerate() if thread.name != "MainThread"]])
"""
"""Tells the message, that neither provider is set, and that no thread is left."""


@pytest.fixture
def environment(tmp_path):
    """The variables with which a child has our exporters, ``lines`` among them."""
    return install(tmp_path)


def test_spans_go_where_the_environment_says_with_its_resource(environment):
    """
    One line, and the spans of profilers are at the exporter when the program has ended, with service and attributes.
    """
    run_child(
        CALLS,
        **environment,
        OTEL_TRACES_EXPORTER="lines",
        OTEL_SERVICE_NAME="shop",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test,team=a",
        OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="otel,process",
    )

    spans = exported(environment, "spans")
    assert [span["name"] for span in spans] == ["work"] * 3
    resource = spans[0]["resource"]
    assert (resource["service.name"], resource["team"]) == ("shop", "a")
    assert resource["process.pid"] == str(spans[0]["pid"])


@pytest.mark.parametrize("value", ["", "none", " none "])
def test_without_an_exporter_there_is_no_tracer_provider(environment, value):
    """
    Where spans go nowhere none are made, and no thread runs for them.
    """
    told = run_child(
        CALLS + "import threading\ntell([type(trace.get_tracer_provider()).__name__, threading.active_count()])",
        **environment,
        OTEL_TRACES_EXPORTER=value,
    )

    assert told == ["ProxyTracerProvider", 1]


def test_several_exporters_each_get_everything(environment):
    """
    A comma list names several; one that is named twice is there once.
    """
    told = run_child(
        CALLS + "trace.get_tracer_provider().force_flush()\ntell(1)",
        **environment,
        OTEL_TRACES_EXPORTER="lines, lines ,otlp",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
    )

    assert told == 1
    assert len(exported(environment, "spans")) == 6


@pytest.mark.parametrize(
    ("sampler", "argument", "spans"),
    [("always_off", "", 0), ("parentbased_traceidratio", "0.0", 0), ("on_or_off", "off", 0), ("on_or_off", "on", 3)],
)
def test_the_sampler_of_the_environment_decides(environment, sampler, argument, spans):
    """
    Samplers of the SDK and those that a package installs are both used, with their argument.
    """
    variables = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    run_child(CALLS, **environment, OTEL_TRACES_EXPORTER="lines", **variables)

    assert len(exported(environment, "spans")) == spans


def test_limits_batches_and_ids_of_the_environment_hold(environment):
    """
    ``OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT``, ``OTEL_BSP_MAX_EXPORT_BATCH_SIZE`` and ``OTEL_PYTHON_ID_GENERATOR`` are honoured.
    """
    run_child(
        "import logging\nlogging.disable(logging.CRITICAL)  # the SDK says what it drops\n" + CALLS,
        **environment,
        OTEL_TRACES_EXPORTER="lines",
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="1",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1",
        OTEL_PYTHON_ID_GENERATOR="seven",
    )

    assert exports(environment, "spans") == [1, 1, 1]
    assert {(span["trace"], span["dropped"]) for span in exported(environment, "spans")} == {(7, 2)}


def test_metrics_go_where_the_environment_says(environment):
    """
    ``OTEL_METRICS_EXPORTER`` gets the durations at the end of the program, and exemplars as the filter says.
    """
    run_child(
        CALLS,
        **environment,
        OTEL_METRICS_EXPORTER="lines,autonomous_dev",
        OTEL_METRICS_EXEMPLAR_FILTER="always_on",
        OTEL_SERVICE_NAME="shop",
    )

    found = {metric["name"]: metric for metric in exported(environment, "metrics")}
    durations = found["autonomous_dev.call.duration"]
    assert [point["count"] for point in durations["points"]] == [3]
    assert durations["points"][0]["exemplars"] > 0
    assert durations["resource"]["service.name"] == "shop"


def test_the_export_interval_of_the_environment_holds(environment):
    """
    With ``OTEL_METRIC_EXPORT_INTERVAL`` metrics are exported while the program runs.
    """
    wait = "until(lambda: Path(os.environ['EXPORTED']).exists())\ntell('exported')"

    told = run_child(CALLS + wait, **environment, OTEL_METRICS_EXPORTER="lines", OTEL_METRIC_EXPORT_INTERVAL="20")

    assert told == "exported"


def test_prometheus_in_the_environment_is_our_page(environment):
    """
    ``prometheus`` serves at the host and port of the environment; a port that is passed comes first.
    """
    port = str(free_port())
    code = """
        from autonomous_dev import PerformanceProfiler, configure
        server = configure(prometheus_port={port}).server
        assert configure().server is server
        with PerformanceProfiler("work"):
            pass
        tell([server.host, server.port, values(scrape(server))])
    """
    variables = {
        "OTEL_METRICS_EXPORTER": "prometheus,lines",
        "OTEL_EXPORTER_PROMETHEUS_HOST": "localhost",
        "OTEL_EXPORTER_PROMETHEUS_PORT": port,
    }

    told = run_child(code.format(port="None"), **environment, **variables)
    passed = run_child(code.format(port="0"), **environment, **variables)

    assert told[:2] == ["localhost", int(port)]
    assert passed[1] != int(port)
    count = 'autonomous_dev_call_duration_seconds_count{autonomous_dev_operation_name="work"}'
    assert (told[2][count], passed[2][count]) == (1.0, 1.0)
    assert len({metric["pid"] for metric in exported(environment, "metrics")}) == 2


def test_a_page_that_is_owed_is_served_by_the_next_call(environment):
    """
    While the port of the environment is taken, each call says so; once it is free, the page is there.
    """
    told = run_child(
        """
        import socket
        from autonomous_dev import configure
        from autonomous_dev.errors import ServeError
        def refused():
            try:
                configure()
            except ServeError:
                return True
            return False
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            os.environ["OTEL_EXPORTER_PROMETHEUS_PORT"] = str(port)
            tries = [refused(), refused()]
        server = configure().server
        tell([tries, server.port == port, configure().server is server])
        """,
        **environment,
        OTEL_METRICS_EXPORTER="prometheus",
    )

    assert told == [[True, True], True, True]


def test_a_prometheus_page_of_the_applications_own_provider_is_left_to_it(environment):
    """
    Where the application has a MeterProvider, no page is made because of the environment.
    """
    told = run_child(
        """
        from opentelemetry.sdk.metrics import MeterProvider
        from autonomous_dev.recording import SeriesMetricReader
        metrics.set_meter_provider(MeterProvider(metric_readers=[SeriesMetricReader()]))
        from autonomous_dev import configure
        tell(configure().server is None)
        """,
        **environment,
        OTEL_METRICS_EXPORTER="prometheus",
    )

    assert told


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, ("OTEL_TRACES_EXPORTER='zipkin'", "console", "lines", "pip install opentelemetry-exporter-zipkin")),
        ({"OTEL_METRICS_EXPORTER": "console,statsd"}, ("OTEL_METRICS_EXPORTER='console,statsd'", "'statsd' is not installed", "console", "lines")),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, ("pip install opentelemetry-exporter-otlp-proto-grpc",)),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "carrier pigeon"}, ("OTEL_EXPORTER_OTLP_PROTOCOL='carrier pigeon'", "grpc or http/protobuf")),
        ({"OTEL_TRACES_EXPORTER": "broken"}, ("OTEL_TRACES_EXPORTER='broken'", "lines_for_tests.missing", "cannot be imported")),
        ({"OTEL_TRACES_EXPORTER": "factory"}, ("OTEL_TRACES_EXPORTER='factory'", "a class that is a SpanExporter")),
        ({"OTEL_TRACES_EXPORTER": "lines", "OTEL_TRACES_SAMPLER": "coin"}, ("OTEL_TRACES_SAMPLER='coin'", "always_on", "on_or_off")),
        ({"OTEL_TRACES_EXPORTER": "lines", "OTEL_PYTHON_ID_GENERATOR": "eight"}, ("OTEL_PYTHON_ID_GENERATOR='eight'", "random", "seven")),
        ({"OTEL_TRACES_EXPORTER": "lines", "OTEL_BSP_MAX_QUEUE_SIZE": "0"}, ("OTEL_BSP_MAX_QUEUE_SIZE='0'", "positive")),
        ({"OTEL_TRACES_EXPORTER": "lines", "OTEL_SPAN_EVENT_COUNT_LIMIT": "-1"}, ("OTEL_SPAN_EVENT_COUNT_LIMIT='-1'",)),
        ({"OTEL_TRACES_EXPORTER": "lines", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "-1"}, ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT='-1'",)),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "-1"}, ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT='-1'",)),
        ({"OTEL_METRICS_EXEMPLAR_FILTER": "foo"}, ("OTEL_METRICS_EXEMPLAR_FILTER='foo'",)),
        ({"OTEL_METRICS_EXEMPLAR_FILTER": "foo", "OTEL_METRICS_EXPORTER": "lines", "OTEL_TRACES_EXPORTER": "lines"}, ("OTEL_METRICS_EXEMPLAR_FILTER='foo'",)),
        ({"OTEL_METRICS_EXPORTER": "lines", "OTEL_METRIC_EXPORT_INTERVAL": "0"}, ("OTEL_METRIC_EXPORT_INTERVAL='0'",)),
        ({"OTEL_METRICS_EXPORTER": "refusing", "OTEL_EXPORTER_OTLP_HEADERS": "key=secret"}, ("OTEL_METRICS_EXPORTER='refusing'", "no compression of that kind", "OTEL_EXPORTER_OTLP_HEADERS (not shown)")),
        ({"OTEL_PYTHON_METER_PROVIDER": "nobodys"}, ("OTEL_PYTHON_METER_PROVIDER='nobodys'", "sdk_meter_provider")),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_an_error_that_names_the_variable(environment, variables, named):
    """
    The message has variable, value, what is installed and what to do; no provider is set and no thread runs on.
    """
    message, providers, threads = run_child(REFUSED, **environment, **variables)

    assert [part for part in named if part not in message] == [], message
    assert "secret" not in message
    assert threads == []
    assert providers == ["_ProxyMeterProvider", "ProxyTracerProvider"]


def test_a_port_that_is_none_is_an_error_that_names_the_variable(environment):
    """
    ``OTEL_EXPORTER_PROMETHEUS_PORT`` must be a port.
    """
    variables = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": "http"}

    message, _, _ = run_child(REFUSED, **environment, **variables)

    assert message.startswith("OTEL_EXPORTER_PROMETHEUS_PORT='http'")


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_an_otlp_endpoint_alone_means_otlp(environment, variable):
    """
    An endpoint in the environment says where spans go; the exporter that is installed is taken.
    """
    run_child(CALLS, **environment, **{variable: "http://127.0.0.1:1"})

    assert len(exported(environment, "spans")) == 3


def test_an_exporter_that_is_named_beats_the_endpoint(environment):
    """
    With ``OTEL_TRACES_EXPORTER=none`` an endpoint that is there for others gets nothing.
    """
    run_child(
        CALLS, **environment, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:1", OTEL_TRACES_EXPORTER="none"
    )

    assert exported(environment, "spans") == []


def test_the_provider_of_the_environment_is_made_with_readers_and_exporters(environment):
    """
    ``OTEL_PYTHON_METER_PROVIDER`` and ``OTEL_PYTHON_TRACER_PROVIDER`` name the classes that are made.
    """
    told = run_child(
        CALLS + "tell([type(p).__name__ for p in (metrics.get_meter_provider(), trace.get_tracer_provider())])",
        **environment,
        OTEL_PYTHON_METER_PROVIDER="own",
        OTEL_PYTHON_TRACER_PROVIDER="own",
        OTEL_METRICS_EXPORTER="lines",
        OTEL_TRACES_EXPORTER="lines",
    )

    assert told == ["OwnMeterProvider", "OwnTracerProvider"]
    assert len(exported(environment, "spans")) == 3
    assert exported(environment, "metrics")


def test_a_provider_of_the_environment_that_is_no_sdks_is_used_as_it_is(environment):
    """
    ``OTEL_PYTHON_METER_PROVIDER=default_meter_provider`` is the API's no-op: it stays, and recording goes on.
    """
    told = run_child(
        "import logging\nlogging.disable(logging.CRITICAL)\n"
        + CALLS
        + "tell(type(metrics.get_meter_provider()).__name__)",
        **environment,
        OTEL_PYTHON_METER_PROVIDER="default_meter_provider",
    )

    assert told == "NoOpMeterProvider"


def test_switched_off_nothing_is_looked_for(environment):
    """
    With ``OTEL_SDK_DISABLED=true`` exporters that are not installed are no error, and neither provider is made.
    """
    message, providers, threads = run_child(
        REFUSED,
        **environment,
        OTEL_SDK_DISABLED="True ",
        OTEL_TRACES_EXPORTER="zipkin",
        OTEL_METRICS_EXPORTER="prometheus",
    )

    assert message == "not refused"
    assert providers == ["_ProxyMeterProvider", "ProxyTracerProvider"]
    assert threads == []


CONFIG = """
file_format: "1.0"
resource: {attributes: [{name: service.name, value: from_the_file}]}
tracer_provider: {processors: [{batch: {exporter: {console: {}}}}]}
"""


def test_a_configuration_file_builds_what_it_describes(environment, tmp_path):
    """
    With ``OTEL_CONFIG_FILE`` the package for it builds the providers; variables that name exporters do not count, and
    our reader is in a MeterProvider, be it one that we made.
    """
    pytest.importorskip("opentelemetry.configuration", reason="pip install opentelemetry-configuration")
    (tmp_path / "otel.yaml").write_text(CONFIG)
    told = run_child(
        CALLS
        + """
from autonomous_dev.recording import attached_reader
provider = trace.get_tracer_provider()
tell([provider.resource.attributes["service.name"], attached_reader(metrics.get_meter_provider()) is not None])
""",
        **environment,
        OTEL_CONFIG_FILE=str(tmp_path / "otel.yaml"),
        OTEL_TRACES_EXPORTER="lines",
        OTEL_METRICS_EXPORTER="not_installed",
    )

    assert told == ["from_the_file", True]
    assert exported(environment, "spans") == []


def test_a_configuration_file_that_is_not_there_is_named(environment):
    """
    What the package for ``OTEL_CONFIG_FILE`` refuses is an error that names the variable and the file.
    """
    pytest.importorskip("opentelemetry.configuration", reason="pip install opentelemetry-configuration")
    quiet = "import logging\nlogging.disable(logging.CRITICAL)\n"

    message, _, _ = run_child(quiet + REFUSED, **environment, OTEL_CONFIG_FILE="/nowhere/otel.yaml")

    assert message.count("OTEL_CONFIG_FILE='/nowhere/otel.yaml'") == 2


def test_a_configuration_file_without_its_package_says_what_to_install(environment):
    """
    ``OTEL_CONFIG_FILE`` needs a package; where it is missing the error names it.
    """
    hidden = "import sys\nsys.modules['opentelemetry.configuration'] = None\n"

    message, _, _ = run_child(hidden + REFUSED, **environment, OTEL_CONFIG_FILE="/etc/otel.yaml")

    assert "OTEL_CONFIG_FILE='/etc/otel.yaml'" in message
    assert "pip install opentelemetry-configuration" in message
