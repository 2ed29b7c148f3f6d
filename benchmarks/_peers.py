"""
The peers that need an environment of their own: making it, and measuring what is there.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from _environments import is_made, python_of
from _peer import BY_HAND, PEER, PEERS
from _rounds import Spread, ratio, spread

from autonomous_dev.conventions import DURATION_BOUNDS

HERE = Path(__file__).parent
MAKE = "python benchmarks/overhead.py --peers"


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


def missing() -> list[str]:
    """
    Packages that have no environment.
    """
    return sorted({package for _, package in PEERS.values() if not is_made(package)})


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
    command: list[str | Path] = [python_of(package), "_peer.py", name, str(rounds), json.dumps(DURATION_BOUNDS)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE)
    return done.stdout


def _read(printed: str, package: str) -> Peer:
    content = json.loads(printed)
    text = f"{package} {content['packages'][package]}"
    return Peer(text, spread(content[PEER]), ratio(content[PEER], content[BY_HAND]))
