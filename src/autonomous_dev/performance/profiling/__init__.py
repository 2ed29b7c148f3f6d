"""
The time that blocks and functions of all kinds take.
"""

from __future__ import annotations

from autonomous_dev.performance.profiling._profiler import PerformanceProfiler

__all__ = ["PerformanceProfiler"]
