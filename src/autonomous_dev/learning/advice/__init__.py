"""
What only several series together can say: one question a file, all of one shape.

A detector looks at one series and asks whether it changed; an adviser looks at what a cache or an operation has
recorded in all, and says what to do about it.
"""

from __future__ import annotations

from autonomous_dev.learning.advice._adviser import Adviser

__all__ = ["Adviser"]
