"""
Serializers: what writes and reads one parameter, as DataContractSerializer does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from netshare.transport.datacontracts.classes import ClassContract
from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.generated import GeneratedWriter
from netshare.transport.datacontracts.known import KnownTypes, known_types_of
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.datacontracts.scalars import SERIALIZATION, XSD
from netshare.transport.datacontracts.sequences import ListContract
from netshare.transport.datacontracts.simple import NullableContract, ObjectContract, ScalarContract
from netshare.transport.datacontracts.types import TypeContract, write_nil
from netshare.transport.xml import XSI, XmlCursor, XmlException, XmlWriter

__all__ = ["Serializer", "contract_name", "element_name", "is_primitive", "serializer_for"]

_serializers: dict[Any, Serializer] = {}
#: The items of arrays that WCF's formatter for primitive operations knows.
_PRIMITIVE_ITEMS: Final = frozenset(
    ("Boolean", "DateTime", "Decimal", "Int32", "Int64", "Single", "Double")
)


class Serializer:
    """
    Writes and reads elements of one type.

    :param hint: the type, as an annotation
    :param known: types that may stand in ``object`` and for derived types
    :param primitive: write as WCF does it for operations that have primitive types only
    """

    __slots__ = (
        "_known_hints",
        "_known_types",
        "_namespace",
        "_read",
        "_write_simple",
        "contract",
        "generated",
        "hint",
        "primitive",
        "read_leaf",
        "write_leaf",
    )

    #: Whether a header that is None is not there.
    omits_null = False

    def __init__(self, hint: Any, known: Sequence[Any] = (), primitive: bool = False) -> None:
        self.hint = hint
        self.primitive = primitive and is_primitive(hint)
        self.contract = contract_of(hint)
        self._known_hints = tuple(known)
        self._known_types: KnownTypes | None = None
        self._read = self.contract.element_reader()
        #: Makes the text of an element (see :meth:`.TypeContract.leaf_writer`).
        self.write_leaf = self.contract.leaf_writer()
        #: Reads the text of an element without attributes; None: :meth:`read` has to.
        self.read_leaf = self.contract.leaf_reader()
        # Simple values that cannot be null need none of what the others need.
        simple = isinstance(self.contract, ScalarContract)
        self._write_simple = self.contract.element_writer() if simple else None
        #: The namespace to declare in the element, because what is inside needs it.
        self._namespace = self.contract.bare.inner_namespace
        #: Writes the usual values faster; None: there is no such thing for the type.
        self.generated = None if self.primitive else GeneratedWriter.of(self.contract, self.known)

    @property
    def default(self) -> Any:
        """The value when the element is absent."""
        return self.contract.default

    def __repr__(self) -> str:
        return f"<Serializer of {self.hint}>"

    def check(self) -> None:
        """
        Find out what is known now, and not with the first value.

        :raises InvalidDataContract: a known type is none
        """
        self._known_types = known_types_of(self.hint, self._known_hints)

    def known(self) -> KnownTypes:
        """
        Find out what is known, when everything has been declared.

        :raises InvalidDataContract: a known type is none
        """
        if self._known_types is None:
            self.check()
            assert self._known_types is not None
        return self._known_types

    def write(self, writer: XmlWriter, name: str, namespace: str, value: Any) -> None:
        """
        Write the whole element.

        :param writer: where to
        :param name: of the element
        :param namespace: of the element
        :param value: what to write
        :raises UnencodableValue: the value is not of the type; it names the member
        """
        if self.generated is not None and self.generated.write(writer, name, namespace, value):
            return
        self.write_ordinarily(writer, name, namespace, value)

    def write_ordinarily(self, writer: XmlWriter, name: str, namespace: str, value: Any) -> None:
        """As :meth:`write`, by the contracts themselves, whatever may be generated for them."""
        known = self.known().for_document()
        prefix = writer.prefix_of(namespace) or ""
        try:
            if self._write_simple is not None and value is not None:
                self._write_simple(writer, name, namespace, prefix, value, known)
                return
            writer.start_element(name, namespace, prefix)
            if self.primitive:
                self._write_primitive(writer, value)
            else:
                if self._namespace and self._namespace != namespace:
                    writer.declare_any(self._namespace)
                self._write_root(writer, value, known)
            writer.end_element()
        except UnencodableValue as error:
            error.inside(name)
            raise
        except XmlException as error:
            raise UnencodableValue(str(error), name) from error
        except RecursionError:
            raise UnencodableValue(
                "the value is nested too deeply; does it contain itself?", name
            ) from None

    def write_content(self, writer: XmlWriter, value: Any) -> None:
        """
        Write only what is in the element, which has just been begun (``WriteObjectContent``).

        :param writer: where to
        :param value: what to write
        :raises UnencodableValue: the value is not of the type
        """
        try:
            self._write_root(writer, value, self.known().for_document())
        except XmlException as error:
            raise UnencodableValue(str(error)) from error
        except RecursionError:
            raise UnencodableValue(
                "the value is nested too deeply; does it contain itself?"
            ) from None

    def _write_root(self, writer: XmlWriter, value: Any, known: KnownTypes) -> None:
        contract = self.contract
        if value is None:
            if not contract.nullable:
                raise contract.null()
            write_nil(writer)
            return
        if isinstance(contract, ObjectContract) or (
            isinstance(contract, ClassContract) and type(value) is not contract.cls
        ):
            actual = known.of_value(value, contract)
        else:
            actual = contract
        actual.declare(writer)
        if actual is not contract and not actual.structured:
            # In this order the declarations stand, too.
            writer.declare_any(actual.namespace)
        contract.write_as(writer, value, known, actual)

    def _write_primitive(self, writer: XmlWriter, value: Any) -> None:
        contract = self.contract
        if value is None:
            if not contract.nullable:
                raise contract.null()
            prefix = writer.prefix_of(XSI) or writer.free_prefix()
            writer.attribute("nil", True, XSI, prefix)
        elif isinstance(contract, ListContract):
            if not isinstance(value, list | tuple):
                raise UnencodableValue(f"{type(value).__name__} is no {contract.clr}")
            contract.write_array(writer, value, writer.prefix_of(contract.namespace) or "")

    def read(self, cursor: XmlCursor) -> Any:
        """
        Read the current element and go behind it.

        :param cursor: stands on the element
        :returns: the value
        :raises DeserializationFailed: the XML is not of the type; it names the member
        """
        try:
            return self._read(cursor, self.known().for_document())
        except DeserializationFailed as error:
            error.inside(cursor_name(cursor, error))
            raise
        except XmlException as error:
            raise DeserializationFailed(error.message, cursor.name.local) from error


def cursor_name(cursor: XmlCursor, error: DeserializationFailed) -> str:
    """:returns: the name of the element in which reading went wrong, for an error."""
    return cursor.name.local if not error.parts else "value"


def is_primitive(hint: Any) -> bool:
    """
    :param hint: the annotation of a parameter or result
    :returns: whether WCF counts it as primitive. An operation all of whose parameters and
        results are (and that has no headers) is written by another formatter
        (``PrimitiveOperationFormatter``), which writes nulls and arrays a little differently
    """
    if hint is None or hint is type(None):
        return True
    try:
        contract: TypeContract = contract_of(hint)
    except InvalidDataContract:
        return False
    if isinstance(contract, NullableContract):
        return False
    if isinstance(contract, ScalarContract):
        return contract.scalar.primitive
    return (
        isinstance(contract, ListContract)
        and contract.cls is list
        and isinstance(contract.item, ScalarContract)
        and contract.item.scalar.clr in _PRIMITIVE_ITEMS
    )


def contract_name(hint: Any) -> tuple[str, str]:
    """:returns: the XML name of a type and its namespace."""
    contract = contract_of(hint)
    return contract.name, contract.namespace


def element_name(hint: Any) -> tuple[str, str]:
    """
    :returns: what an element of a type is called that nothing else gives a name to, such as a
        fault's detail, and its namespace
    """
    contract = contract_of(hint)
    # XML Schema has types only; the elements of its simple types are .NET's.
    namespace = SERIALIZATION if contract.namespace == XSD else contract.namespace
    return contract.name, namespace


def serializer_for(hint: Any, known: Sequence[Any] = (), *, primitive: bool = False) -> Serializer:
    """
    :param hint: a type, as an annotation
    :param known: types that may stand in ``object`` and for derived types
    :param primitive: see :class:`Serializer`
    :returns: its serializer, the same each time
    :raises InvalidDataContract: nothing in XML corresponds to the type
    """
    key = (hint, tuple(known), primitive)
    try:
        found = _serializers.get(key)
    except TypeError:
        raise InvalidDataContract(f"{hint!r} is no type") from None
    if found is None:
        found = _serializers[key] = Serializer(hint, known, primitive)
    return found
