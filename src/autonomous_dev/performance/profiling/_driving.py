"""
Generators, coroutines and asynchronous generators driven by hand, so that something is done around each of their steps.
"""

from __future__ import annotations

import sys
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
Y = TypeVar("Y")
S = TypeVar("S")
R = TypeVar("R")


class Steps(Protocol):
    """
    Told when the body of something runs.
    """

    def run(self) -> None:
        """
        The body runs from now on.
        """

    def pause(self) -> None:
        """
        The body stands still.
        """

    def end(self, exception: BaseException | None) -> None:
        """
        The body has ended; with the *exception* where it raised one.
        """


class AsyncSteps(Steps, Protocol):
    """
    Told when the body of something runs that awaits in its steps.
    """

    def awaited(self, step: Awaitable[R]) -> Awaitable[R]:
        """
        What to await for *step*: itself, or what drives it.
        """


def driven_generator(
    function: Callable[P, Generator[Y, S, R] | Coroutine[Y, S, R]],
    begin: Callable[[tuple[Any, ...], dict[str, Any]], Steps],
) -> Callable[P, Generator[Y, S, R]]:
    """
    A generator function that does what *function* does; values, exceptions and the result pass untouched.

    ``yield from`` closes the body on GeneratorExit. Here it is thrown in as any other exception, so that a body which
    yields, returns or raises on it is seen to do so.

    Args:
        function: What makes a body for each call.

        begin: Gives for the arguments of a call, a tuple and a dict, what is told of the body's steps.
    """

    def drive(*args: P.args, **kwargs: P.kwargs) -> Generator[Y, S, R]:
        body = function(*args, **kwargs)
        steps = begin(args, kwargs)
        del args, kwargs  # they are the body's to keep, or to let go
        advance: Callable[[Any], Y] = body.send
        argument: Any = None
        while True:
            steps.run()
            try:
                item = advance(argument)
            except StopIteration as stop:
                steps.end(None)
                return stop.value  # type: ignore[no-any-return] # what the body returned
            except BaseException as exception:
                steps.end(exception)
                raise
            finally:
                argument = None  # it is the body's; an exception would keep this frame alive, which keeps it
            steps.pause()
            try:
                argument, advance = (yield item), body.send
            except BaseException as exception:  # noqa: BLE001 - it is the body's to handle
                argument, advance = exception, body.throw

    return drive


def driven_coroutine(body: Coroutine[Any, Any, R], steps: Steps) -> Awaitable[R]:
    """
    What awaits *body*, step by step.
    """
    drive = types.coroutine(driven_generator(lambda: body, lambda _, __: steps))
    return drive()


def driven_async_generator(
    function: Callable[P, AsyncGenerator[Y, S]],
    begin: Callable[[tuple[Any, ...], dict[str, Any]], AsyncSteps],
) -> Callable[P, AsyncGenerator[Y, S]]:
    """
    An asynchronous generator function that does what *function* does; values and exceptions pass untouched.
    """

    async def drive(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y, S]:
        body = function(*args, **kwargs)
        steps = begin(args, kwargs)
        del args, kwargs
        step: Awaitable[Y] = _begun_unseen(body)
        while True:
            steps.run()
            try:
                item = await steps.awaited(step)
            except StopAsyncIteration:
                steps.end(None)
                return
            except BaseException as exception:
                steps.end(exception)
                raise
            finally:
                del step  # it may hold an exception whose traceback holds this frame
            steps.pause()
            try:
                argument = yield item
            except BaseException as exception:  # noqa: BLE001 - it is the body's to handle
                step = body.athrow(exception)
            else:
                step = body.asend(argument)

    return drive


def _begun_unseen(body: AsyncGenerator[Y, S]) -> Awaitable[Y]:
    """
    The first step of *body*, made so that the event loop does not get to know it.

    A loop closes all asynchronous generators at its end, at the same time. It knows the one that drives this one,
    which hands the closing on; closing both at once fails.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return body.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)
