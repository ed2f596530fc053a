"""
Elements of one text: the usual values of the simple types, as source, and all others by a call.

A record is written with the bit that ends the element, too, so that a start tag and a record are
an element.
"""

from __future__ import annotations

import uuid
from binascii import hexlify
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from struct import Struct
from typing import Any, Final

from netshare.transport.datacontracts.enums import EnumContract
from netshare.transport.datacontracts.generated.source import Source, Unusual
from netshare.transport.datacontracts.offsets import DateTimeOffset
from netshare.transport.datacontracts.simple import ScalarContract
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.xml import INTEGER_RANGES, MAX_TICKS, DateTime, DateTimeKind
from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.encode import ENCODERS, encode_text
from netshare.transport.xml.binary.writer import LONG

__all__ = ["END", "is_leaf", "offset_records", "record_of", "write_leaf"]

#: The record that ends an element with no text in it.
END: Final = b"\x01"
#: The records of the bytes 0 to 127 and, from the end of the list, -1 to -128.
_SMALL: Final = [encode_text(number, 1) for number in [*range(128), *range(-128, 0)]]
_CHARS: Final = [bytes((R.CHARS8 | 1, length)) for length in range(256)]

#: Names in generated source.
_NAMES: Final[dict[str, Any]] = {
    "SMALL": _SMALL,
    "CHARS": _CHARS,
    "GUID": _CHARS[36],
    "TRUE": encode_text(True, 1),
    "FALSE": encode_text(False, 1),
    "INT16": partial(Struct("<Bh").pack, R.INT16 | 1),
    "INT32": partial(Struct("<Bi").pack, R.INT32 | 1),
    "DECIMAL": partial(Struct("<BIIQ").pack, R.DECIMAL | 1),
    "DOUBLE": partial(Struct("<Bd").pack, R.DOUBLE | 1),
    "FLOAT": partial(Struct("<Bf").pack, R.FLOAT | 1),
    "encode_double": ENCODERS[float],
    "encode_decimal": ENCODERS[Decimal],
    "hexlify": hexlify,
    "split_guid": Struct("8s4s4s4s12s").unpack,
    "join_guid": b"-".join,
    "UUID": uuid.UUID,
    "DATETIME": partial(Struct("<BQ").pack, R.DATETIME | 1),
    "DateTime": DateTime,
    "UNSPECIFIED": DateTimeKind.UNSPECIFIED,
    "UTC": DateTimeKind.UTC,
    "MAX_TICKS": MAX_TICKS,
    "FIRST_UTC": 1 << 62,
    "Decimal": Decimal,
    "END": END,
}

#: A number that fits into 32 bits ends in zeros: where the first byte is none, nothing is shorter.
_DOUBLE: Final = """\
{record} = DOUBLE(v)
if not {record}[1]:
    {record} = encode_double(v, 1)"""
#: By its text, as the encoder does it; what is negative or has many digits is the encoder's.
_DECIMAL: Final = """\
whole, _, places = str(v).partition(".")
digits = whole + places
if digits.isdecimal() and len(digits) < 20:
    {record} = DECIMAL(len(places) << 16, 0, int(digits))
else:
    {record} = encode_decimal(v, 1)"""

_TEXT: Final = (
    (
        "type(v) is str and 1 < len(v) < 256 and v.isascii()",
        "{record} = CHARS[len(v)] + v.encode()",
    ),
)
#: By the name of the type: when a value v is usual, and what makes its record then.
_USUAL: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "string": _TEXT,
    "anyURI": _TEXT,
    "boolean": (("v is True", "{record} = TRUE"), ("v is False", "{record} = FALSE")),
    "float": (("type(v) is float and not v.is_integer()", "{record} = FLOAT(v)"),),
    "double": (("type(v) is float", _DOUBLE),),
    "decimal": (("type(v) is Decimal", _DECIMAL),),
    "dateTime": (
        (
            "type(v) is DateTime and v[1] is UNSPECIFIED and 0 <= v[0] <= MAX_TICKS",
            "{record} = DATETIME(v[0])",
        ),
        (
            "type(v) is DateTime and v[1] is UTC and 0 <= v[0] <= MAX_TICKS",
            "{record} = DATETIME(v[0] | FIRST_UTC)",
        ),
    ),
    "guid": (
        (
            "type(v) is UUID",
            '{record} = GUID + join_guid(split_guid(hexlify(v.int.to_bytes(16, "big"))))',
        ),
    ),
}


