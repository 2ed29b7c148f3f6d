"""
The OpenTelemetry metric reader behind the tracker: every instrument of the process becomes series.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final

from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogramDataPoint,
    Gauge,
    HistogramDataPoint,
    Metric,
    MetricReader,
    MetricsData,
    NumberDataPoint,
    Sum,
)

from autonomous_dev import _state
from autonomous_dev.conventions import SCOPE
from autonomous_dev.errors import ConfigurationError
from autonomous_dev.recording._overhead import READER
from autonomous_dev.recording._statistics import histogram_samples, rate, rate_unit
from autonomous_dev.recording._store import MEMORY_LIMITS, Limits, SampleStore
from autonomous_dev.series import NO_ATTRIBUTES, Attributes, SeriesKey

_logger = logging.getLogger("autonomous_dev")

_DELTA: Final[dict[type, AggregationTemporality]] = {
    Counter: AggregationTemporality.DELTA,
    ObservableCounter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
}


class SeriesMetricReader(MetricReader):
    """
    Turns what the instruments of a provider report into series.

    Counters become rates per second, histograms count, mean and quantiles of the time between two collections,
    everything else its value. A value that was collected before is no new sample: an equal value that a gauge was
    set to again is not seen, nor are values that were overwritten between two collections. What ``record_metric``
    recorded is not read again. Once made it never raises: it logs.

    Args:
        limits: How much is kept.

    Attributes:
        store: The samples.
    """

    def __init__(self, *, limits: Limits = MEMORY_LIMITS) -> None:
        super().__init__(preferred_temporality=_DELTA)
        self.store = SampleStore(limits)
        self._last: dict[SeriesKey, float] = {}
        _state.on_fork(self._after_fork_in_child)

    def collect_quietly(self) -> None:
        """
        Collect now; a failing callback or a time-out of the program's own instruments is logged.
        """
        if self._collect is None:
            return
        try:
            self.collect()
        except Exception:
            _logger.warning("the metrics of this process could not all be collected", exc_info=True)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """
        Take in the last values; the provider does not collect before it shuts down.
        """
        del timeout_millis, kwargs
        self.collect_quietly()

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        del timeout_millis, kwargs
        began = perf_counter()
        try:
            for resource in metrics_data.resource_metrics:
                for scope in resource.scope_metrics:
                    # Ours is in the journal or the store already, and bookkeeping is no sample.
                    if scope.scope.name != SCOPE:
                        for metric in scope.metrics:
                            self._take(metric)
        except Exception:
            _logger.warning("a collection of metrics could not be read", exc_info=True)
        _state.spend(READER, perf_counter() - began)

    def _take(self, metric: Metric) -> None:
        unit = metric.unit or ""
        data = metric.data
        for point in data.data_points:
            identity = _identity(point.attributes)
            if isinstance(point, ExponentialHistogramDataPoint):
                self._take_histogram(metric, identity, point.time_unix_nano, (point.count, point.sum), ())
            elif isinstance(point, HistogramDataPoint):
                cells = (point.count, point.sum, *point.bucket_counts)
                self._take_histogram(metric, identity, point.time_unix_nano, cells, point.explicit_bounds)
            elif isinstance(data, Sum) and data.is_monotonic and isinstance(point, NumberDataPoint):
                self._take_rate(SeriesKey(metric.name, rate_unit(unit), identity), point)
            elif isinstance(data, Gauge | Sum) and isinstance(point, NumberDataPoint):
                key = SeriesKey(metric.name, unit, identity)
                if self._last.get(key) != point.value:
                    if key in self._last or len(self._last) < self.store.limits.series:
                        self._last[key] = point.value
                    self._append(key, point.time_unix_nano, point.value)

    def _take_histogram(
        self, metric: Metric, identity: Attributes, time: int, cells: Sequence[float], bounds: Sequence[float]
    ) -> None:
        for name, unit, value in histogram_samples(metric.name, metric.unit or "", cells, bounds):
            self._append(SeriesKey(name, unit, identity), time, value)

    def _take_rate(self, key: SeriesKey, point: NumberDataPoint) -> None:
        per_second = rate(point.value, point.start_time_unix_nano or 0, point.time_unix_nano)
        if point.start_time_unix_nano and per_second is not None:
            self._append(key, point.time_unix_nano, per_second)

    def _append(self, key: SeriesKey, time_unix_nano: int, value: float) -> None:
        if math.isfinite(value):
            self.store.append(key, time_unix_nano, float(value), NO_ATTRIBUTES)

    def _after_fork_in_child(self) -> None:
        self.store.after_fork_in_child()


def _identity(attributes: Any) -> Attributes:
    return tuple(sorted(((str(k), v) for k, v in (attributes or {}).items()), key=lambda pair: pair[0]))


def attached_reader(provider: object) -> SeriesMetricReader | None:
    """
    The SeriesMetricReader that stands in *provider*; None where there is none.
    """
    found = _state.readers.get(provider) if isinstance(provider, MeterProvider) else None
    if isinstance(found, SeriesMetricReader):
        return found
    # The SDK has no public way to ask for a provider's readers. Up to 1.42 they stand in its configuration.
    configuration = getattr(provider, "_sdk_config", None)
    configured = (*getattr(provider, "_metric_readers", ()), *getattr(configuration, "metric_readers", ()))
    return next((reader for reader in configured if isinstance(reader, SeriesMetricReader)), None)


def attach_reader(provider: object) -> SeriesMetricReader | None:
    """
    The SeriesMetricReader of *provider*, added to it where it had none.

    Returns:
        None where *provider* is no SDK provider, or OpenTelemetry is switched off by ``OTEL_SDK_DISABLED``.

    Raises:
        ConfigurationError: If the SDK is older than 1.43, which takes readers in its constructor only, and has none.
    """
    if not isinstance(provider, MeterProvider) or getattr(provider, "_disabled", False):
        return None
    with _state.composition.lock:  # two threads would each add one, and the lost one costs for good
        return attached_reader(provider) or _add_reader(provider)


def _add_reader(provider: MeterProvider) -> SeriesMetricReader:
    add = getattr(provider, "add_metric_reader", None)
    if add is None:
        msg = (
            "the program's MeterProvider has no SeriesMetricReader, and an OpenTelemetry SDK before 1.43 takes "
            "readers only when a provider is made. Write MeterProvider(metric_readers=[SeriesMetricReader(), ...]) "
            "with `from autonomous_dev.recording import SeriesMetricReader`, or install opentelemetry-sdk>=1.43"
        )
        raise ConfigurationError(msg)
    reader = SeriesMetricReader()
    add(reader)
    _state.readers[provider] = reader
    return reader
