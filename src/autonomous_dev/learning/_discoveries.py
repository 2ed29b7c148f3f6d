"""
One budget of false discoveries over all series of a run: what may be announced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from autonomous_dev.learning._importance import QUIET, SURE
from autonomous_dev.learning._insight import LearningInsight, Status
from autonomous_dev.learning.detectors import Kind

DISCOVERIES: Final = frozenset(
    {
        Kind.CHANGE_POINT,
        Kind.HIT_RATIO,
        Kind.TREND,
        Kind.VARIABILITY,
        Kind.TAIL,
        Kind.FORECAST,
        Kind.ENVIRONMENT,
    }
)
"""Kinds that may be chance: the more series are looked at, the more of them are. A broken bound is a fact."""


def within_budget(insights: Sequence[LearningInsight], share: float) -> list[bool]:
    """
    Whether each insight may be announced, so that about *share* of what is announced is false at most.

    Announced is only what is at least SURE. One odd sample and what is unconfirmed never are: they are shown, and what
    becomes of them is announced. Discoveries are let in by falling confidence, as long as the mean of
    ``1 - confidence`` of those let in is at most *share*; the first always is, since one insight is no flood. What is
    no discovery makes no room for others and takes none. What is resolved was let in when it began.

    Args:
        insights: Of one run, over all series.

        share: In [0, 1).
    """
    over = [insight.status is Status.RESOLVED for insight in insights]
    sure = [insight.confidence >= SURE and insight.kind not in QUIET for insight in insights]
    discovered = [
        place
        for place, insight in enumerate(insights)
        if sure[place] and not over[place] and insight.kind in DISCOVERIES
    ]
    false = 0.0
    left_out: set[int] = set()
    for let_in, place in enumerate(sorted(discovered, key=lambda place: -insights[place].confidence)):
        false += 1 - insights[place].confidence
        # Rounding may take a sum of equal parts beyond their share. Once one is out, all that are less sure are.
        if left_out or (let_in and false > share * (let_in + 1) + 1e-9):
            left_out.add(place)
    return [over[place] or (sure[place] and place not in left_out) for place in range(len(insights))]
