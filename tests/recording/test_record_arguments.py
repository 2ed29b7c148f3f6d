"""
What may be recorded: each bound holds at and just beyond it, each error is ours and the closest built-in.
"""

from __future__ import annotations

import enum
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest
from journal_files import NOW, put, recorder, values

from autonomous_dev.errors import AutonomousDevError, InvalidNameError, InvalidTypeError, InvalidValueError
from autonomous_dev.recording import unix_nano


class Name(str, enum.Enum):  # noqa: UP042 - as people wrote it before StrEnum
    """
    Names as an enumeration.
    """

    TEST = "test_duration"


class Unshowable:
    """
    An object whose text raises.
    """

    def __repr__(self) -> str:
        raise RuntimeError


def shown(value: object) -> str:
    """
    A short name of *value* for a test's id.
    """
    try:
        return ascii(value)[:30]
    except (RuntimeError, ValueError):
        return type(value).__name__


@pytest.fixture(params=["file", "memory"])
def target(request, tmp_path) -> tuple:
    """
    A recorder, and what must not change when a call is refused: the file's bytes or the number of samples.
    """
    path = tmp_path / "m.jsonl" if request.param == "file" else None
    writer = recorder(path, clock=lambda: NOW)
    return writer, (path.read_bytes if path else writer.sample_count)


def refuse(target, error: type, match: str, name="m", value=1.0, metadata=None, unit=None, at=None) -> None:
    """
    Expect that *error* says *match* and that nothing was written.
    """
    writer, state = target
    before = state()
    with pytest.raises(error, match=match) as caught:
        put(writer, name, value, metadata, unit=unit, at=at)
    assert isinstance(caught.value, AutonomousDevError)
    assert isinstance(caught.value, TypeError if error is InvalidTypeError else ValueError)
    assert len(str(caught.value)) < 1000
    assert state() == before


NUMBERS = [0, -0.0, 1, -5, 12.5, 1e308, 1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 2**53 + 1, 10**300, True + 1,
           np.float64(1.5), np.float32(1.5), np.int64(-3), np.uint8(3), Fraction(1, 4)]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=shown)
def test_numbers_are_values(target, number):
    """
    Every finite number that a float can hold is recorded as that float.
    """
    put(target[0], "m", number)
    assert [repr(value) for value in values(target[0])] == [repr(float(number))]


@pytest.mark.parametrize(
    "value", ["12.5", "1", b"1", True, False, None, Decimal("1.5"), 1j, [1.0], {}, np.bool_(True), np.array([1.0]), object, Unshowable()],
    ids=shown,
)  # fmt: skip
def test_what_is_no_number_is_no_value(target, value):
    """
    Strings, bools, Decimals, None and the like are type errors that say what to do.
    """
    refuse(target, InvalidTypeError, "expected a number; convert it with float", value=value, metadata={"suite": "new"})


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, np.float64("nan"), np.float32("inf"), 10**400, -(10**400), 10**5000, Fraction(10**400)],
    ids=shown,
)  # fmt: skip
def test_what_is_not_finite_is_no_value(target, value):
    """
    NaN, infinities and numbers beyond a float are value errors, and no split is decided for them.
    """
    refuse(
        target,
        InvalidValueError,
        "expected a finite number; leave the sample out",
        value=value,
        metadata={"suite": "new"},
    )


