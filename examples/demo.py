"""
The whole way in one command, ``make demo``: a real program gets slower twice, and the insights say when and by how much.

No server, no network, nothing staged: every number comes from this run. The program under watch is in
``demo_workload.py``, what makes it slower in ``demo_run.py``.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click
from demo_files import FolderInUseError, Written, prepare, publish
from demo_report import each_series, print_actions, print_files, print_insights, print_truth
from demo_run import FEWEST_ITERATIONS, POLICY, RELEASED, Deployment, began_at, is_timed, plan, record, warm_up
from demo_workload import Checker, Library, read_library
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from autonomous_dev import FeedbackLoop, MetricsTracker
from autonomous_dev.learning import Judgement, State

NOT_AS_EXPECTED: Final = 1
"""Exit code where nothing was found though the program was made slower, or something though it was not."""


@click.command()
@click.option("--iterations", type=click.IntRange(min=FEWEST_ITERATIONS), default=30, show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-output"), show_default=True)
@click.option("--no-slowdown", "--quiet-run", "quiet", is_flag=True, help="Leave the program as it is.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of the report.")
def main(iterations: int, out: Path, quiet: bool, as_json: bool) -> None:
    """
    Run a program, make it slower on the way, and print what is said about it.
    """
    began = time.monotonic()
    console = Console(quiet=as_json)
    try:
        library = read_library()
        written = prepare(out)
    except (FileNotFoundError, FolderInUseError) as error:
        raise click.ClickException(str(error)) from error
    _print_head(console, library, iterations)
    deployments = plan(iterations, slow_down=not quiet)

    checker = Checker(library, RELEASED)
    warm_up(checker, written.journal)
    tracker = MetricsTracker(storage_path=written.journal, policy=POLICY)
    run = record(checker, deployments, iterations, FeedbackLoop(tracker))
    for _ in _with_progress(console, run, iterations):
        pass
    judgement = tracker.judgement()
    publish(written, tracker)

    if as_json:
        click.echo(json.dumps(_document(judgement, deployments, written, time.monotonic() - began)))
    else:
        _print_report(console, judgement, deployments, written)
        console.print(f"\n{time.monotonic() - began:.0f} s in all", style="dim")
    found = any(not is_timed(insight) for insight in each_series(judgement.insights))
    sys.exit(NOT_AS_EXPECTED if found == quiet else 0)


def _print_head(console: Console, library: Library, iterations: int) -> None:
    console.print(
        f"[bold]{iterations} iterations[/] of a program that checks what {len(library.checked)} modules of Python "
        f"{platform.python_version()}'s standard library import and call, among {len(library.definitions):,} "
        f"definitions in {len(library.paths)} modules; one more before them warms up and is not recorded.",
        highlight=False,
    )


def _with_progress(console: Console, run: Iterable[int], total: int) -> Iterator[int]:
    columns = TextColumn("running"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    # Drawn after each iteration and not by a thread of its own, which would take time from what is measured.
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        task = progress.add_task("", total=total)
        progress.refresh()
        for iteration in run:
            progress.update(task, completed=iteration, refresh=True)
            yield iteration


def _print_report(
    console: Console, judgement: Judgement, deployments: tuple[Deployment, ...], written: Written
) -> None:
    judged = sum(status.state is State.JUDGED for status in judgement.statuses)
    console.print(f"\n[bold]What was found[/] [dim]in {judged} of {len(judgement.statuses)} series judged[/]")
    if judgement.insights:
        print_insights(console, judgement.insights)
        print_actions(console, judgement.insights)
    else:
        console.print("nothing got worse")
    print_truth(console, deployments)
    print_files(console, written.folder, written.purposes())
    command = f"{_program()} insights --storage {written.journal} --policy {_shortest(POLICY)}"
    console.print(f"\nThe same from the journal alone:\n  {command}", highlight=False, soft_wrap=True)


def _program() -> Path:
    return _shortest(Path(sys.executable).with_name("autonomous-dev"))


def _shortest(path: Path) -> Path:
    """
    *path* from the working folder, where it lies in there.
    """
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _document(
    judgement: Judgement, deployments: tuple[Deployment, ...], written: Written, seconds: float
) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "series": len(judgement.statuses),
        "judged": sum(status.state is State.JUDGED for status in judgement.statuses),
        "deployments": [
            {
                "iteration": deployment.iteration,
                "version": deployment.edition.version,
                "change": deployment.edition.change,
            }
            for deployment in deployments
        ],
        "insights": [
            {**insight.to_dict(), "iteration": began_at(insight), "timed": is_timed(insight)}
            for insight in each_series(judgement.insights)
        ],
        "files": [str(path) for path in written.purposes()],
    }


if __name__ == "__main__":
    main()
