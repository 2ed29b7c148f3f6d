"""
``OptimizationStrategy``: how to cut work into batches, when to run it in parallel, how its cost grows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sized
from typing import Final, Protocol, SupportsFloat, TypeVar, cast, overload

from autonomous_dev.complexity import STEPS, ComplexityFit
from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.performance.planning import _batches, _growth, _parallel
from autonomous_dev.performance.planning._batches import BatchCost
from autonomous_dev.performance.planning._parallel import ParallelPlan

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

DEFAULT_THRESHOLD: Final = 10
"""Items below which starting workers rarely pays; measure your own, as it depends on what one item takes."""

DEFAULT_SHARE: Final = 0.05
"""Largest share of a batch's time that its overhead should take: less is lost in the noise of most measurements."""


class SizedIterable(Protocol[T_co]):
    """
    What knows its length and can be iterated: lists, tuples, sets, arrays.
    """

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[T_co]: ...


class OptimizationStrategy:
    """
    Plain answers to the questions that come before an optimisation. All methods are static.
    """

    @overload
    @staticmethod
    def batch_operations(  # type: ignore[overload-overlap] # what has a length is cut at once, on purpose
        items: SizedIterable[T], batch_size: int
    ) -> list[list[T]]: ...

    @overload
    @staticmethod
    def batch_operations(items: Iterable[T], batch_size: int) -> Iterator[list[T]]: ...

    @staticmethod
    def batch_operations(items: Iterable[T], batch_size: int) -> list[list[T]] | Iterator[list[T]]:
        """
        Cut *items* into lists of *batch_size*, in their order; the last one may be shorter.

        Args:
            items: Any iterable; read once. One without a length, such as a generator, may be endless.

            batch_size: At least 1.

        Returns:
            For items with a length a list of ceil(n / batch_size) lists; for others an iterator that makes each
            list when it is asked for, as ``iter_batches`` does.

        Raises:
            InvalidTypeError: If *items* cannot be iterated or *batch_size* is no integer.

            InvalidValueError: If *batch_size* is below 1.
        """
        batches = OptimizationStrategy.iter_batches(items, batch_size)
        return list(batches) if isinstance(items, Sized) else batches

    @staticmethod
    def iter_batches(items: Iterable[T], batch_size: int) -> Iterator[list[T]]:
        """
        Cut *items* into lists of *batch_size* one at a time: no more than one batch is read ahead.

        Args:
            items: Any iterable, an endless one too.

            batch_size: At least 1.

        Returns:
            An iterator over lists; the last one may be shorter, and none is empty.

        Raises:
            InvalidTypeError: At once, if *items* cannot be iterated or *batch_size* is no integer.

            InvalidValueError: At once, if *batch_size* is below 1.
        """
        return _batches.batches_of(items, _integer(batch_size, "batch_size", at_least=1))

    @staticmethod
    def batch_size(overhead_seconds: float, item_seconds: float, *, share: float = DEFAULT_SHARE) -> int:
        """
        The smallest batch whose overhead takes at most *share* of its time.

        A batch of n takes overhead + n * item seconds, so that n ≥ overhead * (1 - share) / (share * item): with
        5%, nineteen times as many items as fit into the overhead. ``batch_size(*batch_cost(sizes, durations))``
        takes both from measured batches.

        Args:
            overhead_seconds: What a batch takes whatever its size; 0 or more.

            item_seconds: What each item takes; more than 0 unless there is no overhead.

            share: Between 0 and 1.

        Returns:
            At least 1.

        Raises:
            InvalidTypeError: If an argument is no number.

            InvalidValueError: If an argument is out of its range, or no batch is large enough.

        Source:
            Overhead as a share of a message's time, latency + n / bandwidth: Hockney (1994), "The communication challenge for
            MPP", Parallel Computing 20(3).
        """
        return _batches.smallest_batch(overhead_seconds, item_seconds, share)

    @staticmethod
    def batch_cost(sizes: Iterable[SupportsFloat], durations: Iterable[SupportsFloat]) -> BatchCost:
        """
        What a batch costs in itself and what each of its items does, from batches that were timed.

        Least squares of duration on size, in which the errors are shares of the durations, and neither cost is
        negative.

        Args:
            sizes: Items of each batch, at least 1; two different sizes or more.

            durations: Seconds of each batch, more than 0; as many as sizes.

        Returns:
            ``(overhead_seconds, item_seconds)``, the arguments of ``batch_size``.

        Raises:
            InvalidTypeError: If an argument is no flat row of numbers.

            InvalidValueError: If a number is out of its range, the lengths differ or there is one size only.

        Source:
            Weighted and non-negative least squares: Lawson & Hanson (1974), Solving Least Squares Problems,
            chapters 23 and 25.
        """
        return _batches.batch_cost(sizes, durations)

    @overload
    @staticmethod
    def should_parallelize(item_count: int, threshold: int = DEFAULT_THRESHOLD) -> bool: ...

    @overload
    @staticmethod
    def should_parallelize(
        item_count: Iterable[SupportsFloat],
        *,
        workers: int | None = None,
        start_up: float | None = None,
        pickling: float | None = None,
    ) -> bool: ...

    @overload
    @staticmethod
    def should_parallelize(
        *,
        durations: Iterable[SupportsFloat],
        workers: int | None = None,
        start_up: float | None = None,
        pickling: float | None = None,
    ) -> bool: ...

    @staticmethod
    def should_parallelize(
        item_count: int | Iterable[SupportsFloat] | None = None,
        threshold: int | None = None,
        *,
        durations: Iterable[SupportsFloat] | None = None,
        workers: int | None = None,
        start_up: float | None = None,
        pickling: float | None = None,
    ) -> bool:
        """
        Whether work is worth being done in parallel: by a rule of thumb from a count, by cost from durations.

        Given a count, True where there are at least *threshold* items: the rule is item_count ≥ threshold, nothing
        more. Given durations, True where ``parallel_plan`` finds worker processes worthwhile. Threads of one
        interpreter share the GIL: they save nothing on work in Python, only on waiting.

        Args:
            item_count: At least 0; or the durations, without their name.

            threshold: At least 0; for a count only.

            durations: Seconds that each item takes: list, tuple, array, numpy array, any iterable of numbers.

            workers: As for ``parallel_plan``; for durations only.

            start_up: As for ``parallel_plan``; for durations only.

            pickling: As for ``parallel_plan``; for durations only.

        Raises:
            InvalidTypeError: If an argument has the wrong type, or does not go with the other form.

            InvalidValueError: If an argument is out of its range.

        Source:
            Amdahl (1967), "Validity of the single processor approach to achieving large scale computing
            capabilities", AFIPS 30, with a start-up term.
        """
        if durations is None and not isinstance(item_count, int | str | bytes) and hasattr(item_count, "__iter__"):
            item_count, durations = None, item_count
        if durations is not None:
            if item_count is not None or threshold is not None:
                given = "threshold" if item_count is None else "item_count"
                raise InvalidTypeError(f"{given} came with durations, which decide by cost; leave it out")
            return _parallel.parallel_plan(durations, workers=workers, start_up=start_up, pickling=pickling).worthwhile
        for name, value in (("workers", workers), ("start_up", start_up), ("pickling", pickling)):
            if value is not None:
                raise InvalidTypeError(f"{name} came with a count, which says nothing of cost; give durations instead")
        count = _integer(cast("int", item_count), "item_count", at_least=0)
        return count >= _integer(DEFAULT_THRESHOLD if threshold is None else threshold, "threshold", at_least=0)

    @staticmethod
    def parallel_plan(
        durations: Iterable[SupportsFloat],
        *,
        workers: int | None = None,
        start_up: float | None = None,
        pickling: float | None = None,
    ) -> ParallelPlan:
        """
        What worker processes would save, in numbers.

        With W workers, n items, their sum S and the longest of them M, the estimate is
        ``W * start_up + n * pickling + min(S / W + (1 - 1 / W) * M, ceil(n / W) * M)``: what the parent does in a
        row (Amdahl), and the most that handing the next item to whoever is free can take (Graham). It is worthwhile
        where that is at least a tenth less than S. Processes, not threads: the GIL lets one thread at a time run
        Python.

        Args:
            durations: Seconds that each item takes, 0 or more: list, tuple, array, numpy array, any iterable.

            workers: At most so many processes, at least 1; None for as many as this process may use cores.

            start_up: Seconds until one more worker is ready; None for 2 ms where processes are forked and 60 ms
                where they are spawned, as measured on one machine.

            pickling: Seconds to hand over one item and take back its result; None for 150 µs, as measured there.

        Raises:
            InvalidTypeError: If an argument has the wrong type.

            InvalidValueError: If a number is negative, NaN or infinite, or *workers* below 1.

        Source:
            Amdahl (1967), AFIPS 30; Graham (1966), "Bounds for certain multiprocessing anomalies", Bell System
            Technical Journal 45(9).
        """
        return _parallel.parallel_plan(durations, workers=workers, start_up=start_up, pickling=pickling)

    @overload
    @staticmethod
    def fit_complexity(sizes: str) -> ComplexityFit: ...

    @overload
    @staticmethod
    def fit_complexity(sizes: Iterable[SupportsFloat], durations: Iterable[SupportsFloat]) -> ComplexityFit: ...

    @staticmethod
    def fit_complexity(
        sizes: str | Iterable[SupportsFloat], durations: Iterable[SupportsFloat] | None = None
    ) -> ComplexityFit:
        """
        How durations grow with sizes: 1, log n, n, n log n, n² or n³, and which of these cannot be excluded.

        A constant overhead at small sizes, noise that is a factor, a long tail of slow calls and a minority of
        wild ones are expected. What rises by less than a factor of three in all is called constant or logarithmic:
        memory that is slower than a processor's caches does as much.

        Args:
            sizes: Items of each call, 1 to 1e100, best over two decades or more; or the name of an operation whose
                profiler was given ``size=``.

            durations: Seconds of each call, 0 or more; not with a name.

        Returns:
            The fit; ``unknown`` for fewer than five calls or sizes within a factor of four. ``str()`` says it in
            words.

        Raises:
            InvalidTypeError: If an argument has the wrong type.

            InvalidValueError: If a number is out of its range or the lengths differ.

        Source:
            Empirical orders of growth on log-log axes: McGeoch (2012), A Guide to Experimental Algorithmics,
            chapter 7. The robust test of what is excluded: Huber & Ronchetti (2009), Robust Statistics, 2nd ed.,
            chapter 13.
        """
        return _growth.fit_complexity(sizes, durations)

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
                f"complexity_type is a {type(complexity_type).__name__}; expected one of {', '.join(STEPS)}"
            )
        steps = STEPS.get(complexity_type)
        if steps is None:
            raise InvalidValueError(f"complexity_type is {complexity_type!r}; expected one of {', '.join(STEPS)}")
        try:
            return float(steps(n))
        except OverflowError:
            return math.inf


def _integer(value: int, name: str, *, at_least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidTypeError(f"{name} is {value!r} of type {type(value).__name__}; expected an integer")
    if value < at_least:
        raise InvalidValueError(f"{name} is {value}; expected {at_least} or more")
    return value
