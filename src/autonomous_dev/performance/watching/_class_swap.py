"""
Counting what an object does by giving it, and it alone, a class that counts: it stays the same object.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Final

from autonomous_dev.performance.watching._watch_object import ATTRIBUTE, cannot_be_watched

Methods = Callable[[type], dict[str, Any]]
"""Gives, for an object's class, the methods that count and call those of that class."""

_COUNTS: Final = "_autonomous_dev_counts"
"""In a counting class: the Methods it was made with."""

_set_class: Final = vars(object)["__class__"].__set__


def swap_class(existing: object, watch: object, methods: Methods) -> None:
    """
    Give *existing* a subclass of its class, with *methods* that find *watch* in the object.

    Pickles and copies of it are of the class that it had, and are not counted.

    Args:
        existing: The object; it has a ``__dict__``.

        watch: What its methods count into.

        methods: Which methods count, and how. Their dict may hold ATTRIBUTE itself: what an object of that class
            counts into that a method of the original made by ``type(self)(…)``.

    Raises:
        InvalidTypeError: If its class allows no such thing.
    """
    original = type(existing)
    if _COUNTS in vars(original):  # made by type(self)(…) in a method of a watched object
        original = original.__bases__[0]
    try:
        counting = _made(original, methods) or _make(original, methods)
        vars(existing)[ATTRIBUTE] = watch
        _set_class(existing, counting)
    except Exception as error:
        getattr(existing, "__dict__", {}).pop(ATTRIBUTE, None)
        raise cannot_be_watched(existing, f"its class does not allow it ({error})") from error


def _made(original: type, methods: Methods) -> type | None:
    # A class knows its subclasses, weakly: no list of ours is needed.
    subclasses: list[type] = type.__subclasses__(original)
    for subclass in subclasses:
        if vars(subclass).get(_COUNTS) is methods:
            return subclass
    return None


def _make(original: type, methods: Methods) -> type:
    namespace: dict[str, Any] = {
        "__slots__": (),  # the layout stays the same
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
        "__doc__": original.__doc__,
        # pickle compares this with the class that it is told to write.
        "__class__": property(lambda _: original),
        _COUNTS: methods,
        "__reduce_ex__": _reducing(original),
    }
    for copies in ("__copy__", "__deepcopy__"):
        if hasattr(original, copies):
            namespace[copies] = _copying(original, getattr(original, copies))
    namespace.update(methods(original))
    return types.new_class(original.__name__, (original,), exec_body=lambda body: body.update(namespace))


def _copying(original: type, copies: Callable[..., Any]) -> Callable[..., Any]:
    def copied(self: Any, *args: Any) -> Any:
        made = copies(self, *args)
        if made is not self and type(made) is type(self):
            vars(made).pop(ATTRIBUTE, None)
            _set_class(made, original)
        return made

    return copied


def _reducing(original: Any) -> Callable[..., Any]:
    def reduced(self: Any, protocol: Any) -> Any:
        said = original.__reduce_ex__(self, protocol)
        if not isinstance(said, tuple):
            return said
        counting = type(self)
        make, args, *state = (original if part is counting else part for part in said)
        args = tuple(original if arg is counting else arg for arg in args)
        if state:
            state[0] = _without_watch(state[0])
        return (make, args, *state)

    return reduced


def _without_watch(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: value for key, value in state.items() if key != ATTRIBUTE}
    if isinstance(state, tuple) and state and isinstance(state[0], dict):  # with the values of slots
        return (_without_watch(state[0]), *state[1:])
    return state
