"""
Mean and spread of the newest rows of a stream.
"""

from __future__ import annotations

import math
from collections import deque


class Window:
    """
    The newest *length* values (fewer at first), with their sums.

    The sums are renewed from the values each *length* rows, around their mean, so that rounding never adds up.
    """

    __slots__ = ("_length", "_origin", "_squares", "_sum", "_until_renewal", "_values")

    def __init__(self, length: int) -> None:
        self._length = length
        self._values: deque[float] = deque(maxlen=length)
        self._origin = 0.0
        self._sum = 0.0
        self._squares = 0.0
        self._until_renewal = 1

    def push(self, value: float) -> None:
        """
        Take in the newest value, in place of the oldest.
        """
        values = self._values
        if len(values) == self._length:
            oldest = values[0] - self._origin
            self._sum -= oldest
            self._squares -= oldest * oldest
        values.append(value)
        self._until_renewal -= 1
        if not self._until_renewal:
            self._renew()
            return
        newest = value - self._origin
        self._sum += newest
        self._squares += newest * newest

    @property
    def mean(self) -> float:
        """
        Of the values.
        """
        return self._origin + self._sum / len(self._values)

    @property
    def spread(self) -> float:
        """
        Standard deviation of the values.
        """
        length = len(self._values)
        mean = self._sum / length
        return math.sqrt(max(self._squares / length - mean * mean, 0.0))

    def _renew(self) -> None:
        self._origin = sum(self._values) / len(self._values)
        rests = [value - self._origin for value in self._values]
        self._sum = sum(rests)
        self._squares = sum([rest * rest for rest in rests])
        self._until_renewal = self._length
