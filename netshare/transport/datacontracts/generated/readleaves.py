"""
Elements of one text: their values, from the records of the usual kinds, as source.

A record is the whole text of an element, with the bit that ends the element. All records of one or
two bytes have their values made beforehand; those of the kinds that WCF writes are converted in
place, and any other by the contract's own means, as the ordinary reader does it.
"""

from __future__ import annotations

import re
import uuid
from binascii import unhexlify
from collections.abc import Callable, Sequence
from functools import cache
from struct import Struct
from typing import Any, Final

from netshare.transport.datacontracts.enums import EnumContract
from netshare.transport.datacontracts.errors import DeserializationFailed
from netshare.transport.datacontracts.generated.source import Source, Unusual
from netshare.transport.datacontracts.offsets import DateTimeOffset
from netshare.transport.datacontracts.scalars import as_object
from netshare.transport.datacontracts.simple import ScalarContract
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.xml import (
    INTEGER_RANGES,
    MAX_TICKS,
    DateTime,
    DateTimeKind,
    XmlException,
    as_datetime,
    as_integer,
    as_string,
)
from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.encode import encode_text
from netshare.transport.xml.binary.scanner import (
    CONVERTERS,
    DECIMAL_UNITS,
    SMALL,
    multiply_decimal,
    unpack_decimal,
)

__all__ = ["boxed_value_of", "has_fixed_length", "offset_of", "read_leaf", "value_of", "wire_of"]

#: By the record type of a long text: where it begins, and its encoding.
_LONG: Final = {
    R.CHARS16 | 1: (3, "utf-8"),
    R.CHARS32 | 1: (5, "utf-8"),
    R.UNICODE_CHARS16 | 1: (3, "utf-16-le"),
    R.UNICODE_CHARS32 | 1: (5, "utf-16-le"),
}
_TEXT: Final = (
    (R.CHARS8 | 1, ["v = t[2:].decode()"]),
    (R.UNICODE_CHARS8 | 1, ['v = t[2:].decode("utf-16-le")']),
)
#: By the name of the type: how a usual record begins, and what makes the value ``v`` of it.
_USUAL: Final[dict[str, tuple[tuple[int, Sequence[str]], ...]]] = {
    "string": _TEXT,
    "anyURI": _TEXT,
    "float": ((R.FLOAT | 1, ["(v,) = unpack_float(t)"]),),
    "double": (
        (R.DOUBLE | 1, ["(v,) = unpack_double(t)"]),
        (R.FLOAT | 1, ["(v,) = unpack_float(t)"]),
    ),
    "decimal": (
        (
            R.DECIMAL | 1,
            [
                "f, high, low = unpack_decimal(t)",
                "v = multiply_decimal(high << 64 | low if high else low, DECIMAL_UNITS[f])",
            ],
        ),
    ),
    "dateTime": (
        (
            R.DATETIME | 1,
            [
                "(b,) = unpack_uint64(t)",
                "if b <= MAX_TICKS:",
                "    v = new_tuple(DateTime, (b, UNSPECIFIED))",
                "elif FIRST_UTC <= b <= LAST_UTC:",
                "    v = new_tuple(DateTime, (b - FIRST_UTC, UTC))",
                "else:",
                "    (v,) = convert_datetime(t)",
            ],
        ),
    ),
    "short": ((R.INT16 | 1, ["(v,) = unpack_int16(t)"]),),
    "int": (
        (R.INT16 | 1, ["(v,) = unpack_int16(t)"]),
        (R.INT32 | 1, ["(v,) = unpack_int32(t)"]),
    ),
    "long": (
        (R.INT32 | 1, ["(v,) = unpack_int32(t)"]),
        (R.INT64 | 1, ["(v,) = unpack_int64(t)"]),
        (R.INT16 | 1, ["(v,) = unpack_int16(t)"]),
    ),
}
#: The types whose usual values have records of one or two bytes.
_SHORT: Final = frozenset(["boolean", *INTEGER_RANGES])
#: Those whose usual values have records without a length in front.
_FIXED: Final = frozenset([*_SHORT, "float", "double", "decimal", "dateTime", "duration"])
#: Names in generated source.
_NAMES: Final[dict[str, Any]] = {
    "unpack_int16": Struct("<xh").unpack,
    "unpack_int32": Struct("<xi").unpack,
    "unpack_int64": Struct("<xq").unpack,
    "unpack_uint64": Struct("<xQ").unpack,
    "unpack_float": Struct("<xf").unpack,
    "unpack_double": Struct("<xd").unpack,
    "unpack_decimal": unpack_decimal,
    "multiply_decimal": multiply_decimal,
    "DECIMAL_UNITS": DECIMAL_UNITS,
    "convert_datetime": CONVERTERS[R.DATETIME | 1],
    "new_tuple": tuple.__new__,
    "DateTime": DateTime,
    "UNSPECIFIED": DateTimeKind.UNSPECIFIED,
    "UTC": DateTimeKind.UTC,
    "MAX_TICKS": MAX_TICKS,
    "FIRST_UTC": 1 << 62,
    "LAST_UTC": 1 << 62 | MAX_TICKS,
}
_new: Final = object.__new__
_set: Final = object.__setattr__
_VALUE: Final = re.compile(r"\bv\b")
_UNKNOWN: Final = uuid.SafeUUID.unknown


