"""
The layers: which file may import what, read from the syntax trees and seen in child processes.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("autonomous_dev", "autonomous_dev_exporters")

NAMES = ("conventions", "errors", "prometheus_names")
COUNTED = (*NAMES, "_cells", "_state", "_ending", "complexity", "_growth")
FOUNDATION = (*COUNTED, "series", "policy", "_policy_reader", "_periodic")
STAGES = ("performance", "recording", "learning", "publishing")
API = (
    "opentelemetry.context", "opentelemetry.metrics", "opentelemetry.trace", "opentelemetry.util",
    "opentelemetry.version",
)  # fmt: skip
SDK = ("opentelemetry.sdk",)


@dataclass(frozen=True)
class Layer:
    """
    What the files of one place may import.

    Attributes:
        ours: Modules of autonomous_dev, with all that is under them.

        third: Third-party modules, with all that is under them.

        ours_deferred: Further modules of ours that only function bodies and TYPE_CHECKING may import.

        third_deferred: Further third-party modules that only function bodies and TYPE_CHECKING may import.
    """

    ours: tuple[str, ...] = ()
    third: tuple[str, ...] = ()
    ours_deferred: tuple[str, ...] = ()
    third_deferred: tuple[str, ...] = ()


TABLE = {
    # foundation
    "autonomous_dev/conventions.py": Layer(),
    "autonomous_dev/errors.py": Layer(),
    "autonomous_dev/prometheus_names.py": Layer(("conventions",)),
    "autonomous_dev/series.py": Layer(("conventions", "errors"), ("numpy",)),
    "autonomous_dev/policy.py": Layer(("conventions", "errors", "_policy_reader"), ("yaml",)),
    "autonomous_dev/_policy_reader.py": Layer(("errors",), ("yaml",)),
    "autonomous_dev/_periodic.py": Layer(),
    "autonomous_dev/complexity.py": Layer(),
    "autonomous_dev/_growth.py": Layer(("complexity",)),
    "autonomous_dev/_cells.py": Layer(),
    "autonomous_dev/_state.py": Layer(("conventions", "_cells")),
    "autonomous_dev/_ending.py": Layer(("_state",)),
    "autonomous_dev/_flushing.py": Layer(("_state", "_ending"), ("opentelemetry.metrics", "opentelemetry.trace")),
    # the stages
    "autonomous_dev/performance/": Layer((*COUNTED, "_flushing", "performance"), API),
    # imported only where the provider's class is the SDK's
    "autonomous_dev/performance/_sdk_": Layer(
        (*COUNTED, "performance"), (*API, "opentelemetry.sdk", "opentelemetry.attributes")
    ),
    "autonomous_dev/recording/": Layer((*FOUNDATION, "recording"), ("numpy", "orjson", *API, *SDK)),
    "autonomous_dev/learning/detectors/": Layer((*FOUNDATION, "learning.detectors"), ("numpy",)),
    "autonomous_dev/learning/": Layer((*FOUNDATION, "recording", "learning"), ("numpy", "opentelemetry.metrics")),
    "autonomous_dev/publishing/": Layer((*FOUNDATION, "learning", "publishing"), ("numpy", "yaml")),
    "autonomous_dev/publishing/dashboards/": Layer(
        (*FOUNDATION, "learning", "publishing"), ("grafana_foundation_sdk",)
    ),
    # what composes them
    "autonomous_dev/__init__.py": Layer(("_configure", "learning", "performance")),
    "autonomous_dev/_environment.py": Layer(("errors",)),
    "autonomous_dev/_providers.py": Layer(
        (*NAMES, "_environment", "_flushing", "recording"), (*API, *SDK), (), ("opentelemetry.configuration",)
    ),
    "autonomous_dev/_program.py": Layer(
        (*NAMES, "_environment", "_flushing", "_providers", "recording"), (*API, *SDK), ("autonomous_dev_exporters",)
    ),
    "autonomous_dev/_configure.py": Layer(
        (*FOUNDATION, "_environment"), API, ("_program", "learning", "autonomous_dev_exporters"), SDK
    ),
    "autonomous_dev/cli/": Layer(
        (*NAMES, "cli"), ("click",),
        (*FOUNDATION, *STAGES, "_configure", "autonomous_dev_exporters"), ("numpy", "orjson", "rich", "yaml"),
    ),
    "autonomous_dev_exporters/": Layer(
        (*FOUNDATION, *STAGES, "_environment", "_program", "autonomous_dev_exporters"),
        ("prometheus_client", "opentelemetry"),
    ),
}  # fmt: skip
"""By path; the longest that fits decides. A file without a row fails."""

FILES = sorted(
    path
    for base in (ROOT / "src", ROOT / "exporters")
    for path in base.rglob("*.py")
)  # fmt: skip


def place(path: Path) -> str:
    """
    The path of a file below its import root.
    """
    base = ROOT / ("src" if path.is_relative_to(ROOT / "src") else "exporters")
    return path.relative_to(base).as_posix()


def layer_of(name: str) -> Layer:
    """
    The row of the table that decides for the file *name*.
    """
    rows = [row for row in TABLE if name == row or (row.endswith(("/", "_")) and name.startswith(row))]
    assert rows, f"{name} has no row in the table: say what it may import"
    return TABLE[max(rows, key=len)]


@dataclass(frozen=True)
class Import:
    """
    One module that a file imports.
    """

    module: str
    line: int
    deferred: bool


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """
    Every import of a tree: at the top, under TYPE_CHECKING, in functions, and by name through import_module.
    """
    deferred = {id(inner) for node in ast.walk(tree) if is_deferred(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        for module in modules_named(node):
            yield Import(module, getattr(node, "lineno", 0), id(node) in deferred)


def is_deferred(node: ast.AST) -> bool:
    """
    True for what has a body that does not run on import: functions, and what is for type checkers only.
    """
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def modules_named(node: ast.AST) -> list[str]:
    """
    The modules that one node imports, if it imports.
    """
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno}: a relative import"
        base = node.module or ""
        return [f"{base}.{alias.name}" if is_module(f"{base}.{alias.name}") else base for alias in node.names]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if function in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
            return [node.args[0].value]
    return []


def is_module(dotted: str) -> bool:
    """
    True where *dotted* is a module of ours, or one of a namespace whose parts the table tells apart.
    """
    path = dotted.replace(".", "/")
    return dotted.startswith("opentelemetry.") or any(
        (base / f"{path}.py").exists() or (base / path / "__init__.py").exists()
        for base in (ROOT / "src", ROOT / "exporters")
    )


def within(module: str, allowed: tuple[str, ...]) -> bool:
    """
    True where *module* is one of the *allowed* or under one.
    """
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


def verdict(layer: Layer, found: Import) -> bool:
    """
    True where *layer* may import what was *found*.
    """
    root = found.module.partition(".")[0]
    if root in sys.stdlib_module_names:
        return True
    if root not in OURS:
        return within(found.module, (*layer.third, *(layer.third_deferred if found.deferred else ())))
    if found.module == "autonomous_dev":
        return False  # the top composes everything: whoever imports it imports downstream
    module = found.module.removeprefix("autonomous_dev.")
    return within(module, (*layer.ours, *(layer.ours_deferred if found.deferred else ())))


@pytest.mark.parametrize("path", FILES, ids=place)
def test_a_file_imports_only_what_its_layer_may(path):
    """
    Upstream never imports downstream, wherever in the file the import stands.
    """
    layer = layer_of(place(path))

    wrong = [found for found in imports_of(ast.parse(path.read_text())) if not verdict(layer, found)]

    assert not wrong, f"{place(path)} may not import {wrong}"


@pytest.mark.parametrize(
    ("name", "code", "allowed"),
    [
        ("autonomous_dev/performance/_x.py", "import numpy", False),
        ("autonomous_dev/performance/_x.py", "from opentelemetry import trace", True),
        ("autonomous_dev/performance/_x.py", "from opentelemetry import sdk", False),
        ("autonomous_dev/performance/_x.py", "def f():\n    from autonomous_dev import recording", False),
        ("autonomous_dev/performance/_x.py", "if TYPE_CHECKING:\n    from autonomous_dev.series import Series", False),
        ("autonomous_dev/performance/_x.py", "importlib.import_module('autonomous_dev.learning')", False),
        ("autonomous_dev/learning/detectors/_x.py", "import autonomous_dev.recording", False),
        ("autonomous_dev/learning/_x.py", "from autonomous_dev import MetricsTracker", False),
        ("autonomous_dev/learning/_x.py", "from autonomous_dev.publishing import rules", False),
        ("autonomous_dev/_configure.py", "from opentelemetry.sdk.metrics import MeterProvider", False),
        ("autonomous_dev/_configure.py", "def f():\n    from opentelemetry.sdk.metrics import MeterProvider", True),
        ("autonomous_dev/cli/_x.py", "import numpy", False),
    ],
)
def test_the_walk_sees_imports_wherever_they_stand(name, code, allowed):
    """
    The walk finds imports in functions, under TYPE_CHECKING and by name, and tells the SDK from the API.
    """
    found = list(imports_of(ast.parse(code)))

    assert [verdict(layer_of(name), each) for each in found] == [allowed]


def test_exporters_use_public_names_only():
    """
    The exporters are the first user of the stages' public names: none of theirs begins with an underscore.
    """
    foundation = {
        "autonomous_dev._state",
        "autonomous_dev._cells",
        "autonomous_dev._environment",
        "autonomous_dev._periodic",
        "autonomous_dev._program",
    }
    private = [
        (place(path), found)
        for path in FILES
        if place(path).startswith("autonomous_dev_exporters/")
        for found in imports_of(ast.parse(path.read_text()))
        if found.module.startswith("autonomous_dev.") and "._" in found.module and found.module not in foundation
    ]

    assert not private


def test_the_top_composes_nothing_by_itself():
    """
    Nothing but the top and the exporters imports ``_configure``.
    """
    importers = {
        place(path)
        for path in FILES
        for found in imports_of(ast.parse(path.read_text()))
        if found.module == "autonomous_dev._configure"
    }

    assert {name for name in importers if not name.startswith("autonomous_dev_exporters/")} <= {
        "autonomous_dev/__init__.py"
    }


# State.

MUTABLE_CALLS = {
    "list", "dict", "set", "bytearray", "deque", "defaultdict", "Counter", "OrderedDict",
    "WeakKeyDictionary", "WeakValueDictionary", "WeakSet", "count", "local", "ContextVar",
}  # fmt: skip
MUTATORS = {
    "append", "extend", "insert", "remove", "pop", "popleft", "appendleft", "clear", "update", "setdefault",
    "add", "discard", "popitem", "sort", "reverse",
}  # fmt: skip


def mutable_names(tree: ast.Module) -> dict[str, int]:
    """
    Names bound at module level to something that can be changed, with their lines.
    """
    found = {}
    for node in tree.body:
        value = getattr(node, "value", None)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if is_mutable(value):
            found.update({target.id: node.lineno for target in targets if isinstance(target, ast.Name)})
    return found


def is_mutable(value: ast.expr | None) -> bool:
    """
    True where the expression makes a container that can be changed.
    """
    if isinstance(value, ast.Call):
        function = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return function in MUTABLE_CALLS
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def changes_of(tree: ast.Module, names: set[str]) -> list[tuple[str, int]]:
    """
    Where one of the *names* is changed: by a method, an index, ``del`` or ``global``.
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found += [(name, node.lineno) for name in node.names]
        held = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            held = node.func.value
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            held = node.value
        if isinstance(held, ast.Name) and held.id in names:
            found.append((held.id, node.lineno))
    return found


