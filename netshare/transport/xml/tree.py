"""From events to a tree."""

from __future__ import annotations

from typing import Any

from netshare.transport.xml.binary.reader import read_events
from netshare.transport.xml.binary.session import ReaderSession
from netshare.transport.xml.events import EndElement, Event, Start
from netshare.transport.xml.nodes import Document, Element
from netshare.transport.xml.quotas import BUFFERED_QUOTAS, ReaderQuotas

__all__ = ["build_tree", "read_document"]

_new = tuple.__new__


def build_tree(events: list[Event]) -> Document:
    """
    :param events: a whole document (see :func:`.reader.read_events`).
    :returns: its tree.
    """
    children: list[Any] = []
    append = children.append
    stack: list[tuple[Any, list[Any]]] = []
    element, start, end = Element, Start, EndElement
    for event in events:
        kind = type(event)
        if kind is element:
            append(event)
        elif kind is start:
            stack.append((event, children))
            children = []
            append = children.append
        elif kind is end:
            (name, attributes), outer = stack.pop()
            outer.append(_new(element, (name, attributes, tuple(children))))
            children = outer
            append = children.append
        else:
            append(event)
    return Document(tuple(children))


def read_document(
    data: bytes,
    session: ReaderSession | None = None,
    quotas: ReaderQuotas = BUFFERED_QUOTAS,
    start: int = 0,
) -> Document:
    """
    Read a whole document into a tree; parameters and errors as :func:`.reader.read_events`.
    """
    return build_tree(read_events(data, session, quotas, start))
