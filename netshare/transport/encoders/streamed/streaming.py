"""
Streamed messages: headers first, then bytes as they come, in bounded memory both ways.

In the streamed transfer modes a message is one long document, and the parameter that is a stream
stands in it as base64: in binary as records of bytes, in text as characters. Sending is start
tags, chunks, end tags (:class:`StreamEncoder`). Receiving (:class:`StreamDecoder`) gives the
headers as soon as they are there; then whoever knows the action says whether the body is to be
collected (:meth:`StreamDecoder.expect_body`) or its bytes come out as they arrive
(:meth:`StreamDecoder.expect_stream`).
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator
from typing import Final

from netshare.transport.encoders.compression import Decompressor, compressor
from netshare.transport.encoders.encoders import (
    BinaryEncoder,
    MessageEncoder,
    TextEncoder,
    UnknownContentType,
)
from netshare.transport.encoders.streamed.base64 import BodyReader
from netshare.transport.encoders.streamed.binary import BinaryStream
from netshare.transport.encoders.streamed.text import TextStream
from netshare.transport.soap.message import Message, StreamBody
from netshare.transport.xml import QuotaExceeded, TextWriter, XmlException
from netshare.transport.xml.binary import BinaryWriter
from netshare.transport.xml.binary.encode import bytes_head

__all__ = [
    "StreamBody",
    "StreamDecoder",
    "StreamEncoder",
    "encode_stream",
    "stream_decoder",
    "stream_encoder",
]

#: Bytes of a record, and of a line of base64, at most: what a receiver has to hold at once.
_RECORD: Final = 49152


class StreamEncoder:
    """
    Sends one message with a streamed body: :meth:`start`, :meth:`chunk` as often as one likes,
    :meth:`finish`.

    :param encoder: the encoding.
    """

    def __init__(self, encoder: BinaryEncoder | TextEncoder) -> None:
        self._encoder = encoder
        self._depth = 0
        self._rest = b""
        self._writer: BinaryWriter | TextWriter | None = None
        kind = encoder.compression if isinstance(encoder, BinaryEncoder) else ""
        self._compressor = compressor(kind) if kind else None

    def start(self, message: Message) -> bytes:
        """
        :param message: its body is a :class:`StreamBody`.
        :returns: everything up to the streamed content.
        :raises XmlException: it cannot be written.
        """
        if not isinstance(message.body_content, StreamBody):
            raise XmlException("The message's body is not a StreamBody")
        if message.version != self._encoder.version:
            raise XmlException(
                f"The message is {message.version}, the channel {self._encoder.version}"
            )
        if isinstance(self._encoder, TextEncoder):
            text = TextWriter(short_empty=True)
            self._writer = text
            message.write(text)
            codec = self._encoder.charset.codec
            return self._encoder.charset.declaration + text.take().encode(codec)
        binary = BinaryWriter()
        self._writer = binary
        message.write(binary)
        return self._pack(binary.take())

    def chunk(self, data: bytes) -> bytes:
        """
        :param data: the next bytes of the content, as many as one likes.
        :returns: what to send; perhaps nothing yet.
        """
        rest = self._rest
        # Whole groups of three, so that base64 needs no padding before the end.
        whole = len(data) - (len(rest) + len(data)) % 3
        if whole < 0:
            self._rest = rest + data
            return b""
        view = memoryview(data)
        self._rest = bytes(view[whole:])
        return self._pack(self._content(rest, view[:whole])) if rest or whole else b""

    def finish(self) -> bytes:
        """:returns: the rest of the message."""
        content = self._content(self._rest, memoryview(b"")) if self._rest else b""
        self._rest = b""
        writer = self._writer
        if writer is None:
            raise XmlException("The message was not started")
        while writer.depth:
            writer.end_element()
        self._writer = None
        if isinstance(writer, TextWriter):
            assert isinstance(self._encoder, TextEncoder)
            return content + writer.take().encode(self._encoder.charset.codec)
        end = self._pack(content + writer.take())
        return end if self._compressor is None else end + self._compressor.flush()

    def _content(self, first: bytes, data: memoryview) -> bytes:
        """:returns: what becomes of a few bytes, and more behind them."""
        if isinstance(self._encoder, TextEncoder):
            text = binascii.b2a_base64(b"".join((first, data)) if first else data, newline=False)
            codec = self._encoder.charset.codec
            return text if codec == "utf-8" else text.decode("ascii").encode(codec)
        parts: list[bytes | memoryview] = []
        while first or data:
            taken = data[: _RECORD - len(first)]
            parts += (bytes_head(len(first) + len(taken)), first, taken)
            first, data = b"", data[len(taken) :]
        return b"".join(parts)

    def _pack(self, data: bytes) -> bytes:
        return data if self._compressor is None else self._compressor.compress(data)


def encode_stream(
    encoder: MessageEncoder, message: Message, chunks: Iterable[bytes]
) -> Iterator[bytes]:
    """
    :param encoder: the encoding.
    :param message: its body is a :class:`StreamBody`.
    :param chunks: the content.
    :returns: the whole message, in pieces about as large as the chunks.
    :raises XmlException: it cannot be written.
    """
    stream = encoder.stream_encoder()
    pending = stream.start(message)
    for data in chunks:
        pending += stream.chunk(data)
        if pending:
            yield pending
            pending = b""
    yield pending + stream.finish()


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
                raise QuotaExceeded(f"Nobody wanted the first {self._limit} bytes of the body")
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


def stream_encoder(encoder: MessageEncoder) -> StreamEncoder:
    """:returns: a new one; :raises UnknownContentType: messages of a session are not streamed."""
    if not isinstance(encoder, BinaryEncoder | TextEncoder) or encoder.has_session:
        raise UnknownContentType(f"'{encoder.content_type}' is not for streamed messages")
    return StreamEncoder(encoder)


def stream_decoder(encoder: MessageEncoder, max_header_size: int = 65536) -> StreamDecoder:
    """:returns: a new one; :raises UnknownContentType: messages of a session are not streamed."""
    if not isinstance(encoder, BinaryEncoder | TextEncoder) or encoder.has_session:
        raise UnknownContentType(f"'{encoder.content_type}' is not for streamed messages")
    return StreamDecoder(encoder, max_header_size)
