"""
Whether your code and your development loop get slower or worse, since which change, and how sure that is.

Instrument, record, learn, publish: data flows one way. Names are imported when they are first used, so that
a program that only uses ``cached`` and ``PerformanceProfiler`` loads neither numpy nor an OpenTelemetry SDK.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autonomous_dev._configure import configure
    from autonomous_dev.learning import FeedbackLoop, LearningInsight, MetricsTracker
    from autonomous_dev.performance import OptimizationStrategy, PerformanceProfiler, SimpleCache, cached, watch_cache

__all__ = [
    "FeedbackLoop",
    "LearningInsight",
    "MetricsTracker",
    "OptimizationStrategy",
    "PerformanceProfiler",
    "SimpleCache",
    "cached",
    "configure",
    "watch_cache",
]

_HOMES = {
    "FeedbackLoop": "autonomous_dev.learning",
    "LearningInsight": "autonomous_dev.learning",
    "MetricsTracker": "autonomous_dev.learning",
    "OptimizationStrategy": "autonomous_dev.performance",
    "PerformanceProfiler": "autonomous_dev.performance",
    "SimpleCache": "autonomous_dev.performance",
    "cached": "autonomous_dev.performance",
    "configure": "autonomous_dev._configure",
    "watch_cache": "autonomous_dev.performance",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        msg = f"module 'autonomous_dev' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
