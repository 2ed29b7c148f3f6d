"""
The names that the guide's blocks leave to the reader, block by block, and nothing beyond them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autonomous_dev import LearningInsight, MetricsTracker, cached


def do_work() -> int:
    """
    Something that takes a moment.
    """
    return sum(number * number for number in range(20_000))


def worse_test_duration() -> MetricsTracker:
    """
    A tracker whose ``test_duration`` has plainly doubled halfway.
    """
    tracker = MetricsTracker()
    for run in range(40):
        level = 20.0 if run < 20 else 40.0
        tracker.record_metric("test_duration", level + (run * 7 % 5) / 10)
    return tracker


class Applied(list[str]):
    """
    Keeps what the guide's loop applies.
    """

    __call__ = list.append


PRELUDES: dict[int, Callable[[], dict[str, Any]]] = {
    4: lambda: {"process_data": do_work},
    9: lambda: {"large_list": list(range(250)), "process": abs, "process_batch": sum, "hashlib": hashlib},
    10: lambda: {"fetch_work_items": lambda: list(range(1000)), "process_batch": sum, "process_item": abs},
    12: lambda: {"tracker": MetricsTracker()},
    13: lambda: {"cached": cached},
    14: lambda: {"tracker": worse_test_duration(), "apply_optimization": Applied()},
    15: lambda: {"MetricsTracker": MetricsTracker, "LearningInsight": LearningInsight},
    16: lambda: {"Path": Path, "Any": Any},
    17: lambda: {"MetricsTracker": MetricsTracker, "Path": Path},
    18: lambda: {"cached": cached},
    19: lambda: {"tracker": MetricsTracker()},
    20: lambda: {"run_tests": do_work, "get_coverage": lambda: 91.5, "count_lint_errors": lambda: 0},
}
"""By the number of the block, counted from 1; a block that is not here needs nothing."""
