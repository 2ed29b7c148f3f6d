"""
Names in Prometheus, derived from OpenTelemetry's: what the official exporter makes of a name and a unit.

The endpoint, the rules, their tests and the dashboards all take names from here.

Source: opentelemetry-exporter-prometheus 0.66b2, ``_mapping.py``
(https://github.com/open-telemetry/opentelemetry-python/blob/v1.45.2/exporter/opentelemetry-exporter-prometheus/src/opentelemetry/exporter/prometheus/_mapping.py);
a test holds the two equal.
"""

from __future__ import annotations

import json
import re
from typing import Final

from autonomous_dev.conventions import LAST_RECORDED, OWN_PREFIX, SCOPE

_UNITS: Final = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "TiBy": "tibibytes", "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius",
    "Hz": "hertz", "1": "", "%": "percent",
}  # fmt: skip
_PER: Final = {
    "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year",
}  # fmt: skip
_ANNOTATION: Final = re.compile(r"\{.*\}")
_NOT_IN_NAME: Final = re.compile(r"[^a-zA-Z0-9:]+")
_NOT_IN_LABEL: Final = re.compile(r"[^a-zA-Z0-9]+")
_NOT_IN_INSTRUMENT: Final = re.compile(r"[^A-Za-z0-9_.\-/]")

MAX_INSTRUMENT_NAME: Final = 255 - len(LAST_RECORDED)
"""Longest instrument name of a recorded metric: OpenTelemetry takes 255 characters, and the timestamp's suffix is one of ours."""


def instrument_name(name: str) -> str:
    """
    The OpenTelemetry instrument name for a metric that a user called *name*.

    Characters that OpenTelemetry does not take become ``_``, a leading non-letter gets ``m_``, and letters
    become small, as the SDK makes them. What is not alphanumeric at the end goes: Prometheus would draw it together
    with what a suffix begins with, and value and timestamp had no name in common.
    """
    mapped = _NOT_IN_INSTRUMENT.sub("_", name).lower()
    if not ("a" <= mapped[:1] <= "z"):
        mapped = f"m_{mapped}"
    return mapped[:MAX_INSTRUMENT_NAME].rstrip("_.-/")


def unit_suffix(unit: str) -> str:
    """
    What a UCUM *unit* adds to a Prometheus name, without the ``_``; empty for ``1``, ``{hit}`` and no unit.
    """
    unit = _ANNOTATION.sub("", unit)
    if unit in _UNITS:
        return _UNITS[unit]
    top, slash, bottom = unit.partition("/")
    if slash and (bottom := _NOT_IN_NAME.sub("_", bottom)):
        top = _NOT_IN_NAME.sub("_", top)
        top = _UNITS.get(top, top)  # nothing is left of a 1
        per = f"per_{_PER.get(bottom, bottom)}"
        return f"{top}_{per}" if top else per
    return _NOT_IN_NAME.sub("_", unit).strip("_")


def metric_name(instrument: str, unit: str = "", *, counter: bool = False) -> str:
    """
    The Prometheus name of an OpenTelemetry instrument.

    Args:
        instrument: The instrument's name, as OpenTelemetry knows it: ``autonomous_dev.cache.lookups``.

        unit: UCUM unit of the instrument.

        counter: True for monotonic sums, which end in ``_total``.

    Returns:
        For a histogram the name without ``_bucket``, ``_count``, ``_sum``.
    """
    name = instrument.lower()
    if name[:1].isdigit():
        name = f"_{name[1:]}"
    name = _NOT_IN_NAME.sub("_", name)
    if counter:
        name = name.removesuffix("_total")
    suffix = unit_suffix(unit)
    if suffix and not name.endswith(f"_{suffix}"):
        name = f"{name}_{suffix}"
    return f"{name}_total" if counter else name


def label_name(attribute: str) -> str:
    """
    The Prometheus label of an OpenTelemetry attribute: ``autonomous_dev.cache.name`` → ``autonomous_dev_cache_name``.
    """
    if attribute[:1].isdigit():
        attribute = f"_{attribute[1:]}"
    return _NOT_IN_LABEL.sub("_", attribute)


def label_value(value: object) -> str:
    """
    The value of a label: strings as they are, everything else as JSON (``True`` → ``true``).
    """
    return value if isinstance(value, str) else json.dumps(value, default=str)


_OWN: Final = (SCOPE, "")
_OWN_PREFIX: Final = metric_name(OWN_PREFIX)
"""What the names of our own instruments begin with in Prometheus."""


class NameClaims:
    """
    Who holds which name in Prometheus: when two metrics meet in one name, the first keeps it.
    """

    def __init__(self) -> None:
        self._holders: dict[str, tuple[str, str]] = {"target_info": _OWN}
        self.refused: dict[tuple[str, str], tuple[str, str]] = {}

    def claim(self, name: str, unit: str) -> bool:
        """
        Whether the metric (*name*, *unit*) may be exported; what it met is in ``refused``.
        """
        metric = (name, unit)
        if metric in self.refused:
            return False
        instrument = instrument_name(name)
        wanted = {
            metric_name(instrument, unit),
            metric_name(instrument + LAST_RECORDED, "s"),
        }
        for prometheus_name in wanted:
            ours = prometheus_name.startswith(_OWN_PREFIX)
            holder = _OWN if ours else self._holders.get(prometheus_name, metric)
            if holder != metric:
                self.refused[metric] = holder
                return False
        for prometheus_name in wanted:
            self._holders[prometheus_name] = metric
        return True
