"""
Reading a streamed message in binary as far as it has come.
"""

from __future__ import annotations

import codecs
from typing import Any, Final

from netshare.transport.encoders.binary import BinaryEncoder
from netshare.transport.encoders.streamed.base64 import Base64Pieces
from netshare.transport.soap import Message
from netshare.transport.xml import END, Element, Event, QuotaExceeded, Start, XmlException, lexical
from netshare.transport.xml.binary import ReaderSession, read_events
from netshare.transport.xml.binary import records as R
from netshare.transport.xml.binary.textrecords import TextReader

__all__ = ["BinaryStream"]

_BYTES: Final = {R.BYTES8: 1, R.BYTES16: 2, R.BYTES32: 4}
_CHARS: Final = {R.CHARS8: 1, R.CHARS16: 2, R.CHARS32: 4}
_BLANK: Final = " \t\r\n"


class BinaryStream:
    """
    A streamed message in binary.

    :param encoder: the encoding.
    :param limit: bytes that the headers may have.
    :param session: the strings of the session that the message is in; None: of none.
    """

    def __init__(
        self, encoder: BinaryEncoder, limit: int, session: ReaderSession | None = None
    ) -> None:
        self._encoder = encoder
        self._session = session
        self._strings: list[str] = [] if session is None else session.strings
        self._limit = limit
        self._path: list[tuple[str, str]] = []
        #: Everything up to the streamed content, or all that is collected.
        self._data = bytearray()
        self._pos = 0
        self._depth = 0
        #: How many elements are open when the body begins; 0: it has not.
        self._body_depth = 0
        self._rest = b""
        #: What is left of the record of bytes or characters being received.
        self._remaining = 0
        self._characters: Any = None
        self._closing = False
        self._base64 = Base64Pieces()
        self._content_seen = False
        self._content_over = False

    @property
    def path(self) -> list[tuple[str, str]]:
        """Names of the elements around the content, as far as known."""
        return self._path

    # -- headers

    def headers(self, data: bytes) -> Message | None:
        self._data += data
        document = bytes(self._data)
        reader = TextReader(document, self._pos, self._strings)
        try:
            while True:
                reader.pos = self._pos
                found = self._header_record(reader)
                if found is not None:
                    return self._message(document, found)
                self._pos = reader.pos
        except IndexError:
            if len(document) > self._limit:
                raise QuotaExceeded(f"The headers have more than {self._limit} bytes") from None
            return None

    def _header_record(self, reader: TextReader) -> str | None:
        """
        Go behind one record.

        :returns: once it is known: the name of the body's child, empty for none.
        :raises IndexError: the record is not complete.
        """
        kind = reader.data[reader.pos]
        if R.SHORT_ELEMENT <= kind <= R.MAX_ELEMENT:
            name = _skip_element(reader)
            if self._body_depth:
                return name
            self._depth += 1
            if self._depth == 2 and name == "Body":
                self._body_depth = 2
        elif R.SHORT_ATTRIBUTE <= kind <= R.MAX_ATTRIBUTE:
            _skip_attribute(reader)
            return None
        elif kind == R.COMMENT:
            reader.pos += 1
            reader.string()
        elif kind == R.ARRAY:
            _skip_array(reader)
        else:
            reader.pos += 1
            if kind != R.END_ELEMENT:
                reader.text(kind & ~1)
            if kind & 1:
                if self._body_depth:
                    return ""
                self._depth -= 1
                if self._depth <= 0:
                    raise XmlException("There is no body in the envelope", reader.pos)
        return None

    def _message(self, document: bytes, first: str) -> Message:
        # What follows the body's start tag is left for later.
        self._rest = document[self._pos :]
        del self._data[self._pos :]
        events = read_events(bytes(self._data) + b"\x01\x01", self._session, self._encoder.quotas)
        message = Message.read(events, self._encoder.version)
        message.is_fault = first == "Fault"
        return message

    # -- the streamed content

    def stream(self, data: bytes) -> list[bytes]:
        out: list[bytes] = []
        if self._remaining:
            taken = data[: self._remaining]
            self._take(taken, out)
            data = data[len(taken) :]
            if self._remaining:
                return out
        if self._rest:
            data, self._rest = self._rest + data, b""
        reader = TextReader(data, 0, [])
        begin = 0
        try:
            while reader.pos < reader.end:
                begin = reader.pos
                self._stream_record(reader, out)
        except IndexError:
            self._rest = data[begin:]
            if len(self._rest) > self._limit:
                raise QuotaExceeded(f"A record has more than {self._limit} bytes") from None
        return out

    def _take(self, taken: bytes, out: list[bytes]) -> None:
        """Some bytes of the record that is being received have come."""
        self._remaining -= len(taken)
        if self._characters is not None:
            taken = self._base64.feed(self._characters.decode(taken, not self._remaining))
        if taken:
            out.append(taken)
        if not self._remaining:
            self._characters = None
            if self._closing:
                self._end_element()

    def _stream_record(self, reader: TextReader, out: list[bytes]) -> None:
        kind = reader.data[reader.pos]
        reader.pos += 1
        even = kind & ~1
        if even in _BYTES or even in _CHARS:
            width = _BYTES.get(even) or _CHARS[even]
            length = int.from_bytes(reader.take(width), "little")
            if length >> 31:
                raise reader.bad("a negative length")
            self._content(reader)
            self._closing = bool(kind & 1)
            self._characters = None if even in _BYTES else _utf8()
            self._remaining = length
            self._take(reader.take(min(length, reader.end - reader.pos)), out)
        elif kind == R.END_ELEMENT:
            self._ends_empty()
            self._end_element()
        elif R.SHORT_ELEMENT <= kind <= R.MAX_ELEMENT:
            if self._content_seen or self._content_over:
                raise reader.bad("an element inside of or behind the streamed content")
            reader.pos -= 1
            begin = reader.pos
            _skip_element(reader)
            self._keep(reader, begin)
            self._depth += 1
        elif R.SHORT_ATTRIBUTE <= kind <= R.MAX_ATTRIBUTE and not self._content_seen:
            reader.pos -= 1
            begin = reader.pos
            _skip_attribute(reader)
            self._keep(reader, begin)
        elif kind == R.COMMENT:
            reader.string()
        elif kind >= R.ZERO:
            value = reader.text(even)
            text = lexical(value)
            if text.strip(_BLANK):
                self._content(reader)
                if piece := self._base64.feed(text):
                    out.append(piece)
            if kind & 1:
                self._ends_empty()
                self._end_element()
        else:
            raise reader.bad(f"record type 0x{kind:02X} in a streamed body", reader.pos - 1)

    def _keep(self, reader: TextReader, begin: int) -> None:
        self._data += reader.data[begin : reader.pos]
        if len(self._data) > self._limit:
            raise QuotaExceeded(f"The headers have more than {self._limit} bytes")

    def _content(self, reader: TextReader) -> None:
        """Content begins, or goes on."""
        if self._content_over or self._depth <= self._body_depth:
            raise reader.bad("content outside of the streamed element")
        if not self._content_seen:
            self._content_seen = True
            self._find_path()

    def _ends_empty(self) -> None:
        """An element ends: if nothing was in it, that was the streamed content."""
        if not self._content_seen and not self._content_over:
            self._find_path()

    def _find_path(self) -> None:
        """Resolve the names of the elements around the content."""
        opening = bytes(self._data) + b"\x01" * self._depth
        events = read_events(opening, None, self._encoder.quotas)
        self._path = _path(events)

    def _end_element(self) -> None:
        self._depth -= 1
        self._content_over = True
        self._content_seen = False
        self._closing = False
        if self._depth < 0:
            raise XmlException("There is more after the envelope")

    def end_stream(self) -> list[bytes]:
        self._base64.finish()
        if self._rest or self._remaining or self._depth > 0:
            raise XmlException("The message ended in the middle")
        return []

    # -- a collected body

    def collect(self, data: bytes) -> None:
        if self._rest:
            self._data += self._rest
            self._rest = b""
        self._data += data
        limit = max(self._encoder.max_message_size, self._limit)
        if len(self._data) > limit:
            raise QuotaExceeded(f"The message has more than {limit} bytes")

    def end_body(self, message: Message) -> None:
        events = read_events(bytes(self._data), None, self._encoder.quotas)
        whole = Message.read(events, self._encoder.version)
        message.body_content, message.is_fault = whole.body_content, whole.is_fault


