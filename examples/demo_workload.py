"""
The program that the demo watches: it checks what some modules of Python's standard library import and call.

A real program over real input: it reads, hashes, parses and tokenises the sources of the interpreter that runs it. It is
instrumented as any program would be, with nested ``PerformanceProfiler`` blocks and one ``cached`` function.
"""

from __future__ import annotations

import ast
import hashlib
import io
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from autonomous_dev import PerformanceProfiler, cached

LARGEST_SOURCE: Final = 60_000
"""Bytes: larger modules are left out, so that one iteration stays below a second on a slow machine."""

CHECKED_MODULES: Final = 6
"""How many modules an iteration checks: those that import the most others."""

CHECK: Final = "check"
CHECK_IMPORTS: Final = "check.imports"
CHECK_CALLS: Final = "check.calls"


@dataclass(frozen=True, slots=True)
class Edition:
    """
    One state of the program's code.

    Attributes:
        version: What a release of it would be called.

        change: What was changed in it, for people.

        capacity: Entries that the cache of outlines holds.

        indexed: Whether definitions are looked up in an index; else their list is scanned.
    """

    version: str
    change: str
    capacity: int
    indexed: bool


class Definition(NamedTuple):
    """
    Where a function, class or variable of the library is defined.
    """

    name: str
    module: str
    line: int


@dataclass(frozen=True, slots=True)
class Library:
    """
    The sources that the program works on.

    Attributes:
        paths: For each module its file, in the order of the names.

        sources: For each module its text.

        definitions: Those of all modules.

        checked: The modules that an iteration checks.
    """

    paths: dict[str, Path]
    sources: dict[str, str]
    definitions: tuple[Definition, ...]
    checked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """
    What one iteration counted.

    Attributes:
        resolved: Called names that are defined somewhere in the library.

        examined: Definitions that were looked at to resolve them.
    """

    resolved: int
    examined: int


def read_library(folder: Path | None = None) -> Library:
    """
    Read and parse the modules at the top of *folder*, by default the interpreter's own standard library.

    Raises:
        FileNotFoundError: If *folder* holds too few sources, as where Python comes as one archive.
    """
    folder = folder or Path(sysconfig.get_path("stdlib"))
    paths = {path.stem: path for path in sorted(folder.glob("*.py")) if path.stat().st_size <= LARGEST_SOURCE}
    if len(paths) < CHECKED_MODULES:
        msg = f"{folder} holds {len(paths)} Python sources: expected a standard library with its .py files"
        raise FileNotFoundError(msg)
    sources = {module: path.read_text(encoding="utf-8") for module, path in paths.items()}
    trees = {module: ast.parse(source) for module, source in sources.items()}
    definitions = tuple(
        Definition(name, module, line) for module, tree in trees.items() for name, line in defined_in(tree)
    )
    followed = {module: sum(name in sources for name in imported_by(tree)) for module, tree in trees.items()}
    checked = sorted(sorted(followed, key=lambda module: (-followed[module], module))[:CHECKED_MODULES])
    return Library(paths, sources, definitions, tuple(checked))


def imported_by(tree: ast.AST) -> Iterator[str]:
    """
    The modules that *tree* imports, in the order of a walk over it.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def defined_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """
    Name and line of the functions and classes that *tree* defines, and of the variables of its modules and classes.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        if isinstance(node, ast.Module | ast.ClassDef):
            assigned = (target for line in node.body if isinstance(line, ast.Assign) for target in line.targets)
            yield from ((target.id, target.lineno) for target in assigned if isinstance(target, ast.Name))


def called_in(source: str) -> Iterable[str]:
    """
    The names that *source* calls, each once, in the order of their first call.
    """
    names: dict[str, None] = {}
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if before and token.type == tokenize.OP and token.string == "(":
            names[before] = None
        before = token.string if token.type == tokenize.NAME else ""
    return names


def outline(path: Path, digest: str) -> frozenset[str]:  # noqa: ARG001 - an edited file gets a new digest, so a new key
    """
    The names that the module at *path* defines; what is worth caching, since the file is parsed for it.
    """
    return frozenset(name for name, _ in defined_in(ast.parse(path.read_bytes())))


class Definitions(Protocol):
    """
    Finds definitions by name, and counts how many it looked at.
    """

    examined: int

    def find(self, name: str) -> list[Definition]:
        """
        All definitions of *name*.
        """
        ...


class IndexedDefinitions:
    """
    Definitions behind an index: only those of the name are looked at.
    """

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self.examined = 0
        self._index: dict[str, list[Definition]] = {}
        for definition in definitions:
            self._index.setdefault(definition.name, []).append(definition)

    def find(self, name: str) -> list[Definition]:
        """
        All definitions of *name*.
        """
        found = self._index.get(name, [])
        self.examined += len(found)
        return found


class ListedDefinitions:
    """
    Definitions in a list that is scanned from end to end: the mistake of the demo's second edition.
    """

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self.examined = 0
        self._all = list(definitions)

    def find(self, name: str) -> list[Definition]:
        """
        All definitions of *name*.
        """
        self.examined += len(self._all)
        return [definition for definition in self._all if definition.name == name]


class Checker:
    """
    The program, in whichever edition was deployed last.
    """

    def __init__(self, library: Library, edition: Edition) -> None:
        self._library = library
        self._capacity = 0
        self.deploy(edition)

    def deploy(self, edition: Edition) -> None:
        """
        Run *edition* from now on. A cache whose capacity it changes starts empty; another stays as it is.
        """
        self._definitions: Definitions = (
            IndexedDefinitions(self._library.definitions)
            if edition.indexed
            else ListedDefinitions(self._library.definitions)
        )
        if edition.capacity != self._capacity:
            # Decorated here and not above, because the capacity is what differs; the cache's name stays the same.
            self._outline = cached(max_size=edition.capacity)(outline)
            self._capacity = edition.capacity

    def check(self) -> Checked:
        """
        Check every module once: that is one iteration.
        """
        self._definitions.examined = 0
        with PerformanceProfiler(CHECK):
            with PerformanceProfiler(CHECK_IMPORTS):
                for module in self._library.checked:
                    self._follow_imports(module)
            with PerformanceProfiler(CHECK_CALLS):
                resolved = sum(self._resolve_calls(module) for module in self._library.checked)
        return Checked(resolved, self._definitions.examined)

    def _follow_imports(self, module: str) -> None:
        for name in imported_by(ast.parse(self._library.sources[module])):
            source = self._library.sources.get(name)
            if source is not None:
                self._outline(self._library.paths[name], hashlib.sha256(source.encode()).hexdigest())

    def _resolve_calls(self, module: str) -> int:
        return sum(bool(self._definitions.find(name)) for name in called_in(self._library.sources[module]))
