"""
What an encoder of messages is.
"""

from __future__ import annotations

from netshare.framing.contenttypes import is_content_type
from netshare.transport.soap import Message, MessageVersion, StreamBody
from netshare.transport.xml import ReaderQuotas, XmlException

__all__ = ["MessageEncoder", "UnknownContentType"]


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
        """:returns: whether a content type means this encoding"""
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

    def _check(self, message: Message) -> None:
        if message.version != self.version:
            raise XmlException(f"The message is {message.version}, the channel {self.version}")
        if isinstance(message.body_content, StreamBody):
            raise XmlException("A streamed body can only be sent by a stream encoder")
