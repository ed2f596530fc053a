"""
Contracts: for each type one object that writes and reads it.

A contract is made once and then only called. What it does for a member or an item is a closure
(:meth:`Contract.element_writer`, :meth:`Contract.element_reader`), so that nothing is looked up
about a type while messages pass.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from netshare.transport.datacontracts.declarations import CLR_NAMESPACE, EnumInfo
from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.offsets import DateTimeOffset
from netshare.transport.datacontracts.scalars import (
    SERIALIZATION,
    XSD,
    Scalar,
    as_object,
)
from netshare.transport.xml.conversions import as_integer, as_string
from netshare.transport.xml.cursor import XSI, XmlCursor
from netshare.transport.xml.errors import XmlException
from netshare.transport.xml.values import MAX_TICKS, DateTime, DateTimeKind, QualifiedName, Value
from netshare.transport.xml.writer import XmlWriter

if TYPE_CHECKING:
    from netshare.transport.datacontracts.known import KnownTypes

__all__ = [
    "Contract",
    "ElementReader",
    "ElementWriter",
    "EnumContract",
    "LeafReader",
    "LeafWriter",
    "NullableContract",
    "ObjectContract",
    "OffsetContract",
    "ScalarContract",
    "is_builtin_namespace",
]

#: Writes a whole element: writer, name, namespace, prefix, value, known types.
ElementWriter: TypeAlias = Callable[[XmlWriter, str, str, str, Any, "KnownTypes"], None]
#: Reads the current element, whatever it says of itself (nil, type).
ElementReader: TypeAlias = Callable[[XmlCursor, "KnownTypes"], Any]
#: Makes the text of an element of a value.
LeafWriter: TypeAlias = Callable[[Any], Value]
#: Makes a value of the text of an element.
LeafReader: TypeAlias = Callable[[Value], Any]
_CLR_SYSTEM: Final = CLR_NAMESPACE + "System"


def is_builtin_namespace(namespace: str) -> bool:
    """:returns: whether a namespace is that of .NET's own simple types."""
    return namespace in (XSD, SERIALIZATION)


def write_nil(writer: XmlWriter) -> None:
    """Say that the element just begun is null."""
    writer.attribute("nil", True, XSI, "i")


def write_type(writer: XmlWriter, contract: Contract) -> None:
    """Say of which type the element just begun really is."""
    prefix = writer.declare_any(contract.namespace) if contract.namespace else ""
    name: Value = QualifiedName(prefix, contract.name) if prefix else contract.name
    writer.attribute("type", name, XSI, "i")


class Contract:
    """
    A type.

    :param name: the XML name of the type.
    :param namespace: and its namespace.
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
    def bare(self) -> Contract:
        """This, or the T of a ``Nullable<T>``."""
        return self

    def parts(self) -> Iterator[Contract]:
        """:returns: the contracts of what can stand inside."""
        return iter(())

    def python_types(self) -> tuple[type, ...]:
        """:returns: the classes of values that are of this type when nothing else says so."""
        return ()

    def write_content(self, writer: XmlWriter, value: Any, known: KnownTypes) -> None:
        """Write a value that is not null into the element just begun."""
        raise NotImplementedError

    def read_content(self, cursor: XmlCursor, known: KnownTypes) -> Any:
        """Read the current element, which is neither null nor of another type."""
        raise NotImplementedError

    def write_typed(self, writer: XmlWriter, value: Any, known: KnownTypes) -> None:
        """As :meth:`write_content`, for a value that may be of a derived type."""
        self.write_content(writer, value, known)

    def read_typed(
        self, cursor: XmlCursor, known: KnownTypes, named: tuple[str, str] | None
    ) -> Any:
        """
        Read the current element, which is not null.

        :param named: the type it says it is of.
        """
        if named is not None and named != self.key:
            return known.of_name(named, self).read_content(cursor, known)
        return self.read_content(cursor, known)

    def null(self) -> UnencodableValue:
        """:returns: the complaint about a null where there is none."""
        return UnencodableValue(f"None is no {self.clr or self.name}")

    def element_writer(self, child_namespace: str | None = None) -> ElementWriter:
        """
        :param child_namespace: to be declared in the element, for what is inside.
        :returns: what writes elements of this type.
        """
        write_typed, nullable = self.write_typed, self.nullable

        def write(
            writer: XmlWriter, name: str, uri: str, prefix: str, value: Any, known: KnownTypes
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
            elements are nothing special.
        """
        return None

    def leaf_reader(self) -> LeafReader | None:
        """
        :returns: what does the same as :meth:`element_reader` for elements without attributes
            whose content is one text; None: such elements are nothing special.
        """
        return None

    def element_reader(self) -> ElementReader:
        """:returns: what reads elements of this type."""
        read_typed, nullable = self.read_typed, self.nullable

        def read(cursor: XmlCursor, known: KnownTypes) -> Any:
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


