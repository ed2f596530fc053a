"""
The shortest way from bytes to events, for the end of a message of which the rest is known.
"""

from __future__ import annotations

from netshare.transport.xml.binary.recordreader import Progress
from netshare.transport.xml.binary.scanner import CONVERTERS, SMALL, WINDOW, scanner
from netshare.transport.xml.events import END, Event
from netshare.transport.xml.nodes import Element
from netshare.transport.xml.quotas import ReaderQuotas

__all__ = ["read_leaves"]

_new = tuple.__new__


def read_leaves(
    data: bytes, start: int, progress: Progress, quotas: ReaderQuotas
) -> list[Event] | None:
    """
    Read the rest of a short document that has nothing in it but leaves of common shapes.

    :param data: the bytes.
    :param start: where the first leaf begins.
    :param progress: of a reader of the same document until there.
    :param quotas: limits.
    :returns: the events; None: something else is there, or names that were not met before
    :raises ValueError: the same as None, like XmlException and LookupError
    """
    names, outer = progress.scope.names, progress.outer
    if (
        len(data) > start + WINDOW
        or len(outer) >= quotas.max_depth
        # As many nodes as no message of this length has.
        or len(data) + progress.extra_nodes > quotas.max_nodes
    ):
        return None
    *tokens, (_, _, _, ends) = scanner()(data, start, len(data))
    if ends != b"\x01" * len(outer):
        return None
    events: list[Event] = []
    for header, attributes, text, _ in tokens:
        name = names.get(header)
        if name is None or attributes or not text:
            return None
        children = SMALL.get(text)
        if children is None:
            converter = CONVERTERS.get(text[0])
            if converter is None:
                return None
            children = converter(text)
        events.append(_new(Element, (name, (), children)))
    events += [END] * len(outer)
    return events
