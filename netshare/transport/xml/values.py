"""
The typed values that text in binary XML can have, none of them losing anything.

Most are plain Python objects: ``str`` for characters of any encoding, ``int``, ``bool``,
``float`` for a double, ``bytes``, :class:`decimal.Decimal` with its scale. Where Python's own
type would lose something there is a small class here: 100 ns ticks and the kind of a DateTime,
a UniqueId that must not become a Guid, a float of 32 bits, a qualified name. All are immutable,
so that one object can stand in many trees.
"""

from __future__ import annotations

import datetime
import uuid
from base64 import b64encode
from collections.abc import Callable
from decimal import Context, Decimal
from struct import pack
from typing import Any, Final, NamedTuple, TypeAlias

from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.moments import DateTime, DateTimeKind
from netshare.transport.xml.timespan import TimeSpan

__all__ = [
    "DateTime",
    "DateTimeKind",
    "DictionaryString",
    "Guid",
    "QualifiedName",
    "Single",
    "TimeSpan",
    "UniqueId",
    "Value",
    "ValueList",
    "lexical",
]

#: Wide enough for the 29 digits of any decimal on the wire.
DECIMAL_CONTEXT: Final = Context(prec=60, Emin=-99, Emax=99)


class Guid(NamedTuple):
    """
    A Guid.

    :param bytes_le: its 16 bytes in .NET's order (``Guid.ToByteArray``).
    """

    bytes_le: bytes

    @classmethod
    def from_uuid(cls, value: uuid.UUID) -> Guid:
        """:returns: the same identifier."""
        return cls(value.bytes_le)

    @property
    def uuid(self) -> uuid.UUID:
        """The same identifier as Python has it."""
        return uuid.UUID(bytes_le=self.bytes_le)

    def __str__(self) -> str:
        return guid_text(self.bytes_le)


class UniqueId(NamedTuple):
    """
    A UniqueId made from a Guid, as WS-Addressing message ids are: text ``urn:uuid:…``.

    :param bytes_le: the 16 bytes of the Guid in .NET's order.
    """

    bytes_le: bytes

    @classmethod
    def from_uuid(cls, value: uuid.UUID) -> UniqueId:
        """:returns: the identifier ``urn:uuid:`` + *value*."""
        return cls(value.bytes_le)

    @property
    def uuid(self) -> uuid.UUID:
        """The identifier without ``urn:uuid:``."""
        return uuid.UUID(bytes_le=self.bytes_le)

    def __str__(self) -> str:
        return "urn:uuid:" + guid_text(self.bytes_le)


def guid_text(b: bytes) -> str:
    """:returns: the usual 36 characters of a Guid in .NET's byte order."""
    return f"{b[3::-1].hex()}-{b[5:3:-1].hex()}-{b[7:5:-1].hex()}-{b[8:10].hex()}-{b[10:16].hex()}"


class Single(float):
    """A float of 32 bits: the same number as the ``float``, but printed with fewer digits."""

    __slots__ = ()


class QualifiedName(NamedTuple):
    """
    The text ``prefix:local``, sent as a letter and a dictionary string.

    :param prefix: one letter a to z.
    :param local: the rest.
    """

    prefix: str
    local: str

    def __str__(self) -> str:
        return f"{self.prefix}:{self.local}"


class ValueList(tuple["Value", ...]):
    """A list of values in one text, printed with blanks between them."""

    __slots__ = ()


class DictionaryString(str):
    """Text that a writer should send through the dictionaries; everywhere else it is a ``str``."""

    __slots__ = ()


#: Anything text in XML can be. The records' own sizes (8, 16, 32, 64 bits) carry no meaning.
Value: TypeAlias = (
    str
    | int
    | bool
    | float
    | Single
    | Decimal
    | DateTime
    | TimeSpan
    | Guid
    | UniqueId
    | bytes
    | QualifiedName
    | ValueList
    | DictionaryString
)


def _float_text(value: float, digits: str, limit: int) -> str:
    # .NET: fixed notation while the exponent is in -5 … limit, else d.dddE+dd.
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "INF" if value > 0 else "-INF"
    mantissa, _, exponent = digits.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    point = len(whole) + int(exponent or 0)
    figures = (whole + fraction).rstrip("0")
    stripped = figures.lstrip("0")
    point -= len(figures) - len(stripped)
    if not stripped:
        return sign + "0"
    if point > limit or point < -4 + 1:
        rest = "." + stripped[1:] if len(stripped) > 1 else ""
        power = point - 1
        return f"{sign}{stripped[0]}{rest}E{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{stripped}"
    if len(stripped) <= point:
        return sign + stripped + "0" * (point - len(stripped))
    return f"{sign}{stripped[:point]}.{stripped[point:]}"


def _double(value: float) -> str:
    return _float_text(value, repr(value), 17)


def _single(value: float) -> str:
    # The shortest digits that give the same 32 bits: at most nine.
    wanted = pack("<f", value)
    for precision in range(1, 10):
        digits = f"{float(value):.{precision - 1}e}"
        try:
            if pack("<f", float(digits)) == wanted:
                break
        except OverflowError:
            continue
    return _float_text(value, digits, 9)


def _decimal(value: Decimal) -> str:
    text = f"{value:f}"
    return text[1:] if value.is_zero() and text.startswith("-") else text


def _list(value: ValueList) -> str:
    # .NET prints the name of the type for a byte array in a list; no contract has such lists.
    return " ".join("System.Byte[]" if type(v) is bytes else lexical(v) for v in value)


_LEXICAL: Final[dict[type, Callable[[Any], str]]] = {
    str: str,
    DictionaryString: str,
    bool: lambda v: "true" if v else "false",
    int: str,
    float: _double,
    Single: _single,
    Decimal: _decimal,
    DateTime: DateTime.isoformat,
    TimeSpan: TimeSpan.isoformat,
    Guid: str,
    UniqueId: str,
    bytes: lambda v: b64encode(v).decode("ascii"),
    QualifiedName: str,
    ValueList: _list,
    uuid.UUID: str,
    datetime.datetime: lambda v: DateTime.from_datetime(v).isoformat(),
    datetime.timedelta: lambda v: TimeSpan.from_timedelta(v).isoformat(),
}


def lexical(value: Value | uuid.UUID | datetime.datetime | datetime.timedelta) -> str:
    """
    :param value: any typed value.
    :returns: its text in XML, exactly as .NET's reader gives it.
    :raises XmlException: no value of a known type.
    """
    text = _LEXICAL.get(type(value))
    if text is None:
        for base, candidate in _LEXICAL.items():
            if isinstance(value, base) and not isinstance(value, tuple):
                text = candidate
                break
        else:
            raise XmlException(f"{type(value).__name__} is no type that XML text can have")
    return text(value)
