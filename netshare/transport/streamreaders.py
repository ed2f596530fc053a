"""
Reading a streamed message as far as it has come, in binary and in text.

Both readers find the body first, and give the message once it is known what the body begins
with. Then they either collect the rest or let its content out, of which they never hold more
than one piece.
"""

from __future__ import annotations

import binascii
import codecs
from typing import Any, Final, Protocol
from xml.parsers import expat

from netshare.transport.binary import (
    END,
    Element,
    Event,
    QuotaExceeded,
    Start,
    XmlException,
    read_events,
)
from netshare.transport.binary import records as R
from netshare.transport.binary.events import check_quotas
from netshare.transport.binary.textrecords import TextReader
from netshare.transport.binary.values import lexical
from netshare.transport.encoders import MARKS, UTF8, BinaryEncoder, TextEncoder
from netshare.transport.messages import Message
from netshare.transport.xmltext import Parsing

__all__ = ["BinaryStream", "BodyReader", "TextStream"]

_BYTES: Final = {R.BYTES8: 1, R.BYTES16: 2, R.BYTES32: 4}
_CHARS: Final = {R.CHARS8: 1, R.CHARS16: 2, R.CHARS32: 4}
_BLANK: Final = " \t\r\n"


class BodyReader(Protocol):
    """One reading of one streamed message."""

    @property
    def path(self) -> list[tuple[str, str]]:
        """Names of the elements around the content, as far as known."""

    def headers(self, data: bytes) -> Message | None:
        """:returns: the message once its headers and the name of its body's child are there."""

    def stream(self, data: bytes) -> list[bytes]:
        """:returns: the streamed content that further bytes bring."""

    def end_stream(self) -> list[bytes]:
        """:returns: the rest of the content; :raises XmlException: the document is cut off."""

    def collect(self, data: bytes) -> None:
        """Keep further bytes of the body."""

    def end_body(self, message: Message) -> None:
        """Put the collected body into the message."""


class _Base64:
    """Characters of base64, in pieces of any length."""

    def __init__(self) -> None:
        self._rest = ""
        self._padded = False

    def feed(self, text: str) -> bytes:
        """:returns: the bytes of all whole groups of four characters."""
        text = self._rest + "".join(text.split())
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        if self._padded and text:
            raise XmlException("The streamed content is no base64: it goes on after its end")
        self._padded = text[:whole].endswith("=")
        try:
            return binascii.a2b_base64(text[:whole], strict_mode=True)
        except (binascii.Error, ValueError) as error:
            raise XmlException(f"The streamed content is no base64: {error}") from None

    def finish(self) -> None:
        """:raises XmlException: a group of four is not complete."""
        if self._rest:
            raise XmlException("The streamed content is no base64: its end is missing")


class BinaryStream:
    """
    A streamed message in binary.

    :param encoder: the encoding.
    :param limit: bytes that the headers may have.
    """

    def __init__(self, encoder: BinaryEncoder, limit: int) -> None:
        self._encoder = encoder
        self._limit = limit
        self._path: list[tuple[str, str]] = []
        #: Everything up to the streamed content, or all that is collected.
        self._data = bytearray()
        self._pos = 0
        self._depth = 0
        #: How many elements are open when the body begins; 0: it has not.
        self._body_depth = 0
        self._body_end = 0
        self._rest = b""
        #: What is left of the record of bytes or characters being received.
        self._remaining = 0
        self._characters: Any = None
        self._closing = False
        self._base64 = _Base64()
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
        reader = TextReader(document, self._pos, [])
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
        self._body_end = self._pos
        self._rest = document[self._pos :]
        del self._data[self._pos :]
        events = read_events(bytes(self._data) + b"\x01\x01", None, self._encoder.quotas)
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
        message.take_body(Message.read(events, self._encoder.version))


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


