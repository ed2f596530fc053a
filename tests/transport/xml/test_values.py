"""Typed values and their text."""

from __future__ import annotations

import datetime
import math
import struct
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.transport.xml import (
    DateTime,
    DateTimeKind,
    Guid,
    QualifiedName,
    Single,
    TimeSpan,
    UniqueId,
    ValueList,
    XmlException,
    lexical,
)

DAY = 864_000_000_000
LAST = 3155378975999999999
SOME_GUID = uuid.UUID("33221100-5544-7766-8899-aabbccddeeff")
SOME_TEXT = "33221100-5544-7766-8899-aabbccddeeff"


def single(value: float) -> Single:
    """The nearest float of 32 bits."""
    return Single(struct.unpack("<f", struct.pack("<f", value))[0])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e14, "100000000000000"), (1e15, "1000000000000000"),
        (999999999999999.0, "999999999999999"), (1234567890123456.0, "1234567890123456"),
        (1.2345678901234568e17, "1.2345678901234568E+17"), (1e16, "10000000000000000"),
        (1e-4, "0.0001"), (1e-5, "1E-05"), (1.5e-5, "1.5E-05"), (0.00012345, "0.00012345"),
        (1e22, "1E+22"), (1e100, "1E+100"), (5e-324, "5E-324"), (0.1, "0.1"), (100.0, "100"),
        (1.7976931348623157e308, "1.7976931348623157E+308"), (123456.789, "123456.789"),
        (-1e-7, "-1E-07"), (2.0**53, "9007199254740992"), (-0.0, "-0"), (0.0, "0"),
        (1.2345678901234567e19, "1.2345678901234567E+19"),
        (math.nan, "NaN"), (math.inf, "INF"), (-math.inf, "-INF"),
        (single(1e6), "1000000"), (single(12345678), "12345678"), (single(123456789), "123456790"),
        (single(1e8), "100000000"), (single(1e-4), "0.0001"), (single(1e-5), "1E-05"),
        (single(0.1), "0.1"), (single(16777216), "16777216"),
        (single(3.4028235e38), "3.4028235E+38"),
        (single(1e-45), "1E-45"), (single(1.5e10), "1.5E+10"), (single(1e9), "1E+09"),
        (single(-0.0), "-0"), (Single("nan"), "NaN"), (Single("-inf"), "-INF"),
        (Decimal("1.50"), "1.50"), (Decimal("0.00"), "0.00"), (Decimal("-0"), "0"),
        (Decimal("-0.0"), "0.0"), (Decimal("0." + "0" * 25 + "150"), "0." + "0" * 25 + "150"),
        (TimeSpan(0), "PT0S"), (TimeSpan(1), "PT0.0000001S"), (TimeSpan(DAY), "P1D"),
        (TimeSpan(DAY * 366), "P366D"), (TimeSpan(-1), "-PT0.0000001S"),
        (TimeSpan(-(2**63)), "-P10675199DT2H48M5.4775808S"),
        (TimeSpan(600_000_000), "PT1M"), (TimeSpan(5_000_000), "PT0.5S"),
        (TimeSpan(DAY + 1), "P1DT0.0000001S"), (TimeSpan(-DAY), "-P1D"),
        (DateTime(0), "0001-01-01T00:00:00"), (DateTime(LAST), "9999-12-31T23:59:59.9999999"),
        (DateTime(0, DateTimeKind.UTC), "0001-01-01T00:00:00Z"),
        (DateTime(636000000001234560), "2016-05-28T02:40:00.123456"),
        (Guid.from_uuid(SOME_GUID), SOME_TEXT),
        (UniqueId.from_uuid(SOME_GUID), "urn:uuid:" + SOME_TEXT),
        (SOME_GUID, SOME_TEXT), (QualifiedName("a", "b"), "a:b"), (b"abcd", "YWJjZA=="),
        (True, "true"), (False, "false"), (-5, "-5"), (2**64 - 1, "18446744073709551615"),
        (ValueList((1, "x", True)), "1 x true"), (ValueList(()), ""),
        (datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC), "2020-01-02T00:00:00Z"),
        (datetime.timedelta(hours=1), "PT1H"),
    ],
)  # fmt: skip
def test_lexical(value: Any, text: str) -> None:
    """A value prints as .NET 10 prints it."""
    assert lexical(value) == text


def test_lexical_of_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A local time prints in this machine's zone with its offset."""
    import time

    monkeypatch.setenv("TZ", "XXX-05:30")
    time.tzset()
    try:
        assert lexical(DateTime(DAY, DateTimeKind.LOCAL)) == "0001-01-02T05:30:00+05:30"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_no_value() -> None:
    """What is no value of XML is refused."""
    with pytest.raises(XmlException):
        lexical(object())  # type: ignore[arg-type]


@pytest.mark.parametrize("binary", [LAST + 1, 1 << 62 | LAST + 1, 1 << 63 | LAST + DAY])
def test_datetime_out_of_range(binary: int) -> None:
    """Ticks past the year 9999 are refused whatever the kind."""
    with pytest.raises(XmlException, match="DateTime"):
        DateTime.from_binary(binary)


@given(st.integers(0, LAST), st.sampled_from([DateTimeKind.UNSPECIFIED, DateTimeKind.UTC]))
def test_datetime_binary_round_trip(ticks: int, kind: DateTimeKind) -> None:
    """ToBinary and FromBinary are inverse."""
    value = DateTime(ticks, kind)
    assert DateTime.from_binary(value.to_binary()) == value


@given(st.datetimes(timezones=st.just(datetime.UTC)) | st.datetimes())
def test_datetime_of_python(value: datetime.datetime) -> None:
    """Python's datetimes go there and back, zone kept."""
    assert DateTime.from_datetime(value).to_datetime() == value


@given(st.timedeltas())
def test_timespan_of_python(value: datetime.timedelta) -> None:
    """Python's timedeltas go there and back."""
    assert TimeSpan.from_timedelta(value).to_timedelta() == value


@given(st.uuids())
def test_guid_of_python(value: uuid.UUID) -> None:
    """Python's UUIDs go there and back, and print the same."""
    assert Guid.from_uuid(value).uuid == UniqueId.from_uuid(value).uuid == value
    assert str(Guid.from_uuid(value)) == str(value)
