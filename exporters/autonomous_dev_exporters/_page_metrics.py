"""
What the official exporter is given, so that the page it makes is one that Prometheus takes.

The exporter (0.51b0 to 0.66b2) puts values under wrong labels where points of one family have different
attributes, answers HTTP 500 to an exponential histogram, writes two points whose attributes differ in type only as
one line twice, and two HELP lines for two descriptions. Pure functions; data in, data out.

Source: opentelemetry-exporter-prometheus, ``_translate_to_prometheus``
(https://github.com/open-telemetry/opentelemetry-python/blob/v1.30.0/exporter/opentelemetry-exporter-prometheus/src/opentelemetry/exporter/prometheus/__init__.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from opentelemetry.sdk.metrics.export import (
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from autonomous_dev import conventions
from autonomous_dev.prometheus_names import label_name, label_value, metric_name

Labels = dict[str, str]
Point = NumberDataPoint | HistogramDataPoint

PAGE_SCOPE: Final = InstrumentationScope(conventions.SCOPE, conventions.VERSION)
"""Scope of everything on a prepared page; the scopes that the metrics came from are labels of their points."""


def prepare(data: MetricsData | None, further: Sequence[Metric] = ()) -> MetricsData:
    """
    *data* with one metric per Prometheus family, all its points with the same labels, none of them twice.

    Args:
        data: What a reader received; None for nothing.

        further: Metrics of our own scope that no instrument holds.
    """
    collected = data.resource_metrics if data is not None else ()
    resource = collected[0].resource if collected else Resource.create({})
    families: dict[str, list[tuple[InstrumentationScope, Metric]]] = {}
    for scope, metric in [*_scoped(collected), *((PAGE_SCOPE, metric) for metric in further)]:
        families.setdefault(_family(metric), []).append((scope, metric))
    metrics = [_merge(members) for members in families.values()]
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(PAGE_SCOPE, metrics, "")], "")])


def _scoped(collected: Iterable[ResourceMetrics]) -> Iterator[tuple[InstrumentationScope, Metric]]:
    for resource in collected:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield scope.scope, metric


def _family(metric: Metric) -> str:
    return metric_name(metric.name, metric.unit or "", counter=_is_counter(metric))


def _is_counter(metric: Metric) -> bool:
    return isinstance(metric.data, Sum) and metric.data.is_monotonic


def _merge(members: Sequence[tuple[InstrumentationScope, Metric]]) -> Metric:
    # The first metric says what the family is; one of another type under the same name cannot be on the page too.
    first = members[0][1]
    data = _data(first)
    rows = [
        (_labels(scope, point.attributes), point)
        for scope, metric in members
        if type(same := _data(metric)) is type(data) and _is_counter(metric) == _is_counter(first)
        for point in same.data_points
    ]
    keys = sorted({key for labels, _ in rows for key in labels})
    points: dict[tuple[str, ...], Point] = {}
    for labels, point in rows:
        full = {key: labels.get(key, "") for key in keys}
        points.setdefault(tuple(full.values()), replace(point, attributes=full))
    return Metric(first.name, first.description or "", first.unit or "", _with_points(data, list(points.values())))


def _with_points(data: Sum | Gauge | Histogram, points: list[Any]) -> Sum | Gauge | Histogram:
    if isinstance(data, Sum):
        return replace(data, data_points=points)
    if isinstance(data, Histogram):
        return replace(data, data_points=points)
    return replace(data, data_points=points)


def _data(metric: Metric) -> Sum | Gauge | Histogram:
    data = metric.data
    if isinstance(data, Sum | Gauge | Histogram):
        return data
    return Histogram([_plain(point) for point in data.data_points], data.aggregation_temporality)


def _plain(point: ExponentialHistogramDataPoint) -> HistogramDataPoint:
    """
    Count and sum of an exponential histogram, which give rates and means: its buckets move from scrape to scrape.
    """
    return HistogramDataPoint(
        attributes=point.attributes,
        start_time_unix_nano=point.start_time_unix_nano,
        time_unix_nano=point.time_unix_nano,
        count=point.count,
        sum=point.sum,
        bucket_counts=(point.count,),
        explicit_bounds=(),
        min=point.min,
        max=point.max,
    )


def _labels(scope: InstrumentationScope | None, attributes: object) -> Labels:
    labels: Labels = {}
    pairs = [*_scope_pairs(scope), *dict(attributes or {}).items()]  # type: ignore[call-overload]
    for key, value in pairs:
        label = label_name(_text(str(key)))
        if label:
            # Attributes that meet in one label are joined, as the specification of this mapping says.
            text = _text(label_value(value))
            labels[label] = f"{labels[label]};{text}" if label in labels else text
    return labels


def _scope_pairs(scope: InstrumentationScope | None) -> Iterator[tuple[str, object]]:
    # Exporters before 0.64b0 leave the scope out: two scopes with one metric would be the same line twice.
    if scope is None:
        return
    known = {"name": scope.name, "version": scope.version, "schema_url": scope.schema_url}
    for key, value in {**(getattr(scope, "attributes", None) or {}), **known}.items():
        if value:
            yield f"otel_scope_{key}", value


def _text(value: str) -> str:
    # A lone surrogate cannot be sent as UTF-8.
    return value.encode("utf-8", "replace").decode("utf-8")
