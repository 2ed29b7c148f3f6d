"""
Each test starts with nothing counted: what a process has once is emptied around it.
"""

from __future__ import annotations

from importlib.metadata import version

import pytest
from hypothesis import settings

from autonomous_dev import _state
from autonomous_dev.performance._guard import RAISE_FAILURES

# The same examples in every run: no unseeded randomness, no database, no clock.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """
    Forget what other tests counted.
    """
    _state._operations.clear()
    _state._caches.clear()
    _state._error_types.clear()
    _state._refused.clear()
    _state.budgets.clear()
    _state._sized_calls.clear()
    _state._dead.clear()


@pytest.fixture(autouse=True)
def failures_of_ours_are_raised(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Let no failure of ours go unseen: the guard raises what it swallows elsewhere, but in tests about such failures.
    """
    if request.node.get_closest_marker("our_failures") is None:
        monkeypatch.setenv(RAISE_FAILURES, "1")


def pytest_configure(config: pytest.Config) -> None:
    """
    Name the marker of tests in which something of ours, or below it, fails on purpose.
    """
    config.addinivalue_line("markers", "our_failures: failures of ours are swallowed, as in a program")


def pytest_report_header() -> str:
    """
    The versions that decide what a run says; `make test` and `make test-oldest` differ in them.
    """
    names = ("opentelemetry-sdk", "opentelemetry-exporter-prometheus", "prometheus-client", "numpy", "orjson", "click")
    return "with " + ", ".join(f"{name} {version(name)}" for name in names)
