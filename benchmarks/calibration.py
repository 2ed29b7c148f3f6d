"""
Makes the constants behind the confidence of change points: ``src/autonomous_dev/learning/detectors/calibration.json``.

    python benchmarks/calibration.py [--series 60000] [--seed 1] [--data DIR] [--write]

It simulates series whose truth is known (``_worlds.py`` states the mixture), takes every split that the search proposes with
its features, and fits a small network to whether it was real and near its place. With ``--data`` a quarter of the series are
calm windows of benchmark histories in random order, with and without steps: only projects at even places of the sorted list
of projects, so that the others can judge the result. Without ``--write`` it only says how well the shipped constants do on
fresh series.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from _histories import calm_windows, load_histories, spread, step_into
from _network import fit_several, log_loss
from _worlds import NULL_KINDS, Simulated, null_series, world
from numpy.typing import NDArray

from autonomous_dev.learning.detectors._confidence import Network, calibrated
from autonomous_dev.learning.detectors._fresh import FEATURES as FRESH_FEATURES
from autonomous_dev.learning.detectors._fresh import fresh_change
from autonomous_dev.learning.detectors._odds import DEFAULT_PRIOR
from autonomous_dev.learning.detectors._segments import Weigher, weigh
from autonomous_dev.learning.detectors._signal import read_signal
from autonomous_dev.learning.detectors._strength import FEATURES

SHIPPED: Final = Path(__file__).parents[1] / "src/autonomous_dev/learning/detectors/calibration.json"

LENGTHS: Final = (8, 12, 16, 20, 30, 50, 80, 100, 200, 300, 600, 1500)

KINDS: Final = (*NULL_KINDS, "ar50", "ar50", "ar75")
"""Correlated noise is the hardest, so there is more of it than in the benchmark."""
WINDOWS: Final = (15, 30, 60, 100, 300)

CHANGING: Final = 0.5
"""Share of simulated series that change; rows are weighed back to DEFAULT_PRIOR."""

CREEPING: Final = 0.06

FRESH: Final = 0.06
"""Share of series that are taken to have changed exactly two samples ago."""

HIDDEN: Final = {"change": 16, "fresh": 6}

SEVERAL: Final = 5
"""Networks whose mean is shipped: one alone differs from the next by what the first weights were."""


def near(n: int) -> int:
    """
    How far from its true place a split of *n* samples may lie and still be right.
    """
    return min(5, max(2, n // 10))


def first_guess(features: NDArray[np.float64]) -> float:
    """
    Log-odds to begin with, before anything was fitted: half of both z, less what correlation and chance make.
    """
    z = (math.exp(features[0]) + math.exp(features[1])) / 2
    return z / math.exp(features[7] / 2) - 3.3


def series_of(seed: int, count: int, data: Path | None) -> Iterator[Simulated]:
    """
    *count* series: simulated, and a fifth of them real windows where there are *data*.
    """
    rng = np.random.default_rng(seed)
    real = count // 5 if data else 0
    yield from world(count - real, rng, changing=CHANGING, creeping=CREEPING, lengths=LENGTHS, kinds=KINDS)
    if data is None or not real:
        return
    histories = load_histories(data, half=0)
    for n in WINDOWS:
        for window in calm_windows(histories, n, real // len(WINDOWS), rng):
            yield step_into(window, rng) if rng.random() < CHANGING else Simulated(window, (), (), "real")


def rows(seed: int, count: int, data: Path | None, shipped: dict[str, object] | None) -> dict[str, NDArray[np.float64]]:
    """
    Every split that is weighed on the way, one a row: features, whether it was right, weight, number of its series.
    """
    weigher: Weigher = first_guess
    if shipped is not None:
        network = Network.of(shipped)  # type: ignore[arg-type]
        weigher = lambda features: float(network.log_odds(features))  # noqa: E731
    seen: list[NDArray[np.float64]] = []
    right: list[bool] = []
    weights: list[float] = []
    owners: list[int] = []
    for number, one in enumerate(series_of(seed, count, data)):
        positions = np.flatnonzero(np.isfinite(one.values))
        if len(positions) < 5:
            continue
        signal = read_signal(_scaled(one.values[positions]), positions)
        weight = 1.0 if one.changes else (1 - DEFAULT_PRIOR) / DEFAULT_PRIOR * CHANGING / (1 - CHANGING)
        for split, _, features in (each for part in weigh(signal, weigher) for each in part):
            place = int(positions[split.place])
            seen.append(features)
            right.append(any(abs(place - change) <= near(len(one.values)) for change in one.changes))
            weights.append(weight)
            owners.append(seed * 10**7 + number)
    return {
        "features": np.array(seen),
        "right": np.array(right, dtype=np.float64),
        "weights": np.array(weights),
        "owners": np.array(owners),
    }


def fresh_rows(seed: int, count: int, data: Path | None) -> dict[str, NDArray[np.float64]]:
    """
    The two newest samples of *count* series where they are odd, three in ten of them moved for good.
    """
    rng = np.random.default_rng(seed)
    histories = load_histories(data, half=0) if data else ()
    seen, moved, weights = [], [], []
    for _ in range(count):
        n = int(rng.choice(LENGTHS))
        if histories and rng.random() < 0.35:
            windows = calm_windows(histories, n, 1, rng)
            if not windows:
                continue
            values = windows[0]
        else:
            values = null_series(str(rng.choice(NULL_KINDS)), n, rng)
        real = rng.random() < 0.3
        if real:
            values = values.copy()
            values[-2:] += (
                math.exp(rng.uniform(math.log(1.5), math.log(30)))
                * spread(values[np.isfinite(values)])
                * rng.choice((-1, 1))
            )
        if not np.isfinite(values[-2:]).all():
            continue
        fresh = fresh_change(_scaled(values[np.isfinite(values)]))
        if fresh is not None:
            seen.append(fresh.features)
            moved.append(real)
            weights.append(FRESH / 0.3 if real else (1 - FRESH) / 0.7)
    return {
        "features": np.array(seen),
        "right": np.array(moved, dtype=np.float64),
        "weights": np.array(weights),
        "owners": np.arange(len(seen)),
    }


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values / max(float(np.max(np.abs(values))), 1e-300)


def gather(
    seed: int, count: int, data: Path | None, shipped: dict[str, object] | None
) -> dict[str, NDArray[np.float64]]:
    """
    ``rows`` by two processes.
    """
    parts = 8
    with ProcessPoolExecutor(2) as pool:
        jobs = [pool.submit(rows, seed * 100 + part, count // parts, data, shipped) for part in range(parts)]
        found = [job.result() for job in jobs]
    return {key: np.concatenate([part[key] for part in found]) for key in found[0]}


def judged(name: str, network: Network, table: dict[str, NDArray[np.float64]]) -> str:
    """
    How well *network* does on the rows of *table*, in words.
    """
    odds = network.log_odds(table["features"])
    said, weights = 1 / (1 + np.exp(-odds)), table["weights"]
    error = 0.0
    for low in np.arange(0.3, 1.0, 0.1):
        inside = (said >= low) & (said < low + 0.1)
        if inside.any():
            gap = np.average(said[inside], weights=weights[inside]) - np.average(
                table["right"][inside], weights=weights[inside]
            )
            error += abs(float(gap)) * float(weights[inside].sum())
    told = said >= 0.3
    return (
        f"{name}: log loss {log_loss(odds, table['right'], weights):.4f} over {len(odds):,} rows; calibration error from 0.3 on "
        f"{error / float(weights[told].sum()):.4f} over {int(told.sum()):,}"
    )


def main() -> None:
    """
    Fit, say how good it is on rows that were not fitted, and write it where asked to.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=60_000, help="simulated series of either of two rounds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder with histories/series.jsonl")
    parser.add_argument("--write", action="store_true", help="replace the shipped constants")
    arguments = parser.parse_args()
    began = time.monotonic()
    if not arguments.data:
        print("left out: windows of real histories (--data DIR)")
    fresh_check = fresh_rows(arguments.seed + 50, 8000, arguments.data)
    if not arguments.write:
        table = gather(arguments.seed + 60, arguments.series // 4, arguments.data, None)
        print(judged("change", calibrated("change"), table))
        print(judged("fresh", calibrated("fresh"), fresh_check))
        return
    fitted: dict[str, object] | None = None
    gathered = []
    for round_ in range(2):
        gathered.append(gather(arguments.seed + round_, arguments.series, arguments.data, fitted))
        table = {key: np.concatenate([part[key] for part in gathered]) for key in gathered[0]}
        held = table["owners"] % 10 == 0
        network = fit_several(
            *(table[key][~held] for key in ("features", "right", "weights")), HIDDEN["change"], several=SEVERAL
        )
        print(judged(f"round {round_ + 1}, held out", network, {key: column[held] for key, column in table.items()}))
        fitted = {key: np.asarray(value).tolist() for key, value in network._asdict().items()}
    fresh = fresh_rows(arguments.seed, 24_000, arguments.data)
    fresh_network = fit_several(fresh["features"], fresh["right"], fresh["weights"], HIDDEN["fresh"], several=SEVERAL)
    print(judged("fresh, other series", fresh_network, fresh_check))
    document = {
        "made by": f"benchmarks/calibration.py --series {arguments.series} --seed {arguments.seed}"
        f"{' --data DIR' if arguments.data else ''} --write",
        "features": {"change": FEATURES, "fresh": FRESH_FEATURES},
        "change": _rounded(fitted or {}),
        "fresh": _rounded(fresh_network._asdict()),
    }
    SHIPPED.write_text(json.dumps(document, indent=1) + "\n")
    print(f"written to {SHIPPED.name} after {time.monotonic() - began:.0f} s")


def _rounded(columns: dict[str, object]) -> dict[str, object]:
    return {key: np.round(np.asarray(value, dtype=np.float64), 5).tolist() for key, value in columns.items()}


if __name__ == "__main__":
    main()
