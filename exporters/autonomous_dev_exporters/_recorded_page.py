"""
What a journal holds, as the metrics that a live process would have shown: for what no process is alive for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.sdk.metrics.export import AggregationTemporality, Histogram, HistogramDataPoint, Metric

from autonomous_dev import conventions
from autonomous_dev._cells import HISTOGRAM_HEAD
from autonomous_dev.recording import RecordedGauges
from autonomous_dev.series import Series, SeriesKey


class RecordedTotals(Protocol):
    """
    Sums over all that profilers and caches of any process have written to a journal.
    """

    @property
    def operations(self) -> Mapping[tuple[str, str], Sequence[float]]:
        """
        For each (operation, error type): count, sum, buckets.
        """
        ...

    @property
    def lookups(self) -> Mapping[str, Sequence[int]]:
        """
        For each cache: hits, misses.
        """
        ...


class RecordedSource(Protocol):
    """
    A tracker on a journal.
    """

    @property
    def damaged_lines(self) -> int:
        """
        Lines that could not be read.
        """
        ...

    def sample_count(self) -> int:
        """
        A number that grows with every new sample.
        """
        ...

    def series(self, name: str | None = None) -> Sequence[Series]:
        """
        The recorded series.
        """
        ...

    def recorded_totals(self) -> RecordedTotals:
        """
        Sums of our own instruments.
        """
        ...


_SAID: Final = {
    (conventions.CALL_BUDGET, "s"): "How long profiled operations may take.",
    (conventions.CACHE_CAPACITY, "{entry}"): "Entries that caches can hold at most.",
    (
        conventions.CACHE_HIT_RATIO_PREDICTED,
        "1",
    ): "Share of lookups that a cache of a larger capacity would have answered.",
}
"""Our own gauges in a journal: name and unit, as a live process has them, and what they are."""

_DROPPED: Final = (conventions.SERIES_DROPPED, "{series}")


class RecordedMetrics:
    """
    The newest state of a journal, on the instruments of a provider of its own.

    One thread calls ``refresh``; scrapes read what it left.
    """

    def __init__(self, source: RecordedSource) -> None:
        self._source = source
        self._seen = -1
        self._gauges: RecordedGauges | None = None
        self._shown: frozenset[SeriesKey] = frozenset()
        self._durations: tuple[HistogramDataPoint, ...] = ()
        self._lookups: Mapping[str, tuple[int, int]] = {}
        self._newest: Mapping[tuple[str, str], Sequence[Observation]] = {}

    def publish(self, provider: MeterProvider) -> None:
        """
        Make the instruments; once.
        """
        meter = provider.get_meter(conventions.SCOPE, conventions.VERSION)
        self._gauges = RecordedGauges(meter, self._refused)
        for (name, unit), description in _SAID.items():
            meter.create_observable_gauge(
                name, callbacks=[self._observer((name, unit))], unit=unit, description=description
            )
        meter.create_observable_counter(
            conventions.CACHE_LOOKUPS,
            callbacks=[self._observe_lookups],
            unit="{lookup}",
            description=conventions.CACHE_LOOKUPS_DESCRIPTION,
        )
        meter.create_observable_counter(
            conventions.JOURNAL_DAMAGED_LINES,
            callbacks=[lambda _: [Observation(self._source.damaged_lines)]],
            unit="{line}",
            description="Lines of the journal that could not be read.",
        )

    def histograms(self) -> Sequence[Metric]:
        """
        The durations of calls: OpenTelemetry has no observable histogram.
        """
        if not self._durations:
            return ()
        data = Histogram(self._durations, AggregationTemporality.CUMULATIVE)
        return (Metric(conventions.CALL_DURATION, conventions.CALL_DURATION_DESCRIPTION, "s", data),)

    def refresh(self) -> None:
        """
        Take over what was recorded since the last time; nothing where nothing was.
        """
        count = self._source.sample_count()
        if count == self._seen or self._gauges is None:
            return
        series = self._source.series()
        self._take_values(self._gauges, series)
        self._newest = _newest_of_ours(series)
        totals = self._source.recorded_totals()
        now = time.time_ns()
        self._durations = tuple(_point(key, cells, now) for key, cells in sorted(totals.operations.items()))
        self._lookups = {cache: (int(counts[0]), int(counts[1])) for cache, counts in totals.lookups.items()}
        self._seen = count

    def _take_values(self, gauges: RecordedGauges, series: Sequence[Series]) -> None:
        # Our own instruments come from the totals: a rate of counts is no counter.
        recorded = {
            each.key: each for each in series if len(each) and not each.key.name.startswith(conventions.OWN_PREFIX)
        }
        for key in self._shown - recorded.keys():  # the file was replaced by one without it
            if (cell := gauges.cell(key)) is not None:
                cell.value = cell.seconds = float("nan")
        for key, each in recorded.items():
            if (cell := gauges.cell(key)) is not None:
                cell.value, cell.seconds = float(each.values[-1]), float(each.times[-1]) / 1e9
        self._shown = frozenset(recorded)

    def _observer(self, metric: tuple[str, str]) -> Callable[[CallbackOptions], Sequence[Observation]]:
        return lambda _: self._newest.get(metric, ())

    def _refused(self) -> list[tuple[dict[str, str], int]]:
        return [
            ({key: str(value) for key, value in (said.attributes or {}).items()}, int(said.value))
            for said in self._newest.get(_DROPPED, ())
        ]

    def _observe_lookups(self, _: CallbackOptions) -> Iterator[Observation]:
        for cache, (hits, misses) in self._lookups.items():
            yield Observation(hits, {conventions.CACHE: cache, conventions.CACHE_RESULT: conventions.HIT})
            yield Observation(misses, {conventions.CACHE: cache, conventions.CACHE_RESULT: conventions.MISS})


def _newest_of_ours(series: Sequence[Series]) -> Mapping[tuple[str, str], Sequence[Observation]]:
    """
    By name and unit the newest value of each series that is shown as it was said.
    """
    newest: dict[tuple[str, str], list[Observation]] = {metric: [] for metric in (*_SAID, _DROPPED)}
    for each in series:
        if len(each) and (found := newest.get((each.key.name, each.key.unit))) is not None:
            found.append(Observation(float(each.values[-1]), dict(each.key.identity)))
    return newest


def _point(key: tuple[str, str], cells: Sequence[float], now: int) -> HistogramDataPoint:
    operation, error_type = key
    attributes = {conventions.OPERATION: operation}
    if error_type:
        attributes[conventions.ERROR_TYPE] = error_type
    return HistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=0,
        time_unix_nano=now,
        count=int(cells[0]),
        sum=cells[1],
        bucket_counts=tuple(int(cell) for cell in cells[HISTOGRAM_HEAD:]),
        explicit_bounds=conventions.DURATION_BOUNDS,
        min=float("nan"),
        max=float("nan"),
    )
