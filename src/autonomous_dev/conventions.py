"""
Every metric, attribute, label and event name of this project, its instrument and unit beside it.

Names follow the OpenTelemetry semantic conventions: dotted, lower case, no unit and no ``_total`` in the
name, a UCUM unit apart. Names in Prometheus are derived from these by ``prometheus_names``, never typed.

Source: https://opentelemetry.io/docs/specs/semconv/general/naming/ (schema 1.44.0).
"""

from __future__ import annotations

from typing import Final

SCOPE: Final = "autonomous_dev"
"""
Name of the one meter and the one tracer of this project.

Two scopes with one metric name put values under wrong labels in the official Prometheus exporter.
"""

VERSION: Final = "0.1.0"
"""Version of this distribution, and of the scope: known without reading the installed metadata, which takes ms."""

# What the instrumentation measures.

CALL_DURATION: Final = "autonomous_dev.call.duration"
"""Histogram, ``s``: how long a profiled block took, by OPERATION and, on failure, ERROR_TYPE."""

CACHE_LOOKUPS: Final = "autonomous_dev.cache.lookups"
"""Observable counter, ``{lookup}``, by CACHE and CACHE_RESULT."""

CALL_DURATION_DESCRIPTION: Final = "Duration of profiled operations."
CACHE_LOOKUPS_DESCRIPTION: Final = "Lookups in caches, by whether they hit."
"""A name with two descriptions would be two families on a page."""

CACHE_EVICTIONS: Final = "autonomous_dev.cache.evictions"
"""Observable counter, ``{eviction}``, by CACHE."""

CACHE_EXPIRATIONS: Final = "autonomous_dev.cache.expirations"
"""Observable counter, ``{expiration}``, by CACHE: entries dropped because their time was up."""

CACHE_SIZE: Final = "autonomous_dev.cache.size"
"""Observable up-down counter, ``{entry}``, by CACHE: it adds up over processes."""

CACHE_CAPACITY: Final = "autonomous_dev.cache.capacity"
"""Observable up-down counter, ``{entry}``, by CACHE."""

CACHE_HIT_RATIO: Final = "autonomous_dev.cache.hit_ratio"
"""Series, ``1``, by CACHE: hits over lookups of one interval, derived when the journal is read."""

CACHE_HIT_RATIO_PREDICTED: Final = "autonomous_dev.cache.hit_ratio.predicted"
"""Observable gauge, ``1``, by CACHE and CAPACITY_FACTOR: the hit ratio that a larger cache would have."""

CALL_BUDGET: Final = "autonomous_dev.call.budget"
"""Observable gauge, ``s``, by OPERATION: how long it may take, as its profiler was told."""

CALL_CPU_DURATION: Final = "autonomous_dev.call.cpu_duration"
"""Histogram, ``s``, by OPERATION: CPU time of the thread during a block, where a profiler was asked for it."""

CALL_MEMORY_PEAK: Final = "autonomous_dev.call.memory_peak"
"""Histogram, ``By``, by OPERATION: most memory that a block held at once, where a profiler was asked for it."""

SIZED_CALL_SIZE: Final = "autonomous_dev.sized_call.size"
"""Series, ``{item}``, by OPERATION, SIZE_CLASS and DECLARED_COMPLEXITY: mean size of the calls of one interval."""

SIZED_CALL_DURATION: Final = "autonomous_dev.sized_call.duration"
"""Series, ``s``, attributes as SIZED_CALL_SIZE: mean duration of the same calls."""

OVERHEAD_DURATION: Final = "autonomous_dev.overhead.duration"
"""Observable counter, ``s``, by COMPONENT: what the instrumentation itself has cost."""

OVERHEAD_DESCRIPTION: Final = "Time that the instrumentation itself took."

PROFILER_ROAD: Final = "autonomous_dev.profiler.road"
"""Observable gauge, ``1``, by ROAD and ROAD_REASON: how spans of profilers are made on the global provider."""

# What the tracker and the engine publish.

LAST_RECORDED: Final = ".last_recorded_timestamp"
"""Suffix of the observable gauge, ``s`` (Unix time), that says when a recorded metric last got a sample."""

INSIGHTS: Final = "autonomous_dev.insights"
"""Observable gauge, ``{insight}``: insights open now, by INSIGHT_CATEGORY and INSIGHT_SEVERITY."""

