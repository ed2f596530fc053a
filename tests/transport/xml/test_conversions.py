"""What a value is when a contract wants a type of it."""

from __future__ import annotations

import math
import uuid
from decimal import Decimal
from typing import Any

import pytest

from netshare.transport.xml import (
    DateTime,
    DateTimeKind,
    Guid,
    TimeSpan,
    UniqueId,
    XmlException,
)
from netshare.transport.xml import conversions as c

DAY = 864_000_000_000
SOME_GUID = uuid.UUID("33221100-5544-7766-8899-aabbccddeeff")
SOME_TEXT = "33221100-5544-7766-8899-aabbccddeeff"


@pytest.mark.parametrize(
    ("convert", "value", "result"),
    [
        (c.as_integer, 5, 5), (c.as_integer, " 5 ", 5), (c.as_integer, "-5", -5),
        (c.as_integer, 5.0, 5), (c.as_integer, "+7", 7), (c.as_integer, Decimal("8"), 8),
        (c.as_boolean, True, True), (c.as_boolean, 1, True), (c.as_boolean, 0, False),
        (c.as_boolean, " true ", True), (c.as_boolean, "0", False),
        (c.as_double, 5, 5.0), (c.as_double, "INF", math.inf), (c.as_double, "-INF", -math.inf),
        (c.as_double, "1e3", 1000.0), (c.as_double, Decimal("1.5"), 1.5), (c.as_double, ".5", 0.5),
        (c.as_single, 0.1, 0.10000000149011612), (c.as_single, math.inf, math.inf),
        (c.as_decimal, 5, Decimal(5)), (c.as_decimal, "1.50", Decimal("1.50")),
        (c.as_decimal, 1.5, Decimal("1.5")),
        (c.as_guid, SOME_TEXT.upper(), Guid.from_uuid(SOME_GUID)),
        (c.as_guid, "{" + SOME_TEXT + "}", Guid.from_uuid(SOME_GUID)),
        (c.as_unique_id, "urn:uuid:" + SOME_TEXT, UniqueId.from_uuid(SOME_GUID)),
        (c.as_unique_id, "uuid:x;id=1", "uuid:x;id=1"),
        (c.as_datetime, "2020-01-02T03:04:05.5", DateTime(637135310455000000)),
        (c.as_datetime, "2020-01-02Z", DateTime(637135200000000000, DateTimeKind.UTC)),
        (c.as_datetime, "2020-01-02T03:00:00+01:00",
         DateTime(637135272000000000, DateTimeKind.LOCAL)),
        (c.as_timespan, "PT1H", TimeSpan(36_000_000_000)), (c.as_timespan, "-P1D", TimeSpan(-DAY)),
        (c.as_timespan, "P1Y2M3DT4H5M6.7S",
         TimeSpan((428 * 86400 + 4 * 3600 + 5 * 60 + 6) * 10**7 + 7 * 10**6)),
        (c.as_bytes, " YWJj\n ZA== ", b"abcd"), (c.as_bytes, "", b""), (c.as_bytes, b"x", b"x"),
        (c.as_string, 5, "5"), (c.as_string, True, "true"), (c.as_string, "x", "x"),
    ],
)  # fmt: skip
def test_conversion(convert: Any, value: Any, result: Any) -> None:
    """A contract's type decides what a value is, not the record."""
    converted = convert(value)
    assert converted == result
    assert type(converted) is type(result)


@pytest.mark.parametrize(
    ("convert", "value"),
    [
        (c.as_integer, 2**31), (c.as_integer, "1.5"), (c.as_integer, ""), (c.as_integer, "1_0"),
        (c.as_integer, "9" * 5000), (c.as_integer, True), (c.as_integer, "٣"),
        (c.as_boolean, "yes"), (c.as_boolean, 2), (c.as_double, "1_0"), (c.as_double, "inf"),
        (c.as_double, ""), (c.as_single, 1e300), (c.as_decimal, "1e5"), (c.as_decimal, "NaN"),
        (c.as_decimal, "1" * 100), (c.as_guid, "x"), (c.as_guid, SOME_TEXT + "0"),
        (c.as_unique_id, " "), (c.as_datetime, "2020-13-01"), (c.as_datetime, "today"),
        (c.as_datetime, "2020-01-01T24:00:01"), (c.as_datetime, "2020-01-01T00:00:00+15:00"),
        (c.as_timespan, "P"), (c.as_timespan, "PT"), (c.as_timespan, "P1DT"),
        (c.as_timespan, "P99999999D"), (c.as_timespan, ""), (c.as_bytes, "YQ"),
        (c.as_bytes, "é"), (c.as_bytes, "=="),
    ],
)  # fmt: skip
def test_failing_conversion(convert: Any, value: Any) -> None:
    """What cannot be converted is refused with our exception."""
    with pytest.raises(XmlException):
        convert(value)


def test_integer_ranges() -> None:
    """Each integer type has its own range."""
    assert c.as_integer(255, "unsignedByte") == 255
    assert c.as_integer(2**64 - 1, "unsignedLong") == 2**64 - 1
    for name in c.INTEGER_RANGES:
        low, high = c.INTEGER_RANGES[name]
        assert c.as_integer(low, name) == low
        for wrong in (low - 1, high + 1):
            with pytest.raises(XmlException, match=name):
                c.as_integer(wrong, name)
