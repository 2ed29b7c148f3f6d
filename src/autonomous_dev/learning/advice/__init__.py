"""
What only several series together can say: one question a file, all of one shape.

A detector looks at one series and asks whether it changed; an adviser looks at what a cache or an operation has
recorded in all, and says what to do about it.
"""

from __future__ import annotations

from autonomous_dev.learning.advice._adviser import Adviser
from autonomous_dev.learning.advice._budget import budgets
from autonomous_dev.learning.advice._cache_use import CacheUse, cache_uses
from autonomous_dev.learning.advice._capacity import MIN_GAIN, MIN_LOOKUPS, Enlargement, capacities, enlargement
from autonomous_dev.learning.advice._cardinality import cardinalities
from autonomous_dev.learning.advice._growth import growths
from autonomous_dev.learning.advice._still import held_budget

__all__ = [
    "MIN_GAIN",
    "MIN_LOOKUPS",
    "Adviser",
    "CacheUse",
    "Enlargement",
    "budgets",
    "cache_uses",
    "capacities",
    "cardinalities",
    "enlargement",
    "growths",
    "held_budget",
]
