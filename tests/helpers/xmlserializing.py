"""Values as XmlSerializer writes them, and back."""

from __future__ import annotations

from typing import Any

from netshare.transport.xml import TextWriter, XmlCursor, parse_events
from netshare.transport.xml.binary import BinaryWriter, read_events
from netshare.transport.xmlserializer import XmlSerializer

XSI = "http://www.w3.org/2001/XMLSchema-instance"


def written(hint: Any, value: Any, known: tuple[Any, ...] = ()) -> str:
    """The element ``v`` of a value, without the declarations of a body."""
    writer = TextWriter(short_empty=True)
    writer.start_element("r")
    writer.declare("xsi", XSI)
    XmlSerializer(hint, "", known).write(writer, "v", "", value)
    writer.end_element()
    head, tail = f'<r xmlns:xsi="{XSI}">', "</r>"
    text = writer.getvalue()
    return "" if text.endswith('"/>') and text.count("<") == 1 else text[len(head) : -len(tail)]


def read(hint: Any, xml: str, known: tuple[Any, ...] = ()) -> Any:
    """What the element ``v`` says."""
    cursor = XmlCursor(parse_events(f'<r xmlns:xsi="{XSI}">{xml}</r>'))
    cursor.root()
    cursor.enter()
    cursor.next()
    return XmlSerializer(hint, "", known).read(cursor)


def returned(hint: Any, value: Any, known: tuple[Any, ...] = ()) -> Any:
    """A value that went through binary XML."""
    writer = BinaryWriter()
    serializer = XmlSerializer(hint, "", known)
    serializer.write(writer, "v", "", value)
    cursor = XmlCursor(read_events(writer.getvalue()))
    cursor.root()
    return serializer.read(cursor)