INSIGHT_CONFIDENCE: Final = "autonomous_dev.insight.confidence"
"""Observable gauge, ``1``, by METRIC_NAME, INSIGHT_ID, category and severity; the most important ones only."""

INSIGHT_SINCE: Final = "autonomous_dev.insight.since"
"""Observable gauge, ``s`` (Unix time), attributes as INSIGHT_CONFIDENCE."""

INSIGHT_FAILURES: Final = "autonomous_dev.insight.failures"
"""Observable counter, ``{failure}``: evaluations of the insight engine that raised."""

JOURNAL_DAMAGED_LINES: Final = "autonomous_dev.journal.damaged_lines"
"""Observable counter, ``{line}``: lines that could not be read."""

SERIES_DROPPED: Final = "autonomous_dev.series.dropped"
"""
Observable counter, ``{series}``, by DROP_REASON: series that are not exported under a name of their own.

Where a bound on different names was reached, a second attribute says what they are counted under: OPERATION, CACHE or
ERROR_TYPE. In the journal it is a gauge.
"""

SERIES_DROPPED_DESCRIPTION: Final = "Series that are not exported under a name of their own."

OWN_PREFIX: Final = "autonomous_dev."
"""Names that begin so are ours: a user's metric may not."""

# Attributes.

OPERATION: Final = "autonomous_dev.operation.name"
CACHE: Final = "autonomous_dev.cache.name"
CACHE_RESULT: Final = "autonomous_dev.cache.result"
CACHE_KEY_HASH: Final = "autonomous_dev.cache.key_hash"
CAPACITY_FACTOR: Final = "autonomous_dev.cache.capacity_factor"
"""``2``, ``4`` or ``8`` times the capacity that the cache has."""
CAPACITY_FACTORS: Final = (2, 4, 8)
"""The multiples of a capacity that are asked about."""
SIZE_CLASS: Final = "autonomous_dev.size.class"
"""Power of two that is not above the sizes of the calls: ``1024`` holds 1024 to 2047."""
DECLARED_COMPLEXITY: Final = "autonomous_dev.operation.complexity"
"""How an operation's cost is declared to grow: a name that ``OptimizationStrategy`` knows."""
COMPONENT: Final = "autonomous_dev.component"
"""``profiler``, ``cache``, ``journal`` or ``reader``."""
ROAD: Final = "autonomous_dev.road"
"""``fast`` or ``public``."""
ROAD_REASON: Final = "autonomous_dev.road.reason"
HIT: Final = "hit"
MISS: Final = "miss"
METRIC_NAME: Final = "autonomous_dev.metric.name"
INSIGHT_ID: Final = "autonomous_dev.insight.id"
INSIGHT_CATEGORY: Final = "autonomous_dev.insight.category"
INSIGHT_SEVERITY: Final = "autonomous_dev.insight.severity"
DROP_REASON: Final = "autonomous_dev.drop.reason"
"""``name``, ``limit`` or ``cardinality``."""
DROPPED_BY_NAME: Final = "name"
DROPPED_BY_LIMIT: Final = "limit"
DROPPED_BY_CARDINALITY: Final = "cardinality"
DROP_EXAMPLES: Final = "autonomous_dev.drop.examples"
"""Context of SERIES_DROPPED in the journal: some of the names. Never a label."""
RUN_ID: Final = "autonomous_dev.run.id"
"""Resource attribute of a journal line: which process or iteration recorded it. Never a label."""
ERROR_TYPE: Final = "error.type"
SERVICE_NAME: Final = "service.name"
CODE_FUNCTION: Final = "code.function.name"
CODE_FILE_PATH: Final = "code.file.path"
CODE_LINE_NUMBER: Final = "code.line.number"
OVER_BUDGET: Final = "autonomous_dev.call.over_budget"
"""On a span, true: the block took longer than its budget. CALL_CPU_DURATION and CALL_MEMORY_PEAK stand there, too."""

# Events in the journal: log records whose ``eventName`` is one of these.

EVENT_SPLIT: Final = "autonomous_dev.metric.split"
"""Which metadata keys of a metric are identity and which are context."""

EVENT_OUTCOME: Final = "autonomous_dev.suggestion.outcome"
"""What became of a suggestion: applied, helpful."""

