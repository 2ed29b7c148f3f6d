"""
What was measured, as text, as JSON and as the table of README.md.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _rounds import NOISE, Spread

BEGIN, END = "<!-- costs:begin -->", "<!-- costs:end -->"
PACKAGES = ("opentelemetry-sdk", "numpy", "orjson", "cachetools", "autonomous-dev")
HEAD = ("what", "against", "ours", "theirs", "median (quartiles)", "target")

LEFT_OUT = (
    "other processes of this machine were not stopped, and its clock speed was not fixed",
    "the loop around a call is part of what either side of a ratio took: some 5 ns",
    "the cyclic garbage collector ran between the rounds only",
    "exporters that send: the one used here reads each span and forgets it",
    "waiting for the disk (durable=True) and file systems other than that of the temporary folder",
    "samples whose metadata is new: their text is prepared once, which costs some tens of microseconds",
    "views, exemplars, links, events, more than one processor, more than two threads",
)
"""What these numbers say nothing of."""


@dataclass(frozen=True)
class Row:
    """
    One line of the table.

    Attributes:
        what: What was measured.

        against: What it is compared with; empty where with nothing.

        unit: Of *ours* and *theirs*.

        ours: What it took; None where only the figure says something.

        theirs: What the peer took; None where there is none.

        figure: What a target would be set for: a ratio of the same rounds, a difference, or *ours* itself.

        figure_unit: Its unit; ``×`` for a ratio.

        target: Most that the figure's median may be; None where nothing was set.

        below: Whether the median must be less than the target.
    """

    what: str
    against: str
    unit: str
    ours: Spread | None
    theirs: Spread | None
    figure: Spread
    figure_unit: str
    target: float | None = None
    below: bool = False

    @property
    def met(self) -> bool:
        """
        Whether the target, if there is one, was reached.
        """
        if self.target is None:
            return True
        return self.figure.median < self.target if self.below else self.figure.median <= self.target

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """
        The texts of the table's columns.
        """
        return (
            self.what,
            self.against,
            _amount(self.ours, self.unit),
            _amount(self.theirs, self.unit),
            self._figure(),
            self._target(),
        )

    def _figure(self) -> str:
        low, median, high = (_number(value) for value in (self.figure.low, self.figure.median, self.figure.high))
        quartiles = "" if self.figure.low == self.figure.high else f" ({low} to {high})"
        return f"{median} {self.figure_unit}{quartiles}"

    def _target(self) -> str:
        if self.target is None:
            return "stated"
        sign = "<" if self.below else "≤"
        return f"{sign} {self.target:g} {self.figure_unit}" + ("" if self.met else " **missed**")


def _amount(value: Spread | None, unit: str) -> str:
    return "" if value is None else f"{_number(value.median)} {unit}"


def _number(value: float) -> str:
    """
    *value* with three digits that say something, and no more than three places.
    """
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def machine() -> dict[str, Any]:
    """
    What it was measured on.
    """
    models = [line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version(name) for name in PACKAGES},
    }


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def as_json(rows: Sequence[Row], where: Mapping[str, Any], *, rounds: int, absent: Sequence[str]) -> str:
    """
    The result file.

    Args:
        rows: The table's.

        where: What :func:`machine` gives.

        rounds: How often the cases took turns.

        absent: Peers that were not measured.
    """
    content = {
        "machine": where,
        "rounds": rounds,
        "noise": NOISE,
        "costs": [{**asdict(row), "met": row.met} for row in rows],
        "peers_left_out": absent,
        "left_out": LEFT_OUT,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def row_of(cost: Mapping[str, Any]) -> Row:
    """
    A row of the result file.
    """
    fields = {name: value for name, value in cost.items() if name != "met"}
    for name in ("ours", "theirs", "figure"):
        fields[name] = None if cost[name] is None else Spread(**cost[name])
    return Row(**fields)


def table(content: Mapping[str, Any]) -> str:
    """
    The table of README.md, made of the result file's content alone.
    """
    rows = [HEAD, ("---",) * len(HEAD), *(row_of(cost).cells() for cost in content["costs"])]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    where = content["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in where["packages"].items())
    noise = f"a difference under {content['noise']:.0%} is noise"
    method = f"Medians of {content['rounds']} rounds in which all cases take turns, ratios within a round; {noise}."
    lines += ["", f"{where['cpu']}, {where['cores']} cores, {where['python']}, {packages}. {method}"]
    if content["peers_left_out"]:
        lines.append(f"Not measured, for want of an environment: {', '.join(content['peers_left_out'])}.")
    return "\n".join(lines)


def write_table(readme: Path, content: Mapping[str, Any]) -> None:
    """
    Put the table between the markers of *readme*.

    Raises:
        ValueError: If the markers are not there, once each and in order.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        msg = f"{readme} has no {BEGIN} … {END}: the table needs a place"
        raise ValueError(msg)
    readme.write_text(f"{before}{BEGIN}\n{table(content)}\n{END}{after}", encoding="utf-8")
