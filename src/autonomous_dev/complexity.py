"""
How the cost of an operation grows with the size of its input: the names, their formulas, and what a fit says.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

UNKNOWN: Final = "unknown"
"""The answer where there are too few sizes to say anything."""


def logarithm(n: float) -> float:
    """
    Ln n, and 0 for n ≤ 1.
    """
    return math.log(n) if n > 1 else 0.0


STEPS: Final[dict[str, Callable[[float], float]]] = {
    "constant": lambda _: 1.0,
    "logarithmic": logarithm,
    "linear": lambda n: n,
    "linearithmic": lambda n: n * logarithm(n),
    "quadratic": lambda n: n * n,
    "cubic": lambda n: n * n * n,
    "exponential": lambda n: math.pow(2.0, n),
}
"""
Steps for n items by name of the growth, the slowest growth first; may raise OverflowError.

Source: orders of growth, Cormen et al. (2022), Introduction to Algorithms, 4th ed., chapter 3.
"""

NOTATION: Final[dict[str, str]] = {
    "constant": "1",
    "logarithmic": "log n",
    "linear": "n",
    "linearithmic": "n log n",
    "quadratic": "n²",
    "cubic": "n³",
    "exponential": "2ⁿ",
}
"""How each growth is written in sentences."""

FITTED: Final[tuple[str, ...]] = ("constant", "logarithmic", "linear", "linearithmic", "quadratic", "cubic")
"""The growths that a fit tells apart, the slowest first."""

_PARTIAL: Final[dict[str, Callable[[float], float]]] = {
    "constant": lambda _: 1.0,
    "logarithmic": math.log1p,
    "linear": lambda n: n,
    "linearithmic": lambda n: n * math.log1p(n),
    "quadratic": lambda n: n * n,
    "cubic": lambda n: n * n * n,
}


def steps_from_one(complexity: str, n: float) -> float:
    """
    Steps for *n* items with ln(n + 1) for ln n: one item takes a step too, so that the logarithm of it exists.

    Args:
        complexity: One of FITTED.

        n: At least 1, at most 1e100.
    """
    return _PARTIAL[complexity](n)


def exponent_between(complexity: str, smallest: float, largest: float) -> float:
    """
    Slope of *complexity* on log-log axes from one size to another: 2 for quadratic, 1.2 for n log n around 100 items.

    Args:
        complexity: One of FITTED, or ``exponential``.

        smallest: At least 1.

        largest: Above *smallest*.
    """
    octaves = math.log(largest / smallest)
    if complexity == "exponential":
        return (largest - smallest) * math.log(2) / octaves
    return math.log(steps_from_one(complexity, largest) / steps_from_one(complexity, smallest)) / octaves


@dataclass(frozen=True, slots=True)
class ComplexityFit:
    """
    How durations grew with sizes, as ``overhead + step * g(n)``, where g is the named growth.

    Attributes:
        complexity: The growth that describes the durations best, one of FITTED; ``unknown`` where there were fewer
            than five pairs or the largest size was less than four times the smallest.

        exponent: p of ``a + b * nᵖ``: the slope of duration on size on log-log axes once a constant overhead is taken
            off; NaN where unknown.

        low: Lower end of its 95% interval; ``-inf`` where the durations leave it open.

        high: Upper end of its 95% interval; ``inf`` where the durations leave it open.

        candidates: Which of the growths in FITTED the durations cannot exclude (95%), the slowest first.

        samples: Pairs of size and duration behind it.

        overhead: Seconds that a call takes whatever its size; NaN where unknown.

        step: Seconds for each step of the named growth, with ln(n + 1) for log n; NaN where unknown.
    """

    complexity: str
    exponent: float
    low: float
    high: float
    candidates: tuple[str, ...]
    samples: int
    overhead: float = math.nan
    step: float = math.nan

    def seconds(self, n: float) -> float:
        """
        How long a typical call with *n* items takes if the named growth goes on; NaN where unknown.

        Args:
            n: Items, 1 to 1e100.
        """
        if self.complexity == UNKNOWN:
            return math.nan
        return self.overhead + self.step * steps_from_one(self.complexity, n)

    def __str__(self) -> str:
        if self.complexity == UNKNOWN:
            return f"unknown growth ({_count(self.samples)}): measure five calls or more, the largest four times the smallest"
        others = [NOTATION[name] for name in self.candidates if name != self.complexity]
        or_else = f"; {' and '.join(others)} cannot be excluded" if others else ""
        return (
            f"grows like {NOTATION[self.complexity]} "
            f"(exponent {_short(self.exponent)}, {interval(self.low, self.high)}; {_count(self.samples)})"
            f"{or_else}"
        )


def unknown_growth(samples: int) -> ComplexityFit:
    """
    The answer to too few *samples*: nothing can be excluded.
    """
    return ComplexityFit(UNKNOWN, math.nan, -math.inf, math.inf, FITTED, samples)


def interval(low: float, high: float) -> str:
    """
    An interval of exponents in words: ``1.9 to 2.05``, ``1.9 or more``.
    """
    if math.isinf(low) and math.isinf(high):
        return "any"
    if math.isinf(high):
        return f"{_short(low)} or more"
    return f"{_short(high)} or less" if math.isinf(low) else f"{_short(low)} to {_short(high)}"


def _count(samples: int) -> str:
    return f"{samples:,} sample{'' if samples == 1 else 's'}"


def _short(exponent: float) -> str:
    text = f"{exponent:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
