"""Reading text records one by one, with every check and the exact complaint."""

from __future__ import annotations

from struct import Struct
from typing import Final

from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.dictionary import STATIC_STRINGS
from netshare.transport.xml.binary.scanner import CONVERTERS, SMALL
from netshare.transport.xml.errors import BAD_FORMAT, XmlException
from netshare.transport.xml.values import QualifiedName, Value, ValueList

__all__ = ["TextReader"]

_UINT16: Final = Struct("<H").unpack_from
_INT32: Final = Struct("<i").unpack_from
_LENGTH_BYTES: Final = {
    R.CHARS8: 1,
    R.CHARS16: 2,
    R.CHARS32: 4,
    R.BYTES8: 1,
    R.BYTES16: 2,
    R.BYTES32: 4,
    R.UNICODE_CHARS8: 1,
    R.UNICODE_CHARS16: 2,
    R.UNICODE_CHARS32: 4,
}
_FIXED: Final = {
    R.ZERO: 0,
    R.ONE: 0,
    R.FALSE: 0,
    R.TRUE: 0,
    R.EMPTY: 0,
    R.INT8: 1,
    R.BOOL: 1,
    R.INT16: 2,
    R.INT32: 4,
    R.FLOAT: 4,
    R.INT64: 8,
    R.UINT64: 8,
    R.DOUBLE: 8,
    R.DATETIME: 8,
    R.TIMESPAN: 8,
    R.DECIMAL: 16,
    R.GUID: 16,
    R.UNIQUE_ID: 16,
}


class TextReader:
    """
    A position in bytes, and what can be read there.

    :param data: the bytes.
    :param start: where to begin.
    :param strings: the strings of the session.
    """

    __slots__ = ("data", "end", "pos", "strings")

    def __init__(self, data: bytes, start: int, strings: list[str]) -> None:
        self.data = data
        self.pos = start
        self.end = len(data)
        self.strings = strings

    def bad(self, detail: str, offset: int | None = None) -> XmlException:
        """:returns: the error for bytes that are no binary XML."""
        return XmlException(f"{BAD_FORMAT}: {detail}", self.pos if offset is None else offset)

    def take(self, length: int) -> bytes:
        """
        :returns: the next *length* bytes.
        :raises IndexError: there are not so many.
        """
        pos = self.pos
        if length > self.end - pos:
            self.pos = self.end
            raise IndexError
        self.pos = pos + length
        return self.data[pos : pos + length]

    def multibyte(self) -> int:
        """:returns: a MultiByteInt31."""
        try:
            value, self.pos = R.read_multibyte(self.data, self.pos)
        except OverflowError:
            raise self.bad("a size of more than 31 bits") from None
        return value

    def utf8(self, length: int) -> str:
        """:returns: *length* bytes as characters."""
        raw = self.take(length)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            shown = raw[error.start : error.start + 16].decode("utf-8", "replace")
            raise XmlException(
                f"{shown!r} contains invalid UTF-8 bytes", self.pos - length + error.start
            ) from None

    def string(self) -> str:
        """:returns: a counted string."""
        return self.utf8(self.multibyte())

    def dictionary_string(self) -> str:
        """:returns: the string that the id here stands for."""
        offset = self.pos
        key = self.multibyte()
        number = key >> 1
        if key & 1:
            if number < len(self.strings):
                return self.strings[number]
            where = "session"
        else:
            if number < len(STATIC_STRINGS):
                return STATIC_STRINGS[number]
            where = "static dictionary"
        raise XmlException(f"Dictionary string {number} is not defined in the {where}", offset)

    def text(self, kind: int) -> Value:
        """
        :param kind: the even record type whose type byte has just been taken.
        :returns: the value.
        :raises XmlException: no text record, or a bad one.
        """
        offset = self.pos - 1
        size = _FIXED.get(kind)
        if size is not None:
            record = bytes((kind | 1,)) + self.take(size)
            known = SMALL.get(record)
            if known is None:
                try:
                    known = CONVERTERS[kind | 1](record)
                except XmlException as error:
                    raise XmlException(error.message, offset) from None
            value: Value = known[0]
            return value
        if kind in _LENGTH_BYTES:
            return self._counted(kind)
        if kind == R.DICTIONARY:
            return self.dictionary_string()
        if kind == R.QNAME_DICTIONARY:
            letter = self.take(1)[0]
            if letter >= 26:
                raise self.bad(f"{letter} is no letter of a prefix", offset + 1)
            return QualifiedName(chr(0x61 + letter), self.dictionary_string())
        if kind == R.START_LIST:
            return self._list()
        raise self.bad(f"record type 0x{self.data[offset]:02X} where text was expected", offset)

    def _length(self, kind: int) -> int:
        """:returns: the length of a text record whose type byte has just been taken."""
        width = _LENGTH_BYTES[kind]
        head = self.take(width)
        if width == 1:
            return head[0]
        length: int = _UINT16(head)[0] if width == 2 else _INT32(head)[0]
        if length < 0:
            raise self.bad("a negative length", self.pos - 4)
        return length

    def _counted(self, kind: int) -> Value:
        length = self._length(kind)
        if kind <= R.CHARS32:
            return self.utf8(length)
        if kind <= R.BYTES32:
            return self.take(length)
        if length & 1:
            raise self.bad("UTF-16 text of an odd number of bytes")
        try:
            return self.take(length).decode("utf-16-le")
        except UnicodeDecodeError as error:
            raise XmlException("Invalid UTF-16", self.pos - length + error.start) from None

    def long_bytes(self, kind: int) -> tuple[bytes, int]:
        """
        Take bytes as .NET writes them: whole groups of three, and what remains in a short record
        behind them. Here they are copied once, and not again when they are put together.

        :param kind: BYTES16 or BYTES32, whose type byte has just been taken.
        :returns: the value, and the type of the last record that was taken.
        """
        value = self._extent(kind)
        data, end = self.data, self.pos
        if not len(value) % 3 and end + 1 < self.end and data[end] & 0xFE == R.BYTES8:
            rest = end + 2
            stop = rest + data[end + 1]
            if stop <= self.end:
                self.pos = stop
                return b"".join((value, memoryview(data)[rest:stop])), data[end]
        return bytes(value), kind

    def _extent(self, kind: int) -> memoryview:
        """:returns: the content of a text record, not copied."""
        length = self._length(kind)
        begin = self.pos
        if length > self.end - begin:
            self.pos = self.end
            raise IndexError
        self.pos = begin + length
        return memoryview(self.data)[begin : begin + length]

    def _list(self) -> ValueList:
        values: list[Value] = []
        while (kind := self.take(1)[0]) != R.END_LIST:
            # .NET reads a qualified name here, and then fails whatever one does with the list.
            if kind & 1 or kind in (R.START_LIST, R.QNAME_DICTIONARY):
                raise self.bad(f"record type 0x{kind:02X} in a list", self.pos - 1)
            values.append(self.text(kind))
        return ValueList(values)
