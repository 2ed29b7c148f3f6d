"""
Which keys of a context say where something ran, and where their value switches.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from autonomous_dev.series import AttributeValue, Series

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

TELLING: Final = (
    "runner",
    "cicd.worker.name",
    "machine",
    "host",
    "host.name",
    "hostname",
    "node",
    "cpu",
    "instance_type",
)
"""Keys by what they say best, the most telling first; any other comes after them."""

_PLACES: Final = frozenset({
    "agent", "arch", "architecture", "cluster", "compiler", "cpu", "driver", "gpu", "hardware", "host", "hostname",
    "kernel", "libc", "machine", "node", "os", "platform", "pool", "python", "region", "runner", "runtime",
    "toolchain", "vm", "worker", "zone",
})  # fmt: skip
"""Words of keys that say where something ran, whatever else the key says: ``os_version``, ``runner_id``."""

_CODE: Final = frozenset({
    "attempt", "author", "branch", "build", "change", "commit", "date", "datetime", "description", "duration", "id",
    "iteration", "job", "message", "number", "pid", "pr", "process", "ref", "release", "request", "revision", "run",
    "seed", "sha", "tag", "thread", "time", "timestamp", "title", "uri", "url", "user", "uuid", "vcs", "version",
})  # fmt: skip
"""Words of keys that say which code, which run or when."""

_PURE: Final = 0.9
"""Share of the samples on a side of a switch that have to be on it."""

_KNOWN_AGAIN: Final = 2
"""Samples that a value has on average before a switch: a key that is new each time says nothing."""

MOST_WINDOW: Final = 200
"""Samples on either side of a start that are looked at."""


@dataclass(frozen=True, slots=True)
class Switch:
    """
    Where a value of the context changed for good.

    Attributes:
        key: Of the context.

        before: The most frequent value before.

        after: The value since.

        index: The first sample with it.
    """

    key: str
    before: AttributeValue
    after: AttributeValue
    index: int


def says_where(key: str) -> bool:
    """
    Whether *key* may say where something ran: it is no version, run, branch, time or process.
    """
    said = {word.lower() for word in _WORD.findall(key)}
    return bool(said & _PLACES) or not said & _CODE


def value_of(series: Series, index: int, key: str) -> AttributeValue:
    """
    The context's value of *key* at sample *index*; None where it has none.
    """
    return next((value for name, value in series.contexts[index] if name == key and value != ""), None)


def column_of(series: Series, key: str, begin: int, end: int) -> list[AttributeValue]:
    """
    ``value_of`` for the samples from *begin* to before *end*, in a sixth of the time.
    """
    column: list[AttributeValue] = []
    place = 0
    for context in series.contexts[begin:end]:
        # Contexts of one series mostly have the same keys, so a key is where it was.
        if place < len(context) and context[place][0] == key:
            value = context[place][1]
        else:
            place = next((i for i, pair in enumerate(context) if pair[0] == key), 0)
            value = context[place][1] if context and context[place][0] == key else None
        column.append(None if value == "" else value)
    return column


def keys_at(series: Series, index: int) -> list[str]:
    """
    The keys at sample *index* that say where it ran, the most telling first.
    """
    found = [key for key, value in series.contexts[index] if value not in (None, "") and says_where(key)]
    return sorted(found, key=tellingness)


def tellingness(key: str) -> tuple[int, str]:
    """
    The place of *key* in the order in which keys are named.
    """
    return (TELLING.index(key) if key in TELLING else len(TELLING)), key


def switches(series: Series, possible: tuple[int, int], window: tuple[int, int]) -> list[Switch]:
    """
    The switches at one of the *possible* starts: before it other values, since then this one.

    Args:
        series: n samples.

        possible: First and last sample at which something may have begun, both included.

        window: First sample of the state before, and the first after the state since.
    """
    first, last = possible
    begin, end = max(window[0], first - MOST_WINDOW, 0), min(window[1], last + 1 + MOST_WINDOW, len(series))
    found = []
    for key in keys_at(series, last):
        if len(set(column_of(series, key, max(0, first - 1), last + 1))) == 1:
            continue
        column = column_of(series, key, begin, end)
        for at in range(max(first, begin + 1), last + 1):
            switch = _switch(key, column[: at - begin], column[at - begin :], at)
            if switch is not None:
                found.append(switch)
                break
    return found


def _switch(key: str, before: Sequence[AttributeValue], after: Sequence[AttributeValue], at: int) -> Switch | None:
    value, last = after[0], before[-1]
    if value is None or last is None or value == last:
        return None
    known, since = (Counter(one for one in side if one is not None) for side in (before, after))
    enough = since[value] >= _PURE * since.total() and known[value] <= (1 - _PURE) * known.total()
    if not enough or len(known) * _KNOWN_AGAIN > known.total():
        return None
    return Switch(key, known.most_common(1)[0][0], value, at)
