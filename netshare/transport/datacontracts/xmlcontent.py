"""
Members that are XML: ``XmlElement`` and ``XElement``, and what types of .NET write themselves
(``IXmlSerializable``, such as DataSet), which goes back as it came.

::

    @data_contract(namespace="urn:shop")
    class Order:
        Extra: XmlElement | None          # an element in the member's element
        Lines: DataSet | None             # attributes and content of the member's element

    order.Extra = XmlElement.from_text("<extra xmlns='urn:x'>1</extra>")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from netshare.transport.datacontracts.declarations import CLR_NAMESPACE
from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.scalars import SERIALIZATION
from netshare.transport.datacontracts.types import KnownContracts, TypeContract
from netshare.transport.xml import (
    XSI,
    Attribute,
    Comment,
    Element,
    Name,
    NamespaceDeclaration,
    XmlCursor,
    XmlException,
    XmlWriter,
    encode_name,
    lexical,
    parse,
    to_xml,
)

__all__ = [
    "DataSet",
    "DataTable",
    "XmlContent",
    "XmlContentContract",
    "XmlElement",
    "XmlElementContract",
    "xml_serializable",
]

C = TypeVar("C", bound="type[XmlContent]")
_NOTE: Final = "__xml_content__"
_AROUND: Final = Name("", "content", "")


@dataclass(frozen=True, slots=True)
class XmlElement:
    """
    An ``XmlElement`` or ``XElement`` of .NET.

    :param element: as a tree
    """

    element: Element

    @classmethod
    def from_text(cls, text: str) -> Self:
        """
        :param text: one element as XML
        :raises XmlException: it is not
        """
        return cls(parse(text).root)

    def to_text(self) -> str:
        """:returns: the element as XML."""
        return to_xml(self.element)


@dataclass(frozen=True)
class XmlContent:
    """
    The attributes and the content of an element that a type of .NET wrote itself
    (``IXmlSerializable``), or ``XmlNode[]``.

    :param attributes: attributes and namespace declarations
    :param children: elements, text and comments
    """

    attributes: tuple[Attribute | NamespaceDeclaration, ...] = ()
    children: tuple[Any, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """
        :param text: an element as XML; what it is called does not matter
        :raises XmlException: it is not
        """
        root = parse(text).root
        return cls(root.attributes, root.children)

    def to_text(self, name: str = "content") -> str:
        """:returns: an element of that name, with these attributes and this content, as XML."""
        return to_xml(Element(Name("", name, ""), self.attributes, self.children))


def xml_serializable(
    *, name: str | None = None, namespace: str | None = None, clr_namespace: str = ""
) -> Callable[[C], C]:
    """
    Say what a subclass of :class:`XmlContent` is called in .NET, which matters where it stands in
    an ``object``, in a list or as the argument of a generic class.

    :param name: its name, if not the class's
    :param namespace: its namespace
    :param clr_namespace: instead of that: the CLR namespace that the type has in .NET
    :returns: a decorator
    """

    def decorate(cls: C) -> C:
        if not issubclass(cls, XmlContent):
            raise InvalidDataContract(f"{cls.__name__} is no XmlContent")
        uri = CLR_NAMESPACE + clr_namespace if namespace is None else namespace
        setattr(cls, _NOTE, (encode_name(name or cls.__name__), uri))
        return cls

    return decorate


@xml_serializable(clr_namespace="System.Data")
class DataSet(XmlContent):
    """A ``DataSet``: its schema and a DiffGram, as they came."""


@xml_serializable(clr_namespace="System.Data")
class DataTable(XmlContent):
    """A ``DataTable``: its schema and a DiffGram, as they came."""


class XmlElementContract(TypeContract):
    """``System.Xml.XmlElement`` and ``XElement``: an element in an element."""

    clr = "XmlElement"

    def __init__(self) -> None:
        super().__init__("XmlElement", CLR_NAMESPACE + "System.Xml")

    def python_types(self) -> tuple[type, ...]:
        return (XmlElement,)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        if not isinstance(value, XmlElement):
            raise UnencodableValue(f"{type(value).__name__} is no XmlElement")
        writer.node(value.element)

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        scope = cursor.scope()
        cursor.enter()
        if cursor.next(strict=True) is None:
            raise DeserializationFailed("an element is expected, and there is none")
        element = cursor.element()
        cursor.leave()
        return XmlElement(element._replace(attributes=_with_scope(element, scope)))


class XmlContentContract(TypeContract):
    """
    What a type of .NET writes itself.

    :param cls: the class, an :class:`XmlContent`
    """

    def __init__(self, cls: type[XmlContent]) -> None:
        if cls is XmlContent:
            name, namespace = "ArrayOfXmlNode", CLR_NAMESPACE + "System.Xml"
        else:
            name, namespace = vars(cls).get(_NOTE) or (encode_name(cls.__name__), CLR_NAMESPACE)
        super().__init__(name, namespace)
        self.cls = cls
        self.clr = cls.__name__

    def python_types(self) -> tuple[type, ...]:
        return (self.cls,)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        if not isinstance(value, self.cls):
            raise UnencodableValue(f"{type(value).__name__} is no {self.clr}")
        for attribute in value.attributes:
            if type(attribute) is NamespaceDeclaration:
                if attribute.prefix:  # the element's own name has a default namespace of its own
                    writer.declare(attribute.prefix, attribute.uri)
            else:
                assert type(attribute) is Attribute
                name = attribute.name
                writer.attribute(name.local, attribute.value, name.namespace, name.prefix)
        for child in value.children:
            writer.node(child)

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        scope = cursor.scope()
        element = cursor.element()
        return self.cls(_with_scope(element, scope), element.children)


def _with_scope(
    element: Element, scope: dict[str, str]
) -> tuple[Attribute | NamespaceDeclaration, ...]:
    """
    :param scope: the namespaces declared where the element stands, by prefix
    :returns: the element's attributes without those of the serializer, and with declarations from
        further out that names in its text may need
    """
    own = tuple(one for one in element.attributes if not _is_serializers(one))
    declared = {one.prefix for one in own if type(one) is NamespaceDeclaration}
    text = "\n".join(_texts(element))
    return own + tuple(
        NamespaceDeclaration(prefix, uri)
        for prefix, uri in scope.items()
        if prefix and prefix not in declared and f"{prefix}:" in text
    )


def _is_serializers(attribute: Attribute | NamespaceDeclaration) -> bool:
    if type(attribute) is not Attribute:
        return False
    name = attribute.name
    return (name.namespace == XSI and name.local in ("nil", "type")) or (
        name.namespace == SERIALIZATION and name.local in ("Id", "Ref")
    )


def _texts(element: Element) -> Iterator[str]:
    """:returns: all text in which a prefix may stand."""
    waiting = [element]
    while waiting:
        one = waiting.pop()
        for attribute in one.attributes:
            if type(attribute) is Attribute and not _is_serializers(attribute):
                yield lexical(attribute.value)
        for child in one.children:
            if type(child) is Element:
                waiting.append(child)
            elif isinstance(child, str | tuple) and type(child) is not Comment:
                try:
                    yield lexical(child)  # type: ignore[arg-type]
                except XmlException:
                    pass  # an array, which has no names
