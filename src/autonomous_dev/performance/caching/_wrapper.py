"""
The wrapper of a cached function, made as source text once per function.

Written for one signature it needs no ``*args``: a hit is one lookup, one renewal and one count, in one frame.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any, Final

from autonomous_dev.performance._guard import report
from autonomous_dev.performance.caching._cached_calls import CachedCalls, Computation
from autonomous_dev.performance.caching._keys import MISSING

# § becomes the signature's prefix, so that no parameter hides a name of ours. Of the user's, nothing runs inside the
# `try` but the keys' own hash and ==, and the clock. The value is computed in this frame, so that a recursive function
# has one frame of ours between two of its own.
_TEMPLATE: Final = """\
def §found_key({declared}):
{key_function}    return {found}

{async_}def §wrapper({declared}):
{key_function}    try:
        §entry = §entries[{key}]
        if {alive}:
            §renew(§entry)
            §counts.hits += 1
            return §entry.value
    except §Exception:
        pass
    §found = {found}
    §value, §lead = {await_}§calls.{begin}(§found)
    if §value is §MISSING:
        with §Computation(§calls, §found, §lead) as §computation:
            §value = {await_}§function({passed})
            §computation.outcome = (§value,)
    return §value
"""

_KEY_FUNCTION: Final = """\
    try:
        §key = §key_function({passed})
    except §Exception:
        §report("cache")
        §key = §MISSING
"""

_SHARED: Final = {
    "Computation": Computation,
    "MISSING": MISSING,
    "report": report,
    # Under names of ours, since a parameter may be called `type`.
    "Exception": Exception,
    "id": id,
    "type": type,
    "tuple": tuple,
    "map": map,
    "sorted": sorted,
}


def make_wrapper(function: Callable[..., Any], calls: CachedCalls) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """
    What is called instead of *function*; and a function of the same signature that gives the key of a call, MISSING
    where it can have none.
    """
    prefix = calls.signature.prefix
    names: dict[str, Any] = {
        **_SHARED,
        "entries": calls.cache.lru.entries,
        "renew": calls.cache.lru.renew,
        "counts": calls.cache.counts,
        "instances": calls.cache.instances.known,
        "clock": calls.clock,
        "key_function": calls.key_function,
        "calls": calls,
        "function": function,
    }
    namespace: dict[str, Any] = {prefix + name: value for name, value in names.items()} | calls.signature.defaults
    exec(_compiled(_source(calls, is_coroutine=is_coroutine_function(function))), namespace)  # noqa: S102 - of names only
    return namespace[f"{prefix}wrapper"], namespace[f"{prefix}found_key"]


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """
    Whether a call gives a coroutine; a callable object may have an async ``__call__``.
    """
    call = getattr(type(function), "__call__", None)  # noqa: B004 - looked at, not asked whether it is there
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _source(calls: CachedCalls, *, is_coroutine: bool) -> str:
    signature = calls.signature
    parts, types = signature.parts, signature.types if calls.typed else ()
    alive = "§entry.expires > §clock()" if calls.expires else "True"
    if calls.key_function is not None:
        key, found = "§key", "§calls.own_key(§key)"
    else:
        found = f"§calls.key({_tuple(parts)}, {_tuple(types)})"
        if signature.takes_instance:
            # A dead instance takes its key out before its address is another's, unless Python could not tell us.
            alive = f"§instance() is {parts[0]} and {alive}"
            parts = (f"(§instance := §instances[§id({parts[0]})])", *parts[1:])
        key = _tuple((*parts, *types)) if len(parts) + len(types) != 1 else parts[0]
    return _TEMPLATE.format(
        declared=signature.declared,
        passed=signature.passed,
        key_function="" if calls.key_function is None else _KEY_FUNCTION.format(passed=signature.passed),
        key=key,
        found=found,
        alive=alive,
        async_="async " if is_coroutine else "",
        await_="await " if is_coroutine else "",
        begin="begin_in_task" if is_coroutine else "begin",
    ).replace("§", signature.prefix)


def _tuple(parts: tuple[str, ...]) -> str:
    return f"({''.join(f'{part}, ' for part in parts)})"


@lru_cache(maxsize=256)  # functions made in a loop share theirs: to compile takes 0.3 ms
def _compiled(text: str) -> CodeType:
    return compile(text, "<cached>", "exec")
