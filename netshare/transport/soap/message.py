"""
Messages: a SOAP envelope as a program sees it, with its addressing headers taken apart.

Reading takes the headers in any order; writing puts them in the order WCF does: Action, the
program's own, RelatesTo, MessageID, ReplyTo, FaultTo, From, To. Which encoding a message came in
or goes out in is the matter of :mod:`netshare.transport.encoders`.
"""

from __future__ import annotations

import os
from collections.abc import Container
from dataclasses import KW_ONLY, dataclass, field
from typing import Final

from netshare.transport.soap.body import Body, ReceivedBody, StreamBody, body_of
from netshare.transport.soap.envelope import read_envelope
from netshare.transport.soap.headers import MessageHeader
from netshare.transport.soap.versions import (
    MESSAGE_VERSION_DEFAULT,
    AddressingVersion,
    MessageVersion,
    SoapVersion,
)
from netshare.transport.xml import (
    DictionaryString,
    Element,
    Event,
    UniqueId,
    XmlCursor,
    XmlWriter,
    encode_name,
)

__all__ = ["Message", "new_message_id"]


_SOAP_ID: Final[dict[SoapVersion, str]] = {v: DictionaryString(v.namespace) for v in SoapVersion}


def new_message_id() -> UniqueId:
    """:returns: an identifier that no other message has (a random UUID)."""
    raw = bytearray(os.urandom(16))
    raw[7] = raw[7] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return UniqueId(bytes(raw))


@dataclass(slots=True, eq=False, repr=False)
class Message:
    """
    A message to be sent, or received.

    :param action: what it is about
    :param body_content: what stands in the body: a function that writes it, an element (also of
        ElementTree), the text of an XML document, or nothing;
        of a received message what came (see :meth:`body`)
    :param version: versions of SOAP and WS-Addressing
    :param headers: the headers that are none of WS-Addressing
    :param message_id: its own identifier
    :param relates_to: identifier of the message that this one answers
    :param reply_to: address to which replies go
    :param to: address to which it goes
    :param fault_to: address to which faults go
    :param from_: address from which it comes
    :param is_fault: whether the body is a fault
    """

    action: str | None = None
    body_content: Body = None
    _: KW_ONLY
    version: MessageVersion = MESSAGE_VERSION_DEFAULT
    headers: list[MessageHeader] = field(default_factory=list)
    message_id: UniqueId | str | None = None
    relates_to: UniqueId | str | None = None
    reply_to: str | None = None
    to: str | None = None
    fault_to: str | None = None
    from_: str | None = None
    is_fault: bool = False

    def __post_init__(self) -> None:
        self.headers = [*self.headers]
        body = self.body_content
        if body is not None and type(body) is not ReceivedBody:
            self.body_content = body_of(body)

    def __repr__(self) -> str:
        return f"<Message {self.action!r}{' (fault)' if self.is_fault else ''}>"

    # ---- reading

    @classmethod
    def read(cls, events: list[Event], version: MessageVersion) -> Message:
        """
        :param events: a whole document
        :param version: what it has to be
        :returns: the message
        :raises MessageInvalid: it is none, or not of that version
        """
        parts = read_envelope(events, version)
        return cls(
            body_content=parts.body,
            version=version,
            headers=parts.headers,
            is_fault=parts.is_fault,
            **parts.addressing,
        )

    def load(self) -> None:
        """
        Read the body of a received message now, if that was put off until it is asked for.

        :raises BodyUnreadable: it is bad XML
        """
        body = self.body_content
        if type(body) is ReceivedBody:
            body.load()

    def body(self) -> XmlCursor | None:
        """
        :returns: of a received message, a new cursor on the first element of the body; ``None``
            when there is none
        """
        body = self.body_content
        return body.cursor() if type(body) is ReceivedBody else None

    def body_element(self) -> Element | None:
        """:returns: of a received message, the first element of the body; ``None``: none there"""
        cursor = self.body()
        return None if cursor is None else cursor.element()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in the body."""
        body = self.body_content
        return body is None or (type(body) is ReceivedBody and body.cursor() is None)

    def header(self, name: str, namespace: str) -> MessageHeader | None:
        """:returns: the first header of that name, ``None`` if there is none."""
        name = encode_name(name)
        for header in self.headers:
            if header.name == name and header.namespace == namespace:
                return header
        return None

    def not_understood(self, understood: Container[tuple[str, str]] = ()) -> list[MessageHeader]:
        """
        :param understood: the headers that the receiver knows, as (namespace, name). Those of
            WS-Addressing are always understood.
        :returns: the headers for the last receiver that have to be understood and are not.
        """
        own = self.version.soap.own_actors
        return [
            header
            for header in self.headers
            if header.must_understand
            and header.actor in own
            and (header.namespace, header.name) not in understood
        ]

    # -- writing

    def write(self, writer: XmlWriter) -> None:
        """
        Write the envelope; of a streamed body all start tags, and nothing after them.

        :param writer: a new writer.
        :raises XmlException: something cannot be written.
        """
        self.write_start(writer)
        content = self.body_content
        if isinstance(content, StreamBody):
            for name, namespace in content.path:
                writer.start(name, namespace)
            return
        if isinstance(content, ReceivedBody):
            content.write(writer)
        elif isinstance(content, Element):
            writer.node(content)
        elif content is not None:
            content(writer)
        writer.end_element()
        writer.end_element()

    def write_start(self, writer: XmlWriter) -> None:
        """Write the envelope as far as the start tag of the body; parameters as :meth:`write`."""
        soap = _SOAP_ID[self.version.soap]
        writer.start_element("Envelope", soap, "s")
        self._write_headers(writer, soap)
        writer.start_element("Body", soap, "s")

    def _write_headers(self, writer: XmlWriter, soap: str) -> None:
        addressing = self.version.addressing
        if addressing is AddressingVersion.NONE:
            if not (self.headers or self.action or self.to):
                return
            uri, prefix = addressing.namespace, ""
        else:
            uri, prefix = addressing.namespace, "a"
            writer.declare(prefix, uri)
        writer.start_element("Header", soap, "s")
        if self.action is not None:
            # The actions of faults are not worth a place in a session's dictionary (as in WCF).
            action = self.action if self.is_fault else DictionaryString(self.action)
            _write_must(writer, "Action", action, uri, prefix, soap)
        for header in self.headers:
            header.write(writer, self.version.soap)
        if prefix:
            self._write_addressing(writer, uri)
        if self.to is not None:
            _write_must(writer, "To", DictionaryString(self.to), uri, prefix, soap)
        writer.end_element()

    def _write_addressing(self, writer: XmlWriter, uri: str) -> None:
        if self.relates_to is not None:
            writer.element("RelatesTo", self.relates_to, uri, "a")
        if self.message_id is not None:
            writer.element("MessageID", self.message_id, uri, "a")
        for name, address in (
            ("ReplyTo", self.reply_to),
            ("FaultTo", self.fault_to),
            ("From", self.from_),
        ):
            if address is not None:
                writer.start_element(name, uri, "a")
                if address == self.version.addressing.anonymous:
                    address = DictionaryString(address)
                writer.element("Address", address, uri, "a")
                writer.end_element()


def _write_must(writer: XmlWriter, name: str, value: str, uri: str, prefix: str, soap: str) -> None:
    writer.start_element(name, uri, prefix)
    writer.attribute("mustUnderstand", "1", soap, "s")
    writer.text(value)
    writer.end_element()
