"""
Cases that take turns: in each round every case runs once, in an order that is shuffled anew.

What disturbs the machine disturbs the cases of one round alike, so ratios are formed within a round. Nothing of this
package is imported here: the peers' environments have only OpenTelemetry.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

NOISE = 0.05
"""Share below which a difference says nothing."""


def _nothing() -> None: ...


@dataclass(frozen=True)
class Case:
    """
    Something that is done many times in a row.

    Attributes:
        work: Does it so many times: the caller's clock runs.

        times: How many.

        settle: What is done after each burst and before the next, when the caller does not wait: only the CPU time
            of the process is measured with it.
    """

    work: Callable[[int], object]
    times: int
    settle: Callable[[], object] = _nothing


@dataclass(frozen=True)
class Taken:
    """
    Seconds of one time, for each round.

    Attributes:
        wall: What the caller waited.

        cpu: What all threads of the process computed, settling included.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Spread:
    """
    Quartiles over the rounds.

    Attributes:
        low: A quarter of the rounds is below.

        median: Half of them.

        high: A quarter is above.
    """

    low: float
    median: float
    high: float

    def scaled(self, factor: float) -> Spread:
        """
        The same in another unit.
        """
        return Spread(self.low * factor, self.median * factor, self.high * factor)

    def by(self, other: Spread) -> Spread:
        """
        This by *other* where their rounds are not the same: the ends are the furthest that the quartiles allow.
        """
        return Spread(self.low / other.high, self.median / other.median, self.high / other.low)


def spread(values: Sequence[float]) -> Spread:
    """
    Quartiles of at least two *values*.
    """
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, median, high)


def alone(value: float) -> Spread:
    """
    One number that has no spread.
    """
    return Spread(value, value, value)


def ratio(values: Sequence[float], by: Sequence[float]) -> Spread:
    """
    *values* by what was taken in the same round.
    """
    return spread([a / b for a, b in zip(values, by, strict=True)])


def difference(values: Sequence[float], less: Sequence[float]) -> Spread:
    """
    *values* less what was taken in the same round.
    """
    return spread([a - b for a, b in zip(values, less, strict=True)])


def take_turns(cases: Mapping[str, Case], *, rounds: int, seed: int = 1) -> dict[str, Taken]:
    """
    What one time of each case took, in each round.

    The cyclic garbage collector does not run inside a case; between the rounds it does.

    Args:
        cases: By name.

        rounds: How often each case runs.

        seed: Of the order within the rounds.
    """
    rng = random.Random(seed)
    names = list(cases)
    taken = {name: Taken() for name in names}
    for case in cases.values():
        _run(case)  # unmeasured: caches are warm afterwards
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for _ in range(rounds):
            rng.shuffle(names)
            for name in names:
                wall, cpu = _run(cases[name])
                taken[name].wall.append(wall)
                taken[name].cpu.append(cpu)
            gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    return taken


def _run(case: Case) -> tuple[float, float]:
    cpu_began = time.process_time()
    began = time.perf_counter()
    case.work(case.times)
    wall = time.perf_counter() - began
    case.settle()
    return wall / case.times, (time.process_time() - cpu_began) / case.times
