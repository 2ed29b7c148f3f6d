"""
Grafana boards, built by ``grafana-foundation-sdk`` when this project is developed; users get the built JSON.

After a change here, in the project's folder: ``python -m autonomous_dev.publishing.dashboards``.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # The SDK recommends its newer schema as soon as it is imported; Grafana before 12 reads only the classic one.
    warnings.filterwarnings("ignore", message="Prefer using dashboardv2", category=DeprecationWarning)
    from autonomous_dev.publishing.dashboards._overview import UID, overview
    from autonomous_dev.publishing.dashboards._regenerate import BUNDLED, COPY, built, regenerate

__all__ = ["BUNDLED", "COPY", "UID", "built", "overview", "regenerate"]
