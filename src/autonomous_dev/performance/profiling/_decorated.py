"""
Functions of all kinds, each call of which is a block: a plain one, a coroutine's, a generator's, an asynchronous generator's.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from autonomous_dev.conventions import CODE_FILE_PATH, CODE_FUNCTION, CODE_LINE_NUMBER
from autonomous_dev.errors import InvalidTypeError
from autonomous_dev.performance._names import qualified_name
from autonomous_dev.performance.profiling._driving import driven_async_generator, driven_coroutine, driven_generator
from autonomous_dev.performance.profiling._episode import AsyncEpisode, Episode
from autonomous_dev.performance.profiling._resources import Reading
from autonomous_dev.performance.profiling._timer import Timer

P = ParamSpec("P")
R = TypeVar("R")


def decorated(timer: Timer, function: Callable[P, R], attributes: Mapping[str, Any]) -> Callable[P, R]:
    """
    *function*, each call of which is a block of *timer*. What kind of function it is can be seen from the result, too.

    Args:
        timer: What times it.

        function: A function of any kind, a static or class method, or another thing that can be called.

        attributes: Those of its spans; ``code.*`` come on top.

    Raises:
        InvalidTypeError: If *function* cannot be called, or is a class.
    """
    if isinstance(function, staticmethod | classmethod):
        return cast("Callable[P, R]", type(function)(decorated(timer, function.__func__, attributes)))
    if not callable(function):
        raise InvalidTypeError(f"a {type(function).__name__} cannot be profiled; expected a function")
    if inspect.isclass(function):
        raise InvalidTypeError(f"{function.__qualname__} is a class; profile its methods")
    attributes = {**attributes, **code_attributes(function)}
    return functools.wraps(function)(_kind(function)(timer, cast("Any", function), attributes))


def _kind(function: Callable[..., Any]) -> Callable[[Timer, Any, Mapping[str, Any]], Callable[..., Any]]:
    # A callable object is what its __call__ is.
    looked_at = (
        function if inspect.isroutine(function) or isinstance(function, functools.partial) else type(function).__call__
    )
    if inspect.isasyncgenfunction(looked_at):
        return _async_generator_function
    if inspect.iscoroutinefunction(looked_at) or inspect.iscoroutinefunction(function):
        return _coroutine_function
    if inspect.isgeneratorfunction(looked_at):
        return _generator_function
    return _function


def _function(timer: Timer, function: Callable[P, R], attributes: Mapping[str, Any]) -> Callable[P, R]:
    enter, leave, plain = timer.enter, timer.leave, timer.resources is None

    def timed(*args: P.args, **kwargs: P.kwargs) -> R:
        block = enter(attributes) if plain else enter(attributes, _reading(timer, args, kwargs, running=True))
        try:
            result = function(*args, **kwargs)
        except BaseException as exception:
            leave(block, exception)
            raise
        leave(block, None)
        return result

    return timed


def _coroutine_function(
    timer: Timer, function: Callable[P, Awaitable[R]], attributes: Mapping[str, Any]
) -> Callable[P, Coroutine[Any, Any, R]]:
    enter, leave, plain = timer.enter, timer.leave, timer.resources is None

    async def timed(*args: P.args, **kwargs: P.kwargs) -> R:
        reading = None if plain else _reading(timer, args, kwargs, running=False)
        block = enter(attributes, reading)
        try:
            awaitable = function(*args, **kwargs)
            if reading is not None and reading.wants_cpu and isinstance(awaitable, Coroutine):
                awaitable = driven_coroutine(awaitable, reading)
            result = await awaitable
        except BaseException as exception:
            leave(block, exception)
            raise
        leave(block, None)
        return result

    return timed


def _generator_function(
    timer: Timer, function: Callable[..., Any], attributes: Mapping[str, Any]
) -> Callable[..., Any]:
    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Episode:
        return Episode(timer, attributes, _reading(timer, args, kwargs, running=False))

    driven = driven_generator(function, begin)
    # What `types.coroutine` made can be awaited, and still can.
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return types.coroutine(driven) if flags & inspect.CO_ITERABLE_COROUTINE else driven


def _async_generator_function(
    timer: Timer, function: Callable[..., Any], attributes: Mapping[str, Any]
) -> Callable[..., Any]:
    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> AsyncEpisode:
        return AsyncEpisode(timer, attributes, _reading(timer, args, kwargs, running=False))

    return driven_async_generator(function, begin)


def _reading(timer: Timer, args: tuple[Any, ...], kwargs: dict[str, Any], *, running: bool) -> Reading | None:
    resources = timer.resources
    return None if resources is None else resources.begin(resources.size_of(args, kwargs), running=running)


def code_attributes(function: Callable[..., Any]) -> dict[str, Any]:
    """
    Where *function* stands: ``code.function.name``, and file and line for what is written in Python.

    Source:
        https://opentelemetry.io/docs/specs/semconv/registry/attributes/code/ (1.44.0).
    """
    attributes: dict[str, Any] = {CODE_FUNCTION: qualified_name(function)}
    inner: Any = inspect.unwrap(function)
    while isinstance(inner, functools.partial):
        inner = inspect.unwrap(inner.func)
    code = getattr(inner, "__code__", None) or getattr(type(inner).__call__, "__code__", None)
    if isinstance(code, types.CodeType):
        attributes[CODE_FILE_PATH] = code.co_filename
        attributes[CODE_LINE_NUMBER] = code.co_firstlineno
    return attributes
