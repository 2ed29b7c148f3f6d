"""
The files of the demo: a folder of its own, the journal in it, and what is published from the journal.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autonomous_dev import MetricsTracker
from autonomous_dev.publishing import RULES_FILE, TESTS_FILE, alerting_rules, rule_tests_yaml, rules_yaml
from autonomous_dev_exporters.dashboards import write_dashboards

MARK: Final = ".made-by-demo"
"""Stands in a folder that the demo made, so that a later run may empty it."""


class FolderInUseError(Exception):
    """
    The folder holds what the demo did not write.
    """


@dataclass(frozen=True, slots=True)
class Written:
    """
    What the demo writes.

    Attributes:
        folder: The demo's own.

        journal: What was recorded.

        rules: Alerting rules.

        rule_tests: Their tests.

        dashboard: The board for Grafana.
    """

    folder: Path
    journal: Path
    rules: Path
    rule_tests: Path
    dashboard: Path

    def purposes(self) -> dict[Path, str]:
        """
        For each file what it is good for.
        """
        return {
            self.journal: "the journal: every sample, as OTLP JSON lines",
            self.rules: "alerting rules for Prometheus, learned from the journal",
            self.rule_tests: "their tests, for promtool test rules",
            self.dashboard: "the Overview board, to be imported into Grafana",
        }


def prepare(folder: Path) -> Written:
    """
    An empty *folder* of the demo's own: made, or emptied of what an earlier run wrote.

    Raises:
        FolderInUseError: If it holds anything else, or cannot be written; nothing is removed then.
    """
    written = Written(
        folder, folder / "journal.jsonl", folder / RULES_FILE, folder / TESTS_FILE, folder / "overview.json"
    )
    mark = folder / MARK
    own = {mark, *written.purposes()}
    try:
        found = sorted(folder.iterdir()) if folder.exists() else []
        foreign = [path.name for path in found if path not in own or not mark.exists()]
        if foreign:
            msg = f"{folder} holds {foreign[0]}, which the demo did not write: give another folder with --out"
            raise FolderInUseError(msg)
        for path in found:
            path.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        msg = f"{folder} cannot be used: {error.strerror}: give another folder with --out"
        raise FolderInUseError(msg) from error
    return written


def publish(written: Written, tracker: MetricsTracker) -> None:
    """
    Write the alerting rules for what *tracker* recorded, their tests, and the dashboard.
    """
    rules = alerting_rules(tracker.series(), tracker.policy, now=time.time())
    written.rules.write_text(rules_yaml(rules), encoding="utf-8")
    written.rule_tests.write_text(rule_tests_yaml(rules), encoding="utf-8")
    write_dashboards(written.folder)
