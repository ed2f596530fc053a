"""Array records, cut at once and converted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from netshare.transport.xml import DateTime, Single, TimeSpan, XmlException
from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.arrays import ArrayCut, array_at, array_values
from netshare.transport.xml.binary.encode import pack_items
from netshare.transport.xml.binary.records import multibyte

ITEM = b"\x5e\x03int"
CASES: list[tuple[int, list[Any]]] = [
    (R.BOOL, [True, False, True]),
    (R.INT16, [1, -1]),
    (R.INT32, list(range(-300, 300))),
    (R.INT64, [1 << 40]),
    (R.FLOAT, [Single(1.5)]),
    (R.DOUBLE, [0.1, -2.0]),
    (R.DECIMAL, [Decimal("1.50"), Decimal(-3)]),
    (R.DATETIME, [DateTime(637134336000000000)]),
    (R.TIMESPAN, [TimeSpan(-5)]),
]


def record(kind: int, values: list[Any], header: bytes = ITEM) -> bytes:
    """An array record."""
    items = pack_items(kind, values)
    return b"\x03" + header + b"\x01" + bytes((kind | 1,)) + multibyte(len(values)) + items


@pytest.mark.parametrize(("kind", "values"), CASES)
@pytest.mark.parametrize("header", [ITEM, b"\x40\x01a", b"\x42\x81\x02"])
def test_arrays(kind: int, values: list[Any], header: bytes) -> None:
    """The start tag of the items, their values, and where the record ends."""
    data = b"xx" + record(kind, values, header)
    found = array_at(data + b"\x01", 2)
    assert found is not None
    start, cut, end = found
    assert (start, cut.kind, cut.length, end) == (header, kind | 1, len(values), len(data))
    assert list(cut.values()) == values
    assert array_at(data[:-1], 2) is None


@pytest.mark.parametrize(
    "data",
    [
        ITEM + b"\x01\x8b\x01\x00\x00",
        b"\x03" + ITEM + b"\x08\x01x\x01\x8b\x01\x00\x00",  # attributes
        b"\x03" + ITEM + b"\x8b\x01\x00\x00",
        b"\x03" + ITEM + b"\x01\x8a\x01\x00\x00",
        b"\x03" + ITEM + b"\x01\x99\x01\x00\x00",
        b"\x03" + ITEM + b"\x01\x8b\x00",
        b"\x03" + ITEM + b"\x01\x8b",
        b"\x03" + ITEM + b"\x01\x8b\xff\xff",
        b"\x03" + ITEM + b"\x01\x8b\xff\xff\xff\xff\xff\x00",
        b"\x03" + ITEM + b"\x01\x8b\xff\xff\xff\xff\x07\x00",
        b"\x03\x40\xff",
        b"",
    ],
)
def test_what_is_no_usual_array(data: bytes) -> None:
    """The ordinary reader has to find out what it is."""
    assert array_at(data, 0) is None


def test_items_without_a_value() -> None:
    """An error says where it is."""
    raw = bytes(16) + b"\xff" * 16
    with pytest.raises(XmlException) as caught:
        array_values(R.DECIMAL | 1, raw, 2, 100)
    assert caught.value.offset == 116
    with pytest.raises(XmlException):
        ArrayCut(R.DECIMAL | 1, raw, 2).values()
