"""
The split of metadata: which keys tell series apart, and which only say where a sample came from.

A commit hash that comes with every run must never become a label: each value would be a new series for good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from autonomous_dev.conventions import METADATA_KEY, METADATA_ROLE, METRIC_NAME
from autonomous_dev.series import Attributes, AttributeValue


class Role(StrEnum):
    """
    What a metadata key is to a metric.
    """

    IDENTITY = "identity"
    CONTEXT = "context"
    OVERFLOWED = "overflowed"
    """Identity for the values seen so far, so that no series ends; context for new values."""


IDENTITY_KEYS: Final = frozenset({"suite", "test", "operation", "cache", "os", "machine_class", "unit"})
"""Keys that always tell series apart."""

CONTEXT_KEYS: Final = frozenset(
    {
        "commit", "sha", "revision", "branch", "ref", "tag", "run_id", "run_url", "run_attempt", "run_number", "build",
        "build_id", "build_url", "job_id", "job_url", "version", "runner", "host", "hostname", "pid", "author",
        "message", "pull_request", "url", "timestamp", "time", "date", "datetime",
        "vcs.ref.head.name", "vcs.ref.head.revision", "vcs.change.id", "cicd.pipeline.run.id",
        "cicd.pipeline.run.url.full", "cicd.worker.name", "service.instance.id",
    }
)  # fmt: skip
"""Keys that never do."""

MAX_IDENTITY_VALUES: Final = 50
"""Values of one key within one metric; a key that shows more is context for new series."""

_TIME_KEY: Final = re.compile(r"(^|[._-])(time|timestamp|date|datetime|at)$", re.IGNORECASE)
_TIME_VALUE: Final = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$")
_HASH_VALUE: Final = re.compile(
    r"^(?=.*\d)[0-9a-f]{7,64}$|^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
)


def rule(key: str, value: AttributeValue) -> Role:
    """
    The role that a *key* has at its first sight, with this *value*.
    """
    if key in IDENTITY_KEYS:
        return Role.IDENTITY
    if key in CONTEXT_KEYS or _TIME_KEY.search(key):
        return Role.CONTEXT
    if isinstance(value, str) and (_TIME_VALUE.match(value) or _HASH_VALUE.match(value.lower())):
        return Role.CONTEXT
    return Role.IDENTITY


class Split:
    """
    The roles decided so far, by metric and key.

    Args:
        identity: Keys that the user said to be identity, for every metric; None leaves it to the rules.

        by_metric: The same for single metrics, by name; wins over *identity*.
    """

    def __init__(
        self, identity: Iterable[str] | None = None, by_metric: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        self._identity = None if identity is None else frozenset(identity)
        self._by_metric = {name: frozenset(keys) for name, keys in (by_metric or {}).items()}
        self._roles: dict[tuple[str, str], Role] = {}
        self._values: dict[tuple[str, str], set[AttributeValue]] = {}

    def learn(self, decision: Mapping[str, AttributeValue]) -> None:
        """
        Take over a decision that the journal holds; one that cannot be read is passed over.
        """
        metric, key, role = (decision.get(name) for name in (METRIC_NAME, METADATA_KEY, METADATA_ROLE))
        if isinstance(metric, str) and isinstance(key, str) and role in set(Role):
            self._roles[metric, key] = Role(str(role))

    def knows(self, metric: str, key: str) -> bool:
        """
        Whether the role of *key* is decided: a rule for all its values, the user or the journal said it.
        """
        return key in IDENTITY_KEYS or key in CONTEXT_KEYS or (metric, key) in self._roles

    def depends_on_values(self, metric: str, key: str, value: AttributeValue) -> bool:
        """
        Whether the role of *key* depends on the values that it has had.
        """
        if self._said(metric) is not None or key in IDENTITY_KEYS:
            return False
        return self._roles.get((metric, key), rule(key, value)) is not Role.CONTEXT

    def count(self, metric: str, identity: Attributes) -> None:
        """
        Count the values of a series that is known already.
        """
        for key, value in identity:
            if key not in IDENTITY_KEYS:
                self._values.setdefault((metric, key), set()).add(value)

    def divide(self, metric: str, metadata: Attributes) -> tuple[Attributes, Attributes, dict[str, Role]]:
        """
        Identity and context of *metadata*, and the roles that were decided in doing so.
        """
        decided: dict[str, Role] = {}
        identity: list[tuple[str, AttributeValue]] = []
        context: list[tuple[str, AttributeValue]] = []
        for key, value in metadata:
            role = self._role(metric, key, value, decided)
            (identity if role is Role.IDENTITY else context).append((key, value))
        return tuple(identity), tuple(context), decided

    def _said(self, metric: str) -> frozenset[str] | None:
        return self._by_metric.get(metric, self._identity)

    def _role(self, metric: str, key: str, value: AttributeValue, decided: dict[str, Role]) -> Role:
        said = self._said(metric)
        if said is not None:
            role = Role.IDENTITY if key in said else Role.CONTEXT
            if self._roles.get((metric, key)) is not role:
                self._roles[metric, key] = decided[key] = role
            return role
        if (metric, key) not in self._roles:
            self._roles[metric, key] = decided[key] = rule(key, value)
        role = self._roles[metric, key]
        if role is Role.CONTEXT or key in IDENTITY_KEYS:
            return role
        values = self._values.setdefault((metric, key), set())
        if value in values:
            return Role.IDENTITY
        if len(values) < MAX_IDENTITY_VALUES and role is Role.IDENTITY:
            values.add(value)
            return Role.IDENTITY
        if role is Role.IDENTITY:
            self._roles[metric, key] = decided[key] = Role.OVERFLOWED
        return Role.CONTEXT
