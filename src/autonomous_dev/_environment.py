"""
What the ``OTEL_*`` variables ask for, where the public classes of the OpenTelemetry SDK do not read them by themselves.

Resource, sampler, limits of spans, batches, intervals, exemplar filter and all of OTLP they do read. What they do not
read names something that is installed: exporters, an id generator, a sampler, a provider, a configuration file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Final

from autonomous_dev.errors import ConfigurationError

TRACES_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
METRICS_EXPORTER: Final = "OTEL_METRICS_EXPORTER"
CONFIG_FILE: Final = "OTEL_CONFIG_FILE"

LIMITS: Final = ("OTEL_SPAN_", "OTEL_EVENT_", "OTEL_LINK_", "OTEL_ATTRIBUTE_")
"""Beginnings of the variables that bound what a span holds."""

PROMETHEUS: Final = "prometheus"
"""The exporter that is our page."""

OURS: Final = "autonomous_dev"
"""The exporter that is our reader, which is there in any case."""

DEFAULT_PROMETHEUS_PORT: Final = 9464
DEFAULT_PROMETHEUS_HOST: Final = "127.0.0.1"

_OTLP: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
"""Protocol → exporter; the first one that is installed where no protocol is named."""

_PACKAGES: Final = {
    "otlp": "opentelemetry-exporter-otlp",
    "otlp_proto_grpc": "opentelemetry-exporter-otlp-proto-grpc",
    "otlp_proto_http": "opentelemetry-exporter-otlp-proto-http",
    "otlp_json_file": "opentelemetry-exporter-otlp-json-file",
    "zipkin": "opentelemetry-exporter-zipkin",
    "zipkin_json": "opentelemetry-exporter-zipkin-json",
    "zipkin_proto": "opentelemetry-exporter-zipkin-proto-http",
    "xray": "opentelemetry-sdk-extension-aws",
}
"""Entry point → the package on PyPI that has it."""

_SECRET: Final = "OTEL_EXPORTER_"  # noqa: S105 - the beginning of names of variables
"""Variables that may hold a key or a password: named, and never shown."""


@dataclass(frozen=True, slots=True)
class Asked:
    """
    The exporters that are asked for.

    Attributes:
        names: Entry points.

        source: Who asks, for messages: ``OTEL_TRACES_EXPORTER='console'``.
    """

    names: tuple[str, ...]
    source: str


def switched_off() -> bool:
    """
    Whether ``OTEL_SDK_DISABLED`` switches OpenTelemetry off, read as the SDK reads it.
    """
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def config_file() -> str:
    """
    The file that ``OTEL_CONFIG_FILE`` names; empty for none.
    """
    return os.environ.get(CONFIG_FILE, "").strip()


def exporters(variable: str) -> Asked:
    """
    The exporters that *variable* names; ``otlp`` where it is not set and an OTLP endpoint is.

    Args:
        variable: TRACES_EXPORTER or METRICS_EXPORTER.
    """
    value = os.environ.get(variable, "")
    if value.strip():
        return named(value, f"{variable}={value!r}", variable)
    signal = variable.split("_")[1]
    for endpoint in (f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        if os.environ.get(endpoint, "").strip():
            return named("otlp", f"{endpoint} is set and {variable} is not, which means 'otlp'", variable)
    return Asked((), variable)


def named(value: str, source: str, variable: str = TRACES_EXPORTER) -> Asked:
    """
    The exporters of a comma list, each once; ``none`` is none.

    Args:
        value: The list.

        source: Who asks, for messages.

        variable: The variable whose kind of list it is.

    Raises:
        ConfigurationError: If the protocol of OTLP is not known.
    """
    names = dict.fromkeys(name.strip() for name in value.split(","))
    wanted = [name for name in names if name and name.lower() != "none"]
    return Asked(tuple(_otlp(variable) if name == "otlp" else name for name in wanted), source)


def _otlp(variable: str) -> str:
    kind = variable.split("_")[1]
    for protocol_variable in (f"OTEL_EXPORTER_OTLP_{kind}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = os.environ.get(protocol_variable, "").strip()
        if protocol in _OTLP:
            return _OTLP[protocol]
        if protocol:
            msg = f"{protocol_variable}={protocol!r} is no protocol of OTLP here: expected {' or '.join(_OTLP)}"
            raise ConfigurationError(msg)
    group = f"opentelemetry_{kind.lower()}_exporter"
    return next((name for name in _OTLP.values() if entry_points(group=group, name=name)), _OTLP["http/protobuf"])


def load(group: str, name: str, source: str) -> Any:
    """
    What is installed under *name* in a *group* of entry points.

    Args:
        group: For example ``opentelemetry_traces_exporter``.

        name: The entry point.

        source: Who asks, for messages.

    Raises:
        ConfigurationError: If nothing has that name, or it cannot be imported.
    """
    found = next(iter(entry_points(group=group, name=name)), None)
    if found is None:
        installed = sorted({point.name for point in entry_points(group=group)})
        package = _PACKAGES.get(name)
        way_out = f"pip install {package}" if package else "correct the name, or install the package that has it"
        msg = (
            f"{source}: {name!r} is not installed; {group} has {', '.join(installed) or 'nothing'}. "
            f"Either {way_out}, or name another one, 'none' for nothing"
        )
        raise ConfigurationError(msg)
    try:
        return found.load()
    except Exception as error:
        msg = (
            f"{source}: {name!r} ({found.value}) cannot be imported: {error!r}. Install what it needs, or name another"
        )
        raise ConfigurationError(msg) from error


def prometheus_address() -> tuple[str, int]:
    """
    Host and port of ``OTEL_EXPORTER_PROMETHEUS_HOST`` and ``_PORT``.

    Raises:
        ConfigurationError: If the port is none.
    """
    host = os.environ.get("OTEL_EXPORTER_PROMETHEUS_HOST", "").strip() or DEFAULT_PROMETHEUS_HOST
    port = os.environ.get("OTEL_EXPORTER_PROMETHEUS_PORT", "").strip() or str(DEFAULT_PROMETHEUS_PORT)
    if not port.isdecimal() or int(port) > 65535:
        raise ConfigurationError(f"OTEL_EXPORTER_PROMETHEUS_PORT={port!r} is no port: expected a number up to 65535")
    return host, int(port)


@contextmanager
def refusals(what: str, *prefixes: str) -> Iterator[None]:
    """
    An exception inside, of the SDK or of an exporter, becomes a ConfigurationError that names the variables.

    Args:
        what: What is being made, for messages.

        prefixes: Beginnings of the variables that it reads.
    """
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:
        set_here = [_shown(name) for name in sorted(os.environ) if name.startswith(prefixes)]
        msg = f"{what} cannot be made: {error!r}. It reads {', '.join(set_here) or 'no variable that is set'}"
        raise ConfigurationError(f"{msg}; correct what the message is about") from error


def _shown(variable: str) -> str:
    return f"{variable} (not shown)" if variable.startswith(_SECRET) else f"{variable}={os.environ[variable]!r}"
