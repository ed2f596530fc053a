"""
From annotations to contracts.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from netshare.transport.datacontracts.classes import ClassContract, Layer, Member
from netshare.transport.datacontracts.declarations import (
    CollectionInfo,
    ContractInfo,
    EnumInfo,
    info_of,
    member_info,
)
from netshare.transport.datacontracts.defaults import DEFAULT, find_defaults_with, own_annotations
from netshare.transport.datacontracts.enums import EnumContract
from netshare.transport.datacontracts.errors import InvalidDataContract
from netshare.transport.datacontracts.naming import (
    ARRAYS,
    collection_namespace,
    generic_name,
    pair_name,
)
from netshare.transport.datacontracts.offsets import DateTimeOffset
from netshare.transport.datacontracts.scalars import Scalar, scalar_of_hint
from netshare.transport.datacontracts.sequences import DictContract, ListContract, SetContract
from netshare.transport.datacontracts.serializable import SerializableContract, SerializationInfo
from netshare.transport.datacontracts.simple import (
    DBNull,
    DBNullContract,
    NullableContract,
    ObjectContract,
    OffsetContract,
    ScalarContract,
)
from netshare.transport.datacontracts.tuples import ValueTupleMark, tuple_contract
from netshare.transport.datacontracts.types import TypeContract
from netshare.transport.datacontracts.unsupported import instead_of
from netshare.transport.datacontracts.xmlcontent import (
    XmlContent,
    XmlContentContract,
    XmlElement,
    XmlElementContract,
)
from netshare.transport.xml import encode_name

__all__ = ["contract_of", "member_defaults"]

_LISTS: Final = (
    list,
    tuple,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Iterable,
    collections.abc.Collection,
)
_SETS: Final = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
_DICTS: Final = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_OBJECT: Final = ObjectContract()
_OFFSET: Final = OffsetContract()
_contracts: dict[Any, TypeContract] = {}
_defaults: dict[Any, dict[str, Callable[[], Any]]] = {}


def contract_of(hint: Any) -> TypeContract:
    """
    :param hint: an annotation
    :returns: its contract, the same each time
    :raises InvalidDataContract: nothing in XML corresponds to it
    """
    try:
        found = _contracts.get(hint)
    except TypeError:
        raise InvalidDataContract(f"{hint!r} is no type") from None
    if found is None:
        before = set(_contracts)
        try:
            found = _contracts[hint] = _resolve(hint)
        except BaseException:
            # What was made on the way may be incomplete.
            for key in set(_contracts) - before:
                del _contracts[key]
            raise
    return found


def _resolve(hint: Any) -> TypeContract:
    if hint is object or hint is Any:
        return _OBJECT
    if hint is DateTimeOffset:
        return _OFFSET
    scalar = scalar_of_hint(hint)
    if scalar is not None:
        return ScalarContract(scalar)
    origin = get_origin(hint)
    if origin is Annotated:
        for note in hint.__metadata__:
            if isinstance(note, Scalar):
                return ScalarContract(note)
            if note is ValueTupleMark:
                items = [contract_of(a) for a in get_args(hint.__origin__)]
                return tuple_contract(items, value_type=True)
        return contract_of(hint.__origin__)
    if origin is Union or origin is types.UnionType:
        return _union(hint)
    if isinstance(hint, typing.NewType):
        return contract_of(hint.__supertype__)
    if sys.version_info >= (3, 12) and isinstance(hint, typing.TypeAliasType):
        return contract_of(hint.__value__)
    if (hint is tuple or origin is tuple) and Ellipsis not in get_args(hint) and get_args(hint):
        return tuple_contract([contract_of(a) for a in get_args(hint)], value_type=False)
    if hint in _LISTS or origin in _LISTS:
        return _list(hint)
    if hint in _SETS or origin in _SETS:
        item = contract_of((*get_args(hint), object)[0])
        return SetContract("ArrayOf" + item.name, collection_namespace(item), item)
    if hint in _DICTS or origin in _DICTS:
        return _dict(hint)
    cls = origin or hint
    if isinstance(cls, type):
        if issubclass(cls, enum.Enum):
            info = info_of(cls)
            return EnumContract(cls, info if isinstance(info, EnumInfo) else EnumInfo())
        if cls is XmlElement:
            return XmlElementContract()
        if cls is DBNull:
            return DBNullContract()
        if issubclass(cls, XmlContent):
            return XmlContentContract(cls)
        if issubclass(cls, SerializationInfo):
            return SerializableContract(cls, _OBJECT)
        if issubclass(cls, list | dict):
            return _collection(cls, get_args(hint))
        if dataclasses.is_dataclass(cls):
            return _class(hint, cls, get_args(hint))
        instead = instead_of(cls)
        if instead is not None:
            raise InvalidDataContract(
                f"{cls.__qualname__} is no type that a data contract can have; {instead}"
            )
    raise InvalidDataContract(
        f"{getattr(hint, '__qualname__', hint)!s} is no type that a data contract can have; "
        "classes have to be dataclasses, best declared with @data_contract"
    )


def _union(hint: Any) -> TypeContract:
    options = [option for option in get_args(hint) if option is not type(None)]
    if len(options) > 1:
        # DateTime | datetime.datetime: what may be given, for type checkers.
        scalars = [scalar_of_hint(option) for option in options]
        if scalars[0] is not None and all(one is scalars[0] for one in scalars):
            options = options[:1]
    if len(options) != 1:
        raise InvalidDataContract(f"{hint}: of unions only those with None have a meaning here")
    inner = contract_of(options[0])
    return inner if inner.nullable else NullableContract(inner, generic_name("Nullable", [inner]))


def _list(hint: Any) -> TypeContract:
    arguments = get_args(hint)
    item = contract_of(arguments[0] if arguments else object)
    return _list_contract(item, None, None)


def _list_contract(
    item: TypeContract, cls: type[Any] | None, info: CollectionInfo | None
) -> TypeContract:
    if cls is None:
        cls = list
    item_name = item.bare.name
    if info is None:
        return ListContract("ArrayOf" + item.name, collection_namespace(item), item, item_name, cls)
    return ListContract(
        encode_name(info.name or cls.__name__),
        info.namespace,
        item,
        encode_name(info.item_name or item_name),
        cls,
    )


def _dict(hint: Any) -> TypeContract:
    arguments = get_args(hint) or (object, object)
    return _dict_contract(contract_of(arguments[0]), contract_of(arguments[1]), dict, None)


def _dict_contract(
    key: TypeContract, value: TypeContract, cls: type[Any], info: CollectionInfo | None
) -> TypeContract:
    pair = pair_name(key, value)
    if info is None:
        return DictContract("ArrayOf" + pair, ARRAYS, key, value, (pair, "Key", "Value"), cls)
    names = (
        encode_name(info.item_name or pair),
        encode_name(info.key_name or "Key"),
        encode_name(info.value_name or "Value"),
    )
    name = encode_name(info.name or cls.__name__)
    return DictContract(name, info.namespace, key, value, names, cls)


def _collection(cls: type[Any], arguments: tuple[Any, ...]) -> TypeContract:
    """:returns: the contract of a subclass of list or dict."""
    info = info_of(cls)
    if not isinstance(info, CollectionInfo):
        info = None
    is_list = issubclass(cls, list)
    inner: tuple[Any, ...] = (object,) if is_list else (object, object)
    for base in getattr(cls, "__orig_bases__", ()):
        origin = get_origin(base)
        if isinstance(origin, type) and issubclass(origin, list | dict):
            inner = get_args(base)
            parameters = getattr(cls, "__parameters__", ())
            bound = dict(zip(parameters, arguments, strict=False))
            inner = tuple(_substitute(hint, bound) for hint in inner)
    contracts = [contract_of(hint) for hint in inner]
    if info is not None and arguments:
        name = generic_name(info.name or cls.__name__, [contract_of(a) for a in arguments])
        info = dataclasses.replace(info, name=name)
    if is_list:
        return _list_contract(contracts[0], cls, info)
    return _dict_contract(contracts[0], contracts[1], cls, info)


def _substitute(hint: Any, bound: Mapping[Any, Any]) -> Any:
    """:returns: an annotation with type variables replaced."""
    if isinstance(hint, TypeVar):
        if hint not in bound:
            raise InvalidDataContract(f"a generic class needs its type argument {hint}")
        return bound[hint]
    parameters = getattr(hint, "__parameters__", ())
    if bound and parameters and not isinstance(hint, type):
        return hint[tuple(bound.get(p, p) for p in parameters)]
    return hint


def _class(hint: Any, cls: type[Any], arguments: tuple[Any, ...]) -> TypeContract:
    info = info_of(cls)
    if not isinstance(info, ContractInfo):
        info = ContractInfo()
    name = info.name or cls.__name__
    parameters = getattr(cls, "__parameters__", ())
    if parameters and not arguments:
        raise InvalidDataContract(f"{name} is generic; say of what, as in {name}[int]")
    if arguments:
        name = generic_name(name, [contract_of(a) for a in arguments])
    contract = ClassContract(hint, cls, encode_name(name), info)
    # Members may be of this very type.
    _contracts[hint] = contract
    contract.compile(*_members(cls, dict(zip(parameters, arguments, strict=True))))
    if contract.is_struct and _contains(contract, contract):
        raise InvalidDataContract(f"{name} is a struct and cannot contain itself")
    return contract


def _contains(struct: TypeContract, searched: TypeContract) -> bool:
    return any(
        part is searched or _contains(part, searched) for part in struct.parts() if part.is_struct
    )


def _members(cls: type[Any], bound: dict[Any, Any]) -> tuple[list[Layer], dict[str, Any]]:
    """:returns: the members of each class in the line, and values of what is no member."""
    layers: list[Layer] = []
    others: dict[str, Any] = {}
    done: set[str] = set()
    for base, variables in _line(cls, bound):
        info = info_of(base)
        namespace = info.namespace if isinstance(info, ContractInfo) else ContractInfo().namespace
        hints = _hints(base)
        members: list[Member] = []
        for field in dataclasses.fields(base):
            if field.name in done:
                continue
            done.add(field.name)
            said = member_info(field)
            if said.ignored:
                others[field.name] = _plain_default(field)
                continue
            try:
                contract = contract_of(_substitute(hints[field.name], variables))
            except InvalidDataContract as error:
                raise InvalidDataContract(f"{base.__name__}.{field.name}: {error}") from None
            members.append(
                Member(
                    field.name,
                    encode_name(said.name or field.name),
                    contract,
                    said.order,
                    said.required,
                    said.emit_default,
                )
            )
        layers.append(Layer(namespace, members))
    return layers, others


def _plain_default(field: dataclasses.Field[Any]) -> Any:
    return None if field.default in (dataclasses.MISSING, DEFAULT) else field.default


def _line(cls: type[Any], bound: dict[Any, Any]) -> list[tuple[type[Any], dict[Any, Any]]]:
    """:returns: the dataclasses from the base inwards, each with its type variables' values."""
    line: list[tuple[type[Any], dict[Any, Any]]] = []
    values: dict[type[Any], dict[Any, Any]] = {cls: bound}
    for base in cls.__mro__:
        variables = values.get(base, {})
        for alias in getattr(base, "__orig_bases__", ()):
            origin = get_origin(alias)
            parameters = getattr(origin, "__parameters__", ())
            if isinstance(origin, type) and parameters:
                arguments = [_substitute(a, variables) for a in get_args(alias)]
                values[origin] = dict(zip(parameters, arguments, strict=False))
        if dataclasses.is_dataclass(base) and "__dataclass_fields__" in base.__dict__:
            line.append((base, variables))
    return line[::-1]


