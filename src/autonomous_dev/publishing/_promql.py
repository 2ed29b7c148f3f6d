"""
PromQL as text: quoting, numbers, durations, and selectors that can also be compared with a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from autonomous_dev.prometheus_names import label_name, label_value
from autonomous_dev.series import Attributes

_WORDS: Final = frozenset({"atan2", "bool", "group_left", "group_right", "ignoring", "inf", "nan", "on"})
"""
Words that PromQL does not take for a metric's name, found by ``promtool``; other keywords (``sum``, ``by``) it does.
"""

TARGET_LABELS: Final = ("instance", "job")
"""
Labels that a target has. Prometheus renames a scraped label of that name to ``exported_…``.

Source: https://prometheus.io/docs/prometheus/2.55/configuration/configuration/#scrape_config (``honor_labels``).
"""

_EXPORTED: Final = "exported_"
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def quoted(text: str) -> str:
    """
    *text* as a PromQL string; what cannot be printed is escaped, so that the line stays one line.

    Source: https://prometheus.io/docs/prometheus/2.55/querying/basics/#string-literals (Go's escapes).
    """
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in {"\\", '"'}:
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def number(value: float) -> str:
    """
    A finite *value* as a PromQL number that reads back as the same float.
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def duration(seconds: float) -> str:
    """
    *seconds* as a Prometheus duration in the largest unit that divides it: ``5m``, ``36h``, ``500ms``.
    """
    milliseconds = round(seconds * 1000)
    if milliseconds % 1000:
        return f"{milliseconds}ms"
    whole = milliseconds // 1000
    return next((f"{whole // size}{unit}" for size, unit in _UNITS if whole and whole % size == 0), "0s")


@dataclass(frozen=True, slots=True)
class Selector:
    """
    What a rule reads: a metric and what its labels must be.

    Attributes:
        metric: Name in Prometheus.

        labels: Pairs of label and value, by label; an empty value means that the label must not be there.
    """

    metric: str
    labels: tuple[tuple[str, str], ...] = ()

    def promql(self) -> str:
        """
        The selector in PromQL.
        """
        plain = self.metric not in _WORDS
        pairs = self.labels if plain else (("__name__", self.metric), *self.labels)
        inside = ",".join(f"{label}={quoted(value)}" for label, value in pairs)
        return f"{self.metric if plain else ''}{f'{{{inside}}}' if inside else ''}"

    def present(self) -> Selector:
        """
        The series with exactly these labels: the selector without those that must not be there.
        """
        return Selector(self.metric, tuple(pair for pair in self.labels if pair[1]))

    def matches(self, metric: str, labels: Mapping[str, str]) -> bool:
        """
        Whether this selects a series of a page, once Prometheus has scraped it.

        Args:
            metric: Name of the sample on the page.

            labels: Its labels there; one called ``job`` or ``instance`` is ``exported_…`` after the scrape.
        """
        scraped = {_after_scrape(label): value for label, value in labels.items()}
        return metric == self.metric and all(scraped.get(label, "") == value for label, value in self.labels)


def _after_scrape(label: str) -> str:
    return f"{_EXPORTED}{label}" if label in TARGET_LABELS else label


def labels_of(identity: Attributes) -> dict[str, str]:
    """
    The labels that *identity* has on our page and, after a scrape, in Prometheus.

    Values of keys that meet at one label are joined by ``;``, as the specification says
    (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#metric-attributes).
    """
    labels: dict[str, str] = {}
    for key, value in identity:
        label = _after_scrape(label_name(key))
        if label and value is not None:
            text = label_value(value)
            labels[label] = f"{labels[label]};{text}" if label in labels else text
    return labels
