"""
Anomalies of a live series, row by row, in constant memory.
"""

from __future__ import annotations

from autonomous_dev.learning.stream._anomaly_stream import AnomalyStream

__all__ = ["AnomalyStream"]
