"""
Numbers with their units, as people write them.
"""

from __future__ import annotations

import math
from typing import Final

from autonomous_dev.learning.detectors import is_hit_ratio

_SECONDS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES: Final = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_LONGEST_MARK: Final = 12


def quantity(value: float, name: str, unit: str) -> str:
    """
    *value* of metric *name* in words: ``14.5 s``, ``3.2 ms``, ``87.5%``, ``512 MiB``, ``42``.

    Args:
        value: In *unit*.

        name: The metric; a hit ratio is shown as a percentage.

        unit: UCUM unit; seconds and bytes are shown in the multiple that suits the value.
    """
    if unit in {"s", "By"} and value:
        steps = _SECONDS if unit == "s" else _BYTES
        factor, mark = next((step for step in steps if abs(value) >= step[0]), steps[-1])
        return f"{_number(value / factor)} {mark}"
    if unit == "%":
        return f"{_number(value)}%"
    if unit == "1" or (not unit and is_hit_ratio(name) and 0 <= value <= 1):
        return f"{_number(100 * value)}%" if is_hit_ratio(name) else _number(value)
    if not unit or unit.startswith("{"):
        return _number(value)
    return f"{_number(value)} {unit}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return f"{value}"
    if value == round(value) and abs(value) < 1e9:
        return f"{value:,.0f}"
    if 1e4 <= abs(value) < 1e9:
        return f"{float(f'{value:.4g}'):,.0f}"
    text = f"{value:.3g}" if abs(value) < 100 else f"{value:.4g}"
    return text if len(text) <= _LONGEST_MARK else f"{value:.2e}"
