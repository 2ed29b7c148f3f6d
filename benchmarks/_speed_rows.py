"""
How long finding takes: of one series, and of many in one run of the engine.
"""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

import numpy as np
from _contenders import OURS, contenders
from _detection_row import MEGABYTES, MILLISECONDS, SECONDS, Figure, Row
from _extent import Setting
from _worlds import NULL_KINDS, changed_series, null_series
from numpy.typing import NDArray

from autonomous_dev.learning import judge
from autonomous_dev.policy import Policy
from autonomous_dev.series import NO_ATTRIBUTES, Series, SeriesKey, make_series

GROUP: Final = "speed"
MANY: Final = "many"
TARGETS: Final = {100: 2.0, 1_000: 10.0, 10_000: 120.0}
ROUNDS: Final = 3
MANY_SAMPLES: Final = 1_000
MANY_TARGET: Final = 60.0
PROCESSES: Final = 2


def mixed_series(n: int, number: int, seed: int) -> NDArray[np.float64]:
    """
    Series *number* of *n* samples: kinds in turn, every second one with changes.
    """
    rng = np.random.default_rng((seed, 7, n, number))
    kind = NULL_KINDS[number % len(NULL_KINDS)]
    return changed_series(kind, n, rng).values if number % 2 else null_series(kind, n, rng)


def speed_rows(setting: Setting) -> list[Row]:
    """
    Median over series of the best of three rounds in which the contenders take turns; finding alone is timed.
    """
    rows = []
    for n, target in TARGETS.items():
        series = [mixed_series(n, i, setting.seed) for i in range(setting.extent.timed)]
        took = {one.name: [np.inf] * len(series) for one in contenders(setting.contenders)}
        for _ in range(ROUNDS):
            for i, values in enumerate(series):
                for one in contenders(setting.contenders):
                    took[one.name][i] = min(took[one.name][i], one.timed(values)[1])
        figures = {
            who: Figure(1e3 * float(np.median(each)), len(each), (1e3 * float(np.min(each)), 1e3 * float(np.max(each))))
            for who, each in took.items()
        }
        rows.append(Row(GROUP, f"one series of {n:,} samples (smallest to largest)", MILLISECONDS, figures, target))
    return rows


def many_rows(setting: Setting) -> list[Row]:
    """
    One run of the engine, all detectors, over an executor with two processes; in a process of its own, so that the
    memory is that of the run.
    """
    size = setting.extent.many
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        took, caller, child = alone.submit(run_many, size, setting.seed).result()
    what = f"{size:,} series of {MANY_SAMPLES:,} samples, {PROCESSES} processes"
    return [
        Row(MANY, what, SECONDS, {OURS: Figure(took, size)}, MANY_TARGET * size / 10_000),
        Row(MANY, "… peak memory of the caller, the series included", MEGABYTES, {OURS: Figure(caller, 1)}),
        Row(MANY, "… peak memory of a process of the executor, the larger one", MEGABYTES, {OURS: Figure(child, 1)}),
    ]


def run_many(size: int, seed: int) -> tuple[float, float, float]:
    """
    Seconds of a run over *size* series; megabytes that this process held at most, and one of the executor's.
    """
    series = [_series(i, mixed_series(MANY_SAMPLES, i, seed)) for i in range(size)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as executor:
        list(executor.map(_imported, range(PROCESSES)))  # what is measured is a run, not the start of Python
        began = time.perf_counter()
        judge(series, Policy(), now=float(MANY_SAMPLES), executor=executor)
        took = time.perf_counter() - began
        children = list(executor.map(_megabytes, range(4 * PROCESSES)))
    return took, _megabytes(0), max(children)


def _imported(number: int) -> int:
    return number


def _megabytes(number: int) -> float:
    """
    The most that this process ever held; *number* only tells the tasks apart.
    """
    del number
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _series(number: int, values: NDArray[np.float64]) -> Series:
    times = np.arange(len(values), dtype=np.int64) * 1_000_000_000
    key = SeriesKey("duration", "s", (("case", str(number)),))
    return make_series(key, times, values, (NO_ATTRIBUTES,) * len(values))
