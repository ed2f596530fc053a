"""
Contracts of the simple types: scalars, ``Nullable<T>``, DateTimeOffset and ``object``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, Final

from netshare.transport.datacontracts.declarations import CLR_NAMESPACE
from netshare.transport.datacontracts.errors import DeserializationFailed, UnencodableValue
from netshare.transport.datacontracts.offsets import DateTimeOffset
from netshare.transport.datacontracts.scalars import SERIALIZATION, XSD, Scalar, as_object
from netshare.transport.datacontracts.types import (
    ElementReader,
    ElementWriter,
    KnownContracts,
    LeafReader,
    LeafWriter,
    TypeContract,
    write_nil,
)
from netshare.transport.xml import (
    MAX_TICKS,
    DateTime,
    DateTimeKind,
    XmlCursor,
    XmlException,
    XmlWriter,
    as_datetime,
    as_integer,
)

__all__ = [
    "DBNull",
    "DBNullContract",
    "NullableContract",
    "ObjectContract",
    "OffsetContract",
    "ScalarContract",
]

_CLR_SYSTEM: Final = CLR_NAMESPACE + "System"


class ScalarContract(TypeContract):
    """A simple type; :param scalar: which."""

    builtin = True

    def __init__(self, scalar: Scalar) -> None:
        super().__init__(scalar.name, scalar.namespace)
        self.scalar = scalar
        self.clr = scalar.clr
        self.nullable = scalar.nullable
        self.default = scalar.default

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        wire = self.scalar.to_wire(value)
        if wire != "" and wire != b"":
            writer.text(wire)

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        return self.scalar.from_wire(cursor.value())

    def element_writer(self, child_namespace: str | None = None) -> ElementWriter:
        to_wire = self.scalar.to_wire
        if self.nullable:
            return self._nullable_writer()

        def write(
            writer: XmlWriter, name: str, uri: str, prefix: str, value: Any, known: KnownContracts
        ) -> None:
            if value is None:
                raise self.null()
            writer.element(name, to_wire(value), uri, prefix)

        return write

    def _nullable_writer(self) -> ElementWriter:
        to_wire = self.scalar.to_wire

        def write(
            writer: XmlWriter, name: str, uri: str, prefix: str, value: Any, known: KnownContracts
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

    def could_be(self, value: Any) -> bool:
        try:
            self.scalar.to_wire(value)
        except UnencodableValue:
            return False
        return True

    def leaf_writer(self) -> LeafWriter | None:
        return self.scalar.to_wire

    def leaf_reader(self) -> LeafReader | None:
        return self.scalar.from_wire

    def element_reader(self) -> ElementReader:
        from_wire, nullable = self.scalar.from_wire, self.nullable

        def read(cursor: XmlCursor, known: KnownContracts) -> Any:
            if cursor.attributes and cursor.is_nil:
                if not nullable:
                    raise DeserializationFailed(f"null is no {self.clr}")
                cursor.skip()
                return None
            if nullable and cursor.attribute("Ref", SERIALIZATION) is not None:
                return self._referred(cursor, known)
            return from_wire(cursor.value())

        return read


class NullableContract(TypeContract):
    """
    A ``Nullable<T>``.

    :param inner: the type T
    :param name: what it is called inside of the names of others, ``NullableOf…``; an element is
        never said to be of this type
    """

    def __init__(self, inner: TypeContract, name: str) -> None:
        super().__init__(name, _CLR_SYSTEM)
        self.inner = inner
        self.builtin = inner.builtin
        self.structured = inner.structured
        self.clr = f"Nullable<{inner.clr or inner.name}>"
        self.could_be = inner.could_be  # type: ignore[method-assign]
        self.write_content = inner.write_content  # type: ignore[method-assign]
        self.read_content = inner.read_content  # type: ignore[method-assign]
        self.read_typed = inner.read_typed  # type: ignore[method-assign]

    @property
    def bare(self) -> TypeContract:
        return self.inner

    @property
    def inner_namespace(self) -> str:
        return self.inner.inner_namespace

    def parts(self) -> Iterator[TypeContract]:
        yield self.inner

    def leaf_reader(self) -> LeafReader | None:
        return self.inner.leaf_reader()


class DBNull:
    """``DBNull.Value`` of .NET, in an ``object`` where it is a known type: there is but one."""

    _value: DBNull | None = None

    def __new__(cls) -> DBNull:
        if cls._value is None:
            cls._value = super().__new__(cls)
        return cls._value

    def __repr__(self) -> str:
        return "DBNull()"

    def __reduce__(self) -> tuple[type[DBNull], tuple[()]]:
        return DBNull, ()


class DBNullContract(TypeContract):
    """``System.DBNull``: an element of which nothing is said but the type."""

    structured = True
    clr = "DBNull"

    def __init__(self) -> None:
        super().__init__("DBNull", _CLR_SYSTEM)

    def python_types(self) -> tuple[type, ...]:
        return (DBNull,)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        if not isinstance(value, DBNull):
            raise UnencodableValue(f"{value!r} is no DBNull")

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        cursor.skip()
        return DBNull()


class OffsetContract(TypeContract):
    """``System.DateTimeOffset``, which is a structure in XML."""

    structured = True
    nullable = False
    default = DateTimeOffset()
    clr = "DateTimeOffset"

    def __init__(self) -> None:
        super().__init__("DateTimeOffset", _CLR_SYSTEM)

    def python_types(self) -> tuple[type, ...]:
        return (DateTimeOffset,)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
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

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        ticks = minutes = None
        cursor.enter()
        while (name := cursor.next(strict=True)) is not None:
            if name.local == "DateTime":
                ticks = as_datetime(cursor.value()).ticks
            elif name.local == "OffsetMinutes":
                minutes = as_integer(cursor.value(), "short")
        cursor.leave()
        if ticks is None or minutes is None:
            missing = "DateTime" if ticks is None else "OffsetMinutes"
            raise DeserializationFailed(f"the required member '{missing}' is not there")
        value = DateTimeOffset(ticks, minutes)
        if abs(minutes) > 840 or not 0 <= value.local_ticks <= MAX_TICKS:
            raise DeserializationFailed(f"{value!r} is out of the range of DateTimeOffset")
        return value


class ObjectContract(TypeContract):
    """``System.Object``: a value of any known type, which is always named."""

    builtin = True
    clr = "Object"

    def __init__(self) -> None:
        super().__init__("anyType", XSD)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        self.write_typed(writer, value, known)

    def could_be(self, value: Any) -> bool:
        return True

    def write_typed(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        references = known.references
        # What is known already needs no type here.
        if references is None or not references.refer_again(writer, value):
            self.write_as(writer, value, known, known.of_value(value, self))

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        # An object of no said type: there is no better thing than the XML itself.
        return cursor.element()

    def read_typed(
        self, cursor: XmlCursor, known: KnownContracts, named: tuple[str, str] | None
    ) -> Any:
        if named is None or named == self.key:
            return self.read_content(cursor, known)
        contract = known.of_name(named, self)
        value = contract.read_content(cursor, known)
        return as_object(contract.scalar, value) if isinstance(contract, ScalarContract) else value
