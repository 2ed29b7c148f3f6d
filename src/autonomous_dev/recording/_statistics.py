"""
What a histogram or a counter of one interval becomes as samples.

The metric reader and the journal both come here, so that a live process and its file give the same series.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from autonomous_dev.conventions import HISTOGRAM_COUNT, HISTOGRAM_MEAN, HISTOGRAM_QUANTILES

NANOSECONDS = 1e9


def rate_unit(unit: str) -> str:
    """
    The unit of a counter's rate: ``{request}`` → ``{request}/s``.
    """
    return f"{unit or '1'}/s"


def rate(amount: float, start_unix_nano: int, end_unix_nano: int) -> float | None:
    """
    *amount* per second; None where no time passed.
    """
    elapsed = end_unix_nano - start_unix_nano
    return amount * NANOSECONDS / elapsed if elapsed > 0 else None


def histogram_samples(
    name: str, unit: str, cells: Sequence[float], bounds: Sequence[float]
) -> Iterator[tuple[str, str, float]]:
    """
    (name, unit, value) for each statistic of a histogram that covers one interval.

    Args:
        name: The histogram.

        unit: Its unit.

        cells: Count, sum and, where the histogram has buckets, shape (n+1,) of them. Without a count no samples.

        bounds: Shape (n,): upper bounds.
    """
    count, total, *buckets = cells
    if count <= 0:
        return
    yield name + HISTOGRAM_COUNT, "", float(count)
    yield name + HISTOGRAM_MEAN, unit, total / count
    if bounds and len(buckets) == len(bounds) + 1:
        # Values below 0 would lower the sum: they can only be in the first bucket, and no duration is one.
        bound = total if unit == "s" or not buckets[0] else math.inf
        for suffix, quantile in HISTOGRAM_QUANTILES:
            # Of one measurement the sum is known, and its bucket no better.
            yield name + suffix, unit, total if count == 1 else bucket_quantile(quantile, buckets, bounds, bound)


def bucket_quantile(
    quantile: float, buckets: Sequence[float], bounds: Sequence[float], total: float = math.inf
) -> float:
    """
    The *quantile* of a histogram, by linear interpolation inside its bucket.

    The first bucket begins at 0 where its bound is positive; the last one has no end, so its lower bound is the
    answer. With their *total* no quantile is above the largest value that there can have been.

    Args:
        quantile: In (0, 1).

        buckets: Shape (n+1,): how many values each holds.

        bounds: Shape (n,): upper bounds.

        total: Sum of all values, none of which is negative; infinite where unknown.

    Source:
        Prometheus' ``histogram_quantile``:
        https://prometheus.io/docs/prometheus/2.42/querying/functions/#histogram_quantile
    """
    rank = quantile * sum(buckets)
    below = 0.0
    for index, held in enumerate(buckets):
        if held and below + held >= rank:
            if index == len(bounds):
                return bounds[-1]
            lower = bounds[index - 1] if index else min(0.0, bounds[0])
            inside = lower + (bounds[index] - lower) * (rank - below) / held
            return max(lower, min(inside, _largest(buckets, bounds, total)))
        below += held
    return bounds[-1]


def _largest(buckets: Sequence[float], bounds: Sequence[float], total: float) -> float:
    """
    The largest value that there can have been: that where all others were as small as their buckets let them be.
    """
    lowest = (0.0, *bounds)
    held = [(count, low) for count, low in zip(buckets, lowest, strict=True) if count]
    return total - sum(count * low for count, low in held) + held[-1][1]
