"""
What we say of ourselves: what the instrumentation cost so far, and which names its bounds refused.
"""

from __future__ import annotations

import weakref
from typing import Any, Final

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

from autonomous_dev import _state
from autonomous_dev.conventions import (
    COMPONENT,
    OVERHEAD_DESCRIPTION,
    OVERHEAD_DURATION,
    SERIES_DROPPED,
    SERIES_DROPPED_DESCRIPTION,
)

PROFILER: Final = "profiler"
CACHE: Final = "cache"


def observe_ourselves(meter: Meter, provider: MeterProvider | None) -> None:
    """
    Report on *meter*, which is of *provider*; None stands for the global one.

    The record stage makes the same two instruments. Of two of one name the SDK asks the first only, so that either
    says what the other would.
    """
    # Weakly: what is made on a provider is kept for as long as it lives.
    reference = None if provider is None else weakref.ref(provider)

    def dropped(_: CallbackOptions) -> list[Observation]:
        on = None if reference is None else reference()
        recorded = (pair for gauges in _recorded_on(on) for pair in gauges.dropped())
        return [Observation(count, attributes) for attributes, count in (*recorded, *_state.dropped_series())]

    meter.create_observable_counter(OVERHEAD_DURATION, [_seconds], unit="s", description=OVERHEAD_DESCRIPTION)
    meter.create_observable_counter(SERIES_DROPPED, [dropped], unit="{series}", description=SERIES_DROPPED_DESCRIPTION)


def _seconds(_: CallbackOptions) -> list[Observation]:
    return [Observation(spent, {COMPONENT: component}) for component, spent in _state.overhead_seconds().items()]


def _recorded_on(provider: MeterProvider | None) -> list[Any]:
    """
    The gauges of recorded metrics on *provider*: at most one.
    """
    if provider is None and _state.global_gauges:
        return _state.global_gauges
    found = _state.gauges.get(metrics.get_meter_provider() if provider is None else provider)
    return [] if found is None else [found]
