"""
``autonomous-dev rules``: alerting rules for Prometheus, and their tests, as files.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Final

import click

from autonomous_dev.cli._options import load_policy, policy_option, storage_option
from autonomous_dev.cli._printable import printable
from autonomous_dev.errors import StorageError

_LINES: Final = 50
"""Left-out rules that are listed; the rest is counted."""


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for the two files; made if missing."
)
@policy_option
@storage_option
def rules(out: Path, policy_file: Path | None, storage: Path) -> None:
    """
    Write alerting rules for what was recorded, and promtool tests for them.
    """
    from autonomous_dev.learning import MetricsTracker
    from autonomous_dev.publishing import RULES_FILE, TESTS_FILE, alerting_rules, rule_tests_yaml, rules_yaml

    policy = load_policy(policy_file)
    tracker = MetricsTracker(storage, policy=policy, read_only=True)
    written = alerting_rules(tracker.series(), policy, now=time.time())
    files = {out / RULES_FILE: rules_yaml(written), out / TESTS_FILE: rule_tests_yaml(written)}
    _write(files)
    kinds = Counter(rule.alert for rule in written.rules)
    told = ", ".join(f"{count} {alert}" for alert, count in kinds.items()) or "nothing recorded gives one yet"
    click.echo(f"{len(written.rules)} rules: {told}")
    for path in files:
        click.echo(f"wrote {path}")
    for left_out in written.left_out[:_LINES]:
        click.echo(f"left out: {printable(str(left_out))}")
    if len(written.left_out) > _LINES:
        click.echo(f"left out: {len(written.left_out) - _LINES} more")


def _write(files: dict[Path, str]) -> None:
    """
    Write all *files*, or none where one of them is there and is not ours.
    """
    try:
        for path in files:
            _refuse_foreign(path)
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except StorageError:
        raise
    except OSError as error:
        name = error.filename or next(iter(files)).parent
        raise StorageError(
            f"cannot write {name}: {error.strerror or error}; give --out a folder that can be written"
        ) from error


def _refuse_foreign(path: Path) -> None:
    from autonomous_dev.publishing import GENERATED

    if not path.exists():
        return
    with path.open("rb") as file:
        if file.read(len(GENERATED)) != GENERATED.encode():
            raise StorageError(
                f"{path} is there and does not begin with {GENERATED!r}: move it away or give another --out"
            )
