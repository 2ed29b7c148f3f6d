"""
The line of one recorded sample: written from a template, and recognised by what is the same in each of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import orjson

from autonomous_dev.conventions import RUN_ID
from autonomous_dev.recording._otlp import MAX_INT, SCOPE_JSON, attributes_json
from autonomous_dev.series import Attributes, SeriesKey


class GaugeTemplate:
    """
    The text around time and value of one gauge point, made once per series and context.

    Attributes:
        head: From behind the resource up to the point's time.

        exemplar: Text between the value and the exemplar's time; empty where there is no context.

        tail: Behind the exemplar's value, or behind the value where there is no exemplar.
    """

    __slots__ = ("exemplar", "head", "tail")

    def __init__(self, key: SeriesKey, context: Attributes) -> None:
        name = orjson.dumps(key.name).decode()
        unit = f',"unit":{orjson.dumps(key.unit).decode()}' if key.unit else ""
        identity = f'"attributes":{attributes_json(key.identity)},' if key.identity else ""
        self.head = (
            f'"scopeMetrics":[{{"scope":{SCOPE_JSON},"metrics":[{{"name":{name}{unit},'
            f'"gauge":{{"dataPoints":[{{{identity}"timeUnixNano":"'
        )
        if context:
            self.exemplar = ',"exemplars":[{"timeUnixNano":"'
            self.tail = f',"filteredAttributes":{attributes_json(context)}}}]}}]}}}}]}}]}}]}}\n'
        else:
            self.exemplar = ""
            self.tail = "}]}}]}]}]}\n"

    def line(self, resource: str, time_unix_nano: int, value: float, span: str = "") -> str:
        """
        The whole line.

        Args:
            resource: From ``resource_json``.

            time_unix_nano: Unix nanoseconds.

            value: Finite.

            span: JSON members with trace and span id, each beginning with a comma; empty outside a span.
        """
        measured = f'{time_unix_nano}","asDouble":{value!r}'
        if self.exemplar:
            return f"{resource}{self.head}{measured}{self.exemplar}{measured}{span}{self.tail}"
        if span:
            return f'{resource}{self.head}{measured},"exemplars":[{{"timeUnixNano":"{measured}{span}}}]{self.tail}'
        return f"{resource}{self.head}{measured}{self.tail}"


@dataclass(frozen=True, slots=True)
class Frame:
    """
    A gauge line of ours, taken apart.

    Attributes:
        resource: The text that says who recorded.

        around: The text before the time and behind the last value: what the template was.

        time_unix_nano: Unix nanoseconds.

        value: The value.
    """

    resource: bytes
    around: tuple[bytes, bytes]
    time_unix_nano: int
    value: float


_SCOPE: Final = b'"scopeMetrics":[{"scope":' + SCOPE_JSON.encode()
_TIME: Final = b'"timeUnixNano":"'
_VALUE: Final = b'","asDouble":'
_EXEMPLAR: Final = b',"exemplars":[{"timeUnixNano":"'
_RUN: Final = f'{{"key":"{RUN_ID}","value":'.encode()
_GAUGE: Final = b'"gauge":{"dataPoints":[{'
_NUMBER: Final = re.compile(rb"-?[0-9]{1,17}(?:\.[0-9]{1,25})?(?:e[+-]?[0-9]{1,2})?")
"""A value as we write it, but for the largest and smallest; never infinite."""


def gauge_frame(line: bytes) -> Frame | None:
    """
    What a ``GaugeTemplate`` was, who recorded, and the time and value put into it; None for other lines.

    Two lines with one text around say the same of all but run, time and value. (Inside a JSON string the quotes of
    these marks would be escaped, so they are found as members only.)
    """
    head, found, rest = line.partition(_TIME)
    time, also, rest = rest.partition(_VALUE)
    resource, ours, metric = head.partition(_SCOPE)
    if not (found and also and ours and _RUN in resource and _GAUGE in metric):
        return None
    number = _NUMBER.match(rest)
    if number is None:
        return None
    value, rest = number[0], rest[number.end() :]
    if rest.startswith(_EXEMPLAR):
        again = _EXEMPLAR + time + _VALUE + value
        if not rest.startswith(again):
            return None
        rest = rest[len(again) :]
    # The rest of a line with more than one point is no frame, nor is what damage made of the numbers.
    if not rest.startswith((b",", b"}")) or _TIME in rest or not (time.isdigit() and len(time) < 20):
        return None
    time_unix_nano = int(time)
    return Frame(resource, (metric, rest), time_unix_nano, float(value)) if time_unix_nano < MAX_INT else None
