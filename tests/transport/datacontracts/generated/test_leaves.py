"""Elements of one text: usual values as source, others by a call."""

from __future__ import annotations

import enum
import uuid
from decimal import Decimal
from typing import Any

import pytest

from netshare.transport.datacontracts import (
    Char,
    DateTime,
    DateTimeOffset,
    Int64,
    Single,
    TimeSpan,
    UInt64,
    UnencodableValue,
    Uri,
)
from netshare.transport.datacontracts.generated.leaves import (
    is_leaf,
    offset_records,
    record_of,
    write_leaf,
)
from netshare.transport.datacontracts.generated.source import Source, Unusual
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.xml.binary import BinaryWriter
from tests.peers.datatypes import Colour, Rights


class Level(enum.IntEnum):
    LOW = 1


def usual(hint: Any) -> Any:
    """The function of :func:`write_leaf` alone, of which an unusual value asks ``slow``."""
    source = Source("leaf")
    with source.block("def write(v):"):
        write_leaf(source, contract_of(hint), "r", ["r = b'null'"])
        source.line("return r")
    text = source.text
    return source.compile("write"), text


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (bool, True),
        (bool, False),
        (int, 0),
        (int, 1),
        (int, -1),
        (int, 127),
        (int, 128),
        (int, -129),
        (int, 40_000),
        (int, -(2**31)),
        (Int64, 2**40),
        (UInt64, 2**64 - 1),
        (UInt64, 5),
        (Single, 0.5),
        (Single, 2.0),
        (float, 0.1),
        (float, -0.0),
        (float, 1e300),
        (Decimal, Decimal("1.50")),
        (str, ""),
        (str, "0"),
        (str, "1"),
        (str, "x"),
        (str, "abc"),
        (str, "é"),
        (str, "x" * 255),
        (str, "x" * 256),
        (Uri, "urn:x"),
        (bytes, b""),
        (bytes, b"ab"),
        (bytes, b"abcd"),
        (Char, "x"),
        (uuid.UUID, uuid.UUID(int=5)),
        (DateTime, DateTime(5)),
        (TimeSpan, TimeSpan(5)),
        (Colour, Colour.Green),
        (Rights, Rights.Read),
        (Rights, Rights.Read | Rights.Own),
        (Rights, Rights(0)),
        (Level, Level.LOW),
    ],
)
def test_records(hint: Any, value: Any) -> None:
    """A record is the one that the ordinary writer makes, with the element's end."""
    contract = contract_of(hint)
    assert is_leaf(contract)
    expected = BinaryWriter()
    contract.element_writer()(expected, "a", "", "", value, None)  # type: ignore[arg-type]
    head = BinaryWriter().header("", "a")
    assert head + usual(hint)[0](value) == expected.getvalue()
    assert head + record_of(contract)(value) == expected.getvalue()


@pytest.mark.parametrize("hint", [str, int | None, Colour | None, bytes])
def test_null(hint: Any) -> None:
    """A null, where there is one, is what the caller says."""
    assert usual(hint)[0](None) == b"null"


@pytest.mark.parametrize("hint", [int, bool, Decimal, Colour])
def test_no_null(hint: Any) -> None:
    """Where there is none, it is an error."""
    with pytest.raises(UnencodableValue):
        usual(hint)[0](None)


@pytest.mark.parametrize(
    ("hint", "value"),
    [(int, True), (int, 2**31), (str, 5), (str, "\ud800"), (bool, 1), (Colour, Rights.Read)],
)
def test_wrong_values(hint: Any, value: Any) -> None:
    """A value that is none of the type is left to the contract, which complains."""
    with pytest.raises(UnencodableValue):
        usual(hint)[0](value)


@pytest.mark.parametrize(("hint", "value"), [(str, "x" * 70_000), (bytes, b"x" * 70_000)])
def test_long_values(hint: Any, value: Any) -> None:
    """A long value is left to the ordinary writer, which may send it without a copy."""
    with pytest.raises(Unusual):
        usual(hint)[0](value)


@pytest.mark.parametrize("offset", [DateTimeOffset(5, 841), DateTimeOffset(-1, 0)])
def test_offsets_out_of_range(offset: DateTimeOffset) -> None:
    """A DateTimeOffset that is none of .NET's is not written."""
    with pytest.raises(Unusual):
        offset_records(offset)


def test_structures_are_no_leaves() -> None:
    """Lists and objects are no leaves."""
    assert not any(is_leaf(contract_of(hint)) for hint in (list[int], object, DateTimeOffset))
