"""
Programs that some tests need: a missing one is skipped aloud, and fails under ``REQUIRE_REAL=1``.
"""

from __future__ import annotations

import os
import shutil
import socket

import pytest

PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "chromium": "chromium",
    "docker-compose": "docker-compose",
    "redis-server": "redis-server",
}
"""Debian's package of each program."""


def require(program: str) -> str:
    """
    Path of *program*; without it the test is skipped, or fails where REQUIRE_REAL=1.
    """
    path = shutil.which(program)
    if path is None:
        reason = f"{program} is not installed; get it with: apt-get install {PACKAGES[program]}"
        if os.environ.get("REQUIRE_REAL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_port() -> int:
    """
    A loopback port that nothing listens on at this moment.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
