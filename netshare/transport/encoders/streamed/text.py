"""
Reading a streamed message as text as far as it has come.
"""

from __future__ import annotations

import codecs
from typing import Any, Final
from xml.parsers import expat

from netshare.transport.encoders.charsets import MARKS, UTF8
from netshare.transport.encoders.streamed.base64 import Base64Pieces
from netshare.transport.encoders.text import TextEncoder
from netshare.transport.soap import Message
from netshare.transport.xml import END, Element, Event, QuotaExceeded, Start, XmlException
from netshare.transport.xml.events import check_quotas
from netshare.transport.xml.text import Parsing

__all__ = ["TextStream"]

_BLANK: Final = " \t\r\n"


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
    A streamed message as text; parameters as of
    :class:`~.streamed.binary.BinaryStream`.
    """

    def __init__(self, encoder: TextEncoder, limit: int) -> None:
        self._encoder = encoder
        self._limit = limit
        self._parsing = _TextParsing(encoder)
        self._mark = b""
        self._decoder: Any = None
        self._started = False
        self._size = 0
        #: What is wrong with the part of the body that came with the headers.
        self._broken: XmlException | None = None
        self._base64 = Base64Pieces()

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
        try:
            parsing.feed(self._utf8(data))
        except XmlException as error:
            if parsing.first is None:
                raise
            self._broken = error
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
        self._check()
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

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken

    def collect(self, data: bytes) -> None:
        self._check()
        self._size += len(data)
        limit = max(self._encoder.max_message_size, self._limit)
        if self._size > limit:
            raise QuotaExceeded(f"The message has more than {limit} bytes")
        if data:
            self._parsing.feed(self._utf8(data))

    def end_body(self, message: Message) -> None:
        self._parsing.feed(self._utf8(b"", final=True), final=True)
        check_quotas(self._parsing.events, self._encoder.quotas)
        whole = Message.read(self._parsing.events, self._encoder.version)
        message.body_content, message.is_fault = whole.body_content, whole.is_fault
