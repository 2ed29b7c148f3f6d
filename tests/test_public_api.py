"""
The public names: where they are, that they are all, and that each says what it does.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from types import ModuleType

import pytest

import autonomous_dev
import autonomous_dev_exporters

LEARNING = ("FeedbackLoop", "LearningInsight", "MetricsTracker")
PERFORMANCE = ("OptimizationStrategy", "PerformanceProfiler", "SimpleCache", "cached")


def public_modules() -> list[str]:
    """
    Every module of ours whose path holds no underscore at the front of a part.
    """
    names = []
    for package in (autonomous_dev, autonomous_dev_exporters):
        names.append(package.__name__)
        names += [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]


PACKAGES = [name for name in public_modules() if hasattr(importlib.import_module(name), "__path__")]


def own_names(module: ModuleType) -> set[str]:
    """
    What *module* offers without an underscore in front and without being a module itself.
    """
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and name not in {"annotations", "TYPE_CHECKING", "import_module", "partial"}
    }


@pytest.mark.parametrize("name", [*LEARNING, *PERFORMANCE])
def test_the_seven_names_are_at_the_top_and_in_their_stage(name):
    """
    Each name of the guide is one object, whether taken from the top or from its stage.
    """
    stage = importlib.import_module("autonomous_dev.learning" if name in LEARNING else "autonomous_dev.performance")

    assert getattr(autonomous_dev, name) is getattr(stage, name)
    assert name in stage.__all__
    assert name in autonomous_dev.__all__


def test_the_top_is_the_seven_names_and_two_more():
    """
    The top offers the seven names, ``configure`` and ``watch_cache``, and ``dir`` shows them all.
    """
    assert set(autonomous_dev.__all__) == {*LEARNING, *PERFORMANCE, "configure", "watch_cache"}
    assert set(autonomous_dev.__all__) <= set(dir(autonomous_dev))
    assert all(callable(getattr(autonomous_dev, name)) for name in autonomous_dev.__all__)


def test_an_unknown_name_of_the_top_is_an_attribute_error():
    """
    A mistyped name fails as with any module, and the message names it.
    """
    with pytest.raises(AttributeError, match="MetricTracker"):
        getattr(autonomous_dev, "MetricTracker")  # noqa: B009 - a name that a checker would refuse


def test_dir_shows_the_lazy_names_before_they_are_used():
    """
    Completion in a fresh interpreter offers every public name, and looking loads no stage.
    """
    code = (
        "import sys, autonomous_dev\n"
        "assert set(autonomous_dev.__all__) <= set(dir(autonomous_dev))\n"
        "assert 'autonomous_dev.learning' not in sys.modules\n"
    )

    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_exports_what_it_says(name):
    """
    ``__all__`` of a package is sorted, complete and resolves: what it imports, it exports.
    """
    module = importlib.import_module(name)
    exported = list(getattr(module, "__all__", ()))

    assert len(exported) == len(set(exported))
    assert all(hasattr(module, each) for each in exported)
    assert not any(each.startswith("_") for each in exported)
    # Some are bound at their first use, the top's all; the command is a program, not an API.
    if name not in {"autonomous_dev", "autonomous_dev.cli"}:
        assert own_names(module) | set(getattr(module, "_HOMES", ())) == set(exported)


@pytest.mark.parametrize("name", public_modules())
def test_every_public_name_says_what_it_does(name):
    """
    Each public module, class, function, method and property has a docstring.
    """
    module = importlib.import_module(name)
    silent = [] if module.__doc__ else [name]
    for each in getattr(module, "__all__", None) or own_names(module):
        value = getattr(module, each)
        if not (inspect.isclass(value) or inspect.isfunction(value)) or value.__module__.split(".")[0] not in {
            "autonomous_dev",
            "autonomous_dev_exporters",
        }:
            continue
        silent += [] if says_something(value) else [f"{name}.{each}"]
        if inspect.isclass(value):
            silent += [f"{name}.{each}.{member}" for member in silent_members(value)]

    assert silent == []


def says_something(value: type | Callable[..., object]) -> bool:
    """
    True where a docstring was written; a dataclass without one gets its signature for it.
    """
    return bool(value.__doc__) and not value.__doc__.startswith(f"{value.__name__}(")


def silent_members(kind: type) -> list[str]:
    """
    The public methods and properties of a class that say nothing of themselves.
    """
    return [
        name
        for name, value in vars(kind).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod))
        and not inspect.getdoc(getattr(kind, name))
    ]


@pytest.mark.parametrize("package", ["autonomous_dev", "autonomous_dev_exporters"])
def test_the_packages_are_marked_as_typed(package):
    """
    A checker in a user's project reads our annotations.
    """
    assert files(package).joinpath("py.typed").is_file()
