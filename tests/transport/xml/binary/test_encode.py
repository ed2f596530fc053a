"""From values to records."""

from __future__ import annotations

import datetime
import math
import uuid
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netshare.transport.xml import (
    DateTime,
    DateTimeKind,
    Element,
    Guid,
    Name,
    Single,
    TimeSpan,
    UniqueId,
    ValueList,
    XmlException,
)
from netshare.transport.xml.binary import (
    BinaryWriter,
)
from netshare.transport.xml.binary.encode import _unusual_decimal, encode_text

CONTEXT = Context(prec=60)
SOME_GUID = uuid.UUID("33221100-5544-7766-8899-aabbccddeeff")


@pytest.mark.parametrize(
    ("value", "record"),
    [
        (0, "80"), (1, "82"), (2, "8802"), (-1, "88ff"), (127, "887f"), (-128, "8880"),
        (128, "8a8000"), (-129, "8a7fff"), (32767, "8aff7f"), (32768, "8c00800000"),
        (-(2**31), "8c00000080"), (2**31, "8e0000008000000000"),
        (-(2**63), "8e0000000000000080"), (2**63, "b20000000000000080"),
        (2**64, "9814" + b"18446744073709551616".hex()),
        (True, "86"), (False, "84"),
        (100.0, "8864"), (1.5, "900000c03f"), (0.0, "80"), (-0.0, "9000000080"),
        (0.1, "929a9999999999b93f"), (1e300, "929c7500883ce4377e"),
        (math.inf, "900000807f"), (-math.inf, "90000080ff"), (math.nan, "92000000000000f87f"),
        (16777217.0, "92000000100000 7041".replace(" ", "")), (float(2**40), "8e0000000000010000"),
        (float(2**63), "900000005f"),
        (Single(2.5), "9000002040"), (Single(3), "8803"), (Single("nan"), "900000c07f"),
        ("", "a8"), ("0", "80"), ("1", "82"), ("2", "980132"), ("é", "9802c3a9"),
        ("中", "9803e4b8ad"), ("中文", "b6042d4e8765"), ("a" * 255, "98ff" + "61" * 255),
        ("a" * 256, "9a0001" + "61" * 256), ("a" * 65536, "9c00000100" + "61" * 65536),
        ("😀", "9804f09f9880"), ("中" * 200, "b89001" + "2d4e" * 200),
        (b"", ""), (b"a", "9e0161"), (b"abc", "9e03616263"), (b"abcd", "9e036162639e0164"),
        (b"x" * 256, "9eff" + "78" * 255 + "9e0178"),
        (b"x" * 258, "a00201" + "78" * 258),
        (Decimal("1.50"), "94000002000000000096" + "00" * 7),
        (Decimal("-79228162514264337593543950335"), "9400000080" + "ff" * 12),
        (Decimal("1E+3"), "940000000000000000e803" + "00" * 6),
        (DateTime(1, DateTimeKind.UTC), "960100000000000040"),
        (DateTime(1, DateTimeKind.LOCAL), "960100000000000080"),
        (TimeSpan(-1), "aeffffffffffffffff"),
        (Guid.from_uuid(SOME_GUID), "b000112233445566778899aabbccddeeff"),
        (UniqueId.from_uuid(SOME_GUID), "ac00112233445566778899aabbccddeeff"),
        (SOME_GUID, "b000112233445566778899aabbccddeeff"),
        (datetime.datetime(1, 1, 1, 0, 0, 0, 1), "960a00000000000000"),
        (datetime.datetime(1, 1, 1, tzinfo=datetime.UTC), "960000000000000040"),
        (datetime.timedelta(microseconds=-1), "aef6ffffffffffffff"),
        (bytearray(b"abc"), "9e03616263"),
    ],
)  # fmt: skip
def test_smallest_record(value: Any, record: str) -> None:
    """A value takes the record .NET gives it."""
    assert encode_text(value).hex() == record


@pytest.mark.parametrize("value", [0, 5, "text", "", 1.5, b"abcd", b"a", b"", True, Single(0.1)])
def test_end_is_merged_into_the_last_record(value: Any) -> None:
    """The last text of an element closes it with its odd form, by all ways to write it."""
    expected = b"@\x01a" + encode_text(value, 1)
    direct = BinaryWriter()
    direct.element("a", value)
    again = BinaryWriter()
    again.start_element("a")
    again.text(value)
    again.end_element()
    once_more = BinaryWriter()
    once_more.node(Element(Name("", "a"), (), (value,)))
    expected = expected.replace(b"@\x01a", b"\x42\xb6\x01")  # "a" is a dictionary string
    assert direct.getvalue() == again.getvalue() == once_more.getvalue() == expected


@pytest.mark.parametrize(
    "value",
    ["\ud800", Decimal("NaN"), Decimal("1e29"), Decimal(2**96), Decimal("1e-29"), object(),
     TimeSpan(2**63), ValueList((ValueList(),))],
)  # fmt: skip
def test_what_cannot_be_written(value: Any) -> None:
    """Values that no record can hold are refused with our exception."""
    writer = BinaryWriter()
    writer.start_element("x")
    with pytest.raises(XmlException):
        writer.text(value)


@given(
    st.integers(0, 2**97),
    st.integers(-30, 30),
    st.booleans(),
)
def test_decimals_by_their_text(number: int, exponent: int, negative: bool) -> None:
    """However a decimal is written in Python, it is the record that its digits make, or refused."""
    value = Decimal(number).scaleb(exponent, CONTEXT)
    if negative:
        value = value.copy_negate()
    try:
        expected: bytes | None = _unusual_decimal(value, 1)
    except XmlException:
        expected = None
    try:
        assert encode_text(value, 1) == expected
    except XmlException:
        assert expected is None
