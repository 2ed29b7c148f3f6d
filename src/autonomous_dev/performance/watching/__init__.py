"""
Caches that are there already: each kind of them is a file of one shape.
"""

from __future__ import annotations

from autonomous_dev.performance.watching._watch_cache import watch_cache

__all__ = ["watch_cache"]
