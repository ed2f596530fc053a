"""
Bodies of messages: to be written, or received.

What was received in a form that is known already (:mod:`netshare.transport.encoders.templates`)
is read no further than that. Its events are made when they are asked for: a generated reader
(:mod:`netshare.transport.datacontracts.generated`) needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias
from xml.etree import ElementTree

from netshare.transport.soap.headers import BodyWriter
from netshare.transport.xml import (
    MAX_QUOTAS,
    Element,
    Event,
    Start,
    XmlCursor,
    XmlException,
    XmlWriter,
    parse,
)
from netshare.transport.xml.binary.scanned import Scanned

__all__ = [
    "Body",
    "BodyUnreadable",
    "ReceivedBody",
    "StreamBody",
    "UnreadBody",
    "WrittenBody",
    "body_of",
]


@dataclass(frozen=True, slots=True)
class StreamBody:
    """
    A body whose innermost element contains bytes that are sent as they come.

    :param path: (name, namespace) of the elements from the body's child inwards, at least one
    """

    path: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("a streamed body needs an element to be in")


class UnreadBody(Protocol):
    """The body of a message of which no more was read than had to be."""

    def read(self) -> ReceivedBody:
        """
        :returns: the body, read
        :raises XmlException: the XML is bad
        """

    def scan(self, wrapper: tuple[str, str]) -> Scanned | None:
        """
        :param wrapper: name and namespace of the one element in the body
        :returns: what is in it, as tokens; None: it is another, or unusual
        """


class BodyUnreadable(XmlException):
    """What is in the body of a message is bad XML, as was found when it was asked for."""


class ReceivedBody:
    """
    The body of a message that was received.

    :param events: the whole message
    :param index: of the first event inside of the body; -1: there is nothing in it
    :param outer: the elements around that
    """

    __slots__ = ("_events", "_index", "_outer", "unread")

    def __init__(
        self, events: list[Event], index: int = -1, outer: tuple[Element | Start, ...] = ()
    ) -> None:
        self._events = events
        self._index = index
        self._outer = outer
        #: What will be read when the events are asked for; None: they are there.
        self.unread: UnreadBody | None = None

    @classmethod
    def later(cls, unread: UnreadBody) -> ReceivedBody:
        """:returns: a body whose events are made when they are asked for."""
        body = cls.__new__(cls)
        body.unread = unread
        return body

    def load(self) -> None:
        """
        Read the body now, if that was put off.

        :raises BodyUnreadable: it is bad XML
        """
        if self.unread is not None:
            try:
                read = self.unread.read()
            except XmlException as error:
                raise BodyUnreadable(error.message, error.offset) from error
            self._events, self._index, self._outer = read._events, read._index, read._outer
            self.unread = None

    @property
    def events(self) -> list[Event]:
        """The whole message; reading it and the others raises as :meth:`load`."""
        self.load()
        return self._events

    @property
    def index(self) -> int:
        """Of the first event inside of the body; -1: there is nothing in it."""
        self.load()
        return self._index

    @property
    def outer(self) -> tuple[Element | Start, ...]:
        """The elements around that."""
        self.load()
        return self._outer

    def cursor(self) -> XmlCursor | None:
        """:returns: a new cursor on the first element of the body; None: there is none"""
        self.load()
        if self._index < 0:
            return None
        cursor = XmlCursor.inside(self._events, self._index, self._outer)
        return None if cursor.next() is None else cursor

    def write(self, writer: XmlWriter) -> None:
        """Write the elements of the body as they came."""
        cursor = self.cursor()
        while cursor is not None:
            writer.node(cursor.element())
            if cursor.next() is None:
                break


def body_of(value: object) -> Body:
    """
    :param value: what a program gives as the body of a message: what a message's body can be, the
        text of an XML document, or an element of :mod:`xml.etree.ElementTree`
    :returns: the body
    :raises ValueError: the text is no XML document
    :raises TypeError: it is something else
    """
    if isinstance(value, ElementTree.ElementTree):
        value = value.getroot()
    if isinstance(value, ElementTree.Element):
        value = ElementTree.tostring(value, encoding="unicode")
    if isinstance(value, str):
        try:
            return parse(value, quotas=MAX_QUOTAS).root
        except XmlException as error:
            raise ValueError(
                f"a text as the body of a message is an XML document, and this is none: {error}"
            ) from None
    if value is None or isinstance(value, Element | StreamBody | ReceivedBody) or callable(value):
        return value
    raise TypeError(
        "the body of a message is an Element, a function that writes it, the text of an XML "
        f"document or an element of ElementTree, not {type(value).__name__}"
    )


#: What is written into the body of a message: what a function writes, an element, nothing.
WrittenBody: TypeAlias = BodyWriter | Element | StreamBody | None
#: What can stand in the body of a message.
Body: TypeAlias = WrittenBody | ReceivedBody
