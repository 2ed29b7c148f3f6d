"""
A distribution that a test installs by a folder on PYTHONPATH: exporters and the like that write what they get to a file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

MODULE = """
import json, os, threading
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

def write(kind, values):
    line = json.dumps({"kind": kind, "pid": os.getpid(), "values": values}) + "\\n"
    file = os.open(os.environ["EXPORTED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)

class Spans(SpanExporter):
    def export(self, spans):
        write("spans", [{
            "name": span.name, "trace": span.context.trace_id, "attributes": dict(span.attributes),
            "dropped": span.dropped_attributes, "resource": {k: str(v) for k, v in span.resource.attributes.items()},
        } for span in spans])
        return SpanExportResult.SUCCESS

class Metrics(MetricExporter):
    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        write("metrics", [{
            "name": metric.name, "unit": metric.unit, "data": type(metric.data).__name__,
            "points": [{
                "attributes": dict(point.attributes), "count": getattr(point, "count", None),
                "value": getattr(point, "value", None), "exemplars": len(point.exemplars),
            } for point in metric.data.data_points],
            "resource": {k: str(v) for k, v in resource.resource.attributes.items()},
        } for resource in metrics_data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics])
        return MetricExportResult.SUCCESS
    def force_flush(self, timeout_millis=10_000):
        return True
    def shutdown(self, timeout_millis=30_000, **kwargs):
        pass

class HangingSpans(Spans):
    def export(self, spans):
        write("hangs", [])
        threading.Event().wait()

class HangingMetrics(Metrics):
    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        write("hangs", [])
        threading.Event().wait()

class RaisingSpans(Spans):
    def export(self, spans):
        raise OSError("no way")

class RaisingMetrics(Metrics):
    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        raise OSError("no way")

class Refusing(Spans):
    def __init__(self):
        raise ValueError("no compression of that kind")

class RefusingMetrics(Metrics):
    def __init__(self):
        raise ValueError("no compression of that kind")

def factory():
    return Spans()

class Counting(IdGenerator):
    def generate_trace_id(self):
        return 7
    def generate_span_id(self):
        return 8
    def is_trace_id_random(self):
        return False

def sampler(argument):
    return ALWAYS_OFF if argument == "off" else ALWAYS_ON

class OwnTracerProvider(TracerProvider):
    pass

class OwnMeterProvider(MeterProvider):
    pass
"""

POINTS = """
[opentelemetry_traces_exporter]
lines = lines_for_tests:Spans
otlp_proto_http = lines_for_tests:Spans
hanging = lines_for_tests:HangingSpans
raising = lines_for_tests:RaisingSpans
refusing = lines_for_tests:Refusing
factory = lines_for_tests:factory
broken = lines_for_tests.missing:Spans

[opentelemetry_metrics_exporter]
lines = lines_for_tests:Metrics
otlp_proto_http = lines_for_tests:Metrics
hanging = lines_for_tests:HangingMetrics
raising = lines_for_tests:RaisingMetrics
refusing = lines_for_tests:RefusingMetrics

[opentelemetry_id_generator]
seven = lines_for_tests:Counting

[opentelemetry_traces_sampler]
on_or_off = lines_for_tests:sampler

[opentelemetry_tracer_provider]
own = lines_for_tests:OwnTracerProvider

[opentelemetry_meter_provider]
own = lines_for_tests:OwnMeterProvider
"""


def install(folder: Path) -> dict[str, str]:
    """
    Put the distribution into *folder*, and return the variables with which a child finds it and where it writes.
    """
    (folder / "lines_for_tests.py").write_text(MODULE)
    info = folder / "lines_for_tests-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lines-for-tests\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "EXPORTED": str(folder / "exported.jsonl")}


def exported(environment: dict[str, str], kind: str) -> list[dict[str, Any]]:
    """
    Everything of one *kind* (spans, metrics) that was exported, each value with the process that exported it.
    """
    path = Path(environment["EXPORTED"])
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [{**value, "pid": line["pid"]} for line in lines if line["kind"] == kind for value in line["values"]]


def exports(environment: dict[str, str], kind: str) -> list[int]:
    """
    How much each export of one *kind* held.
    """
    path = Path(environment["EXPORTED"])
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [len(line["values"]) for line in lines if line["kind"] == kind]
