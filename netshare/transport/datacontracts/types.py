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
from netshare.transport.datacontracts.references import References
from netshare.transport.datacontracts.scalars import SERIALIZATION, XSD
from netshare.transport.xml import XSI, QualifiedName, Value, XmlCursor, XmlWriter, lexical

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

    @property
    def references(self) -> References | None:
        """The objects that are referred to; None: no type here preserves references."""

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
    #: Whether its default is an object of members, another one each time.
    is_struct = False
    #: Whether its objects are written once and referred to (``IsReference``).
    is_reference = False
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

    @property
    def inner_namespace(self) -> str:
        """The namespace of the elements inside, which an element of the type declares."""
        return self.namespace if self.structured else ""

    def declare(self, writer: XmlWriter) -> None:
        """Declare in the outermost element what is used inside again and again."""
        if self.structured:
            writer.declare("i", XSI)

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

    def could_be(self, value: Any) -> bool:
        """
        :returns: whether a value that is not null may be of this type. It decides where several
            types with the same class in Python are known.
        """
        return isinstance(value, self.python_types())

    def takes(self, value: Any) -> bool:
        """:returns: as :meth:`could_be`, for any value."""
        return self.nullable if value is None else self.could_be(value)

    def write_as(
        self, writer: XmlWriter, value: Any, known: KnownContracts, actual: TypeContract
    ) -> None:
        """
        Write a value that is not null into the element just begun.

        :param actual: its type, which may be derived from this one
        """
        references = known.references
        if actual.is_reference and references is not None and references.refer(writer, value):
            return
        if actual is not self:
            write_type(writer, actual)
        actual.write_content(writer, value, known)

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
                return self._referred(cursor, known)
            name = cursor.attribute("Id", SERIALIZATION)
            if name is None or known.references is None:
                return read_typed(cursor, known, cursor.xsi_type)
            return self._read_named(cursor, known, lexical(name))

        return read

    def _referred(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        """:returns: the object elsewhere that the current element refers to."""
        if known.references is None:
            raise DeserializationFailed(
                "the XML refers to an object elsewhere (z:Ref); declare the class that it is of "
                "with is_reference=True"
            )
        name = cursor.attribute("Ref", SERIALIZATION)
        value = known.references.find("" if name is None else lexical(name))
        classes = self.python_types()
        if classes and not isinstance(value, classes):
            raise DeserializationFailed(f"{type(value).__name__} is no {self.clr or self.name}")
        cursor.skip()
        return value

    def _read_named(self, cursor: XmlCursor, known: KnownContracts, name: str) -> Any:
        """Read the current element, which others may refer to by a name."""
        named = cursor.xsi_type
        actual = self if named is None or named == self.key else known.of_name(named, self)
        if actual.is_reference:
            return actual.read_object(cursor, known, name)
        return self.read_typed(cursor, known, named)

    def read_object(self, cursor: XmlCursor, known: KnownContracts, name: str | None) -> Any:
        """
        Read the current element, which is neither null nor of another type.

        :param name: what others refer to it by
        """
        raise NotImplementedError
