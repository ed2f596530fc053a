"""
Classes: which of their members are elements, attributes, text, and anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.xmlcontent import XmlElement
from netshare.transport.xml import (
    XML_NAMESPACE,
    XSI,
    Attribute,
    Name,
    Value,
    XmlCursor,
    XmlException,
    XmlWriter,
    as_string,
    lexical,
)
from netshare.transport.xmlserializer.elements import ElementPlace, text_of
from netshare.transport.xmlserializer.hints import NOTHING
from netshare.transport.xmlserializer.members import (
    AttributeMember,
    ChoiceMember,
    ElementMember,
    Members,
)
from netshare.transport.xmlserializer.types import TextMapping, TypeMapping

__all__ = ["ClassMapping", "Types"]


class Types(Protocol):
    """The types that may stand where another is declared."""

    def derived(self, cls: type, declared: ClassMapping) -> ClassMapping | None:
        """:returns: the mapping of a class that may stand there; None: it may not"""

    def named(self, name: str, namespace: str, declared: ClassMapping) -> ClassMapping | None:
        """:returns: the mapping of that type name; None: there is none that may stand there"""


class ClassMapping(TypeMapping):
    """
    A class.

    :param cls: the class
    :param name: of the type
    :param namespace: of the type
    :param types: what may stand in its place
    """

    def __init__(self, cls: type, name: str, namespace: str, types: Types) -> None:
        super().__init__(name, namespace)
        self.cls = cls
        self._types = types
        self.members = Members()
        self._attributes: dict[tuple[str, str], AttributeMember] = {}
        self._elements: dict[tuple[str, str], tuple[ElementMember | ChoiceMember, ElementPlace]]
        self._elements = {}
        self._text: tuple[str, TextMapping] | None = None

    def complete(self, members: Members) -> None:
        """
        Say what it consists of; that can refer to the class itself.

        :raises InvalidDataContract: two members are the same in XML
        """
        self.members = members
        for attribute in members.attributes:
            key = attribute.name, attribute.namespace
            if key in self._attributes:
                raise InvalidDataContract(
                    f"{self.cls.__name__}: two members are the attribute {attribute.name!r}"
                )
            self._attributes[key] = attribute
        for one in members.content:
            if isinstance(one, tuple):
                if self._text is not None:
                    raise InvalidDataContract(f"{self.cls.__name__}: two members are its text")
                self._text = one
            elif not isinstance(one, str):
                places = one.places if isinstance(one, ChoiceMember) else (one.place,)
                for place in places:
                    if place.key in self._elements:
                        raise InvalidDataContract(
                            f"{self.cls.__name__}: two members are the element {place.name!r}"
                        )
                    self._elements[place.key] = one, place

    def takes(self, value: Any) -> bool:
        return isinstance(value, self.cls)

    # ---- writing

    def write(self, writer: XmlWriter, value: Any) -> None:
        actual = self
        if type(value) is not self.cls:
            found = self._types.derived(type(value), self)
            if found is None:
                hint = "; name it in include=" if isinstance(value, self.cls) else ""
                raise UnencodableValue(
                    f"{type(value).__name__} is not expected where {self.cls.__name__} is "
                    f"declared{hint}"
                )
            actual = found
            prefix = writer.prefix_of(actual.namespace) if actual.namespace else ""
            if prefix is None:
                prefix = _free_prefix(writer)
                writer.declare(prefix, actual.namespace)
            name = f"{prefix}:{actual.name}" if prefix else actual.name
            writer.attribute("type", name, XSI, writer.prefix_of(XSI) or "xsi")
        actual.write_members(writer, value)

    def write_members(self, writer: XmlWriter, value: Any) -> None:
        """Write attributes and content of a value that is exactly of this class."""
        for attribute in self.members.attributes:
            self._write_attribute(writer, attribute, value)
        if self.members.any_attribute:
            _write_any_attributes(writer, getattr(value, self.members.any_attribute))
        for one in self.members.content:
            if isinstance(one, tuple):
                text = getattr(value, one[0])
                if text is not None:
                    one[1].write(writer, text)
            elif isinstance(one, str):
                for element in _any_elements(getattr(value, one), one):
                    writer.node(element.element)
            elif isinstance(one, ChoiceMember):
                self._write_choice(writer, one, value)
            else:
                self._write_element(writer, one, value)

    def _is_written(self, one: AttributeMember | ElementMember, value: Any, content: Any) -> bool:
        if one.specified:
            return bool(getattr(value, one.specified))
        if one.default_value is not NOTHING and content == one.default_value:
            return False
        asked = getattr(value, f"ShouldSerialize{one.field}", None)
        return asked is None or bool(asked())

    def _write_attribute(self, writer: XmlWriter, one: AttributeMember, value: Any) -> None:
        content = getattr(value, one.field)
        if not self._is_written(one, value, content):
            return
        if content is None:
            if one.optional or one.mapping.reference:
                return
            raise UnencodableValue(f"None is no {one.mapping.name}", one.name)
        try:
            text = one.mapping.text(content)
        except UnencodableValue as error:
            error.inside(one.name)
            raise
        _write_attribute(writer, one.name, one.namespace, text)

    def _write_element(self, writer: XmlWriter, one: ElementMember, value: Any) -> None:
        content = getattr(value, one.field)
        if not self._is_written(one, value, content):
            return
        if not one.repeated:
            one.place.write(writer, content)
            return
        for index, item in enumerate(_items(content, one.field)):
            try:
                one.place.write(writer, item)
            except UnencodableValue as error:
                error.parts[:1] = [one.field, f"[{index}]"]
                raise

    def _write_choice(self, writer: XmlWriter, one: ChoiceMember, value: Any) -> None:
        content = getattr(value, one.field)
        said = getattr(value, one.identifier) if one.identifier else None
        if not one.repeated:
            if content is not None or said is not None:
                one.place_for(content, said).write(writer, content)
            return
        items = _items(content, one.field)
        if one.identifier and (not isinstance(said, list | tuple) or len(said) != len(items)):
            raise UnencodableValue(f"there is no name for each of {one.field}", one.identifier)
        names: Any = said if one.identifier else [None] * len(items)
        for item, name in zip(items, names, strict=True):
            place = one.place_for(item, name)
            place.write(writer, item)

    # ---- reading

    def read(self, cursor: XmlCursor) -> Any:
        named = cursor.xsi_type
        if named is not None and named != (self.namespace, self.name):
            namespace, name = named
            found = self._types.named(name, namespace, self)
            if found is None:
                raise DeserializationFailed(
                    f"the type {name!r} of the namespace {namespace!r} is not known where "
                    f"{self.cls.__name__} is declared; name it in include="
                )
            return found.read_members(cursor)
        return self.read_members(cursor)

    def read_members(self, cursor: XmlCursor) -> Any:
        """Read the current element, which is exactly of this class."""
        value = self.cls()
        for one in self.members.content:
            if isinstance(one, ElementMember | ChoiceMember) and one.repeated:
                self._begin_list(value, one)
        for attribute in self.members.attributes:
            if attribute.default_value is not NOTHING:
                setattr(value, attribute.field, attribute.default_value)
        if cursor.attributes:
            self._read_attributes(cursor, value)
        if self._text is not None:
            text = text_of(cursor.copy().element())
            if text != "":
                setattr(value, self._text[0], self._text[1].parse(text))
        lists: dict[str, list[Any]] = {}
        cursor.enter()
        while (name := cursor.next()) is not None:
            self._read_element(cursor, name, value, lists)
        cursor.leave()
        for field, items in lists.items():
            setattr(value, field, items)
        return value

    def _begin_list(self, value: Any, one: ElementMember | ChoiceMember) -> None:
        if getattr(value, one.field) is not None:
            setattr(value, one.field, [])

    def _read_attributes(self, cursor: XmlCursor, value: Any) -> None:
        rest: dict[str, str] = {}
        for attribute in cursor.attributes:
            if type(attribute) is not Attribute:
                continue
            name = attribute.name
            one = self._attributes.get((name.local, name.namespace))
            if one is None:
                if name.namespace != XSI:
                    clark = f"{{{name.namespace}}}{name.local}" if name.namespace else name.local
                    rest[clark] = lexical(attribute.value)
                continue
            try:
                setattr(value, one.field, one.mapping.parse(attribute.value))
            except XmlException as error:
                raise DeserializationFailed(error.message, one.name) from error
            except DeserializationFailed as error:
                error.inside(one.name)
                raise
            if one.specified:
                setattr(value, one.specified, True)
        if self.members.any_attribute and rest:
            setattr(value, self.members.any_attribute, rest)

    def _read_element(
        self, cursor: XmlCursor, name: Name, value: Any, lists: dict[str, list[Any]]
    ) -> None:
        found = self._elements.get((name.local, name.namespace))
        if found is None:
            field = self.members.any_element
            if field:
                element = XmlElement(cursor.element())
                if self.members.any_elements_are_list:
                    lists.setdefault(field, []).append(element)
                else:
                    setattr(value, field, element)
            return  # what else there is may be of a newer version
        one, place = found
        content = place.read(cursor)
        if one.repeated:
            lists.setdefault(one.field, []).append(content)
        else:
            setattr(value, one.field, content)
        if isinstance(one, ChoiceMember):
            if one.identifier:
                said = one.identify(place.name)
                if one.repeated:
                    lists.setdefault(one.identifier, []).append(said)
                else:
                    setattr(value, one.identifier, said)
        elif one.specified:
            setattr(value, one.specified, True)


def _items(content: Any, field: str) -> Sequence[Any]:
    if content is None:
        return ()
    if not isinstance(content, list | tuple):
        raise UnencodableValue(f"{type(content).__name__} is no list", field)
    return content


def _free_prefix(writer: XmlWriter) -> str:
    """:returns: a prefix as XmlSerializer makes them up (``q1``)"""
    scope = writer.scopes[-1]
    number = 1
    while f"q{number}" in scope:
        number += 1
    return f"q{number}"


def _write_attribute(writer: XmlWriter, name: str, namespace: str, text: Value) -> None:
    prefix = "xml" if namespace == XML_NAMESPACE else ""
    if namespace and not prefix:
        prefix = writer.prefix_of(namespace) or writer.free_prefix()
    writer.attribute(name, text, namespace, prefix)


def _write_any_attributes(writer: XmlWriter, given: Any) -> None:
    if given is None:
        return
    if not isinstance(given, dict):
        raise UnencodableValue(f"{type(given).__name__} is no dict of attributes")
    for clark, text in given.items():
        namespace, _, name = str(clark).rpartition("}")
        _write_attribute(writer, name, namespace.removeprefix("{"), as_string(text))


def _any_elements(given: Any, field: str) -> Iterator[XmlElement]:
    if given is None:
        return
    for one in given if isinstance(given, list | tuple) else (given,):
        if not isinstance(one, XmlElement):
            raise UnencodableValue(f"{type(one).__name__} is no XmlElement", field)
        yield one
