"""
Batches: cutting work into them, and how large they should be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple, SupportsFloat, TypeVar

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.performance.planning._measured import same_length, seconds_of, sizes_of

T = TypeVar("T")

_ROUNDING: Final = 1e-12


class BatchCost(NamedTuple):
    """
    What a batch of n items takes: ``overhead_seconds + n * item_seconds``.

    Attributes:
        overhead_seconds: For each batch, whatever its size.

        item_seconds: For each item.
    """

    overhead_seconds: float
    item_seconds: float


def batches_of(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """
    Lists of *size* items, made as they are asked for; the last may be shorter.

    Raises:
        InvalidTypeError: At once, if *items* cannot be iterated.
    """
    try:
        iterator = iter(items)
    except TypeError:
        raise InvalidTypeError(
            f"items is a {type(items).__name__}; expected something to iterate over, such as a list"
        ) from None
    return iter(lambda: list(islice(iterator, size)), [])


def smallest_batch(overhead_seconds: float, item_seconds: float, share: float) -> int:
    """
    What ``OptimizationStrategy.batch_size`` says, which see.
    """
    overhead = _seconds(overhead_seconds, "overhead_seconds")
    item = _seconds(item_seconds, "item_seconds")
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise InvalidTypeError(f"share is {share!r} of type {type(share).__name__}; expected a share such as 0.05")
    if not 0 < share < 1:
        raise InvalidValueError(f"share is {share}; expected a share between 0 and 1, such as 0.05 for 5%")
    if overhead == 0:
        return 1
    needed = overhead / share - overhead  # what the items of a batch must take together
    size = needed / item if item else math.inf
    if size == math.inf:
        raise InvalidValueError(
            f"item_seconds is {item_seconds} beside an overhead of {overhead_seconds} s; "
            f"no batch is large enough: measure larger batches, or raise share"
        )
    # Within rounding of a whole number it is that number: 19.000000000000004 items are 19.
    return max(1, round(size) if math.isclose(size, round(size), rel_tol=1e-12) else math.ceil(size))


def batch_cost(sizes: Iterable[SupportsFloat], durations: Iterable[SupportsFloat]) -> BatchCost:
    """
    What ``OptimizationStrategy.batch_cost`` says, which see.
    """
    items, seconds = sizes_of(sizes, "sizes"), seconds_of(durations, "durations", above_zero=True)
    same_length(items, "sizes", seconds, "durations")
    if len(set(items)) < 2:
        given = f"{len(items)} of {items[0]:g} items" if items else "no batches"
        raise InvalidValueError(
            f"sizes has {given}; expected batches of two sizes or more, as one size cannot tell overhead from work"
        )
    # Relative errors: each row of  overhead / d + item * n / d = 1  is divided by its duration; the scales keep
    # squares within what a float holds.
    longest, largest = max(seconds), max(items)
    rows = [(longest / d, n / largest * (longest / d)) for n, d in zip(items, seconds, strict=True)]
    oo = math.fsum(a * a for a, _ in rows)
    oi = math.fsum(a * b for a, b in rows)
    ii = math.fsum(b * b for _, b in rows)
    o, i = math.fsum(a for a, _ in rows), math.fsum(b for _, b in rows)
    found = [(o / oo, 0.0), (0.0, i / ii)]
    determinant = oo * ii - oi * oi
    if determinant > _ROUNDING * oo * ii:
        both = (o * ii - i * oi) / determinant, (i * oo - o * oi) / determinant
        if min(both) >= 0:
            found.append(both)
    overhead, item = min(found, key=lambda cost: math.fsum((cost[0] * a + cost[1] * b - 1) ** 2 for a, b in rows))
    return BatchCost(overhead * longest, item * longest / largest)


def _seconds(value: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTypeError(f"{name} is {value!r} of type {type(value).__name__}; expected seconds")
    if not 0 <= value < math.inf:
        raise InvalidValueError(f"{name} is {value}; expected seconds, 0 or more and finite")
    return float(value)
