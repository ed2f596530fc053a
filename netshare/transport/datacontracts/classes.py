"""
Contracts of classes: members in WCF's order, those of the base class first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from netshare.transport.datacontracts.enums import EnumContract
from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.types import (
    ElementReader,
    ElementWriter,
    KnownContracts,
    TypeContract,
    write_type,
)
from netshare.transport.xml import (
    Attribute,
    Element,
    NamespaceDeclaration,
    QualifiedName,
    XmlCursor,
    XmlException,
    XmlWriter,
)

__all__ = ["UNKNOWN", "ClassContract", "Layer", "Member", "child_namespace"]

_ABSENT: Final = object()
#: The attribute of an object that holds the members its class does not have.
UNKNOWN: Final = "__unknown_members__"


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """
    A member.

    :param attribute: its name in Python
    :param name: its name in XML
    :param contract: its type
    :param order: where it stands, ``None``: among those by name
    :param required: whether it has to be there
    :param emit_default: whether it is written when it has its default value
    """

    attribute: str
    name: str
    contract: TypeContract
    order: int | None = None
    required: bool = False
    emit_default: bool = True


class Layer(NamedTuple):
    """
    The members that one class of a line of inheritance adds.

    :param namespace: of their elements
    :param members: in any order
    """

    namespace: str
    members: list[Member]


class _Writing(NamedTuple):
    attribute: str
    name: str
    write: ElementWriter
    emit_default: bool
    default: Any
    required: bool


class _Reading(NamedTuple):
    attribute: str
    name: str
    read: ElementReader


def child_namespace(contract: TypeContract, outer: str) -> str | None:
    """
    :param contract: the type of a member or item
    :param outer: the namespace of the type it is in
    :returns: the namespace that .NET declares in the element, because it will be needed inside
    """
    contract = contract.bare
    if contract.builtin or isinstance(contract, EnumContract):
        return None
    namespace = contract.namespace
    return namespace if namespace and namespace != outer else None


class ClassContract(TypeContract):
    """
    A class.

    :param cls: Python's class
    :param name: the XML name
    :param namespace: and its namespace
    :param keep_unknown: whether members that the class does not have are kept
    """

    structured = True

    def __init__(self, cls: type[Any], name: str, namespace: str, keep_unknown: bool) -> None:
        super().__init__(name, namespace)
        self.cls = cls
        self.clr = cls.__name__
        self.keep_unknown = keep_unknown
        self.layers: list[Layer] = []
        self._writing: list[tuple[str, list[_Writing]]] = []
        self._reading: dict[tuple[str, str], _Reading] = {}
        self._defaults: dict[str, Any] = {}
        self._required: list[tuple[str, str]] = []
        self._plain = False

    def compile(self, layers: list[Layer], others: dict[str, Any]) -> None:
        """
        Set the members.

        :param layers: of each class, the base class first
        :param others: values of the fields that are no members
        :raises InvalidDataContract: two members have the same name
        """
        self.layers = layers
        self._defaults = dict(others)
        for namespace, members in layers:
            writing: list[_Writing] = []
            members.sort(key=lambda m: (-1 if m.order is None else m.order, _ordinal(m.name)))
            for member in members:
                contract = member.contract
                key = (member.name, namespace)
                if key in self._reading:
                    raise InvalidDataContract(f"{self.clr} has two members '{member.name}'")
                write = contract.element_writer(child_namespace(contract, namespace))
                writing.append(
                    _Writing(
                        member.attribute,
                        member.name,
                        write,
                        member.emit_default,
                        contract.default,
                        member.required,
                    )
                )
                reading = _Reading(member.attribute, member.name, contract.element_reader())
                self._reading[key] = reading
                self._defaults[member.attribute] = contract.default
                if member.required:
                    self._defaults[member.attribute] = _ABSENT
                    self._required.append((member.attribute, member.name))
            self._writing.append((namespace, writing))
        # An object with a __dict__ is filled at once; anything else attribute by attribute.
        self._plain = self.cls.__dictoffset__ != 0 and not any(
            "__slots__" in base.__dict__ for base in self.cls.__mro__[:-1]
        )

    def parts(self) -> Iterator[TypeContract]:
        for layer in self.layers:
            for member in layer.members:
                yield member.contract

    def python_types(self) -> tuple[type, ...]:
        return (self.cls,)

    # -- writing

    def write_typed(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        if type(value) is self.cls:
            self.write_content(writer, value, known)
            return
        contract = known.of_value(value, self)
        if contract is not self:
            write_type(writer, contract)
        contract.write_content(writer, value, known)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        if self.keep_unknown and getattr(value, UNKNOWN, None):
            self._write_with_unknown(writer, value, known)
            return
        for namespace, members in self._writing:
            self._write_members(writer, value, known, namespace, members)

    def _write_members(
        self,
        writer: XmlWriter,
        value: Any,
        known: KnownContracts,
        namespace: str,
        members: list[_Writing],
    ) -> None:
        prefix = writer.prefix_of(namespace) or ""
        for attribute, name, write, emit_default, default, required in members:
            try:
                item = getattr(value, attribute)
                if not emit_default and item == default:
                    if required:
                        raise UnencodableValue(
                            "a required member with its default value, which is not to be written"
                        )
                    continue
                write(writer, name, namespace, prefix, item, known)
            except UnencodableValue as error:
                error.inside(name)
                raise
            except (XmlException, AttributeError) as error:
                raise UnencodableValue(str(error), name) from error

    def _write_with_unknown(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        """Write the unknown members behind those behind which they were found."""
        unknown: dict[str, list[Element]] = {}
        for after, element in getattr(value, UNKNOWN):
            unknown.setdefault(after, []).append(element)
        for element in unknown.get("", ()):
            writer.node(element)
        for namespace, members in self._writing:
            for member in members:
                self._write_members(writer, value, known, namespace, [member])
                for element in unknown.get(member.attribute, ()):
                    writer.node(element)

    # -- reading

    def read_content(self, cursor: XmlCursor, known: KnownContracts) -> Any:
        values = self._defaults.copy()
        reading = self._reading
        unknown: list[tuple[str, Element]] = []
        last = ""
        cursor.enter()
        while (name := cursor.next(strict=True)) is not None:
            entry = reading.get((name[1], name[2]))
            if entry is None:
                if self.keep_unknown:
                    unknown.append((last, _kept(cursor)))
                continue
            last = entry[0]
            try:
                values[last] = entry[2](cursor, known)
            except DeserializationFailed as error:
                error.inside(entry[1])
                raise
            except XmlException as error:
                raise DeserializationFailed(error.message, entry[1]) from error
        cursor.leave()
        for attribute, missing in self._required:
            if values[attribute] is _ABSENT:
                raise DeserializationFailed("the required member is not there", missing)
        made: Any = self.cls.__new__(self.cls)  # type: ignore[call-overload]
        if self._plain:
            made.__dict__.update(values)
        else:
            for attribute, value in values.items():
                object.__setattr__(made, attribute, value)
        if unknown:
            object.__setattr__(made, UNKNOWN, unknown)
        return made


def _ordinal(name: str) -> bytes:
    """:returns: a key that sorts as .NET compares ordinally: by UTF-16 units."""
    return name.encode("utf-16-be", "surrogatepass")


def _kept(cursor: XmlCursor) -> Element:
    """
    :returns: the current element, to be written elsewhere: with the declarations from further
        out that its type names need
    """
    needed: dict[str, str] = {}
    named = cursor.xsi_type
    if named is not None and named[0]:
        for attribute in cursor.attributes:
            if type(attribute) is Attribute and attribute.name.local == "type":
                value = attribute.value
                text = f"{value.prefix}:" if isinstance(value, QualifiedName) else str(value)
                needed[text.partition(":")[0]] = named[0]
    element = cursor.element()
    declared = {a.prefix for a in element.attributes if type(a) is NamespaceDeclaration}
    more = tuple(
        NamespaceDeclaration(prefix, uri)
        for prefix, uri in needed.items()
        if prefix not in declared
    )
    return element._replace(attributes=element.attributes + more)