def value_of(contract: TypeContract) -> Callable[[bytes], Any]:
    """
    :param contract: of a leaf
    :returns: what makes the value of any record, by the contract's own means; it raises what these
        raise, and LookupError
    """
    from_wire = _from_wire(contract)

    def convert(text: bytes) -> Any:
        return from_wire(wire_of(text))

    if contract.bare.name != "guid" or not isinstance(contract.bare, ScalarContract):
        return convert

    def convert_guid(text: bytes) -> Any:
        # Anything that is no text of 36 characters, 32 of them digits, is the ordinary way's.
        digits = text[2:].replace(b"-", b"")
        if len(text) == 38 and len(digits) == 32 and text[10:26:5] == b"----" and text[0] == 0x99:
            try:
                number = int.from_bytes(unhexlify(digits), "big")
            except ValueError:
                return convert(text)
            # As pickle makes one: what its initializer asks is asked already.
            made = _new(uuid.UUID)
            _set(made, "int", number)
            _set(made, "is_safe", _UNKNOWN)
            return made
        return convert(text)

    return convert_guid


def boxed_value_of(contract: TypeContract) -> Callable[[bytes], Any]:
    """:returns: as :func:`value_of`, where the value is in an ``object``"""
    convert, bare = value_of(contract), contract.bare
    if not isinstance(bare, ScalarContract):
        return convert
    scalar = bare.scalar
    return lambda text: as_object(scalar, convert(text))


def _from_wire(contract: TypeContract) -> Callable[[Any], Any]:
    bare = contract.bare
    if isinstance(bare, EnumContract):
        value_of_name = bare.value_of
        return lambda value: value_of_name(as_string(value))
    assert isinstance(bare, ScalarContract)
    return bare.scalar.from_wire


@cache
def _small(from_wire: Callable[[Any], Any]) -> dict[bytes, Any]:
    """:returns: the values of all records of one or two bytes, of those that have one"""
    values: dict[bytes, Any] = {}
    for record, children in SMALL.items():
        try:
            values[record] = from_wire(children[0] if children else "")
        except (XmlException, DeserializationFailed):
            continue
    return values


def has_fixed_length(contract: TypeContract) -> bool:
    """:returns: whether the usual records of a type have lengths that their kinds tell"""
    return isinstance(contract.bare, ScalarContract) and contract.bare.name in _FIXED


def read_leaf(source: Source, contract: TypeContract, value: str, or_nil: bool = False) -> None:
    """
    Add what makes the value of the record ``t``.

    :param source: to add to
    :param contract: the type
    :param value: what to call the value
    :param or_nil: ``t`` may be the attributes of a null, and the end
    """
    bare = contract.bare
    other = f"{source.constant('value_of', value_of(contract))}(t)"
    if or_nil and contract.nullable:
        # No record that is a text begins so low.
        other = f"None if t[0] < 64 and t != END else {other}"
    other = f"{value} = {other}"
    if isinstance(bare, EnumContract):
        source.line(f"{value} = {source.constant('members', _members(bare))}.get(t)")
        with source.block(f"if {value} is None:"):
            source.line(other)
        return
    assert isinstance(bare, ScalarContract)
    for name, constant in _NAMES.items():
        source.constant(name, constant)
    small = None
    if not bare.scalar.nullable and bare.name != "guid":  # which are seldom so short
        small = source.constant("small", _small(bare.scalar.from_wire)) + ".get(t)"
    if small and bare.name in _SHORT:
        source.line(f"{value} = {small}")
        with source.block(f"if {value} is None:"):
            _by_record(source, bare.name, value, [other])
    elif small:
        last = [f"{value} = {small}", f"if {value} is None:", f"    {other}"]
        _by_record(source, bare.name, value, last)
    else:
        _by_record(source, bare.name, value, [other])


def _by_record(source: Source, name: str, value: str, last: Sequence[str]) -> None:
    """Add what makes the value of a type's usual records, and of the others by the last lines."""
    usual = _USUAL.get(name, ())
    if not usual:
        for line in last:
            source.line(line)
        return
    word = "if"
    for record, lines in usual:
        with source.block(f"{word} t[0] == {record}:"):
            for line in lines:
                source.line(_VALUE.sub(value, line))
        word = "elif"
    with source.block("else:"):
        for line in last:
            source.line(line)


def _members(contract: EnumContract) -> dict[bytes, Any]:
    """:returns: the members by the records of their names"""
    members: dict[bytes, Any] = {}
    for member in contract.cls.__members__.values():
        names = contract.names_of(member)
        if len(names) == 1:
            members[encode_text(names[0], 1)] = contract.value_of(names[0])
    return members


def offset_of(moment: bytes, minutes: bytes) -> DateTimeOffset:
    """
    :param moment: the record in the first element of a DateTimeOffset
    :param minutes: and in the second
    :raises Unusual: there is none
    """
    ticks, offset = as_datetime(wire_of(moment)).ticks, as_integer(wire_of(minutes), "short")
    made = DateTimeOffset(ticks, offset)
    if abs(offset) > 840 or not 0 <= made.local_ticks <= MAX_TICKS:
        raise Unusual
    return made


def wire_of(text: bytes) -> Any:
    """
    :param text: a record that is the whole text of an element
    :returns: what the ordinary reader takes it for
    :raises LookupError: it is of no usual kind
    :raises ValueError: nothing can be made of it
    :raises XmlException: nothing can be made of it
    """
    children = SMALL.get(text)
    if children is None:
        if text[0] in _LONG:
            begin, encoding = _LONG[text[0]]
            return str(text[begin:], encoding)
        children = CONVERTERS[text[0]](text)
    return children[0] if children else ""
