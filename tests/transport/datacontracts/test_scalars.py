"""Simple types: what they take of Python's values, and what not."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pytest

from netshare.transport.datacontracts import (
    Byte,
    Char,
    DateTime,
    DateTimeOffset,
    DeserializationFailed,
    Int16,
    Int64,
    SByte,
    Single,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    UnencodableValue,
)
from netshare.transport.xml import Guid
from tests.helpers.serializing import (
    inner,
    through_binary,
    to_text,
)

BAD: list[tuple[Any, Any, str]] = [
    (int, 2**31, "out of the range of Int32"),
    (int, True, "True .bool. is no Int32"),
    (int, 1.0, "is no Int32"),
    (int, None, "None is no Int32"),
    (Byte, 256, "Byte, 0 to 255"),
    (Byte, -1, "Byte"),
    (SByte, 128, "SByte"),
    (Int16, 32768, "Int16"),
    (UInt16, -1, "UInt16"),
    (UInt32, 2**32, "UInt32"),
    (Int64, 2**63, "Int64"),
    (UInt64, 2**64, "UInt64"),
    (Single, 1e39, "Single"),
    (float, "1", "Double"),
    (float, 10**400, "Double"),
    (float, True, "Double"),
    (bool, 1, "Boolean"),
    (str, 1, "String"),
    (str, b"x", "String"),
    (str, "\ud800", "surrogate"),
    (Char, "ab", "Char"),
    (Char, "\U0001f600", "Char"),
    (bytes, "x", "Byte"),
    (Decimal, Decimal("79228162514264337593543950336"), "Decimal"),
    (Decimal, Decimal("NaN"), "Decimal"),
    (Decimal, 1.5, "Decimal"),
    (uuid.UUID, "x", "Guid"),
    (DateTime, DateTime(-1), "DateTime"),
    (DateTime, "2020", "DateTime"),
    (DateTime, datetime.date(2020, 1, 1), "DateTime"),
    (TimeSpan, TimeSpan(2**63), "TimeSpan"),
]


WRONG: list[tuple[Any, str, str]] = [
    (int, "x", "cannot be parsed"),
    (int, "2147483648", "cannot be parsed"),
    (bool, "maybe", "cannot be parsed"),
    (Char, "65536", "cannot be parsed"),
    (uuid.UUID, "1", "cannot be parsed"),
    (int, "<y/>", "Text was expected"),
]


@pytest.mark.parametrize(("hint", "value", "message"), BAD)
def test_unencodable(hint: Any, value: Any, message: str) -> None:
    """A value that the type cannot have is an error naming both, in binary and in text."""
    for write in (to_text, through_binary):
        with pytest.raises(UnencodableValue, match=message):
            write(hint, value)


@pytest.mark.parametrize(("hint", "content", "message"), WRONG)
def test_wrong_content(hint: Any, content: str, message: str) -> None:
    """Content of another type is an error that says so."""
    with pytest.raises(DeserializationFailed, match=message):
        inner(hint, content)


def test_python_values() -> None:
    """Python's own dates, times and integers are taken where .NET's are declared."""
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.UTC)
    assert through_binary(DateTime, moment).to_datetime() == moment
    assert through_binary(DateTimeOffset, moment).to_datetime() == moment
    length = datetime.timedelta(days=-1, microseconds=5)
    assert through_binary(TimeSpan, length).to_timedelta() == length
    assert through_binary(Decimal, 5) == Decimal(5)
    assert through_binary(float, 5) == 5.0
    assert through_binary(bytes, bytearray(b"ab")) == b"ab"
    identifier = uuid.uuid4()
    assert through_binary(uuid.UUID, Guid.from_uuid(identifier)) == identifier
    assert through_binary(list[int], (1, 2)) == [1, 2]