def state_of(source: str) -> list[tuple[str, int]]:
    """
    The mutable state of a module: variables that can change, and constants that are changed.
    """
    tree = ast.parse(source)
    names = mutable_names(tree)
    variables = [(name, line) for name, line in names.items() if name != "__all__" and not name.isupper()]
    return variables + changes_of(tree, set(names))


@pytest.mark.parametrize("path", [path for path in FILES if path.name != "_state.py"], ids=place)
def test_no_module_but_state_holds_mutable_state(path):
    """
    What a process has once lives in ``_state.py`` alone, with its fork hooks.
    """
    assert state_of(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "seen = []",
        "seen: dict[str, int] = {}",
        "seen = collections.deque()",
        "SEEN = set()\ndef f(x):\n    SEEN.add(x)",
        "SEEN = {}\ndef f(x):\n    SEEN[x] = 1",
        "COUNT = 0\ndef f():\n    global COUNT\n    COUNT += 1",
    ],
)
def test_the_walk_sees_mutable_state(source):
    """
    A variable container, a constant that is changed and a ``global`` are all state.
    """
    assert state_of(source)


# What is loaded.


def loaded_by(statement: str) -> set[str]:
    """
    The modules that a fresh interpreter has loaded after *statement*, warnings being errors.
    """
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(child.stdout.splitlines()[-1]))


