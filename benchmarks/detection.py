"""
How well changes and anomalies are found, how often something is said where nothing is, and what confidences are worth.

``python benchmarks/detection.py --data FOLDER`` measures, prints a Markdown table and writes ``results/detection.json``.
FOLDER holds ``change-points/``, ``anomalies/`` and ``histories/``; without it the rows on real series are left out.
``--peers`` first makes the environments of peers that are missing; without them their figures are left out.
``--only GROUP...`` measures some groups of rows and leaves the others in the result file as they are; ``--quick``
measures little, in a few minutes, and writes nothing. The exit code of a full run is 1 where a target was missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from _calibration_rows import measure_calibration
from _change_rows import change_rows, delay_rows
from _contenders import contenders, peers_absent, peers_present
from _detection_report import NOTES, group_content, table, written
from _detection_row import Measured, Row
from _environments import make_environments
from _extent import FULL, QUICK, Setting
from _history_rows import history_rows
from _labelled_rows import measure_labelled
from _null_rows import looks_rows, null_rows
from _report import machine
from _segmenter import PACKAGES
from _speed_rows import many_rows, speed_rows
from _stream_rows import stream_rows

HERE = Path(__file__).parent
RESULT = HERE / "results" / "detection.json"
PICTURES = HERE.parent / "docs" / "pictures"
SEED: Final = 20_260_101
"""No constant of the package was fitted on series of this seed."""

Measure = Callable[[Setting], Measured]


def _only_rows(rows: Callable[[Setting], list[Row]]) -> Measure:
    return lambda setting: Measured(tuple(rows(setting)))


GROUPS: Final[dict[str, Measure]] = {
    "labelled": measure_labelled,
    "null": _only_rows(null_rows),
    "looks": _only_rows(looks_rows),
    "changes": _only_rows(change_rows),
    "delays": _only_rows(delay_rows),
    "calibration": measure_calibration,
    "stream": _only_rows(stream_rows),
    "speed": _only_rows(speed_rows),
    "histories": _only_rows(history_rows),
    "many": _only_rows(many_rows),
}
NEED_DATA: Final = ("labelled", "stream", "histories")


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Measure and tell; 1 where a target was missed in a full run.
    """
    asked = _parser().parse_args(arguments)
    if asked.data is not None and not asked.data.is_dir():
        sys.exit(f"--data is {asked.data}: expected a folder that holds change-points/, anomalies/ and histories/")
    if asked.peers:
        make_environments(sorted(set(PACKAGES.values())))
    setting = Setting(QUICK if asked.quick else FULL, peers_present(), asked.data, asked.seed, asked.processes)
    about = _about(setting)
    print(f"on {about['machine']['cpu']}, {about['machine']['cores']} cores, {about['machine']['python']}")
    for line in _left_out(setting, asked.only):
        print(f"LEFT OUT: {line}")
    rows: list[Row] = []
    groups: dict[str, dict[str, Any]] = {}
    for name in asked.only:
        if name in NEED_DATA and setting.data is None:
            continue
        print(f"\n## {name}\n", flush=True)
        began = time.perf_counter()
        measured = GROUPS[name](setting)
        rows += measured.rows
        took = time.perf_counter() - began
        groups[name] = group_content(measured.rows, {**about, "seconds": round(took, 1)})
        print(table(measured.rows, setting.peers))
        print(f"\n{took:,.0f} s", flush=True)
        if asked.pictures:
            _draw(measured)
    print("\n" + "\n".join(f"- {note}" for note in NOTES.splitlines()))
    if asked.quick:
        print("\nnothing was written: this was a quick run, whose intervals are too wide for the targets")
        return 0
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(written(RESULT, groups), encoding="utf-8")
    print(f"\nwrote {RESULT.relative_to(HERE.parent)}")
    return 0 if all(row.met for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="real series; without it their rows are left out")
    parser.add_argument("--peers", action="store_true", help="first make the missing environments of peers")
    parser.add_argument("--quick", action="store_true", help="small samples; nothing is written")
    parser.add_argument(
        "--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="GROUP", help=", ".join(GROUPS)
    )
    parser.add_argument("--pictures", action="store_true", help="write the reliability diagrams into docs/pictures")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that share the work")
    parser.add_argument("--seed", type=int, default=SEED, help="of everything that is drawn")
    return parser


def _about(setting: Setting) -> dict[str, Any]:
    """
    What all figures of a run have in common.
    """
    versions = {one.name: one.version for one in contenders(setting.peers) if one.version}
    return {
        "seed": setting.seed,
        "extent": asdict(setting.extent),
        "machine": machine(),
        "peers": versions,
        "peers_left_out": list(peers_absent()),
    }


def _left_out(setting: Setting, groups: Sequence[str]) -> list[str]:
    lines = [f"{name}, which has no environment; --peers makes it" for name in peers_absent()]
    if setting.data is None:
        lines += [f"the rows of {name}: they need real series, --data FOLDER" for name in NEED_DATA if name in groups]
    return lines


def _draw(measured: Measured) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, picture in measured.pictures.items():
        path = PICTURES / f"{name}.svg"
        path.write_text(picture, encoding="utf-8")
        print(f"drew {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    sys.exit(main())
