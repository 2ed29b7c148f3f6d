"""
Instrument: profile blocks and functions, cache results, plan work. The first stage.

Needs the OpenTelemetry API only, and loads neither numpy nor an SDK. What plans work and what adopts other caches is
loaded when it is first used: a service that profiles and caches starts sooner.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from autonomous_dev import _state
from autonomous_dev.performance._cache_instruments import observe_caches
from autonomous_dev.performance._overhead import CACHE as _CACHE
from autonomous_dev.performance._overhead import PROFILER as _PROFILER
from autonomous_dev.performance.caching import CacheInfo, cached
from autonomous_dev.performance.profiling import PerformanceProfiler

if TYPE_CHECKING:
    from autonomous_dev.complexity import ComplexityFit
    from autonomous_dev.performance.caching._simple_cache import SimpleCache
    from autonomous_dev.performance.planning import BatchCost, OptimizationStrategy, ParallelPlan
    from autonomous_dev.performance.watching import watch_cache

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
    "BatchCost": "autonomous_dev.performance.planning",
    "ComplexityFit": "autonomous_dev.complexity",
    "OptimizationStrategy": "autonomous_dev.performance.planning",
    "ParallelPlan": "autonomous_dev.performance.planning",
    "SimpleCache": "autonomous_dev.performance.caching._simple_cache",
    "watch_cache": "autonomous_dev.performance.watching",
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


def _first_estimate(component: str) -> float:
    # It times a profiler and a cache: once somebody asks what they cost.
    from autonomous_dev.performance._calibration import estimate_overhead  # noqa: PLC0415

    estimate_overhead()
    return _state.overhead_estimates[component]()


for _component in (_PROFILER, _CACHE):
    _state.overhead_estimates.setdefault(_component, partial(_first_estimate, _component))
