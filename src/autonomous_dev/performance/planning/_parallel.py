"""
Whether worker processes would save time: an estimate of what they cost and what they save.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, SupportsFloat

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.performance.planning._measured import seconds_of

FORKS: Final = sys.platform == "linux" and sys.version_info < (3, 14)
"""
Whether ``multiprocessing`` forks unless told otherwise.

Source: https://docs.python.org/3.14/library/multiprocessing.html#contexts-and-start-methods
"""

START_UP: Final = 0.002 if FORKS else 0.06
"""
Seconds until one more worker process is ready, where the caller does not say.

Measured on 2 cores with CPython 3.11, medians of 7 ``ProcessPoolExecutor``s that ran one empty task a worker: 2 to
3 ms for each worker that is forked, 34 to 64 ms for each that is spawned, 14 to 24 ms by a fork server. What a
spawned worker imports comes on top.
"""

PICKLING: Final = 150e-6
"""
Seconds to hand one item to a worker and to take its result back, where the caller does not say.

Measured as START_UP, by ``ProcessPoolExecutor.map`` with a chunk size of 1: 132 µs for an integer, 137 µs for 1 kB,
216 µs for a list of 1,000 floats, 270 µs for 100 kB.
"""

MARGIN: Final = 0.1
"""Share of the time in a row that must be saved: less is within the error of the estimate."""

_ALL_TRIED: Final = 256


@dataclass(frozen=True, slots=True)
class ParallelPlan:
    """
    What running in worker processes would take, compared with running in a row.

    Attributes:
        worthwhile: Whether at least a tenth of the time would be saved.

        workers: Processes to start; 1 where it is not worthwhile.

        serial_seconds: How long all items take one after the other.

        parallel_seconds: How long they take with the number of processes that is best, start-up and transfer
            included; as long as in a row where there is no second worker to ask for.

        speed_up: ``serial_seconds / parallel_seconds``; 1 where both are 0.

        reason: One sentence: what decides.
    """

    worthwhile: bool
    workers: int
    serial_seconds: float
    parallel_seconds: float
    speed_up: float
    reason: str


def parallel_plan(
    durations: Iterable[SupportsFloat],
    *,
    workers: int | None = None,
    start_up: float | None = None,
    pickling: float | None = None,
) -> ParallelPlan:
    """
    What ``OptimizationStrategy.parallel_plan`` says, which see.
    """
    seconds = seconds_of(durations, "durations")
    most = _cores() if workers is None else _workers(workers)
    each_start = START_UP if start_up is None else _cost(start_up, "start_up")
    each_item = PICKLING if pickling is None else _cost(pickling, "pickling")
    serial, longest, count = math.fsum(seconds), max(seconds, default=0.0), len(seconds)
    most = min(most, count)
    if most < 2:
        what = "is one worker only" if count > 1 else "is one item only" if count else "are no items"
        return ParallelPlan(False, 1, serial, serial, 1.0, f"In a row: there {what}.")

    def taking(number: int) -> float:
        return parallel_seconds(serial, longest, count, workers=number, start_up=each_start, pickling=each_item)

    best = min(_numbers(serial, longest, most, each_start), key=taking)
    parallel = taking(best)
    worthwhile = parallel < (1 - MARGIN) * serial
    return ParallelPlan(
        worthwhile=worthwhile,
        workers=best if worthwhile else 1,
        serial_seconds=serial,
        parallel_seconds=parallel,
        speed_up=serial / parallel if parallel else 1.0,
        reason=_reason(worthwhile, serial, parallel, longest, best, best * each_start, count * each_item),
    )


def parallel_seconds(
    serial: float, longest: float, count: int, *, workers: int, start_up: float, pickling: float
) -> float:
    """
    How long *count* items take at most in *workers* processes.

    The formula is ``workers * start_up + count * pickling + b``: what the parent does in a row, and then the most
    that any worker is busy when each takes the next item as soon as it is free. b is the smaller of
    ``serial / workers + (1 - 1 / workers) * longest`` and ``ceil(count / workers) * longest``, which is exact for
    equal items: a worker that begins its last item later would have left another idle.

    Args:
        serial: Sum of the items' seconds.

        longest: Largest of them.

        count: Number of items.

        workers: At least 1.

        start_up: Seconds for each worker.

        pickling: Seconds for each item.

    Source:
        The part that stays in a row: Amdahl (1967), "Validity of the single processor approach to achieving large
        scale computing capabilities", AFIPS 30. The bound on list scheduling: Graham (1966), "Bounds for certain
        multiprocessing anomalies", Bell System Technical Journal 45(9), in the form of his proof.
    """
    busy = min(serial / workers + (1 - 1 / workers) * longest, math.ceil(count / workers) * longest)
    return workers * start_up + count * pickling + busy


def _numbers(serial: float, longest: float, most: int, start_up: float) -> list[int]:
    """
    Numbers of workers that may be best, in order: all up to 256, and those at which the derivative of
    ``serial / workers + (1 - 1 / workers) * longest + workers * start_up`` is 0.
    """
    ideal = math.sqrt(max(serial - longest, 0.0) / start_up) if start_up else math.inf
    ideal = min(ideal, most)
    numbers = {*range(2, min(most, _ALL_TRIED) + 1), math.floor(ideal), math.ceil(ideal), most}
    return sorted(number for number in numbers if number >= 2)


def _reason(
    worthwhile: bool, serial: float, parallel: float, longest: float, workers: int, starting: float, handing: float
) -> str:
    if worthwhile:
        return (
            f"{workers} processes: about {_seconds(parallel)} instead of {_seconds(serial)}, of which "
            f"{_seconds(starting)} to start them and {_seconds(handing)} to hand over items."
        )
    costs = {
        f"starting {workers} processes takes {_seconds(starting)}": starting,
        f"handing over the items takes {_seconds(handing)}": handing,
        f"the longest item alone takes {_seconds(longest)}": (1 - 1 / workers) * longest,
    }
    return f"In a row: of {_seconds(serial)} too little would be saved, since {max(costs, key=lambda c: costs[c])}."


def _seconds(value: float) -> str:
    if value >= 1:
        return f"{value:,.3g} s" if value < 1000 else f"{value:,.0f} s"
    return f"{1e3 * value:.3g} ms" if value >= 1e-3 else f"{1e6 * value:.3g} µs"


def _cores() -> int:
    """
    Cores that this process may use; a container's share of CPU time is not known here.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _workers(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidTypeError(f"workers is {value!r} of type {type(value).__name__}; expected a number of processes")
    if value < 1:
        raise InvalidValueError(f"workers is {value}; expected 1 or more, or None for as many as there are cores")
    return value


def _cost(value: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTypeError(f"{name} is {value!r} of type {type(value).__name__}; expected seconds")
    if not 0 <= value < math.inf:
        raise InvalidValueError(
            f"{name} is {value}; expected seconds, 0 or more and finite, or None for a typical cost"
        )
    return float(value)