@pytest.mark.parametrize(
    "name", ["a", "é" * 255, "x" * 255, " ", "a b", "a\u00a0b", "1st", "{{ $labels }}", '"', "\U0001f600", Name.TEST]
)
def test_names_are_kept_as_typed(target, name):
    """
    A name of 1 to 255 characters is kept, whatever it is made of; of an enumeration's member its text.
    """
    put(target[0], name, 1)
    put(target[0], str.__str__(name), 2)
    (series,) = target[0].series()
    assert series.key.name == str.__str__(name)
    assert type(series.key.name) is str
    assert len(series) == 2


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("", InvalidNameError, "empty .0 characters.: expected 1 to 255"),
        ("x" * 256, InvalidNameError, "256 characters.: expected 1 to 255; shorten it"),
        ("x" * 10**6, InvalidNameError, "shorten it"),
        ("a\nb", InvalidNameError, "control characters"),
        ("a\x00", InvalidNameError, "control characters"),
        ("a\x7f", InvalidNameError, "control characters"),
        ("a\x85", InvalidNameError, "control characters"),
        ("a\u2028b", InvalidNameError, "control characters"),
        ("\ud800", InvalidNameError, "control characters"),
        ("autonomous_dev.x", InvalidNameError, "the library's own"),
        (5, InvalidTypeError, "metric name is 5: expected a string"),
        (None, InvalidTypeError, "expected a string"),
        (b"a", InvalidTypeError, "expected a string"),
        (["a"], InvalidTypeError, "expected a string"),
        (Unshowable(), InvalidTypeError, "expected a string"),
    ],
    ids=shown,
)
def test_other_names_are_refused(target, name, error, match):
    """
    An empty name, one beyond the bound, one with control characters or half a character, and ours are refused.
    """
    refuse(target, error, match, name=name)
    refuse(target, error, match, name=name, metadata={"suite": "x"})


@pytest.mark.parametrize("unit", [None, "", "s", "%", "By/s", "{error}", "x" * 63])
def test_units_up_to_their_bound(target, unit):
    """
    A unit of up to 63 ASCII characters is kept; none is the empty one.
    """
    put(target[0], "m", 1, unit=unit)
    assert target[0].series()[0].key.unit == (unit or "")


@pytest.mark.parametrize(
    ("unit", "error"),
    [("x" * 64, InvalidValueError), ("µs", InvalidValueError), ("s\n", InvalidValueError), ("\ud800", InvalidValueError), (5, InvalidTypeError),
     (b"s", InvalidTypeError), (["s"], InvalidTypeError), (Unshowable(), InvalidTypeError)],
    ids=shown,
)  # fmt: skip
def test_other_units_are_refused(target, unit, error):
    """
    A longer unit, one that is not ASCII and what is no string are refused.
    """
    refuse(target, error, "unit is", unit=unit, metadata={"suite": "x"})


EAST = timezone(timedelta(hours=5))


@pytest.mark.parametrize(
    ("time", "nanoseconds"),
    [
        (0, 0), (1, 10**9), (1795000000, 1795000000 * 10**9), (1795000000.5, 1795000000500000000), (Fraction(1, 2), 5 * 10**8),
        (np.float64(1.5), 1500000000), (np.int64(2), 2 * 10**9), (9223372036, 9223372036 * 10**9),
        (datetime(2026, 11, 24, tzinfo=UTC), 1795478400 * 10**9), (datetime(2026, 11, 24, 5, tzinfo=EAST), 1795478400 * 10**9),
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
    ],
    ids=shown,
)  # fmt: skip
def test_times_are_unix_seconds_or_datetimes(target, time, nanoseconds):
    """
    Unix seconds of any number type and datetimes with a time zone are kept to the nanosecond.
    """
    put(target[0], "m", 1, at=time)
    assert target[0].series()[0].times.tolist() == [nanoseconds]


