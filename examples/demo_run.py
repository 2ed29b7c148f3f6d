"""
The run of the demo: iterations of the workload, each recorded, with two slow-downs deployed on the way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo_workload import Checker, Edition

from autonomous_dev import FeedbackLoop, LearningInsight, MetricsTracker

POLICY: Final = Path(__file__).with_name("demo_policy.yaml")

FEWEST_ITERATIONS: Final = 18
"""Six iterations of each edition: less is too little to judge."""

RELEASED: Final = Edition("1.0", "as released", capacity=64, indexed=True)

SLOWER: Final = (
    Edition("1.1", "a definition is found by scanning their list, no longer in an index", capacity=64, indexed=False),
    Edition("1.2", "the cache of outlines holds 12 modules, no longer 64", capacity=12, indexed=False),
)
"""The slow-downs, each on top of the one before."""

TIMED: Final = ("check_cpu_time", "autonomous_dev.call.duration.mean", "autonomous_dev.call.duration.p")
"""How the names of series begin that are times; all others are counts, the same in every iteration of one edition."""

_RUN: Final = "iteration-"


@dataclass(frozen=True, slots=True)
class Deployment:
    """
    What was deployed, and when.

    Attributes:
        iteration: The first iteration, counted from 1, that ran *edition*.

        edition: What ran from then on.
    """

    iteration: int
    edition: Edition


def plan(iterations: int, *, slow_down: bool) -> tuple[Deployment, ...]:
    """
    When which edition is deployed: the released one first, the slower ones after a third and two thirds.
    """
    slower = SLOWER if slow_down else ()
    parts = len(SLOWER) + 1
    return (
        Deployment(1, RELEASED),
        *(Deployment(iterations * part // parts + 1, edition) for part, edition in enumerate(slower, start=1)),
    )


def warm_up(checker: Checker, journal: Path) -> None:
    """
    Run one iteration that is not recorded: it fills the cache, as the first minute of any program does.

    What profilers and caches measured so far goes to the journal at its next line, so it is put into one that is
    thrown away.
    """
    checker.check()
    MetricsTracker(storage_path=journal).flush_instruments()
    journal.unlink()


def record(checker: Checker, deployments: tuple[Deployment, ...], iterations: int, loop: FeedbackLoop) -> Iterator[int]:
    """
    Run and record the iterations; yields the number of each one done, counted from 1.
    """
    edition_from = {deployment.iteration: deployment.edition for deployment in deployments}
    edition = RELEASED
    for iteration in range(1, iterations + 1):
        if iteration in edition_from:
            edition = edition_from[iteration]
            checker.deploy(edition)
        began = time.process_time()
        counted = checker.check()
        loop.evaluate_iteration(
            {
                "check_cpu_time": time.process_time() - began,
                "definitions_examined": counted.examined,
                "calls_resolved": counted.resolved,
            },
            metadata={"run_id": f"{_RUN}{iteration}", "version": edition.version},
        )
        yield iteration


def began_at(insight: LearningInsight) -> int | None:
    """
    The iteration, counted from 1, at which *insight* says that it began: the run that its evidence names.
    """
    if insight.evidence is None:
        return None
    run = insight.evidence.since.run
    # Each series has one sample an iteration, so the place of the sample says the same where no run is known.
    return int(run.removeprefix(_RUN)) if run.startswith(_RUN) else insight.evidence.since.index + 1


def beginning(insight: LearningInsight) -> str:
    """
    The same in words, with the range that it may really lie in where the evidence gives one.
    """
    began = began_at(insight)
    if began is None or insight.evidence is None:
        return ""
    since = insight.evidence.since
    first, last = (began + place - since.index for place in since.index_range)
    return f"iteration {began}" if first == last else f"iteration {began} ({first} to {last})"


def is_timed(insight: LearningInsight) -> bool:
    """
    Whether *insight* is about a time; else it is about something counted.
    """
    return insight.evidence is not None and insight.evidence.metric.startswith(TIMED)
