"""
Insights as lines of text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from autonomous_dev.cli._printable import printable

if TYPE_CHECKING:
    from autonomous_dev.learning import LearningInsight

MAX_MEMBERS: Final = 5
"""Members of an insight that are listed; the rest is counted."""


def print_insight(insight: LearningInsight, lead: str) -> None:
    """
    Print one insight: what, how sure, what to do, why it stands where it does, and the id that resolves it.

    Args:
        insight: What to print. Its texts are others': they do not command the terminal.

        lead: What its first line begins with, such as ``1.``.
    """
    click.echo(f"{lead} [{_marks(insight)}] {printable(insight.description)}")
    indent = "   "
    if insight.suggested_action:
        click.echo(f"{indent}{printable(insight.suggested_action)}")
    for member in insight.members[:MAX_MEMBERS]:
        click.echo(f"{indent}- {printable(member.description)}{f' (id {member.id})' if member.id else ''}")
    if len(insight.members) > MAX_MEMBERS:
        click.echo(f"{indent}- and {len(insight.members) - MAX_MEMBERS} more: --format json has them")
    if insight.link:
        click.echo(f"{indent}followed up at {printable(insight.link)}")
    if insight.reason:
        click.echo(f"{indent}why here: {printable(insight.reason)}")
    if insight.id:
        click.echo(f"{indent}id {insight.id}")


def _marks(insight: LearningInsight) -> str:
    marks = [str(insight.status), str(insight.severity), f"{insight.confidence:.0%} sure"]
    if insight.settles_in:
        more = f"{insight.settles_in} more {'run' if insight.settles_in == 1 else 'runs'}"
        marks.append(f"unconfirmed, {more} like the newest would settle it")
    return ", ".join(marks)
