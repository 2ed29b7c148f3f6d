"""
Texts of alerts: words with one live value in them, as a Prometheus template and as what people read.

Words that come from users are never read as a template: their braces are written as strings inside one.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import Final


class Live(StrEnum):
    """
    The alert's value, and how it is written.
    """

    NUMBER = '{{ printf "%.6g" $value }}'
    SHARE = "{{ humanizePercentage $value }}"
    DURATION = "{{ humanizeDuration $value }}"


Phrase = tuple[str, ...]
"""Words and at most one ``Live``."""

# A single brace is harmless, unless it touches the braces of a template that follows.
_BRACES: Final = re.compile(r"\{{2,}|\}{2,}|\{+\Z")


def escaped(text: str) -> str:
    """
    A template that gives *text*.

    Source: https://prometheus.io/docs/prometheus/2.55/configuration/template_reference/ (Go's text/template).
    """
    return _BRACES.sub(lambda braces: f'{{{{ "{braces[0]}" }}}}', text)


def template(phrase: Phrase) -> str:
    """
    *phrase* as a Prometheus template.
    """
    return "".join(str(part) if isinstance(part, Live) else escaped(part) for part in phrase)


def spoken(phrase: Phrase, value: float) -> str:
    """
    What Prometheus makes of *phrase* when the alert's value is *value*.
    """
    return "".join(_shown(part, value) if isinstance(part, Live) else part for part in phrase)


def _shown(live: Live, value: float) -> str:
    if live is Live.NUMBER:
        return f"{value:.6g}".replace("inf", "Inf") if value < 0 or math.isfinite(value) else "+Inf"
    if live is Live.SHARE:
        return f"{value * 100:.4g}%"
    return _shown_duration(int(value))


def _shown_duration(seconds: int) -> str:
    """
    Whole *seconds* as ``humanizeDuration`` writes them: ``8d 0h 0m 0s``, ``5m 0s``.
    """
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    parts = [(day, "d"), (hour, "h"), (minute, "m"), (second, "s")]
    first = next((i for i, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in parts[first:])


def with_unit(text: str, unit: str) -> str:
    """
    *text* and the UCUM *unit* as people read it: ``60 s``, ``90%``, ``3 lookup``; ``1`` and no unit add nothing.
    """
    readable = unit.replace("{", "").replace("}", "") if unit != "1" else ""
    return f"{text}{'' if readable == '%' or not readable else ' '}{readable}"
