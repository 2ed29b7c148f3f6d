"""
What the tests of the record stage share: recorders with a clock, a second look at a file, lines of others.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opentelemetry.metrics import NoOpMeterProvider

from autonomous_dev.recording import Recorder, Split
from autonomous_dev.recording._journal_reader import JournalReader

NOW = 1_795_000_000 * 10**9
"""
Where the clocks of these tests begin, Unix nanoseconds.
"""


def ticking(start: int = NOW) -> Any:
    """
    A clock that is a second later at each look.
    """
    ticks = itertools.count(start, 10**9)
    return lambda: next(ticks)


def recorder(path: Path | None, **options: Any) -> Recorder:
    """
    A recorder on *path* with a ticking clock and, if not said otherwise, gauges of its own that nobody reads.
    """
    return Recorder(path, **{"clock": ticking(), "meter_provider": NoOpMeterProvider(), **options})


def put(into: Recorder, name: str, value: Any, metadata: Any = None, *, unit: Any = None, at: Any = None) -> None:
    """
    Record one sample as ``record_metric`` does.
    """
    into.record(name, value, metadata, unit, at)


def values(reader: Recorder | JournalReader, name: str | None = None) -> list[float]:
    """
    All values that *reader* has now, smallest first.
    """
    if isinstance(reader, JournalReader):
        reader.refresh()
        series = reader.store.series(name)
    else:
        series = reader.series(name)
    return sorted(value for each in series for value in each.values.tolist())


def values_at(path: Path) -> list[float]:
    """
    All values of the journal at *path*, read from its beginning, smallest first.
    """
    return values(JournalReader(path))


def wait_for(condition: Any, seconds: float = 30.0) -> Any:
    """
    Ask again and again until *condition* holds, with a deadline.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "the deadline passed"
    return answer


def foreign_line(*metrics: Mapping[str, Any], scope: str = "other", resource: Mapping[str, Any] | None = None) -> str:
    """
    One line as an exporter of other hands writes it.
    """
    scope_metrics = [{"scope": {"name": scope}, "metrics": list(metrics)}]
    return json.dumps({"resourceMetrics": [{"resource": resource or {}, "scopeMetrics": scope_metrics}]}) + "\n"


def gauge(name: str, *points: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """
    A gauge of these points.
    """
    return {"name": name, "gauge": {"dataPoints": list(points)}, **more}


def point(value: float, at: int = NOW, **more: Any) -> dict[str, Any]:
    """
    One point.
    """
    return {"timeUnixNano": str(at), "asDouble": value, **more}


def attributes(**pairs: str) -> list[dict[str, Any]]:
    """
    KeyValues of strings.
    """
    return [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()]


def split(*identity: str) -> Split:
    """
    A split in which the user said what is identity.
    """
    return Split(identity)


def look_at_each_sample(writer: Recorder) -> None:
    """
    Let *writer* look at its file before each sample: for it, more than RECHECK_SECONDS pass between two.
    """
    seconds = itertools.count()
    assert writer._log._writer is not None
    writer._log._writer._checked = -1.0
    writer._log._writer._clock = lambda: float(next(seconds))