EVENT_ANNOUNCED: Final = "autonomous_dev.insight.announced"
"""An insight was announced: by INSIGHT_ID, what it said then."""

EVENT_VERDICT: Final = "autonomous_dev.insight.verdict"
"""What a person made of an insight: VERDICT and LINK, with what it said then."""

# Attributes of those events.

METADATA_KEY: Final = "autonomous_dev.metadata.key"
METADATA_ROLE: Final = "autonomous_dev.metadata.role"
SUGGESTION_KIND: Final = "autonomous_dev.suggestion.kind"
SUGGESTION_APPLIED: Final = "autonomous_dev.suggestion.applied"
SUGGESTION_HELPFUL: Final = "autonomous_dev.suggestion.helpful"
VERDICT: Final = "autonomous_dev.verdict"
"""``accept``, ``known`` or ``reject``."""
VERDICT_LINK: Final = "autonomous_dev.verdict.link"
"""Where people follow a known insight up."""
INSIGHT_KIND: Final = "autonomous_dev.insight.kind"
INSIGHT_DESCRIPTION: Final = "autonomous_dev.insight.description"
INSIGHT_DIRECTION: Final = "autonomous_dev.insight.direction"
INSIGHT_STATUS: Final = "autonomous_dev.insight.status"
"""``new``, ``worse`` or ``resolved``: why it was announced."""
INSIGHT_IDENTITY: Final = "autonomous_dev.insight.identity"
"""Identity of the series as JSON text: a nested attribute would make labels of its keys."""
INSIGHT_UNIT: Final = "autonomous_dev.insight.unit"
INSIGHT_BEFORE: Final = "autonomous_dev.insight.before"
INSIGHT_AFTER: Final = "autonomous_dev.insight.after"
INSIGHT_INTERVAL: Final = "autonomous_dev.insight.interval"
"""Two numbers: 95% interval of after - before."""
INSIGHT_SAMPLES: Final = "autonomous_dev.insight.samples"
"""Two numbers: samples behind before and after."""
INSIGHT_SINCE_RANGE: Final = "autonomous_dev.insight.since.range"
"""Two numbers: how many samples earlier, and later, than INSIGHT_SINCE it may have begun."""
INSIGHT_SINCE_VERSION: Final = "autonomous_dev.insight.since.version"
INSIGHT_NEWEST: Final = "autonomous_dev.insight.newest"
"""Unix seconds of the newest sample that the insight rested on."""
INSIGHT_SHIFT: Final = "autonomous_dev.insight.shift"
"""Log-odds by which earlier verdicts had moved INSIGHT_CONFIDENCE."""
INSIGHT_MEMBERS: Final = "autonomous_dev.insight.members"
"""Ids of the insights that it told as one."""
INSIGHT_PARENT: Final = "autonomous_dev.insight.parent"
"""Id of the insight that told it as one of its members."""

# Statistics that a histogram is read back as: suffixes of the metric's name.

HISTOGRAM_COUNT: Final = ".count"
HISTOGRAM_MEAN: Final = ".mean"
HISTOGRAM_QUANTILES: Final[tuple[tuple[str, float], ...]] = ((".p50", 0.5), (".p95", 0.95))

DURATION_BOUNDS: Final[tuple[float, ...]] = (
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
)  # fmt: skip
"""Upper bounds of CALL_DURATION's buckets in seconds, µs to minutes; floats, since ``le="1"`` is not ``le="1.0"``."""

# Names of alerts: each says the symptom.

METRIC_ABOVE_THRESHOLD: Final = "MetricAboveThreshold"
METRIC_BELOW_THRESHOLD: Final = "MetricBelowThreshold"
METRIC_REGRESSED: Final = "MetricRegressed"
METRIC_STALE: Final = "MetricStale"
OPERATION_SLOW: Final = "OperationSlow"
CACHE_HIT_RATE_POOR: Final = "CacheHitRatePoor"

ALERT_NAMES: Final = (
    METRIC_ABOVE_THRESHOLD,
    METRIC_BELOW_THRESHOLD,
    METRIC_REGRESSED,
    OPERATION_SLOW,
    CACHE_HIT_RATE_POOR,
    METRIC_STALE,
)
"""In the order in which they are written, one group each."""
