"""Values to XML and back, as one parameter of an operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netshare.transport.datacontracts import (
    serializer_for,
)
from netshare.transport.datacontracts.scalars import SCALARS, as_object
from netshare.transport.xml import TextWriter, XmlCursor, parse, parse_events
from netshare.transport.xml.binary import BinaryWriter, read_events

XSD = "http://www.w3.org/2001/XMLSchema"
SERIALIZATION = "http://schemas.microsoft.com/2003/10/Serialization/"


def to_text(hint: Any, value: Any, known: Sequence[Any] = (), name: str = "r") -> str:
    """The value as XML text."""
    writer = TextWriter(short_empty=True)
    serializer_for(hint, known).write(writer, name, "urn:r", value)
    return writer.getvalue()


def from_text(hint: Any, text: str, known: Sequence[Any] = ()) -> Any:
    """The value of XML text."""
    cursor = XmlCursor(parse_events(text))
    cursor.root()
    return serializer_for(hint, known).read(cursor)


def from_binary(hint: Any, text: str, known: Sequence[Any] = ()) -> Any:
    """The value of XML text that came as binary."""
    writer = BinaryWriter()
    writer.node(parse(text).root)
    cursor = XmlCursor(read_events(writer.getvalue()))
    cursor.root()
    return serializer_for(hint, known).read(cursor)


def through_binary(hint: Any, value: Any, known: Sequence[Any] = ()) -> Any:
    """The value written in binary and read again."""
    writer = BinaryWriter()
    serializer_for(hint, known).write(writer, "r", "urn:r", value)
    cursor = XmlCursor(read_events(writer.getvalue()))
    cursor.root()
    return serializer_for(hint, known).read(cursor)


def inner(hint: Any, content: str, known: Sequence[Any] = ()) -> Any:
    """The value of an element with this content."""
    return from_text(
        hint,
        f'<r xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="{XSD}">{content}</r>',
        known,
    )


def typed(name: str, value: Any, namespace: str = XSD) -> Any:
    """A value of a simple type that Python has no type for."""
    return as_object(SCALARS[namespace, name], value)
