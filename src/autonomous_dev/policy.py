"""
The user's policy, typed: thresholds, what counts as better, which branch is judged, how alerts speak.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from autonomous_dev._policy_reader import MAX_BYTES, Value, known_entries, nearest, read_document
from autonomous_dev.errors import InvalidTypeError, PolicyError

DAY: Final = 86400.0


class Polarity(StrEnum):
    """
    Which way a metric is better.
    """

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Threshold:
    """
    A bound that a metric is to keep.

    Attributes:
        metric: Name of the metric: ``test_duration`` of ``test_duration_max``.

        bound: In the metric's own unit.

        upper: True where the metric is to stay at or below *bound*, false where at or above.

        line: Line of the policy file, counted from 1; 0 where there is no file.
    """

    metric: str
    bound: float
    upper: bool
    line: int = 0


@dataclass(frozen=True, slots=True)
class MetricPolicy:
    """
    What the policy says of one metric.

    Attributes:
        better: Which way is better; None leaves it to the name and the unit.

        min_change: Smallest change worth speaking of, as a share of the level before: 0.05 for 5%.

        identity: Metadata keys that distinguish series; None leaves the split to the rules.
    """

    better: Polarity | None = None
    min_change: float = 0.0
    identity: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """
    How alerting rules speak.

    Attributes:
        hold: Seconds that a condition on a live metric must hold before it alerts (``for:`` in Prometheus).

        stale_after: Seconds without a new sample after which a recorded metric is stale.

        dashboard_url: Where an alert points to.

        labels: Labels that every alert gets, for routing.
    """

    hold: float = 300.0
    stale_after: float = 7 * DAY
    dashboard_url: str = "http://127.0.0.1:3000/d/autonomous-dev-overview"
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Policy:
    """
    The whole policy; ``Policy()`` is the default one, without thresholds.

    Attributes:
        thresholds: Bounds on metrics.

        cache_size: Largest capacity, in entries, that a cache should have; None for no bound.

        metrics: What is said of single metrics, by name.

        default_branches: Branches whose samples are judged.

        alerts: How alerting rules speak.

        source: The file it was read from; empty where there is none.
    """

    thresholds: tuple[Threshold, ...] = ()
    cache_size: int | None = None
    metrics: Mapping[str, MetricPolicy] = field(default_factory=lambda: MappingProxyType({}))
    default_branches: tuple[str, ...] = ("main", "master")
    alerts: AlertPolicy = AlertPolicy()
    source: str = ""

    def metric(self, name: str) -> MetricPolicy:
        """
        What the policy says of metric *name*; the defaults where it says nothing.
        """
        return self.metrics.get(name, MetricPolicy())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Policy:
        """
        The policy in the YAML file *path*.

        Raises:
            InvalidTypeError: If *path* is no path.

            PolicyError: If the file cannot be read, or is no policy; the message begins with file and line.
        """
        if not isinstance(path, str | os.PathLike):
            msg = f"path is {path!r}: expected the path of a policy file"
            raise InvalidTypeError(msg)
        source = os.fspath(path)
        try:
            with Path(source).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise PolicyError(f"{source}: cannot be read as a policy file: {reason}; give the path of one") from error
        if len(content) > MAX_BYTES:
            raise PolicyError(f"{source}:1: more than {MAX_BYTES} bytes: expected a policy, which is a page of text")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            byte = content[error.start]
            raise PolicyError(f"{source}:{line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from None
        return cls.parse(text, source)

    @classmethod
    def parse(cls, text: str, source: str = "<string>") -> Policy:
        """
        The policy in the YAML *text*; the default one where nothing is written.

        Args:
            text: At most 256 KiB.

            source: What errors call it.

        Raises:
            PolicyError: If it is no policy; the message begins with *source* and line.
        """
        document = read_document(text, source)
        if document is None:
            return cls(source=source)
        sections = known_entries(document, _SECTIONS, f"with the sections {', '.join(_SECTIONS)}")
        thresholds, cache_size = _performance(sections.get("performance"))
        return cls(
            thresholds=thresholds,
            cache_size=cache_size,
            metrics=_metrics(sections.get("metrics")),
            default_branches=_branches(sections.get("branches")) or cls().default_branches,
            alerts=_alerts(sections.get("alerts")),
            source=source,
        )


_SECTIONS: Final = ("performance", "metrics", "branches", "alerts")
_METRIC_KEYS: Final = ("better", "min_change", "identity")
_ALERT_KEYS: Final = ("for", "stale_after", "dashboard_url", "labels")
_LABEL: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_RESERVED_LABELS: Final = ("alertname", "severity")
_LARGEST_CACHE: Final = 2**53


def _performance(section: Value | None) -> tuple[tuple[Threshold, ...], int | None]:
    if section is None:
        return (), None
    thresholds: dict[tuple[str, bool], Threshold] = {}
    cache_size = None
    for key, value in section.mapping("such as test_duration_max: 60").items():
        metric, _, side = key.rpartition("_")
        if key == "cache_size":
            expected = "expected a whole number of entries, 1 or more, such as 100"
            number = value.number(expected)
            if not 1 <= number <= _LARGEST_CACHE or number != int(number):
                raise value.error(expected)
            cache_size = int(number)
        elif metric and side in {"max", "min"}:
            bound = value.number("expected a finite number in the metric's own unit, such as 60")
            thresholds[metric, side == "max"] = Threshold(metric, bound, side == "max", value.line)
            other = thresholds.get((metric, side != "max"))
            if other is not None and (bound < other.bound) == (side == "max") and bound != other.bound:
                raise value.error(
                    f"nothing can be at most _max and at least _min; line {other.line} says {other.bound:g}"
                )
        else:
            candidates = ("cache_size", f"{key}_max", f"{metric}_max", f"{metric}_min")
            raise value.error(f"expected <metric>_max, <metric>_min or cache_size as the key{nearest(key, candidates)}")
    return tuple(thresholds.values()), cache_size


def _metrics(section: Value | None) -> Mapping[str, MetricPolicy]:
    if section is None:
        return MappingProxyType({})
    entries = section.mapping("such as test_duration: {better: lower}")
    return MappingProxyType({name: _metric(value) for name, value in entries.items()})


def _metric(value: Value) -> MetricPolicy:
    entries = known_entries(value, _METRIC_KEYS, f"with {', '.join(_METRIC_KEYS)}")
    better = entries.get("better")
    min_change = entries.get("min_change")
    identity = entries.get("identity")
    return MetricPolicy(
        better=_polarity(better) if better is not None else None,
        min_change=_share(min_change) if min_change is not None else 0.0,
        identity=identity.texts("expected a list of metadata keys, such as [suite]") if identity is not None else None,
    )


def _polarity(value: Value) -> Polarity:
    expected = "expected lower or higher"
    word = value.text(expected)
    if word not in set(Polarity):
        raise value.error(f"{expected}{nearest(word, list(Polarity))}")
    return Polarity(word)


def _share(value: Value) -> float:
    expected = "expected a share of the level before, such as 5% or 0.05"
    written = value.text(expected)
    if written.endswith("%"):
        try:
            share = float(written[:-1]) / 100.0
        except ValueError:
            raise value.error(expected) from None
        limit = 100.0
    else:
        share, limit = value.number(expected), 1.0
    if not 0.0 <= share < limit:
        raise value.error(f"{expected}{f'; for {written} percent write {written}%' if share >= limit else ''}")
    return share


def _branches(section: Value | None) -> tuple[str, ...]:
    if section is None:
        return ()
    default = known_entries(section, ("default",), "such as default: [main]").get("default")
    if default is None:
        return ()
    expected = "expected the names of the branches that are judged, such as [main]"
    names = default.texts(expected)
    if not names:
        raise default.error(f"{expected}; without the key it is main and master")
    return names


def _alerts(section: Value | None) -> AlertPolicy:
    if section is None:
        return AlertPolicy()
    usual = AlertPolicy()
    entries = known_entries(section, _ALERT_KEYS, f"with {', '.join(_ALERT_KEYS)}")
    hold, stale_after, url, labels = (entries.get(key) for key in _ALERT_KEYS)
    return AlertPolicy(
        hold=hold.duration("expected a duration, such as 5m") if hold is not None else usual.hold,
        stale_after=_stale_after(stale_after) if stale_after is not None else usual.stale_after,
        dashboard_url=_url(url) if url is not None else usual.dashboard_url,
        labels=_labels(labels) if labels is not None else usual.labels,
    )


def _stale_after(value: Value) -> float:
    expected = "expected a duration of a minute or more, such as 7d"
    seconds = value.duration(expected)
    if seconds < 60.0:
        raise value.error(expected)
    return seconds


def _url(value: Value) -> str:
    expected = "expected an address that begins with http:// or https://"
    url = value.text(expected)
    if not re.fullmatch(r"https?://\S+", url):
        raise value.error(expected)
    return url


def _labels(value: Value) -> Mapping[str, str]:
    labels = {}
    for name, entry in value.mapping("such as team: platform").items():
        if not _LABEL.fullmatch(name) or name in _RESERVED_LABELS:
            raise entry.error(
                "its name cannot be a label: expected letters, digits and _, no digit and no __ first, "
                f"and none of {', '.join(_RESERVED_LABELS)}"
            )
        labels[name] = entry.text("expected a word")
    return MappingProxyType(labels)