HELP = """
import contextlib, io
from autonomous_dev.cli import main
sys.argv[1:] = ["--help"]
with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
    main()
assert "insights" in text.getvalue()
"""
HEAVY = ("numpy", "yaml", "orjson", "opentelemetry.sdk", "prometheus_client", "click", "rich", "grafana_foundation_sdk")
DOWN = {
    "performance": ("recording", "learning", "publishing", "cli", "_configure"),
    "recording": ("performance", "learning", "publishing", "cli", "_configure"),
    "learning": ("performance", "publishing", "cli", "_configure"),
    "publishing": ("performance", "cli", "_configure"),
}
"""What no stage may have loaded: what is downstream of it, and the stages beside it that it does not need."""


@pytest.mark.parametrize(
    ("statement", "never"),
    [
        ("import autonomous_dev", (*HEAVY, "opentelemetry")),
        ("import autonomous_dev.performance", HEAVY),
        ("from autonomous_dev import PerformanceProfiler, cached, SimpleCache, OptimizationStrategy", HEAVY),
        ("import autonomous_dev._configure", ("opentelemetry.sdk", "orjson", "prometheus_client", "click", "rich")),
        ("import autonomous_dev.learning.detectors", ("click", "rich", "prometheus_client")),
        ("import autonomous_dev.recording", ("click", "rich", "prometheus_client", "grafana_foundation_sdk")),
        ("import autonomous_dev.learning", ("click", "rich", "prometheus_client", "grafana_foundation_sdk")),
        ("import autonomous_dev.publishing", ("click", "rich", "prometheus_client", "grafana_foundation_sdk")),
        ("import autonomous_dev.cli", ("numpy", "orjson", "opentelemetry.sdk", "prometheus_client")),
        (HELP, ("numpy", "orjson", "opentelemetry.sdk", "prometheus_client")),
    ],
)
def test_an_import_loads_nothing_heavy_that_it_does_not_need(statement, never):
    """
    An instrumented program and ``--help`` stay light: heavy modules are loaded by those who use them.
    """
    loaded = loaded_by(statement)

    assert sorted(module for module in loaded if within(module, never)) == []


@pytest.mark.parametrize("stage", DOWN)
def test_a_stage_loads_nothing_downstream(stage):
    """
    Importing a stage loads no stage that comes after it.
    """
    loaded = loaded_by(f"import autonomous_dev.{stage}")

    never = ("autonomous_dev_exporters", *(f"autonomous_dev.{name}" for name in DOWN[stage]))
    assert sorted(module for module in loaded if within(module, never)) == []


def test_every_layer_of_the_table_exists():
    """
    A row for files that are not there would hide a mistyped path.
    """
    names = [place(path) for path in FILES]

    assert [row for row in TABLE if not any(name == row or name.startswith(row) for name in names)] == []
