"""
From annotations to mappings: which type is what in XML.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from netshare.transport.datacontracts.defaults import own_annotations
from netshare.transport.datacontracts.errors import (
    DeserializationFailed,
    InvalidDataContract,
    UnencodableValue,
)
from netshare.transport.datacontracts.scalars import (
    SCALARS,
    SERIALIZATION,
    XSD,
    Scalar,
    scalar_of_value,
)
from netshare.transport.datacontracts.xmlcontent import XmlContent, XmlElement
from netshare.transport.xml import XSI, XmlCursor, XmlWriter, encode_name
from netshare.transport.xmlserializer.classes import ClassMapping
from netshare.transport.xmlserializer.declarations import (
    MemberKind,
    MemberNote,
    enum_note,
    member_note,
    type_note,
)
from netshare.transport.xmlserializer.elements import (
    ArrayMapping,
    ElementPlace,
    XmlContentMapping,
    XmlElementMapping,
)
from netshare.transport.xmlserializer.hints import Hint, hint_of, hints_of
from netshare.transport.xmlserializer.members import (
    AttributeMember,
    ChoiceMember,
    ElementMember,
    Members,
)
from netshare.transport.xmlserializer.types import (
    EnumMapping,
    ListTextMapping,
    ScalarMapping,
    TextMapping,
    TypeMapping,
)

__all__ = ["Mappings"]

#: Where XmlSerializer has the types that XML Schema lacks.
_TYPES: Final = "http://microsoft.com/wsdl/types/"
_NO_NOTE: Final = MemberNote()


class Mappings:
    """
    The types of one contract.

    :param namespace: of types that say none
    :param known: types that may stand where another is declared
    """

    def __init__(self, namespace: str, known: Sequence[Any] = ()) -> None:
        self.namespace = namespace
        self._classes: dict[type, ClassMapping] = {}
        self._known = [self.of(hint_of(one, "known_types=")) for one in known]

    # ---- elements

    def place(
        self, name: str, namespace: str, annotation: Any, note: MemberNote, where: str
    ) -> ElementPlace:
        """
        :param name: of an element
        :param namespace: of the element, and of the items of a list in it
        :param annotation: of what is in it
        :param note: what is said of it
        :param where: what it is, for errors
        :returns: the element
        :raises InvalidDataContract: that cannot be in XML
        """
        hint = hint_of(annotation, where)
        mapping = self.of(hint, note, namespace, where)
        # A value type that may be None is Nullable<T>, whose None is always said.
        value_type = not mapping.reference
        if value_type and hint.optional and note.nullable is False:
            raise InvalidDataContract(
                f"{where}: a value type that may be None is Nullable<T>, which is always nullable"
            )
        nullable = note.nullable if note.nullable is not None else value_type and hint.optional
        return ElementPlace(name, namespace, mapping, nullable, hint.optional)

    def of(
        self,
        hint: Hint,
        note: MemberNote = _NO_NOTE,
        namespace: str | None = None,
        where: str = "",
    ) -> TypeMapping:
        """
        :param hint: of a value
        :param note: what is said of where it stands
        :param namespace: of the items, if it is a list
        :param where: what it is, for errors
        :returns: what maps such values
        :raises InvalidDataContract: nothing does
        """
        kind = hint.type
        if isinstance(kind, Scalar):
            return ScalarMapping(kind, note.data_type)
        if hint.is_list:
            return self._array(hint, note, namespace, where)
        if kind in (Any, object):
            return AnyMapping(self)
        if isinstance(kind, type):
            if issubclass(kind, enum.Enum):
                return EnumMapping(kind, enum_note(kind), self.namespace)
            if issubclass(kind, XmlElement):
                return XmlElementMapping()
            if issubclass(kind, XmlContent):
                return XmlContentMapping(kind)
            if type_note(kind) is not None:
                return self.class_of(kind)
        shown = getattr(kind, "__name__", repr(kind))
        raise InvalidDataContract(
            f"{where}: XmlSerializer has no type like {shown}; a class needs @xml_type, and "
            "there are no dictionaries"
        )

    def _array(
        self, hint: Hint, note: MemberNote, namespace: str | None, where: str
    ) -> ArrayMapping:
        around = self.namespace if namespace is None else namespace
        of = note.item_namespace if note.item_namespace is not None else around
        item = hint_of(hint.item, where)
        mapping = self.of(item, MemberNote(data_type=note.data_type), of, where)
        nullable = note.item_nullable
        if nullable is None:
            nullable = mapping.reference or item.optional
        name = encode_name(note.item) if note.item else mapping.name
        return ArrayMapping(
            ElementPlace(name, of, mapping, nullable, item.optional), self.namespace
        )

    # ---- classes

    def class_of(self, cls: type) -> ClassMapping:
        """
        :returns: the mapping of a class with :func:`~.declarations.xml_type`
        :raises InvalidDataContract: it cannot be in XML
        """
        found = self._classes.get(cls)
        if found is None:
            note = type_note(cls)
            if note is None:
                raise InvalidDataContract(f"{cls.__name__} is no type of XML: it needs @xml_type")
            name = encode_name(note.name or cls.__name__)
            found = ClassMapping(cls, name, self._namespace_of(cls), self)
            self._classes[cls] = found
            found.complete(self._members(cls))
            for one in self._included(cls):
                self.class_of(one)
        return found

    def _namespace_of(self, cls: type) -> str:
        note = type_note(cls)
        return self.namespace if note is None or note.namespace is None else note.namespace

    def _included(self, cls: type) -> Iterator[type]:
        for base in cls.__mro__:
            note = type_note(base)
            if note is not None:
                yield from note.include() if callable(note.include) else note.include

    def derived(self, cls: type, declared: ClassMapping) -> ClassMapping | None:
        """:returns: the mapping of a class that may stand where another is declared"""
        for one in self._candidates(declared):
            if one.cls is cls:
                return one
        return None

    def named(self, name: str, namespace: str, declared: ClassMapping) -> ClassMapping | None:
        """:returns: the mapping of that type name that may stand where a class is declared"""
        for one in self._candidates(declared):
            if (one.name, one.namespace) == (name, namespace):
                return one
        return None

    def _candidates(self, declared: ClassMapping) -> Iterator[ClassMapping]:
        for cls in self._included(declared.cls):
            if issubclass(cls, declared.cls):
                yield self.class_of(cls)
        for one in self._known:
            if isinstance(one, ClassMapping) and issubclass(one.cls, declared.cls):
                yield one

    def known(self) -> Iterator[TypeMapping]:
        """:returns: all types that may stand in an ``object``"""
        yield from self._classes.values()
        yield from self._known

    # ---- members

    def _members(self, cls: type) -> Members:
        members = Members()
        hints = hints_of(cls)
        fields = {one.name: one for one in dataclasses.fields(cls)}
        orders: list[tuple[int, int]] = []
        for name, one in fields.items():
            note = member_note(one)
            declaring = next(c for c in cls.__mro__ if name in own_annotations(c))
            if name.endswith("Specified") and name.removesuffix("Specified") in fields:
                continue
            if note.kind is MemberKind.IGNORED:
                continue
            count = len(members.content)
            self._add(members, cls, name, hints, note, self._namespace_of(declaring), fields)
            if len(members.content) > count:
                orders.append((-1 if note.order is None else note.order, count))
        said = [order for order, _ in orders if order >= 0]
        if said:
            if len(said) != len(orders):
                raise InvalidDataContract(
                    f"{cls.__name__}: order= is said of all its elements, or of none"
                )
            members.content = [members.content[index] for _, index in sorted(orders)]
        return members

    def _add(
        self,
        members: Members,
        cls: type,
        field: str,
        hints: dict[str, Any],
        note: MemberNote,
        namespace: str,
        fields: dict[str, Any],
    ) -> None:
        where = f"{cls.__name__}.{field}"
        annotation = hints[field]
        hint = hint_of(annotation, where)
        name = encode_name(note.name or field)
        uri = namespace if note.namespace is None else note.namespace
        specified = f"{field}Specified" if f"{field}Specified" in fields else ""
        kind = note.kind
        if kind is MemberKind.ATTRIBUTE:
            members.attributes.append(
                AttributeMember(
                    field,
                    name,
                    note.namespace or "",
                    self._text(hint, note, where),
                    hint.optional,
                    note.default_value,
                    specified,
                )
            )
        elif kind is MemberKind.TEXT:
            members.content.append((field, self._text(hint, note, where)))
        elif kind is MemberKind.ANY_ATTRIBUTE:
            members.any_attribute = field
        elif kind is MemberKind.ANY_ELEMENT:
            members.any_element, members.any_elements_are_list = field, hint.is_list
            members.content.append(field)
        elif kind is MemberKind.CHOICE:
            members.content.append(self._choice(field, hint, hints, note, uri, where))
        elif kind is MemberKind.ELEMENT and hint.is_list:
            item = dataclasses.replace(note, default_value=note.default_value)
            place = self.place(name, uri, hint.item, item, where)
            members.content.append(ElementMember(field, place, True, specified=specified))
        else:
            place = self.place(name, uri, annotation, note, where)
            members.content.append(
                ElementMember(field, place, False, note.default_value, specified)
            )

    def _text(self, hint: Hint, note: MemberNote, where: str) -> TextMapping:
        if hint.is_list:
            item = self.of(hint_of(hint.item, where), note, None, where)
            if isinstance(item, TextMapping):
                return ListTextMapping(item)
        else:
            mapping = self.of(hint, note, None, where)
            if isinstance(mapping, TextMapping):
                return mapping
        raise InvalidDataContract(f"{where}: only a simple type can be an attribute or a text")

    def _choice(
        self,
        field: str,
        hint: Hint,
        hints: dict[str, Any],
        note: MemberNote,
        namespace: str,
        where: str,
    ) -> ChoiceMember:
        places = tuple(
            self.place(encode_name(name), namespace, kind, _NO_NOTE, where)
            for name, kind in note.choices
        )
        name_of: Callable[[Any], str] = str
        identify: Callable[[str], Any] = str
        if note.identifier is not None:
            if note.identifier not in hints:
                raise InvalidDataContract(f"{where}: there is no field {note.identifier!r}")
            said = hint_of(hints[note.identifier], where)
            if said.is_list:
                said = hint_of(said.item, where)
            if isinstance(said.type, type) and issubclass(said.type, enum.Enum):
                names = EnumMapping(said.type, enum_note(said.type), self.namespace)
                name_of, identify = _name_with(names), names.parse
        return ChoiceMember(field, places, hint.is_list, note.identifier or "", name_of, identify)


def _name_with(names: EnumMapping) -> Callable[[Any], str]:
    return lambda value: str(names.text(value))


class AnyMapping(TypeMapping):
    """
    An ``object``: a value of any known type, which ``xsi:type`` names.

    :param types: the types
    """

    def __init__(self, types: Mappings) -> None:
        super().__init__("anyType", XSD)
        self._types = types

    def takes(self, value: Any) -> bool:
        return True

    def write(self, writer: XmlWriter, value: Any) -> None:
        scalar = scalar_of_value(value)
        mapping: TypeMapping | None = None
        if scalar is not None:
            mapping = ScalarMapping(scalar)
        elif isinstance(value, XmlContent):
            XmlContentMapping(type(value)).write(writer, value)
            return
        elif type(value) is not object:
            for one in self._types.known():
                if isinstance(one, ClassMapping | EnumMapping) and type(value) is one.cls:
                    mapping = one
                    break
            else:
                raise UnencodableValue(
                    f"{type(value).__name__} is not expected in an object; name it in known_types="
                )
        if mapping is not None:
            uri = _TYPES if mapping.namespace == SERIALIZATION else mapping.namespace
            prefix = writer.declare_any(uri) if uri else ""
            name = f"{prefix}:{mapping.name}" if prefix else mapping.name
            writer.attribute("type", name, XSI, writer.prefix_of(XSI) or "xsi")
            mapping.write(writer, value)

    def read(self, cursor: XmlCursor) -> Any:
        named = cursor.xsi_type
        if named is None:
            return XmlContentMapping(XmlContent).read(cursor)
        namespace, name = named
        scalar = SCALARS.get((SERIALIZATION if namespace == _TYPES else namespace, name))
        if scalar is not None:
            return ScalarMapping(scalar).read(cursor)
        for one in self._types.known():
            if (one.name, one.namespace) == (name, namespace):
                return one.read(cursor)
        raise DeserializationFailed(
            f"the type {name!r} of the namespace {namespace!r} is not known; name it in "
            "known_types="
        )
