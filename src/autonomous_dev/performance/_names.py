"""
Names that a caller gives to an operation or a cache, and the names that functions have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from autonomous_dev.errors import InvalidNameError, InvalidTypeError

MAX_LENGTH: Final = 255
"""Longest name in characters, as for OpenTelemetry's instruments."""

_SHOWN: Final = 60


def checked_name(name: object, what: str) -> str:
    """
    *name* itself, where it can be the name of *what*.

    Args:
        name: What the caller gave.

        what: What it names, for the message: ``"operation"``, ``"cache"``.

    Raises:
        InvalidTypeError: If it is no string.

        InvalidNameError: If it is empty, longer than 255 characters or holds control characters.
    """
    if not isinstance(name, str):
        raise InvalidTypeError(
            f"the name of the {what} is {_short(name)} of type {type(name).__name__}; "
            f'expected a string that says what it is, such as "load_users"'
        )
    if not name.strip():
        raise InvalidNameError(f'the name of the {what} is {name!r}; give it one, such as "load_users"')
    if len(name) > MAX_LENGTH:
        raise InvalidNameError(
            f"the name of the {what}, {_short(name)}, has {len(name)} characters; shorten it to {MAX_LENGTH} at most"
        )
    if not name.isprintable():
        raise InvalidNameError(
            f"the name of the {what}, {_short(name)}, holds a control character; keep to printable ones"
        )
    return name


def qualified_name(named: Callable[..., Any] | type) -> str:
    """
    Module and qualified name of a function or class, as ``code.function.name`` and ``error.type`` want it.

    Built-ins come without a module. A callable object that has no name is named by its class.

    Source:
        https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ (1.44.0).
    """
    name = getattr(named, "__qualname__", None)
    if not isinstance(name, str):
        return qualified_name(type(named))
    module = getattr(named, "__module__", None)
    return name if module in (None, "builtins") else f"{module}.{name}"


def _short(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the caller's object cannot even be shown; the message names its type
        return "a value"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
