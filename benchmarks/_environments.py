"""
Environments of packages whose requirements differ from ours, one folder each: benchmarks/.venv-PACKAGE.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
_MADE = ".made"
"""Touched when an environment is complete."""


def make_environments(packages: Iterable[str]) -> None:
    """
    Make the environments that are missing, of the newest versions that there are.
    """
    for package in packages:
        if is_made(package):
            continue
        subprocess.run([sys.executable, "-m", "venv", "--clear", _folder(package)], check=True)
        subprocess.run([python_of(package), "-m", "pip", "install", "--quiet", package], check=True)
        (_folder(package) / _MADE).touch()


def is_made(package: str) -> bool:
    """
    Whether *package* has a complete environment.
    """
    return (_folder(package) / _MADE).is_file()


def python_of(package: str) -> Path:
    """
    The interpreter of the environment of *package*.
    """
    return _folder(package) / "bin" / "python"


def _folder(package: str) -> Path:
    return HERE / f".venv-{package}"
