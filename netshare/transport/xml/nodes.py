"""
The infoset: what a document is after reading, before writing, in either encoding.

Nodes are tuples, so they are immutable and cheap enough to be made for every leaf of every
message. They therefore also compare and iterate like tuples; use the names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.values import Value, lexical

__all__ = [
    "ArrayElements",
    "Attribute",
    "Comment",
    "Document",
    "Element",
    "Name",
    "NamespaceDeclaration",
    "Node",
]


class Name(NamedTuple):
    """
    The name of an element or attribute, resolved.

    :param prefix: empty for none.
    :param local: the local name.
    :param namespace: the namespace URI, empty for none.
    """

    prefix: str
    local: str
    namespace: str = ""


class Attribute(NamedTuple):
    """
    An attribute that is no namespace declaration.

    :param name: its name.
    :param value: its typed value.
    """

    name: Name
    value: Value


class NamespaceDeclaration(NamedTuple):
    """
    ``xmlns:prefix="uri"``.

    :param prefix: empty for the default namespace.
    :param uri: empty only for the default namespace.
    """

    prefix: str
    uri: str


class Comment(NamedTuple):
    """
    A comment.

    :param text: what stands in it.
    """

    text: str


class ArrayElements(NamedTuple):
    """
    A run of elements of one name, each with one value of one type: an array record.

    :param name: the elements' name.
    :param attributes: what each of them carries.
    :param kind: the record type, e.g. ``0x8C`` for Int32 (see :mod:`.records`).
    :param values: their values, one element each.
    """

    name: Name
    attributes: tuple[Attribute | NamespaceDeclaration, ...]
    kind: int
    values: tuple[Value, ...]

    def elements(self) -> Iterator[Element]:
        """:returns: the elements this stands for."""
        for value in self.values:
            yield Element(self.name, self.attributes, (value,))


class Element(NamedTuple):
    """
    An element.

    :param name: its name.
    :param attributes: attributes and namespace declarations in document order.
    :param children: elements, arrays, comments and typed values. Values that stand next to each
        other are separate records; :attr:`value` puts them together.
    """

    name: Name
    attributes: tuple[Attribute | NamespaceDeclaration, ...] = ()
    children: tuple[Node, ...] = ()

    @property
    def prefix(self) -> str:
        """The prefix, empty for none."""
        return self.name.prefix

    @property
    def local(self) -> str:
        """The local name."""
        return self.name.local

    @property
    def namespace(self) -> str:
        """The namespace URI, empty for none."""
        return self.name.namespace

    def get(self, local: str, namespace: str = "") -> Value | None:
        """:returns: the value of an attribute, ``None`` if it is not there."""
        for attribute in self.attributes:
            if type(attribute) is Attribute:
                name = attribute.name
                if name.local == local and name.namespace == namespace:
                    return attribute.value
        return None

    def elements(self) -> Iterator[Element]:
        """:returns: the child elements in order, those of arrays one by one."""
        for child in self.children:
            if type(child) is Element:
                yield child
            elif type(child) is ArrayElements:
                yield from child.elements()

    def find(self, local: str, namespace: str) -> Element | None:
        """:returns: the first child element of that name, ``None`` if there is none."""
        for child in self.elements():
            if child.name.local == local and child.name.namespace == namespace:
                return child
        return None

    @property
    def value(self) -> Value:
        """
        The typed content: the empty string when there is nothing, several byte records put
        together, several others as one text.

        :raises XmlException: there are child elements.
        """
        return join_values([c for c in self.children if type(c) is not Comment])

    @property
    def text(self) -> str:
        """The content as characters, as .NET's ``ReadElementContentAsString``."""
        return lexical(self.value)


class Document(NamedTuple):
    """
    A whole document.

    :param nodes: the root element, comments and blank text in order. .NET lets an array stand
        in the root's place.
    """

    nodes: tuple[Node, ...]

    @property
    def root(self) -> Element:
        """
        The root element.

        :raises XmlException: there is none.
        """
        for node in self.nodes:
            if type(node) is Element:
                return node
            if type(node) is ArrayElements:
                return next(node.elements())
        raise XmlException("Root element is missing")


#: What an element can contain.
Node: TypeAlias = Element | ArrayElements | Comment | Value


def join_values(values: list[Node]) -> Value:
    """
    :param values: the records that make up one content.
    :returns: one value (see :attr:`Element.value`).
    :raises XmlException: an element is among them.
    """
    if not values:
        return ""
    for value in values:
        if type(value) is Element or type(value) is ArrayElements:
            raise XmlException(f"Text was expected, not the element '{value.name.local}'")
    only: list[Value] = values  # type: ignore[assignment]
    if len(only) == 1:
        return only[0]
    if all(type(v) is bytes for v in only):
        return b"".join(only)  # type: ignore[arg-type]
    return "".join(map(lexical, only))
