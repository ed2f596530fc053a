"""Types that have one text."""

from __future__ import annotations

import enum
import uuid
from decimal import Decimal
from typing import Any

import pytest

from netshare.transport.datacontracts import (
    Char,
    DateTime,
    DateTimeKind,
    DeserializationFailed,
    Single,
    TimeSpan,
    UInt64,
    UnencodableValue,
)
from netshare.transport.xmlserializer import xml_attribute, xml_element, xml_enum, xml_type
from tests.helpers.xmlserializing import read, returned, written


@xml_enum(members={"A": "a a"})
class Plain(enum.Enum):
    A = 1
    B = 2


class Flags(enum.Flag):
    X = 1
    Y = 2


@xml_type
class Special:
    Day: DateTime = xml_element(data_type="date")
    Time: DateTime = xml_element(data_type="time")
    Hash: bytes | None = xml_element(data_type="hexBinary")
    Numbers: list[int] | None = xml_attribute()


@pytest.mark.parametrize(
    ("hint", "value", "text"),
    [
        (int, 5, "5"),
        (bool, True, "true"),
        (str, "<&>", "&lt;&amp;&gt;"),
        (float, 0.1, "0.1"),
        (float, float("inf"), "INF"),
        (Single, 0.5, "0.5"),
        (Decimal, Decimal("1.50"), "1.50"),
        (UInt64, 2**64 - 1, "18446744073709551615"),
        (Char, "A", "65"),
        (bytes, b"abc", "YWJj"),
        (uuid.UUID, uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (DateTime, DateTime(0, DateTimeKind.UTC), "0001-01-01T00:00:00Z"),
        (TimeSpan, TimeSpan(10_000_000), "PT1S"),
        (Plain, Plain.A, "a a"),
        (Plain, Plain.B, "B"),
        (Flags, Flags.X | Flags.Y, "X Y"),
    ],
)
def test_texts(hint: Any, value: Any, text: str) -> None:
    """Each simple type has .NET's text, and is read from it."""
    assert written(hint, value) == f"<v>{text}</v>"
    assert read(hint, f"<v>{text}</v>") == value
    assert returned(hint, value) == value


def test_data_types() -> None:
    """Dates, times and bytes can have other texts, and lists can be one text."""
    value = Special(DateTime(864_000_000_000), DateTime(36_000_000_000), b"\x01\xff", [1, 2])
    xml = '<v Numbers="1 2"><Day>0001-01-02</Day><Time>01:00:00</Time><Hash>01FF</Hash></v>'
    assert written(Special, value) == xml
    assert read(Special, xml) == value
    late = read(Special, "<v><Time>01:00:00+02:00</Time></v>").Time
    assert late == DateTime(23 * 36_000_000_000, DateTimeKind.LOCAL)


@pytest.mark.parametrize(
    ("hint", "xml"),
    [
        (int, "<v>x</v>"),
        (int, "<v/>"),
        (int, "<v>99999999999</v>"),
        (int, "<v><w/></v>"),
        (int, '<v xsi:nil="true"/>'),
        (bool, "<v>yes</v>"),
        (Plain, "<v>C</v>"),
        (Flags, "<v>X Z</v>"),
        (Special, "<v><Hash>0</Hash></v>"),
        (Special, "<v Numbers='1 x'/>"),
        (Special, "<v><Time>25:00:00</Time></v>"),
    ],
)
def test_no_values(hint: Any, xml: str) -> None:
    """A text that is none of the type is an error that names the element."""
    with pytest.raises(DeserializationFailed) as caught:
        read(hint, xml)
    assert caught.value.parts[0] == "v"


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, "x"),
        (int, 2**31),
        (int, None),
        (int, True),
        (str, 5),
        (str, None),
        (Plain, Flags.X),
        (Plain, "A"),
        (Special, Special(Numbers=["a b"])),  # type: ignore[list-item]
        (Special, Special(Numbers=5)),  # type: ignore[arg-type]
        (bytes, "abc"),
    ],
)
def test_wrong_values(hint: Any, value: Any) -> None:
    """A value that is not of the type is not sent."""
    with pytest.raises(UnencodableValue):
        written(hint, value)
