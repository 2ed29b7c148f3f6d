"""
Replay: what would have been announced after each of the last runs, had the engine been asked then.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from autonomous_dev.conventions import EVENT_ANNOUNCED
from autonomous_dev.errors import InvalidValueError
from autonomous_dev.learning._engine import DEFAULT_DETECTORS, ONLY_ADVISED, Judgement
from autonomous_dev.learning._engine import judge as usual_judge
from autonomous_dev.learning._gone import Became, gone
from autonomous_dev.learning._history import RecordedRun, recorded_runs
from autonomous_dev.learning._insight import LearningInsight, Status
from autonomous_dev.learning._judged import judged_samples
from autonomous_dev.learning._looking import Progress, look
from autonomous_dev.learning._memory import Memory
from autonomous_dev.learning.detectors import Detector, Finding, Outline
from autonomous_dev.policy import Policy
from autonomous_dev.recording import Event
from autonomous_dev.series import Series, SeriesKey

_TIMES: Final = {1: "once", 2: "twice"}


class Judge(Protocol):
    """
    What judges series: ``judge``, or something in front of it.
    """

    def __call__(
        self, series: Sequence[Series], policy: Policy, /, *, now: float, detectors: Sequence[Detector], memory: Memory
    ) -> Judgement:
        """
        What *series* say at Unix second *now*.
        """
        ...


@dataclass(frozen=True, slots=True)
class ReplayedRun:
    """
    What would have been said after one run.

    Attributes:
        name: Run id, commit, or time.

        time: Unix seconds of its last sample.

        announced: New or worse, as it would have been said then.

        resolved: Told to be over, or withdrawn.
    """

    name: str
    time: float
    announced: tuple[LearningInsight, ...]
    resolved: tuple[LearningInsight, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """
    One announcement, with what became of it.

    Attributes:
        insight: As it would have been said then.

        run: Place of the run after which it would have been said, among those that were walked over.

        late: How many runs after the one in which it began, where that is placed with all that is known now.

        withdrawn: Whether it would have been withdrawn: the series did not change back, and it is believed no more.
    """

    insight: LearningInsight
    run: int
    late: int
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """
    What would have been said over the last runs.

    Attributes:
        runs: Those that were walked over, oldest first.

        announcements: In the order in which they would have been made.
    """

    runs: tuple[ReplayedRun, ...]
    announcements: tuple[Replayed, ...]

    @property
    def spoken(self) -> int:
        """
        In how many runs something new or worse would have been announced.
        """
        return sum(bool(run.announced) for run in self.runs)

    @property
    def withdrawn(self) -> int:
        """
        How many announcements would have been withdrawn.
        """
        return sum(one.withdrawn for one in self.announcements)

    @property
    def summary(self) -> str:
        """
        One sentence: ``on your last 60 runs this would have spoken twice (…)``.
        """
        count = len(self.runs)
        if not count:
            return "no run is recorded yet: there is nothing to replay"
        runs = "run" if count == 1 else f"{count} runs"
        if not self.announcements:
            return f"on your last {runs} this would never have spoken"
        times = _TIMES.get(self.spoken, f"{self.spoken} times")
        said = f"on your last {runs} this would have spoken {times}"
        insights = len(self.announcements)
        late = statistics.median(one.late for one in self.announcements)
        return (
            f"{said} ({insights} {'insight' if insights == 1 else 'insights'}, {_runs(late)} after they began in the "
            f"median, {self.withdrawn} withdrawn later)"
        )

    def to_dict(self) -> dict[str, Any]:
        """
        The replay as JSON types.
        """
        return {
            "summary": self.summary,
            "runs": [{"name": run.name, "time": run.time} for run in self.runs],
            "announcements": [
                {
                    "run": self.runs[one.run].name,
                    "late": one.late,
                    "withdrawn": one.withdrawn,
                    "insight": one.insight.to_dict(),
                }
                for one in self.announcements
            ],
            "resolved": [
                {"run": run.name, "insight": insight.to_dict()} for run in self.runs for insight in run.resolved
            ],
        }


def _runs(count: float) -> str:
    return f"{count:g} {'run' if count == 1 else 'runs'}"


def replay(
    series: Sequence[Series],
    policy: Policy,
    *,
    runs: int,
    judge: Judge = usual_judge,
    detectors: Sequence[Detector] = DEFAULT_DETECTORS,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Replay:
    """
    Walk over the newest *runs* of a history and judge after each what was known then, with a memory carried along.

    What stood before the first of them is taken for announced. A series is looked at again only after a run that
    brought it a sample. What people said of insights is not asked: it was said by people who knew what came after.

    Args:
        series: The recorded series, with all their samples.

        policy: As it is now.

        runs: How many of the newest runs; at least 1.

        judge: Is asked after each run.

        detectors: What looks at each series.

        executor: Where they look: any of concurrent.futures; None for here. The replay is the same.

        progress: Called with the number of runs that are done, and of all.

    Raises:
        InvalidTypeError: If *executor* is none, or a detector cannot be sent to it.

        InvalidValueError: If *runs* is not a whole number of at least 1, or the processes of *executor* ended.
    """
    if isinstance(runs, bool) or not isinstance(runs, int) or runs < 1:
        raise InvalidValueError(f"runs is {runs!r}: expected a whole number of at least 1, such as 60")
    found = recorded_runs(series)
    walk = _Walk(series, policy, judge, _Looks(policy, tuple(detectors), executor))
    first = max(len(found) - runs, 0)
    if first:
        walk.after(found[first - 1])
    told: list[ReplayedRun] = []
    for done, run in enumerate(found[first:]):
        if progress is not None:
            progress(done, len(found) - first)
        told.append(walk.after(run))
    if progress is not None:
        progress(len(told), len(told))
    return Replay(tuple(told), tuple(walk.announcements(told, found, first)))


@dataclass(slots=True)
class _Looks:
    """
    What detectors found in the prefixes of a history, each looked at once.
    """

    policy: Policy
    detectors: tuple[Detector, ...]
    executor: Executor | None
    asked: dict[SeriesKey, Series] = field(default_factory=dict)
    judged: dict[SeriesKey, Series] = field(default_factory=dict)
    found: dict[SeriesKey, tuple[Finding, ...]] = field(default_factory=dict)

    def at(self, prefixes: Sequence[Series]) -> dict[SeriesKey, Series]:
        """
        The judged samples of *prefixes*, all of which have been looked at then; what is no other than before was.
        """
        newer = [one for one in prefixes if self.asked.get(one.key) is not one]
        self.asked.update((one.key, one) for one in newer)
        judged = [judged_samples(one, self.policy) for one in newer]
        self.judged.update((one.key, one) for one in judged)
        asked = [one for one in judged if one.key.name not in ONLY_ADVISED]
        found = look(asked, self.policy, self.detectors, self.executor)
        self.found.update(zip((one.key for one in asked), found, strict=True))
        return self.judged

    def remembered(self, outline: Outline, policy: Policy, /) -> tuple[Finding, ...]:
        """
        A detector that gives what was found.
        """
        del policy
        return self.found.get(outline.series.key, ())


@dataclass(slots=True)
class _Walk:
    """
    The state of a walk: what was announced so far, and where each announced change is placed by what is known since.
    """

    series: Sequence[Series]
    policy: Policy
    judge: Judge
    looks: _Looks
    events: list[Event] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    placed: dict[str, float] = field(default_factory=dict)
    withdrawn: set[tuple[str, float]] = field(default_factory=set)
    known: dict[SeriesKey, Series] = field(default_factory=dict)

    def after(self, run: RecordedRun) -> ReplayedRun:
        """
        What would have been said after *run*, which is then announced.
        """
        now = run.end / 1e9
        prefixes = self._prefixes(run.end)
        places = self.looks.at(prefixes)
        found = self.judge(prefixes, self.policy, now=now, detectors=[self.looks.remembered], memory=self.memory)
        said = [insight for insight in found.insights if insight.id in found.announced]
        over = [insight for insight in said if insight.status is Status.RESOLVED]
        for insight in over:
            about = self.memory.told[insight.id].said
            if about.key is not None and gone(about, places.get(about.key), ()).became is Became.WITHDRAWN:
                self.withdrawn.add((insight.id, now))
        for insight in found.insights:
            if insight.id and insight.evidence is not None and insight.status is not Status.RESOLVED:
                self.placed[insight.id] = insight.evidence.since.time
        if said:
            for line in self.memory.announcements(said, found.announced, list(places.values())):
                self.events.append(Event(EVENT_ANNOUNCED, run.end, line))
            self.memory = Memory.of(self.events, ())
        news = tuple(insight for insight in said if insight.status is not Status.RESOLVED)
        return ReplayedRun(run.name, now, news, tuple(over))

    def announcements(self, told: Sequence[ReplayedRun], runs: Sequence[RecordedRun], first: int) -> list[Replayed]:
        """
        Each announcement with what became of it.

        Args:
            told: The runs that were walked over.

            runs: All runs.

            first: Place of the first of *told* among *runs*.
        """
        ends = [run.end for run in runs]
        found = []
        for place, run in enumerate(told):
            for insight in run.announced:
                began = self.placed.get(insight.id, run.time)
                # Seconds as floats lose what is below a microsecond.
                late = first + place - bisect_left(ends, round(began * 1e9) - 1000)
                withdrawn = any(one == insight.id and at > run.time for one, at in self.withdrawn)
                found.append(Replayed(insight, place, max(late, 0), withdrawn))
        return found

    def _prefixes(self, end: int) -> list[Series]:
        """
        What was known at *end*, Unix nanoseconds; the same object for a series that got no sample since.
        """
        found = []
        for one in self.series:
            count = int(np.searchsorted(one.times, end, "right"))
            known = self.known.get(one.key)
            if count and (known is None or len(known) != count):
                known = one if count == len(one) else _first(one, count)
                self.known[one.key] = known
            if known is not None:
                found.append(known)
        return found


def _first(series: Series, count: int) -> Series:
    return Series(series.key, series.times[:count], series.values[:count], series.contexts[:count])
