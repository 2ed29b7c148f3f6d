"""
Ten thousand series of a thousand samples, judged in one run: here, over two processes, or on a Dask cluster.

::

    python examples/many_series.py                     # in this process
    python examples/many_series.py --on processes      # two processes of this machine
    python examples/many_series.py --on dask           # a Dask cluster; needs: pip install distributed

Any executor of ``concurrent.futures`` will do; Dask's is ``Client.get_executor()``. Whatever is chosen, the insights
are the same: the series are simulated, one in fourteen of them steps up, and the share is estimated from the run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from rich.progress import Progress

from autonomous_dev.learning import Judgement, judge
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series, SeriesKey, make_series

HOUR = 3600 * 10**9
CHANGING = 1 / 14


def simulated(count: int, samples: int, seed: int = 11) -> list[Series]:
    """
    *count* durations of about 100 s with 2% noise, hourly; some step up by 2 to 30% and stay there.
    """
    rng = np.random.default_rng(seed)
    times = np.arange(samples) * HOUR
    made = []
    for number in range(count):
        values = rng.normal(100.0, 2.0, samples)
        if rng.random() < CHANGING:
            values[int(rng.integers(samples // 10, samples - samples // 10)) :] *= 1 + rng.uniform(0.02, 0.3)
        made.append(make_series(SeriesKey(f"case_{number}_duration", "s"), times, values))
    return made


@contextmanager
def executor_of(name: str, workers: int) -> Iterator[Executor | None]:
    """
    The executor of this name; None for here.
    """
    if name == "here":
        yield None
    elif name == "threads":
        with ThreadPoolExecutor(workers) as threads:
            yield threads
    elif name == "processes":
        # Not forked: a fork of a process with threads may hang.
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as processes:
            yield processes
    else:
        from distributed import Client  # noqa: PLC0415  # an extra of those who want it

        # A cluster of this machine; Client("scheduler:8786") joins another.
        with Client(n_workers=workers, threads_per_worker=1, dashboard_address=None) as client:
            yield client.get_executor()


def judged(series: list[Series], executor: Executor | None) -> Judgement:
    """
    The judgement of all of them, with a progress bar.
    """
    with Progress(transient=True) as bar:
        task = bar.add_task("judging", total=len(series))

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        now = len(series[0]) * HOUR / 1e9
        return judge(series, Policy(), now=now, executor=executor, progress=progress)


def main() -> None:
    """
    Judge as the command line says, and print what that took.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--on", choices=("here", "threads", "processes", "dask"), default="here")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=1_000)
    options = parser.parse_args()
    series = simulated(options.series, options.samples)
    with executor_of(options.on, options.workers) as executor:
        began = time.perf_counter()
        judgement = judged(series, executor)
        took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(series):,} series of {options.samples:,} samples in {took:.1f} s ({options.on}), peak {peak:,.0f} MB")
    print(f"estimated share of series that change: {judgement.prior:.1%} (simulated: {CHANGING:.1%})")
    print(f"{len(judgement.insights):,} insights, {len(judgement.announced):,} to be announced; the first three:")
    for insight in judgement.insights[:3]:
        print(f"  {insight.description}  [{insight.reason}]")


if __name__ == "__main__":
    main()
