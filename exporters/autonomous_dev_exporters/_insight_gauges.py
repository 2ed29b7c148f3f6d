"""
Insights as gauges: what is open now, how sure, since when. Evaluated by a thread, never inside a scrape.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from autonomous_dev import conventions
from autonomous_dev.errors import StorageError
from autonomous_dev.learning import LearningInsight, Severity, Status
from autonomous_dev.learning.detectors import Kind

_logger = logging.getLogger("autonomous_dev")

MAX_INSIGHTS: Final = 100
"""Insights with a confidence and a time of their own on the page: the most important ones."""

MAX_KINDS: Final = 100
"""Pairs of category and severity that are counted apart."""

OTHER_CATEGORY: Final = "_other"


class InsightSource(Protocol):
    """
    What is asked for insights: a MetricsTracker, or anything that answers alike.
    """

    def generate_insights(self) -> Sequence[LearningInsight]:
        """
        The insights of now, the most important first.
        """
        ...

    def sample_count(self) -> int:
        """
        A number that grows with every new sample.
        """
        ...

    def flush_instruments(self) -> None:
        """
        Make samples of what profilers and caches measured since the last time.
        """
        ...


class InsightBoard:
    """
    The newest insights of one source, and how often it failed to give them.

    Attributes:
        failures: Evaluations that raised.

        insights: What the newest evaluation that succeeded found and that is open, the most important first.

        judged: Whether one has succeeded.
    """

    def __init__(self, source: InsightSource) -> None:
        self.failures = 0
        self.judged = False
        self.insights: tuple[LearningInsight, ...] = ()
        self._source = source
        self._samples = -1

    def refresh(self) -> None:
        """
        Evaluate, where samples came since the last time. When that fails, what was found before stays.
        """
        try:
            with contextlib.suppress(StorageError):  # what is stored already can be judged with a full disk too
                self._source.flush_instruments()
            # Counted before it is judged: a sample that comes meanwhile is judged the next time.
            count = self._source.sample_count()
            if count != self._samples:
                self.insights = tuple(filter(_is_open, self._source.generate_insights()))
                self._samples = count
                self.judged = True
        except Exception:
            self.failures += 1
            if self.failures == 1:
                _logger.warning("insights could not be evaluated; the page keeps the last ones", exc_info=True)


class InsightGauges:
    """
    The instruments of one meter that show boards; a board comes and goes, the instruments stay.
    """

    def __init__(self, meter: Meter) -> None:
        self._boards: tuple[InsightBoard, ...] = ()
        self._failures_before = 0
        self._kinds: dict[tuple[str, str], None] = {}
        meter.create_observable_gauge(
            conventions.INSIGHTS, callbacks=[self._open], unit="{insight}", description="Insights that are open now."
        )
        meter.create_observable_gauge(
            conventions.INSIGHT_CONFIDENCE,
            callbacks=[self._confidence],
            unit="1",
            description="Probability that the insight is real and lasting.",
        )
        meter.create_observable_gauge(
            conventions.INSIGHT_SINCE,
            callbacks=[self._since],
            unit="s",
            description="When what the insight is about began, as Unix time.",
        )
        meter.create_observable_counter(
            conventions.INSIGHT_FAILURES,
            callbacks=[self._failures],
            unit="{failure}",
            description="Evaluations of the insight engine that failed.",
        )

    def show(self, board: InsightBoard) -> None:
        """
        Show *board* from now on.
        """
        self._boards = (*self._boards, board)

    def hide(self, board: InsightBoard) -> None:
        """
        Show *board* no more; the failures that it counted stay counted.
        """
        if board in self._boards:
            self._failures_before += board.failures
            self._boards = tuple(other for other in self._boards if other is not board)

    def forget(self) -> None:
        """
        Show no board.
        """
        self._boards = ()

    def _open(self, _: CallbackOptions) -> Iterator[Observation]:
        counts: Counter[tuple[str, str]] = Counter()
        for insight in (insight for board in self._boards for insight in board.insights):
            counts[self._kind(insight)] += 1
        if self._boards:
            # What was open once is 0 when it is over, not gone.
            for kind in list(self._kinds):
                attributes = {conventions.INSIGHT_CATEGORY: kind[0], conventions.INSIGHT_SEVERITY: kind[1]}
                yield Observation(counts[kind], attributes)
        if any(board.judged for board in self._boards):
            # 0 says that there was a look and nothing was found; no series, that nobody has looked.
            for severity in {*Severity} - {severity for _, severity in self._kinds}:
                yield Observation(0, {conventions.INSIGHT_SEVERITY: severity.value})

    def _kind(self, insight: LearningInsight) -> tuple[str, str]:
        kind = (insight.category, insight.severity.value)
        if kind not in self._kinds and len(self._kinds) >= MAX_KINDS:
            kind = (OTHER_CATEGORY, insight.severity.value)
        self._kinds.setdefault(kind)
        return kind

    def _confidence(self, _: CallbackOptions) -> Iterator[Observation]:
        for insight in self._shown():
            yield Observation(insight.confidence, _attributes(insight))

    def _since(self, _: CallbackOptions) -> Iterator[Observation]:
        for insight in self._shown():
            if insight.evidence is not None:
                yield Observation(insight.evidence.since.time, _attributes(insight))

    def _shown(self) -> list[LearningInsight]:
        everything = [insight for board in self._boards for insight in board.insights]
        return everything[:MAX_INSIGHTS]

    def _failures(self, _: CallbackOptions) -> Iterator[Observation]:
        if self._boards or self._failures_before:
            yield Observation(self._failures_before + sum(board.failures for board in self._boards))


def _is_open(insight: LearningInsight) -> bool:
    """
    Whether it counts: not what is over, nor what may be gone with the next run.
    """
    return insight.status is not Status.RESOLVED and insight.kind != Kind.UNCONFIRMED


def _attributes(insight: LearningInsight) -> dict[str, str]:
    attributes = {
        conventions.METRIC_NAME: insight.evidence.metric if insight.evidence is not None else "",
        conventions.INSIGHT_ID: insight.id,
        conventions.INSIGHT_CATEGORY: insight.category,
        conventions.INSIGHT_SEVERITY: insight.severity.value,
    }
    # What our own instruments measured has one name for all operations, or caches.
    identity = insight.evidence.identity if insight.evidence is not None else {}
    return attributes | {
        key: str(identity[key]) for key in (conventions.OPERATION, conventions.CACHE) if key in identity
    }
