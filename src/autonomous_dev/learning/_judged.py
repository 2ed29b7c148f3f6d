"""
Which samples of a series are judged.
"""

from __future__ import annotations

import numpy as np

from autonomous_dev.policy import Policy
from autonomous_dev.series import AttributeValue, Series


def judged_samples(series: Series, policy: Policy) -> Series:
    """
    The finite samples of *series* on the default branch; of all branches where none is on it.

    A sample whose context names no branch counts as one of the default branch.
    """
    finite = np.isfinite(series.values)
    default = {None, *policy.default_branches}
    keep = finite
    if not _branches(series) <= default:
        keep = finite & np.array([branch in default for branch in series.column("branch")], dtype=np.bool_)
        if not keep.any():
            keep = finite
    return series if keep.all() else series.select(keep)


def _branches(series: Series) -> set[AttributeValue]:
    """
    The branches that contexts name; those that name none left out. Cheap, since every sample is asked.
    """
    contexts = series.contexts
    if contexts and contexts.count(contexts[0]) == len(contexts):
        contexts = contexts[:1]
    return {value for context in contexts for key, value in context if key == "branch"}
