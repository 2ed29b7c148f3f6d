"""
What was measured, as text, as JSON and as the table of README.md.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _rounds import Spread

BEGIN, END = "<!-- costs:begin -->", "<!-- costs:end -->"
PACKAGES = ("opentelemetry-sdk", "numpy", "orjson", "autonomous-dev")

LEFT_OUT = (
    "other processes of this machine were not stopped, and its clock speed was not fixed",
    "memory, and the cost of importing the package and of making trackers, profilers and providers",
    "collecting and exporting: readers and exporters run when they like, beside the program",
    "waiting for the disk (durable=True) and file systems other than that of the temporary folder",
    "threads and processes that write at once, coroutines, and cached functions with keywords or several arguments",
    "samples whose metadata is new: their text is prepared once, which costs some tens of microseconds",
    "providers with span processors, views or exemplars",
)
"""What these numbers say nothing of."""


@dataclass(frozen=True)
class Row:
    """
    One line of the table.

    Attributes:
        what: What was measured.

        unit: ``µs`` or ``×``.

        value: Quartiles over the rounds; all three equal where there is one number only.

        target: Most that it may be; None where nothing was set.
    """

    what: str
    unit: str
    value: Spread
    target: float | None = None

    @property
    def met(self) -> bool:
        """
        Whether the target, if there is one, was reached.
        """
        return self.target is None or self.value.median <= self.target

    def cells(self) -> tuple[str, str, str, str]:
        """
        The texts of the table's columns.
        """
        quartiles = "" if self.value.low == self.value.high else f"{self.value.low:.2f} to {self.value.high:.2f}"
        target = "" if self.target is None else f"≤ {self.target:g} {self.unit}" + ("" if self.met else " **missed**")
        return self.what, f"{self.value.median:.2f} {self.unit}", quartiles, target


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


def as_json(rows: list[Row], where: dict[str, Any], *, rounds: int, quick: bool) -> str:
    """
    The result file.
    """
    content = {
        "machine": where,
        "rounds": rounds,
        "quick": quick,
        "costs": [{**asdict(row), "met": row.met} for row in rows],
        "left_out": LEFT_OUT,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def table(content: dict[str, Any]) -> str:
    """
    The table of README.md, made of the result file's content alone.
    """
    rows = [Row(c["what"], c["unit"], Spread(**c["value"]), c["target"]).cells() for c in content["costs"]]
    where = content["machine"]
    lines = ["| what | median | quartiles | target |", "|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    packages = ", ".join(f"{name} {number}" for name, number in where["packages"].items())
    lines += ["", f"{where['cpu']}, {where['cores']} cores, {where['python']}, {packages}; {content['rounds']} rounds."]
    return "\n".join(lines)


def write_table(readme: Path, content: dict[str, Any]) -> None:
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
