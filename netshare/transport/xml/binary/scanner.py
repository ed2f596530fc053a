"""
Splitting ordinary records at the speed of the regular expression engine.

A loop over bytes costs Python a microsecond per element before anything has been understood.
Yet nearly all of a message is of a few shapes: a start tag with a short name, perhaps some
attributes or declarations, one value, the end. One regular expression knows these shapes,
``findall`` cuts a window of the document into such tokens in C, and Python only looks up the name
(by the very bytes of the start tag) and converts the value.

Lengths are not regular, but a length of one byte is a choice of 256: ``\\x03.{3}|\\x04.{4}|…``.

Anything else, from arrays and mixed text to malformed bytes, ends the window.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from struct import Struct
from typing import Any, Final

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.moments import MAX_TICKS as _MAX_TICKS
from netshare.transport.xml.values import (
    DECIMAL_CONTEXT,
    DateTime,
    DateTimeKind,
    Guid,
    Single,
    TimeSpan,
    UniqueId,
)

__all__ = [
    "CONVERTERS",
    "DECIMAL_UNITS",
    "SMALL",
    "WINDOW",
    "counted",
    "dictionary_id",
    "header_of",
    "multiply_decimal",
    "scanner",
    "unpack_decimal",
]

#: Bytes cut at once: enough to forget the cost of a call, little enough to copy.
WINDOW: Final = 16384


def counted(low: int, high: int) -> str:
    """:returns: an expression for a length byte *low* to *high* and as many bytes."""
    # A long list of choices looks slow and is not: the engine passes over those that begin with
    # another byte faster than it could look ahead to choose half of them.
    return "(?>" + "|".join(f"\\x{n:02x}.{{{n}}}" for n in range(low, high + 1)) + ")"


def _text(end: int) -> str:
    """:returns: an expression for a text record, *end* 1 for those that close the element."""

    def t(*kinds: int) -> str:
        return "[" + "".join(f"\\x{kind | end:02x}" for kind in kinds) + "]"

    return "|".join(
        (
            t(R.CHARS8, R.BYTES8, R.UNICODE_CHARS8) + counted(0, 255),
            t(R.ZERO, R.ONE, R.FALSE, R.TRUE, R.EMPTY),
            t(R.INT8, R.BOOL) + ".",
            t(R.INT16) + ".{2}",
            t(R.INT32, R.FLOAT) + ".{4}",
            t(R.INT64, R.UINT64, R.DOUBLE, R.DATETIME, R.TIMESPAN) + ".{8}",
            t(R.DECIMAL, R.GUID, R.UNIQUE_ID) + ".{16}",
            t(R.DICTIONARY) + dictionary_id,
        )
    )


#: An expression for the number of a string in a dictionary.
dictionary_id: Final = "(?>[\\x00-\\x7f]|[\\x80-\\xff][\\x00-\\x7f])"


@cache
def scanner() -> Callable[[bytes, int, int], list[tuple[bytes, bytes, bytes, bytes]]]:
    """
    :returns: the splitting function: (data, start, stop) to a list of tokens (header,
        attributes, text, other). ``text`` is a record that ends the element, or a lone end
        record; ``other`` is a run of end records, or everything from the first byte that no
        token begins with.
    """
    name = counted(1, 127)
    header = f"[\\x40\\x5e-\\x77]{name}|[\\x42\\x44-\\x5d]{dictionary_id}"
    # The names of types, as in xsi:type.
    qualified = f"\\xbc[\\x00-\\x19]{dictionary_id}"
    attribute = (
        f"(?>[\\x04\\x26-\\x3f]{name}|[\\x06\\x0c-\\x25]{dictionary_id})(?>{_text(0)}|{qualified})"
        f"|(?>\\x08{name}|\\x09{name}{name}|\\x0a{dictionary_id}|\\x0b{name}{dictionary_id})"
    )
    # Most start tags have no attributes: that is asked first.
    attributes = f"(?=[^\\x04-\\x3f])|(?>(?:{attribute}){{1,4}})(?=[^\\x04-\\x3f])"
    # Nothing at all as the last choice is faster than a choice that may be left out.
    token = f"({header})({attributes})(\\x01|{_text(1)}|)|(\\x01+|.+)"
    return re.compile(token.encode("ascii"), re.DOTALL).findall


def header_of(tag: bytes) -> bytes:
    """:returns: a start tag, as the scanner's tokens have it, without its attributes"""
    kind = tag[0]
    if kind == R.SHORT_ELEMENT or kind >= R.PREFIX_ELEMENT_A:
        return tag[: 2 + tag[1]]
    return tag[: 2 if tag[1] < 0x80 else 3]


