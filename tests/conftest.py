"""
Each test starts with nothing counted: what a process has once is emptied around it.
"""

from __future__ import annotations

from importlib.metadata import version

import pytest
from hypothesis import settings

from autonomous_dev import _state

# The same examples in every run: no unseeded randomness, no database, no clock.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """
    Forget the operations and caches that other tests counted.
    """
    _state._operations.clear()
    _state._caches.clear()
    _state._dead.clear()


def pytest_report_header() -> str:
    """
    The versions that decide what a run says; `make test` and `make test-oldest` differ in them.
    """
    names = ("opentelemetry-sdk", "opentelemetry-exporter-prometheus", "prometheus-client", "numpy", "orjson", "click")
    return "with " + ", ".join(f"{name} {version(name)}" for name in names)
