"""
``autonomous-dev caches``: how much the recorded caches answer, and what larger ones would.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autonomous_dev.cli._options import format_option, load_policy, policy_option, storage_option
from autonomous_dev.cli._printable import printable

if TYPE_CHECKING:
    from autonomous_dev.learning.advice import CacheUse
    from autonomous_dev.policy import Policy


@click.command()
@storage_option
@policy_option
@format_option
def caches(storage: Path, policy_file: Path | None, output: str) -> None:
    """
    Show what 2, 4 and 8 times its capacity would do for each recorded cache.

    Counted are the newest intervals in which a cache had the capacity and the level of hits that it has now.
    """
    from autonomous_dev.learning import MetricsTracker, judged_samples
    from autonomous_dev.learning.advice import cache_uses

    tracker = MetricsTracker(storage, policy=load_policy(policy_file), read_only=True)
    policy = tracker.policy
    uses = cache_uses([judged_samples(series, policy) for series in tracker.series()], policy)
    if output == "json":
        _print_json(uses, policy)
    elif uses:
        _print_table(uses, policy)
    else:
        click.echo(printable(f"no lookup in a cache is recorded in {storage} yet"))
    if tracker.damaged_lines:
        click.echo(f"damaged: {tracker.damaged_lines} lines could not be read; everything else was", err=True)


def _advice(use: CacheUse, policy: Policy) -> str:
    from autonomous_dev.learning.advice import MIN_GAIN, MIN_LOOKUPS, enlargement

    wanted = enlargement(use, policy.cache_size)
    if wanted is not None:
        return f"max_size={wanted.capacity} ({wanted.confidence:.0%} sure)"
    if use.capacity is None:
        return "its capacity is not recorded"
    if not use.predictions:
        return "none: it evicted nothing, or no prediction is recorded"
    if use.total < MIN_LOOKUPS:
        return f"needs more data ({use.total:.0f} of {MIN_LOOKUPS} lookups)"
    if enlargement(use) is not None:
        return f"none within the policy's cache_size of {policy.cache_size}"
    return f"large enough: no size gains {MIN_GAIN:.0%}"


def _print_table(uses: tuple[CacheUse, ...], policy: Policy) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from autonomous_dev.cli.show import PIPE_WIDTH
    from autonomous_dev.conventions import CAPACITY_FACTORS

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("cache", overflow="fold", min_width=12)
    for heading in ("capacity", "lookups", "hit rate", *(f"at {factor}×" for factor in CAPACITY_FACTORS)):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("advice", overflow="fold")
    for use in uses:
        predictions = use.predictions
        # Names are the user's: printed as they are, not taken for markup.
        table.add_row(
            escape(printable(use.name)),
            "" if use.capacity is None else str(use.capacity),
            f"{use.total:.0f}",
            f"{use.hit_ratio:.1%}",
            *(f"{predictions[factor]:.1%}" if factor in predictions else "" for factor in CAPACITY_FACTORS),
            escape(_advice(use, policy)),
        )
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def _print_json(uses: tuple[CacheUse, ...], policy: Policy) -> None:
    import orjson

    from autonomous_dev.learning.advice import enlargement

    document: list[dict[str, Any]] = []
    for use in uses:
        wanted = enlargement(use, policy.cache_size)
        document.append(
            {
                "cache": use.name,
                "capacity": use.capacity,
                "lookups": int(use.total),
                "intervals": len(use.hits),
                "hit_ratio": use.hit_ratio,
                "predicted": {str(factor): ratio for factor, ratio in use.predictions.items()},
                "max_size": wanted.capacity if wanted is not None else None,
                "confidence": wanted.confidence if wanted is not None else None,
                "advice": _advice(use, policy),
            }
        )
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
