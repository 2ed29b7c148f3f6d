"""
The providers of logfire and ddtrace, the real packages, take the public road and get every span and duration.
"""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = """
    from autonomous_dev.performance.profiling._durations import durations_on
    from autonomous_dev.performance._instruments import road_on

    road, durations = road_on(None), durations_on(None)
    outer = road.open("outer", {"kind": "text"})
    inner = road.open("inner", {})
    durations.record(0.25, {"autonomous_dev.operation.name": "inner"})
    road.close(inner, KeyError("k"), "KeyError")
    road.close(outer, None, "")
    current = type(trace.get_current_span()).__name__
"""
PROGRAMS = {
    "logfire": """
    import json
    import logfire
    from opentelemetry import trace
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[SimpleSpanProcessor(exporter)],
        metrics=logfire.MetricsOptions(additional_readers=[reader]),
    )
    {blocks}
    spans = {{span.name: span for span in exporter.get_finished_spans() if span.end_time}}
    seen = {{name: [span.parent.span_id if span.parent else 0, span.attributes.get("error.type")]
            for name, span in spans.items()}}
    counts = [point.count for resource in reader.get_metrics_data().resource_metrics
              for scope in resource.scope_metrics for metric in scope.metrics
              if metric.name == "autonomous_dev.call.duration" for point in metric.data.data_points]
    print(json.dumps([road.name, road.reason, seen, spans["outer"].context.span_id, counts]))
    """,
    "ddtrace": """
    import json
    from ddtrace.opentelemetry import TracerProvider
    from ddtrace.trace import TraceFilter, tracer
    from opentelemetry import trace

    class Kept(TraceFilter):
        def process_trace(self, spans):
            kept.extend(spans)
            return None  # nothing goes to an agent

    kept = []
    tracer.configure(trace_processors=[Kept()])
    trace.set_tracer_provider(TracerProvider())
    {blocks}
    spans = {{span.resource: span for span in kept}}
    seen = {{name: [span.parent_id or 0, span.get_tag("error.type")] for name, span in spans.items()}}
    print(json.dumps([road.name, road.reason, seen, spans["outer"].span_id, []]))
    """,
}


def python_with(package: str) -> str:
    """
    The interpreter that has *package*, which brings a pytest plugin that the other tests should not have.
    """
    python = ROOT / ".venv-foreign" / "bin" / "python"
    if python.exists():
        found = subprocess.run(
            [python, "-c", f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"],
            check=False,
        )
        if found.returncode == 0:
            return str(python)
    reason = f"there is no environment with {package}; get it with: make foreign"
    if os.environ.get("REQUIRE_REAL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ("logfire", "provider logfire._internal.tracer.ProxyTracerProvider"),
        ("ddtrace", "provider ddtrace.internal.opentelemetry.trace.TracerProvider"),
    ],
)
def test_a_foreign_provider_takes_the_public_road(package, reason):
    """
    Spans nest, failures are on them, the context is put back; with logfire durations arrive, too.
    """
    python = python_with(package)
    program = textwrap.dedent(PROGRAMS[package].format(blocks=BLOCKS))
    child = subprocess.run(
        [python, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'exporters'}"},
    )

    assert child.returncode == 0, child.stderr
    road, why, spans, outer, counts = json.loads(child.stdout.splitlines()[-1])
    assert (road, why) == ("public", reason)
    assert spans["outer"] == [0, None]
    assert spans["inner"][0] == outer
    assert spans["inner"][1].endswith("KeyError")  # ddtrace puts its own "builtins." before it
    assert counts == ([1] if package == "logfire" else [])
