"""
What ``record_metric`` takes: names, values, times and metadata within their bounds, or an error that says which.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from autonomous_dev.conventions import OWN_PREFIX, RUN_ID
from autonomous_dev.errors import InvalidNameError, InvalidTypeError, InvalidValueError
from autonomous_dev.recording._otlp import check_int
from autonomous_dev.series import NO_ATTRIBUTES, Attributes, AttributeValue

MAX_NAME: Final = 255
"""Characters of a metric's name or a metadata key."""

MAX_KEYS: Final = 64
"""Metadata keys of one sample."""

MAX_METADATA_BYTES: Final = 64 * 1024
"""Bytes of a sample's line."""

MAX_UNIT: Final = 63
"""ASCII characters of a unit, as OpenTelemetry has it."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_NANOSECONDS: Final = 10**9
_MAX_SHOWN: Final = 100


def check_name(name: object, what: str = "metric name") -> str:
    """
    *name*, if it is 1 to 255 characters without control characters.

    Raises:
        InvalidTypeError: If it is no string.

        InvalidNameError: If it is empty, too long, or holds control characters or half a surrogate pair.
    """
    if not isinstance(name, str):
        raise InvalidTypeError(f"{what} is {_shown(name)}: expected a string such as 'test_duration'")
    if not name or len(name) > MAX_NAME:
        shown = f"{name[:40]!r}…" if name else "empty"
        raise InvalidNameError(f"{what} is {shown} ({len(name)} characters): expected 1 to {MAX_NAME}; shorten it")
    if _CONTROL.search(name):
        raise InvalidNameError(f"{what} is {name!r}: it holds control characters; write it without them")
    return str.__str__(name)  # of an enumeration's member the text, which hashes as other strings do


def check_metric_name(name: object) -> str:
    """
    *name*, if a user's metric may be called so.

    Raises:
        InvalidTypeError: As ``check_name``.

        InvalidNameError: As ``check_name``, and for names that are the library's own.
    """
    checked = check_name(name)
    if checked.startswith(OWN_PREFIX):
        raise InvalidNameError(f"metric name is {name!r}: names that begin with {OWN_PREFIX!r} are the library's own")
    return checked


def check_value(name: object, value: object) -> float:
    """
    *value* of metric *name* as a finite float.

    Raises:
        InvalidTypeError: If it is no number; a bool and a string of digits are none.

        InvalidValueError: If it is NaN, infinite or too large.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InvalidTypeError(
            f"value of {_shown(name)} is {_shown(value)}: expected a number; convert it with float()"
        )
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidValueError(
            f"value of {_shown(name)} is {_shown(value)}: expected a finite number; leave the sample out"
        )
    return number


def check_unit(unit: object) -> str:
    """
    *unit*, if it is up to 63 ASCII characters; None is no unit.

    Raises:
        InvalidTypeError: If it is no string.

        InvalidValueError: If it is too long or not ASCII.
    """
    if unit is None:
        return ""
    if not isinstance(unit, str):
        raise InvalidTypeError(f"unit is {_shown(unit)}: expected a UCUM unit such as 's', 'By', '%' or '{{error}}'")
    if len(unit) > MAX_UNIT or not unit.isascii() or not (unit.isprintable() or not unit):
        raise InvalidValueError(
            f"unit is {_shown(unit)}: expected at most {MAX_UNIT} printable ASCII characters, such as 's'"
        )
    return str.__str__(unit)


def unix_nano(time: object, what: str = "timestamp") -> int:
    """
    *time* in Unix nanoseconds, exactly.

    Args:
        time: Unix seconds, or a datetime with a time zone.

        what: The argument's name in errors.

    Raises:
        InvalidTypeError: If it is neither.

        InvalidValueError: If it is not finite, negative, beyond the year 2262, or has no time zone.
    """
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise InvalidValueError(f"{what} is {time!r}: expected a time zone; use datetime.now(timezone.utc)")
        time = time.timestamp()
    if isinstance(time, bool) or not isinstance(time, numbers.Real):
        raise InvalidTypeError(f"{what} is {_shown(time)}: expected Unix seconds or a datetime with a time zone")
    try:
        seconds = float(time)
    except OverflowError:
        seconds = math.inf
    if not 0.0 <= seconds < 2**63 / _NANOSECONDS:
        hint = "; milliseconds must be divided by 1000" if 0.0 < seconds < math.inf else ""
        raise InvalidValueError(f"{what} is {_shown(time)}: expected Unix seconds from 1970 to 2262{hint}")
    whole = int(seconds)
    return whole * _NANOSECONDS + round((seconds - whole) * _NANOSECONDS)


def metadata_attributes(metadata: object) -> Attributes:
    """
    *metadata* as attributes, in the order of the keys.

    Raises:
        InvalidTypeError: If it is no mapping, or a value is no string, bool, number, None or list of those.

        InvalidNameError: If a key is not 1 to 255 characters without control characters.

        InvalidValueError: If there are more than 64 keys, or a number does not fit.
    """
    if metadata is None:
        return NO_ATTRIBUTES
    if not isinstance(metadata, Mapping):
        raise InvalidTypeError(f"metadata is {_shown(metadata)}: expected a mapping such as {{'commit': 'abc123'}}")
    if len(metadata) > MAX_KEYS:
        raise InvalidValueError(f"metadata has {len(metadata)} keys: expected at most {MAX_KEYS}; leave some out")
    return tuple(sorted((_check_key(key), _attribute_value(key, value)) for key, value in metadata.items()))


def _check_key(key: object) -> str:
    checked = check_name(key, "metadata key")
    if checked == RUN_ID:
        raise InvalidNameError(f"metadata key is {checked!r}: the library's own; call it 'run_id'")
    return checked


def _attribute_value(key: str, value: Any) -> AttributeValue:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return tuple(_scalar(key, item) for item in value)
    return _scalar(key, value)


def _scalar(key: str, value: Any) -> str | bool | int | float | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidValueError(
                f"metadata {key!r} is {_shown(value)}: expected text that UTF-8 can hold"
            ) from error
        return str.__str__(value)
    if isinstance(value, numbers.Integral):
        if not check_int(int(value)):
            raise InvalidValueError(
                f"metadata {key!r} is {_shown(value)}: expected a 64-bit integer; give it as a string"
            )
        return int(value)
    if isinstance(value, numbers.Real):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise InvalidValueError(f"metadata {key!r} is {_shown(value)}: expected a finite number; leave it out")
        return number
    raise InvalidTypeError(
        f"metadata {key!r} is {_shown(value)} of type {type(value).__name__}: expected a string, bool, number, None or "
        "a list of those; give it as a string"
    )


def _shown(value: object) -> str:
    """
    *value* for an error's message: short, and whatever it is.
    """
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - an int of 5,000 digits has no text, and an object of the user's may raise
        return f"one that cannot be shown ({type(value).__name__})"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
