"""
Type contracts: for each type one object that writes and reads its values.

A contract is made once and then only called. What it does for a member or an item is a closure
(:meth:`TypeContract.element_writer`, :meth:`TypeContract.element_reader`), so that nothing is
looked up about a type while messages pass. What the contracts of the several kinds of types do is
in :mod:`.simple`, :mod:`.enums`, :mod:`.classes` and :mod:`.sequences`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

from netshare.transport.datacontracts.errors import DeserializationFailed, UnencodableValue
from netshare.transport.datacontracts.scalars import SERIALIZATION, XSD
from netshare.transport.xml import XSI, QualifiedName, Value, XmlCursor, XmlWriter

__all__ = [
    "ElementReader",
    "ElementWriter",
    "KnownContracts",
    "LeafReader",
    "LeafWriter",
    "TypeContract",
    "is_builtin_namespace",
    "write_nil",
    "write_type",
]


class KnownContracts(Protocol):
    """The types that may stand where another is declared; see :class:`~.known.KnownTypes`."""

    def of_value(self, value: Any, declared: TypeContract) -> TypeContract:
        """:returns: the type of a value that stands where *declared* is."""

    def of_name(self, named: tuple[str, str], declared: TypeContract) -> TypeContract:
        """:returns: the type of a namespace and name, for a place where *declared* is."""


#: Writes a whole element: writer, name, namespace, prefix, value, known types.
ElementWriter: TypeAlias = Callable[[XmlWriter, str, str, str, Any, KnownContracts], None]
#: Reads the current element, whatever it says of itself (nil, type).
ElementReader: TypeAlias = Callable[[XmlCursor, KnownContracts], Any]
#: Makes the text of an element of a value.
LeafWriter: TypeAlias = Callable[[Any], Value]
#: Makes a value of the text of an element.
LeafReader: TypeAlias = Callable[[Value], Any]


def is_builtin_namespace(namespace: str) -> bool:
    """:returns: whether a namespace is that of .NET's own simple types."""
    return namespace in (XSD, SERIALIZATION)


def write_nil(writer: XmlWriter) -> None:
    """Say that the element just begun is null."""
    writer.attribute("nil", True, XSI, "i")


def write_type(writer: XmlWriter, contract: TypeContract) -> None:
    """Say of which type the element just begun really is."""
    prefix = writer.declare_any(contract.namespace) if contract.namespace else ""
    name: Value = QualifiedName(prefix, contract.name) if prefix else contract.name
    writer.attribute("type", name, XSI, "i")


class TypeContract:
    """
    A type.

    :param name: the XML name of the type
    :param namespace: and its namespace
    """

    #: Whether it is one of .NET's own simple types.
    builtin = False
    #: Whether its XML declares namespaces for what is inside: classes, collections.
    structured = False
    #: Whether there is a null of it.
    nullable = True
    #: The value of a member that is not there.
    default: Any = None
    #: What an error calls it.
    clr = ""

    def __init__(self, name: str, namespace: str) -> None:
        self.name = name
        self.namespace = namespace

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {{{self.namespace}}}{self.name}>"

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def bare(self) -> TypeContract:
        """This, or the T of a ``Nullable<T>``."""
        return self

    def parts(self) -> Iterator[TypeContract]:
        """:returns: the contracts of what can stand inside."""
        return iter(())

    def python_types(self) -> tuple[type, ...]:
        """:returns: the classes of values that are of this type when nothing else says so."""
        return ()

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        """Write a value that is not null into the element just begun."""
        raise NotImplementedError

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        """Read the current element, which is neither null nor of another type."""
        raise NotImplementedError

    def write_typed(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        """As :meth:`write_content`, for a value that may be of a derived type."""
        self.write_content(writer, value, known)

    def read_typed(
        self, cursor: XmlCursor, known: KnownContracts, named: tuple[str, str] | None
    ) -> Any:
        """
        Read the current element, which is not null.

        :param named: the type it says it is of
        """
        if named is not None and named != self.key:
            return known.of_name(named, self).read_content(cursor, known)
        return self.read_content(cursor, known)

    def null(self) -> UnencodableValue:
        """:returns: the complaint about a null where there is none."""
        return UnencodableValue(f"None is no {self.clr or self.name}")

    def element_writer(self, child_namespace: str | None = None) -> ElementWriter:
        """
        :param child_namespace: to be declared in the element, for what is inside
        :returns: what writes elements of this type
        """
        write_typed, nullable = self.write_typed, self.nullable

        def write(
            writer: XmlWriter, name: str, uri: str, prefix: str, value: Any, known: KnownContracts
        ) -> None:
            writer.start_element(name, uri, prefix)
            if child_namespace is not None:
                writer.declare_any(child_namespace)
            if value is None:
                if not nullable:
                    raise self.null()
                write_nil(writer)
            else:
                write_typed(writer, value, known)
            writer.end_element()

        return write

    def leaf_writer(self) -> LeafWriter | None:
        """
        :returns: what makes the one text of an element that :meth:`element_writer` writes without
            attributes, for values that are not null, nor empty where there is a null; None: such
            elements are nothing special
        """
        return None

    def leaf_reader(self) -> LeafReader | None:
        """
        :returns: what does the same as :meth:`element_reader` for elements without attributes
            whose content is one text; None: such elements are nothing special
        """
        return None

    def element_reader(self) -> ElementReader:
        """:returns: what reads elements of this type."""
        read_typed, nullable = self.read_typed, self.nullable

        def read(cursor: XmlCursor, known: KnownContracts) -> Any:
            if not cursor.attributes:
                return read_typed(cursor, known, None)
            if cursor.is_nil:
                if not nullable:
                    raise DeserializationFailed(f"null is no {self.clr or self.name}")
                cursor.skip()
                return None
            if cursor.attribute("Ref", SERIALIZATION) is not None:
                raise DeserializationFailed(
                    "the XML refers to an object elsewhere (z:Ref); contracts that preserve "
                    "references cannot be read"
                )
            return read_typed(cursor, known, cursor.xsi_type)

        return read
