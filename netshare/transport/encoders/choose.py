"""
Which encoder a content type means.
"""

from __future__ import annotations

from typing import Final

from netshare.framing.records import BINARY, BINARY_SESSION
from netshare.transport.encoders.base import MessageEncoder, UnknownContentType
from netshare.transport.encoders.binary import BinaryEncoder, BinarySessionEncoder
from netshare.transport.encoders.charsets import CHARSETS, UTF8, parse_content_type
from netshare.transport.encoders.compression import Compression
from netshare.transport.encoders.text import TextEncoder
from netshare.transport.soap import (
    MESSAGE_VERSION_DEFAULT,
    SOAP11_WSA10,
    SOAP12_WSA10,
    MessageVersion,
    SoapVersion,
)
from netshare.transport.xml import BUFFERED_QUOTAS, ReaderQuotas
from netshare.transport.xml.binary import MAX_SESSION_SIZE

__all__ = ["encoder_for", "text_content_type"]

_MEDIA_TYPES: Final = {v.media_type: v for v in SoapVersion}
#: WCF's ``maxReceivedMessageSize`` unless the binding says otherwise.
_MAX_MESSAGE_SIZE: Final = 65536


def text_content_type(soap: SoapVersion, charset: str = UTF8.name) -> str:
    """
    :param soap: the version of the messages' envelopes
    :param charset: as content types name it
    :returns: the content type of such messages as text
    """
    return f"{soap.media_type}; charset={charset}"


_SHORT: Final = {
    "binary-session": BINARY_SESSION,
    "binary": BINARY,
    "text": text_content_type(SoapVersion.SOAP12),
}


def encoder_for(
    kind: str = "binary-session",
    *,
    version: MessageVersion | None = None,
    quotas: ReaderQuotas = BUFFERED_QUOTAS,
    max_message_size: int = _MAX_MESSAGE_SIZE,
    max_session_size: int = MAX_SESSION_SIZE,
) -> MessageEncoder:
    """
    Make an encoder.

    :param kind: a content type, or one of ``binary-session``, ``binary``, ``text``.
    :param version: what messages have to be. Without one: WS-Addressing 1.0 with the version of
        SOAP that the content type says.
    :param quotas: limits for reading.
    :param max_message_size: bytes that a compressed message may become.
    :param max_session_size: bytes of string tables for each direction of a session.
    :returns: an encoder; call its ``session()`` for each framing session.
    :raises UnknownContentType: there is none, or not of that version.
    """
    content_type = _SHORT.get(kind, kind)
    media, charset = parse_content_type(content_type)
    base, _, compression = media.rpartition("+")
    if compression not in Compression:
        base, compression = media, ""
    if base in (BINARY, BINARY_SESSION):
        if version is not None and version.soap is not SoapVersion.SOAP12:
            raise UnknownContentType("The binary encoding has SOAP 1.2 only")
        version = version or MESSAGE_VERSION_DEFAULT
        if base == BINARY:
            return BinaryEncoder(media, version, quotas, max_message_size, compression)
        return BinarySessionEncoder(
            media, version, quotas, max_message_size, compression, max_session_size
        )
    soap = _MEDIA_TYPES.get(media)
    if soap is None:
        raise UnknownContentType(f"There is no message encoding '{content_type}' here")
    known = CHARSETS.get(charset)
    if known is None:
        raise UnknownContentType(f"Messages cannot be in the charset '{charset}'")
    if version is None:
        version = SOAP11_WSA10 if soap is SoapVersion.SOAP11 else SOAP12_WSA10
    elif kind == "text":
        soap = version.soap
    elif version.soap is not soap:
        raise UnknownContentType(f"'{media}' is not for messages of {version}")
    content_type = text_content_type(soap, known.name)
    return TextEncoder(content_type, version, quotas, max_message_size, known)
