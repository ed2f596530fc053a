"""
How a program says how a class looks in XML, member by member: decorators and fields.

Each is an attribute of .NET's ``System.Xml.Serialization``. The decorator makes a dataclass of the
class; a field of which nothing is said is an element of its own name.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, dataclass_transform, overload

from netshare.transport.datacontracts.defaults import own_annotations
from netshare.transport.datacontracts.errors import InvalidDataContract
from netshare.transport.xmlserializer.hints import NOTHING, fill_defaults

__all__ = [
    "EnumNote",
    "MemberKind",
    "MemberNote",
    "TypeNote",
    "enum_note",
    "member_note",
    "type_note",
    "xml_any_attribute",
    "xml_any_element",
    "xml_array",
    "xml_attribute",
    "xml_choice",
    "xml_element",
    "xml_enum",
    "xml_ignore",
    "xml_text",
    "xml_type",
]

T = TypeVar("T")
E = TypeVar("E", bound=type[enum.Enum])
_KEY: Final = "netshare.xml_member"
_NOTE: Final = "__xml_type__"


class MemberKind(enum.Enum):
    """What a member is in XML."""

    ELEMENT = "element"
    ARRAY = "array"
    ATTRIBUTE = "attribute"
    TEXT = "text"
    CHOICE = "choice"
    ANY_ELEMENT = "any element"
    ANY_ATTRIBUTE = "any attribute"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class MemberNote:
    """What is said of a member; see the functions that make it."""

    kind: MemberKind | None = None
    name: str | None = None
    namespace: str | None = None
    nullable: bool | None = None
    order: int | None = None
    data_type: str = ""
    default_value: Any = NOTHING
    item: str | None = None
    item_namespace: str | None = None
    item_nullable: bool | None = None
    choices: tuple[tuple[str, Any], ...] = ()
    identifier: str | None = None


@dataclass(frozen=True, slots=True)
class TypeNote:
    """What :func:`xml_type` was told."""

    name: str | None = None
    namespace: str | None = None
    include: Sequence[Any] | Callable[[], Sequence[Any]] = ()


@dataclass(frozen=True, slots=True)
class EnumNote:
    """What :func:`xml_enum` was told."""

    name: str | None = None
    namespace: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)


def _field(note: MemberNote, default: Any) -> Any:
    if isinstance(default, list | dict):
        return field(default_factory=default.copy, metadata={_KEY: note})
    return field(default=default, metadata={_KEY: note})


def xml_element(
    name: str | None = None,
    *,
    namespace: str | None = None,
    nullable: bool | None = None,
    order: int | None = None,
    data_type: str = "",
    default_value: Any = NOTHING,
    default: Any = NOTHING,
) -> Any:
    """
    A member that is an element; a list is as many elements, with nothing around them.
    (XmlElementAttribute)

    :param name: its name, if not the field's
    :param namespace: its namespace, if not that of the type; empty for an unqualified name
    :param nullable: whether None is ``xsi:nil="true"``; without it only that of a value type is,
        and any other None is an element that is not there
    :param order: where it stands; said of all elements of a type, or of none
    :param data_type: ``date`` or ``time`` of a DateTime, ``hexBinary`` of bytes
    :param default_value: is not written, and is the value of an absent element
        (DefaultValueAttribute)
    :param default: for the constructor; without one, the default of the type
    """
    note = MemberNote(
        MemberKind.ELEMENT, name, namespace, nullable, order, data_type, default_value
    )
    return _field(note, default_value if default is NOTHING else default)


def xml_array(
    name: str | None = None,
    *,
    item: str | None = None,
    namespace: str | None = None,
    item_namespace: str | None = None,
    nullable: bool | None = None,
    item_nullable: bool | None = None,
    order: int | None = None,
    data_type: str = "",
    default: Any = NOTHING,
) -> Any:
    """
    A list in an element of its own, as lists are without a word.
    (XmlArrayAttribute, XmlArrayItemAttribute)

    :param name: of the element around the items, if not the field's
    :param item: of the items, if not that of their type
    :param namespace: of the element around, if not that of the type
    :param item_namespace: of the items, if not that of the type
    :param nullable: whether None is ``xsi:nil="true"`` in place of no element
    :param item_nullable: whether a None among the items is; it is for all but value types
    :param order: as of :func:`xml_element`
    :param data_type: of the items, as of :func:`xml_element`
    :param default: for the constructor
    """
    note = MemberNote(
        MemberKind.ARRAY,
        name,
        namespace,
        nullable,
        order,
        data_type,
        item=item,
        item_namespace=item_namespace,
        item_nullable=item_nullable,
    )
    return _field(note, default)


def xml_attribute(
    name: str | None = None,
    *,
    namespace: str | None = None,
    data_type: str = "",
    default_value: Any = NOTHING,
    default: Any = NOTHING,
) -> Any:
    """
    A member that is an attribute, absent when it is None; a list has blanks between its items.
    (XmlAttributeAttribute)

    :param name: its name, if not the field's
    :param namespace: its namespace; attributes have none unless it is said here
    :param data_type: as of :func:`xml_element`
    :param default_value: as of :func:`xml_element`
    :param default: for the constructor
    """
    note = MemberNote(
        MemberKind.ATTRIBUTE,
        name,
        namespace,
        data_type=data_type,
        default_value=default_value,
    )
    return _field(note, default_value if default is NOTHING else default)


def xml_text(*, data_type: str = "", default: Any = NOTHING) -> Any:
    """
    A member that is the text of the element itself. (XmlTextAttribute)

    :param data_type: as of :func:`xml_element`
    :param default: for the constructor
    """
    return _field(MemberNote(MemberKind.TEXT, data_type=data_type), default)


def xml_choice(
    *choices: tuple[str, Any],
    identifier: str | None = None,
    namespace: str | None = None,
    order: int | None = None,
    default: Any = NOTHING,
) -> Any:
    """
    A member that is one of several elements, by its type; a list is any number of them.
    (several XmlElementAttributes, XmlChoiceIdentifierAttribute)

    :param choices: name and type of each element
    :param identifier: the field that has the element's name, where types do not tell: a text, or an
        enumeration whose names in XML these are; of a list, a list of them
    :param namespace: of the elements, if not that of the type
    :param order: as of :func:`xml_element`
    :param default: for the constructor
    """
    if not choices:
        raise InvalidDataContract("xml_choice() needs elements, such as ('circle', Circle)")
    note = MemberNote(
        MemberKind.CHOICE,
        namespace=namespace,
        order=order,
        choices=tuple(choices),
        identifier=identifier,
    )
    return _field(note, default)


def xml_any_element(*, order: int | None = None, default: Any = NOTHING) -> Any:
    """
    A member that holds the elements of which no other member is: an ``XmlElement``, or a list.
    (XmlAnyElementAttribute)
    """
    return _field(MemberNote(MemberKind.ANY_ELEMENT, order=order), default)


def xml_any_attribute(*, default: Any = NOTHING) -> Any:
    """
    A member that holds the attributes of which no other member is: ``dict[str, str]``, a namespace
    in braces in front of the name (``{urn:x}a``). (XmlAnyAttributeAttribute)
    """
    return _field(MemberNote(MemberKind.ANY_ATTRIBUTE), default)


def xml_ignore(*, default: Any = NOTHING) -> Any:
    """
    A field that is not in XML (XmlIgnoreAttribute). Where there is a field ``Weight``, a field
    ``WeightSpecified: bool`` says whether it is written, and whether it was there; it needs no
    word.
    """
    return _field(MemberNote(MemberKind.IGNORED), default)


@overload
def xml_type(cls: type[T], /) -> type[T]: ...
@overload
def xml_type(
    *,
    name: str | None = None,
    namespace: str | None = None,
    include: Sequence[Any] | Callable[[], Sequence[Any]] = (),
) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(
    field_specifiers=(
        xml_element,
        xml_array,
        xml_attribute,
        xml_text,
        xml_choice,
        xml_any_element,
        xml_any_attribute,
        xml_ignore,
        field,
    )
)
def xml_type(
    cls: type[T] | None = None,
    /,
    *,
    name: str | None = None,
    namespace: str | None = None,
    include: Sequence[Any] | Callable[[], Sequence[Any]] = (),
) -> Any:
    """
    Declare a class a type of XmlSerializer's; it becomes a dataclass. (XmlTypeAttribute)

    :param name: of the type, if not the class's
    :param namespace: of the type and of its elements; None: that of the service contract
    :param include: derived types that may stand where this one is declared, or a function that
        returns them (XmlIncludeAttribute)
    """

    def decorate(decorated: type[T]) -> type[T]:
        if "__dataclass_fields__" not in decorated.__dict__:
            for one in own_annotations(decorated):
                if one not in decorated.__dict__:
                    setattr(decorated, one, field(default=NOTHING))
            decorated = dataclass(decorated)
        fill_defaults(decorated)
        setattr(decorated, _NOTE, TypeNote(name, namespace, include))
        return decorated

    return decorate if cls is None else decorate(cls)


@overload
def xml_enum(cls: E, /) -> E: ...
@overload
def xml_enum(
    *,
    name: str | None = None,
    namespace: str | None = None,
    members: Mapping[str, str] | None = None,
) -> Callable[[E], E]: ...
def xml_enum(
    cls: Any = None,
    /,
    *,
    name: str | None = None,
    namespace: str | None = None,
    members: Mapping[str, str] | None = None,
) -> Any:
    """
    Say how an enumeration looks in XML. A :class:`enum.Flag` is one of ``[Flags]``.

    :param name: of the type, if not the class's
    :param namespace: of the type; None: that of the service contract
    :param members: names in XML by names in Python, for those that differ (XmlEnumAttribute)
    :raises InvalidDataContract: there is no such member
    """

    def decorate(decorated: Any) -> Any:
        said = dict(members or {})
        for key in said:
            if key not in decorated.__members__:
                raise InvalidDataContract(f"{decorated.__name__} has no member '{key}'")
        setattr(decorated, _NOTE, EnumNote(name, namespace, said))
        return decorated

    return decorate if cls is None else decorate(cls)


def member_note(of: dataclasses.Field[Any]) -> MemberNote:
    """:returns: what is said of a dataclass's field"""
    found = of.metadata.get(_KEY)
    return found if isinstance(found, MemberNote) else MemberNote()


def type_note(cls: type) -> TypeNote | None:
    """:returns: what is said of a class itself; None: it is no type of XmlSerializer's"""
    found = vars(cls).get(_NOTE)
    return found if isinstance(found, TypeNote) else None


def enum_note(cls: type) -> EnumNote:
    """:returns: what is said of an enumeration"""
    found = vars(cls).get(_NOTE)
    return found if isinstance(found, EnumNote) else EnumNote()
