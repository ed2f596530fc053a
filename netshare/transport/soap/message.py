"""
Messages: a SOAP envelope as a program sees it, with its addressing headers taken apart.

Reading takes the headers in any order; writing puts them in the order WCF does: Action, the
program's own, RelatesTo, MessageID, ReplyTo, FaultTo, From, To. Which encoding a message came in
or goes out in is the matter of :mod:`netshare.transport.encoders`.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from netshare.transport.soap.envelope import EnvelopeParts, MessageInvalid, read_envelope
from netshare.transport.soap.headers import BodyWriter, MessageHeader
from netshare.transport.soap.versions import (
    MESSAGE_VERSION_DEFAULT,
    SOAP11,
    SOAP11_AUGUST2004,
    SOAP11_WSA10,
    SOAP12,
    SOAP12_AUGUST2004,
    SOAP12_WSA10,
    AddressingVersion,
    MessageVersion,
    SoapVersion,
)
from netshare.transport.xml import (
    DictionaryString,
    Element,
    Event,
    Start,
    UniqueId,
    XmlCursor,
    XmlWriter,
    encode_name,
)

__all__ = [
    "MESSAGE_VERSION_DEFAULT",
    "SOAP11",
    "SOAP11_AUGUST2004",
    "SOAP11_WSA10",
    "SOAP12",
    "SOAP12_AUGUST2004",
    "SOAP12_WSA10",
    "AddressingVersion",
    "Body",
    "BodyWriter",
    "Message",
    "MessageHeader",
    "MessageInvalid",
    "MessageVersion",
    "SoapVersion",
    "StreamBody",
    "new_message_id",
]


@dataclass(frozen=True, slots=True)
class StreamBody:
    """
    A body whose innermost element contains bytes that are sent as they come.

    :param path: (name, namespace) of the elements from the body's child inwards, at least one.
    """

    path: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("a streamed body needs an element to be in")


#: What can stand in the body of a message that is to be sent.
Body: TypeAlias = BodyWriter | Element | StreamBody | None

_NO_EVENTS: Final[list[Event]] = []
_SOAP_ID: Final[dict[SoapVersion, str]] = {v: DictionaryString(v.namespace) for v in SoapVersion}


def new_message_id() -> UniqueId:
    """:returns: an identifier that no other message has (a random UUID)."""
    raw = bytearray(os.urandom(16))
    raw[7] = raw[7] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return UniqueId(bytes(raw))


class Message:
    """
    A message to be sent, or received. All but the body of a received one can be changed.

    :param action: what it is about.
    :param body: what stands in the body: something that writes it, an element, or nothing.
    :param version: versions of SOAP and WS-Addressing.
    :param headers: the headers that are none of WS-Addressing.
    :param message_id: its own identifier.
    :param relates_to: identifier of the message that this one answers.
    :param reply_to: address to which replies go.
    :param to: address to which it goes.
    :param fault_to: address to which faults go.
    :param from_: address from which it comes.
    :param is_fault: whether the body is a fault.
    :param properties: whatever the layers want to tell each other about it.
    """

    __slots__ = (
        "_body_index",
        "_events",
        "_outer",
        "action",
        "body_content",
        "fault_to",
        "from_",
        "headers",
        "is_fault",
        "message_id",
        "properties",
        "relates_to",
        "reply_to",
        "to",
        "version",
    )

    def __init__(
        self,
        action: str | None = None,
        body: Body = None,
        *,
        version: MessageVersion = MESSAGE_VERSION_DEFAULT,
        headers: Iterable[MessageHeader] = (),
        message_id: UniqueId | str | None = None,
        relates_to: UniqueId | str | None = None,
        reply_to: str | None = None,
        to: str | None = None,
        fault_to: str | None = None,
        from_: str | None = None,
        is_fault: bool = False,
        properties: dict[str, Any] | None = None,
    ) -> None:
        self.version = version
        self.action = action
        self.headers = list(headers)
        self.message_id = message_id
        self.relates_to = relates_to
        self.reply_to = reply_to
        self.fault_to = fault_to
        self.from_ = from_
        self.to = to
        self.is_fault = is_fault
        self.properties: dict[str, Any] = {} if properties is None else properties
        #: What to write into the body; of a received message None (see :meth:`body`).
        self.body_content: Body = body
        self._events: list[Event] | None = None
        #: Of the first event in the body of a received message; -1: there is nothing in it.
        self._body_index = -1
        self._outer: tuple[Element | Start, ...] = ()

    def __repr__(self) -> str:
        return f"<Message {self.action!r}{' (fault)' if self.is_fault else ''}>"

    # -- reading

    @classmethod
    def read(cls, events: list[Event], version: MessageVersion) -> Message:
        """
        :param events: a whole document.
        :param version: what it has to be.
        :returns: the message.
        :raises MessageInvalid: it is none, or not of that version.
        """
        parts = read_envelope(events, version)
        return cls.of(parts, parts.addressing, events, version)

    @classmethod
    def of(
        cls,
        parts: EnvelopeParts,
        addressing: dict[str, Any],
        events: list[Event],
        version: MessageVersion,
    ) -> Message:
        """
        :param parts: what the envelope consists of, but for the
        :param addressing: values of the addressing headers, by attribute.
        :param events: the whole document.
        :param version: what it is.
        :returns: the message.
        """
        message = cls(version=version, **addressing)
        message.headers += parts.headers
        message.is_fault = parts.is_fault
        message._events, message._outer = events, parts.outer
        message._body_index = parts.body_index
        return message

    def take_body(self, other: Message) -> None:
        """Make the body of another received message this one's."""
        self._events, self._outer = other._events, other._outer
        self._body_index = other._body_index
        self.is_fault = other.is_fault

    def body_events(self) -> tuple[list[Event], int]:
        """
        :returns: of a received message all events, and the index of the first one in the body; -1:
            there is nothing in it, or the message was not received.
        """
        return (_NO_EVENTS, -1) if self._events is None else (self._events, self._body_index)

    def body(self) -> XmlCursor | None:
        """
        :returns: of a received message, a new cursor on the first element of the body; ``None``
            when there is none.
        """
        if self._events is None or self._body_index < 0:
            return None
        cursor = XmlCursor.inside(self._events, self._body_index, self._outer)
        return None if cursor.next() is None else cursor

    def body_element(self) -> Element | None:
        """:returns: of a received message, the first element of the body; ``None``: none there."""
        cursor = self.body()
        return None if cursor is None else cursor.element()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in the body."""
        if self._events is None:
            return self.body_content is None
        return self.body() is None

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
        if content is not None:
            if isinstance(content, Element):
                writer.node(content)
            else:
                content(writer)
        elif self._body_index >= 0:
            cursor = self.body()
            while cursor is not None:
                writer.node(cursor.element())
                if cursor.next() is None:
                    break
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
