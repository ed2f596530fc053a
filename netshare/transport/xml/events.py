"""
Events: a document as a flat list, checked and converted, for a tree or a contract to be made of.

An event is an element without child elements (whole, an
:class:`~netshare.transport.xml.nodes.Element`), a :class:`Start`, :data:`END`, an
:class:`~netshare.transport.xml.nodes.ArrayElements`, a
:class:`~netshare.transport.xml.nodes.Comment`, or a typed value.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from netshare.transport.xml.errors import QuotaExceeded
from netshare.transport.xml.nodes import (
    ArrayElements,
    Attribute,
    Comment,
    Element,
    Name,
    NamespaceDeclaration,
)
from netshare.transport.xml.quotas import INT_MAX, ReaderQuotas
from netshare.transport.xml.values import Value, lexical

__all__ = ["END", "EndElement", "Event", "Start", "check_quotas"]


class Start(NamedTuple):
    """
    The beginning of an element that is not a leaf.

    :param name: its name.
    :param attributes: attributes and namespace declarations in document order.
    """

    name: Name
    attributes: tuple[Attribute | NamespaceDeclaration, ...]


class EndElement:
    """The type of :data:`END`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "END"


#: The end of the element begun by the matching :class:`Start`.
END: Final = EndElement()

#: What a document is a list of.
Event: TypeAlias = Element | Start | EndElement | ArrayElements | Comment | Value


def check_quotas(events: list[Event], quotas: ReaderQuotas) -> None:
    """
    Check the quotas that do not protect the reader itself (the others it checks as it goes).

    :param events: a document.
    :param quotas: limits; when none of these is set nothing is looked at.
    :raises QuotaExceeded: a text, an array or the names are too much.
    """
    text_limit, array_limit = quotas.max_string_content_length, quotas.max_array_length
    name_limit = quotas.max_name_table_char_count
    if min(text_limit, array_limit, name_limit) >= INT_MAX:
        return
    names: set[Name] = set()
    attributes: list[Attribute | NamespaceDeclaration] = []
    run: list[Value] = []
    for event in events:
        if type(event) is Element or type(event) is ArrayElements or type(event) is Start:
            names.add(event.name)
            attributes.extend(event.attributes)
            _check_content(run, text_limit, array_limit)
            if type(event) is Element:
                _check_content(list(event.children), text_limit, array_limit)  # type: ignore[arg-type]
            elif type(event) is ArrayElements and len(event.values) > array_limit:
                raise QuotaExceeded(f"MaxArrayLength ({array_limit}) has been exceeded")
        elif type(event) is EndElement:
            _check_content(run, text_limit, array_limit)
        elif type(event) is not Comment:
            run.append(event)  # type: ignore[arg-type]
    _check_content(run, text_limit, array_limit)
    table: set[str] = set()
    for attribute in attributes:
        if type(attribute) is Attribute:
            names.add(attribute.name)
            _check_content([attribute.value], text_limit, array_limit)
        else:
            table.update(attribute)  # type: ignore[arg-type]
    for name in names:
        table.update(name)
    if sum(map(len, table)) > name_limit:
        raise QuotaExceeded(f"MaxNameTableCharCount ({name_limit}) has been exceeded")


def _check_content(run: list[Value], text_limit: int, array_limit: int) -> None:
    """Check one content, and forget it."""
    if run:
        if all(type(v) is bytes for v in run):
            if sum(map(len, run)) > array_limit:  # type: ignore[arg-type]
                raise QuotaExceeded(f"MaxArrayLength ({array_limit}) has been exceeded")
        elif sum(len(v if type(v) is str else lexical(v)) for v in run) > text_limit:
            raise QuotaExceeded(f"MaxStringContentLength ({text_limit}) has been exceeded")
        run.clear()
