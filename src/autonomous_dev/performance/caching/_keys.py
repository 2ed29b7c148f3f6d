"""
Keys of cache entries: arguments as they are where they hash, else frozen by value.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any, Final


class _Missing:
    """
    What no caller can have put into a cache.
    """


MISSING: Final = _Missing()


class ByValue:
    """
    Marks a frozen value, so that no argument of the caller's equals one. Never instantiated.
    """


class Unfreezable(Exception):  # noqa: N818 - an answer between our modules, not an error that anyone sees
    """
    A value has no hash and is no container that can be frozen.
    """


def parts_key(parts: tuple[Any, ...]) -> Any:
    """
    The key of a call's *parts*: the only one itself, else their tuple; each by value where one has no hash.

    Equality is the arguments' own, so 1, 1.0 and True are one key.

    Raises:
        Unfreezable: If one has neither a hash nor a frozen form.
    """
    key = parts[0] if len(parts) == 1 else parts
    try:
        hash(key)
    except (TypeError, ValueError):  # ValueError: a writable memoryview
        return freeze(parts[0]) if len(parts) == 1 else tuple([freeze(part) for part in parts])
    return key


def entry_key(key: Any) -> Any:
    """
    *key* itself where it has a hash, else its frozen form.

    Raises:
        Unfreezable: If it has neither.
    """
    try:
        hash(key)
    except (TypeError, ValueError):
        return freeze(key)
    return key


def freeze(value: Any) -> Any:
    """
    A value with a hash that equals another's where the *value*s are equal and of one type, nested ones too.

    Lists, tuples, dicts, sets, bytearrays, deques, Counters and OrderedDicts are frozen. Their subclasses are
    not, named tuples apart, since these may hold more than their items; nor are defaultdicts, which are equal
    but behave differently.

    Raises:
        Unfreezable: If it is something else and has no hash.
    """
    freezer = _FREEZERS.get(type(value))
    if freezer is not None:
        return (ByValue, type(value), freezer(value))
    try:
        hash(value)
    except (TypeError, ValueError):
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return (ByValue, type(value), _ordered(value))
        raise Unfreezable(type(value).__name__) from None
    return value


def _ordered(value: Any) -> tuple[Any, ...]:
    return tuple([freeze(item) for item in value])


def _mapped(value: Mapping[Any, Any]) -> frozenset[Any]:
    return frozenset([(key, freeze(item)) for key, item in value.items()])


def _mapped_in_order(value: Mapping[Any, Any]) -> tuple[Any, ...]:
    return tuple([(key, freeze(item)) for key, item in value.items()])


_FREEZERS: Final[dict[type, Callable[[Any], Any]]] = {
    list: _ordered,
    tuple: _ordered,
    deque: _ordered,
    dict: _mapped,
    Counter: _mapped,
    OrderedDict: _mapped_in_order,
    set: frozenset,
    bytearray: bytes,
}
