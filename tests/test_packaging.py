"""
What is built and shipped: the wheel, the source archive, and a fresh environment that has only the wheel.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
TEST_GROUP = PYPROJECT["dependency-groups"]["test"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """
    The folder with a wheel that was built from the source archive beside it.
    """
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True, capture_output=True, timeout=100,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    """
    The one wheel.
    """
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def fresh(wheel, tmp_path_factory):
    """
    The ``bin`` folder of an environment into which nothing but the wheel was installed.
    """
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--python", folder / "bin" / "python", "install", "--no-compile", wheel],
        check=True, capture_output=True, timeout=110,
    )  # fmt: skip
    return folder / "bin"


def run(arguments, cwd):
    """
    Run a program of the fresh environment, its warnings being errors, and give back what it printed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OTEL_"))}
    done = subprocess.run(
        arguments, cwd=cwd, env={**environment, "PYTHONWARNINGS": "error"}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def names_in(path):
    """
    The names of an archive's files, without the folder that a source archive has around them.
    """
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def tracked(*folders):
    """
    The files of these folders as they are in the tree, by their paths from its top.
    """
    return {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and not any("cache" in part or part.startswith(".venv") for part in path.parent.relative_to(ROOT).parts)
    }


@pytest.mark.slow
def test_the_wheel_holds_the_packages_and_their_data(wheel):
    """
    Both packages with markers and boards are in the wheel, the licence beside them, and nothing else.
    """
    names = names_in(wheel)

    expected = {name.partition("/")[2] for name in tracked("src", "exporters")}
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {"autonomous_dev/py.typed", "autonomous_dev_exporters/py.typed"} <= names
    assert any(re.fullmatch(r"autonomous_dev_exporters/grafana/[^/]+\.json", name) for name in names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_the_wheel_says_what_it_needs(wheel):
    """
    The metadata names the Python version, the licence and every dependency of pyproject.toml, all with lower bounds only.
    """
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())

    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    needed = [each for each in metadata.get_all("Requires-Dist") if "extra ==" not in each]
    assert {each.lower() for each in needed} == {each.lower() for each in PROJECT["dependencies"]}
    assert all(re.fullmatch(r"[\w-]+>=[\w.]+", each) for each in needed)


@pytest.mark.slow
def test_the_source_archive_holds_what_tests_need(built):
    """
    From the source archive everything can be built and tested again.
    """
    (archive,) = built.glob("*.tar.gz")
    names = names_in(archive)

    assert tracked("src", "exporters", "tests", "docs", "grafana", "examples", "benchmarks", ".ci") <= names
    assert {"pyproject.toml", "Makefile", "README.md", "LICENSE", "CHANGELOG.md", "ARCHITECTURE.md"} <= names


@pytest.mark.slow
def test_the_wheel_works_where_nothing_else_is(fresh, tmp_path):
    """
    In an environment with the wheel alone a metric is recorded, its copy of the package being the one used.
    """
    code = (
        "import autonomous_dev, autonomous_dev_exporters.prometheus, pathlib, sys\n"
        "assert pathlib.Path(autonomous_dev.__file__).is_relative_to(sys.prefix)\n"
        "tracker = autonomous_dev.MetricsTracker('metrics.json')\n"
        "tracker.record_metric('test_duration', 12.5, {'suite': 'unit'})\n"
        "print(tracker.get_metrics('test_duration')[0].value)\n"
    )

    assert run([fresh / "python", "-c", code], tmp_path) == "12.5\n"
    shown = run([fresh / "autonomous-dev", "show", "--storage", "metrics.json"], tmp_path)
    assert "test_duration" in shown


@pytest.mark.slow
def test_the_command_is_installed(fresh, tmp_path):
    """
    The wheel brings the ``autonomous-dev`` command with its sub-commands.
    """
    text = run([fresh / "autonomous-dev", "--help"], tmp_path)

    assert all(
        re.search(rf"^\s+{name}\s", text, re.MULTILINE) for name in ("record", "show", "insights", "serve", "rules")
    )


def test_the_oldest_versions_are_the_lower_bounds():
    """
    What ``make test-oldest`` installs is the lower bound of every dependency, so that the bound is tested.
    """
    pinned = [line for line in (ROOT / ".ci" / "oldest.txt").read_text().splitlines() if not line.startswith("#")]
    # Caches of other makers, which can be watched.
    watched = [each for each in TEST_GROUP if isinstance(each, str) and each.startswith(("cachetools", "Django"))]

    assert sorted(pinned, key=str.lower) == sorted(
        (each.replace(">=", "==") for each in (*PROJECT["dependencies"], *watched)), key=str.lower
    )
