"""
The types of .NET that are one text in XML, and what they are in Python.

Python's ``int`` is ``System.Int32`` here, ``float`` is Double, ``str`` String. The others have a
name to write into annotations, e.g. ``size: Int64``; for a type checker that is an ``int``.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from struct import pack
from typing import Annotated, Any, Final

from netshare.transport.datacontracts.errors import UnencodableValue
from netshare.transport.xml import (
    INTEGER_RANGES,
    MAX_TICKS,
    DateTime,
    Guid,
    TimeSpan,
    Value,
    XmlException,
    as_boolean,
    as_bytes,
    as_datetime,
    as_decimal,
    as_double,
    as_guid,
    as_integer,
    as_single,
    as_string,
    as_timespan,
    lexical,
)
from netshare.transport.xml import Single as SingleValue
from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.encode import encode_text

__all__ = [
    "SCALARS",
    "SERIALIZATION",
    "XSD",
    "Byte",
    "Char",
    "Double",
    "Int16",
    "Int32",
    "Int64",
    "SByte",
    "Scalar",
    "Single",
    "TypedFloat",
    "TypedInt",
    "TypedStr",
    "UInt16",
    "UInt32",
    "UInt64",
    "Uri",
    "scalar_of_hint",
    "scalar_of_value",
]

XSD: Final = "http://www.w3.org/2001/XMLSchema"
SERIALIZATION: Final = "http://schemas.microsoft.com/2003/10/Serialization/"


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """
    A type with one text as its value.

    :param name: the XML name of the type
    :param namespace: and its namespace
    :param clr: what .NET calls it
    :param nullable: whether there is a null of this type
    :param default: the value when there is none
    :param to_wire: Python's value to a writer's; raises UnencodableValue
    :param from_wire: a reader's value to Python's; raises XmlException
    :param array_kind: the record type of arrays of it; 0: they are written one by one
    :param primitive: whether WCF's formatter for primitive operations knows it
    """

    name: str
    namespace: str
    clr: str
    nullable: bool
    default: Any
    to_wire: Callable[[Any], Value]
    from_wire: Callable[[Value], Any]
    array_kind: int = 0
    primitive: bool = False


class TypedInt(int):
    """An integer in an ``object`` that is no Int32; it is written as what it was read."""

    scalar: Scalar


class TypedFloat(float):
    """A float of 32 bits in an ``object``."""

    scalar: Scalar


class TypedStr(str):
    """A text in an ``object`` that is no String (Uri, Char); written as what it was read."""

    scalar: Scalar


def _wrong(value: object, clr: str) -> UnencodableValue:
    shown = repr(value)
    if len(shown) > 60:
        shown = shown[:60] + "…"
    return UnencodableValue(f"{shown} ({type(value).__name__}) is no {clr}")


def _integer(xsd: str, clr: str) -> tuple[Callable[[Any], Value], Callable[[Value], int]]:
    low, high = INTEGER_RANGES[xsd]

    def to_wire(value: Any) -> Value:
        if type(value) is not int:
            if not isinstance(value, int) or isinstance(value, bool):
                raise _wrong(value, clr)
            value = int(value)
        if low <= value <= high:
            return value  # type: ignore[no-any-return]
        raise UnencodableValue(f"{value} is out of the range of {clr}, {low} to {high}")

    def from_wire(value: Value) -> int:
        if type(value) is int and low <= value <= high:
            return value
        return as_integer(value, xsd)

    return to_wire, from_wire


def _ulong(value: Any) -> Value:
    number = _ULONG[0](value)
    # As .NET does: what a decimal could not be written as an Int64 goes as text.
    return str(number) if number >= 0x7FFFFFFFFFFFFFFF else number  # type: ignore[operator]


_ULONG = _integer("unsignedLong", "UInt64")


def _bool(value: Any) -> Value:
    if value is True or value is False:
        return value
    raise _wrong(value, "Boolean")


def _double(value: Any) -> Value:
    if type(value) is float:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise _wrong(value, "Double")


def _single(value: Any) -> Value:
    number = _double(value)
    try:
        pack("<f", number)
    except OverflowError:
        raise UnencodableValue(f"{value!r} is out of the range of Single") from None
    return SingleValue(number)  # type: ignore[arg-type]


def _decimal(value: Any) -> Value:
    if type(value) is int:
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise _wrong(value, "Decimal")
    try:
        encode_text(value)
    except XmlException as error:
        raise UnencodableValue(error.message) from None
    return value


def _string(value: Any) -> Value:
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                raise UnencodableValue("A lone surrogate is no character") from None
        return value if type(value) is str else str(value)
    raise _wrong(value, "String")


def _uri(value: Any) -> Value:
    if isinstance(value, str):
        return _string(value)
    raise _wrong(value, "Uri")


def _char(value: Any) -> Value:
    if isinstance(value, str) and len(value) == 1 and ord(value) <= 0xFFFF:
        return ord(value)
    raise _wrong(value, "Char (one UTF-16 unit)")


def _from_char(value: Value) -> str:
    return chr(as_integer(value, "unsignedShort"))


def _bytes(value: Any) -> Value:
    if type(value) is bytes:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise _wrong(value, "Byte[]")


def _guid(value: Any) -> Value:
    if isinstance(value, uuid.UUID | Guid):
        return str(value)  # .NET writes the text, not a Guid record
    raise _wrong(value, "Guid")


def _from_guid(value: Value) -> uuid.UUID:
    return as_guid(value).uuid


def _datetime(value: Any) -> Value:
    if type(value) is not DateTime:
        if not isinstance(value, datetime.datetime):
            raise _wrong(value, "DateTime")
        try:
            return DateTime.from_datetime(value)
        except XmlException as error:
            raise UnencodableValue(error.message) from None
    ticks = value.ticks
    # A local time is counted in UTC, so it may lie a little before the year 1.
    if not (0 if value.kind != 2 else -864_000_000_000) <= ticks <= MAX_TICKS:
        raise UnencodableValue(f"{ticks} ticks are out of the range of DateTime")
    return value


def _timespan(value: Any) -> Value:
    if isinstance(value, datetime.timedelta):
        value = TimeSpan.from_timedelta(value)
    elif type(value) is not TimeSpan:
        raise _wrong(value, "TimeSpan")
    if not -(1 << 63) <= value.ticks < 1 << 63:
        raise UnencodableValue(f"{value.ticks} ticks are out of the range of TimeSpan")
    return lexical(value)


def _scalar(
    name: str,
    clr: str,
    default: Any,
    wire: tuple[Callable[[Any], Value], Callable[[Value], Any]],
    namespace: str = XSD,
    array: int = 0,
    primitive: bool = False,
) -> Scalar:
    nullable = default is None
    return Scalar(name, namespace, clr, nullable, default, *wire, array, primitive)


_INT = _scalar("int", "Int32", 0, _integer("int", "Int32"), array=R.INT32, primitive=True)
_LONG = _scalar("long", "Int64", 0, _integer("long", "Int64"), array=R.INT64, primitive=True)
_ALL: Final = (
    _scalar("boolean", "Boolean", False, (_bool, as_boolean), array=R.BOOL, primitive=True),
    _scalar("unsignedByte", "Byte", 0, _integer("unsignedByte", "Byte")),
    _scalar("byte", "SByte", 0, _integer("byte", "SByte")),
    _scalar("short", "Int16", 0, _integer("short", "Int16")),
    _scalar("unsignedShort", "UInt16", 0, _integer("unsignedShort", "UInt16")),
    _INT,
    _scalar("unsignedInt", "UInt32", 0, _integer("unsignedInt", "UInt32")),
    _LONG,
    _scalar("unsignedLong", "UInt64", 0, (_ulong, _ULONG[1])),
    _scalar("float", "Single", 0.0, (_single, as_single), array=R.FLOAT, primitive=True),
    _scalar("double", "Double", 0.0, (_double, as_double), array=R.DOUBLE, primitive=True),
    _scalar(
        "decimal", "Decimal", Decimal(0), (_decimal, as_decimal), array=R.DECIMAL, primitive=True
    ),
    _scalar(
        "dateTime",
        "DateTime",
        DateTime(0),
        (_datetime, as_datetime),
        array=R.DATETIME,
        primitive=True,
    ),
    _scalar("string", "String", None, (_string, as_string), primitive=True),
    _scalar("base64Binary", "Byte[]", None, (_bytes, as_bytes), primitive=True),
    _scalar("anyURI", "Uri", None, (_uri, as_string)),
    _scalar("char", "Char", "\0", (_char, _from_char), SERIALIZATION),
    _scalar("duration", "TimeSpan", TimeSpan(0), (_timespan, as_timespan), SERIALIZATION),
    _scalar("guid", "Guid", uuid.UUID(int=0), (_guid, _from_guid), SERIALIZATION),
)
#: By (namespace, name).
SCALARS: Final[dict[tuple[str, str], Scalar]] = {(s.namespace, s.name): s for s in _ALL}
_BY_CLR: Final = {s.clr: s for s in _ALL}

Byte = Annotated[int, _BY_CLR["Byte"]]
SByte = Annotated[int, _BY_CLR["SByte"]]
Int16 = Annotated[int, _BY_CLR["Int16"]]
UInt16 = Annotated[int, _BY_CLR["UInt16"]]
Int32 = Annotated[int, _INT]
UInt32 = Annotated[int, _BY_CLR["UInt32"]]
Int64 = Annotated[int, _LONG]
UInt64 = Annotated[int, _BY_CLR["UInt64"]]
Single = Annotated[float, _BY_CLR["Single"]]
Double = float
Char = Annotated[str, _BY_CLR["Char"]]
Uri = Annotated[str, _BY_CLR["Uri"]]

_BY_TYPE: Final[dict[Any, Scalar]] = {
    bool: _BY_CLR["Boolean"],
    int: _INT,
    float: _BY_CLR["Double"],
    str: _BY_CLR["String"],
    bytes: _BY_CLR["Byte[]"],
    bytearray: _BY_CLR["Byte[]"],
    Decimal: _BY_CLR["Decimal"],
    uuid.UUID: _BY_CLR["Guid"],
    Guid: _BY_CLR["Guid"],
    DateTime: _BY_CLR["DateTime"],
    datetime.datetime: _BY_CLR["DateTime"],
    TimeSpan: _BY_CLR["TimeSpan"],
    datetime.timedelta: _BY_CLR["TimeSpan"],
}


def scalar_of_hint(hint: Any) -> Scalar | None:
    """:returns: the type that an annotation (without ``Annotated``) means, if it is one."""
    try:
        return _BY_TYPE.get(hint)
    except TypeError:
        return None


def scalar_of_value(value: Any) -> Scalar | None:
    """
    :param value: what stands in an ``object``
    :returns: its type: for an integer the first of Int32, Int64, UInt64 that holds it
    """
    kind = type(value)
    if kind is int:
        if -0x80000000 <= value <= 0x7FFFFFFF:
            return _INT
        return _LONG if -(1 << 63) <= value < 1 << 63 else _BY_CLR["UInt64"]
    if kind in (TypedInt, TypedFloat, TypedStr):
        return value.scalar  # type: ignore[no-any-return]
    if kind is SingleValue:
        return _BY_CLR["Single"]
    return _BY_TYPE.get(kind)


_TYPED: Final[dict[str, Any]] = {
    "unsignedByte": TypedInt,
    "byte": TypedInt,
    "short": TypedInt,
    "unsignedShort": TypedInt,
    "unsignedInt": TypedInt,
    "long": TypedInt,
    "unsignedLong": TypedInt,
    "float": TypedFloat,
    "anyURI": TypedStr,
    "char": TypedStr,
}


def as_object(scalar: Scalar, value: Any) -> Any:
    """:returns: a value read into an ``object``, so that writing it gives the same type again."""
    typed = _TYPED.get(scalar.name)
    if typed is None:
        return value
    made = typed(value)
    made.scalar = scalar
    return made
