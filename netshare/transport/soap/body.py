"""
Bodies of messages: to be written, or received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from netshare.transport.soap.headers import BodyWriter
from netshare.transport.xml import Element, Event, Start, XmlCursor, XmlWriter

__all__ = ["Body", "ReceivedBody", "StreamBody", "WrittenBody"]


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


@dataclass(frozen=True, slots=True)
class ReceivedBody:
    """
    The body of a message that was received.

    :param events: the whole message
    :param index: of the first event inside of the body; -1: there is nothing in it
    :param outer: the elements around that
    """

    events: list[Event]
    index: int = -1
    outer: tuple[Element | Start, ...] = ()

    def cursor(self) -> XmlCursor | None:
        """:returns: a new cursor on the first element of the body; None: there is none"""
        if self.index < 0:
            return None
        cursor = XmlCursor.inside(self.events, self.index, self.outer)
        return None if cursor.next() is None else cursor

    def write(self, writer: XmlWriter) -> None:
        """Write the elements of the body as they came."""
        cursor = self.cursor()
        while cursor is not None:
            writer.node(cursor.element())
            if cursor.next() is None:
                break


#: What is written into the body of a message: what a function writes, an element, nothing.
WrittenBody: TypeAlias = BodyWriter | Element | StreamBody | None
#: What can stand in the body of a message.
Body: TypeAlias = WrittenBody | ReceivedBody
