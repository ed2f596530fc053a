"""
How a program says what its data contracts are: decorators and fields.

::

    @data_contract(namespace="urn:shop")
    class Customer:
        Name: str = member(order=0, required=True)
        Age: int = 0
        Discount: Decimal | None = member(emit_default=False)

The decorator makes a dataclass of the class, if it is none yet. Every field is a member, under
its own name unless told otherwise, with a value of .NET's default if nothing else is given, so
that ``Customer()`` is what ``new Customer()`` is.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any, Final, TypeVar, dataclass_transform, overload

from netshare.transport.datacontracts.defaults import DEFAULT, fill_defaults, give_defaults
from netshare.transport.datacontracts.errors import InvalidDataContract

__all__ = [
    "CLR_NAMESPACE",
    "CollectionInfo",
    "ContractInfo",
    "EnumInfo",
    "MemberInfo",
    "collection_contract",
    "data_contract",
    "data_contract_enum",
    "ignored",
    "member",
]

T = TypeVar("T")
E = TypeVar("E", bound=type[enum.Enum])
#: In front of a CLR namespace: the namespace of its data contracts.
CLR_NAMESPACE: Final = "http://schemas.datacontract.org/2004/07/"
_KEY: Final = "netshare.member"
_ATTRIBUTE: Final = "__data_contract__"


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """What :func:`member` was told; see there."""

    name: str | None = None
    order: int | None = None
    required: bool = False
    emit_default: bool = True
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class ContractInfo:
    """What :func:`data_contract` was told; see there."""

    name: str | None = None
    namespace: str = CLR_NAMESPACE
    known_types: Sequence[Any] | Callable[[], Sequence[Any]] = ()
    keep_unknown: bool = False
    struct: bool = False
    is_reference: bool = False


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What :func:`collection_contract` was told; see there."""

    name: str | None = None
    namespace: str = CLR_NAMESPACE
    item_name: str | None = None
    key_name: str | None = None
    value_name: str | None = None


@dataclass(frozen=True, slots=True)
class EnumInfo:
    """What :func:`data_contract_enum` was told; see there."""

    name: str | None = None
    namespace: str = CLR_NAMESPACE
    members: Mapping[str, str] = field(default_factory=dict)


def member(
    *,
    name: str | None = None,
    order: int | None = None,
    required: bool = False,
    emit_default: bool = True,
    default: Any = DEFAULT,
    default_factory: Any = MISSING,
) -> Any:
    """
    A field of a data contract (``[DataMember]``).

    :param name: its name in XML, if not the field's
    :param order: where it stands: members without an order come first, by name; then by order,
        and by name within the same
    :param required: whether reading fails without it
    :param emit_default: whether it is written when it has its type's default value
    :param default: for the constructor; without one, the default of the type
    :param default_factory: as of :func:`dataclasses.field`
    :returns: a dataclass field
    """
    info = MemberInfo(name, order, required, emit_default)
    if default_factory is not MISSING:
        return field(default_factory=default_factory, metadata={_KEY: info})
    return field(default=default, metadata={_KEY: info})


def ignored(*, default: Any = None) -> Any:
    """
    A field that is no member (``[IgnoreDataMember]``).

    :param default: its value, also in objects that were read
    :returns: a dataclass field
    """
    return field(default=default, metadata={_KEY: MemberInfo(ignored=True)})


def _namespace(namespace: str | None, clr_namespace: str) -> str:
    return CLR_NAMESPACE + clr_namespace if namespace is None else namespace


@overload
def data_contract(cls: type[T], /) -> type[T]: ...


