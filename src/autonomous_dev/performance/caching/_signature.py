"""
The signature of a function as source text: to declare a wrapper with it, to name a call's arguments, to pass them on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

_KINDS: Final = inspect.Parameter

INSTANCE_NAMES: Final = frozenset({"self", "cls"})
"""What the first parameter of a method is called."""


class Signature:
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

    __slots__ = ("declared", "defaults", "parts", "passed", "prefix", "takes_instance", "types")

    def __init__(self, parameters: list[inspect.Parameter]) -> None:
        """
        Put the texts together.
        """
        prefix = "_"
        while any(parameter.name.startswith(prefix) for parameter in parameters):
            prefix += "_"
        self.prefix = prefix
        self.takes_instance = _begins_with_an_instance(parameters)
        self.defaults: dict[str, Any] = {}
        declared: list[str] = []
        passed: list[str] = []
        parts: list[str] = []
        types: list[str] = []
        for position, parameter in enumerate(parameters):
            name, kind = parameter.name, parameter.kind
            if kind is _KINDS.VAR_POSITIONAL:
                declared.append(f"*{name}")
                passed.append(f"*{name}")
                parts.append(name)
                types.append(f"{prefix}tuple({prefix}map({prefix}type, {name}))")
                continue
            if kind is _KINDS.VAR_KEYWORD:
                declared.append(f"**{name}")
                passed.append(f"**{name}")
                parts.append(f"({prefix}tuple({prefix}sorted({name}.items())) if {name} else ())")
                types.append(
                    f"{prefix}tuple([{prefix}type({name}[{prefix}each]) for {prefix}each in {prefix}sorted({name})])"
                )
                continue
            if kind is _KINDS.KEYWORD_ONLY and not any(each.startswith("*") for each in declared):
                declared.append("*")
            declared.append(name if parameter.default is _KINDS.empty else f"{name}={self._default(parameter)}")
            passed.append(f"{name}={name}" if kind is _KINDS.KEYWORD_ONLY else name)
            parts.append(name)
            types.append(f"{prefix}type({name})")
            following = parameters[position + 1].kind if position + 1 < len(parameters) else None
            if kind is _KINDS.POSITIONAL_ONLY and following is not _KINDS.POSITIONAL_ONLY:
                declared.append("/")
        self.declared, self.passed = ", ".join(declared), ", ".join(passed)
        self.parts, self.types = tuple(parts), tuple(types)

    def _default(self, parameter: inspect.Parameter) -> str:
        name = f"{self.prefix}default_{parameter.name}"
        self.defaults[name] = parameter.default
        return name


def signature_of(function: Callable[..., Any]) -> Signature:
    """
    The signature of *function*; that of ``(*args, **kwargs)`` where it does not say, or where a default has no hash.

    With its own signature ``f(1)`` and ``f(n=1)`` are one call, and a default that is left out is one that is given.
    """
    try:
        if "__signature__" in getattr(function, "__dict__", {}):  # what somebody says may not be how it is called
            return _any(_instance_name(function))
        parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
        if parameters and parameters[0].kind is _KINDS.VAR_POSITIONAL:  # another decorator's: it may wrap a method
            return _any(_instance_name(function))
        hash(tuple(p.default for p in parameters))
    except Exception:  # noqa: BLE001 - a built-in does not say; a default has no hash, or fails to give one
        return _any(_instance_name(function))
    return Signature(parameters)


def takes_instance(function: Callable[..., Any]) -> bool:
    """
    True where *function*, or what it wraps, is called with a first argument named ``self`` or ``cls``.
    """
    return bool(_instance_name(function))


def _instance_name(function: Callable[..., Any]) -> str:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a built-in does not say
        return ""
    return parameters[0].name if _begins_with_an_instance(parameters) else ""


def _begins_with_an_instance(parameters: list[inspect.Parameter]) -> bool:
    first = parameters[0] if parameters else None
    return (
        first is not None
        and first.name in INSTANCE_NAMES
        and first.kind in (_KINDS.POSITIONAL_ONLY, _KINDS.POSITIONAL_OR_KEYWORD)
        and first.default is _KINDS.empty
    )


def _any(instance: str) -> Signature:
    """
    ``(*args, **kwargs)``, after the *instance* where there is one.
    """
    first = [inspect.Parameter(instance, _KINDS.POSITIONAL_OR_KEYWORD)] if instance else []
    rest = [inspect.Parameter("args", _KINDS.VAR_POSITIONAL), inspect.Parameter("kwargs", _KINDS.VAR_KEYWORD)]
    return Signature([*first, *rest])
