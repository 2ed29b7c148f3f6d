"""
What ``PerformanceProfiler`` may be given: each check returns the value, or raises an error that shows the way out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from autonomous_dev.errors import InvalidNameError, InvalidTypeError, InvalidValueError
from autonomous_dev.performance._names import MAX_LENGTH
from autonomous_dev.performance._span import settled

MAX_TEXT: Final = 4096
"""Characters of an attribute's text that are kept."""


def checked_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """
    A copy of *attributes*, texts in it cut to MAX_TEXT characters.

    Raises:
        InvalidTypeError: If it is no mapping, or a key is no string or empty.

        InvalidNameError: If a key has more than 255 characters.
    """
    if not isinstance(attributes, Mapping):
        raise InvalidTypeError(
            f'attributes is a {type(attributes).__name__}; expected a mapping such as {{"suite": "integration"}}'
        )
    for key in dict[Any, Any](attributes):
        if not isinstance(key, str) or not key:
            raise InvalidTypeError(f"an attribute is named {key!r}; expected a string that is not empty")
        if len(key) > MAX_LENGTH:
            raise InvalidNameError(
                f"the attribute {key[:60]!r}… has a name of {len(key)} characters; shorten it to {MAX_LENGTH} at most"
            )
    return settled({key: _cut(value) for key, value in attributes.items()})


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return tuple(_cut(each) for each in value)
    return value


def checked_clock(clock: Callable[[], float]) -> Callable[[], float]:
    """
    *clock*.

    Raises:
        InvalidTypeError: If it cannot be called.
    """
    if not callable(clock):
        raise InvalidTypeError(f"clock is a {type(clock).__name__}; expected a function that gives seconds")
    return clock


def checked_budget(budget: float | None) -> float | None:
    """
    *budget* in seconds.

    Raises:
        InvalidTypeError: If it is no number.

        InvalidValueError: If it is not finite or not above 0.
    """
    if budget is None:
        return None
    if isinstance(budget, bool) or not isinstance(budget, int | float):
        raise InvalidTypeError(f"budget is {budget!r} of type {type(budget).__name__}; expected seconds, such as 0.25")
    if not 0 < budget < math.inf:
        raise InvalidValueError(f"budget is {budget!r}; expected seconds above 0, such as 0.25")
    try:
        return float(budget)
    except OverflowError:
        raise InvalidValueError(f"budget has {len(str(budget))} digits; expected seconds, such as 0.25") from None


def checked_size(size: int | Callable[..., int] | None) -> int | Callable[..., int] | None:
    """
    *size*.

    Raises:
        InvalidTypeError: If it is neither an integer nor can be called.

        InvalidValueError: If it is below 1.
    """
    if size is None or callable(size):
        return size
    if isinstance(size, bool) or not isinstance(size, int):
        raise InvalidTypeError(
            f"size is {size!r} of type {type(size).__name__}; expected a number of items, "
            f"or for a decorator a function of the call's arguments, such as size=lambda rows: len(rows)"
        )
    if size < 1:
        raise InvalidValueError(f"size is {size}; expected 1 item or more")
    return size


def checked_complexity(complexity: str | None, size: object) -> str:
    """
    *complexity*; empty where none was declared.

    Raises:
        InvalidTypeError: If it is no string.

        InvalidValueError: If it is not known, or nothing says the *size* that it is about.
    """
    if complexity is None:
        return ""
    # For those who declare one.
    from autonomous_dev.complexity import STEPS  # noqa: PLC0415

    if not isinstance(complexity, str):
        raise InvalidTypeError(f"complexity is a {type(complexity).__name__}; expected one of {', '.join(STEPS)}")
    if complexity not in STEPS:
        raise InvalidValueError(f"complexity is {complexity!r}; expected one of {', '.join(STEPS)}")
    if size is None:
        raise InvalidValueError(
            f"complexity is {complexity!r} and size is not given; give size=, the items that a block works on"
        )
    return complexity


def checked_flag(flag: object, name: str) -> bool:
    """
    *flag*, the argument *name*.

    Raises:
        InvalidTypeError: If it is no bool.
    """
    if not isinstance(flag, bool):
        raise InvalidTypeError(f"{name} is {flag!r} of type {type(flag).__name__}; expected True or False")
    return flag
