"""
Which encodings can be streamed.
"""

from __future__ import annotations

from netshare.transport.encoders.base import MessageEncoder, UnknownContentType
from netshare.transport.encoders.binary import BinaryEncoder
from netshare.transport.encoders.text import TextEncoder

__all__ = ["streamable"]


def streamable(encoder: MessageEncoder) -> BinaryEncoder | TextEncoder:
    """
    :param encoder: an encoding
    :returns: the same one
    :raises UnknownContentType: its messages cannot be streamed, since they need a session's tables
    """
    if not isinstance(encoder, BinaryEncoder | TextEncoder) or encoder.has_session:
        raise UnknownContentType(f"'{encoder.content_type}' is not for streamed messages")
    return encoder