class ScalarContract(Contract):
    """A simple type; :param scalar: which."""

    builtin = True

    def __init__(self, scalar: Scalar) -> None:
        super().__init__(scalar.name, scalar.namespace)
        self.scalar = scalar
        self.clr = scalar.clr
        self.nullable = scalar.nullable
        self.default = scalar.default

    def write_content(self, writer: XmlWriter, value: Any, known: KnownTypes) -> None:
        wire = self.scalar.to_wire(value)
        if wire != "" and wire != b"":
            writer.text(wire)

    def read_content(self, cursor: XmlCursor, known: KnownTypes) -> Any:
        return self.scalar.from_wire(cursor.value())

    def element_writer(self, child_namespace: str | None = None) -> ElementWriter:
        to_wire = self.scalar.to_wire
        if self.nullable:
            return self._nullable_writer()

        def write(
            writer: XmlWriter, name: str, uri: str, prefix: str, value: Any, known: KnownTypes
        ) -> None:
            if value is None:
                raise self.null()
            writer.element(name, to_wire(value), uri, prefix)

        return write

    def _nullable_writer(self) -> ElementWriter:
        to_wire = self.scalar.to_wire

        def write(
            writer: XmlWriter, name: str, uri: str, prefix: str, value: Any, known: KnownTypes
        ) -> None:
            if value:
                writer.element(name, to_wire(value), uri, prefix)
                return
            writer.start_element(name, uri, prefix)
            if value is None:
                write_nil(writer)
            else:
                to_wire(value)
            writer.end_element()

        return write

    def leaf_writer(self) -> LeafWriter | None:
        return self.scalar.to_wire

    def leaf_reader(self) -> LeafReader | None:
        return self.scalar.from_wire

    def element_reader(self) -> ElementReader:
        from_wire, nullable = self.scalar.from_wire, self.nullable

        def read(cursor: XmlCursor, known: KnownTypes) -> Any:
            if cursor.attributes and cursor.is_nil:
                if not nullable:
                    raise DeserializationFailed(f"null is no {self.clr}")
                cursor.skip()
                return None
            return from_wire(cursor.value())

        return read


class NullableContract(Contract):
    """
    A ``Nullable<T>``.

    :param inner: the type T.
    :param name: what it is called inside of the names of others, ``NullableOf…``; an element is
        never said to be of this type.
    """

    def __init__(self, inner: Contract, name: str) -> None:
        super().__init__(name, _CLR_SYSTEM)
        self.inner = inner
        self.builtin = inner.builtin
        self.structured = inner.structured
        self.clr = f"Nullable<{inner.clr or inner.name}>"
        self.write_content = inner.write_content  # type: ignore[method-assign]
        self.read_content = inner.read_content  # type: ignore[method-assign]
        self.read_typed = inner.read_typed  # type: ignore[method-assign]

    @property
    def bare(self) -> Contract:
        return self.inner

    def parts(self) -> Iterator[Contract]:
        yield self.inner

    def leaf_reader(self) -> LeafReader | None:
        return self.inner.leaf_reader()


