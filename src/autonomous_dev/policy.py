"""
The user's policy, typed: thresholds, what counts as better, which branch is judged, how alerts speak.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from autonomous_dev._policy_reader import MAX_BYTES, Value, known_entries, nearest, read_document
from autonomous_dev.errors import InvalidTypeError, PolicyError

DAY: Final = 86400.0

DETECTORS: Final = (
    "threshold",
    "change_point",
    "unconfirmed",
    "hit_ratio",
    "trend",
    "variability",
    "tail",
    "anomaly",
    "forecast",
    "staleness",
    "environment",
    "budget",
    "capacity",
    "cardinality",
    "growth",
)
"""What an insight may be of: the kinds that a policy can switch and tune."""

FALSE_DISCOVERIES: Final = 0.1
"""Share of what is announced over all series of a run that may be false, where the policy says nothing."""


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
class DetectorPolicy:
    """
    What the policy says of one kind of insight.

    Attributes:
        enabled: False where it is switched off.

        min_confidence: Confidence, in [0, 1], from which on it is told; None for the usual 0.5.

        min_change: Smallest change worth speaking of, as for the metric; None for what the metric says.
    """

    enabled: bool = True
    min_confidence: float | None = None
    min_change: float | None = None


class _Pickled:
    """
    A frozen dataclass that travels to other processes: pickle knows no read-only mapping.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        values = tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]  # subclasses are
        plain = tuple(dict(value) if isinstance(value, MappingProxyType) else value for value in values)
        return _restored, (type(self), plain)


def _restored(kind: type[_Pickled], values: tuple[Any, ...]) -> _Pickled:
    return kind(*(MappingProxyType(value) if isinstance(value, dict) else value for value in values))


@dataclass(frozen=True, slots=True)
class MetricPolicy(_Pickled):
    """
    What the policy says of one metric.

    Attributes:
        better: Which way is better; None leaves it to the name and the unit.

        min_change: Smallest change worth speaking of, as a share of the level before: 0.05 for 5%; None for any.

        identity: Metadata keys that distinguish series; None leaves the split to the rules.

        detectors: What is said of single kinds of insights, by a name of DETECTORS.
    """

    better: Polarity | None = None
    min_change: float | None = None
    identity: tuple[str, ...] | None = None
    detectors: Mapping[str, DetectorPolicy] = field(default_factory=lambda: MappingProxyType({}))

    def detector(self, kind: str) -> DetectorPolicy:
        """
        What is said of insights of this *kind*; an unconfirmed change is a change point unless said otherwise.
        """
        said = self.detectors.get(kind)
        if said is None and kind == "unconfirmed":
            said = self.detectors.get("change_point")
            # How sure a change must be is no measure for what is unconfirmed by its nature.
            said = said and replace(said, min_confidence=None)
        return said or _USUAL


_USUAL: Final = DetectorPolicy()


@dataclass(frozen=True, slots=True)
class AlertPolicy(_Pickled):
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
class Policy(_Pickled):
    """
    The whole policy; ``Policy()`` is the default one, without thresholds.

    Attributes:
        thresholds: Bounds on metrics.

        cache_size: Largest capacity, in entries, that a cache should have; None for no bound.

        metrics: What is said of single metrics, by name.

        default_branches: Branches whose samples are judged.

        alerts: How alerting rules speak.

        source: The file it was read from; empty where there is none.

        false_discoveries: Share of what is announced over all series of a run that may be false, in [0, 1).

        min_change: Smallest change worth speaking of, where a metric says nothing of its own; None for any.

        detectors: What is said of single kinds of insights, where a metric says nothing of its own.
    """

    thresholds: tuple[Threshold, ...] = ()
    cache_size: int | None = None
    metrics: Mapping[str, MetricPolicy] = field(default_factory=lambda: MappingProxyType({}))
    default_branches: tuple[str, ...] = ("main", "master")
    alerts: AlertPolicy = AlertPolicy()
    source: str = ""
    false_discoveries: float = FALSE_DISCOVERIES
    min_change: float | None = None
    detectors: Mapping[str, DetectorPolicy] = field(default_factory=lambda: MappingProxyType({}))

    def metric(self, name: str) -> MetricPolicy:
        """
        What the policy says of metric *name*; where it says nothing of its own, what it says of all.
        """
        own = self.metrics.get(name) or MetricPolicy()
        if self.min_change is None and not self.detectors:
            return own
        return replace(
            own,
            min_change=self.min_change if own.min_change is None else own.min_change,
            detectors=MappingProxyType({**self.detectors, **own.detectors}),
        )

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
            **_insights(sections.get("insights")),
        )


