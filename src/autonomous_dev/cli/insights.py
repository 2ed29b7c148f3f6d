"""
``autonomous-dev insights``: what got worse or better, since when, and how sure that is.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autonomous_dev.cli._notes import print_losses
from autonomous_dev.cli._options import format_option, load_policy, policy_option, storage_option
from autonomous_dev.cli._printable import printable

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
    help="Leave out what is less sure.",
)
def insights(storage: Path, policy_file: Path | None, output: str, min_confidence: float) -> None:
    """
    Say what the recorded metrics show.
    """
    from autonomous_dev.learning import MetricsTracker, unrecorded_thresholds

    tracker = MetricsTracker(storage, policy=load_policy(policy_file), read_only=True)
    judgement = tracker.judgement()
    names = {status.key.name for status in judgement.statuses}
    missing = unrecorded_thresholds(tracker.policy, names)
    told = [insight for insight in judgement.insights if insight.confidence >= min_confidence]
    if output == "json":
        _print_json(told, judgement, missing)
    else:
        for place, insight in enumerate(told, 1):
            _print_insight(place, insight)
        _print_states(told, judgement, tracker)
        for threshold in missing:
            click.echo(printable(str(threshold)))


def _print_insight(place: int, insight: LearningInsight) -> None:
    said = printable(insight.description)
    click.echo(f"{place}. [{insight.severity}, {insight.confidence:.0%} sure] {said}")
    if insight.suggested_action:
        click.echo(f"   {printable(insight.suggested_action)}")
    if insight.id:
        click.echo(f"   id {insight.id}")


def _print_states(told: list[LearningInsight], judgement: Judgement, tracker: MetricsTracker) -> None:
    """
    What "no insight" rests on: nothing judged is not the same as nothing wrong.
    """
    states = Counter(str(status) for status in judgement.statuses)
    from autonomous_dev.learning import State

    if not judgement.statuses:
        click.echo("nothing judged: the journal holds no sample yet")
        return
    summary = ", ".join(f"{count} {state}" for state, count in states.items())
    judged = any(status.state is not State.NEEDS_MORE_DATA for status in judgement.statuses)
    nothing = "no insight; " if judged else "nothing judged yet; "
    click.echo(f"{'' if told else nothing}{len(judgement.statuses)} series: {summary}")
    print_losses(tracker)


def _print_json(told: list[LearningInsight], judgement: Judgement, missing: tuple[UnrecordedThreshold, ...]) -> None:
    import orjson

    document = {
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
    }
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
