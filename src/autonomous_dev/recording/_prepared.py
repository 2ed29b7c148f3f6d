"""
What is the same for every sample of one name, unit and metadata, made once.
"""

from __future__ import annotations

from autonomous_dev.recording._gauge_line import GaugeTemplate
from autonomous_dev.recording._gauges import Cell
from autonomous_dev.recording._run import ContextInRun
from autonomous_dev.series import Attributes, SeriesKey


class Prepared:
    """
    Series, context and text of one combination.

    Attributes:
        key: The series.

        context: Its context, to be put into a run.

        cell: Where the newest value is published; None where it is not.

        template: The text of its lines.
    """

    __slots__ = ("cell", "context", "key", "template")

    def __init__(self, key: SeriesKey, context: Attributes, cell: Cell | None) -> None:
        self.key = key
        self.context = ContextInRun(context)
        self.cell = cell
        self.template = GaugeTemplate(key, context)
