"""
Series that people labelled: how well what is reported agrees with them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from _contenders import NOTHING, OURS, Contender, contenders, find_ours
from _detection_row import SCORE, Figure, Measured, Row
from _extent import Setting
from _reliability import Reliability, reliability
from _reliability_picture import reliability_picture
from _segmentation_scores import Annotations, covering, f1, margin_for, matches
from _shares import bootstrap
from numpy.typing import NDArray

GROUP: Final = "labelled"

FOLDERS: Final = {
    "labelled series": ("change-points", 0.73, 0.82),
    "labelled windows of histories": ("histories/labelled", 0.92, 0.90),
}
"""By name: the folder, and the covering and the F1 to reach."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """
    One series, and what people say of it.

    Attributes:
        name: Of its file.

        values: Shape (n,), NaN where missing.

        annotations: By annotator.
    """

    name: str
    values: NDArray[np.float64]
    annotations: Annotations


def read_labelled(folder: Path) -> tuple[Labelled, ...]:
    """
    The series of *folder*, which holds ``labels.json`` and ``NAME.csv`` with a column ``value``, by name.
    """
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return tuple(Labelled(name, _values(folder / f"{name}.csv"), labels[name]) for name in sorted(labels))


def _values(path: Path) -> NDArray[np.float64]:
    with path.open(encoding="utf-8", newline="") as file:
        return np.array([float(row["value"] or "nan") for row in csv.DictReader(file)])


def measure_labelled(setting: Setting) -> Measured:
    """
    The rows, and a diagram of what our confidences are worth on series that people labelled.
    """
    if setting.data is None:
        return Measured(())
    measured = labelled_reliability(setting.data)
    picture = reliability_picture("labelled series: what half of the readers marked", measured)
    error = {OURS: Figure(measured.error, measured.n)}
    row = Row(
        GROUP, "expected calibration error of all reports on both sets, right: half of the readers agree", SCORE, error
    )
    return Measured((*labelled_rows(setting), row), {"reliability-labelled": picture})


def labelled_rows(setting: Setting) -> list[Row]:
    """
    Covering and F1 of the findings, of all series and of each half of them; and ours less each peer's, series by series.
    """
    if setting.data is None:
        return []
    rows: list[Row] = []
    for name, (folder, *targets) in FOLDERS.items():
        series = read_labelled(setting.data / folder)
        scores = {
            one.name: [_scores(one, each) for each in series] for one in contenders((*setting.contenders, NOTHING))
        }
        for i, measure in enumerate(("covering", "F1")):
            columns = {who: [pair[i] for pair in pairs] for who, pairs in scores.items()}
            what = f"{measure}, {len(series)} {name}, findings (≥ 0.5)"
            rows.append(_means(what, columns, setting.seed, targets[i]))
            for part, places in enumerate(("even places", "odd places")):
                half = {who: column[part::2] for who, column in columns.items()}
                rows.append(_means(f"… those in {places}", half, setting.seed))
            rows.append(_differences(columns, setting.seed))
    return rows


def _scores(contender: Contender, series: Labelled) -> tuple[float, float]:
    found = [report.index for report in contender.find(series.values) if report.finding]
    return covering(series.annotations, found, len(series.values)), f1(series.annotations, found)


def _means(measure: str, columns: Mapping[str, Sequence[float]], seed: int, target: float | None = None) -> Row:
    figures = {
        who: Figure(sum(column) / len(column), len(column), bootstrap(column, seed=seed))
        for who, column in columns.items()
    }
    return Row(GROUP, measure, SCORE, figures, target, at_most=False)


def _differences(columns: Mapping[str, Sequence[float]], seed: int) -> Row:
    """
    Under each peer's name: ours less that peer's, with the interval of a paired bootstrap.
    """
    figures = {}
    for who, column in columns.items():
        if who != OURS:
            less = [mine - theirs for mine, theirs in zip(columns[OURS], column, strict=True)]
            figures[who] = Figure(sum(less) / len(less), len(less), bootstrap(less, seed=seed))
    return Row(GROUP, "… ours less theirs (paired bootstrap)", SCORE, figures)


def labelled_reliability(data: Path) -> Reliability:
    """
    Of all our reports on both sets of labelled series: right is what half of the annotators or more marked nearby.
    """
    confidences: list[float] = []
    right: list[bool] = []
    for folder, *_ in FOLDERS.values():
        for series in read_labelled(data / folder):
            reports = find_ours(series.values)
            agreeing = _agreeing(series, [report.index for report in reports])
            confidences.extend(report.confidence for report in reports)
            right.extend(2 * agreeing.get(report.index, 0) >= len(series.annotations) for report in reports)
    return reliability(confidences, right)


def _agreeing(series: Labelled, found: Sequence[int]) -> dict[int, int]:
    """
    For each found index how many annotators marked it.
    """
    votes: dict[int, int] = {}
    for places in series.annotations.values():
        for index in matches(places, found, margin_for(len(series.values))).values():
            votes[index] = votes.get(index, 0) + 1
    return votes
