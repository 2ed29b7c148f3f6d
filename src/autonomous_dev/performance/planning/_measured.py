"""
Numbers that a caller measured: checked one by one, without knowing which library holds them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, SupportsFloat

from autonomous_dev.errors import InvalidTypeError, InvalidValueError

MAX_SIZE: Final = 1e100
"""Largest size whose cube is still a float."""

MIN_SECONDS: Final = 1e-15
"""Seconds that no clock tells from 0."""

MAX_SECONDS: Final = 1e15
"""Thirty million years: sums and squares of durations stay finite."""


def seconds_of(values: Iterable[SupportsFloat], name: str, *, above_zero: bool = False) -> list[float]:
    """
    *values* as seconds; what is below MIN_SECONDS is 0.

    Args:
        values: List, tuple, array, numpy array or any other iterable of numbers; read once.

        name: What they are, for the message: ``"durations"``.

        above_zero: Whether 0 is refused too.

    Raises:
        InvalidTypeError: If *values* is no flat row of numbers.

        InvalidValueError: If one of them is negative, NaN or above MAX_SECONDS.
    """
    least = f"{MIN_SECONDS:g}" if above_zero else "0"
    row = numbers(values, name, "seconds")
    for i, value in enumerate(row):
        if not (MIN_SECONDS if above_zero else 0) <= value <= MAX_SECONDS:
            raise InvalidValueError(
                f"{name}[{i}] is {value}; expected {least} to {MAX_SECONDS:g} seconds: leave out what was not measured"
            )
    return [value if value >= MIN_SECONDS else 0.0 for value in row]


def sizes_of(values: Iterable[SupportsFloat], name: str) -> list[float]:
    """
    *values* as sizes, each from 1 to MAX_SIZE.

    Raises:
        InvalidTypeError: If *values* is no flat row of numbers.

        InvalidValueError: If one of them is below 1, NaN or above MAX_SIZE.
    """
    row = numbers(values, name, "sizes")
    for i, value in enumerate(row):
        if not 1 <= value <= MAX_SIZE:
            raise InvalidValueError(
                f"{name}[{i}] is {value}; expected a number of items from 1 to 1e100: leave empty inputs out"
            )
    return row


def numbers(values: Iterable[SupportsFloat], name: str, what: str) -> list[float]:
    """
    *values* as floats; an integer that no float can hold becomes infinity.

    Raises:
        InvalidTypeError: If *values* is no flat row of numbers.
    """
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        raise InvalidTypeError(f"{name} is {_shown(values)}; expected a sequence of {what}, such as a list")
    try:
        iterator = iter(values)
    except TypeError:  # a numpy array without dimensions has the method
        raise InvalidTypeError(f"{name} is {_shown(values)}; expected a sequence of {what}, such as a list") from None
    return [_number(value, f"{name}[{i}]", what) for i, value in enumerate(iterator)]


def same_length(first: list[float], first_name: str, second: list[float], second_name: str) -> None:
    """
    Nothing, where both have one length.

    Raises:
        InvalidValueError: If they have not.
    """
    if len(first) != len(second):
        raise InvalidValueError(
            f"{first_name} has {len(first)} numbers and {second_name} {len(second)}; give one of each for every call"
        )


def _number(value: SupportsFloat, place: str, what: str) -> float:
    # numpy's truth values would pass for numbers, and so would the rows of an array with one column.
    if (
        not hasattr(value, "__float__")
        or type(value).__name__ in {"bool", "bool_"}
        or getattr(value, "shape", ()) != ()
    ):
        raise InvalidTypeError(f"{place} is {_shown(value)}; expected a number of {what}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: object) -> str:
    text = repr(value)
    text = text if len(text) <= 60 else f"{text[:60]}…"
    return f"{text} of type {type(value).__name__}"
