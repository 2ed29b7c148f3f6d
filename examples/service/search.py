"""
A text search over the interpreter's own sources: an index of words, and a cache of files taken apart.
"""

from __future__ import annotations

import re
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from autonomous_dev import PerformanceProfiler, cached

FILES = 120
"""Sources that are searched: the working set of the cache."""

VERY_LARGE = 60
"""Modules that are left out at the top: the service is to be slow after the cut, not to take a whole processor."""

CANDIDATES = 8
"""Files that are ranked for one search."""

_WORD = re.compile(r"[A-Za-z_]{4,}")


def sources(count: int = FILES) -> list[Path]:
    """
    *count* modules of the standard library in the order of their names: the largest but for the very large.
    """
    folder = Path(sysconfig.get_paths()["stdlib"])
    largest = sorted(folder.glob("*.py"), key=lambda path: (-path.stat().st_size, path.name))
    return sorted(largest[VERY_LARGE : VERY_LARGE + count])


def word_counts(path: Path) -> Counter[str]:
    """
    How often each word occurs in the file: what is worth caching.
    """
    return Counter(_WORD.findall(path.read_text(encoding="utf-8", errors="replace")))


class Search:
    """
    Finds the files in which a word occurs most.

    Args:
        capacity: Files that the cache keeps taken apart. Below the number of files it throws out what it needs next.
    """

    def __init__(self, capacity: int) -> None:
        self._files = sources()
        self._index: dict[str, list[Path]] = defaultdict(list)
        self.files_read = 0
        self.resize(capacity)
        with PerformanceProfiler("build_index"):
            for path in self._files:
                for word in self._counts(path):
                    self._index[word].append(path)
        self.words = sorted(word for word, paths in self._index.items() if len(paths) >= CANDIDATES)

    def resize(self, capacity: int) -> None:
        """
        Give the cache another capacity: an empty one of that size takes its place.
        """
        self.capacity = capacity
        self._counts: Callable[[Path], Counter[str]] = cached(max_size=capacity)(self.read)

    def find(self, word: str) -> list[tuple[str, int]]:
        """
        File names and how often *word* occurs there, the most first.

        Raises:
            ValueError: If *word* is no word.

            LookupError: If no file has it.
        """
        with PerformanceProfiler("search"):
            if not _WORD.fullmatch(word):
                msg = f"{word!r} is no word of at least four letters"
                raise ValueError(msg)
            paths = self._index.get(word)
            if paths is None:
                msg = f"no file has {word!r}"
                raise LookupError(msg)
            # Every file gets its turn, whatever the word.
            first = len(word) * 7919 % len(paths)
            chosen = (paths[first:] + paths[:first])[:CANDIDATES]
            with PerformanceProfiler("rank"):
                found = [(path.name, self._counts(path)[word]) for path in chosen]
            return sorted(found, key=lambda item: (-item[1], item[0]))

    def read(self, path: Path) -> Counter[str]:
        """
        Take a file apart: what happens when the cache does not have it.
        """
        self.files_read += 1
        return word_counts(path)
