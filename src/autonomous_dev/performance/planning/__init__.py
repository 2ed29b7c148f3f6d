"""
How to cut work into batches, when to run it in parallel, how its cost grows.
"""

from __future__ import annotations

from autonomous_dev.performance.planning._batches import BatchCost
from autonomous_dev.performance.planning._parallel import ParallelPlan
from autonomous_dev.performance.planning._strategy import OptimizationStrategy

__all__ = ["BatchCost", "OptimizationStrategy", "ParallelPlan"]
