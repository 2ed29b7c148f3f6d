"""
The runs of a whole history: which samples came together, be they named by people or told by their rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from autonomous_dev.conventions import RUN_ID
from autonomous_dev.series import Attributes, AttributeValue, Series, run_of


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """
    Samples that came together.

    Attributes:
        name: Run id or commit; without one the time of its last sample, in UTC.

        begin: Unix nanoseconds of its first sample.

        end: Unix nanoseconds of its last sample.
    """

    name: str
    begin: int
    end: int


def recorded_runs(series: Sequence[Series]) -> list[RecordedRun]:
    """
    The runs of *series*, in the order in which they ended.

    Samples with one run id, else with one commit, are a run. The samples of one process, and those of which nothing
    is known, are parted where a series gets its next sample: a loop that records the same metrics again and again
    has as many runs as it has rounds.
    """
    named: dict[AttributeValue, tuple[int, int]] = {}
    rounds: dict[AttributeValue, list[tuple[int, int]]] = {}
    known: dict[Attributes, tuple[bool, AttributeValue]] = {}
    for place, one in enumerate(series):
        for time, context in zip(one.times.tolist(), one.contexts, strict=True):
            found = known.get(context)
            if found is None:
                found = known[context] = _run(context)
            told, run = found
            if told:
                begin, end = named.get(run, (time, time))
                named[run] = (min(begin, time), max(end, time))
            else:
                rounds.setdefault(run, []).append((time, place))
    runs = [RecordedRun(str(run), begin, end) for run, (begin, end) in named.items()]
    for samples in rounds.values():
        runs += _rounds(sorted(samples))
    return sorted(runs, key=lambda run: (run.end, run.name))


def _run(context: Attributes) -> tuple[bool, AttributeValue]:
    """
    Whether people, or their CI, said which run a sample belongs to; and that run, else the process.
    """
    run = run_of(context)
    return run is not None and run != dict(context).get(RUN_ID), run


def _rounds(samples: Sequence[tuple[int, int]]) -> list[RecordedRun]:
    found: list[RecordedRun] = []
    seen: set[int] = set()
    begin = end = 0
    for time, place in samples:
        if place in seen:
            found.append(RecordedRun(_clock(end), begin, end))
            seen.clear()
        if not seen:
            begin = time
        seen.add(place)
        end = time
    return [*found, RecordedRun(_clock(end), begin, end)]


def _clock(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
