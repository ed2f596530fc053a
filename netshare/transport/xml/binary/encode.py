"""
From values to text records, by the rules of .NET's ``XmlBinaryWriter``: the smallest record that
holds the value, whatever its type was.

Integers go to the smallest of Zero, One, Int8 … UInt64; a double that a float holds exactly is
written as a float, and an integral one as an integer; the text ``0`` or ``1`` as Zero or One;
characters in UTF-16 when that is shorter. A reader has to convert by what it wants and never by
the record.

In one thing this differs from .NET: ``-0.0`` keeps its sign (as a Float record), which .NET
loses to the Zero record.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from decimal import Decimal
from struct import Struct
from struct import error as struct_error
from typing import Any, Final

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.values import DateTime, Guid, Single, TimeSpan, UniqueId, lexical

__all__ = ["ENCODERS", "bytes_head", "bytes_record", "encode_text", "pack_items"]

_SMALL: Final[tuple[list[bytes], list[bytes]]] = tuple(  # type: ignore[assignment]
    [
        bytes((R.ZERO | end,))
        if n == 0
        else bytes((R.ONE | end,))
        if n == 1
        else bytes((R.INT8 | end, n & 0xFF))
        for n in range(-128, 128)
    ]
    for end in (0, 1)
)
_INT16: Final = Struct("<Bh").pack
_INT32: Final = Struct("<Bi").pack
_INT64: Final = Struct("<Bq").pack
_UINT64: Final = Struct("<BQ").pack
_FLOAT: Final = Struct("<Bf").pack
_UNFLOAT: Final = Struct("<xf").unpack
_DOUBLE: Final = Struct("<Bd").pack
_DECIMAL: Final = Struct("<BIIQ").pack
_LENGTH16: Final = Struct("<BH").pack
_LENGTH32: Final = Struct("<Bi").pack
#: Digits of the largest decimal, 2^96 - 1.
_DECIMAL_DIGITS: Final = 29
_HEADS: Final = tuple(bytes((kind,)) for kind in range(256))


def _int(value: int, end: int) -> bytes:
    if -128 <= value < 128:
        return _SMALL[end][value + 128]
    if -32768 <= value < 32768:
        return _INT16(R.INT16 | end, value)
    if -0x80000000 <= value < 0x80000000:
        return _INT32(R.INT32 | end, value)
    if -0x8000000000000000 <= value < 0x8000000000000000:
        return _INT64(R.INT64 | end, value)
    if 0 <= value < 0x10000000000000000:
        return _UINT64(R.UINT64 | end, value)
    # .NET has no such integers; as text they lose nothing.
    return _str(str(value), end)


def _bool(value: bool, end: int) -> bytes:
    return _HEADS[(R.TRUE if value else R.FALSE) | end]


def _float(value: float, end: int) -> bytes:
    if not value.is_integer():
        try:
            record = _FLOAT(R.FLOAT | end, value)
        except OverflowError:
            return _DOUBLE(R.DOUBLE | end, value)
        return record if _UNFLOAT(record)[0] == value else _DOUBLE(R.DOUBLE | end, value)
    if value:
        single = _as_single(value, end)
        if single is None:
            return _DOUBLE(R.DOUBLE | end, value)
        if -0x8000000000000000 <= value < 0x8000000000000000:
            return _int(int(value), end)
        return single
    return _HEADS[R.ZERO | end] if str(value)[0] != "-" else _FLOAT(R.FLOAT | end, value)


def _as_single(value: float, end: int) -> bytes | None:
    """:returns: the Float record if it holds the value exactly."""
    try:
        record = _FLOAT(R.FLOAT | end, value)
    except OverflowError:
        return None
    return record if _UNFLOAT(record)[0] == value else None


def _single(value: Single, end: int) -> bytes:
    if value.is_integer() and -0x8000000000000000 <= value < 0x8000000000000000:
        return _float(float(value), end)
    try:
        return _FLOAT(R.FLOAT | end, value)
    except OverflowError:
        raise XmlException(f"{value!r} is too large for a float of 32 bits") from None


def _decimal(value: Decimal, end: int) -> bytes:
    # By its text, which costs a third of taking its digits out.
    whole, _, places = str(value).partition(".")
    digits = whole + places
    if len(digits) < 20 and digits.isdecimal() and digits.isascii():
        return _DECIMAL(R.DECIMAL | end, len(places) << 16, 0, int(digits))
    if len(digits) <= _DECIMAL_DIGITS + 1 and digits.lstrip("-").isdigit() and len(places) <= 28:
        number, flags = int(digits), len(places) << 16
        if digits[0] == "-":
            number, flags = -number, flags | 0x80000000
        if not number >> 96:
            return _DECIMAL(R.DECIMAL | end, flags, number >> 64, number & 0xFFFFFFFFFFFFFFFF)
    return _unusual_decimal(value, end)


def _unusual_decimal(value: Decimal, end: int) -> bytes:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise XmlException(f"{value} is no System.Decimal")
    if len(digits) > _DECIMAL_DIGITS:
        raise XmlException(f"{value} has too many digits for System.Decimal")
    number = int("".join(map(str, digits)) or "0")
    if exponent > 0:
        if exponent > 28 and number:
            raise XmlException(f"{value} is too large for System.Decimal")
        number *= 10 ** min(exponent, 28)
        exponent = 0
    if number >> 96:
        raise XmlException(f"{value} has too many digits for System.Decimal")
    if exponent < -28:
        raise XmlException(f"{value} has too many decimal places for System.Decimal")
    flags = -exponent << 16 | sign << 31
    return _DECIMAL(R.DECIMAL | end, flags, number >> 64, number & 0xFFFFFFFFFFFFFFFF)


def _datetime(value: DateTime, end: int) -> bytes:
    return _UINT64(R.DATETIME | end, value.to_binary())


def _timespan(value: TimeSpan, end: int) -> bytes:
    try:
        return _INT64(R.TIMESPAN | end, value.ticks)
    except struct_error:
        raise XmlException(f"{value} is too long for System.TimeSpan") from None


def _str(value: str, end: int) -> bytes:
    try:
        raw = value.encode("utf-8")
    except UnicodeEncodeError:
        raise XmlException("A lone surrogate cannot be written") from None
    length = len(raw)
    if length < 2:
        if raw == b"0":
            return _HEADS[R.ZERO | end]
        if raw == b"1":
            return _HEADS[R.ONE | end]
        if not raw:
            return _HEADS[R.EMPTY | end]
    kind = R.CHARS8
    if length != len(value) and length // 2 > len(value):
        wide = value.encode("utf-16-le")
        if length // 2 > len(wide) // 2:
            raw, length, kind = wide, len(wide), R.UNICODE_CHARS8
    return _counted(kind | end, raw, length)


def _head(kind: int, length: int) -> bytes:
    """:returns: type byte and length; *kind* is the form with a length of one byte."""
    if length < 0x100:
        return _HEADS[kind] + _HEADS[length]
    if length < 0x10000:
        return _LENGTH16(kind + 2, length)
    if length <= 0x7FFFFFFF:
        return _LENGTH32(kind + 4, length)
    raise XmlException("A text of more than 2^31 - 1 bytes cannot be written")


def _counted(kind: int, raw: bytes, length: int) -> bytes:
    return _head(kind, length) + raw


def bytes_head(length: int) -> bytes:
    """:returns: type byte and length of a record of so many bytes."""
    return _head(R.BYTES8, length)


def bytes_record(value: bytes, end: int) -> bytes:
    """:returns: one record for bytes of any length, also for none."""
    return _counted(R.BYTES8 | end, value, len(value))


def _bytes(value: bytes, end: int) -> bytes:
    length = len(value)
    rest = length % 3
    if not length:
        return b"\x01" if end else b""
    if not rest or length < 3:
        return _counted(R.BYTES8 | end, value, length)
    # As .NET: base64 is written in whole groups of three, what remains in a record of its own.
    return _counted(R.BYTES8, value[:-rest], length - rest) + _counted(
        R.BYTES8 | end, value[-rest:], rest
    )


#: By type: a function of (value, 1 to end the element too) to its records: one, for bytes none
#: to two. Lists and what goes through a dictionary are the writer's matter.
ENCODERS: Final[dict[type, Callable[[Any, int], bytes]]] = {
    str: _str,
    int: _int,
    bool: _bool,
    float: _float,
    Single: _single,
    Decimal: _decimal,
    DateTime: _datetime,
    TimeSpan: _timespan,
    Guid: lambda value, end: _HEADS[R.GUID | end] + value[0],
    UniqueId: lambda value, end: _HEADS[R.UNIQUE_ID | end] + value[0],
    bytes: _bytes,
    bytearray: lambda value, end: _bytes(bytes(value), end),
    memoryview: lambda value, end: _bytes(bytes(value), end),
    uuid.UUID: lambda value, end: _HEADS[R.GUID | end] + value.bytes_le,
    datetime.datetime: lambda value, end: _datetime(DateTime.from_datetime(value), end),
    datetime.timedelta: lambda value, end: _timespan(TimeSpan.from_timedelta(value), end),
}


def encode_text(value: Any, end: int = 0) -> bytes:
    """
    :param value: any value of :data:`.values.Value`, or a standard UUID, datetime, timedelta.
    :param end: 1 to end the element as well.
    :returns: the records.
    :raises XmlException: that cannot be written.
    """
    encoder = ENCODERS.get(type(value))
    if encoder is not None:
        return encoder(value, end)
    for base, of_base in ENCODERS.items():
        if isinstance(value, base):
            return of_base(value, end)
    return _str(lexical(value), end)


def pack_items(kind: int, values: tuple[Any, ...] | list[Any]) -> bytes:
    """
    :param kind: the even record type of the items (a key of :data:`.records.ARRAY_ITEMS`).
    :param values: the items; ``bool`` for Bool, numbers for numbers, else their own classes.
    :returns: the packed items of an array record.
    :raises XmlException: one of them does not fit.
    """
    item = R.ARRAY_ITEMS.get(kind)
    if item is None:
        raise XmlException(f"There are no arrays of record type 0x{kind:02X}")
    try:
        if kind == R.GUID:
            return b"".join(v.bytes_le for v in values)
        if kind == R.TIMESPAN:
            values = [v.ticks for v in values]
        elif kind == R.DATETIME:
            return Struct(f"<{len(values)}Q").pack(*(v.to_binary() for v in values))
        elif kind == R.DECIMAL:
            return b"".join(_decimal(v, 0)[1:] for v in values)
        return Struct(f"<{len(values)}{item[1]}").pack(*values)
    except (struct_error, OverflowError, AttributeError, TypeError) as error:
        raise XmlException(f"An array item does not fit: {error}") from None
