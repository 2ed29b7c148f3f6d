"""
Who records: one process, or one iteration of it.
"""

from __future__ import annotations

import os
import uuid

from autonomous_dev import _state
from autonomous_dev.conventions import RUN_ID, SERVICE_NAME
from autonomous_dev.recording._otlp import resource_json
from autonomous_dev.series import NO_ATTRIBUTES, Attributes


class Run:
    """
    The samples of one run say so by the resource at the head of each of their lines.

    Attributes:
        context: The run's id, as context of a sample.

        attributes: The resource: the run, and the service where ``OTEL_SERVICE_NAME`` names it.

        resource: The head of a line.
    """

    __slots__ = ("attributes", "context", "resource")

    def __init__(self) -> None:
        service = os.environ.get("OTEL_SERVICE_NAME", "")
        self.context: Attributes = ((RUN_ID, uuid.uuid4().hex[:16]),)
        self.attributes: Attributes = (*(((SERVICE_NAME, service),) if service else NO_ATTRIBUTES), *self.context)
        self.resource = resource_json(self.attributes)


def process_run() -> Run:
    """
    The run of everything in this process that belongs to no iteration; a forked child has its own.
    """
    if not _state.process_run:
        _state.process_run.append(Run())
    run: Run = _state.process_run[0]
    return run


class ContextInRun:
    """
    The context of a sample, with the run in it: made once for all samples of one run.
    """

    __slots__ = ("_context", "_joined", "_run")

    def __init__(self, context: Attributes) -> None:
        self._context = context
        self._run: Attributes | None = None
        self._joined = context

    def of(self, run: Attributes) -> Attributes:
        """
        The context within *run*, in the order of keys.
        """
        if self._run is not run:
            self._joined, self._run = tuple(sorted((*self._context, *run))), run
        return self._joined
