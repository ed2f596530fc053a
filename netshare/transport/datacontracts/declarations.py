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
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any, Final, TypeAlias, TypeVar, dataclass_transform, overload

from netshare.transport.datacontracts.errors import InvalidDataContract

if sys.version_info >= (3, 14):
    import annotationlib

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
    "on_deserialized",
    "on_serializing",
]

T = TypeVar("T")
E = TypeVar("E", bound=type[enum.Enum])
F = TypeVar("F", bound=Callable[..., object])
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


class _Default:
    """Stands for: the default of the member's type."""

    def __repr__(self) -> str:
        return "<default>"


DEFAULT: Final[Any] = _Default()


#: From a class, or a generic one with its arguments, to what makes the defaults of its fields.
DefaultsFinder: TypeAlias = Callable[[Any], Mapping[str, Callable[[], Any]]]
_find_defaults: DefaultsFinder


def find_defaults_with(finder: DefaultsFinder) -> None:
    """
    Name what finds the defaults of a class's fields. It has to resolve annotations, which this
    module, below all that does so, cannot.

    :param finder: called with a class when its first object is made
    """
    global _find_defaults
    _find_defaults = finder


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


#: What :func:`on_serializing` and :func:`on_deserialized` leave on a method.
_HOOK: Final = "__netshare_hook__"
SERIALIZING: Final = "serializing"
DESERIALIZED: Final = "deserialized"


def on_serializing(method: F) -> F:
    """
    Call a method of a data contract, without arguments, before an object is written
    (``[OnSerializing]``).

    :param method: what it raises is the sender's ``UnencodableValue``
    """
    setattr(method, _HOOK, SERIALIZING)
    return method


def on_deserialized(method: F) -> F:
    """
    Call a method of a data contract, without arguments, when an object has been read, which no
    constructor made (``[OnDeserialized]``).

    :param method: what it raises is the receiver's ``DeserializationFailed``
    """
    setattr(method, _HOOK, DESERIALIZED)
    return method


def hooks_of(cls: type[Any], kind: str) -> list[Callable[[Any], object]]:
    """:returns: the methods to call, those of the base class first."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if getattr(value, _HOOK, None) == kind:
                found[f"{base.__qualname__}.{name}"] = value
    return list(found.values())


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
            _give_defaults(decorated)
            # Comparing what contains itself would not end.
            decorated = dataclass(decorated, eq=not by_reference)
        _fill_defaults(decorated)
        setattr(decorated, _ATTRIBUTE, info)
        return decorated

    return decorate if cls is None else decorate(cls)


def own_annotations(cls: type[Any]) -> list[str]:
    """:returns: the names a class has annotations for, whatever stands in these."""
    if sys.version_info >= (3, 14):
        return list(annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF))
    return list(inspect.get_annotations(cls))


def _give_defaults(cls: type[Any]) -> None:
    """Give every field a default, so that they can stand in any order."""
    for name in own_annotations(cls):
        if name not in cls.__dict__:
            setattr(cls, name, field(default=DEFAULT))


def _fill_defaults(cls: type[Any]) -> None:
    """Make the constructor put the types' defaults where nothing else was given."""
    names = [f.name for f in dataclasses.fields(cls) if f.default is DEFAULT]
    if not names:
        return
    original = cls.__init__
    generic = bool(getattr(cls, "__parameters__", ()))

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        defaults = None
        missing = []
        for name in names:
            if getattr(self, name) is DEFAULT:
                if defaults is None:
                    defaults = _find_defaults(cls)
                object.__setattr__(self, name, defaults[name]())
                missing.append(name)
        if generic and missing and type(self) is cls:
            object.__setattr__(self, _MISSING, missing)

    __init__.__wrapped__ = original  # type: ignore[attr-defined]
    cls.__init__ = __init__
    if generic and "__slots__" not in cls.__dict__:
        cls.__orig_class__ = property(_made_as, _make_as)


#: Attributes of an object of a generic class: what it was made as, and fields with defaults.
_MADE_AS: Final = "__made_as__"
_MISSING: Final = "__missing_fields__"


def _made_as(self: Any) -> Any:
    try:
        return self.__dict__[_MADE_AS]
    except KeyError:
        raise AttributeError("__orig_class__") from None


def _make_as(self: Any, made_as: Any) -> None:
    """
    Note what an object was made as: ``Result[int]()`` sets ``__orig_class__`` when the
    constructor is through, and only now the type variables' defaults can be told.
    """
    self.__dict__[_MADE_AS] = made_as
    missing = self.__dict__.pop(_MISSING, ())
    if missing:
        defaults = _find_defaults(made_as)
        for name in missing:
            object.__setattr__(self, name, defaults[name]())


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
