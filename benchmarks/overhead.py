"""
What recording and instrumenting cost, as ratios to the same done by hand and in microseconds.

``python benchmarks/overhead.py`` measures, prints, writes ``results/overhead.json`` and puts README's table in from it;
``--quick`` measures little, prints and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from _instrument_cases import (
    BLOCK,
    BLOCK_SDK,
    CACHED,
    LRU,
    SPAN_BY_HAND,
    no_sdk_is_set,
    with_sdk,
    without_sdk,
)
from _record_cases import BY_HAND, RECORD, growth, record_cases
from _report import LEFT_OUT, Row, as_json, machine, write_table
from _rounds import Spread, ratio, spread, take_turns

HERE = Path(__file__).parent
RESULT = HERE / "results" / "overhead.json"
README = HERE.parent / "README.md"

ROUNDS, QUICK_ROUNDS = 101, 11
TIMES, QUICK_TIMES = 2000, 500
GROWING, QUICK_GROWING = 1_000_000, 50_000
MICRO = 1e6


def measure(*, rounds: int, times: int, growing: int) -> list[Row]:
    """
    All rows of the table.
    """
    if not no_sdk_is_set():
        sys.exit("an OpenTelemetry SDK is set globally in this process: what costs without one cannot be measured")
    # A folder of the current disk: /tmp may be memory.
    with tempfile.TemporaryDirectory(dir=HERE) as name:
        folder = Path(name)
        with record_cases(folder) as cases, with_sdk() as sdk_cases:
            taken = take_turns({**cases, **without_sdk(), **sdk_cases}, rounds=rounds, times=times)
        first, last = growth(folder, growing)
    grown = last / first
    return [
        Row("`record_metric`, 3 metadata keys, into a journal", "µs", spread(taken[RECORD]).scaled(MICRO)),
        Row("… by `Gauge.set` + `orjson.dumps` + `os.write`", "×", ratio(taken, RECORD, BY_HAND), 1.0),
        Row(f"… the last tenth of {growing:,} samples by the first", "×", Spread(grown, grown, grown), 1.1),
        Row("profiled block, no SDK set", "µs", spread(taken[BLOCK]).scaled(MICRO), 5.0),
        Row("profiled block, SDK set", "µs", spread(taken[BLOCK_SDK]).scaled(MICRO)),
        Row("… by span and histogram by hand", "×", ratio(taken, BLOCK_SDK, SPAN_BY_HAND)),
        Row("`cached` hit, no SDK set", "µs", spread(taken[CACHED]).scaled(MICRO), 2.0),
        Row("… by `functools.lru_cache`", "×", ratio(taken, CACHED, LRU)),
    ]


def main() -> int:
    """
    Measure and tell; 1 where a target was missed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; nothing is written")
    quick = parser.parse_args().quick
    rounds = QUICK_ROUNDS if quick else ROUNDS
    where = machine()
    print(
        f"on {where['cpu']}, {where['cores']} cores, load {where['load_average']}, {where['system']}, {where['python']}"
    )
    print(", ".join(f"{name} {number}" for name, number in where["packages"].items()))
    rows = measure(rounds=rounds, times=QUICK_TIMES if quick else TIMES, growing=QUICK_GROWING if quick else GROWING)
    print(f"\nmedian of {rounds} rounds, in each of which all cases take turns in shuffled order; quartiles; target\n")
    for row in rows:
        what, median, quartiles, target = row.cells()
        print(f"  {what.replace('`', ''):<52} {median:>10}   {quartiles:<16} {target.replace('*', '')}")
    print("\nnot measured, or left as it was:")
    for line in LEFT_OUT:
        print(f"  - {line}")
    if not quick:
        text = as_json(rows, where, rounds=rounds, quick=quick)
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(text, encoding="utf-8")
        write_table(README, json.loads(text))
        print(f"\nwrote {RESULT.relative_to(README.parent)} and the table of {README.name}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
