"""
Results that are kept: ``cached`` for functions, ``SimpleCache`` by hand, and what larger ones would answer.

``SimpleCache`` is loaded by who uses it.
"""

from __future__ import annotations

from autonomous_dev.performance.caching._cached import cached
from autonomous_dev.performance.caching._cached_calls import CacheInfo

__all__ = ["CacheInfo", "cached"]
