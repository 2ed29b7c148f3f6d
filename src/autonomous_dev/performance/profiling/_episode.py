"""
The run of a generator as one block, current only while the generator's body runs.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Coroutine, Mapping
from contextvars import Token
from typing import Any, TypeVar

from opentelemetry import context
from opentelemetry.context import Context

from autonomous_dev._state import innermost_block
from autonomous_dev.performance.profiling._block import Block
from autonomous_dev.performance.profiling._driving import driven_coroutine
from autonomous_dev.performance.profiling._resources import Reading
from autonomous_dev.performance.profiling._timer import Timer

R = TypeVar("R")


class Episode:
    """
    The block of one generator, from its first step to its end.

    Between two steps the consumer's own span and blocks are current. In the next step what the body had made current
    is so again. The span is opened and closed in a context of its own: the last step may run in another than the first.
    """

    __slots__ = ("_attributes", "_block", "_inside", "_outside", "_reading", "_timer", "_token", "_top")

    def __init__(self, timer: Timer, attributes: Mapping[str, Any], reading: Reading | None) -> None:
        self._timer = timer
        self._attributes = attributes
        self._reading = reading
        self._block: Block | None = None
        self._top: Block | None = None
        self._token: Token[Any] | None = None
        self._inside: Context | None = None
        self._outside: Context | None = None

    def run(self) -> None:
        """
        The body runs from now on.
        """
        block = self._block or self._begin()
        try:
            self._token = innermost_block.set(self._top)
            if self._inside is not None:
                self._outside = context.get_current()
                context.attach(self._inside)
            if block.reading is not None and block.reading.wants_cpu:
                block.reading.run()
        except BaseException:  # not ours to catch: see `Timer`
            self._abandon(block)
            raise

    def pause(self) -> None:
        """
        The body stands still.
        """
        block = self._block
        if block is None:
            return
        try:
            if block.reading is not None and block.reading.running:
                block.reading.pause()
            self._top = innermost_block.get()
            if self._inside is not None:
                self._inside = context.get_current()
            self._restore()
        except BaseException:
            self._abandon(block)
            raise

    def end(self, exception: BaseException | None) -> None:
        """
        The body has ended.
        """
        block = self._block
        if block is None:
            return
        try:
            self._timer.leave(block, exception)
        finally:
            block.context = None  # it knows the block: a cycle, which would keep all that the caller's context holds
            self._restore()

    def _abandon(self, block: Block) -> None:
        try:
            self._timer.abandon(block)
        finally:
            block.context = None
            self._restore()

    def _begin(self) -> Block:
        own = contextvars.copy_context()
        block = own.run(self._timer.enter, self._attributes, self._reading, alone=False)
        block.context = own
        self._block = self._top = block
        if block.opened is not None:
            self._inside = own.run(context.get_current)
        return block

    def _restore(self) -> None:
        token = self._token
        if token is None:
            return
        self._token = None
        try:
            innermost_block.reset(token)
        except ValueError:  # the step ended in another context than it began in, where nothing of ours is current
            return
        if self._outside is not None:
            context.attach(self._outside)
            self._outside = None


class AsyncEpisode(Episode):
    """
    The block of one asynchronous generator. Its steps await, and other tasks run meanwhile.
    """

    __slots__ = ()

    def awaited(self, step: Awaitable[R]) -> Awaitable[R]:
        """
        What to await for *step*: where CPU time is asked for, what drives it, so that only its own is taken.
        """
        reading = self._block.reading if self._block is not None else None
        if reading is None or not reading.wants_cpu or not isinstance(step, Coroutine):
            return step
        reading.pause()
        return driven_coroutine(step, reading)
