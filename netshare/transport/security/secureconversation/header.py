"""
The Security header: when a message was made, who made it, and the proof of both.

Reading it, only the elements that stand where WCF writes them count; a copy of an element with
the same u:Id anywhere else in the message makes the message invalid, so that nothing can be
signed in one place and read in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from netshare.transport.security.secureconversation.elements import (
    identifier_of,
    needed,
    text_of,
)
from netshare.transport.security.secureconversation.errors import SecurityInvalid
from netshare.transport.security.secureconversation.names import WSSE, WSU
from netshare.transport.soap import BodyWriter, Message, MessageHeader
from netshare.transport.xml import Element, XmlException, XmlWriter, lexical

__all__ = ["TIMESTAMP_ID", "SecurityHeader", "security_header", "timestamp_writer"]

#: How long a message is good for, and how far two clocks may be apart, in seconds.
#: (RS: SecurityProtocolFactory.defaultTimestampValidityDuration, defaultMaxClockSkew)
VALIDITY: Final = 300.0
MAX_CLOCK_SKEW: Final = 300.0

#: How long another program may say that its messages are good for.
MAX_VALIDITY: Final = 3600.0

#: The u:Id of the timestamp in messages of this side, and of WCF's.
TIMESTAMP_ID: Final = "_0"


def xml_time(seconds: float) -> str:
    """:returns: a time, given in seconds since the epoch, as WCF writes it"""
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def seconds_of(element: Element) -> float:
    """
    :returns: the time in an element, in seconds since the epoch
    :raises SecurityInvalid: there is none, or one without a time zone
    """
    text = text_of(element)
    if len(text) > 40:
        raise SecurityInvalid(f"{element.local} is no time")
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise SecurityInvalid(f"{element.local} is no time: {text!r}") from None
    if when.tzinfo is None:
        raise SecurityInvalid(f"{element.local} has no time zone: {text!r}")
    return when.timestamp()


def timestamp_writer(now: float) -> BodyWriter:
    """:returns: what writes a Timestamp that is made now"""
    created, expires = xml_time(now), xml_time(now + VALIDITY)

    def write(writer: XmlWriter) -> None:
        writer.start_element("Timestamp", WSU, "u")
        writer.attribute("Id", TIMESTAMP_ID, WSU, "u")
        writer.element("Created", created, WSU, "u")
        writer.element("Expires", expires, WSU, "u")
        writer.end_element()

    return write


def security_header(*parts: BodyWriter) -> MessageHeader:
    """:returns: a Security header with these elements in it"""

    def write(writer: XmlWriter) -> None:
        for part in parts:
            part(writer)

    return MessageHeader("Security", WSSE, must_understand=True, prefix="o", write=write)


@dataclass(slots=True, eq=False)
class SecurityHeader:
    """
    The Security header of a message that was received.

    :param element: the header
    :param timestamp_id: the u:Id of its timestamp; None where it has none
    :param created: when the message was made, in seconds since the epoch
    :param message_id: of the message; empty where it has none
    :param find: the header, or element in one, that has a u:Id
    """

    element: Element
    timestamp_id: str | None
    created: float
    message_id: bytes
    find: Callable[[str], Element | None]

    @classmethod
    def take(cls, message: Message, now: float) -> SecurityHeader:
        """
        Take the header out of a message, and look at its timestamp.

        :raises SecurityInvalid: there is none, or it is from another time
        """
        headers = [one for one in message.headers if (one.name, one.namespace) == _NAME]
        if len(headers) != 1:
            raise SecurityInvalid(f"the message has {len(headers)} Security headers")
        header = headers[0]
        message.headers.remove(header)
        try:
            element = header.element()
            block = header.block()
        except XmlException as error:
            raise SecurityInvalid(f"the Security header cannot be read: {error}") from None
        timestamp = needed(element, "Timestamp", WSU)
        created = seconds_of(needed(timestamp, "Created", WSU))
        expires = seconds_of(needed(timestamp, "Expires", WSU))
        if created > now + MAX_CLOCK_SKEW:
            raise SecurityInvalid("the message is from the future: are both clocks right?")
        if expires < now - MAX_CLOCK_SKEW:
            raise SecurityInvalid("the message is too old: are both clocks right?")
        if expires > created + MAX_VALIDITY:
            raise SecurityInvalid(f"the message wants to be good for {expires - created:.0f} s")
        known: dict[str, Element | None] = {}
        for identifier, found in _identified(block):
            known[identifier] = None if identifier in known else found
        message_id = "" if message.message_id is None else lexical(message.message_id)
        return cls(
            element, identifier_of(timestamp), created, message_id.encode("utf-8"), known.get
        )

    def child(self, local: str, namespace: str) -> Element | None:
        """
        :returns: the one child of that name; None: there is none
        :raises SecurityInvalid: there are several
        """
        if self.element.find(local, namespace) is None:
            return None
        return needed(self.element, local, namespace)


_NAME: Final = ("Security", WSSE)


def _identified(element: Element) -> Iterator[tuple[str, Element]]:
    waiting = [element]
    while waiting:
        one = waiting.pop()
        identifier = identifier_of(one)
        if identifier is not None:
            yield identifier, one
        waiting.extend(one.elements())
