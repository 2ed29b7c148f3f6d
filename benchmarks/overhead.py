"""
What recording and instrumenting cost, as ratios to named peers and to the same done by hand.

``python benchmarks/overhead.py`` measures, prints, writes ``results/overhead.json`` and puts README's table in from it;
``--quick`` measures little, prints and writes nothing; ``--peers`` first makes the environments that peers need and
that are not there yet. The exit code is 1 where a target was missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _block_cases import block_cases, no_sdk_is_set
from _cache_cases import cache_cases
from _environments import make_environments
from _import_cases import import_times
from _peers import MAKE, measure_peers, missing
from _record_cases import growth, record_cases
from _report import LEFT_OUT, Row, as_json, machine, write_table
from _rounds import NOISE, take_turns
from _table import block_rows, cache_rows, import_rows, memory_rows, peer_rows, record_rows

HERE = Path(__file__).parent
RESULT = HERE / "results" / "overhead.json"
README = HERE.parent / "README.md"


@dataclass(frozen=True)
class Extent:
    """
    How much is measured.

    Attributes:
        rounds: In which all cases take turns.

        processes: Of each kind that are started for the import times.

        growing: Samples recorded in a row.
    """

    rounds: int
    processes: int
    growing: int


FULL, QUICK = Extent(201, 31, 1_000_000), Extent(11, 5, 50_000)


def measure(extent: Extent) -> list[Row]:
    """
    All rows of the table.
    """
    if not no_sdk_is_set():
        sys.exit("an OpenTelemetry SDK is set globally in this process: what costs without one cannot be measured")
    # A folder of the current disk: /tmp may be memory.
    with tempfile.TemporaryDirectory(dir=HERE) as name:
        folder = Path(name)
        with cache_cases() as of_caches, block_cases() as of_blocks, record_cases(folder) as of_records:
            taken = take_turns({**of_caches, **of_blocks, **of_records}, rounds=extent.rounds)
        first, last = growth(folder, extent.growing)
    return [
        *cache_rows(taken),
        *block_rows(taken),
        *peer_rows(taken, measure_peers(rounds=extent.rounds)),
        *record_rows(taken, last / first, extent.growing),
        *import_rows(import_times(rounds=extent.processes)),
        *memory_rows(),
    ]


def tell(rows: Sequence[Row], rounds: int) -> None:
    """
    Print the rows, and what they say nothing of.
    """
    print(f"\nmedian (quartiles) of {rounds} rounds in which all cases take turns in shuffled order")
    print(f"ratios are of the same round; a difference under {NOISE:.0%} is noise\n")
    for row in rows:
        what, against, ours, theirs, figure, target = (cell.replace("`", "").replace("*", "") for cell in row.cells())
        print(f"  {what}" + (f"  |  {against}" if against else ""))
        print(f"      {ours:>10} {theirs:>10}   {figure:<34} {target}")
    for package in missing():
        print(f"\nNOT MEASURED: {package}, which has no environment; {MAKE} makes it")
    print("\nnot measured, or left as it was:")
    for line in LEFT_OUT:
        print(f"  - {line}")


def write(text: str) -> None:
    """
    Write the result file and README's table.
    """
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text, encoding="utf-8")
    write_table(README, json.loads(text))
    print(f"\nwrote {RESULT.relative_to(README.parent)} and the table of {README.name}")


def main() -> int:
    """
    Measure and tell; 1 where a target was missed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; nothing is written")
    parser.add_argument("--peers", action="store_true", help="first make the missing environments of peers")
    arguments = parser.parse_args()
    if arguments.peers:
        make_environments(missing())
    extent = QUICK if arguments.quick else FULL
    where = machine()
    print(
        f"on {where['cpu']}, {where['cores']} cores, load {where['load_average']}, {where['system']}, {where['python']}"
    )
    print(", ".join(f"{name} {number}" for name, number in where["packages"].items()), flush=True)
    rows = measure(extent)
    tell(rows, extent.rounds)
    if not arguments.quick:
        write(as_json(rows, where, rounds=extent.rounds, absent=missing()))
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
