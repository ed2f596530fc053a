"""
Messages in XML as text.
"""

from __future__ import annotations

from netshare.transport.encoders.base import MessageEncoder
from netshare.transport.encoders.charsets import CHARSETS, MARKS, UTF8, Charset, parse_content_type
from netshare.transport.soap import Message, MessageVersion
from netshare.transport.xml import ReaderQuotas, TextWriter, XmlException, parse_events

__all__ = ["TextEncoder"]


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
