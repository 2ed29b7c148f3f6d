"""
What is said of a journal as a whole, beside its samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from autonomous_dev.learning import MetricsTracker


def print_losses(tracker: MetricsTracker) -> None:
    """
    Say on stderr what of the journal is neither shown nor judged; nothing where all of it is.
    """
    from autonomous_dev.recording import MAX_DROPPED

    if tracker.damaged_lines:
        click.echo(f"damaged: {tracker.damaged_lines} lines could not be read; everything else was", err=True)
    if dropped := tracker.dropped_series:
        least = "at least " if dropped >= MAX_DROPPED else ""
        click.echo(
            f"dropped: {least}{dropped:,} series beyond the bound are neither shown nor judged; the file has them",
            err=True,
        )
