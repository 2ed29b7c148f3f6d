"""
Results that are kept: ``cached`` for functions, ``SimpleCache`` by hand, and what larger ones would answer.
"""

from __future__ import annotations

from autonomous_dev.performance.caching._cached import cached
from autonomous_dev.performance.caching._cached_calls import CacheInfo
from autonomous_dev.performance.caching._simple_cache import SimpleCache

__all__ = ["CacheInfo", "SimpleCache", "cached"]
