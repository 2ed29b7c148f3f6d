"""
Where series come from: a file, a live process, a server. The engine knows only this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from autonomous_dev.series import Series


class SeriesSource(Protocol):
    """
    Anything that can hand over recorded series.
    """

    def series(self, name: str | None = None) -> Sequence[Series]:
        """
        The recorded series, all or those of metric *name*, in a stable order.
        """
        ...