class _TextParsing(Parsing):
    """Notes where the body begins; while streaming it gives content instead of events."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__("utf-8", encoder.quotas)
        #: Of the first event in the body; 0: not there yet.
        self.body = 0
        self.first: str | None = None
        self.streaming = False
        self.content: list[str] = []
        self.names: list[tuple[str, str]] = []
        #: Whether there was content, and whether its end.
        self.seen = False
        self.over = False

    @property
    def depth(self) -> int:
        return len(self._scopes) - 1

    @property
    def events(self) -> list[Event]:
        return self._events

    def feed(self, data: bytes, final: bool = False) -> None:
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            raise XmlException(f"{error}") from None

    def _start(self, name: str, attributes: list[str]) -> None:
        super()._start(name, attributes)
        start = self._events[-1]
        assert isinstance(start, Start)
        if self.streaming:
            del self._events[-1]
            self._check_element()
            self.names.append((start.name.local, start.name.namespace))
        elif self.depth == 2 and start.name.local == "Body":
            self.body = len(self._events)
        elif self.body and self.first is None:
            self.first = start.name.local

    def _end(self, name: str) -> None:
        if self.streaming:
            self._scopes.pop()
            self.over = True
            return
        super()._end(name)
        if self.body and self.first is None and self.depth < 2:
            self.first = ""

    def _text(self, text: str) -> None:
        if self.streaming:
            self._take_text(text)
        else:
            super()._text(text)

    def _take_text(self, text: str) -> None:
        blank = not text.strip(_BLANK)
        if not blank and self.over:
            raise XmlException("Text stands behind the streamed content")
        if not self.over:
            self.content.append(text)
            self.seen = self.seen or not blank

    def _check_element(self) -> None:
        """An element begins in the streamed body."""
        if self.over or self.seen:
            raise XmlException("An element stands inside of or behind the streamed content")
        self.content.clear()

    def _comment(self, text: str) -> None:
        if not self.streaming:
            super()._comment(text)

    def begin_streaming(self) -> None:
        """From now on content is given; what there is of it already is taken out."""
        self._flush_text()
        for event in self._events[self.body :]:
            if isinstance(event, Start | Element):
                self._check_element()
                self.names.append((event.name.local, event.name.namespace))
                if isinstance(event, Element):
                    self.content.extend(map(str, event.children))
                    self.over = True
            elif event is END:
                self.over = True
            elif isinstance(event, str):
                self._take_text(event)
        del self._events[self.body :]
        self.streaming = True
        # What has come is to be given now, not when there is more.
        self._parser.buffer_text = False

    def _flush_text(self) -> None:
        if self._run:
            self._flush()


class TextStream:
    """
    A streamed message as text; parameters as of :class:`BinaryStream`.
    """

    def __init__(self, encoder: TextEncoder, limit: int) -> None:
        self._encoder = encoder
        self._limit = limit
        self._parsing = _TextParsing(encoder)
        self._mark = b""
        self._decoder: Any = None
        self._started = False
        self._size = 0
        self._base64 = _Base64()

    @property
    def path(self) -> list[tuple[str, str]]:
        """Names of the elements around the content."""
        return self._parsing.names

    def _utf8(self, data: bytes, final: bool = False) -> bytes:
        """:returns: the characters in UTF-8, without byte order mark."""
        if not self._started:
            self._mark += data
            if len(self._mark) < 3 and not final:
                return b""
            data, self._started = self._mark, True
            charset = self._encoder.charset
            for mark, marked in MARKS:
                if data.startswith(mark):
                    charset, data = marked, data[len(mark) :]
                    break
            if charset is not UTF8:
                self._decoder = codecs.getincrementaldecoder(charset.codec)()
        if self._decoder is None:
            return data
        try:
            return self._decoder.decode(data, final).encode("utf-8")  # type: ignore[no-any-return]
        except UnicodeError:
            raise XmlException(f"The message is not {self._encoder.charset.name}") from None

    def headers(self, data: bytes) -> Message | None:
        self._size += len(data)
        parsing = self._parsing
        parsing.feed(self._utf8(data))
        if parsing.first is None:
            if self._size > self._limit:
                raise QuotaExceeded(f"The headers have more than {self._limit} bytes")
            return None
        events = [*parsing.events[: parsing.body], END, END]
        check_quotas(events, self._encoder.quotas)
        message = Message.read(events, self._encoder.version)
        message.is_fault = parsing.first == "Fault"
        return message

    def stream(self, data: bytes) -> list[bytes]:
        parsing = self._parsing
        if not parsing.streaming:
            parsing.begin_streaming()
        if data:
            parsing.feed(self._utf8(data))
        return self._content()

    def _content(self) -> list[bytes]:
        text = "".join(self._parsing.content)
        self._parsing.content.clear()
        piece = self._base64.feed(text) if text else b""
        return [piece] if piece else []

    def end_stream(self) -> list[bytes]:
        self._parsing.feed(self._utf8(b"", final=True), final=True)
        pieces = self._content()
        self._base64.finish()
        return pieces

    def collect(self, data: bytes) -> None:
        self._size += len(data)
        limit = max(self._encoder.max_message_size, self._limit)
        if self._size > limit:
            raise QuotaExceeded(f"The message has more than {limit} bytes")
        if data:
            self._parsing.feed(self._utf8(data))

    def end_body(self, message: Message) -> None:
        self._parsing.feed(self._utf8(b"", final=True), final=True)
        check_quotas(self._parsing.events, self._encoder.quotas)
        message.take_body(Message.read(self._parsing.events, self._encoder.version))
