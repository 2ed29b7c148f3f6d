"""
``autonomous-dev resolve``: says what an insight is, for everybody who shares the journal.
"""

from __future__ import annotations

from pathlib import Path

import click

from autonomous_dev.cli._options import load_policy, policy_option, storage_option
from autonomous_dev.cli._printable import printable


@click.command()
@click.argument("insight_id", metavar="ID")
@storage_option
@policy_option
@click.option("--accept", is_flag=True, help="It is real, and the new normal.")
@click.option("--known", default="", metavar="URL", help="It is real, and somebody is on it there.")
@click.option("--reject", is_flag=True, help="It is not real.")
def resolve(insight_id: str, storage: Path, policy_file: Path | None, accept: bool, known: str, reject: bool) -> None:
    """
    Say what the insight ID is: give one of --accept, --known and --reject.

    IDs are printed by autonomous-dev insights. A later verdict replaces an earlier one.
    """
    if [accept, bool(known), reject].count(True) != 1:
        raise click.UsageError("give exactly one of --accept, --known URL and --reject")
    from autonomous_dev.learning import MetricsTracker

    if not storage.exists():
        # A verdict on nothing makes no file: this raises the error that names it.
        MetricsTracker(storage, read_only=True)
    tracker = MetricsTracker(storage, policy=load_policy(policy_file))
    about = tracker.resolve(insight_id, accept=accept, known=known, reject=reject)
    click.echo(printable(f"{about.id}: {about.description}"))
    click.echo(printable(_meaning(accept, known)))


def _meaning(accept: bool, known: str) -> str:
    """
    What follows from a verdict.
    """
    if accept:
        return "accepted as the new normal: silent, until this series changes again or clearly more"
    if known:
        return f"known, followed up at {known}: shown with this link, and not announced again unless it gets worse"
    return (
        "rejected: silent, until this series changes again or clearly more; insights of this kind for this metric "
        "are now less sure"
    )
