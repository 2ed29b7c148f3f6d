"""
The instruments of what profilers are asked for besides time: CPU time, memory, budgets. Made when first asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, Observation

from autonomous_dev import _state
from autonomous_dev.conventions import CALL_BUDGET, CALL_CPU_DURATION, CALL_MEMORY_PEAK, DURATION_BOUNDS, OPERATION
from autonomous_dev.performance._instruments import meter_on, once

MEMORY_BOUNDS: Final[tuple[float, ...]] = tuple(float(4**exponent) for exponent in range(5, 19))
"""Upper bounds of CALL_MEMORY_PEAK's buckets in bytes: 1 KiB to 64 GiB, each four times the one before."""


def cpu_duration_on(provider: MeterProvider | None) -> Histogram | None:
    """
    The histogram of CPU times on *provider*, the global one by default; None where it could not be made.
    """
    return once(CALL_CPU_DURATION, provider, _make_cpu_duration)


def memory_peak_on(provider: MeterProvider | None) -> Histogram | None:
    """
    The histogram of peaks of memory on *provider*, the global one by default; None where it could not be made.
    """
    return once(CALL_MEMORY_PEAK, provider, _make_memory_peak)


def observe_budgets(provider: MeterProvider | None) -> None:
    """
    Report the budgets of operations on *provider*, the global one by default. Doing it twice changes nothing.
    """
    once(CALL_BUDGET, provider, _make_budgets)


def _make_cpu_duration(provider: MeterProvider | None) -> Histogram:
    return meter_on(provider).create_histogram(
        CALL_CPU_DURATION,
        unit="s",
        description="CPU time of profiled operations.",
        explicit_bucket_boundaries_advisory=DURATION_BOUNDS,
    )


def _make_memory_peak(provider: MeterProvider | None) -> Histogram:
    return meter_on(provider).create_histogram(
        CALL_MEMORY_PEAK,
        unit="By",
        description="Most memory that profiled operations held at once.",
        explicit_bucket_boundaries_advisory=MEMORY_BOUNDS,
    )


def _make_budgets(provider: MeterProvider | None) -> object:
    return meter_on(provider).create_observable_gauge(
        CALL_BUDGET, [_budgets], unit="s", description="How long profiled operations may take."
    )


def _budgets(_: CallbackOptions) -> Iterable[Observation]:
    return [Observation(seconds, {OPERATION: operation}) for operation, seconds in list(_state.budgets.items())]
