"""
The official exporter's reader, made safe to scrape: a registry of its own, prepared metrics, one scrape at a time.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import Metric, MetricsData
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from autonomous_dev import _state
from autonomous_dev_exporters._page_metrics import prepare

_READER_ARGUMENTS: Final = inspect.signature(PrometheusMetricReader.__init__).parameters


class PageReader(PrometheusMetricReader):
    """
    The official exporter's reader, given what it can put on a page without harm, on a registry of its own.

    Put it into a MeterProvider of your own where the SDK is older than 1.43 and ``serve`` cannot add it:
    ``MeterProvider(metric_readers=[SeriesMetricReader(), PageReader()])``.

    Args:
        further: Gives metrics that no instrument holds; called at each scrape.

    Attributes:
        registry: Where the page is collected from; one scrape at a time.
    """

    def __init__(self, *, further: Callable[[], Sequence[Metric]] | None = None) -> None:
        self._own = CollectorRegistry()
        self._further = further
        # `registry=` came with 0.63b0. `scope_info_enabled=` came with 0.64b0: we write the scope's labels ourselves.
        wanted: dict[str, Any] = {"registry": self._own, "scope_info_enabled": False}
        super().__init__(**{name: value for name, value in wanted.items() if name in _READER_ARGUMENTS})
        if "registry" not in _READER_ARGUMENTS:
            REGISTRY.unregister(self._collector)
            self._own.register(self._collector)
        self.registry = CollectorRegistry()
        self.registry.register(_OneAtATime(self._own))

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        further = self._further() if self._further is not None else ()
        super()._receive_metrics(prepare(metrics_data, further), timeout_millis, **kwargs)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """
        Show nothing from now on.
        """
        del timeout_millis, kwargs
        with contextlib.suppress(KeyError):  # the second time it is gone already
            self._own.unregister(self._collector)


class _OneAtATime(Collector):
    """
    Two scrapes at once would mix their collections: one gets both, the other nothing.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        _state.on_fork(self._after_fork_in_child)

    def collect(self) -> Iterable[Family]:
        with self._lock:
            return list(self._registry.collect())

    def _after_fork_in_child(self) -> None:
        self._lock = threading.Lock()
