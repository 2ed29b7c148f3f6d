"""
``autonomous-dev insights``: what got worse or better, since when, and how sure that is.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from autonomous_dev.cli._insight_text import print_insight
from autonomous_dev.cli._notes import print_losses
from autonomous_dev.cli._options import format_option, load_policy, policy_option, storage_option
from autonomous_dev.cli._printable import printable
from autonomous_dev.cli._progress import progress_bar

if TYPE_CHECKING:
    from autonomous_dev.learning import Judgement, LearningInsight, MetricsTracker, UnrecordedThreshold


@click.command()
@storage_option
@policy_option
@format_option
@click.option(
    "--min-confidence",
    type=click.FloatRange(0.0, 1.0),
    default=0.5,
    show_default=True,
    help="Leave out what is less sure; --announce and --replay say what they would say to everybody.",
)
@click.option(
    "--commits",
    "commits_file",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="Ids of commits, one a line, oldest first, - for stdin: git rev-list --reverse HEAD.",
)
@click.option("--announce", is_flag=True, help="Print only what was not said before, and remember that it was said.")
@click.option(
    "--replay",
    "runs",
    type=click.IntRange(min=1),
    metavar="N",
    help="What would have been said in the last N runs, by the policy as it is now; what people said of insights since "
    "(autonomous-dev resolve) is left out, since it was not known then.",
)
@click.option("--record", is_flag=True, help="How often what was announced was real, by your verdicts.")
def insights(
    storage: Path,
    policy_file: Path | None,
    output: str,
    min_confidence: float,
    commits_file: TextIO | None,
    announce: bool,
    runs: int | None,
    record: bool,
) -> None:
    """
    Say what the recorded metrics show.

    What an insight is can be said with autonomous-dev resolve.
    """
    if [announce, runs is not None, record].count(True) > 1:
        raise click.UsageError("give only one of --announce, --replay and --record")
    from autonomous_dev.learning import MetricsTracker

    tracker = MetricsTracker(storage, policy=load_policy(policy_file), read_only=True)
    if runs is not None or record:
        from autonomous_dev.cli._looking_back import print_record, print_replay

        print_record(tracker, output) if runs is None else print_replay(tracker, runs, output)
        return
    if announce:
        # The file is there: now it is opened for appending.
        tracker = MetricsTracker(storage, policy=tracker.policy)
    with progress_bar("looking at series") as progress:
        judgement = tracker.judgement(commits=_ids(commits_file), progress=progress)
    if announce:
        told = tracker.announce(judgement)
    else:
        told = [insight for insight in judgement.insights if insight.confidence >= min_confidence]
    _print(told, judgement, tracker, output, announced=announce)


def _ids(file: TextIO | None) -> tuple[str, ...]:
    """
    The first word of each line: what else ``git log --oneline`` prints there is no id.
    """
    if file is None:
        return ()
    try:
        return tuple(line.split()[0] for line in file if line.strip())
    except OSError as error:
        raise click.FileError(str(file.name), error.strerror or str(error)) from error


def _print(
    told: list[LearningInsight], judgement: Judgement, tracker: MetricsTracker, output: str, *, announced: bool
) -> None:
    from autonomous_dev.learning import unrecorded_thresholds

    missing = unrecorded_thresholds(tracker.policy, {status.key.name for status in judgement.statuses})
    if output == "json":
        _print_json(told, judgement, tracker, missing)
        return
    for place, insight in enumerate(told, 1):
        print_insight(insight, f"{place}.")
    _print_states("nothing new; " if announced else "no insight; ", told, judgement)
    for name in judgement.failed_rules:
        click.echo(printable(f"rule {name} failed: what it would have said is missing"), err=True)
    print_losses(tracker)
    for threshold in missing:
        click.echo(printable(str(threshold)))


def _print_states(nothing: str, told: list[LearningInsight], judgement: Judgement) -> None:
    """
    What "no insight" rests on: nothing judged is not the same as nothing wrong.
    """
    from autonomous_dev.learning import State

    if not judgement.statuses:
        click.echo("nothing judged: the journal holds no sample yet")
        return
    states = Counter(str(status) for status in judgement.statuses)
    summary = ", ".join(f"{count} {state}" for state, count in states.items())
    if all(status.state is State.NEEDS_MORE_DATA for status in judgement.statuses):
        nothing = "nothing judged yet; "
    click.echo(f"{'' if told else nothing}{len(judgement.statuses)} series: {summary}")


def _print_json(
    told: list[LearningInsight],
    judgement: Judgement,
    tracker: MetricsTracker,
    missing: tuple[UnrecordedThreshold, ...],
) -> None:
    import orjson

    document: dict[str, Any] = {
        "insights": [insight.to_dict() for insight in told],
        "series": [
            {
                "name": status.key.name,
                "unit": status.key.unit,
                "identity": dict(status.key.identity),
                "state": str(status),
            }
            for status in judgement.statuses
        ],
        "unrecorded_thresholds": [str(threshold) for threshold in missing],
        "failed_rules": list(judgement.failed_rules),
        "damaged_lines": tracker.damaged_lines,
        "dropped_series": tracker.dropped_series,
    }
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
