"""
OTLP JSON, the encoding of the journal: one ``MetricsData`` or ``LogsData`` a line.

Source: https://github.com/open-telemetry/opentelemetry-specification/blob/v1.50.0/specification/protocol/file-exporter.md
and the JSON mapping of https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/docs/specification.md:
lowerCamelCase names, 64-bit integers as strings, exactly one value of a oneof.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import orjson

from autonomous_dev.conventions import SCOPE
from autonomous_dev.series import Attributes, AttributeValue, Scalar

START_METRICS: Final = '{"resourceMetrics":['
START_LOGS: Final = '{"resourceLogs":['
"""All our lines begin with one of these two: a reader finds them inside a line that another write tore."""

START: Final = re.compile(rb'\{\s{0,9}"resource(?:Metrics|Logs)"\s{0,9}:\s{0,9}\[')
"""Where a line begins, whoever wrote it. (Inside a JSON string the quotes would be escaped.)"""

MAX_INT: Final = 2**63
SCOPE_JSON: Final = orjson.dumps({"name": SCOPE}).decode()
_DELTA: Final = 1


def _scalar(value: Scalar) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value}


def _any_value(value: AttributeValue) -> dict[str, Any]:
    if isinstance(value, tuple):
        return {"arrayValue": {"values": [_scalar(item) for item in value]}}
    return _scalar(value)


def attributes_json(attributes: Iterable[tuple[str, AttributeValue]]) -> str:
    """
    *attributes* as the JSON text of a list of KeyValues.

    Raises:
        TypeError: If orjson cannot encode a string, for example because of a lone surrogate.
    """
    return orjson.dumps([{"key": key, "value": _any_value(value)} for key, value in attributes]).decode()


def resource_json(attributes: Iterable[tuple[str, AttributeValue]]) -> str:
    """
    The text from the line's begin up to its scope: who recorded.
    """
    return f'{START_METRICS}{{"resource":{{"attributes":{attributes_json(attributes)}}},'


def _exemplars(time_unix_nano: int, value: float, context: Attributes) -> dict[str, Any]:
    if not context:
        return {}
    return {
        "exemplars": [
            {
                "timeUnixNano": str(time_unix_nano),
                "asDouble": value,
                "filteredAttributes": _key_values(context),
            }
        ]
    }


def _key_values(attributes: Iterable[tuple[str, AttributeValue]]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes]


def histogram_metric(
    name: str,
    unit: str,
    bounds: Sequence[float],
    points: Mapping[Attributes, Sequence[float]],
    *,
    interval: tuple[int, int],
    context: Attributes,
) -> dict[str, Any]:
    """
    A delta histogram as an OTLP metric.

    Args:
        name: The metric.

        unit: UCUM unit.

        bounds: Shape (n,): upper bounds.

        points: For each attribute set count, sum and n+1 buckets.

        interval: Start and end, Unix nanoseconds.

        context: Context of the interval.
    """
    start, end = interval
    return {
        "name": name,
        "unit": unit,
        "histogram": {
            "aggregationTemporality": _DELTA,
            "dataPoints": [
                {
                    "attributes": _key_values(attributes),
                    "startTimeUnixNano": str(start),
                    "timeUnixNano": str(end),
                    "count": str(int(cells[0])),
                    "sum": cells[1],
                    "bucketCounts": [str(int(cell)) for cell in cells[2:]],
                    "explicitBounds": list(bounds),
                    **_exemplars(end, cells[1] / cells[0], context),
                }
                for attributes, cells in points.items()
            ],
        },
    }


def sum_metric(
    name: str, unit: str, points: Mapping[Attributes, int], *, interval: tuple[int, int], context: Attributes
) -> dict[str, Any]:
    """
    A monotonic delta sum as an OTLP metric; arguments as for ``histogram_metric``.
    """
    start, end = interval
    return {
        "name": name,
        "unit": unit,
        "sum": {
            "aggregationTemporality": _DELTA,
            "isMonotonic": True,
            "dataPoints": [
                {
                    "attributes": _key_values(attributes),
                    "startTimeUnixNano": str(start),
                    "timeUnixNano": str(end),
                    "asInt": str(amount),
                    **_exemplars(end, float(amount), context),
                }
                for attributes, amount in points.items()
            ],
        },
    }


def gauge_metric(
    name: str, unit: str, points: Mapping[Attributes, float], *, time_unix_nano: int, context: Attributes
) -> dict[str, Any]:
    """
    A gauge as an OTLP metric.

    Args:
        name: The metric.

        unit: UCUM unit.

        points: For each attribute set the value.

        time_unix_nano: The moment of all points.

        context: Context of all points.
    """
    return {
        "name": name,
        "unit": unit,
        "gauge": {
            "dataPoints": [
                {
                    "attributes": _key_values(attributes),
                    "timeUnixNano": str(time_unix_nano),
                    "asDouble": float(value),
                    **_exemplars(time_unix_nano, float(value), context),
                }
                for attributes, value in points.items()
            ],
        },
    }


def metrics_line(resource: str, metrics: Sequence[Mapping[str, Any]]) -> str:
    """
    One line with several metrics; *resource* is from ``resource_json``.
    """
    body = orjson.dumps(metrics).decode()
    return f'{resource}"scopeMetrics":[{{"scope":{SCOPE_JSON},"metrics":{body}}}]}}]}}\n'


def event_line(
    resource: Iterable[tuple[str, AttributeValue]],
    event: str,
    time_unix_nano: int,
    records: Sequence[Iterable[tuple[str, AttributeValue]]],
) -> str:
    """
    One line of log records, all of one *event*, for what is no metric.
    """
    logs = [
        {"timeUnixNano": str(time_unix_nano), "eventName": event, "attributes": _key_values(attributes)}
        for attributes in records
    ]
    body = orjson.dumps(logs).decode()
    return (
        f'{START_LOGS}{{"resource":{{"attributes":{attributes_json(resource)}}},'
        f'"scopeLogs":[{{"scope":{SCOPE_JSON},"logRecords":{body}}}]}}]}}\n'
    )


def parse(line: bytes) -> object:
    """
    The document that *line* is; None where it is none.
    """
    try:
        document: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return document


def pieces(line: bytes) -> Iterator[bytes]:
    """
    The parts of a torn line: what comes before the first place where one begins, a write that was cut off, the next.
    """
    starts = [match.start() for match in START.finditer(line)]
    for start, end in pairwise([0, *starts, len(line)]):
        if start < end:
            yield line[start:end]


def parse_attributes(key_values: Sequence[Mapping[str, Any]]) -> Attributes:
    """
    The attributes that a list of KeyValues says, in the order of their keys.
    """
    if not key_values:
        return ()
    return tuple(sorted((entry["key"], _parse_value(entry.get("value") or {})) for entry in key_values))


def _parse_array(value: Mapping[str, Any]) -> AttributeValue:
    items = (_parse_value(item) for item in value.get("values", ()))
    return tuple(item if not isinstance(item, tuple) else str(item) for item in items)


_PARSERS: Final[Mapping[str, Callable[[Any], AttributeValue]]] = {
    "stringValue": str,
    "boolValue": bool,
    "intValue": int,
    "doubleValue": float,
    "arrayValue": _parse_array,
    # Others may write these two; they are kept as text.
    "bytesValue": str,
    "kvlistValue": lambda value: orjson.dumps(value).decode(),
}


def _parse_value(value: Mapping[str, Any]) -> AttributeValue:
    for kind, content in value.items():
        parser = _PARSERS.get(kind)
        if parser is not None:
            return parser(content)
    return None


def parse_number(point: Mapping[str, Any]) -> float | None:
    """
    The value of a number point; None where it says that none was recorded.
    """
    if "asDouble" in point:
        return float(point["asDouble"])
    if "asInt" in point:
        return float(int(point["asInt"]))
    return None


def check_int(value: int) -> bool:
    """
    Whether *value* fits OTLP's 64-bit integers.
    """
    return -MAX_INT <= value < MAX_INT
