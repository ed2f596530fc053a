"""
Contracts of classes: members in WCF's order, those of the base class first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from netshare.transport.datacontracts.declarations import ContractInfo
from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.hooks import DESERIALIZED, SERIALIZING, hooks_of
from netshare.transport.datacontracts.types import (
    ElementReader,
    ElementWriter,
    KnownContracts,
    TypeContract,
)
from netshare.transport.datacontracts.unknown import UNKNOWN, UnknownNames, kept
from netshare.transport.xml import Element, XmlCursor, XmlException, XmlWriter

__all__ = ["ClassContract", "Layer", "Member", "child_namespace"]

_ABSENT: Final = object()


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
    contract: TypeContract
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
    namespace = contract.inner_namespace
    return namespace if namespace and namespace != outer else None


class ClassContract(TypeContract):
    """
    A class.

    :param hint: the annotation: the class, or a generic one with its arguments
    :param cls: Python's class
    :param name: the XML name
    :param info: what its decorator was told
    """

    structured = True

    def __init__(self, hint: Any, cls: type[Any], name: str, info: ContractInfo) -> None:
        super().__init__(name, info.namespace)
        self.hint = hint
        self.cls = cls
        self.clr = cls.__name__
        self.keep_unknown = info.keep_unknown
        self.nullable = not info.struct
        self.is_struct = info.struct
        self.is_reference = info.is_reference
        #: Tells of an element that no member is declared for.
        self.tell_unknown = UnknownNames(f"{self.clr} has no member").tell
        self._before_writing = hooks_of(cls, SERIALIZING)
        self._after_reading = hooks_of(cls, DESERIALIZED)
        self.layers: list[Layer] = []
        self._writing: list[tuple[str, list[_Writing]]] = []
        self._reading: dict[tuple[str, str], _Reading] = {}
        self._defaults: dict[str, Any] = {}
        #: The members whose default is an object, so another one each time.
        self._structs: list[tuple[str, TypeContract]] = []
        self._required: list[tuple[str, str]] = []
        #: Whether its objects have a dictionary for all that is in them.
        self.is_plain = False

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
                        contract,
                        member.required,
                    )
                )
                reading = _Reading(member.attribute, member.name, contract.element_reader())
                self._reading[key] = reading
                if contract.is_struct:
                    self._structs.append((member.attribute, contract))
                else:
                    self._defaults[member.attribute] = contract.default
                if member.required:
                    self._defaults[member.attribute] = _ABSENT
                    self._required.append((member.attribute, member.name))
            self._writing.append((namespace, writing))
        # An object with a __dict__ is filled at once; anything else attribute by attribute.
        self.is_plain = self.cls.__dictoffset__ != 0 and not any(
            "__slots__" in base.__dict__ for base in self.cls.__mro__[:-1]
        )

    def parts(self) -> Iterator[TypeContract]:
        for layer in self.layers:
            for member in layer.members:
                yield member.contract

    @property
    def default(self) -> Any:
        """A new object of nothing but defaults, of a struct; None of a class."""
        if self.nullable:
            return None
        made, values = self._new(), self._defaults.copy()
        for attribute, contract in self._structs:
            values[attribute] = contract.default
        for attribute, _ in self._required:
            values[attribute] = self._contract_of(attribute).default
        self.fill(made, values)
        return made

    def _contract_of(self, attribute: str) -> TypeContract:
        members = (one for layer in self.layers for one in layer.members)
        return next(one.contract for one in members if one.attribute == attribute)

    @property
    def calls_after_reading(self) -> bool:
        """Whether methods of the class are called after an object is read."""
        return bool(self._after_reading)

    @property
    def others(self) -> dict[str, Any]:
        """The values of the fields that are no members."""
        members = {member.attribute for layer in self.layers for member in layer.members}
        return {name: one for name, one in self._defaults.items() if name not in members}

    @property
    def calls_before_writing(self) -> bool:
        """Whether a method of the class is called before an object is written."""
        return bool(self._before_writing)

    def python_types(self) -> tuple[type, ...]:
        return (self.cls,)

    def could_be(self, value: Any) -> bool:
        if not isinstance(value, self.cls):
            return False
        if self.hint is self.cls:
            return True
        # Of a generic class: what it was made as, or what its members are.
        said = getattr(value, "__orig_class__", None)
        if said is not None:
            return bool(said == self.hint)
        return all(
            member.contract.takes(getattr(value, member.attribute, None))
            for layer in self.layers
            for member in layer.members
        )

    # -- writing

    def write_typed(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        actual = self if type(value) is self.cls else known.of_value(value, self)
        self.write_as(writer, value, known, actual)

    def write_content(self, writer: XmlWriter, value: Any, known: KnownContracts) -> None:
        for hook in self._before_writing:
            try:
                hook(value)
            except Exception as error:
                raise UnencodableValue(f"{hook.__qualname__}: {error}") from error
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
        for attribute, name, write, emit_default, contract, required in members:
            try:
                item = getattr(value, attribute)
                if not emit_default and item == contract.default:
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
        return self.read_object(cursor, known, None)

    def read_object(self, cursor: XmlCursor, known: KnownContracts, name: str | None) -> Any:
        made = self._new()
        if name is not None and known.references is not None:
            # Members may refer to it, so it has to be there before them.
            known.references.register(name, made)
        unknown = self._read_into(made, cursor, known)
        if unknown:
            object.__setattr__(made, UNKNOWN, unknown)
        for hook in self._after_reading:
            try:
                hook(made)
            except Exception as error:
                raise DeserializationFailed(f"{hook.__qualname__}: {error}") from error
        return made

    def _read_into(
        self, made: Any, cursor: XmlCursor, known: KnownContracts
    ) -> list[tuple[str, Element]]:
        """:returns: the members that the class does not have."""
        values = self._defaults.copy()
        reading = self._reading
        unknown: list[tuple[str, Element]] = []
        last = ""
        cursor.enter()
        while (name := cursor.next(strict=True)) is not None:
            entry = reading.get((name[1], name[2]))
            if entry is None:
                if self.keep_unknown:
                    unknown.append((last, kept(cursor)))
                else:
                    self.tell_unknown(name)
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
        for attribute, contract in self._structs:
            if attribute not in values:
                values[attribute] = contract.default
        self.fill(made, values)
        return unknown

    def _new(self) -> Any:
        return self.cls.__new__(self.cls)  # type: ignore[call-overload]

    def fill(self, made: Any, values: dict[str, Any]) -> None:
        """Set the attributes of a new object."""
        if self.is_plain:
            made.__dict__.update(values)
        else:
            for attribute, value in values.items():
                object.__setattr__(made, attribute, value)


def _ordinal(name: str) -> bytes:
    """:returns: a key that sorts as .NET compares ordinally: by UTF-16 units."""
    return name.encode("utf-16-be", "surrogatepass")
