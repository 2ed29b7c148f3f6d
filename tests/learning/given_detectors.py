"""
Detectors that other processes can import.
"""

from __future__ import annotations

import os

from autonomous_dev.learning.detectors import Finding, Kind, Outline
from autonomous_dev.policy import Policy


def found(kind: Kind = Kind.CHANGE_POINT, confidence: float = 0.9, start: int = 20, **other: object) -> Finding:
    """
    A finding that 10 became 14 at *start*, of 20 samples on either side.
    """
    about = {
        "kind": kind,
        "confidence": confidence,
        "start": start,
        "start_range": (start, start),
        "before": 10.0,
        "after": 14.0,
        "interval": (3.0, 5.0),
        "samples_before": 20,
        "samples_after": 20,
    }
    return Finding(**{**about, **other})


def largest(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    One finding at the largest sample, that carries the name's length: each series has its own.
    """
    del policy
    place = int(outline.series.values.argmax())
    return (found(start=place, before=float(len(outline.series.key.name)), after=float(outline.series.values[place])),)


def nothing(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    Nothing.
    """
    del outline, policy
    return ()


def failing_on_seven(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    Raises on the series of the name m7.
    """
    if outline.series.key.name == "m7":
        raise ZeroDivisionError("seven")
    return nothing(outline, policy)


def ending(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    Ends its process.
    """
    del outline, policy
    os._exit(3)


def seeing_contexts(outline: Outline, policy: Policy) -> tuple[Finding, ...]:
    """
    One finding if any sample has a context.
    """
    del policy
    return (found(),) if any(outline.series.contexts) else ()
