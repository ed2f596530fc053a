"""Values of the records of simple types."""

from __future__ import annotations

import enum
import uuid
from decimal import Decimal
from typing import Any

import pytest

from netshare.transport.datacontracts import Byte, DateTimeOffset, Int64
from netshare.transport.datacontracts.errors import DeserializationFailed
from netshare.transport.datacontracts.generated.readleaves import offset_of, read_leaf, value_of
from netshare.transport.datacontracts.generated.source import Source, Unusual
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.xml import DateTime, DateTimeKind, XmlException
from netshare.transport.xml.binary.encode import encode_text

GUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")


class Mode(enum.Enum):
    OFF = 0
    ON = 1


class Bits(enum.Flag):
    A = 1
    B = 2


CASES: list[tuple[Any, Any, Any]] = [
    (int, 1, 1),
    (int, 300, 300),
    (int, -70000, -70000),
    (int, "12", 12),
    (Byte, 255, 255),
    (Int64, 1 << 40, 1 << 40),
    (bool, True, True),
    (bool, "false", False),
    (float, 2.5, 2.5),
    (float, 3, 3.0),
    (Decimal, Decimal("1.50"), Decimal("1.50")),
    (Decimal, 7, Decimal(7)),
    (str, "é", "é"),
    (str, "", ""),
    (str, 1, "1"),
    (uuid.UUID, str(GUID), GUID),
    (uuid.UUID, str(GUID).upper(), GUID),
    (uuid.UUID, "{" + str(GUID) + "}", GUID),
    (DateTime, DateTime(5), DateTime(5)),
    (Mode, "ON", Mode.ON),
    (Mode, " ON ", Mode.ON),
    (Bits, "B", Bits.B),
    (Bits, "A B", Bits.A | Bits.B),
    (Bits, "", Bits(0)),
]


def generated(hint: Any, record: bytes) -> Any:
    source = Source("test")
    with source.block("def read(t):"):
        read_leaf(source, contract_of(hint), "v")
        source.line("return v")
    return source.compile("read")(record)


@pytest.mark.parametrize(("hint", "wire", "expected"), CASES)
def test_values(hint: Any, wire: Any, expected: Any) -> None:
    """Of every record the value is that of the contract, of its very type."""
    record = encode_text(wire, 1)
    for found in (generated(hint, record), value_of(contract_of(hint))(record)):
        assert found == expected
        assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("hint", "wire"), [(int, "x"), (Byte, 256), (Mode, "OTHER"), (uuid.UUID, "x" * 36), (bool, 2)]
)
def test_no_values(hint: Any, wire: Any) -> None:
    """What the contract refuses is refused."""
    with pytest.raises((XmlException, DeserializationFailed)):
        generated(hint, encode_text(wire, 1))


def test_offsets() -> None:
    """A DateTimeOffset has to be one that .NET can have."""
    moment = encode_text(DateTime(10**17, DateTimeKind.UTC), 1)
    assert offset_of(moment, encode_text(60, 1)) == DateTimeOffset(10**17, 60)
    with pytest.raises(Unusual):
        offset_of(moment, encode_text(841, 1))
