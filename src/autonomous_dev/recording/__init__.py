"""
Record: the journal, the metric reader, and the split of metadata into identity and context.
"""

from __future__ import annotations

from autonomous_dev.recording._arguments import unix_nano
from autonomous_dev.recording._decoder import Event, Totals
from autonomous_dev.recording._gauges import RecordedGauges, refused_names
from autonomous_dev.recording._reader import SeriesMetricReader, attach_reader, attached_reader
from autonomous_dev.recording._recorder import Recorder
from autonomous_dev.recording._run import Run
from autonomous_dev.recording._split import Role, Split
from autonomous_dev.recording._store import MAX_DROPPED

__all__ = [
    "MAX_DROPPED",
    "Event",
    "RecordedGauges",
    "Recorder",
    "Role",
    "Run",
    "SeriesMetricReader",
    "Split",
    "Totals",
    "attach_reader",
    "attached_reader",
    "refused_names",
    "unix_nano",
]
