"""
What the detection benchmark measured, as a table and as the result file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from _contenders import OURS, PEERS
from _detection_row import Row

COLUMNS = {"otava": "Otava", "pelt": "ruptures PELT", "binseg": "ruptures Binseg", "z-score": "z-score"}

NOTES = """\
Peers give no confidence: each of their reports counts as confirmed and of confidence 1. They see the first of the series that ours sees; how many is in the result file.
Intervals are 95%: Wilson for shares, percentile bootstrap over series for means. A target that is held against the end of the interval says so.
A report stands for one simulated change within 5 samples (in series below 50 a tenth of the length, at least 2). Labelled series are scored with a margin of 5.
The z-score is a sample more than 3 sd from the mean of the 20 before it; in streams, from that of all before it.
Otava with default options; ruptures with cost l2 and penalty 3 log n on values scaled to an sd of 1.
A step in a window of histories is measured in its sd, what lies beyond 6 robust sd clipped. The windows come from projects that no constant of the package was fitted on.\
"""


def table(rows: Sequence[Row], peers: Sequence[str]) -> str:
    """
    *rows* as a Markdown table: a column for each of *peers* that is there, and one for whoever else has a figure.
    """
    shown = [name for name in PEERS if name in peers]
    others = shown + sorted({name for row in rows for name in row.figures} - {*PEERS, OURS})
    head = ["measure", *(COLUMNS.get(name, name) for name in others), OURS, "to reach"]
    lines = [head, ["---"] * len(head)]
    lines += [
        [row.measure, *(row.figure_text(name) for name in others), row.figure_text(OURS), row.target_text()]
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def group_content(rows: Iterable[Row], about: Mapping[str, Any]) -> dict[str, Any]:
    """
    What the result file says of one group: *about* how it was measured, and every figure.
    """
    return {**about, "rows": [{**asdict(row), "met": row.met} for row in rows]}


def written(path: Path, groups: Mapping[str, Mapping[str, Any]]) -> str:
    """
    The text of the result file *path* with *groups* put in; groups measured earlier stay, with what was said of them.
    """
    known = json.loads(path.read_text(encoding="utf-8"))["groups"] if path.is_file() else {}
    return json.dumps({"notes": NOTES.splitlines(), "groups": {**known, **groups}}, indent=2, ensure_ascii=False) + "\n"
