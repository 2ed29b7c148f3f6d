"""
``autonomous-dev show``: what a journal holds.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from autonomous_dev.cli._notes import print_losses
from autonomous_dev.cli._options import format_option, load_policy, policy_option, storage_option
from autonomous_dev.cli._printable import printable

if TYPE_CHECKING:
    from autonomous_dev.learning import MetricsTracker, SeriesStatus
    from autonomous_dev.series import Series


PIPE_WIDTH: Final = 200
"""Columns where no terminal says how many there are: a name that is cut cannot be searched for."""


@click.command()
@storage_option
@policy_option
@format_option
@click.option("--name", help="Only this metric.")
def show(storage: Path, policy_file: Path | None, output: str, name: str | None) -> None:
    """
    Show the recorded series, and whether each can be judged.
    """
    from autonomous_dev.learning import MetricsTracker, judge

    tracker = MetricsTracker(storage, policy=load_policy(policy_file), read_only=True)
    # One look: another process may be recording.
    found = tracker.series(name)
    statuses = judge(found, tracker.policy, now=time.time(), detectors=()).statuses
    rows = list(zip(found, statuses, strict=True))
    if output == "json":
        _print_json(rows)
    else:
        _print_table(rows, storage, name)
        _print_notes(tracker)


def _print_table(rows: list[tuple[Series, SeriesStatus]], storage: Path, name: str | None) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not rows:
        click.echo(f"no sample of {name} in {storage}" if name else f"no sample in {storage} yet")
        return
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("series", overflow="fold", min_width=24)
    for heading in ("unit", "samples", "newest", "at (UTC)", "state"):
        table.add_column(heading, justify="right" if heading in ("samples", "newest") else "left", no_wrap=True)
    for series, status in rows:
        at = datetime.fromtimestamp(status.newest, UTC).strftime("%Y-%m-%d %H:%M") if len(series) else ""
        newest = f"{series.values[-1]:.6g}" if len(series) else ""
        # Names are the user's: printed as they are, not taken for markup.
        table.add_row(
            escape(printable(str(series.key))),
            escape(printable(series.key.unit)),
            str(len(series)),
            newest,
            at,
            str(status),
        )
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def _print_notes(tracker: MetricsTracker) -> None:
    for (name, unit), (other, other_unit) in tracker.unexported().items():
        click.echo(
            printable(
                f"not exported: {name} ({unit or 'no unit'}) has the name of {other} ({other_unit or 'no unit'}) in Prometheus"
            )
        )
    print_losses(tracker)


def _print_json(rows: list[tuple[Series, SeriesStatus]]) -> None:
    import orjson

    document = [
        {
            "name": series.key.name,
            "unit": series.key.unit,
            "identity": dict(series.key.identity),
            "samples": len(series),
            "newest": float(series.values[-1]) if len(series) else None,
            "newest_timestamp": status.newest,
            "state": str(status),
        }
        for series, status in rows
    ]
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