def _hints(cls: type[Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, localns={cls.__name__: cls}, include_extras=True)
    except NameError as error:
        raise InvalidDataContract(
            f"{cls.__name__}: {error}; the types of members have to be found in the module"
        ) from None


def member_defaults(hint: Any) -> dict[str, Callable[[], Any]]:
    """
    :param hint: a data contract; a generic one with its arguments, or without
    :returns: for each field what makes the value that a constructor gives it in .NET
    """
    found = _defaults.get(hint)
    if found is None:
        found = {}
        cls = get_origin(hint) or hint
        bound = dict(zip(getattr(cls, "__parameters__", ()), get_args(hint), strict=False))
        for base, variables in _line(cls, bound):
            hints, own = _hints(base), own_annotations(base)
            for field in dataclasses.fields(base):
                if field.name not in found or field.name in own:
                    found[field.name] = _default_of(field, hints[field.name], variables)
        _defaults[hint] = found
    return found


def _default_of(
    field: dataclasses.Field[Any], hint: Any, variables: Mapping[Any, Any]
) -> Callable[[], Any]:
    # Only simple types and structs have other defaults than None; nothing else is resolved here.
    try:
        contract = None if member_info(field).ignored else contract_of(_substitute(hint, variables))
    except InvalidDataContract:
        contract = None
    return lambda: None if contract is None else contract.default


find_defaults_with(member_defaults)
