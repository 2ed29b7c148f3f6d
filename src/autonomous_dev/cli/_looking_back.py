"""
What earlier announcements were worth: the replay of a history, and the record of a team's verdicts.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from autonomous_dev.cli._notes import print_losses
from autonomous_dev.cli._printable import printable
from autonomous_dev.cli._progress import progress_bar

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from autonomous_dev.learning import MetricsTracker, Precision, Replay, TrackRecord

MANY_LOOKS: Final = 2000
"""Looks at a series that take far longer than starting processes: about ten seconds to one."""


def print_replay(tracker: MetricsTracker, runs: int, output: str) -> None:
    """
    Print what would have been announced after each of the last *runs*.
    """
    from autonomous_dev.learning import replay

    series = tracker.series()
    # A run takes about as long as looking at a few series.
    with processes(len(series) * runs) as executor, progress_bar("replaying runs", many=20) as progress:
        told = replay(series, tracker.policy, runs=runs, executor=executor, progress=progress)
    if output == "json":
        _print_json(told.to_dict(), tracker)
        return
    _print_announcements(told)
    click.echo(told.summary)
    print_losses(tracker)


@contextmanager
def processes(looks: int) -> Iterator[Executor | None]:
    """
    One process for each processor, where there are so many looks at a series that it takes less time.

    Args:
        looks: How many there are; each takes some milliseconds.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if looks < MANY_LOOKS or cores < 2:
        yield None
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Not forked: a fork has the locks of threads that it has not.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, initializer=_leave_interrupts) as executor:
        yield executor


def _leave_interrupts() -> None:
    """
    Ctrl-C is for the process that asked: it ends the others.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _print_announcements(told: Replay) -> None:
    for place, run in enumerate(told.runs):
        said = [one for one in told.announcements if one.run == place]
        if said or run.resolved:
            click.echo(printable(f"run {place + 1}, {run.name}"))
        for one in said:
            late = "at once" if not one.late else f"{one.late} {'run' if one.late == 1 else 'runs'} after it began"
            taken_back = ", withdrawn later" if one.withdrawn else ""
            marks = (
                f"{one.insight.status}, {one.insight.severity}, {one.insight.confidence:.0%} sure, {late}{taken_back}"
            )
            click.echo(f"   [{marks}] {printable(one.insight.description)}")
        for insight in run.resolved:
            click.echo(f"   [{insight.status}] {printable(insight.description)}")


def print_record(tracker: MetricsTracker, output: str) -> None:
    """
    Print how often what was announced was real, and whether confidences held.
    """
    from autonomous_dev.learning import track_record

    record = track_record(tracker.memory())
    if output == "json":
        _print_json(record.to_dict(), tracker)
        return
    if not record.all.announced:
        click.echo("nothing was announced yet: autonomous-dev insights --announce does, and evaluate_iteration()")
    else:
        _print_verdicts(record)
    print_losses(tracker)


def _print_verdicts(record: TrackRecord) -> None:
    click.echo(_verdicts(record.all))
    for kind in record.kinds if len(record.kinds) > 1 else ():
        click.echo(f"   {_verdicts(kind)}")
    for one in record.bins:
        low, high = one.interval
        click.echo(
            f"said {one.said:.0%} on average, in {one.judged} with a verdict: {one.share:.0%} real "
            f"(95% interval {low:.0%} to {high:.0%})"
        )
    if record.all.unjudged:
        click.echo("say what they were: autonomous-dev resolve ID --accept, --known URL or --reject")


def _verdicts(one: Precision) -> str:
    kind = "announced" if one.kind == "all" else printable(one.kind)
    if not one.real + one.false:
        return f"{kind}: {one.announced}, none with a verdict"
    low, high = one.interval
    return (
        f"{kind}: {one.announced}, {one.real} real, {one.false} not, {one.unjudged} without a verdict; "
        f"precision {one.precision:.0%} (95% interval {low:.0%} to {high:.0%})"
    )


def _print_json(document: dict[str, Any], tracker: MetricsTracker) -> None:
    import orjson

    losses = {"damaged_lines": tracker.damaged_lines, "dropped_series": tracker.dropped_series}
    click.echo(orjson.dumps({**document, **losses}, option=orjson.OPT_INDENT_2).decode())
