"""
The signature of a function as source text: to declare a wrapper with it, to name a call's arguments, to pass them on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, NamedTuple

_KINDS: Final = inspect.Parameter

INSTANCE_NAMES: Final = frozenset({"self", "cls"})
"""What the first parameter of a method is called."""


class Signature(NamedTuple):
    """
    How a function is called. Every name in it that is no parameter begins with *prefix*.

    Attributes:
        declared: Between the parentheses of ``def``; defaults are names of *defaults*.

        passed: Between the parentheses of a call that passes every argument on.

        parts: For each parameter an expression that is part of a key; one for all of ``*args``, one for ``**kwargs``.

        types: The same for the arguments' types.

        defaults: Default values by the name that they have in *declared*.

        takes_instance: Whether the first parameter is an instance or a class, and *parts* begins with it.

        prefix: Begins no parameter's name, so that none hides a name of ours: ``_type`` stands for ``type``, and so do
            ``_tuple``, ``_map`` and ``_sorted``.
    """

    declared: str
    passed: str
    parts: tuple[str, ...]
    types: tuple[str, ...]
    defaults: dict[str, Any]
    takes_instance: bool
    prefix: str


def signature_of(function: Callable[..., Any]) -> Signature:
    """
    The signature of *function*; that of ``(*args, **kwargs)`` where it does not say, or where a default has no hash.

    With its own signature ``f(1)`` and ``f(n=1)`` are one call, and a default that is left out is one that is given.
    """
    try:
        if "__signature__" in getattr(function, "__dict__", {}):  # what somebody says may not be how it is called
            return _any(instance=takes_instance(function))
        parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
        hash(tuple(p.default for p in parameters))
    except (TypeError, ValueError):  # a built-in does not say; a default has no hash
        return _any(instance=takes_instance(function))
    return _from(parameters)


def takes_instance(function: Callable[..., Any]) -> bool:
    """
    True where the first parameter of *function* is called ``self`` or ``cls``.
    """
    try:
        first = next(iter(inspect.signature(function).parameters), "")
    except (TypeError, ValueError):  # a built-in does not say
        return False
    return first in INSTANCE_NAMES


def _from(parameters: list[inspect.Parameter]) -> Signature:
    names = [p.name for p in parameters]
    prefix = "_"
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    declared: list[str] = []
    passed: list[str] = []
    parts: list[str] = []
    types: list[str] = []
    defaults: dict[str, Any] = {}
    seen_star = False
    for position, p in enumerate(parameters):
        name = p.name
        if p.kind is _KINDS.VAR_POSITIONAL:
            declared.append(f"*{name}")
            passed.append(f"*{name}")
            parts.append(name)
            types.append(f"{prefix}tuple({prefix}map({prefix}type, {name}))")
            seen_star = True
            continue
        if p.kind is _KINDS.VAR_KEYWORD:
            declared.append(f"**{name}")
            passed.append(f"**{name}")
            parts.append(f"({prefix}tuple({prefix}sorted({name}.items())) if {name} else ())")
            types.append(
                f"{prefix}tuple([{prefix}type({name}[{prefix}each]) for {prefix}each in {prefix}sorted({name})])"
            )
            continue
        if p.kind is _KINDS.KEYWORD_ONLY and not seen_star:
            declared.append("*")
            seen_star = True
        if p.default is _KINDS.empty:
            declared.append(name)
        else:
            default = f"{prefix}default_{position}"
            defaults[default] = p.default
            declared.append(f"{name}={default}")
        passed.append(f"{name}={name}" if p.kind is _KINDS.KEYWORD_ONLY else name)
        parts.append(name)
        types.append(f"{prefix}type({name})")
        following = parameters[position + 1] if position + 1 < len(parameters) else None
        if p.kind is _KINDS.POSITIONAL_ONLY and (following is None or following.kind is not _KINDS.POSITIONAL_ONLY):
            declared.append("/")
    first = parameters[0] if parameters else None
    instance = (
        first is not None
        and first.name in INSTANCE_NAMES
        and first.kind in (_KINDS.POSITIONAL_ONLY, _KINDS.POSITIONAL_OR_KEYWORD)
        and first.default is _KINDS.empty
    )
    return Signature(", ".join(declared), ", ".join(passed), tuple(parts), tuple(types), defaults, instance, prefix)


def _any(*, instance: bool) -> Signature:
    """
    ``(*args, **kwargs)``, after ``self`` where there is one.
    """
    first = [inspect.Parameter("self", _KINDS.POSITIONAL_ONLY)] if instance else []
    rest = [inspect.Parameter("args", _KINDS.VAR_POSITIONAL), inspect.Parameter("kwargs", _KINDS.VAR_KEYWORD)]
    return _from([*first, *rest])