def _utf8() -> Any:
    return codecs.getincrementaldecoder("utf-8")("replace")


def _skip_element(reader: TextReader) -> str:
    """Go behind an element record; :returns: its local name."""
    kind = reader.data[reader.pos]
    reader.pos += 1
    if kind in (R.ELEMENT, R.DICTIONARY_ELEMENT):
        reader.string()
    if kind in (R.SHORT_ELEMENT, R.ELEMENT) or kind >= R.PREFIX_ELEMENT_A:
        return reader.string()
    return reader.dictionary_string()


def _skip_attribute(reader: TextReader) -> None:
    kind = reader.data[reader.pos]
    reader.pos += 1
    if kind in (R.ATTRIBUTE, R.DICTIONARY_ATTRIBUTE, R.XMLNS, R.DICTIONARY_XMLNS):
        reader.string()
    if kind in (R.SHORT_ATTRIBUTE, R.ATTRIBUTE, R.SHORT_XMLNS, R.XMLNS) or (
        kind >= R.PREFIX_ATTRIBUTE_A
    ):
        reader.string()
    else:
        reader.dictionary_string()
    if not R.SHORT_XMLNS <= kind <= R.DICTIONARY_XMLNS:
        value = reader.data[reader.pos]
        reader.pos += 1
        reader.text(value)


def _skip_array(reader: TextReader) -> None:
    reader.pos += 1
    _skip_element(reader)
    while R.SHORT_ATTRIBUTE <= reader.data[reader.pos] <= R.MAX_ATTRIBUTE:
        _skip_attribute(reader)
    reader.take(1)
    item = R.ARRAY_ITEMS.get(reader.take(1)[0] & ~1)
    if item is None:
        raise reader.bad("an array of no known type")
    reader.take(item[0] * reader.multibyte())


def _path(events: list[Event]) -> list[tuple[str, str]]:
    """:returns: the names of the elements nested in the body."""
    depth = 0
    path: list[tuple[str, str]] = []
    inside = False
    for event in events:
        if isinstance(event, Start | Element):
            if inside:
                path.append((event.name.local, event.name.namespace))
            elif depth == 1 and event.name.local == "Body":
                inside = True
            depth += isinstance(event, Start)
        elif event is END:
            if inside:
                break
            depth -= 1
    return path
