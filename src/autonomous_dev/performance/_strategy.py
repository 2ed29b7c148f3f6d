"""
``OptimizationStrategy``: how to cut work into batches, when to run it in parallel, how its cost grows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, TypeVar

from autonomous_dev.errors import InvalidTypeError, InvalidValueError

T = TypeVar("T")

DEFAULT_THRESHOLD: Final = 10
"""Items below which starting workers rarely pays; measure your own, as it depends on what one item takes."""


class OptimizationStrategy:
    """
    Plain answers to the questions that come before an optimisation. All methods are static.
    """

    @staticmethod
    def batch_operations(items: Iterable[T], batch_size: int) -> list[list[T]]:
        """
        Cut *items* into lists of *batch_size*, in their order; the last one may be shorter.

        Args:
            items: Any iterable; read once.

            batch_size: At least 1.

        Returns:
            ceil(n / batch_size) lists; none for no items.

        Raises:
            InvalidTypeError: If *items* cannot be iterated or *batch_size* is no integer.

            InvalidValueError: If *batch_size* is below 1.
        """
        size = _integer(batch_size, "batch_size", at_least=1)
        try:
            iterator = iter(items)
        except TypeError:
            raise InvalidTypeError(
                f"items is a {type(items).__name__}; expected something to iterate over, such as a list"
            ) from None
        batches = []
        while batch := list(islice(iterator, size)):
            batches.append(batch)
        return batches

    @staticmethod
    def should_parallelize(item_count: int, threshold: int = DEFAULT_THRESHOLD) -> bool:
        """
        True where there are at least *threshold* items: the rule is item_count ≥ threshold, nothing more.

        Workers cost a fixed time to start, so that few items are quicker in a row; the number at which it
        turns is start time / (time per item * (1 - 1 / workers)), which a profiler tells.

        Args:
            item_count: At least 0.

            threshold: At least 0.

        Raises:
            InvalidTypeError: If an argument is no integer.

            InvalidValueError: If an argument is below 0.

        Source:
            Amdahl (1967), "Validity of the single processor approach to achieving large scale computing
            capabilities", AFIPS 30, with a start-up term.
        """
        return _integer(item_count, "item_count", at_least=0) >= _integer(threshold, "threshold", at_least=0)

    @staticmethod
    def estimate_complexity(n: float, complexity_type: str = "linear") -> float:
        """
        How many steps an algorithm of a known order takes for *n* items, up to a constant factor.

        ============== ==========================
        complexity     steps
        ============== ==========================
        constant       1
        logarithmic    ln n (0 for n ≤ 1)
        linear         n
        linearithmic   n ln n (0 for n ≤ 1)
        quadratic      n²
        cubic          n³
        exponential    2ⁿ
        ============== ==========================

        Args:
            n: Items, at least 0 and finite.

            complexity_type: One of the names above.

        Returns:
            Steps; infinity where they exceed the largest float, 1.8e308. Compare two answers, since a
            constant factor is left out: quadratic, 10 times the items take 100 times as long.

        Raises:
            InvalidTypeError: If *n* is no number or *complexity_type* no string.

            InvalidValueError: If *n* is negative or not finite, or *complexity_type* is not known.

        Source:
            Orders of growth: Cormen et al. (2022), Introduction to Algorithms, 4th ed., chapter 3.
        """
        if isinstance(n, bool) or not isinstance(n, int | float):
            raise InvalidTypeError(f"n is {n!r} of type {type(n).__name__}; expected a number of items")
        if not 0 <= n < math.inf:  # compares integers of any size, and refuses NaN
            raise InvalidValueError(f"n is {n!r}; expected a number of items, 0 or more")
        if not isinstance(complexity_type, str):
            raise InvalidTypeError(
                f"complexity_type is a {type(complexity_type).__name__}; expected one of {', '.join(_STEPS)}"
            )
        steps = _STEPS.get(complexity_type)
        if steps is None:
            raise InvalidValueError(f"complexity_type is {complexity_type!r}; expected one of {', '.join(_STEPS)}")
        try:
            return float(steps(n))
        except OverflowError:
            return math.inf


def _logarithm(n: float) -> float:
    return math.log(n) if n > 1 else 0.0


_STEPS: Final[dict[str, Callable[[float], float]]] = {
    "constant": lambda _: 1.0,
    "logarithmic": _logarithm,
    "linear": lambda n: n,
    "linearithmic": lambda n: n * _logarithm(n),
    "quadratic": lambda n: n * n,
    "cubic": lambda n: n * n * n,
    "exponential": lambda n: math.pow(2.0, n),
}


def _integer(value: int, name: str, *, at_least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidTypeError(f"{name} is {value!r} of type {type(value).__name__}; expected an integer")
    if value < at_least:
        raise InvalidValueError(f"{name} is {value}; expected {at_least} or more")
    return value
