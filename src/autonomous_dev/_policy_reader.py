"""
A YAML text as values that know their line, taken one by one with their type.

Nothing is constructed by YAML: scalars stay text until somebody asks for a number, a duration or a word, so a
metric called ``on`` or ``404`` keeps its name, no tag runs code, and an alias costs no more than its name.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from autonomous_dev.errors import PolicyError

MAX_BYTES: Final = 256 * 1024
"""Largest policy that is read; the parser needs about a second for so much."""

_SHOWN: Final = 60
"""Characters of a wrong value that an error shows."""

_STRING: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"
_PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "value")
)

_DURATION: Final = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
"""Source: https://prometheus.io/docs/prometheus/2.55/querying/basics/#time-durations."""
_SECONDS: Final = (31_536_000.0, 604_800.0, 86_400.0, 3_600.0, 60.0, 1.0, 0.001)
MAX_DURATION: Final = 10 * _SECONDS[0]


@dataclass(frozen=True, slots=True)
class Value:
    """
    One value of the document.

    Attributes:
        node: What YAML made of it.

        path: Where it is: ``alerts.labels.team``; empty for the whole document.

        source: The file, for errors.
    """

    node: yaml.Node
    path: str
    source: str

    @property
    def line(self) -> int:
        """
        Line, counted from 1.
        """
        return int(self.node.start_mark.line) + 1

    def error(self, expected: str) -> PolicyError:
        """
        The error that says where this value is, what it is and what was *expected* instead.
        """
        return PolicyError(f"{self.source}:{self.line}: {self.path or 'the document'} is {self._shown()}: {expected}")

    def _shown(self) -> str:
        if self.node.tag not in _PLAIN_TAGS:
            return f"tagged {self.node.tag[:_SHOWN]!r}"
        if isinstance(self.node, yaml.MappingNode):
            return "a mapping"
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        text = str(self.node.value)
        if self.node.tag == _NULL:
            return "empty"
        text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        return repr(text) if self.node.tag == _STRING else text

    @property
    def empty(self) -> bool:
        """
        True where nothing was written: ``performance:`` with only comments under it.
        """
        return bool(self.node.tag == _NULL)

    @property
    def is_mapping(self) -> bool:
        """
        True for a mapping, be it empty, of whatever tag.
        """
        return isinstance(self.node, yaml.MappingNode)

    def mapping(self, expected: str) -> dict[str, Value]:
        """
        The entries by key; none where nothing was written.

        Raises:
            PolicyError: If it is no mapping, or a key is no plain word or comes twice.
        """
        if self.empty:
            return {}
        if not isinstance(self.node, yaml.MappingNode) or self.node.tag not in _PLAIN_TAGS:
            raise self.error(f"expected a mapping, {expected}")
        entries: dict[str, Value] = {}
        for key_node, value_node in self.node.value:
            key = Value(key_node, f"a key of {self.path or 'the document'}", self.source)
            name = key.text("expected a name; put it into quotes")
            if name in entries:
                raise key.error(f"the key is there already, in line {entries[name].line}; keep one of the two")
            entries[name] = Value(value_node, f"{self.path}.{name}" if self.path else name, self.source)
        return entries

    def text(self, expected: str) -> str:
        """
        What was written, as it was written, whatever YAML would make of it.

        Raises:
            PolicyError: If it is a list, a mapping, tagged, empty, or the merge key ``<<``.
        """
        plain = isinstance(self.node, yaml.ScalarNode) and self.node.tag in _PLAIN_TAGS
        if not plain or self.empty or not str(self.node.value):
            raise self.error(expected)
        return str(self.node.value)

    def texts(self, expected: str) -> tuple[str, ...]:
        """
        A list of words, none of them twice.
        """
        if not isinstance(self.node, yaml.SequenceNode) or self.node.tag not in _PLAIN_TAGS:
            raise self.error(expected)
        words: list[str] = []
        for index, item in enumerate(self.node.value):
            value = Value(item, f"{self.path}[{index}]", self.source)
            word = value.text("expected a word")
            if word in words:
                raise value.error("it is in the list already; keep one of the two")
            words.append(word)
        return tuple(words)

    def number(self, expected: str) -> float:
        """
        A finite number; never a boolean, never a number in quotes.
        """
        written = self.text(expected)
        if isinstance(self.node, yaml.ScalarNode) and self.node.style in {"'", '"'}:
            raise self.error(f"{expected}; take away the quotes")
        try:
            number = float(written)
        except ValueError:
            raise self.error(expected) from None
        if not math.isfinite(number):
            raise self.error(expected)
        return number

    def duration(self, expected: str) -> float:
        """
        A duration as Prometheus writes it (``5m``, ``1h30m``, ``7d``), in seconds.
        """
        written = self.text(expected)
        parts = _DURATION.fullmatch(written)
        if written == "0":
            return 0.0
        if parts is None or not any(parts.groups()):
            raise self.error(expected)
        seconds = sum(
            float(count) * size for count, size in zip(parts.groups(), _SECONDS, strict=True) if count is not None
        )
        if seconds > MAX_DURATION:
            raise self.error(f"{expected}, at most 10y")
        return seconds

    def unknown(self, key: str, known: Iterable[str]) -> PolicyError:
        """
        The error for a *key* of the enclosing mapping that nobody knows, with the nearest *known* one.
        """
        known = list(known)
        return PolicyError(
            f"{self.source}:{self.line}: {self.path} is not known: expected {', '.join(known)}{nearest(key, known)}"
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """
    ``; did you mean …?`` with the *known* word that is nearest to *word*; empty where none is near.
    """
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def known_entries(value: Value, known: tuple[str, ...], expected: str) -> Mapping[str, Value]:
    """
    The entries of a mapping that may hold the *known* keys only.
    """
    entries = value.mapping(expected)
    for key, entry in entries.items():
        if key not in known:
            raise entry.unknown(key, known)
    return entries


def read_document(text: str, source: str) -> Value | None:
    """
    The one document in *text*; None where there is none.

    Raises:
        PolicyError: If *text* is no YAML, or too long or too deep for a policy.
    """
    if len(text) > MAX_BYTES:
        raise PolicyError(f"{source}:1: more than {MAX_BYTES} characters: expected a policy, which is a page of text")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise PolicyError(
            f"{source}:{line}: not YAML: {error.problem or error.context}; look at the indentation, colons and quotes"
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyError(f"{source}:{line}: character {error.character!r} cannot stand in YAML; remove it") from None
    except RecursionError:
        raise PolicyError(f"{source}:1: nested too deeply: a policy has three levels") from None
    return None if node is None else Value(node, "", source)
