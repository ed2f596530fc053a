"""
``KeyValuePair``, and ``Tuple`` and ``ValueTuple``, which are tuples of a fixed length in Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar

from netshare.transport.datacontracts.classes import child_namespace
from netshare.transport.datacontracts.declarations import CLR_NAMESPACE, data_contract, member
from netshare.transport.datacontracts.errors import DeserializationFailed, UnencodableValue
from netshare.transport.datacontracts.naming import generic_name
from netshare.transport.datacontracts.types import KnownContracts, TypeContract
from netshare.transport.xml import XmlCursor, XmlException, XmlWriter

__all__ = ["MOST", "KeyValuePair", "TupleContract", "ValueTuple", "tuple_contract"]

K = TypeVar("K")
V = TypeVar("V")
#: Of an item's element in a Tuple, and in a ValueTuple.
_TUPLE: Final = "m_"
_VALUE_TUPLE: Final = ""
#: So many items a tuple in .NET has; the rest is a tuple of its own.
MOST: Final = 7


class ValueTupleMark:
    """In ``Annotated``: that a tuple is a ValueTuple."""


if TYPE_CHECKING:
    from builtins import tuple as ValueTuple
else:

    class ValueTuple:
        """
        C#'s ``(int, string)`` in annotations: ``ValueTuple[int, str]``. In Python it is a tuple.
        """

        def __class_getitem__(cls, items: Any) -> Any:
            return Annotated[tuple[items], ValueTupleMark]


@data_contract(clr_namespace="System.Collections.Generic", struct=True)
class KeyValuePair(Generic[K, V]):
    """A ``KeyValuePair<K, V>`` that is no part of a dictionary."""

    key: K = member(required=True)
    value: V = member(required=True)


class TupleContract(TypeContract):
    """
    A tuple.

    :param items: the types of its items, the last the rest in a tuple of more than seven
    :param value_type: whether it is a ValueTuple
    """

    structured = True

    def __init__(self, items: Sequence[TypeContract], value_type: bool) -> None:
        kind, before = ("ValueTuple", _VALUE_TUPLE) if value_type else ("Tuple", _TUPLE)
        super().__init__(generic_name(kind, items), CLR_NAMESPACE + "System")
        self.clr = f"{kind}<{', '.join(item.clr or item.name for item in items)}>"
        self.nullable = not value_type
        self.is_struct = value_type
        self.items = tuple(items)
        names = [f"{before}Item{n}" for n in range(1, len(items) + 1)]
        if len(items) > MOST:
            names[MOST] = f"{before}Rest"
        self.names = names
        namespace = self.namespace
        self._write = [item.element_writer(child_namespace(item, namespace)) for item in items]
        self._read = {
            name: (at, item.element_reader())
            for at, (name, item) in enumerate(zip(names, items, strict=True))
        }

    @property
    def default(self) -> Any:
        """A tuple of nothing but defaults, of a ValueTuple; None of a Tuple."""
        return self._flat([item.default for item in self.items]) if self.is_struct else None

    def parts(self) -> Iterator[TypeContract]:
        yield from self.items

    def python_types(self) -> tuple[type, ...]:
        return (tuple,)

    def could_be(self, value: Any) -> bool:
        if not isinstance(value, tuple) or len(value) != self._length():
            return False
        nested = self._nested(value)
        return all(item.takes(one) for item, one in zip(self.items, nested, strict=True))

    def _length(self) -> int:
        """:returns: how many items the tuple has in Python."""
        rest = self.items[-1] if len(self.items) > MOST else None
        return MOST + rest._length() if isinstance(rest, TupleContract) else len(self.items)

    def _nested(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return value if len(self.items) <= MOST else (*value[:MOST], value[MOST:])

    def _flat(self, values: list[Any]) -> tuple[Any, ...]:
        return tuple(values) if len(values) <= MOST else (*values[:MOST], *values[MOST])

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        if not isinstance(value, tuple) or len(value) != self._length():
            raise UnencodableValue(
                f"{value!r} is no {self.clr}; a tuple of {self._length()} is expected"
            )
        namespace = self.namespace
        prefix = writer.prefix_of(namespace) or ""
        nested = self._nested(value)
        for name, write, item in zip(self.names, self._write, nested, strict=True):
            try:
                write(writer, name, namespace, prefix, item, known)
            except UnencodableValue as error:
                error.inside(name)
                raise
            except XmlException as error:
                raise UnencodableValue(error.message, name) from error

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        values = [item.default for item in self.items]
        cursor.enter()
        while (name := cursor.next(strict=True)) is not None:
            found = self._read.get(name.local) if name.namespace == self.namespace else None
            if found is None:
                continue
            at, read = found
            try:
                values[at] = read(cursor, known)
            except DeserializationFailed as error:
                error.inside(name.local)
                raise
            except XmlException as error:
                raise DeserializationFailed(error.message, name.local) from error
        cursor.leave()
        if len(values) > MOST and values[MOST] is None:
            raise DeserializationFailed("the rest of the tuple is null", self.names[MOST])
        return self._flat(values)


def tuple_contract(items: Sequence[TypeContract], value_type: bool) -> TypeContract:
    """:returns: the contract of a tuple of these."""
    if len(items) > MOST:
        items = [*items[:MOST], tuple_contract(items[MOST:], value_type)]
    return TupleContract(items, value_type)
