"""
Instances as part of a key: by identity, and without keeping them alive.
"""

from __future__ import annotations

import inspect
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Final

_INSTANCE_NAMES: Final = frozenset({"self", "cls"})


class InstanceKey(weakref.ref[Any]):
    """
    Stands for one object in keys; equal to itself only, whatever the object's own ``==`` says.
    """

    __slots__ = ("ident",)

    ident: int

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Instances:
    """
    The keys of the instances whose methods were called, each made at its first call.

    Attributes:
        died: Keys of instances that are gone, until :meth:`bury` takes them.
    """

    def __init__(self) -> None:
        self._known: dict[int, InstanceKey] = {}
        # A weak reference's callback may run at any moment, inside a lock too: it only notes what died.
        self.died: deque[InstanceKey] = deque()

    def key(self, instance: Any) -> Any:
        """
        The key of *instance*: itself, where it cannot be referenced weakly.
        """
        known = self._known.get(id(instance))
        if known is not None and known() is instance:
            return known
        try:
            made = InstanceKey(instance, self._note)
        except TypeError:
            return instance
        made.ident = id(instance)
        # Of two threads that come here at once, the first one's key is taken by both.
        key = self._known.setdefault(made.ident, made)
        if key() is not instance:
            key = self._known[made.ident] = made
        return key

    def _note(self, key: weakref.ref[Any]) -> None:
        if isinstance(key, InstanceKey):
            if self._known.get(key.ident) is key:
                del self._known[key.ident]
            self.died.append(key)


def takes_instance(function: Callable[..., Any]) -> bool:
    """
    True where the first parameter of *function* is called ``self`` or ``cls``.
    """
    try:
        first = next(iter(inspect.signature(function).parameters), "")
    except (TypeError, ValueError):  # a built-in does not say
        return False
    return first in _INSTANCE_NAMES
