"""
Each test starts with nothing counted: what a process has once is emptied around it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autonomous_dev import _state


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """
    Forget the operations and caches that other tests counted.
    """
    _state._operations.clear()
    _state._caches.clear()
    _state._dead.clear()
    yield
