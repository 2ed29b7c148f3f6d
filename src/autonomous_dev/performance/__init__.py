"""
Instrument: profile blocks and functions, cache results, plan work. The first stage.

Needs the OpenTelemetry API only, and loads neither numpy nor an SDK.
"""

from __future__ import annotations

from autonomous_dev.performance._cached import cached
from autonomous_dev.performance._cached_calls import CacheInfo
from autonomous_dev.performance._instruments import observe_caches
from autonomous_dev.performance._profiler import PerformanceProfiler
from autonomous_dev.performance._simple_cache import SimpleCache
from autonomous_dev.performance._strategy import OptimizationStrategy

__all__ = [
    "CacheInfo",
    "OptimizationStrategy",
    "PerformanceProfiler",
    "SimpleCache",
    "cached",
    "observe_caches",
]