_SECTIONS: Final = ("performance", "metrics", "insights", "branches", "alerts")
_METRIC_KEYS: Final = ("better", "min_change", "identity", "detectors")
_INSIGHT_KEYS: Final = ("false_discoveries", "min_change", "detectors")
_DETECTOR_KEYS: Final = ("min_confidence", "min_change")
_SWITCHES: Final = MappingProxyType({"on": True, "true": True, "off": False, "false": False})
_MIN_CHANGE: Final = "expected a share of the level before, such as 5% or 0.05"
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
    better, min_change, identity, detectors = (entries.get(key) for key in _METRIC_KEYS)
    return MetricPolicy(
        better=_polarity(better) if better is not None else None,
        min_change=_share(min_change, _MIN_CHANGE) if min_change is not None else None,
        identity=identity.texts("expected a list of metadata keys, such as [suite]") if identity is not None else None,
        detectors=_detectors(detectors),
    )


def _polarity(value: Value) -> Polarity:
    expected = "expected lower or higher"
    word = value.text(expected)
    if word not in set(Polarity):
        raise value.error(f"{expected}{nearest(word, list(Polarity))}")
    return Polarity(word)


def _share(value: Value, expected: str) -> float:
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


def _probability(value: Value, expected: str) -> float:
    share = _share(value, expected)
    if share >= 1.0:
        raise value.error(expected)
    return share


def _insights(section: Value | None) -> dict[str, Any]:
    """
    The fields of Policy that the section gives.
    """
    if section is None:
        return {}
    entries = known_entries(section, _INSIGHT_KEYS, f"with {', '.join(_INSIGHT_KEYS)}")
    budget, min_change, detectors = (entries.get(key) for key in _INSIGHT_KEYS)
    budgeted = "expected the share of announced insights that may be false, below 1, such as 10% or 0.1"
    return {
        "false_discoveries": _probability(budget, budgeted) if budget is not None else FALSE_DISCOVERIES,
        "min_change": _share(min_change, _MIN_CHANGE) if min_change is not None else None,
        "detectors": _detectors(detectors),
    }


def _detectors(section: Value | None) -> Mapping[str, DetectorPolicy]:
    if section is None:
        return MappingProxyType({})
    entries = known_entries(section, DETECTORS, "such as {trend: off, anomaly: {min_confidence: 0.8}}")
    return MappingProxyType({kind: _detector(value) for kind, value in entries.items()})


def _detector(value: Value) -> DetectorPolicy:
    if not value.is_mapping:
        expected = f"expected on, off, or a mapping with {', '.join(_DETECTOR_KEYS)}"
        word = value.text(expected).lower()
        if word not in _SWITCHES:
            raise value.error(expected)
        return DetectorPolicy(enabled=_SWITCHES[word])
    entries = known_entries(value, _DETECTOR_KEYS, f"with {', '.join(_DETECTOR_KEYS)}")
    min_confidence, min_change = (entries.get(key) for key in _DETECTOR_KEYS)
    sure = "expected a confidence below 1, such as 0.8 or 80%"
    return DetectorPolicy(
        min_confidence=_probability(min_confidence, sure) if min_confidence is not None else None,
        min_change=_share(min_change, _MIN_CHANGE) if min_change is not None else None,
    )


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
