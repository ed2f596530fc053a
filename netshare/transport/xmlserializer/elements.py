"""
Elements of which the name and the type are known, lists of them, and XML that is kept as it is.
"""

from __future__ import annotations

from typing import Any, Final

from netshare.transport.datacontracts.errors import DeserializationFailed, UnencodableValue
from netshare.transport.datacontracts.xmlcontent import XmlContent, XmlElement
from netshare.transport.xml import (
    XSI,
    ArrayElements,
    Attribute,
    Comment,
    Element,
    NamespaceDeclaration,
    Value,
    XmlCursor,
    XmlException,
    XmlWriter,
    join_values,
    lexical,
)
from netshare.transport.xmlserializer.types import TypeMapping

__all__ = [
    "ArrayMapping",
    "ElementPlace",
    "XmlContentMapping",
    "XmlElementMapping",
    "text_of",
    "write_nil",
]

_PREFIX: Final = "xsi"


def write_nil(writer: XmlWriter) -> None:
    """Say that the element just begun is null."""
    writer.attribute("nil", "true", XSI, writer.prefix_of(XSI) or _PREFIX)


def text_of(element: Element) -> Value:
    """:returns: the text that stands directly in an element, between what else there is"""
    inside = (ArrayElements, Comment, Element)
    return join_values([one for one in element.children if type(one) not in inside])


class ElementPlace:
    """
    An element with a name.

    :param name: of the element
    :param namespace: of the element
    :param mapping: of what is in it
    :param nullable: whether None is written as ``xsi:nil``
    :param optional: whether there may be None; otherwise that depends on the type
    """

    __slots__ = ("mapping", "name", "namespace", "nullable", "optional")

    def __init__(
        self, name: str, namespace: str, mapping: TypeMapping, nullable: bool, optional: bool
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.mapping = mapping
        self.nullable = nullable
        self.optional = optional or mapping.reference

    @property
    def key(self) -> tuple[str, str]:
        """Name and namespace."""
        return self.name, self.namespace

    def write(self, writer: XmlWriter, value: Any) -> None:
        """
        Write the element, or nothing for a None that is no nil.

        :raises UnencodableValue: the value is not of the type
        """
        if value is None:
            if not self.optional:
                raise UnencodableValue(f"None is no {self.mapping.name}", self.name)
            if not self.nullable:
                return
        writer.start(self.name, self.namespace)
        try:
            if value is None:
                write_nil(writer)
            else:
                self.mapping.write(writer, value)
        except UnencodableValue as error:
            error.inside(self.name)
            raise
        writer.end_element()

    def read(self, cursor: XmlCursor) -> Any:
        """
        Read the current element and go behind it.

        :raises DeserializationFailed: it is not of the type; it names the element
        """
        try:
            if cursor.is_nil and self.optional:
                cursor.skip()
                return None
            return self.mapping.read(cursor)
        except DeserializationFailed as error:
            error.inside(self.name)
            raise
        except XmlException as error:
            raise DeserializationFailed(error.message, self.name) from error


class ArrayMapping(TypeMapping):
    """
    A list in an element of its own.

    :param items: the elements in it
    :param namespace: of the type
    """

    def __init__(self, items: ElementPlace, namespace: str) -> None:
        of = items.mapping.name
        super().__init__(f"ArrayOf{of[:1].upper()}{of[1:]}", namespace)
        self.items = items

    def takes(self, value: Any) -> bool:
        return isinstance(value, list | tuple)

    def write(self, writer: XmlWriter, value: Any) -> None:
        if not isinstance(value, list | tuple):
            raise UnencodableValue(f"{type(value).__name__} is no list")
        for index, one in enumerate(value):
            try:
                self.items.write(writer, one)
            except UnencodableValue as error:
                error.parts[:1] = [f"[{index}]"]
                raise

    def read(self, cursor: XmlCursor) -> Any:
        values: list[Any] = []
        key = self.items.key
        cursor.enter()
        while (name := cursor.next()) is not None:
            if (name.local, name.namespace) == key:
                try:
                    values.append(self.items.read(cursor))
                except DeserializationFailed as error:
                    error.parts[:1] = [f"[{len(values)}]"]
                    raise
        cursor.leave()
        return values


class XmlElementMapping(TypeMapping):
    """An ``XmlElement`` in an element."""

    def __init__(self) -> None:
        super().__init__("XmlElement", "")

    def takes(self, value: Any) -> bool:
        return isinstance(value, XmlElement)

    def write(self, writer: XmlWriter, value: Any) -> None:
        if not isinstance(value, XmlElement):
            raise UnencodableValue(f"{type(value).__name__} is no XmlElement")
        writer.node(value.element)

    def read(self, cursor: XmlCursor) -> Any:
        cursor.enter()
        found = None if cursor.next() is None else XmlElement(cursor.element())
        cursor.leave()
        return found


class XmlContentMapping(TypeMapping):
    """
    What a type of .NET's writes itself (``IXmlSerializable``), as it came.

    :param cls: an :class:`~netshare.transport.datacontracts.XmlContent`
    """

    def __init__(self, cls: type[XmlContent]) -> None:
        super().__init__(cls.__name__, "")
        self.cls = cls

    def takes(self, value: Any) -> bool:
        return isinstance(value, self.cls)

    def write(self, writer: XmlWriter, value: Any) -> None:
        if not isinstance(value, self.cls):
            raise UnencodableValue(f"{type(value).__name__} is no {self.cls.__name__}")
        for attribute in value.attributes:
            if type(attribute) is Attribute:
                name = attribute.name
                writer.attribute(name.local, attribute.value, name.namespace, name.prefix)
            elif type(attribute) is NamespaceDeclaration and attribute.prefix:
                writer.declare(attribute.prefix, attribute.uri)
        for child in value.children:
            writer.node(child)

    def read(self, cursor: XmlCursor) -> Any:
        declared = [NamespaceDeclaration(p, u) for p, u in cursor.scope().items() if p]
        element = cursor.element()
        own = {one.prefix for one in element.attributes if type(one) is NamespaceDeclaration}
        text = lexical(text_of(element))
        needed = [d for d in declared if d.prefix not in own and f"{d.prefix}:" in text]
        return self.cls((*element.attributes, *needed), element.children)
