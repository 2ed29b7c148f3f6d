"""
Instrument: profile blocks and functions, cache results, plan work. The first stage.

Needs the OpenTelemetry API only, and loads neither numpy nor an SDK. What plans work and what adopts other caches is
loaded when it is first used: a service that profiles and caches starts sooner.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from autonomous_dev.performance._cached import cached
from autonomous_dev.performance._cached_calls import CacheInfo
from autonomous_dev.performance._instruments import observe_caches
from autonomous_dev.performance._profiler import PerformanceProfiler
from autonomous_dev.performance._simple_cache import SimpleCache

if TYPE_CHECKING:
    from autonomous_dev.complexity import ComplexityFit
    from autonomous_dev.performance._batches import BatchCost
    from autonomous_dev.performance._parallel import ParallelPlan
    from autonomous_dev.performance._strategy import OptimizationStrategy
    from autonomous_dev.performance._watch import watch_cache

__all__ = [
    "BatchCost",
    "CacheInfo",
    "ComplexityFit",
    "OptimizationStrategy",
    "ParallelPlan",
    "PerformanceProfiler",
    "SimpleCache",
    "cached",
    "observe_caches",
    "watch_cache",
]

_HOMES = {
    "BatchCost": "autonomous_dev.performance._batches",
    "ComplexityFit": "autonomous_dev.complexity",
    "OptimizationStrategy": "autonomous_dev.performance._strategy",
    "ParallelPlan": "autonomous_dev.performance._parallel",
    "watch_cache": "autonomous_dev.performance._watch",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        msg = f"module 'autonomous_dev.performance' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