@overload
def data_contract(
    *,
    name: str | None = None,
    namespace: str | None = None,
    clr_namespace: str = "",
    known_types: Sequence[Any] | Callable[[], Sequence[Any]] = (),
    keep_unknown: bool = False,
    struct: bool = False,
    is_reference: bool = False,
) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(field_specifiers=(member, ignored, field))
def data_contract(
    cls: type[T] | None = None,
    /,
    *,
    name: str | None = None,
    namespace: str | None = None,
    clr_namespace: str = "",
    known_types: Sequence[Any] | Callable[[], Sequence[Any]] = (),
    keep_unknown: bool = False,
    struct: bool = False,
    is_reference: bool = False,
) -> Any:
    """
    Declare a class a data contract (``[DataContract]``); it becomes a dataclass.

    :param name: its name in XML, if not the class's
    :param namespace: its namespace
    :param clr_namespace: instead of that: the CLR namespace that the class has in .NET
    :param known_types: types that may stand where this one is declared (``[KnownType]``), or a
        function that returns them
    :param keep_unknown: keep members that the class does not have, and write them again
        (``IExtensibleDataObject``)
    :param struct: it is a struct in .NET: there is no null of it, and where there is no value
        stands an object of nothing but defaults
    :param is_reference: an object that is met again is referred to, so that cycles can be written
        (``IsReference``); derived classes inherit it, and an object is equal to itself only
    :returns: the class, or a decorator
    :raises InvalidDataContract: it is both a struct and a reference
    """

    def decorate(decorated: type[T]) -> type[T]:
        bases = map(info_of, decorated.__mro__[1:])
        by_reference = is_reference or any(
            isinstance(one, ContractInfo) and one.is_reference for one in bases
        )
        if struct and by_reference:
            raise InvalidDataContract(f"{decorated.__name__}: a struct cannot be a reference")
        info = ContractInfo(
            name,
            _namespace(namespace, clr_namespace),
            known_types,
            keep_unknown,
            struct,
            by_reference,
        )
        if "__dataclass_fields__" not in decorated.__dict__:
            give_defaults(decorated)
            # Comparing what contains itself would not end.
            decorated = dataclass(decorated, eq=not by_reference)
        fill_defaults(decorated)
        setattr(decorated, _ATTRIBUTE, info)
        return decorated

    return decorate if cls is None else decorate(cls)


@overload
def data_contract_enum(cls: E, /) -> E: ...


@overload
def data_contract_enum(
    *,
    name: str | None = None,
    namespace: str | None = None,
    clr_namespace: str = "",
    members: Mapping[str, str] | None = None,
) -> Callable[[E], E]: ...


def data_contract_enum(
    cls: Any = None,
    /,
    *,
    name: str | None = None,
    namespace: str | None = None,
    clr_namespace: str = "",
    members: Mapping[str, str] | None = None,
) -> Any:
    """
    Say how an enumeration looks in XML. A :class:`enum.Flag` is one of ``[Flags]``.

    :param name: its name, if not the class's
    :param namespace: its namespace
    :param clr_namespace: instead of that: the CLR namespace that the type has in .NET
    :param members: names in XML by names in Python, for those that differ (``[EnumMember]``)
    :returns: the class, or a decorator
    :raises InvalidDataContract: there is no such member
    """

    def decorate(decorated: Any) -> Any:
        wire = dict(members or {})
        for key in wire:
            if key not in decorated.__members__:
                raise InvalidDataContract(f"{decorated.__name__} has no member '{key}'")
        info = EnumInfo(name, _namespace(namespace, clr_namespace), wire)
        setattr(decorated, _ATTRIBUTE, info)
        return decorated

    return decorate if cls is None else decorate(cls)


def collection_contract(
    *,
    name: str | None = None,
    namespace: str | None = None,
    clr_namespace: str = "",
    item_name: str | None = None,
    key_name: str | None = None,
    value_name: str | None = None,
) -> Callable[[type[T]], type[T]]:
    """
    Declare a subclass of ``list[…]`` or ``dict[…, …]`` a collection with a name of its own
    (``[CollectionDataContract]``).

    :param name: its name, if not the class's
    :param namespace: its namespace, which its items' elements have, too
    :param clr_namespace: instead of that: the CLR namespace that the type has in .NET
    :param item_name: of the items' elements, if not that of their type
    :param key_name: of a dictionary's keys, if not ``Key``
    :param value_name: of a dictionary's values, if not ``Value``
    :returns: a decorator
    :raises InvalidDataContract: the class is neither a list nor a dictionary
    """

    def decorate(decorated: type[T]) -> type[T]:
        if not issubclass(decorated, list | dict):
            raise InvalidDataContract(f"{decorated.__name__} is neither a list nor a dict")
        uri = _namespace(namespace, clr_namespace)
        info = CollectionInfo(name, uri, item_name, key_name, value_name)
        setattr(decorated, _ATTRIBUTE, info)
        return decorated

    return decorate


def info_of(cls: Any) -> Any:
    """:returns: what a class's own decorator was told, ``None`` if it has none of these."""
    return cls.__dict__.get(_ATTRIBUTE) if isinstance(cls, type) else None


def member_info(of: dataclasses.Field[Any]) -> MemberInfo:
    """:returns: what is said of a dataclass's field."""
    found = of.metadata.get(_KEY)
    return found if isinstance(found, MemberInfo) else MemberInfo()
