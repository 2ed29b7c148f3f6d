"""
One run of a profiler, from entering to leaving.
"""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING, Any, NamedTuple

from autonomous_dev.performance._span import OpenSpan

if TYPE_CHECKING:
    from autonomous_dev.performance.profiling._resources import Reading


class Taken(NamedTuple):
    """
    What a block took besides time; None where it was not asked for, or cannot be told.

    Attributes:
        cpu: Seconds.

        memory: Bytes.

        size: Items that it worked on.
    """

    cpu: float | None = None
    memory: int | None = None
    size: int | None = None


class Block:
    """
    One run of a profiler. Filled in by it: a constructor would take 0.2 µs.

    Attributes:
        owner: The profiler; None where the block has ended, or has not begun.

        outer: The block that was innermost in its context before it. Only of one that its context knows.

        beside: Beginning of the block that ran alone when this one began in what may be another task of its thread.

        noted: Whether its context knows it; else its profiler had no other one open when it began.

        thread: Where it began.

        started: Reading of the profiler's clock; NaN where that failed.

        opened: Its span, where anybody records one.

        reading: What it takes besides time, where the profiler was asked for that.

        context: Where its span is opened and closed; None for the context in which it runs.
    """

    __slots__ = ("beside", "context", "noted", "opened", "outer", "owner", "reading", "started", "thread")

    owner: Any
    outer: Block | None
    beside: float | None
    noted: bool
    thread: int
    started: float
    opened: OpenSpan | None
    reading: Reading | None
    context: Context | None

    def __init__(self, *, noted: bool) -> None:
        self.owner = None
        self.outer = None
        self.beside = None
        self.noted = noted
        self.thread = 0
        self.started = float("nan")
        self.opened = None
        self.reading = None
        self.context = None


def open_block(innermost: Block | None) -> Block | None:
    """
    The first block from *innermost* outwards that has not ended.
    """
    while innermost is not None and innermost.owner is None:
        innermost = innermost.outer
    return innermost


def block_of(owner: object, innermost: Block | None) -> Block | None:
    """
    The first block of *owner* from *innermost* outwards that has not ended.
    """
    while innermost is not None and innermost.owner is not owner:
        innermost = innermost.outer
    return innermost
