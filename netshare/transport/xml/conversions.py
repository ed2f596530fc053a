"""
What a value is when a contract wants a certain type of it: .NET's ``ReadContentAs…``.

Binary writers choose the smallest record, text has only characters: so a contract's type decides,
never the record's. Each function takes any value of :data:`.values.Value` and gives Python's
object for one type, or raises :class:`~.errors.XmlException` naming the type as .NET does.

The other side chooses the text, so a text that is too long for its type is refused before anything
else is asked of it, and no pattern looks twice at a character: what has matched is not tried again
in another way (``++``, ``(?>…)``).
"""

from __future__ import annotations

import binascii
import re
from decimal import Decimal, InvalidOperation
from math import isinf
from struct import error as struct_error
from struct import pack, unpack
from typing import Final

from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.values import (
    DateTime,
    Guid,
    Single,
    TimeSpan,
    UniqueId,
    Value,
    lexical,
)

__all__ = [
    "INTEGER_RANGES",
    "as_boolean",
    "as_bytes",
    "as_datetime",
    "as_decimal",
    "as_double",
    "as_guid",
    "as_integer",
    "as_single",
    "as_string",
    "as_timespan",
    "as_unique_id",
]

_BLANK: Final = " \t\r\n"
#: XML Schema's integer types: smallest and largest value.
INTEGER_RANGES: Final[dict[str, tuple[int, int]]] = {
    "byte": (-0x80, 0x7F),
    "unsignedByte": (0, 0xFF),
    "short": (-0x8000, 0x7FFF),
    "unsignedShort": (0, 0xFFFF),
    "int": (-0x80000000, 0x7FFFFFFF),
    "unsignedInt": (0, 0xFFFFFFFF),
    "long": (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF),
    "unsignedLong": (0, 0xFFFFFFFFFFFFFFFF),
}
#: Characters that an integer may have, with sign and leading zeros.
_MAX_INTEGER: Final = 41
#: Characters of a number in floating point; one of 64 bits has at most 1,077 digits that matter.
_MAX_NUMBER: Final = 2048
#: Characters of decimals, moments and lengths of time.
_MAX_TEXT: Final = 64
#: Characters of a Guid, with braces.
_MAX_GUID: Final = 38
_INTEGER: Final = re.compile(r"[+-]?[0-9]++")
_NUMBER: Final = re.compile(r"[+-]?(?>[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]{1,4})?")
_DECIMAL: Final = re.compile(r"[+-]?(?>[0-9]++\.?[0-9]*+|\.[0-9]++)")
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def _text(value: Value, longest: int, wanted: str) -> str:
    """:returns: the characters without blanks around them; refused if they are too many"""
    text = lexical(value).strip(_BLANK)
    if len(text) > longest:
        raise _cannot(text, wanted)
    return text


def _cannot(value: Value, wanted: str) -> XmlException:
    shown = lexical(value)
    if len(shown) > 60:
        shown = shown[:60] + "…"
    return XmlException(f"The value '{shown}' cannot be parsed as the type '{wanted}'")


def as_string(value: Value) -> str:
    """:returns: the characters."""
    return value if type(value) is str else lexical(value)


def as_integer(value: Value, type_name: str = "int") -> int:
    """
    :param value: any value.
    :param type_name: a key of :data:`INTEGER_RANGES`.
    :returns: the integer.
    """
    low, high = INTEGER_RANGES[type_name]
    if type(value) is int:
        number = value
    else:
        text = _text(value, _MAX_INTEGER, type_name)
        if not _INTEGER.fullmatch(text):
            raise _cannot(value, type_name)
        number = int(text)
    if not low <= number <= high:
        raise _cannot(value, type_name)
    return number


def as_boolean(value: Value) -> bool:
    """:returns: the truth value."""
    if type(value) is bool:
        return value
    text = lexical(value).strip(_BLANK)
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise _cannot(value, "Boolean")


def as_double(value: Value) -> float:
    """:returns: the number."""
    if type(value) in (float, Single, int) or (
        isinstance(value, int | float) and not isinstance(value, bool)
    ):
        try:
            return float(value)  # type: ignore[arg-type]
        except OverflowError:
            raise _cannot(value, "double") from None
    text = _text(value, _MAX_NUMBER, "double")
    special = {"INF": "inf", "-INF": "-inf", "NaN": "nan"}.get(text)
    if special is None and not _NUMBER.fullmatch(text):
        raise _cannot(value, "double")
    return float(special or text)


def as_single(value: Value) -> float:
    """:returns: the number, rounded to what 32 bits can hold."""
    number = as_double(value)
    try:
        rounded: float = unpack("<f", pack("<f", number))[0]
    except (OverflowError, struct_error):
        raise _cannot(value, "float") from None
    if isinf(rounded) and not isinf(number):
        raise _cannot(value, "float")
    return rounded


def as_decimal(value: Value) -> Decimal:
    """:returns: the number with its decimal places."""
    if isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value)
    text = _text(value, _MAX_TEXT, "decimal")
    if not _DECIMAL.fullmatch(text):
        raise _cannot(value, "decimal")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _cannot(value, "decimal") from None


def as_guid(value: Value) -> Guid:
    """:returns: the identifier; ``.uuid`` is Python's."""
    if isinstance(value, Guid):
        return value
    text = _text(value, _MAX_GUID, "Guid")
    if text[:1] == "{" and text[-1:] == "}":
        text = text[1:-1]
    if not _GUID.fullmatch(text):
        raise _cannot(value, "Guid")
    return Guid(_guid_bytes(text))


def _guid_bytes(text: str) -> bytes:
    """:returns: the bytes of a Guid in .NET's order; :param text: its 36 characters"""
    raw = bytes.fromhex(text.replace("-", ""))
    return raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]


def as_unique_id(value: Value) -> UniqueId | str:
    """:returns: the identifier made of a Guid, or any other identifier as its text."""
    if isinstance(value, UniqueId):
        return value
    text = lexical(value).strip(_BLANK)
    if text.startswith("urn:uuid:") and len(text) == 45 and _GUID.fullmatch(text, 9):
        return UniqueId(_guid_bytes(text[9:]))
    if not text:
        raise _cannot(value, "UniqueId")
    return text


def as_datetime(value: Value) -> DateTime:
    """:returns: the moment; one with an offset from UTC has the kind ``LOCAL``, as in .NET."""
    if isinstance(value, DateTime):
        return value
    try:
        return DateTime.fromisoformat(_text(value, _MAX_TEXT, "DateTime"))
    except ValueError:
        raise _cannot(value, "DateTime") from None


def as_timespan(value: Value) -> TimeSpan:
    """:returns: the length of time; years and months count 365 and 30 days, as in .NET."""
    if isinstance(value, TimeSpan):
        return value
    try:
        return TimeSpan.fromisoformat(_text(value, _MAX_TEXT, "TimeSpan"))
    except (ValueError, OverflowError):
        raise _cannot(value, "TimeSpan") from None


def as_bytes(value: Value) -> bytes:
    """:returns: the bytes; characters are base64, blanks between them allowed."""
    if isinstance(value, bytes):
        return value
    text = lexical(value)
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except (binascii.Error, ValueError):
        raise _cannot(value, "base64Binary") from None
