"""
One peer, and the same by hand, in this process: run by the Python of the peer's own environment.

``python _peer.py NAME ROUNDS BOUNDS`` prints, as JSON, the versions and the seconds of either in each round; BOUNDS
is a JSON list, the boundaries of the histogram by hand.
"""

from __future__ import annotations

import importlib
import itertools
import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from _by_hand import Providers, batch, burst, calls_by_hand, nothing
from _rounds import Case, take_turns
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

PEER, BY_HAND = "peer", "by hand"


def autometrics_opentelemetry() -> Case:
    """
    The decorator of autometrics, counting through OpenTelemetry: a counter and a histogram, no span.
    """
    autometrics: Any = importlib.import_module("autometrics")
    reader = InMemoryMetricReader()
    autometrics.init(tracker="opentelemetry", exporter={"type": "otel-custom", "exporter": reader})
    return burst(_calls(autometrics.autometrics(nothing)), reader.get_metrics_data)


def autometrics_prometheus() -> Case:
    """
    The decorator of autometrics, counting in prometheus-client: a counter and a histogram, no span.
    """
    autometrics: Any = importlib.import_module("autometrics")
    client: Any = importlib.import_module("prometheus_client")
    autometrics.init(tracker="prometheus")
    return burst(_calls(autometrics.autometrics(nothing)), client.generate_latest)


def logfire_span() -> Case:
    """
    ``logfire.span``, which sends nothing: its spans go to a batch processor, its metrics to a reader; no histogram.
    """
    logfire: Any = importlib.import_module("logfire")
    reader = InMemoryMetricReader()
    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[batch()],
        metrics=logfire.MetricsOptions(additional_readers=[reader]),
    )

    def spans(times: int) -> None:
        for _ in itertools.repeat(None, times):
            with logfire.span("call"):
                nothing()

    def settle() -> None:
        logfire.force_flush()
        reader.get_metrics_data()

    return burst(spans, settle)


PEERS: dict[str, tuple[Callable[[], Case], str]] = {
    "autometrics-opentelemetry": (autometrics_opentelemetry, "autometrics"),
    "autometrics-prometheus": (autometrics_prometheus, "autometrics"),
    "logfire": (logfire_span, "logfire"),
}
"""By name: what makes the case, and the package that it is of."""


def main() -> int:
    """
    Measure one peer and print it.
    """
    name, rounds, bounds = sys.argv[1:]
    make, package = PEERS[name]
    providers = Providers.make()
    by_hand = burst(calls_by_hand(providers, json.loads(bounds)), providers.settle)
    taken = take_turns({PEER: make(), BY_HAND: by_hand}, rounds=int(rounds))
    providers.shut_down()
    packages = {package: version(package), "opentelemetry-sdk": version("opentelemetry-sdk")}
    print(json.dumps({"packages": packages, **{side: times.wall for side, times in taken.items()}}))
    return 0


def _calls(function: Callable[[], object]) -> Callable[[int], None]:
    def calls(times: int) -> None:
        for _ in itertools.repeat(None, times):
            function()

    return calls


if __name__ == "__main__":
    sys.exit(main())
