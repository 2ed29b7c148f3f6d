"""
What a profiled block costs: without an OpenTelemetry SDK, and with one beside the same written by hand.

Either side of a pair has providers of its own, of the same make: neither finds the other's spans in its queue.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from _by_hand import (
    Providers,
    SubclassedProvider,
    block_by_hand,
    burst,
    calls_by_hand,
    nothing,
    simple,
)
from _rounds import Case
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from autonomous_dev import PerformanceProfiler
from autonomous_dev.conventions import DURATION_BOUNDS
from autonomous_dev.performance._instruments import road_on
from autonomous_dev.performance._span import FAST as FAST_ROAD
from autonomous_dev.performance._span import PUBLIC as PUBLIC_ROAD

NO_SDK = "no SDK"
BATCH, SIMPLE, SAMPLED, PUBLIC, FULL, DECORATED = "batch", "simple", "sampled", "public", "full", "decorated"
BY_HAND = "by hand: "
"""Before a pair's name: the other side."""

BLOCKS, FILLING = 5_000, 40
SAMPLED_SHARE = 0.01


@contextmanager
def block_cases() -> Iterator[dict[str, Case]]:
    """
    Blocks by name, and their pairs by hand.
    """
    made: list[Providers] = []

    def pair(name: str, make: Callable[[], Providers], road: str = FAST_ROAD) -> dict[str, Case]:
        ours, theirs = make(), make()
        made.extend((ours, theirs))
        _check_road(ours, road)
        return {
            name: burst(_blocks(_profiler(ours)), ours.settle),
            BY_HAND + name: burst(block_by_hand(theirs, DURATION_BOUNDS), theirs.settle),
        }

    try:
        yield {
            NO_SDK: Case(_blocks(PerformanceProfiler("block")), BLOCKS),
            **pair(BATCH, Providers.make),
            **pair(SIMPLE, lambda: Providers.make(simple)),
            **pair(SAMPLED, lambda: Providers.make(sampler=TraceIdRatioBased(SAMPLED_SHARE))),
            **pair(PUBLIC, lambda: Providers.make(kind=SubclassedProvider), PUBLIC_ROAD),
            **_never_collected(made),
            **_decorated(made),
        }
    finally:
        for providers in made:
            providers.shut_down()


def no_sdk_is_set() -> bool:
    """
    Whether the global providers are those of the API: what "no SDK" is measured under.
    """
    return not isinstance(metrics.get_meter_provider(), MeterProvider) and not isinstance(
        trace.get_tracer_provider(), TracerProvider
    )


def _never_collected(made: list[Providers]) -> dict[str, Case]:
    # Spans are exported between the bursts, durations pile up: after the filling nothing is left pending.
    ours, theirs = Providers.make(), Providers.make()
    made.extend((ours, theirs))
    cases = {
        FULL: burst(_blocks(_profiler(ours)), ours.flush),
        BY_HAND + FULL: burst(block_by_hand(theirs, DURATION_BOUNDS), theirs.flush),
    }
    for case in cases.values():
        for _ in range(FILLING):
            case.work(case.times)
            case.settle()
    return cases


def _decorated(made: list[Providers]) -> dict[str, Case]:
    ours, theirs = Providers.make(), Providers.make()
    made.extend((ours, theirs))
    decorated = _profiler(ours)(nothing)

    def calls(times: int) -> None:
        for _ in itertools.repeat(None, times):
            decorated()

    return {
        DECORATED: burst(calls, ours.settle),
        BY_HAND + DECORATED: burst(calls_by_hand(theirs, DURATION_BOUNDS), theirs.settle),
    }


def _check_road(providers: Providers, expected: str) -> None:
    road = road_on(providers.tracers)
    if road is None or road.name != expected:
        msg = f"spans take {road and (road.name, road.reason)}, not the {expected} road: a row would be mislabelled"
        raise RuntimeError(msg)


def _profiler(providers: Providers) -> PerformanceProfiler:
    return PerformanceProfiler("block", tracer_provider=providers.tracers, meter_provider=providers.meters)


def _blocks(profiler: PerformanceProfiler) -> Callable[[int], None]:
    def blocks(times: int) -> None:
        for _ in itertools.repeat(None, times):
            with profiler:
                pass

    return blocks
