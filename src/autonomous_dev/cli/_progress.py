"""
A bar on the terminal while many series are looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import click

MANY: Final = 500
"""Series from which on somebody at a terminal would wonder: they take a second and more."""


@contextmanager
def progress_bar(label: str, many: int = MANY) -> Iterator[Callable[[int, int], None]]:
    """
    Gives what takes (done, total) and shows it on stderr, where that is a terminal and the total is large.

    Args:
        label: What is being done.

        many: Totals above this are shown.
    """
    with ExitStack() as stack:
        shown: list[Callable[[int], None]] = []

        def report(done: int, total: int) -> None:
            if not sys.stderr.isatty() or total <= many:
                return
            if not shown:
                bar = stack.enter_context(click.progressbar(length=total, label=label, file=sys.stderr))
                shown.append(lambda place: bar.update(place - bar.pos))
            shown[0](done)

        yield report
