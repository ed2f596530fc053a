"""
Sending a streamed message.
"""

from __future__ import annotations

import binascii
from typing import Final

from netshare.transport.encoders.base import MessageEncoder
from netshare.transport.encoders.binary import BinaryEncoder
from netshare.transport.encoders.compression import compressor
from netshare.transport.encoders.streamed.streamable import streamable
from netshare.transport.encoders.text import TextEncoder
from netshare.transport.soap import Message, StreamBody
from netshare.transport.xml import TextWriter, XmlException
from netshare.transport.xml.binary import BinaryWriter
from netshare.transport.xml.binary.encode import bytes_head

__all__ = ["StreamEncoder", "stream_encoder"]

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


def stream_encoder(encoder: MessageEncoder) -> StreamEncoder:
    """
    :param encoder: the encoding
    :returns: what sends one message with a streamed body
    :raises UnknownContentType: messages of a session cannot be streamed
    """
    return StreamEncoder(streamable(encoder))
