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
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netshare.framing.contenttypes import is_content_type
from netshare.transport.encoders.charsets import CHARSETS, MARKS, UTF8, Charset, parse_content_type
from netshare.transport.encoders.compression import Compression, compress, decompress
from netshare.transport.encoders.templates.reading import ReadTemplates, SharedReadTemplates
from netshare.transport.encoders.templates.shared import SharedTemplates
from netshare.transport.encoders.templates.writing import SharedWriteTemplates, WriteTemplates
from netshare.transport.soap.message import (
    MESSAGE_VERSION_DEFAULT,
    SOAP11_WSA10,
    SOAP12_WSA10,
    Message,
    MessageVersion,
    SoapVersion,
    StreamBody,
)
from netshare.transport.xml import (
    BUFFERED_QUOTAS,
    ReaderQuotas,
    TextWriter,
    XmlException,
    parse_events,
)
from netshare.transport.xml.binary import (
    MAX_SESSION_SIZE,
    BinaryWriter,
    ReaderSession,
    WriterSession,
    read_events,
)

if TYPE_CHECKING:
    from netshare.transport.encoders.streamed.streaming import StreamDecoder, StreamEncoder

__all__ = [
    "BINARY",
    "BINARY_SESSION",
    "BinaryEncoder",
    "BinarySessionEncoder",
    "MessageEncoder",
    "TextEncoder",
    "UnknownContentType",
    "encoder_for",
]

BINARY: Final = "application/soap+msbin1"
BINARY_SESSION: Final = "application/soap+msbinsession1"
_SHORT: Final = {
    "binary-session": BINARY_SESSION,
    "binary": BINARY,
    "text": "application/soap+xml; charset=utf-8",
}
_MEDIA_TYPES: Final = {v.media_type: v for v in SoapVersion}
#: WCF's ``maxReceivedMessageSize`` unless the binding says otherwise.
_MAX_MESSAGE_SIZE: Final = 65536


class UnknownContentType(ValueError):
    """There is no encoder for a content type, or not with these options."""


class MessageEncoder:
    """
    An encoding, as one framing session has it.

    :param content_type: its content type.
    :param version: what messages have to be.
    :param quotas: limits for reading.
    :param max_message_size: bytes that a compressed message may become.
    """

    #: Whether ``session`` matters.
    has_session = False

    def __init__(
        self,
        content_type: str,
        version: MessageVersion,
        quotas: ReaderQuotas,
        max_message_size: int,
    ) -> None:
        self.content_type = content_type
        self.version = version
        self.quotas = quotas
        self.max_message_size = max_message_size

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.content_type}>"

    def session(self) -> MessageEncoder:
        """:returns: an encoder for one new framing session, for both of its directions."""
        return self

    def accepts(self, content_type: str) -> bool:
        """:returns: whether a content type means this encoding."""
        return is_content_type(content_type, self.content_type)

    def encode(self, message: Message) -> bytes:
        """
        :param message: a message of this encoding's version, with a body that is not streamed.
        :returns: its bytes.
        :raises XmlException: it cannot be written.
        """
        raise NotImplementedError

    def pieces(self, message: Message) -> list[bytes | memoryview]:
        """
        As :meth:`encode`, but long values are pieces of their own, not copied.

        :returns: what joined are the message's bytes.
        """
        return [self.encode(message)]

    def decode(self, payload: bytes) -> Message:
        """
        :param payload: what came in one envelope.
        :returns: the message.
        :raises XmlException: the XML is bad (:class:`~.binary.QuotaExceeded`: or too much).
        :raises MessageInvalid: it is no message of this version.
        """
        raise NotImplementedError

    def stream_encoder(self) -> StreamEncoder:
        """
        :returns: what sends one message with a streamed body.
        :raises UnknownContentType: messages of this encoding cannot be streamed.
        """
        from netshare.transport.encoders.streamed.streaming import stream_encoder

        return stream_encoder(self)

    def stream_decoder(self) -> StreamDecoder:
        """:returns: what receives one streamed message; errors as :meth:`stream_encoder`."""
        from netshare.transport.encoders.streamed.streaming import stream_decoder

        return stream_decoder(self)

    def _check(self, message: Message) -> None:
        if message.version != self.version:
            raise XmlException(f"The message is {message.version}, the channel {self.version}")
        if isinstance(message.body_content, StreamBody):
            raise XmlException("A streamed body can only be sent by a stream encoder")


