"""
How an operation's duration grows with the size of its input: from given numbers, or from what a profiler measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import SupportsFloat

from autonomous_dev import _state
from autonomous_dev._growth import fit_growth
from autonomous_dev.complexity import ComplexityFit
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._names import checked_name
from autonomous_dev.performance.planning._measured import same_length, seconds_of, sizes_of


def fit_complexity(
    sizes: Iterable[SupportsFloat] | str, durations: Iterable[SupportsFloat] | None = None
) -> ComplexityFit:
    """
    What ``OptimizationStrategy.fit_complexity`` says, which see.
    """
    if isinstance(sizes, str):
        if durations is not None:
            raise InvalidTypeError(
                f"durations came with the operation {sizes!r}, whose profiler has measured them; give the one or the other"
            )
        return fit_growth(*_measured(checked_name(sizes, "operation")))
    if durations is None:
        raise InvalidTypeError("sizes came without durations; give the seconds of each, or the name of an operation")
    items, seconds = sizes_of(sizes, "sizes"), seconds_of(durations, "durations")
    same_length(items, "sizes", seconds, "durations")
    return fit_growth(items, seconds)


def _measured(operation: str) -> tuple[list[float], list[float]]:
    pairs = [
        (float(size), seconds)
        for (name, _), calls in _state.sized_operations().items()
        if name == operation
        for size, seconds in calls.pairs()
        if 0 <= seconds < math.inf  # a clock that was put back measures nothing
    ]
    return [size for size, _ in pairs], [seconds for _, seconds in pairs]
