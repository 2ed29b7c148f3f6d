"""
Keys of cache entries: arguments as they are where they hash, else frozen by value.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any, Final


class ByValue:
    """
    Marks a frozen value, so that no argument of the caller's equals one. Never instantiated.
    """


class Keyword:
    """
    Stands between positional and keyword arguments in a key. Never instantiated.
    """


class Unfreezable(Exception):  # noqa: N818 - an answer between our modules, not an error that anyone sees
    """
    A value has no hash and is no container that can be frozen.
    """


PLAIN: Final = frozenset({int, str, bytes, float, bool, type(None)})
"""Types that are a key on their own: quick to hash, and never equal to the tuple of other arguments."""


def call_key(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """
    The key of a call: equal where positional and keyword arguments are; the order of keywords does not matter.

    Equality is the arguments' own, so 1, 1.0 and True are one key. Positional and keyword are told apart.

    Raises:
        Unfreezable: If an argument has neither a hash nor a frozen form.
    """
    key = args
    if kwargs:
        key = (*args, Keyword, *(part for item in sorted(kwargs.items(), key=_name) for part in item))
    elif len(args) == 1 and type(args[0]) in PLAIN:
        return args[0]
    try:
        hash(key)
    except (TypeError, ValueError):  # ValueError: a writable memoryview
        return tuple([freeze(part) for part in key])
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


def _name(item: tuple[str, Any]) -> str:
    return item[0]


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