def _unpack(code: str) -> Callable[[bytes], tuple[Any, ...]]:
    return Struct("<x" + code).unpack


_FLOAT: Final = Struct("<xf").unpack
_INT64: Final = Struct("<xq").unpack
_UINT64: Final = Struct("<xQ").unpack
unpack_decimal: Final = Struct("<xIIQ").unpack
_make = tuple.__new__
multiply_decimal: Final = DECIMAL_CONTEXT.multiply
#: By the flags of a decimal: its unit, by which its digits are multiplied.
DECIMAL_UNITS: Final = {
    places << 16 | sign << 31: Decimal((sign, (1,), -places))
    for places in range(29)
    for sign in (0, 1)
}
_UNSPECIFIED, _UTC = DateTimeKind.UNSPECIFIED, DateTimeKind.UTC


def _decimal(text: bytes) -> tuple[Any, ...]:
    flags, high, low = unpack_decimal(text)
    unit = DECIMAL_UNITS.get(flags)
    # .NET Framework refuses such decimals too; .NET 10 takes the bits as they are, and may crash.
    if unit is None:
        raise XmlException("No decimal has such flags or so many decimal places")
    return (multiply_decimal(high << 64 | low, unit),)


def _datetime(text: bytes) -> tuple[Any, ...]:
    binary = _UINT64(text)[0]
    if binary <= _MAX_TICKS:
        return (_make(DateTime, (binary, _UNSPECIFIED)),)
    if 1 << 62 <= binary <= 1 << 62 | _MAX_TICKS:
        return (_make(DateTime, (binary - (1 << 62), _UTC)),)
    return (DateTime.from_binary(_INT64(text)[0]),)


#: How a record becomes the children of its element, by (odd) record type; the whole record is
#: the argument. They raise ValueError or XmlException for what cannot be.
CONVERTERS: Final[dict[int, Callable[[bytes], tuple[Any, ...]]]] = {
    R.INT16 + 1: _unpack("h"),
    R.INT32 + 1: _unpack("i"),
    R.INT64 + 1: _INT64,
    R.UINT64 + 1: _UINT64,
    R.DOUBLE + 1: _unpack("d"),
    R.FLOAT + 1: lambda text: (Single(_FLOAT(text)[0]),),
    R.DECIMAL + 1: _decimal,
    R.DATETIME + 1: _datetime,
    R.TIMESPAN + 1: lambda text: (_make(TimeSpan, _INT64(text)),),
    R.GUID + 1: lambda text: (_make(Guid, (text[1:],)),),
    R.UNIQUE_ID + 1: lambda text: (_make(UniqueId, (text[1:],)),),
    R.CHARS8 + 1: lambda text: (str(text[2:], "utf-8"),),
    R.UNICODE_CHARS8 + 1: lambda text: (str(text[2:], "utf-16-le"),),
    R.BYTES8 + 1: lambda text: (text[2:],),
}

#: Whole records of one or two bytes: the children they are. A lone end record is an element
#: without any.
SMALL: Final[dict[bytes, tuple[Any, ...]]] = {
    b"\x01": (),
    b"\x81": (0,),
    b"\x83": (1,),
    b"\x85": (False,),
    b"\x87": (True,),
    b"\xa9": ("",),
    b"\x99\x00": ("",),
    b"\x9f\x00": (b"",),
} | {
    bytes((kind, byte)): (value,)
    for byte in range(256)
    for kind, value in (
        (R.INT8 + 1, byte - 256 if byte > 127 else byte),
        (R.BOOL + 1, byte != 0),
    )
}
