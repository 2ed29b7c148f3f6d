"""
The public API as a type checker sees it; checked by mypy, never run.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import assert_type

from autonomous_dev import (
    FeedbackLoop,
    LearningInsight,
    MetricsTracker,
    OptimizationStrategy,
    PerformanceProfiler,
    SimpleCache,
    cached,
    configure,
    watch_cache,
)
from autonomous_dev.complexity import ComplexityFit
from autonomous_dev.learning import (
    AnomalyStream,
    ChangePoint,
    Judgement,
    Memory,
    Metric,
    Progress,
    Rule,
    detect_change_points,
    judge,
)
from autonomous_dev.performance import ParallelPlan
from autonomous_dev.policy import DetectorPolicy, MetricPolicy, Policy
from autonomous_dev.series import Series
from autonomous_dev_exporters.prometheus import serve

# Recording.

tracker = MetricsTracker()
MetricsTracker("metrics.json")
MetricsTracker(storage_path=Path("metrics.json"), policy=Policy(), durable=True)
MetricsTracker(policy="automation_policy.yaml", identity=["suite"])
MetricsTracker(policy=Path("automation_policy.yaml"))
MetricsTracker(1)  # type: ignore[arg-type]

tracker.record_metric("test_duration", 12.5)
tracker.record_metric(metric_name="lint_errors", value=0, metadata={"suite": "unit", "shard": 3})
tracker.record_metric("test_duration", 12.5, unit="s", timestamp=1_700_000_000.0)
tracker.record_metric("test_duration", "12.5")  # type: ignore[arg-type]

metrics = tracker.get_metrics("test_duration", attributes={"suite": "unit"}, since=0.0, until=1.0)
for metric in metrics:
    assert_type(metric, Metric)
    assert_type(metric.name, str)
    assert_type(metric.value, float)
    assert_type(metric.timestamp, float)
    assert_type(metric.unit, str)
    metric.metadata["suite"]
    metric.value = 1.0  # type: ignore[misc]

mean: float = tracker.analyze_trends("test_duration", window_size=10)["mean"]
assert_type(tracker.generate_insights(), list[LearningInsight])
tracker.status()


def high_memory(found: Sequence[Series], policy: Policy) -> Iterator[LearningInsight]:
    """
    A custom rule is a function.
    """
    for one in found:
        if one.key.name == "memory_usage" and one.values.mean() > 1000 and policy.metric("memory_usage").better is None:
            yield LearningInsight("resource", "High memory usage detected", 0.85, "Profile memory usage")


def told(done: int, total: int) -> None:
    """
    Progress is told in series.
    """


rule: Rule = high_memory
report: Progress = told
with ThreadPoolExecutor(2) as pool:
    MetricsTracker(rules=[rule], executor=pool)
    judgement = tracker.judgement(commits=["c1", "c2"], executor=pool, progress=report)
assert_type(judgement, Judgement)
assert_type(judgement.prior, float)
assert_type(judgement.announced, tuple[str, ...])
assert_type(tracker.newest_judgement, Judgement | None)
assert_type(tracker.announce(judgement), list[LearningInsight])
assert_type(tracker.memory(), Memory)
assert_type(tracker.resolve(judgement.insights[0], accept=True), LearningInsight)
tracker.resolve("3f9c0a12be47", known="https://example.org/issues/7")
tracker.resolve("3f9c0a12be47", reject="no")  # type: ignore[arg-type]
assert_type(judge([], Policy(), now=0.0, rules=[high_memory], prior=0.07, memory=Memory()), Judgement)
MetricsTracker(rules=[len])  # type: ignore[list-item]
Policy(metrics={"a": MetricPolicy(detectors={"trend": DetectorPolicy(enabled=False)})}, false_discoveries=0.05)


class CustomTracker(MetricsTracker):
    """
    A subclass may override how insights are made.
    """

    def generate_insights(self) -> list[LearningInsight]:
        """
        One more than the engine's.
        """
        mine = LearningInsight(category="resource", description="mine", confidence=1.0)
        return [*super().generate_insights(), mine]


# The loop.

loop = FeedbackLoop(CustomTracker())
assert_type(loop.evaluate_iteration({"test_duration": 15.2, "lint_errors": 0}), list[LearningInsight])
for suggestion in loop.suggest_optimizations(context={"task_type": "testing"}):
    action: str = suggestion["action"]
    priority: float = suggestion["priority"]
    loop.record_outcome(suggestion, applied=True, helpful=False)
loop.suggest_optimizations()

insight = LearningInsight("performance", "slower", 0.8, "look")
assert_type(insight.confidence, float)
assert_type(LearningInsight.from_dict(insight.to_dict()), LearningInsight)
insight.confidence = 1.0  # type: ignore[misc]

# Profiling.

with PerformanceProfiler("block") as profiler:
    pass
assert_type(profiler, PerformanceProfiler)
assert_type(profiler.duration, float)
profiler.get_stats()["duration_seconds"]


@PerformanceProfiler("decorated")
def parse(text: str, *, strict: bool = False) -> int:
    """
    A decorated function keeps its signature.
    """
    return len(text) + strict


assert_type(parse("a", strict=True), int)
parse(1)  # type: ignore[arg-type]


@PerformanceProfiler("awaited")
async def fetch(number: int) -> str:
    """
    A decorated coroutine function keeps its signature.
    """
    async with PerformanceProfiler("inner"):
        return str(number)


async def use_fetch() -> None:
    """
    Awaiting gives what the function says.
    """
    assert_type(await fetch(1), str)


# Caching.


@cached
def bare(number: int) -> str:
    """
    Without parentheses the signature is kept.
    """
    return str(number)


@cached(max_size=100)
def sized(number: int, *, base: int = 10) -> str:
    """
    With parentheses too.
    """
    return str(number + base)


@cached(max_size=100)
async def awaited(number: int) -> bytes:
    """
    A coroutine function stays one.
    """
    return bytes(number)


class Repository:
    """
    Methods may be cached.
    """

    @cached(max_size=10)
    def row(self, number: int) -> list[int]:
        """
        Bound as any method.
        """
        return [number]


@cached(ttl=60.0, typed=True, key=lambda number: number % 10)
def fresh(number: int) -> str:
    """
    With every option.
    """
    return str(number)


@cached(max_size=10, bare=True)
def quickest(number: int) -> str:
    """
    C's own cache.
    """
    return str(number)


@watch_cache
@functools.lru_cache
def watched(number: int) -> str:
    """
    Adopted as it is.
    """
    return str(number)


assert_type(fresh(1), str)
assert_type(fresh.cache_invalidate(1), bool)
assert_type(quickest(1), str)
assert_type(quickest, functools._lru_cache_wrapper[str])
assert_type(watched(1), str)
cached(ttl="60")  # type: ignore[call-overload]
assert_type(bare(1), str)
assert_type(sized(1, base=2), str)
assert_type(sized._cache.size(), int)
assert_type(Repository().row(1), list[int])
bare("1")  # type: ignore[arg-type]
sized(1, radix=2)  # type: ignore[call-arg]


async def use_awaited() -> None:
    """
    Awaiting gives what the function says.
    """
    assert_type(await awaited(1), bytes)


cache = SimpleCache(100)
SimpleCache(max_size=100, name="rows")
cache.set("key", "value")
cache.get("key")
cache.clear()
assert_type(cache.size(), int)

# Strategies.

assert_type(OptimizationStrategy.batch_operations([1, 2, 3], batch_size=2), list[list[int]])
assert_type(OptimizationStrategy.should_parallelize(item_count=100, threshold=10), bool)
assert_type(OptimizationStrategy.estimate_complexity(n=1000, complexity_type="logarithmic"), float)

# Wiring.

configure()
configure(storage="metrics.json", prometheus_port=9464)
configure(storage=Path("metrics.json"))
serve(port=9464, tracker=tracker)
serve()


def sources(found: Sequence[Metric]) -> list[str]:
    """
    What ``get_metrics`` gives is a sequence.
    """
    return [metric.name for metric in found]


sources(tracker.get_metrics())


# Profiling generators, and what a profiler may be given.


@PerformanceProfiler("items", budget=0.5, size=lambda n: n, complexity="linear", cpu=True, memory=True)
def items(n: int) -> Iterator[int]:
    """
    A generator function stays one.
    """
    yield from range(n)


@PerformanceProfiler("stream")
async def stream(n: int) -> AsyncIterator[int]:
    """
    So does an asynchronous one.
    """
    for number in range(n):
        yield number


assert_type(items(3), Iterator[int])
assert_type(stream(3), AsyncIterator[int])
PerformanceProfiler("x", budget="1")  # type: ignore[arg-type]

# Planning.

assert_type(OptimizationStrategy.batch_operations((x for x in [1]), 2), Iterator[list[int]])
assert_type(OptimizationStrategy.fit_complexity("operation"), ComplexityFit)
assert_type(OptimizationStrategy.parallel_plan([1.0]), ParallelPlan)
assert_type(OptimizationStrategy.batch_size(*OptimizationStrategy.batch_cost([1, 2], [1.0, 2.0])), int)

configure(traces="console", histogram="exponential")

# Numbers alone.

assert_type(detect_change_points([1.0, 2.0], [0.0, 1.0], prior=0.1), tuple[ChangePoint, ...])
assert_type(AnomalyStream().update(0.0, 1.0), float)
