"""
``MetricsTracker``: records development metrics and tells what they mean.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, TypedDict

import numpy as np
from opentelemetry import metrics
from opentelemetry.metrics import MeterProvider

from autonomous_dev import _state
from autonomous_dev.conventions import EVENT_ANNOUNCED, EVENT_VERDICT, INSIGHT_ID, OWN_PREFIX
from autonomous_dev.errors import ConfigurationError, InvalidTypeError, InvalidValueError, StorageError
from autonomous_dev.learning._alone import alone
from autonomous_dev.learning._engine import DEFAULT_ADVISERS, Judgement, judge
from autonomous_dev.learning._insight import LearningInsight
from autonomous_dev.learning._judged import judged_samples
from autonomous_dev.learning._looking import Progress
from autonomous_dev.learning._matching import with_members
from autonomous_dev.learning._memory import Memory, RememberedEvents
from autonomous_dev.learning._metric import Metric, metrics_of
from autonomous_dev.learning._policy_checks import oversized_caches
from autonomous_dev.learning._rules import Rule, checked_rules
from autonomous_dev.learning._status import SeriesStatus
from autonomous_dev.learning._verdicts import find_insight, verdict_lines, verdict_of
from autonomous_dev.learning.detectors import robust_slope
from autonomous_dev.policy import Policy
from autonomous_dev.recording import (
    Event,
    Recorder,
    Run,
    SeriesMetricReader,
    Split,
    Totals,
    attach_reader,
    refused_names,
    unix_nano,
)
from autonomous_dev.series import Series, attributes_of

_logger = logging.getLogger("autonomous_dev")

DEFAULT_WINDOW: Final = 10
"""Newest samples that a trend is taken of."""


class TrendAnalysis(TypedDict):
    """
    What ``analyze_trends`` says of the newest samples; NaN where there are too few.
    """

    mean: float
    median: float
    stdev: float
    count: int
    trend_direction: float
    trend_interval: tuple[float, float]


class MetricsTracker:
    """
    Records samples of development metrics, keeps every one, and finds what got worse.

    A value set on any gauge of the program's OpenTelemetry provider is in ``get_metrics`` too, counters come as
    rates, histograms as count, mean and quantiles; what is recorded here is seen by every other reader of the
    provider. Without a provider the file alone gives the same answers.

    Args:
        storage_path: The journal: an append-only file that many processes may share; made if it is not there.
            None keeps the newest 100,000 samples of a series, 1,000,000 in all, in memory.

        policy: Thresholds, polarity, branches: a Policy, or the path of its YAML file. The working folder is not
            searched for one.

        meter_provider: The OpenTelemetry provider to join; None for the global one, whenever it is set.

        reader: The reader that stands in the provider already; None finds or adds one.

        identity: Metadata keys that tell series apart; all others are context. None leaves that to the rules.

        durable: Whether ``record_metric`` waits for the disk, so that a sample survives a power cut too.

        read_only: Whether the file is only read: it must be there, and nothing is made, recorded or flushed.

        rules: Custom rules: functions of the judged series and the policy that give further insights.

        executor: Where series are looked at: any of concurrent.futures; None for here.

        clock: Unix nanoseconds.

    Raises:
        InvalidTypeError: If a rule is no function.

        StorageError: If the file cannot be opened for appending; read-only, if it is missing.

        NotAJournalError: If it holds something else; it is left alone.

        PolicyError: If the policy's file cannot be read.
    """

    def __init__(
        self,
        storage_path: str | Path | None = None,
        *,
        policy: Policy | str | Path | None = None,
        meter_provider: MeterProvider | None = None,
        reader: SeriesMetricReader | None = None,
        identity: Sequence[str] | None = None,
        durable: bool = False,
        read_only: bool = False,
        rules: Sequence[Rule] = (),
        executor: Executor | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._policy = _policy_of(policy)
        self._meter_provider = meter_provider
        self._given_reader = reader
        self._rules = checked_rules(rules)
        self._executor = executor
        self._clock = clock
        self._newest: Judgement | None = None
        self._said_before_newest = 0
        self._memory = RememberedEvents()
        by_metric = {n: m.identity for n, m in self._policy.metrics.items() if m.identity is not None}
        self._recorder = Recorder(
            _path_of(storage_path),
            read_only=read_only,
            split=Split(_identity_of(identity), by_metric),
            durable=durable,
            meter_provider=meter_provider,
            clock=clock,
        )
        self._reader()

    @property
    def policy(self) -> Policy:
        """
        The policy that samples are judged by.
        """
        return self._policy

    @property
    def storage_path(self) -> Path | None:
        """
        The journal; None where samples are in memory.
        """
        return self._recorder.path

    @property
    def damaged_lines(self) -> int:
        """
        Lines of the journal that could not be read, as of the last look at it.
        """
        return self._recorder.damaged_lines

    @property
    def dropped_series(self) -> int:
        """
        Series beyond the bound of what is held, as of the last look: neither shown nor judged. A file has them.
        """
        return self._recorder.dropped_series

    def record_metric(
        self,
        metric_name: str,
        value: float,
        metadata: Mapping[str, Any] | None = None,
        *,
        unit: str | None = None,
        timestamp: float | datetime | None = None,
    ) -> None:
        """
        Record one sample; returning means that it is stored and survives the death of this process.

        Args:
            metric_name: 1 to 255 characters without control characters: ``test_duration``.

            value: A finite number, in *unit*.

            metadata: What is known of the sample: at most 64 keys, strings, numbers, bools or lists of those.
                ``suite`` and the like tell series apart; ``commit`` and the like say which change it was.

            unit: UCUM unit, such as ``s``, ``By``, ``%``; one for good for each metric.

            timestamp: Unix seconds or a datetime with a time zone; None for now.

        Raises:
            InvalidNameError, InvalidTypeError, InvalidValueError: If an argument cannot be recorded.

            StorageError: If the sample could not be stored.
        """
        self._recorder.record(metric_name, value, metadata, unit, timestamp)

    def record_run(self, values: Mapping[str, float], metadata: Mapping[str, Any] | None = None) -> None:
        """
        Record one sample for each of several metrics, as one run.

        Args:
            values: By metric name.

            metadata: As for ``record_metric``, for all of them.

        Raises:
            InvalidTypeError: If *values* is no mapping; else as ``record_metric``, before anything is recorded.

            StorageError: If a sample could not be stored.
        """
        if not isinstance(values, Mapping):
            raise InvalidTypeError(f"metrics is {values!r}: expected a mapping such as {{'test_duration': 15.2}}")
        for name, value in values.items():
            self._recorder.check(name, value, metadata)
        run = Run()
        for name, value in values.items():
            self._recorder.record(name, value, metadata, None, None, run)
        self._recorder.flush_instruments(self._recorder.context_of(metadata), run)

    def get_metrics(
        self,
        name: str | None = None,
        *,
        attributes: Mapping[str, Any] | None = None,
        since: float | datetime | None = None,
        until: float | datetime | None = None,
    ) -> list[Metric]:
        """
        The recorded samples, oldest first.

        Args:
            name: Of the metric; None for all.

            attributes: Only samples whose metadata has all of these.

            since: Only samples at or after this time: Unix seconds or a datetime with a time zone.

            until: Only samples before this time.

        Raises:
            InvalidTypeError: If *name* is no string, *attributes* no mapping or a time no time.

            InvalidValueError: If a time is out of range.
        """
        first = None if since is None else unix_nano(since, "since")
        last = None if until is None else unix_nano(until, "until")

        def reach(series: Series) -> tuple[int, int]:
            low = 0 if first is None else int(np.searchsorted(series.times, first, "left"))
            return low, len(series) if last is None else int(np.searchsorted(series.times, last, "left"))

        return self._samples(name, attributes, reach)

    def analyze_trends(
        self, name: str, window_size: int = DEFAULT_WINDOW, *, attributes: Mapping[str, Any] | None = None
    ) -> TrendAnalysis:
        """
        Level, spread and slope of the newest samples of a metric.

        Args:
            name: Of the metric.

            window_size: How many of the newest samples; at least 1.

            attributes: Only samples whose metadata has all of these.

        Returns:
            ``mean``, ``median``, ``stdev`` (of a sample, n - 1), ``count``, ``trend_direction`` (robust slope in the
            metric's unit per sample, positive = increasing) and ``trend_interval`` (95%). Without samples ``count``
            is 0; what too few samples cannot say is NaN.

        Raises:
            InvalidValueError: If *window_size* is not a whole number of at least 1.
        """
        if isinstance(window_size, bool) or not isinstance(window_size, int) or window_size < 1:
            raise InvalidValueError(
                f"window_size is {window_size!r}: expected a whole number of at least 1, such as 10"
            )

        def reach(series: Series) -> tuple[int, int]:
            # What is filtered may need all; else the newest of each series hold the newest of all.
            return 0 if attributes else max(len(series) - window_size, 0), len(series)

        newest = self._samples(name, attributes, reach)[-window_size:]
        values = np.array([metric.value for metric in newest])
        nan = float("nan")
        slope = robust_slope(values) if len(values) > 1 else None
        return {
            "mean": float(np.mean(values)) if len(values) else nan,
            "median": float(np.median(values)) if len(values) else nan,
            "stdev": float(np.std(values, ddof=1)) if len(values) > 1 else nan,
            "count": len(values),
            "trend_direction": slope.slope if slope else nan,
            "trend_interval": (slope.low, slope.high) if slope else (nan, nan),
        }

    def generate_insights(self) -> list[LearningInsight]:
        """
        What the recorded series say: what got worse or better, since when, and how sure that is.

        The most important first. An empty list means that nothing was found among what was judged: ``status``
        says what that was. It takes no argument, so that a subclass may override it as it stands: ``judgement`` takes
        an executor, a progress callback and the order of commits.

        Raises:
            InvalidTypeError, InvalidValueError: As for ``judgement``.
        """
        return list(self.judgement().insights)

    def judgement(
        self,
        *,
        commits: Sequence[str] = (),
        executor: Executor | None = None,
        progress: Progress | None = None,
    ) -> Judgement:
        """
        Insights and the state of every series, from one look.

        Args:
            commits: Ids in the order of the code, oldest first: those that nobody measured count among the suspects.

            executor: Where series are looked at; None for the tracker's own.

            progress: Called with the number of series that are done and of all.

        Raises:
            InvalidTypeError: If *executor* is none, *commits* are no list of strings, or a rule gives no insights.

            InvalidValueError: If *commits* hold one twice, or the processes of *executor* ended.
        """
        self._flush_quietly()
        capacities = {} if self._recorder.read_only else {n: t.capacity for n, t in _state.caches().items()}

        def too_large(series: Sequence[Series], policy: Policy) -> tuple[LearningInsight, ...]:
            del series
            return oversized_caches(capacities, policy)

        series = self.series()
        said, memory = self._remembered()
        self._newest = judge(
            series,
            self._policy,
            now=self._clock() / 1e9,
            advisers=(*DEFAULT_ADVISERS, too_large),
            rules=self._rules,
            commits=commits,
            memory=memory,
            executor=executor or self._executor,
            progress=progress,
        )
        self._said_before_newest = said
        return self._newest

    @property
    def newest_judgement(self) -> Judgement | None:
        """
        What the newest look of this tracker found; None before the first.
        """
        return self._newest

    def memory(self) -> Memory:
        """
        What was announced and what people said of it, from the journal or, without one, of this process.
        """
        return self._remembered()[1]

    def _remembered(self) -> tuple[int, Memory]:
        """
        How many announcements there are, and what is known with them.
        """
        announced = self.events(EVENT_ANNOUNCED)
        return len(announced), self._memory.of(announced, self.events(EVENT_VERDICT))

    def announce(self, judgement: Judgement | None = None) -> list[LearningInsight]:
        """
        What is to be said now: what is new, has become worse, or is over since it was said. It is said once.

        The journal keeps what was said, so whoever shares it says nothing twice. What is unconfirmed, or beyond the
        policy's budget of false discoveries, is left out: ``generate_insights`` has it. What another process announced
        since the judgement was made is left out too: of two that announce at one moment one says it.

        Args:
            judgement: Of this tracker; None makes one.

        Raises:
            StorageError: If it could not be stored, as with a file that is only read.

            InvalidTypeError, InvalidValueError: As for ``judgement``.
        """
        found = self.judgement() if judgement is None else judgement
        said = [insight for insight in found.insights if insight.id in found.announced]
        if not said:
            return said
        names = {insight.evidence.metric for insight in with_members(said) if insight.evidence is not None}
        judged = [judged_samples(one, self._policy) for one in self.series() if one.key.name in names]
        with alone(self.storage_path):
            if found is self._newest:
                since = self.events(EVENT_ANNOUNCED)[self._said_before_newest :]
                told = {event.attributes.get(INSIGHT_ID) for event in since}
                said = [insight for insight in said if insight.id not in told]
            for line in self.memory().announcements(said, found.announced, judged):
                self.add_event(EVENT_ANNOUNCED, line)
        return said

    def resolve(
        self, insight: LearningInsight | str, *, accept: bool = False, known: str = "", reject: bool = False
    ) -> LearningInsight:
        """
        Say what an insight is; the journal keeps it for all who share it. Exactly one of the three is given.

        Args:
            insight: From ``generate_insights``, or its id.

            accept: It is real, and the new normal: it is told no more. A later, larger change of its series is.

            known: It is real, and somebody is on it: a link to where. It is told with the link, and not announced.

            reject: It is not real: it is told no more, and insights of its kind for its metric become less sure.

        Returns:
            The insight that this was about.

        Raises:
            InvalidTypeError: If an argument has the wrong type.

            InvalidValueError: If not exactly one verdict is given, *known* is no link, or nothing has this id.

            StorageError: If it could not be stored.
        """
        verdict, link = verdict_of(accept=accept, known=known, reject=reject)
        memory = self.memory()
        if isinstance(insight, LearningInsight) and insight.id:
            about = insight
        else:
            given = insight.id if isinstance(insight, LearningInsight) else insight
            about = find_insight(given, self.judgement().insights, memory.remembered())
        for line in verdict_lines(about, verdict, link, memory.shift):
            self.add_event(EVENT_VERDICT, line)
        return about

    def status(self) -> tuple[SeriesStatus, ...]:
        """
        For each series whether it was judged, needs more data, or is stale; ``str()`` of each says it in words.
        """
        return self.judgement().statuses

    def series(self, name: str | None = None) -> Sequence[Series]:
        """
        The recorded series, all or those of metric *name*, with what the provider's instruments report now.
        """
        reader = self._reader()
        recorded = self._recorder.series(name)
        if reader is None:
            return recorded
        reader.collect_quietly()
        return [*recorded, *reader.store.series(name)]

    def sample_count(self) -> int:
        """
        Samples seen since this tracker was made; grows with each new one, those of other instruments included.
        """
        reader = self._reader()
        if reader is None:
            return self._recorder.sample_count()
        reader.collect_quietly()
        return self._recorder.sample_count() + reader.store.appended

    def flush_instruments(self) -> None:
        """
        Store what profilers and caches measured since the last flush.

        Raises:
            StorageError: If it could not be stored; the next flush tries again.
        """
        self._recorder.flush_instruments()

    def recorded_totals(self) -> Totals:
        """
        Sums of what profilers and caches measured, over the whole journal.
        """
        return self._recorder.totals()

    def unexported(self) -> dict[tuple[str, str], tuple[str, str]]:
        """
        Metrics (name, unit) that are recorded but not exported, each with the metric whose name it met there.

        What profilers and caches measured is exported by their own instruments, and so never among them.
        """
        keys = (series.key for series in self._recorder.series())
        return refused_names(key for key in keys if not key.name.startswith(OWN_PREFIX))

    def events(self, name: str) -> list[Event]:
        """
        What the journal holds beside samples under this event name, oldest first.
        """
        return self._recorder.events(name)

    def add_event(self, name: str, attributes: Mapping[str, Any]) -> None:
        """
        Store something that is no sample.

        Raises:
            StorageError: If it could not be stored.
        """
        self._recorder.add_event(name, attributes_of(attributes))

    def _samples(
        self, name: str | None, attributes: Mapping[str, Any] | None, reach: Callable[[Series], tuple[int, int]]
    ) -> list[Metric]:
        """
        The samples of each series between the places that *reach* names, oldest first over all.
        """
        if name is not None and not isinstance(name, str):
            raise InvalidTypeError(f"name is {name!r}: expected the name of a metric, such as 'test_duration'")
        if attributes is not None and not isinstance(attributes, Mapping):
            raise InvalidTypeError(f"attributes is {attributes!r}: expected a mapping such as {{'suite': 'unit'}}")
        found = [metric for series in self.series(name) for metric in metrics_of(series, *reach(series))]
        if attributes:
            found = [metric for metric in found if _has(metric.metadata, attributes)]
        return sorted(found, key=attrgetter("timestamp"))

    def _flush_quietly(self) -> None:
        # What is stored already can be judged though nothing more can be stored.
        try:
            self._recorder.flush_instruments()
        except StorageError:
            _logger.warning("what profilers and caches measured could not be stored", exc_info=True)

    def _reader(self) -> SeriesMetricReader | None:
        if self._recorder.read_only:
            return None
        if self._given_reader is not None:
            return self._given_reader
        try:
            return attach_reader(self._meter_provider or metrics.get_meter_provider())
        except ConfigurationError as error:
            # An SDK before 1.43 takes no reader later: the program's other instruments stay unseen.
            _state.log_once(_logger, str(error))
            return None


def _policy_of(policy: Policy | str | Path | None) -> Policy:
    if policy is None:
        return Policy()
    return policy if isinstance(policy, Policy) else Policy.load(policy)


def _path_of(storage_path: object) -> Path | None:
    if storage_path is None:
        return None
    if not isinstance(storage_path, str | os.PathLike) or not str(storage_path):
        raise InvalidTypeError(f"storage_path is {storage_path!r}: expected a path such as 'metrics.json'")
    path = Path(storage_path)
    if "\0" in str(path):
        raise InvalidValueError(
            f"storage_path is {str(path)!r}: a path holds no NUL; expected one such as 'metrics.json'"
        )
    return path


def _identity_of(identity: object) -> list[str] | None:
    if identity is None:
        return None
    if isinstance(identity, str) or not isinstance(identity, Sequence):
        raise InvalidTypeError(f"identity is {identity!r}: expected a list of metadata keys such as ['suite']")
    return [str(key) for key in identity]


def _has(metadata: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(key in metadata and metadata[key] == value for key, value in wanted.items())
