"""
Instances as part of a key: by identity, and without keeping them alive.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any, Final

_MOST_DEAD: Final = 4096
"""Dead instances that are counted until somebody looks for their entries."""


class InstanceKey(weakref.ref[Any]):
    """
    Stands for one object in keys; equal to itself only, whatever the object's own ``==`` says.
    """

    __slots__ = ("ident",)

    ident: int

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Itself:
    """
    Stands for an object that takes no weak reference: equal by identity, and kept alive.
    """

    __slots__ = ("instance",)

    def __init__(self, instance: Any) -> None:
        self.instance = instance

    def __eq__(self, other: object) -> bool:
        return type(other) is Itself and other.instance is self.instance

    def __hash__(self) -> int:
        return id(self.instance)


class Instances:
    """
    The keys of the instances whose methods were called, each made at its first call.

    Attributes:
        known: The keys of the living by ``id``. An instance that dies takes its key out before its address can be
            another's, so that a key which is found here is the right one.

        died: One for each instance that is gone, until somebody clears it.
    """

    def __init__(self) -> None:
        self.known: dict[int, InstanceKey] = {}
        # A weak reference's callback may run at any moment, inside a lock too: it only notes what died.
        self.died: deque[None] = deque(maxlen=_MOST_DEAD)

    def key(self, instance: Any) -> Any:
        """
        The key of *instance*, which is kept alive by it only where it cannot be referenced weakly.
        """
        known = self.known.get(id(instance))
        if known is not None and known() is instance:
            return known
        try:
            made = InstanceKey(instance, self._note)
        except TypeError:
            return Itself(instance)
        made.ident = id(instance)
        # Of two threads that come here at once, the first one's key is taken by both.
        key = self.known.setdefault(made.ident, made)
        if key() is not instance:
            key = self.known[made.ident] = made
        return key

    def _note(self, key: weakref.ref[Any]) -> None:
        if isinstance(key, InstanceKey):
            if self.known.get(key.ident) is key:
                del self.known[key.ident]
            self.died.append(None)
