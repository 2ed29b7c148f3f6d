"""
Since which change: the sample, the run, and the versions that may have made it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.learning._insight import Since
from autonomous_dev.learning.detectors import Finding, Kind
from autonomous_dev.series import VERSION_KEYS, Attributes, Series, run_of

SHORTEST_HASH: Final = 7
"""Characters that an abbreviated commit has at least: what git prints by default."""

_HASH: Final = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_CREEPING: Final = frozenset({Kind.TREND, Kind.FORECAST})
"""What grows with every sample was made by no single version."""


@dataclass(frozen=True, slots=True)
class Commits:
    """
    Commits in the order of the code.

    Attributes:
        ids: Oldest first, each once.

        places: Where each of them is, counted from 0.

        alphabetical: The ids in small letters, each with its place, in the order of the alphabet.
    """

    ids: tuple[str, ...]
    places: Mapping[str, int]
    alphabetical: tuple[tuple[str, int], ...]

    def place(self, version: str) -> int | None:
        """
        Where *version* is among the ids; None where it is not, or where several begin with it.

        A hash may be abbreviated to seven characters on either side. What is no hash is met as a whole only:
        ``2024.1.10`` is no longer form of ``2024.1.1``.
        """
        exact = self.places.get(version)
        if exact is not None or not _HASH.fullmatch(version):
            return exact
        sought = version.lower()
        longer = bisect_left(self.alphabetical, (sought,))
        if longer < len(self.alphabetical) and self.alphabetical[longer][0].startswith(sought):
            several = longer + 1 < len(self.alphabetical) and self.alphabetical[longer + 1][0].startswith(sought)
            return None if several else self.alphabetical[longer][1]
        for end in range(len(sought) - 1, SHORTEST_HASH - 1, -1):
            shorter = bisect_left(self.alphabetical, (sought[:end],))
            if shorter < len(self.alphabetical) and self.alphabetical[shorter][0] == sought[:end]:
                return self.alphabetical[shorter][1]
        return None


def commits_of(ids: object) -> Commits:
    """
    *ids* as an order of commits.

    Args:
        ids: Strings, oldest first.

    Raises:
        InvalidTypeError: If they are no sequence of strings.

        InvalidValueError: If one of them is empty or there twice.
    """
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise InvalidTypeError(f"commits is {ids!r:.80}: expected a list of ids, oldest first")
    places: dict[str, int] = {}
    for place, one in enumerate(ids):
        if not isinstance(one, str):
            raise InvalidTypeError(f"commits[{place}] is {one!r:.80}: expected the id of a commit as a string")
        if not one:
            raise InvalidValueError(f"commits[{place}] is empty: expected the id of a commit")
        if one in places:
            raise InvalidValueError(
                f"commits[{place}] is {one!r:.80}, which is there already at {places[one]}: expected each commit once"
            )
        places[one] = place
    return Commits(tuple(places), places, tuple(sorted((one.lower(), place) for one, place in places.items())))


def since_of(series: Series, finding: Finding, commits: Sequence[str] | Commits = ()) -> Since:
    """
    When, and at which change, *finding* began.

    Suspects are the versions of the samples from the earliest possible start to the latest, but for the version of the
    last surely good sample. Where *commits* are given, the unmeasured ones after that version, up to the last suspect,
    are suspects too; versions that are not among them keep their place in time. Where time and code disagree, so that
    a suspect is older code than what was measured as good just before, nobody knows what lies between: only measured
    versions are told then, in the order of time. A trend has no suspects, since no single version made it.

    Args:
        series: The judged samples that *finding* is about.

        finding: Of a detector.

        commits: Ids oldest first, or what ``commits_of`` made of them; those of other series may be among them.

    Raises:
        InvalidTypeError: If *commits* are no sequence of strings.

        InvalidValueError: If one of them is empty or there twice.
    """
    order = commits if isinstance(commits, Commits) else commits_of(commits)
    return since_between(series, finding.start, finding.start_range, order, creeping=finding.kind in _CREEPING)


def since_between(
    series: Series, start: int, start_range: tuple[int, int], commits: Commits | None = None, *, creeping: bool = False
) -> Since:
    """
    The same of a change that began at sample *start*, or anywhere in *start_range*.

    Args:
        series: n samples.

        start: The first sample of the new state, 0 <= start < n.

        start_range: Smallest and largest place it may really have, both included.

        commits: In the order of the code; None for those that were measured only.

        creeping: Whether no single version made it.
    """
    first, last = max(0, min(start_range[0], start)), min(len(series) - 1, max(start_range[1], start))
    own = series.contexts[start]
    key = _version_key(own) or next((k for i in range(first, last + 1) if (k := _version_key(series.contexts[i]))), "")
    good, good_at = "", -1
    if key:
        good, good_at = _newest_version(series, key, first - 1)
    suspects: tuple[str, ...] = ()
    if key and not creeping:
        suspects = tuple(_distinct((_version(series.contexts[i], key) for i in range(first, last + 1)), good))
        if commits is not None and commits.ids and suspects:
            suspects = _in_code(series, key, good_at, suspects, commits)
    run = run_of(own)
    return Since(
        time=float(series.times[start]) / 1e9,
        index=start,
        index_range=start_range,
        version=_version(own, key) if key else "",
        last_good=good,
        run="" if run is None else str(run),
        version_key=key,
        versions=suspects,
    )


def _version_key(context: Attributes) -> str:
    known = dict(context)
    return next((key for key in VERSION_KEYS if known.get(key) not in (None, "")), "")


def _version(context: Attributes, key: str) -> str:
    value = dict(context).get(key)
    return "" if value is None else str(value)


def _newest_version(series: Series, key: str, index: int) -> tuple[str, int]:
    """
    The version of the newest sample up to *index* that has one, and where it is.
    """
    for i in range(index, -1, -1):
        version = _version(series.contexts[i], key)
        if version:
            return version, i
    return "", -1


def _distinct(versions: Iterable[str], but: str) -> dict[str, None]:
    """
    Each version once, in its order.
    """
    return {version: None for version in versions if version and version != but}


def _in_code(series: Series, key: str, good_at: int, suspects: tuple[str, ...], commits: Commits) -> tuple[str, ...]:
    """
    *suspects* with the unmeasured commits that lie between them and the last good one, in the order of the code.
    """
    places = [commits.place(version) for version in suspects]
    known = [place for place in places if place is not None]
    if not known:
        return suspects
    measured = {commits.place(version) for version in _distinct(series_versions(series, key), "")}
    good = next(
        (
            place
            for i in range(good_at, -1, -1)
            if (place := commits.place(_version(series.contexts[i], key))) is not None
        ),
        min(known) - 1,
    )
    if good >= min(known):
        return suspects
    entries: list[tuple[int, int, str]] = []
    before = good
    for order, (place, version) in enumerate(zip(places, suspects, strict=True)):
        # Unknown to the caller's order: it stays behind what was measured before it.
        before = before if place is None else place
        entries.append((before, order + 1 if place is None else 0, version))
    between = [(at, 0, commits.ids[at]) for at in range(good + 1, max(known)) if at not in measured]
    return tuple(version for _, _, version in sorted(entries + between))


def series_versions(series: Series, key: str) -> Iterable[str]:
    """
    The version of each sample that has one; *key* says which.
    """
    return (str(value) for context in series.contexts for name, value in context if name == key and value is not None)