def _integers(low: int, high: int) -> tuple[tuple[str, str], ...]:
    cases = [
        (f"type(v) is int and {max(low, -128)} <= v <= {min(high, 127)}", "{record} = SMALL[v]")
    ]
    for record, bits in (("INT16", 15), ("INT32", 31)):
        first, last = max(low, -1 << bits), min(high, (1 << bits) - 1)
        if last > 127:
            cases.append(
                (f"type(v) is int and {first} <= v <= {last}", f"{{record}} = {record}(v)")
            )
        if last == high:
            break
    return tuple(cases)


_USUAL.update((name, _integers(*bounds)) for name, bounds in INTEGER_RANGES.items())


def is_leaf(contract: TypeContract) -> bool:
    """:returns: whether elements of a type have one text: :func:`write_leaf` writes them."""
    return type(contract.bare) in (ScalarContract, EnumContract)


def record_of(contract: TypeContract) -> Callable[[Any], bytes]:
    """
    :param contract: of a leaf
    :returns: what makes the record of any value that is not null, by the contract's own means; it
        raises what these raise, and Unusual
    """
    bare = contract.bare
    if isinstance(bare, EnumContract):
        names_of = bare.names_of

        def of_member(value: Any) -> bytes:
            names = names_of(value)
            if not names:
                return END
            between = encode_text(" ") if len(names) > 1 else b""
            before = between.join(map(encode_text, names[:-1]))
            return before + between + encode_text(names[-1], 1)

        return of_member
    assert isinstance(bare, ScalarContract)
    to_wire = bare.scalar.to_wire

    def of_scalar(value: Any) -> bytes:
        wire = to_wire(value)
        if type(wire) in (str, bytes):
            if not wire:
                return END
            if len(wire) > LONG:  # type: ignore[arg-type]
                raise Unusual("a long value is not to be copied")
        return encode_text(wire, 1)

    return of_scalar


def offset_records(value: DateTimeOffset) -> tuple[bytes, bytes]:
    """
    :returns: the records of the two elements of a DateTimeOffset
    :raises Unusual: it is none of .NET's
    """
    ticks, minutes = value
    if not (
        type(minutes) is int
        and -840 <= minutes <= 840
        and 0 <= ticks <= MAX_TICKS
        and 0 <= value.local_ticks <= MAX_TICKS
    ):
        raise Unusual("an offset out of range")
    return encode_text(DateTime(ticks, DateTimeKind.UTC), 1), encode_text(minutes, 1)


def write_leaf(
    source: Source, contract: TypeContract, record: str, nil: Sequence[str] | None
) -> None:
    """
    Add what makes the record of the value ``v``.

    :param source: to add to
    :param contract: the type
    :param record: what to call the record
    :param nil: the lines to add for a null, where there is one
    """
    bare = contract.bare
    cases: list[tuple[str, Sequence[str]]] = []
    if isinstance(bare, EnumContract):
        # By identity: the hash of a member is a method in Python.
        of = record_of(bare)
        usual = {id(member): of(member) for member in bare.cls.__members__.values()}
        source.line(f"{record} = {source.constant('members', usual)}.get(id(v))")
        cases.append((f"{record} is not None", ["pass"]))
    elif isinstance(bare, ScalarContract):
        for condition, made in _USUAL.get(bare.name, ()):
            cases.append((condition, made.format(record=record).splitlines()))
    if contract.nullable and nil is not None:
        cases.append(("v is None", nil))
    for name, value in _NAMES.items():
        source.constant(name, value)
    word = "if"
    for condition, lines in cases:
        with source.block(f"{word} {condition}:"):
            for line in lines:
                source.line(line)
        word = "elif"
    unusual = source.constant("record_of", record_of(bare))
    if not cases:
        source.line(f"{record} = {unusual}(v)")
    else:
        with source.block("else:"):
            source.line(f"{record} = {unusual}(v)")
