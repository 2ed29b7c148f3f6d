"""
What a stream usually is at this time of the day, or of the week.
"""

from __future__ import annotations

import math


class Season:
    """
    One level per place in a period, which each visit moves a little.
    """

    __slots__ = ("_levels", "_period", "_share")

    def __init__(self, period: float, places: int, share: float) -> None:
        """
        Begin with nothing known.

        Args:
            period: Seconds after which the season repeats.

            places: Into how many equal places the period is divided.

            share: In (0, 1): how far the newest value moves the level of its place.
        """
        self._period = period
        self._levels = [math.nan] * places
        self._share = share

    def rest(self, time: float, value: float) -> float:
        """
        Take in the newest value, and say by how much it differs from what this time of the period usually brings.

        Args:
            time: Finite seconds, in any order.

            value: Finite.

        Returns:
            In the value's unit; 0 where this place of the period has not been seen.
        """
        levels = self._levels
        # A time just below 0 has the whole period as its remainder.
        place = min(int(time % self._period / self._period * len(levels)), len(levels) - 1)
        level = levels[place]
        if math.isnan(level):
            levels[place] = value
            return 0.0
        rest = value - level
        levels[place] = level + self._share * rest
        return rest
