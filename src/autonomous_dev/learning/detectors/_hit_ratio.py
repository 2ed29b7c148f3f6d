"""
Hit ratios: a cache that serves less than it did.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from autonomous_dev.conventions import CACHE_HIT_RATIO
from autonomous_dev.learning.detectors._change_point import change_points
from autonomous_dev.learning.detectors._finding import Finding, Kind
from autonomous_dev.learning.detectors._outline import Outline
from autonomous_dev.policy import Policy

_ENDINGS: Final = ("hit_ratio", "hit_rate")


def is_hit_ratio(name: str) -> bool:
    """
    Whether a metric of this *name* is the share of lookups that a cache answers.
    """
    return name == CACHE_HIT_RATIO or name.lower().endswith(_ENDINGS)


def falling_hit_ratios(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    The shifts of a hit ratio to a lower level, oldest first; nothing for series that are none.

    One that is not settled yet stays of the kind unconfirmed, as the change points give it.

    Args:
        outline: Of a series of any length; NaN and infinities count as missing.

        policy: Passed on.
    """
    if not is_hit_ratio(outline.series.key.name):
        return ()
    falls = (found for found in change_points(outline, policy) if found.effect < 0)
    return tuple(replace(f, kind=Kind.HIT_RATIO) if f.kind is Kind.CHANGE_POINT else f for f in falls)
