"""
The headers of a message whose body cannot be read, so that it can be answered.
"""

from __future__ import annotations

from typing import Final

from netshare.transport.encoders.base import MessageEncoder
from netshare.transport.encoders.binary import BinaryEncoder, BinarySessionEncoder
from netshare.transport.encoders.compression import decompress
from netshare.transport.encoders.streamed.binary import BinaryStream
from netshare.transport.encoders.streamed.text import TextStream
from netshare.transport.encoders.text import TextEncoder
from netshare.transport.soap import Message, MessageInvalid
from netshare.transport.xml import XmlException
from netshare.transport.xml.binary.records import read_multibyte

__all__ = ["read_headers"]

#: Text is read in pieces of so many bytes, until the headers are there.
_PIECE: Final = 512


def read_headers(encoder: MessageEncoder, payload: bytes) -> Message | None:
    """
    Read a message that could not be decoded as far as its body.

    :param encoder: that could not decode it
    :param payload: what came in one envelope
    :returns: a message with an empty body; None: its headers cannot be read either, or the
        session cannot go on since its string table was not read whole
    """
    try:
        if isinstance(encoder, BinaryEncoder):
            return _binary(encoder, payload)
        if isinstance(encoder, TextEncoder):
            return _text(encoder, payload)
    except (XmlException, MessageInvalid):
        pass
    return None


def _binary(encoder: BinaryEncoder, payload: bytes) -> Message | None:
    if encoder.compression:
        payload = decompress(encoder.compression, payload, encoder.max_message_size)
    session, start = None, 0
    if isinstance(encoder, BinarySessionEncoder):
        session = encoder.reading
        if not session.valid:
            return None
        size, start = read_multibyte(payload, 0)
        start += size
    return BinaryStream(encoder, len(payload), session).headers(payload[start:])


def _text(encoder: TextEncoder, payload: bytes) -> Message | None:
    stream = TextStream(encoder, len(payload))
    for at in range(0, len(payload), _PIECE):
        message = stream.headers(payload[at : at + _PIECE])
        if message is not None:
            return message
    return None
