"""
Cardinality: names that a program makes up, one for each request or user, until a bound counts them together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final

from autonomous_dev._state import MAX_CACHES, MAX_ERROR_TYPES, MAX_OPERATIONS, MAX_REFUSED
from autonomous_dev.conventions import (
    CACHE,
    DROP_EXAMPLES,
    DROP_REASON,
    DROPPED_BY_CARDINALITY,
    ERROR_TYPE,
    OPERATION,
    OWN_PREFIX,
    SERIES_DROPPED,
)
from autonomous_dev.learning._insight import Direction, LearningInsight, Severity
from autonomous_dev.learning.advice._still import oldest_still
from autonomous_dev.learning.detectors import Kind
from autonomous_dev.policy import Policy
from autonomous_dev.series import Series

_BOUNDS: Final = {
    OPERATION: (
        f"operations beyond the {MAX_OPERATIONS:,} that are kept",
        "Put what varies into attributes of the profiler, which go on spans only, and keep the operation's name",
    ),
    ERROR_TYPE: (
        f"kinds of errors beyond the {MAX_ERROR_TYPES} of each operation that are kept",
        "Raise classes that are defined once, and put what varies into the exception's arguments",
    ),
    CACHE: (
        f"caches beyond the {MAX_CACHES:,} that are kept",
        "Give caches that serve one purpose one name: they are summed",
    ),
}
"""By the attribute that stands for them what was counted together, and the way out."""


def cardinalities(series: Sequence[Series], policy: Policy) -> tuple[LearningInsight, ...]:
    """
    One insight for each bound on different names that a program reached, as it said last, while it still says so.

    Args:
        series: The judged samples of every series, each oldest first.

        policy: Not asked: the bounds are ours.
    """
    del policy
    refused = [one for one in series if one.key.name == SERIES_DROPPED and len(one)]
    oldest = oldest_still(one for one in series if one.key.name.startswith(OWN_PREFIX)) if refused else 0
    return tuple(
        _insight(one, key, str(identity[key]))
        for one in refused
        if int(one.times[-1]) >= oldest
        for identity in (dict(one.key.identity),)
        if identity.get(DROP_REASON) == DROPPED_BY_CARDINALITY
        for key in _BOUNDS
        if identity.get(key)
    )


def _insight(series: Series, key: str, other: str) -> LearningInsight:
    what, remedy = _BOUNDS[key]
    count = int(series.values[-1])
    least = "at least " if count >= MAX_REFUSED else ""
    verb = "is" if count == 1 else "are"
    examples = dict(series.contexts[-1]).get(DROP_EXAMPLES)
    named = f", e.g. {', '.join(map(str, examples))}" if isinstance(examples, tuple) and examples else ""
    return LearningInsight(
        category="resource",
        description=f"{least}{count:,} {what} {verb} counted as `{other}`{named}",
        confidence=1.0,
        suggested_action=f"{remedy}.",
        kind=Kind.CARDINALITY,
        direction=Direction.WORSE,
        severity=Severity.WARNING,
        id=hashlib.sha256(json.dumps([Kind.CARDINALITY, key], default=str).encode()).hexdigest()[:12],
    )
