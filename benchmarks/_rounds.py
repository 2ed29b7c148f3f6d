"""
Cases that take turns: in each round every case runs once, in an order that is shuffled anew.

What disturbs the machine disturbs the cases of one round alike, so ratios are formed within a round.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Case = Callable[[int], None]
"""Does what is measured so many times."""


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


def spread(values: Sequence[float]) -> Spread:
    """
    Quartiles of at least two *values*.
    """
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, median, high)


def take_turns(cases: Mapping[str, Case], *, rounds: int, times: int, seed: int = 1) -> dict[str, list[float]]:
    """
    Seconds of one call, for each case and round.

    Args:
        cases: By name. Each gets a number and does its work so many times.

        rounds: How often each case runs.

        times: The number that a case gets.

        seed: Of the order within the rounds.
    """
    rng = random.Random(seed)
    names = list(cases)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for case in cases.values():
        case(times)  # unmeasured: caches are warm afterwards
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            rng.shuffle(names)
            for name in names:
                began = time.perf_counter()
                cases[name](times)
                taken[name].append((time.perf_counter() - began) / times)
    finally:
        gc.enable()
    return taken


def ratio(taken: Mapping[str, Sequence[float]], case: str, by: str) -> Spread:
    """
    What *case* took by what *by* took in the same round.
    """
    return spread([a / b for a, b in zip(taken[case], taken[by], strict=True)])