@pytest.mark.parametrize(
    ("time", "error", "match"),
    [
        (-1, InvalidValueError, "expected Unix seconds from 1970 to 2262$"),
        (-1e-9, InvalidValueError, "1970 to 2262"),
        (9223372037, InvalidValueError, "1970 to 2262"),
        (1795000000000, InvalidValueError, "milliseconds must be divided by 1000"),
        (math.nan, InvalidValueError, "1970 to 2262$"),
        (math.inf, InvalidValueError, "1970 to 2262$"),
        (10**400, InvalidValueError, "1970 to 2262"),
        (10**5000, InvalidValueError, "1970 to 2262"),
        (datetime(2026, 11, 24), InvalidValueError, r"expected a time zone; use datetime.now\(timezone.utc\)"),  # noqa: DTZ001
        (datetime(1969, 12, 31, tzinfo=UTC), InvalidValueError, "1970 to 2262"),
        ("2026-11-24", InvalidTypeError, "expected Unix seconds or a datetime"),
        ("1795000000", InvalidTypeError, "expected Unix seconds or a datetime"),
        (True, InvalidTypeError, "expected Unix seconds or a datetime"),
        (Decimal(5), InvalidTypeError, "expected Unix seconds or a datetime"),
        (datetime(2026, 11, 24, tzinfo=UTC).date(), InvalidTypeError, "expected Unix seconds or a datetime"),
        (timedelta(1), InvalidTypeError, "expected Unix seconds or a datetime"),
    ],
    ids=shown,
)
def test_other_times_are_refused(target, time, error, match):
    """
    Times outside the range, without a zone, in milliseconds and of other types are refused, with the way out.
    """
    refuse(target, error, match, at=time, metadata={"suite": "x"})


def test_the_name_of_the_argument_is_in_the_error():
    """
    The argument that is wrong is named as its caller calls it.
    """
    with pytest.raises(InvalidTypeError, match=r"^since is 'x'"):
        unix_nano("x", "since")


def test_metadata_at_its_bounds(target):
    """
    64 keys of 255 characters each are recorded; the whole comes back.
    """
    metadata = {f"{i:02d}" + "k" * 253: i for i in range(64)}
    put(target[0], "m", 1, MappingProxyType(metadata))
    (series,) = target[0].series()
    assert dict((*series.key.identity, *series.contexts[0])).items() >= metadata.items()


def test_a_sample_of_64_kib_is_the_largest(target):
    """
    Metadata whose text takes 64 KiB is recorded, one byte more is refused.
    """

    def metadata(size: int) -> dict:
        return {"commit": "c" * size}

    low, high = 60_000, 70_000
    while high - low > 1:
        middle = (low + high) // 2
        try:
            target[0].check("m", 1.0, metadata(middle))
        except InvalidValueError:
            high = middle
        else:
            low = middle
    put(target[0], "m", 1, metadata(low))
    refuse(
        target, InvalidValueError, "takes 65537 bytes: expected at most 65536; leave some out", metadata=metadata(high)
    )
    assert values(target[0]) == [1]
    assert dict(target[0].series()[0].contexts[0])["commit"] == "c" * low


