"""
Verdicts: what people make of an insight, as the journal keeps it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from autonomous_dev.conventions import VERDICT, VERDICT_LINK
from autonomous_dev.errors import InvalidTypeError, InvalidValueError
from autonomous_dev.learning._announced import Announced, announced_attributes, announced_from, key_of
from autonomous_dev.learning._insight import LearningInsight
from autonomous_dev.learning.detectors import Kind

MAX_LINK: Final = 2000
"""Characters of a link: what browsers and trackers take."""

_UNWANTED: Final = re.compile(r"[\s\x00-\x20\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MAX_NEAR: Final = 5

Shift = Callable[[str, str], float]
"""Log-odds by which verdicts have moved the confidences of a kind, for a metric."""


class Verdict(StrEnum):
    """
    What people make of an insight.
    """

    ACCEPT = "accept"
    """It is real, and the new normal: silent until the same series changes again, or clearly more."""

    KNOWN = "known"
    """It is real, and somebody is on it: shown with a link, not announced again."""

    REJECT = "reject"
    """It is not real: silent, and the confidence of its kind for its metric falls."""

    @property
    def real(self) -> bool:
        """
        Whether people say that the insight was right.
        """
        return self is not Verdict.REJECT


@dataclass(frozen=True, slots=True)
class VerdictSaid:
    """
    One verdict.

    Attributes:
        verdict: What people said.

        link: Where they follow it up; empty where nobody said.

        about: What the insight said then; its ``at`` is the time of the verdict.
    """

    verdict: Verdict
    link: str
    about: Announced


def verdict_of(*, accept: bool = False, known: str = "", reject: bool = False) -> tuple[Verdict, str]:
    """
    The one verdict that these arguments name, and its link.

    Raises:
        InvalidTypeError: If *accept* or *reject* is no bool, or *known* no string.

        InvalidValueError: If not exactly one is given, or *known* is no link.
    """
    if not isinstance(accept, bool) or not isinstance(reject, bool):
        raise InvalidTypeError(f"accept is {accept!r} and reject {reject!r}: expected True or False")
    if not isinstance(known, str):
        raise InvalidTypeError(f"known is {known!r}: expected a link such as 'https://example.org/issues/7'")
    given = [accept, bool(known), reject]
    if sum(given) != 1:
        raise InvalidValueError(
            f"{sum(given)} verdicts are given: expected exactly one of accept (the new normal), "
            "known (with a link to who is on it) and reject (not real)"
        )
    verdict = (Verdict.ACCEPT, Verdict.KNOWN, Verdict.REJECT)[given.index(True)]
    return verdict, check_link(known) if known else ""


def check_link(link: str) -> str:
    """
    *link*, if it is one for a browser: it is printed and shown on boards.

    Raises:
        InvalidValueError: If it is no http or https address, too long, or holds spaces or control characters.
    """
    expected = "expected an address such as https://example.org/issues/7"
    if len(link) > MAX_LINK:
        raise InvalidValueError(f"link has {len(link)} characters: {expected} of at most {MAX_LINK}")
    if _UNWANTED.search(link):
        raise InvalidValueError(f"link is {link!r}, with a space or a control character in it: {expected}")
    try:
        parts = urlsplit(link)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise InvalidValueError(f"link is {link!r}: {expected}") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise InvalidValueError(f"link is {link!r}: {expected}")
    return link


def verdict_attributes(
    insight: LearningInsight, verdict: Verdict, link: str = "", *, shift: float = 0.0, parent: str = ""
) -> dict[str, Any]:
    """
    A verdict on *insight* as attributes of an event; ``verdict_from`` reads them back.

    Args:
        insight: What it is about, as it stands now.

        verdict: What people say.

        link: Where they follow it up.

        shift: Log-odds by which earlier verdicts have moved the insight's confidence.

        parent: Id of the insight that has it as a member; the verdict then counts once, with the parent's.
    """
    said = announced_attributes(insight, shift=shift, parent=parent)
    return {**said, VERDICT: str(verdict), **({VERDICT_LINK: check_link(link)} if link else {})}


def verdict_lines(insight: LearningInsight, verdict: Verdict, link: str, shift: Shift) -> list[dict[str, Any]]:
    """
    Attributes of all events that a verdict on *insight* takes: its own, then its members'.

    What was said of an insight about many series holds for each of them. A shift of the runner says nothing about
    its members: they are noise by another name, and stay open.

    Args:
        insight: What the verdict is about.

        verdict: What people say.

        link: Where they follow it up.

        shift: ``Memory.shift``.
    """
    lines = [verdict_attributes(insight, verdict, link, shift=_shift_of(insight, shift))]
    if insight.kind != Kind.ENVIRONMENT:
        lines += [
            verdict_attributes(member, verdict, link, shift=_shift_of(member, shift), parent=insight.id)
            for member in insight.members
            if member.id
        ]
    return lines


def _shift_of(insight: LearningInsight, shift: Shift) -> float:
    key = key_of(insight)
    return shift(insight.kind, key.name if key is not None else "")


def verdict_from(attributes: Mapping[str, Any], at: float) -> VerdictSaid | None:
    """
    What an event says that ``verdict_attributes`` made; None for one that cannot be read, whoever wrote it.
    """
    about = announced_from(attributes, at)
    try:
        verdict = Verdict(attributes.get(VERDICT, ""))
        link = check_link(str(attributes.get(VERDICT_LINK, ""))) if verdict is Verdict.KNOWN else ""
    except ValueError:
        return None
    return None if about is None else VerdictSaid(verdict, link, about)


def find_insight(
    insight_id: str, insights: Iterable[LearningInsight], remembered: Mapping[str, LearningInsight]
) -> LearningInsight:
    """
    The insight of this id: as it stands now, else as it was said.

    Args:
        insight_id: As ``insights`` prints it.

        insights: What stands now; members are looked at too.

        remembered: What was announced or judged before, by id.

    Raises:
        InvalidTypeError: If *insight_id* is no string.

        InvalidValueError: If nothing has this id; names the ones that look like it.
    """
    if not isinstance(insight_id, str):
        raise InvalidTypeError(f"insight is {insight_id!r}: expected an insight or its id, such as '3f9c0a12be47'")
    now = {one.id: one for insight in insights for one in (*insight.members, insight) if one.id}
    found = now.get(insight_id) or remembered.get(insight_id)
    if found is not None:
        return found
    known = list({**now, **remembered})
    near = [one for one in known if insight_id and one.startswith(insight_id)]
    near = list(dict.fromkeys([*near, *difflib.get_close_matches(insight_id, known, n=_MAX_NEAR)]))[:_MAX_NEAR]
    shown = insight_id if len(insight_id) <= 40 else insight_id[:40] + "…"
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise InvalidValueError(
        f"no insight has the id {shown!r}: {hint}autonomous-dev insights (generate_insights() in Python) lists "
        f"{'the ids of all' if known else 'them; there is none now'}"
    )
