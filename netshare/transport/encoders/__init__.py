"""
Message encoders: messages to and from what one envelope record carries.

=====================================  ==========================================
content type                           encoding
=====================================  ==========================================
``application/soap+msbinsession1``     binary, with string tables of the session
``application/soap+msbin1``            binary (the streamed transfer modes)
``application/soap+xml; charset=…``    text, SOAP 1.2
``text/xml; charset=…``                text, SOAP 1.1
=====================================  ==========================================

The binary ones may have ``+gzip`` or ``+deflate`` behind them (``CompressionFormat``).

:func:`encoder_for` chooses by the content type; each framing session then asks its encoder for one
of its own (:meth:`MessageEncoder.session`). Here a message is bytes that are there completely:
messages that are sent and received in pieces are the matter of :mod:`.streamed`. That most
messages of a session are alike is made use of in :mod:`.templates`.
"""

from netshare.framing.records import BINARY, BINARY_SESSION
from netshare.transport.encoders.base import MessageEncoder, UnknownContentType
from netshare.transport.encoders.binary import BinaryEncoder, BinarySessionEncoder
from netshare.transport.encoders.choose import encoder_for, text_content_type
from netshare.transport.encoders.text import TextEncoder

__all__ = [
    "BINARY",
    "BINARY_SESSION",
    "BinaryEncoder",
    "BinarySessionEncoder",
    "MessageEncoder",
    "TextEncoder",
    "UnknownContentType",
    "encoder_for",
    "text_content_type",
]
