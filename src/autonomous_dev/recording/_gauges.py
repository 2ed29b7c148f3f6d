"""
Recorded metrics as OpenTelemetry gauges: the newest value of each series, in a cell that a callback reads.

``Gauge.set`` costs more than the whole record; an observable gauge costs nothing until somebody collects.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from autonomous_dev import _state, conventions, prometheus_names
from autonomous_dev.prometheus_names import NameClaims
from autonomous_dev.series import AttributeValue, SeriesKey

_logger = logging.getLogger("autonomous_dev")

MAX_CELLS: Final = 10_000
"""Series that are exported; further ones are recorded only."""

VALUE_DESCRIPTION: Final = "Newest recorded value."
TIME_DESCRIPTION: Final = "When the metric last got a sample, as Unix time."


class Cell:
    """
    The newest sample of one series.
    """

    __slots__ = ("attributes", "seconds", "value")

    def __init__(self, key: SeriesKey) -> None:
        self.value = math.nan
        self.seconds = math.nan
        self.attributes: dict[str, AttributeValue] = {k: v for k, v in key.identity if v is not None}


def refused_names(keys: Iterable[SeriesKey]) -> dict[tuple[str, str], tuple[str, str]]:
    """
    The metrics among *keys*, in their order, that are not exported, each with the one whose name it met.
    """
    claims = NameClaims()
    for key in keys:
        claims.claim(key.name, key.unit)
    return claims.refused


class RecordedGauges:
    """
    The cells of all recorded metrics of one meter; trackers share them.

    Args:
        meter: Where they are shown.

        refused: Attributes and values of SERIES_DROPPED for what the bounds on names refused; those of this process
            by default.
    """

    def __init__(
        self, meter: Meter, refused: Callable[[], list[tuple[dict[str, str], int]]] = _state.dropped_series
    ) -> None:
        self._meter = meter
        self._refused = refused
        self._claims = NameClaims()
        self._cells: dict[SeriesKey, Cell] = {}
        self._metrics: dict[tuple[str, str], list[Cell]] = {}
        self._instruments: list[object] = []
        self._unexported = 0
        self._lock = threading.Lock()
        _state.on_fork(self._after_fork_in_child)
        self._instruments.append(
            meter.create_observable_counter(
                conventions.SERIES_DROPPED,
                callbacks=[self._observe_dropped],
                unit="{series}",
                description=conventions.SERIES_DROPPED_DESCRIPTION,
            )
        )

    def cell(self, key: SeriesKey) -> Cell | None:
        """
        The cell to set at each sample of *key*; None where the series is not exported.
        """
        cell = self._cells.get(key)
        if cell is None:
            with self._lock:
                cell = self._cells.get(key) or self._make(key)
        return cell

    def _make(self, key: SeriesKey) -> Cell | None:
        metric = (key.name, key.unit)
        known = metric in self._claims.refused
        if not self._claims.claim(*metric):
            if not known:
                holder = self._claims.refused[metric]
                _logger.warning(
                    "the metric %r (unit %r) is recorded but not exported: its name in Prometheus is that of %r (unit %r)",
                    *metric,
                    *holder,
                )
            return None
        if len(self._cells) >= MAX_CELLS:
            self._unexported += 1
            return None
        cell = self._cells[key] = Cell(key)
        if metric not in self._metrics:
            self._metrics[metric] = []
            self._create(key.name, key.unit, self._metrics[metric])
        self._metrics[metric].append(cell)
        return cell

    def _create(self, name: str, unit: str, cells: list[Cell]) -> None:
        def values(_: CallbackOptions) -> Iterator[Observation]:
            return (Observation(c.value, c.attributes) for c in list(cells) if not math.isnan(c.value))

        def times(_: CallbackOptions) -> Iterator[Observation]:
            return (Observation(c.seconds, c.attributes) for c in list(cells) if not math.isnan(c.seconds))

        instrument = prometheus_names.instrument_name(name)
        self._instruments += [
            self._meter.create_observable_gauge(
                instrument, callbacks=[values], unit=unit, description=VALUE_DESCRIPTION
            ),
            self._meter.create_observable_gauge(
                instrument + conventions.LAST_RECORDED, callbacks=[times], unit="s", description=TIME_DESCRIPTION
            ),
        ]

    def _after_fork_in_child(self) -> None:
        self._lock = threading.Lock()

    def dropped(self) -> list[tuple[dict[str, str], int]]:
        """
        Series that are recorded but not exported, as attributes and values of SERIES_DROPPED.
        """
        return [
            (_state.drop_attributes(conventions.DROPPED_BY_NAME), len(self._claims.refused)),
            (_state.drop_attributes(conventions.DROPPED_BY_LIMIT), self._unexported),
        ]

    def _observe_dropped(self, _: CallbackOptions) -> list[Observation]:
        # Profilers and caches make the same instrument; of two on one meter only the first is ever asked.
        refused = [({**_state.drop_attributes(""), **attributes}, count) for attributes, count in self._refused()]
        return [Observation(count, attributes) for attributes, count in (*self.dropped(), *refused)]
