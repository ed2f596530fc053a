"""
Receiving a streamed message.

The body's reader, binary or text, finds the body first, and gives the message once it is known
what the body begins with. Then it either collects the rest or lets its content out, of which it
never holds more than one piece.
"""

from __future__ import annotations

from typing import Protocol

from netshare.transport.encoders.base import MessageEncoder
from netshare.transport.encoders.binary import BinaryEncoder
from netshare.transport.encoders.compression import Decompressor
from netshare.transport.encoders.streamed.binary import BinaryStream
from netshare.transport.encoders.streamed.streamable import streamable
from netshare.transport.encoders.streamed.text import TextStream
from netshare.transport.encoders.text import TextEncoder
from netshare.transport.soap import Message
from netshare.transport.xml import QuotaExceeded, XmlException

__all__ = ["BodyReader", "StreamDecoder", "stream_decoder"]


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


class StreamDecoder:
    """
    Receives one message as its bytes come in.

    :param encoder: the encoding.
    :param max_header_size: bytes that everything up to the body may have, and a body that is
        collected (WCF: maxBufferSize).
    """

    def __init__(self, encoder: BinaryEncoder | TextEncoder, max_header_size: int) -> None:
        self._encoder = encoder
        self._limit = max_header_size
        #: The message as soon as its headers are complete.
        self.message: Message | None = None
        self._reader: BodyReader = (
            TextStream(encoder, max_header_size)
            if isinstance(encoder, TextEncoder)
            else BinaryStream(encoder, max_header_size)
        )
        kind = encoder.compression if isinstance(encoder, BinaryEncoder) else ""
        self._expanding = Decompressor(kind, encoder.max_message_size) if kind else None
        self._streaming = False
        self._collecting = False
        self._waiting = b""

    @property
    def path(self) -> list[tuple[str, str]]:
        """(name, namespace) of the elements around the streamed content, as far as known."""
        return self._reader.path

    def feed(self, data: bytes) -> list[bytes]:
        """
        :param data: the next bytes of the message. If it is compressed they can become a
            thousand times as many, up to the encoder's ``max_message_size``.
        :returns: pieces of the streamed content. Nothing before :attr:`message` is there and
            :meth:`expect_stream` was called.
        :raises XmlException: the XML is bad.
        :raises QuotaExceeded: too much of something.
        :raises MessageInvalid: it is no message.
        """
        if self._expanding is not None:
            data = self._expanding.feed(data)
        return self._take(data)

    def _take(self, data: bytes) -> list[bytes]:
        if self._streaming:
            return self._reader.stream(data)
        if self._collecting:
            self._reader.collect(data)
        elif self.message is not None:
            self._waiting += data
            if len(self._waiting) > self._limit:
                raise QuotaExceeded(f"More than {self._limit} bytes of the body came too early")
        else:
            self.message = self._reader.headers(data)
        return []

    def expect_stream(self) -> list[bytes]:
        """
        Let the body's content out as it comes. To be called at once when the message is there.

        :returns: what there is of it already; errors as :meth:`feed`.
        """
        self._streaming = True
        waiting, self._waiting = self._waiting, b""
        return self._reader.stream(waiting)

    def expect_body(self) -> None:
        """Collect the body; :meth:`finish` puts it into the message. Errors as :meth:`feed`."""
        self._collecting = True
        waiting, self._waiting = self._waiting, b""
        self._reader.collect(waiting)

    def finish(self) -> list[bytes]:
        """
        The framing's message has ended.

        :returns: the last pieces of the streamed content.
        :raises XmlException: the document has not ended.
        :raises MessageInvalid: there is no message.
        """
        pieces: list[bytes] = []
        if self._expanding is not None:
            pieces = self._take(self._expanding.finish())
        if self._streaming:
            return pieces + self._reader.end_stream()
        if self.message is None or not self._collecting:
            raise XmlException("The message ended before its body")
        self._reader.end_body(self.message)
        return pieces


def stream_decoder(encoder: MessageEncoder, max_header_size: int = 65536) -> StreamDecoder:
    """
    :param encoder: the encoding
    :param max_header_size: bytes that everything up to the body may have
    :returns: what receives one streamed message
    :raises UnknownContentType: messages of a session cannot be streamed
    """
    return StreamDecoder(streamable(encoder), max_header_size)
