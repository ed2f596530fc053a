"""Values of the records of simple types."""

from __future__ import annotations

import copy
import enum
import pickle
import uuid
from decimal import Decimal
from typing import Any

import pytest

from netshare.transport.datacontracts import Byte, DateTimeOffset, Int16, Int64, Single
from netshare.transport.datacontracts.errors import DeserializationFailed
from netshare.transport.datacontracts.generated.readleaves import offset_of, read_leaf, value_of
from netshare.transport.datacontracts.generated.source import Source, Unusual
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.xml import DateTime, DateTimeKind, XmlException
from netshare.transport.xml import Single as SingleValue
from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.encode import encode_text

MOMENTS = [
    DateTime(ticks, kind) for ticks in (0, 10**17, 3155378975999999999) for kind in DateTimeKind
]
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
    (float, 0.1, 0.1),
    (float, 1e300, 1e300),
    (Single, 2.5, 2.5),
    (Single, SingleValue(0.1), 0.10000000149011612),
    (Int16, 300, 300),
    (Int64, -300, -300),
    (Int64, 70000, 70000),
    (Decimal, 7, Decimal(7)),
    (Decimal, Decimal("-79228162514264337593543950335"), Decimal("-79228162514264337593543950335")),
    (Decimal, Decimal("-0.00"), Decimal("-0.00")),
    (Decimal, Decimal("0.0000000000000000000000000001"), Decimal("1E-28")),
    (str, "é", "é"),
    (str, "日本語", "日本語"),
    (str, "日本語" * 200, "日本語" * 200),
    (str, "", ""),
    (str, 1, "1"),
    (uuid.UUID, str(GUID), GUID),
    (uuid.UUID, str(GUID).upper(), GUID),
    (uuid.UUID, "{" + str(GUID) + "}", GUID),
    (DateTime, DateTime(5), DateTime(5)),
    *((DateTime, moment, moment) for moment in MOMENTS),
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
        assert repr(found) == repr(expected)
        assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("hint", "wire"), [(int, "x"), (Byte, 256), (Mode, "OTHER"), (uuid.UUID, "x" * 36), (bool, 2)]
)
def test_no_values(hint: Any, wire: Any) -> None:
    """What the contract refuses is refused."""
    with pytest.raises((XmlException, DeserializationFailed)):
        generated(hint, encode_text(wire, 1))


@pytest.mark.parametrize(
    "text",
    [
        str(GUID)[:-1],
        str(GUID).replace("-", "_"),
        "0" + str(GUID)[:8] + str(GUID)[9:],
        "-" + str(GUID)[1:],
        str(GUID)[:-1] + "g",
        str(GUID)[:-1] + "-",
        str(GUID)[:-1] + " ",
        "+" + str(GUID)[1:],
    ],
)
def test_no_guids(text: str) -> None:
    """What is nearly the text of a Guid is none, or the one that the contract makes of it."""
    record = encode_text(text, 1)
    from_wire = contract_of(uuid.UUID).scalar.from_wire  # type: ignore[attr-defined]
    try:
        expected = from_wire(text)
    except XmlException as error:
        with pytest.raises(type(error)):
            generated(uuid.UUID, record)
    else:
        assert generated(uuid.UUID, record) == expected


def test_guids_are_pythons() -> None:
    """A Guid that was read is as any other: hashed, ordered, copied, pickled."""
    found = generated(uuid.UUID, encode_text(str(GUID), 1))
    assert pickle.loads(pickle.dumps(found)) == copy.copy(found) == found
    assert hash(found) == hash(GUID)
    assert found.is_safe is GUID.is_safe
    assert found < uuid.UUID(int=GUID.int + 1)


@pytest.mark.parametrize("flags", [1, 29 << 16, 1 << 30, 0xFFFFFFFF])
def test_no_decimals(flags: int) -> None:
    """Flags that no decimal has are refused, in one way or another."""
    record = bytes((R.DECIMAL | 1,)) + flags.to_bytes(4, "little") + bytes(12)
    with pytest.raises((XmlException, LookupError)):
        generated(Decimal, record)


def test_offsets() -> None:
    """A DateTimeOffset has to be one that .NET can have."""
    moment = encode_text(DateTime(10**17, DateTimeKind.UTC), 1)
    assert offset_of(moment, encode_text(60, 1)) == DateTimeOffset(10**17, 60)
    with pytest.raises(Unusual):
        offset_of(moment, encode_text(841, 1))
