"""From events to a tree."""

from __future__ import annotations

from typing import Any

from netshare.transport.xml.events import EndElement, Event, Start
from netshare.transport.xml.nodes import Document, Element

__all__ = ["build_tree"]

_new = tuple.__new__


def build_tree(events: list[Event]) -> Document:
    """
    :param events: a whole document (see :mod:`.events`).
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
