"""
``autonomous-dev record``: one sample into a journal.
"""

from __future__ import annotations

from pathlib import Path

import click

from autonomous_dev.cli._options import load_policy, policy_option, storage_option


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("value", type=float)
@storage_option
@policy_option
@click.option("--unit", help="UCUM unit, such as s, By or %.")
@click.option(
    "--meta", "pairs", multiple=True, metavar="KEY=VALUE", help="Metadata, such as commit=abc123; as often as needed."
)
@click.option("--timestamp", type=float, help="Unix seconds. [default: now]")
def record(
    name: str,
    value: float,
    storage: Path,
    policy_file: Path | None,
    unit: str | None,
    pairs: tuple[str, ...],
    timestamp: float | None,
) -> None:
    """
    Record VALUE for the metric NAME.
    """
    from autonomous_dev.learning import MetricsTracker

    metadata = dict(_pair(pair) for pair in pairs)
    # The policy says which metadata tells series apart, and that is decided at the first sample.
    tracker = MetricsTracker(storage, policy=load_policy(policy_file))
    tracker.record_metric(name, value, metadata, unit=unit, timestamp=timestamp)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{text!r} is no KEY=VALUE, such as commit=abc123", param_hint="--meta")
    return key, value
