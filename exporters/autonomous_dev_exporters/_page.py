"""
What one MeterProvider shows to Prometheus, for as long as something serves it.
"""

from __future__ import annotations

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry

from autonomous_dev import _state, conventions
from autonomous_dev.errors import ConfigurationError
from autonomous_dev_exporters._insight_gauges import InsightGauges
from autonomous_dev_exporters._page_reader import PageReader


class Page:
    """
    A provider's reader for as long as something serves it, and the insights that are shown beside its metrics.

    Attributes:
        insights: Where evaluated insights are put.
    """

    def __init__(self, provider: metrics.MeterProvider) -> None:
        self.insights = InsightGauges(provider.get_meter(conventions.SCOPE, conventions.VERSION))
        self._users = 0
        self._reader: PageReader | None = None
        _state.on_fork(self._after_fork_in_child)

    def open(self, provider: MeterProvider) -> CollectorRegistry:
        """
        The registry to serve; each call needs a ``close``.

        Raises:
            ConfigurationError: If *provider* cannot take a reader any more and has no PageReader.
        """
        if self._reader is None:
            self._reader = _standing_reader(provider) or _add_reader(provider)
        self._users += 1
        return self._reader.registry

    def close(self, provider: MeterProvider) -> None:
        """
        Take the reader away when nothing serves it, where the SDK can: a reader costs at each measurement.
        """
        self._users -= 1
        remove = getattr(provider, "remove_metric_reader", None)
        if self._users == 0 and remove is not None and self._reader is not None and not _standing_reader(provider):
            reader, self._reader = self._reader, None
            remove(reader)

    def _after_fork_in_child(self) -> None:
        # The servers and the thread that evaluates are the parent's.
        self._users = 0
        self.insights.forget()


def page_of(provider: MeterProvider) -> Page:
    """
    The one page of *provider*.
    """
    pages = _state.composition.pages
    page: Page | None = pages.get(provider)
    if page is None:
        page = pages[provider] = Page(provider)
    return page


def _standing_reader(provider: MeterProvider) -> PageReader | None:
    # The SDK has no public way to ask for the readers that a provider was made with.
    configured = getattr(provider, "_metric_readers", None) or getattr(
        getattr(provider, "_sdk_config", None), "metric_readers", ()
    )
    return next((reader for reader in configured or () if isinstance(reader, PageReader)), None)


def _add_reader(provider: MeterProvider) -> PageReader:
    add = getattr(provider, "add_metric_reader", None)
    if add is None:
        msg = (
            "the program's MeterProvider has no PageReader, and an OpenTelemetry SDK before 1.43 takes readers only "
            "when a provider is made. Write MeterProvider(metric_readers=[SeriesMetricReader(), PageReader(), ...]) with "
            "`from autonomous_dev.recording import SeriesMetricReader` and `from autonomous_dev_exporters.prometheus "
            "import PageReader`, or call autonomous_dev.configure() instead, or install opentelemetry-sdk>=1.43"
        )
        raise ConfigurationError(msg)
    reader = PageReader()
    add(reader)
    return reader