class EnumContract(Contract):
    """
    An enumeration.

    :param cls: Python's class.
    :param info: what its decorator was told.
    """

    nullable = False

    def __init__(self, cls: type[enum.Enum], info: EnumInfo) -> None:
        super().__init__(info.name or cls.__name__, info.namespace)
        self.cls = cls
        self.clr = cls.__name__
        self.flags = issubclass(cls, enum.Flag)
        members = cls.__members__
        #: Of two names for one member the first counts.
        self._names: dict[Any, str] = {}
        for name, m in members.items():
            self._names.setdefault(m, info.members.get(name, name))
        self._members = {info.members.get(name, name): m for name, m in members.items()}
        if len(self._members) != len(members):
            raise InvalidDataContract(f"{cls.__name__}: two members have the same name in XML")
        if self.flags:
            self.default = cls(0)
        else:
            zero = [m for m in cls if m.value == 0]
            self.default = (zero or list(cls))[0] if members else None

    def python_types(self) -> tuple[type, ...]:
        return (self.cls,)

    def names_of(self, value: Any) -> list[str]:
        """:returns: a member's name in XML, of flags the names of several."""
        if not isinstance(value, self.cls):
            raise UnencodableValue(f"{value!r} is no {self.clr}")
        known = self._names.get(value)
        if known is not None:
            return [known]
        names: list[str] = []
        rest: int = value.value
        for name, member in self._members.items():
            bits: int = member.value
            if bits and rest & bits == bits:
                names.append(name)
                rest &= ~bits
        if rest:
            raise UnencodableValue(f"{value!r} has bits that no member of {self.clr} has")
        return names

    def value_of(self, text: str) -> Any:
        """:returns: the member of a name in XML, or several."""
        if not self.flags:
            member = self._members.get(text.strip(" \t\r\n"))
            if member is None:
                raise DeserializationFailed(f"'{text[:60]}' is no member of {self.clr}")
            return member
        value: Any = self.cls(0)
        for name in text.split():
            member = self._members.get(name)
            if member is None:
                raise DeserializationFailed(f"'{name[:60]}' is no member of {self.clr}")
            value |= member
        return value

    def write_content(self, writer: XmlWriter, value: Any, known: KnownTypes) -> None:
        names = self.names_of(value)
        for index, name in enumerate(names):
            if index:
                writer.text(" ")
            writer.text(name)

    def read_content(self, cursor: XmlCursor, known: KnownTypes) -> Any:
        return self.value_of(as_string(cursor.value()))


class OffsetContract(Contract):
    """``System.DateTimeOffset``, which is a structure in XML."""

    structured = True
    nullable = False
    default = DateTimeOffset()
    clr = "DateTimeOffset"

    def __init__(self) -> None:
        super().__init__("DateTimeOffset", _CLR_SYSTEM)

    def python_types(self) -> tuple[type, ...]:
        return (DateTimeOffset,)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownTypes) -> None:
        if isinstance(value, datetime.datetime):
            try:
                value = DateTimeOffset.from_datetime(value)
            except (ValueError, XmlException) as error:
                raise UnencodableValue(str(error)) from None
        if not isinstance(value, DateTimeOffset):
            raise UnencodableValue(f"{value!r} is no DateTimeOffset")
        ticks, minutes = value
        if not (0 <= ticks <= MAX_TICKS and 0 <= value.local_ticks <= MAX_TICKS):
            raise UnencodableValue(f"{value!r} is out of the range of DateTimeOffset")
        if not -840 <= minutes <= 840:
            raise UnencodableValue(f"an offset of {minutes} minutes is more than 14 hours")
        prefix = writer.prefix_of(_CLR_SYSTEM) or ""
        writer.element("DateTime", DateTime(ticks, DateTimeKind.UTC), _CLR_SYSTEM, prefix)
        writer.element("OffsetMinutes", minutes, _CLR_SYSTEM, prefix)

    def read_content(self, cursor: XmlCursor, known: KnownTypes) -> Any:
        from netshare.transport.xml.conversions import as_datetime

        ticks = minutes = 0
        cursor.enter()
        while (name := cursor.next()) is not None:
            if name.local == "DateTime":
                ticks = as_datetime(cursor.value()).ticks
            elif name.local == "OffsetMinutes":
                minutes = as_integer(cursor.value(), "short")
        cursor.leave()
        value = DateTimeOffset(ticks, minutes)
        if abs(minutes) > 840 or not 0 <= value.local_ticks <= MAX_TICKS:
            raise DeserializationFailed(f"{value!r} is out of the range of DateTimeOffset")
        return value


class ObjectContract(Contract):
    """``System.Object``: a value of any known type, which is always named."""

    builtin = True
    clr = "Object"

    def __init__(self) -> None:
        super().__init__("anyType", XSD)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownTypes) -> None:
        self.write_typed(writer, value, known)

    def write_typed(self, writer: XmlWriter, value: Any, known: KnownTypes) -> None:
        contract = known.of_value(value, self)
        write_type(writer, contract)
        contract.write_content(writer, value, known)

    def read_content(self, cursor: XmlCursor, known: KnownTypes) -> Any:
        # An object of no said type: there is no better thing than the XML itself.
        return cursor.element()

    def read_typed(
        self, cursor: XmlCursor, known: KnownTypes, named: tuple[str, str] | None
    ) -> Any:
        if named is None or named == self.key:
            return self.read_content(cursor, known)
        contract = known.of_name(named, self)
        value = contract.read_content(cursor, known)
        return as_object(contract.scalar, value) if isinstance(contract, ScalarContract) else value
