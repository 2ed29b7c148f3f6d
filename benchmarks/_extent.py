"""
How much is measured, and with what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final, TypeVar

from _contenders import OURS

MOST: Final = 500
"""Tasks after which it ends, enough or not."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Extent:
    """
    Sizes of the samples that are drawn.

    Attributes:
        null: Series of each kind and length in which nothing changes.

        null_peers: How many of these the peers see.

        looked_at: Series that are looked at after each of 300 runs.

        changed: Series with changes.

        changed_peers: How many of these the peers see.

        delays: Series of each size of step.

        reports: Reports that a calibration rests on.

        windows: Windows of each length made of histories.

        windows_peers: How many of these the peers see.

        timed: Series of each length that are timed.

        many: Series of 1,000 samples in one run of the engine.
    """

    null: int
    null_peers: int
    looked_at: int
    changed: int
    changed_peers: int
    delays: int
    reports: int
    windows: int
    windows_peers: int
    timed: int
    many: int


FULL: Final = Extent(
    null=2_000,
    null_peers=200,
    looked_at=2_000,
    changed=6_000,
    changed_peers=1_000,
    delays=500,
    reports=20_000,
    windows=2_000,
    windows_peers=500,
    timed=20,
    many=10_000,
)
QUICK: Final = Extent(
    null=40,
    null_peers=10,
    looked_at=15,
    changed=400,
    changed_peers=80,
    delays=30,
    reports=500,
    windows=150,
    windows_peers=40,
    timed=5,
    many=300,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """
    What a group of rows is measured with.

    Attributes:
        extent: How much.

        peers: Names of the peers that are there.

        data: The folder of real series; None where none was given.

        seed: Of all that is drawn.

        processes: That share the work whose time is not measured.
    """

    extent: Extent
    peers: tuple[str, ...]
    data: Path | None
    seed: int
    processes: int

    @property
    def contenders(self) -> tuple[str, ...]:
        """
        The names of all that are measured.
        """
        return (OURS, *self.peers)

    def done(self, work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """
        What *work*, a function of a module, makes of each task, in order, in as many processes as may be used.
        """
        if self.processes == 1:
            yield from map(work, tasks)
            return
        # Not forked: a child that inherits the pipes of another's peers would keep them open.
        with ProcessPoolExecutor(self.processes, mp_context=get_context("spawn")) as executor:
            yield from executor.map(work, tasks)

    def done_until(self, work: Callable[[T], R], tasks: Callable[[int], T], enough: Callable[[R], bool]) -> list[R]:
        """
        What *work* makes of task 0, 1, 2, ... until *enough*, which sees each result once, says so, or there were 500.

        The results are the same whatever the processes: what comes after the one that was enough is left out.
        """
        results: list[R] = []
        for begin in range(0, MOST, self.processes):
            for result in self.done(work, [tasks(begin + i) for i in range(self.processes)]):
                results.append(result)
                if enough(result):
                    return results
        return results