class Duration(enum.IntEnum):
    """
    A number as an enumeration.
    """

    LONG = 3


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("text", "text"), ("", ""), ("a\x00\n\u2028", "a\x00\n\u2028"), (True, True), (None, None), (-(2**63), -(2**63)), (2**63 - 1, 2**63 - 1),
        (0.1, 0.1), (np.int32(4), 4), (np.float32(0.5), 0.5), (np.str_("t"), "t"), (Name.TEST, "test_duration"), (Duration.LONG, 3),
        ([1, "a", None, True], (1, "a", None, True)), ((), ()), (range(2), (0, 1)), (Fraction(1, 4), 0.25),
    ],
    ids=shown,
)  # fmt: skip
def test_metadata_values_are_kept(target, value, kept):
    """
    Strings, numbers, bools, None and lists of those come back equal and of plain types.
    """
    put(target[0], "m", 1, {"os": value})
    ((_, found),) = target[0].series()[0].key.identity
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(
    ("metadata", "error", "match"),
    [
        ({f"k{i}": i for i in range(65)}, InvalidValueError, "has 65 keys: expected at most 64; leave some out"),
        ({"k" * 256: 1}, InvalidNameError, "metadata key is .*256 characters"),
        ({"": 1}, InvalidNameError, "metadata key is empty"),
        ({"a\n": 1}, InvalidNameError, "control characters"),
        ({"\udc80": 1}, InvalidNameError, "control characters"),
        ({5: 1}, InvalidTypeError, "metadata key is 5: expected a string"),
        ({"autonomous_dev.run.id": "x"}, InvalidNameError, "call it 'run_id'"),
        ({"k": "\ud800"}, InvalidValueError, "expected text that UTF-8 can hold"),
        ({"k": ["a", "\ud800"]}, InvalidValueError, "expected text that UTF-8 can hold"),
        ({"k": 2**63}, InvalidValueError, "expected a 64-bit integer; give it as a string"),
        ({"k": -(2**63) - 1}, InvalidValueError, "expected a 64-bit integer"),
        ({"k": 10**5000}, InvalidValueError, "expected a 64-bit integer"),
        ({"k": math.nan}, InvalidValueError, "expected a finite number; leave it out"),
        ({"k": [1.0, math.inf]}, InvalidValueError, "expected a finite number"),
        ({"k": Fraction(10**400, 3)}, InvalidValueError, "expected a finite number"),
        ({"k": {"a": 1}}, InvalidTypeError, "of type dict: expected a string, bool, number, None or a list"),
        ({"k": {1}}, InvalidTypeError, "of type set"),
        ({"k": [[1]]}, InvalidTypeError, "of type list"),
        ({"k": b"bytes"}, InvalidTypeError, "of type bytes"),
        ({"k": object()}, InvalidTypeError, "give it as a string"),
        ({"k": Unshowable()}, InvalidTypeError, "of type Unshowable"),
        ({"k": Decimal(1)}, InvalidTypeError, "of type Decimal"),
        ({"k": datetime(2026, 1, 1, tzinfo=UTC)}, InvalidTypeError, "of type datetime"),
        ({"k": np.array([1])}, InvalidTypeError, "of type ndarray"),
        ([("k", 1)], InvalidTypeError, "expected a mapping"),
        ("k=1", InvalidTypeError, "expected a mapping"),
        (0, InvalidTypeError, "metadata is 0: expected a mapping"),
        ([], InvalidTypeError, r"metadata is \[\]: expected a mapping"),
        (Unshowable(), InvalidTypeError, "expected a mapping"),
    ],
    ids=shown,
)
def test_other_metadata_is_refused(target, metadata, error, match):
    """
    Too many keys, bad keys and values of other types are refused before and after a good sample of that name.
    """
    refuse(target, error, match, metadata=metadata)
    put(target[0], "m", 1.0)
    refuse(target, error, match, metadata=metadata)


def test_equal_values_of_other_types_are_other_metadata(target):
    """
    1, 1.0 and True are equal in Python and are three values, inside lists too.
    """
    for i, value in enumerate([1, 1.0, True, (1,), [1.0], (True,)]):
        put(target[0], f"m{i}", 1.0, {"os": value})
        put(target[0], "same", i, {"commit": value})
        put(target[0], "same", i, {"commit": value})
    found = [series.key.identity[0][1] for series in target[0].series() if series.key.name != "same"]
    assert [repr(value) for value in found] == ["1", "1.0", "True", "(1,)", "(1.0,)", "(True,)"]
    (same,) = target[0].series("same")
    assert [repr(dict(context)["commit"]) for context in same.contexts[::2]] == [
        "1",
        "1.0",
        "True",
        "(1,)",
        "(1.0,)",
        "(True,)",
    ]


def test_a_check_writes_nothing(target):
    """
    What a run checks before it records leaves no trace, good or bad.
    """
    writer, state = target
    before = state()
    writer.check("m", 1.0, {"suite": "x", "commit": "c"})
    with pytest.raises(InvalidValueError):
        writer.check("m", math.nan, {"suite": "x"})
    with pytest.raises(InvalidNameError):
        writer.check("", 1.0, {"suite": "x"})
    assert state() == before
