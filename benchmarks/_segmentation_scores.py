"""
How well reported change points agree with labelled ones.

Source: covering and F1 with a margin, van den Burg & Williams (2020), "An evaluation of change point detection
algorithms", https://arxiv.org/abs/2003.06222, section 4.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

MARGIN: Final = 5

Annotations = Mapping[str, Sequence[int]]
"""By annotator: the first indices of new segments."""


def margin_for(n: int) -> int:
    """
    How far a report may lie from a simulated change in a series of *n*: 5, less where 5 is more than a tenth, at least 2.
    """
    return min(MARGIN, max(2, n // 10))


def matches(truth: Sequence[int], found: Sequence[int], margin: int = MARGIN) -> dict[int, int]:
    """
    Which found index stands for which true one: in order of the truth, each takes the nearest that is left.

    Args:
        truth: True indices.

        found: Reported indices.

        margin: Largest distance.

    Returns:
        True index to found index; of two that are as near the smaller one.
    """
    free = sorted(set(found))
    taken: dict[int, int] = {}
    for place in sorted(set(truth)):
        near = [index for index in free if abs(index - place) <= margin]
        if near:
            best = min(near, key=lambda index: (abs(index - place), index))
            free.remove(best)
            taken[place] = best
    return taken


def f1(annotations: Annotations, found: Sequence[int], margin: int = MARGIN) -> float:
    """
    Harmonic mean of precision, against all annotators together, and recall, the mean over annotators.

    Index 0 begins a segment in every truth and in every answer, so that saying nothing is an answer too.
    """
    answer = sorted({0, *found})
    truths = [sorted({0, *places}) for places in annotations.values()]
    together = sorted({place for places in truths for place in places})
    precision = len(matches(together, answer, margin)) / len(answer)
    recall = sum(len(matches(places, answer, margin)) / len(places) for places in truths) / len(truths)
    return 2 * precision * recall / (precision + recall)


def covering(annotations: Annotations, found: Sequence[int], n: int) -> float:
    """
    Mean over annotators of how well the found segments overlap theirs: the best Jaccard index, weighted by length.

    Args:
        annotations: By annotator.

        found: Reported indices.

        n: Length of the series.
    """
    answer = _segments(found, n)
    covered = [
        sum(
            (end - begin) * max(_jaccard((begin, end), other) for other in answer)
            for begin, end in _segments(places, n)
        )
        for places in annotations.values()
    ]
    return sum(covered) / n / len(covered)


def _segments(places: Sequence[int], n: int) -> list[tuple[int, int]]:
    inside = sorted({place for place in places if 0 < place < n})
    return list(zip([0, *inside], [*inside, n], strict=True))


def _jaccard(one: tuple[int, int], other: tuple[int, int]) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(shared, 0) / (max(one[1], other[1]) - min(one[0], other[0])) if shared > 0 else 0.0


def pooled_f1(hits: int, reported: int, true: int) -> float:
    """
    F1 of counts over many series: *hits* of *reported* indices stand for one of *true* changes. 0 where all are 0.
    """
    return 2 * hits / (reported + true) if reported + true else 0.0
