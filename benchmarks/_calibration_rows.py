"""
Whether confidences mean what they say: in worlds in which many series change, and in one in which few do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Final

import numpy as np
from _contenders import OURS, Report, find_ours, find_ours_at
from _detection_row import SCORE, SHARE, Figure, Measured, Row, share
from _extent import Setting
from _reliability import Reliability, reliability
from _reliability_picture import reliability_picture
from _segmentation_scores import margin_for, matches
from _worlds import Simulated, world

from autonomous_dev.learning import detect_change_points, estimate_prior

GROUP: Final = "calibration"
PRECISION: Final = 0.97

BALANCED, USUAL, RARE = "balanced world", "usual world", "rare world"
WORLDS: Final = {BALANCED: (0.5, 0.02), USUAL: (0.3, 0.02), RARE: (0.07, 0.05)}
"""
By name: the share of series that change, and the error to reach. 0.3 is what confidences take where nobody says.
"""

CREEPING: Final = 0.1
"""Series that creep, for each that changes: where few change, few creep. A report in one of them is wrong."""

RUN: Final = 1_000
"""Series of a run: what the share of changing ones is estimated from."""

SHIPPED: Final[float] = signature(detect_change_points).parameters["prior"].default
AS_SHIPPED, ESTIMATED = "prior as shipped", "prior estimated from each run"


@dataclass(frozen=True, slots=True)
class Run:
    """
    One run of a world.

    Attributes:
        changing: Share of series that change.

        size: How many series.

        seed: Of the generator.
    """

    changing: float
    size: int
    seed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """
    What was reported in a run, with the shipped prior and with the estimated one.

    Attributes:
        shipped: Confidence, whether right, and whether a finding, of each report.

        estimated: The same with the estimated prior.

        prior: The estimate.
    """

    shipped: list[tuple[float, bool, bool]]
    estimated: list[tuple[float, bool, bool]]
    prior: float


def reports_of(run: Run) -> Said:
    """
    Our reports on the series of *run*.
    """
    series = list(
        world(run.size, np.random.default_rng(run.seed), changing=run.changing, creeping=CREEPING * run.changing)
    )
    first = [find_ours(one.values) for one in series]
    prior = estimate_prior([max((report.confidence for report in reports), default=0.0) for reports in first])
    # Where nothing is reported at the shipped prior, nothing is at a smaller one.
    again = [
        find_ours_at(one.values, prior) if reports or prior > SHIPPED else ()
        for one, reports in zip(series, first, strict=True)
    ]
    return Said(
        shipped=[row for one, reports in zip(series, first, strict=True) for row in judged(one, reports)],
        estimated=[row for one, reports in zip(series, again, strict=True) for row in judged(one, reports)],
        prior=prior,
    )


def judged(series: Simulated, reports: Sequence[Report]) -> list[tuple[float, bool, bool]]:
    """
    Of each report its confidence, whether it stands for a change of *series*, and whether it is a finding.

    A change is matched to one report, so that a second one nearby is wrong.
    """
    right = set(matches(series.changes, [one.index for one in reports], margin_for(len(series.values))).values())
    return [(one.confidence, one.index in right, one.finding) for one in reports]


def measure_calibration(setting: Setting) -> Measured:
    """
    Error, Brier score and precision of the confidences in each world, and a diagram of each.
    """
    rows: list[Row] = []
    pictures: dict[str, str] = {}
    for name, (changing, target) in WORLDS.items():
        said = reports_in(setting, name)
        for prior, reports in pairs(said).items():
            # The shipped prior is not meant for a world in which few series change; the estimated one is.
            held = prior == ESTIMATED or name != RARE
            precise = held and name != RARE
            rows += _rows(f"{name}, {prior}", reports, target if held else None, PRECISION if precise else None)
        rows.append(_estimates(name, said))
        prior = AS_SHIPPED if name == USUAL else ESTIMATED
        title = f"{changing:.0%} of the series change, {prior}"
        pictures[f"reliability-{name.partition(' ')[0]}"] = reliability_picture(
            title, reliability_of(pairs(said)[prior])
        )
    return Measured(tuple(rows), pictures)


def _estimates(name: str, said: Sequence[Said]) -> Row:
    priors = [one.prior for one in said]
    figure = Figure(float(np.mean(priors)), len(priors), (min(priors), max(priors)))
    return Row(GROUP, f"{name}: estimated share that changes (smallest to largest)", SHARE, {OURS: figure})


def pairs(said: Sequence[Said]) -> dict[str, list[tuple[float, bool, bool]]]:
    """
    All reports, by prior.
    """
    return {
        AS_SHIPPED: [row for one in said for row in one.shipped],
        ESTIMATED: [row for one in said for row in one.estimated],
    }


def reports_in(setting: Setting, name: str) -> list[Said]:
    """
    Runs of the world *name* until they hold as many reports as the extent asks for.
    """
    wanted, changing = setting.extent.reports, WORLDS[name][0]
    place = list(WORLDS).index(name)
    held = 0

    def enough(said: Said) -> bool:
        nonlocal held
        held += min(len(said.shipped), len(said.estimated))
        return held >= wanted

    return setting.done_until(reports_of, lambda i: Run(changing, RUN, (setting.seed, 5, place, i)), enough)


def _rows(
    where: str, reports: Sequence[tuple[float, bool, bool]], error: float | None, precision: float | None
) -> list[Row]:
    all_of_them = reliability_of(reports)
    sure = reliability_of([report for report in reports if report[2]])
    n = all_of_them.n
    return [
        Row(GROUP, f"{where}: expected calibration error", SCORE, {OURS: Figure(all_of_them.error, n)}, error),
        Row(GROUP, "… Brier score", SCORE, {OURS: Figure(all_of_them.brier, n)}),
        Row(
            GROUP,
            "… share of the findings of ≥ 0.8 that is right",
            SHARE,
            {OURS: share(sure.sure_right, sure.sure)},
            precision,
            at_most=False,
        ),
    ]


def reliability_of(reports: Sequence[tuple[float, bool, bool]]) -> Reliability:
    """
    The reliability of *reports*.
    """
    return reliability([report[0] for report in reports], [report[1] for report in reports])
