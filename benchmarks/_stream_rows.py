"""
Streaming anomalies: scores that are given row by row, with nothing that came later.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from _contenders import OURS, Z_SCORE
from _detection_row import MICROSECONDS, POINTS, Figure, Row
from _extent import Setting
from _stream_scores import LabelledStream, halves_score, read_streams

from autonomous_dev.learning import AnomalyStream

GROUP: Final = "stream"
TARGET: Final = 58.0

Scorer = Callable[[LabelledStream], list[float]]


def stream_rows(setting: Setting) -> list[Row]:
    """
    The standard profile, 0 for silence to 100 for perfect, with the threshold that is best on the other half of the files.
    """
    if setting.data is None:
        return []
    streams = read_streams(setting.data / "anomalies")
    scorers = {OURS: score_ours, Z_SCORE: score_by_tail}
    halves, took = {}, {}
    rows = sum(len(stream.values) for stream in streams)
    for name, scorer in scorers.items():
        began = time.perf_counter()
        scores = {stream.name: scorer(stream) for stream in streams}
        took[name] = Figure(1e6 * (time.perf_counter() - began) / rows, rows)
        halves[name] = halves_score(streams, scores)
    n = len(streams)
    means = {who: Figure(sum(pair) / 2, n) for who, pair in halves.items()}
    return [
        Row(
            GROUP,
            f"streaming anomalies, {n} files, threshold from the other half",
            POINTS,
            means,
            TARGET,
            at_most=False,
        ),
        *(
            Row(
                GROUP,
                f"… files in {part} places",
                POINTS,
                {who: Figure(pair[i], n // 2) for who, pair in halves.items()},
            )
            for i, part in enumerate(("even", "odd"))
        ),
        Row(GROUP, "… time of one row", MICROSECONDS, took),
    ]


def score_ours(stream: LabelledStream) -> list[float]:
    """
    This package, row by row.
    """
    ours = AnomalyStream()
    return [
        ours.update(second, value)
        for second, value in zip(stream.seconds.tolist(), stream.values.tolist(), strict=True)
    ]


def score_by_tail(stream: LabelledStream) -> list[float]:
    """
    The z of a row against mean and sd of all rows before it: ``z / (1 + z)``, whose order is that of a Gaussian's tail.
    """
    mean, squares = 0.0, 0.0
    scores = []
    for n, value in enumerate(stream.values.tolist()):
        spread = math.sqrt(squares / (n - 1)) if n > 1 else 0.0
        z = abs(value - mean) / spread if spread else 0.0
        scores.append(z / (1 + z))
        step = value - mean
        mean += step / (n + 1)
        squares += step * (value - mean)
    return scores


def looks_ahead(scorer: Scorer, stream: LabelledStream, cut: int) -> bool:
    """
    Whether the scores of the first *cut* rows differ when the rest is not there.
    """
    whole = scorer(stream)[:cut]
    part: Sequence[float] = scorer(
        LabelledStream(
            stream.name,
            stream.seconds[:cut],
            stream.values[:cut],
            stream.worth[:cut],
            stream.window[:cut],
            stream.windows,
            stream.begin,
        )
    )
    return whole != list(part)
