"""
Reading SOAP envelopes: where the body is, what the headers say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from netshare.transport.soap.body import ReceivedBody
from netshare.transport.soap.headers import MessageHeader
from netshare.transport.soap.versions import MessageVersion, SoapVersion
from netshare.transport.xml import (
    END,
    ArrayElements,
    Attribute,
    Comment,
    Element,
    Event,
    Name,
    Start,
    Value,
    XmlException,
    as_unique_id,
    join_values,
    lexical,
)

__all__ = ["EnvelopeParts", "MessageInvalid", "is_fault", "read_envelope"]

#: Addressing headers by local name: the attribute of a message.
_SLOTS: Final = {
    "Action": "action",
    "To": "to",
    "MessageID": "message_id",
    "RelatesTo": "relates_to",
    "ReplyTo": "reply_to",
    "FaultTo": "fault_to",
    "From": "from_",
}
_BLANK: Final = " \t\r\n"
_ADDRESSES: Final = frozenset(("ReplyTo", "FaultTo", "From"))


class MessageInvalid(Exception):
    """What was received is XML, but not a message of the version that was agreed upon."""


@dataclass(slots=True)
class EnvelopeParts:
    """
    What an envelope consists of.

    :param addressing: values of the addressing headers, by the attribute of a message.
    :param headers: the other headers.
    :param is_fault: whether a fault stands in the body.
    :param body: where the body is.
    """

    addressing: dict[str, Any] = field(default_factory=dict)
    headers: list[MessageHeader] = field(default_factory=list)
    is_fault: bool = False
    body: ReceivedBody | None = None


def read_envelope(events: list[Event], version: MessageVersion) -> EnvelopeParts:
    """
    :param events: a whole document.
    :param version: what the message has to be.
    :returns: what the envelope consists of.
    :raises MessageInvalid: it is none, or not of that version.
    """
    try:
        return EnvelopeReader(events, version).read()
    except XmlException as error:
        raise MessageInvalid(f"The message's headers cannot be read: {error}") from error


def is_fault(element: Element | Start | ArrayElements, version: MessageVersion) -> bool:
    """:returns: whether an element is a fault of SOAP."""
    name = element.name
    return name.local == "Fault" and name.namespace == version.soap.namespace


class EnvelopeReader:
    """
    One reading of one envelope.

    :param events: a whole document.
    :param version: what the message has to be.
    """

    __slots__ = (
        "actor_attribute",
        "addressing",
        "events",
        "index",
        "own_actors",
        "parts",
        "soap",
        "version",
    )

    def __init__(self, events: list[Event], version: MessageVersion) -> None:
        self.events = events
        self.version = version
        soap = version.soap
        self.soap = soap.namespace
        self.actor_attribute = soap.actor_attribute
        self.own_actors = soap.own_actors
        self.addressing = version.addressing.namespace
        self.index = 0
        self.parts = EnvelopeParts()

    def read(self) -> EnvelopeParts:
        """
        :returns: what the envelope consists of.
        :raises MessageInvalid: it is none, or not of the right version.
        :raises XmlException: a header has the wrong content.
        """
        envelope = self._next()
        if envelope is None:
            raise MessageInvalid("There is no envelope in the message")
        self._check_envelope(envelope.name)
        outer = (envelope,)
        if type(envelope) is Start:
            while (child := self._next()) is not None:
                name = child.name
                if name.namespace == self.soap:
                    if name.local == "Header":
                        if type(child) is Start:
                            self._headers((envelope, child))
                        continue
                    if name.local == "Body":
                        self._body(outer, child)
                        return self.parts
                raise MessageInvalid(f"The envelope contains '{name.local}', which is not SOAP's")
        raise MessageInvalid("There is no body in the envelope")

    def _next(self) -> Element | Start | None:
        """:returns: the next child element; its start only is taken."""
        events, index = self.events, self.index
        while index < len(events):
            event = events[index]
            index += 1
            kind = type(event)
            if kind is Element or kind is Start:
                self.index = index
                return event  # type: ignore[return-value]
            if event is END:
                self.index = index
                return None
            if kind is ArrayElements:
                raise MessageInvalid(f"An array of '{event.name.local}' stands in the envelope")  # type: ignore[union-attr]
            if isinstance(event, str) and event.strip(_BLANK):
                raise MessageInvalid("Text stands between the parts of the envelope")
        self.index = index
        return None

    def _check_envelope(self, name: Name) -> None:
        if name.local != "Envelope":
            raise MessageInvalid(f"The message is '{name.local}', not an envelope")
        if name.namespace != self.soap:
            for other in SoapVersion:
                if name.namespace == other.namespace:
                    raise MessageInvalid(
                        f"The message is {other.name}, not {self.version.soap.name}"
                    )
            raise MessageInvalid(f"The envelope's namespace '{name.namespace}' is not SOAP's")

    def _skip(self) -> None:
        """Go behind the element whose start has just been taken."""
        events, index, depth = self.events, self.index, 1
        while depth:
            event = events[index]
            if event is END:
                depth -= 1
            elif type(event) is Start:
                depth += 1
            index += 1
        self.index = index

    def _headers(self, outer: tuple[Element | Start, ...]) -> None:
        addressing = self.addressing
        seen: set[str] = set()
        while True:
            child = self._next()
            if child is None:
                return
            begin = self.index - 1
            name = child.name
            if (
                name.namespace == addressing
                and name.local in _SLOTS
                and self._is_mine(child)
                and self._addressing(child, seen)
            ):
                continue
            header = MessageHeader.received(self.events, begin, outer, self.version.soap)
            self.parts.headers.append(header)
            if type(child) is Start:
                self.index = begin + 1
                self._skip()

    def _is_mine(self, element: Element | Start) -> bool:
        wanted = self.actor_attribute
        for attribute in element.attributes:
            if type(attribute) is Attribute:
                name = attribute[0]
                if name[1] == wanted and name[2] == self.soap:
                    return lexical(attribute.value) in self.own_actors
        return True

    def _addressing(self, element: Element | Start, seen: set[str]) -> bool:
        """:returns: whether this was one of the message's addressing headers, and is taken."""
        local = element.name.local
        if local == "RelatesTo":
            relation = element.attributes and self._relationship(element)
            if relation and relation != self.version.addressing.reply_relationship:
                return False
        if local in seen:
            raise MessageInvalid(f"There is more than one '{local}' header")
        seen.add(local)
        if local in _ADDRESSES:
            value: Any = self._address(element)
        elif local in ("MessageID", "RelatesTo"):
            value = as_unique_id(self._text(element))
        else:
            # As WCF does with both.
            value = lexical(self._text(element)).strip(_BLANK)
        self.parts.addressing[_SLOTS[local]] = value
        return True

    def _relationship(self, element: Element | Start) -> str:
        for attribute in element.attributes:
            if type(attribute) is Attribute and attribute.name.local == "RelationshipType":
                text = lexical(attribute.value)
                # The value of 2004/08 is a qualified name, with whatever prefix.
                return "wsa:Reply" if text.rpartition(":")[2] == "Reply" else text
        return ""

    def _text(self, element: Element | Start) -> Value:
        if type(element) is Element:
            children = element.children
            return children[0] if children else ""  # type: ignore[return-value]
        begin = self.index
        self._skip()
        content = self.events[begin : self.index - 1]
        for event in content:
            if type(event) is Start:
                raise MessageInvalid(f"There is an element inside of '{element.name.local}'")
        return join_values([e for e in content if type(e) is not Comment])  # type: ignore[misc]

    def _address(self, element: Element | Start) -> str | None:
        """:returns: the address in an endpoint reference."""
        found = None
        if type(element) is Start:
            namespace = element.name.namespace
            while (child := self._next()) is not None:
                if child.name.local == "Address" and child.name.namespace == namespace:
                    found = lexical(self._text(child)).strip(_BLANK)
                elif type(child) is Start:
                    self._skip()
        return found

    def _body(self, outer: tuple[Element | Start, ...], body: Element | Start) -> None:
        index = -1
        first = self._first() if type(body) is Start else None
        if first is not None:
            index = self.index
            self.parts.is_fault = is_fault(first, self.version)
        self.parts.body = ReceivedBody(self.events, index, (*outer, body))

    def _first(self) -> Element | Start | ArrayElements | None:
        for index in range(self.index, len(self.events)):
            event = self.events[index]
            if isinstance(event, Element | Start | ArrayElements):
                return event
            if event is END:
                return None
        return None