class BinaryEncoder(MessageEncoder):
    """
    Binary without a session; parameters as of :class:`MessageEncoder`.

    :param compression: ``gzip``, ``deflate`` or nothing.
    """

    def __init__(
        self,
        content_type: str,
        version: MessageVersion,
        quotas: ReaderQuotas,
        max_message_size: int,
        compression: str = "",
    ) -> None:
        super().__init__(content_type, version, quotas, max_message_size)
        self.compression = compression

    def encode(self, message: Message) -> bytes:
        self._check(message)
        writer = BinaryWriter()
        message.write(writer)
        data = writer.getvalue()
        return compress(self.compression, data) if self.compression else data

    def decode(self, payload: bytes) -> Message:
        if self.compression:
            payload = decompress(self.compression, payload, self.max_message_size)
        return Message.read(read_events(payload, None, self.quotas), self.version)


class BinarySessionEncoder(BinaryEncoder):
    """
    Binary with the string tables of a session ([MC-NBFSE]), one for each direction; parameters
    as of :class:`BinaryEncoder`.

    :param max_session_size: bytes that the tables of one direction may have.
    """

    has_session = True

    def __init__(
        self,
        content_type: str,
        version: MessageVersion,
        quotas: ReaderQuotas,
        max_message_size: int,
        compression: str = "",
        max_session_size: int = MAX_SESSION_SIZE,
    ) -> None:
        super().__init__(content_type, version, quotas, max_message_size, compression)
        self.max_session_size = max_session_size
        #: What all sessions of this encoder share.
        self._sharedReading: SharedReadTemplates = SharedTemplates()
        self._sharedWriting: SharedWriteTemplates = SharedTemplates()
        self._begin()

    def _begin(self) -> None:
        self.know(ReaderSession(self.max_session_size), WriterSession(self.max_session_size))

    def know(
        self, reading: ReaderSession | None = None, writing: WriterSession | None = None
    ) -> None:
        """Begin in the middle of a session (tools, tests): with string tables that it has."""
        if reading is not None:
            self._reading = reading
            self._readTemplates = ReadTemplates(
                reading, self.quotas, self.version, self._sharedReading
            )
        if writing is not None:
            self._writing = writing
            self._writeTemplates = WriteTemplates(writing, self.version, self._sharedWriting)

    def session(self) -> MessageEncoder:
        # What copy.copy does, in a fifth of the time.
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._begin()
        return new

    def encode(self, message: Message) -> bytes:
        data = b"".join(self._pieces(message))
        return compress(self.compression, data) if self.compression else data

    def pieces(self, message: Message) -> list[bytes | memoryview]:
        if self.compression:
            return [self.encode(message)]
        return self._pieces(message)

    def _pieces(self, message: Message) -> list[bytes | memoryview]:
        self._check(message)
        document = self._writeTemplates.write(message)
        return [self._writing.take_table(), *document]

    def decode(self, payload: bytes) -> Message:
        if self.compression:
            payload = decompress(self.compression, payload, self.max_message_size)
        start = self._reading.read_table(payload)
        return self._readTemplates.read(payload, start)


class TextEncoder(MessageEncoder):
    """
    XML as text; parameters as of :class:`MessageEncoder`.

    :param charset: the characters' encoding when writing. Reading goes by the byte order mark,
        if there is one.
    """

    def __init__(
        self,
        content_type: str,
        version: MessageVersion,
        quotas: ReaderQuotas,
        max_message_size: int,
        charset: Charset = UTF8,
    ) -> None:
        super().__init__(content_type, version, quotas, max_message_size)
        self.charset = charset

    def accepts(self, content_type: str) -> bool:
        media, charset = parse_content_type(content_type)
        return media == self.version.soap.media_type and CHARSETS.get(charset) is self.charset

    def encode(self, message: Message) -> bytes:
        self._check(message)
        writer = TextWriter(short_empty=True)
        message.write(writer)
        return self.charset.declaration + writer.encode(self.charset.codec)

    def decode(self, payload: bytes) -> Message:
        charset = self.charset
        for mark, marked in MARKS:
            if payload.startswith(mark):
                charset, payload = marked, payload[len(mark) :]
                break
        if charset is UTF8:
            events = parse_events(payload, "utf-8", self.quotas)
        else:
            try:
                text = str(payload, charset.codec)
            except UnicodeDecodeError as error:
                raise XmlException(f"The message is not {charset.name}", error.start) from None
            events = parse_events(text, None, self.quotas)
        return Message.read(events, self.version)


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
    content_type = f"{soap.media_type}; charset={known.name}"
    return TextEncoder(content_type, version, quotas, max_message_size, known)
