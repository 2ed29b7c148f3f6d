"""
What recording costs the program, as a metric: measured as it goes, two readings of a clock each time.

Flushes and collections are all timed, of samples one in sixteen.
"""

from __future__ import annotations

from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from autonomous_dev import _state
from autonomous_dev.conventions import COMPONENT, OVERHEAD_DESCRIPTION, OVERHEAD_DURATION

JOURNAL: Final = "journal"
"""Samples and flushes on their way to a file, or to memory where there is none."""

READER: Final = "reader"
"""Turning what instruments report into series; not the time of their own callbacks."""


def observe_overhead(meter: Meter) -> None:
    """
    Report on *meter* what each component has cost; of two such instruments on one meter only the first is ever asked.
    """
    meter.create_observable_counter(OVERHEAD_DURATION, callbacks=[_seconds], unit="s", description=OVERHEAD_DESCRIPTION)


def _seconds(_: CallbackOptions) -> list[Observation]:
    return [Observation(spent, {COMPONENT: component}) for component, spent in _state.overhead_seconds().items()]
