"""
What the demo prints: what was found, when it began, what to do, and what had really been done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from demo_run import Deployment, began_at, beginning, is_timed
from rich.console import Console
from rich.table import Table

from autonomous_dev import LearningInsight
from autonomous_dev.conventions import OWN_PREFIX
from autonomous_dev.learning import Evidence


def print_insights(console: Console, insights: Sequence[LearningInsight]) -> None:
    """
    One row for each insight, the earliest first.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("began at", "since", "what", "before", "after", "", "sure"):
        number = title in {"before", "after", "sure"}
        table.add_column(
            title,
            justify="right" if number else "left",
            no_wrap=title not in {"what", "began at"},
            overflow="fold",
            min_width=22 if title == "what" else None,
            max_width=12 if title == "began at" else None,
        )
    said = ""
    for insight in in_order(each_series(insights)):
        began, evidence = beginning(insight), insight.evidence
        if evidence is None:
            continue
        if said and began != said:
            table.add_row()
        table.add_row(
            began if began != said else "",
            evidence.since.version if began != said else "",
            subject(evidence),
            amount(evidence.before, insight),
            amount(evidence.after, insight),
            str(insight.direction),
            f"{insight.confidence:.0%}",
        )
        said = began
    console.print(table)


def print_actions(console: Console, insights: Sequence[LearningInsight]) -> None:
    """
    What to do, each advice once, with the earliest beginning that it is about.
    """
    table = _plain_table()
    told: dict[str, str] = {}
    for insight in in_order(insights):
        told.setdefault(insight.suggested_action, f"iteration {began_at(insight)}")
    for action, began in told.items():
        table.add_row(began, action)
    _print_section(console, "What to do", table)


def print_truth(console: Console, deployments: Sequence[Deployment]) -> None:
    """
    What was really done, so that the reader can compare.
    """
    table = _plain_table()
    for deployment in deployments[1:]:
        edition = deployment.edition
        table.add_row(f"iteration {deployment.iteration}", f"version {edition.version}: {edition.change}")
    if not table.row_count:
        table.add_row("nothing", "every iteration ran the same code")
    _print_section(console, "What had really been done", table)


def print_files(console: Console, folder: Path, files: Mapping[Path, str]) -> None:
    """
    The files that were written, and what each is good for.
    """
    table = _plain_table()
    for path, purpose in files.items():
        table.add_row(path.name, purpose)
    _print_section(console, f"Written to {folder}/", table)


def each_series(insights: Sequence[LearningInsight]) -> list[LearningInsight]:
    """
    One insight for each series: of what one cause moved, its members.
    """
    return [one for insight in insights for one in (insight.members or (insight,))]


def in_order(insights: Sequence[LearningInsight]) -> list[LearningInsight]:
    """
    The earliest beginning first; of one beginning what was counted before what was timed, the surest first.
    """
    return sorted(insights, key=lambda i: (began_at(i) or 0, is_timed(i), beginning(i), -i.confidence))


def amount(value: float, insight: LearningInsight) -> str:
    """
    A value as people write it: a ratio in percent, a time in a fitting unit, a count with separators.
    """
    metric = insight.evidence.metric if insight.evidence else ""
    if metric.endswith("ratio"):
        return f"{value:.0%}"
    if is_timed(insight):
        return f"{value * 1000:,.0f} ms" if value < 1 else f"{value:,.2f} s"
    return f"{value:,.0f}"


def subject(evidence: Evidence) -> str:
    """
    What a series is called in the table: our own names without their prefix, with the operation or cache.
    """
    name = evidence.metric.removeprefix(OWN_PREFIX)
    return " ".join([name, *(f"[dim]{value}[/]" for value in evidence.identity.values())])


def _plain_table() -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _print_section(console: Console, title: str, table: Table) -> None:
    console.print(f"\n[bold]{title}[/]")
    console.print(table, highlight=False)
