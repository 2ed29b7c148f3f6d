"""
The peers that need an environment of their own: making it, and measuring what is there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from _peer import BY_HAND, PEER, PEERS
from _rounds import Spread, ratio, spread

from autonomous_dev.conventions import DURATION_BOUNDS

HERE = Path(__file__).parent
MAKE = "python benchmarks/overhead.py --peers"
_MADE = ".made"
"""Touched when an environment is complete."""


@dataclass(frozen=True)
class Peer:
    """
    What was measured in a peer's environment.

    Attributes:
        package: What was measured, with its version.

        took: Seconds of one call.

        by_hand: The same by what the row by hand took there.
    """

    package: str
    took: Spread
    by_hand: Spread


def make_environments() -> None:
    """
    Make the environments that are missing, of the newest versions that there are.
    """
    for package in missing():
        subprocess.run([sys.executable, "-m", "venv", "--clear", _environment(package)], check=True)
        subprocess.run([_python(package), "-m", "pip", "install", "--quiet", package], check=True)
        (_environment(package) / _MADE).touch()


def missing() -> list[str]:
    """
    Packages that have no environment.
    """
    return sorted({package for _, package in PEERS.values() if not (_environment(package) / _MADE).is_file()})


def measure_peers(*, rounds: int) -> dict[str, Peer]:
    """
    Every peer that has an environment, by name, each in a process of its own.
    """
    absent = missing()
    return {
        name: _read(_measured(name, package, rounds), package)
        for name, (_, package) in PEERS.items()
        if package not in absent
    }


def _measured(name: str, package: str, rounds: int) -> str:
    command: list[str | Path] = [_python(package), "_peer.py", name, str(rounds), json.dumps(DURATION_BOUNDS)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE)
    return done.stdout


def _read(printed: str, package: str) -> Peer:
    content = json.loads(printed)
    text = f"{package} {content['packages'][package]}"
    return Peer(text, spread(content[PEER]), ratio(content[PEER], content[BY_HAND]))


def _environment(package: str) -> Path:
    return HERE / f".venv-{package}"


def _python(package: str) -> Path:
    return _environment(package) / "bin" / "python"
