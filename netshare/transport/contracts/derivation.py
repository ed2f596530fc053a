"""
From the decorators' notes to descriptions, with the names that WCF derives.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import operator
import types
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from twisted.internet.defer import Deferred

from netshare.transport.contracts.decorators import (
    CONTRACT_NOTE,
    MESSAGE_NOTE,
    OPERATION_NOTE,
    PART_NOTE,
    XML_FORMAT_NOTE,
    ContractNote,
    FaultContract,
    MessageNote,
    OperationNote,
    PartNote,
    SessionMode,
)
from netshare.transport.contracts.description import (
    ContractDescription,
    ContractError,
    FaultDescription,
    HeaderDescription,
    MessageDescription,
    OperationDescription,
    PartDescription,
)
from netshare.transport.datacontracts.errors import InvalidDataContract
from netshare.transport.datacontracts.resolver import contract_of
from netshare.transport.soap import Message
from netshare.transport.xml import decode_name, encode_name

__all__ = ["describe", "describe_callback"]

_AWAITED = (Deferred, collections.abc.Awaitable, collections.abc.Coroutine)


@functools.cache
def describe(contract: type) -> ContractDescription:
    """
    The description of a service contract.

    :param contract: a class with :func:`~netshare.transport.contracts.decorators.service_contract`
    :raises ContractError: it cannot be one
    """
    note = _note(contract)
    name = encode_name(note.name or contract.__name__)
    operations = tuple(_operations(contract, None))
    if not operations:
        raise ContractError(f"{contract.__name__} has no @operation")
    callback = None
    if note.callback is not None:
        callback = describe_callback(note.callback, name, note.namespace)
    return ContractDescription(
        name, note.namespace, contract, note.session_mode, operations, callback
    )


@functools.cache
def describe_callback(callback: type, name: str, namespace: str) -> ContractDescription:
    """
    The description of a callback contract, whose names follow the service contract's.

    :param name: the service contract's
    :param namespace: the service contract's
    :raises ContractError: it cannot be one
    """
    operations = tuple(_operations(callback, (name, namespace)))
    if not operations:
        raise ContractError(f"{callback.__name__} has no @operation")
    return ContractDescription(name, namespace, callback, SessionMode.ALLOWED, operations, None)


def _note(contract: type) -> ContractNote:
    note = vars(contract).get(CONTRACT_NOTE)
    if not isinstance(note, ContractNote):
        raise ContractError(
            f"{contract.__name__} is no service contract: it needs @service_contract"
        )
    return note


def _operations(
    contract: type, names: tuple[str, str] | None
) -> collections.abc.Iterator[OperationDescription]:
    """In the order in which they are written, inherited ones first, with their own names."""
    methods: dict[str, type] = {}
    for cls in reversed(contract.__mro__):
        for method, function in vars(cls).items():
            if hasattr(function, OPERATION_NOTE):
                methods[method] = cls
    actions: dict[str, str] = {}
    for method, cls in methods.items():
        if names is None:
            note = vars(cls).get(CONTRACT_NOTE) or _note(contract)
            name, namespace = encode_name(note.name or cls.__name__), note.namespace
        else:
            name, namespace = names
        operation = _describe_operation(cls, method, name, namespace)
        action = operation.request.action
        if action in actions:
            raise ContractError(
                f"{contract.__name__}: {actions[action]} and {method} have the same action "
                f"{action!r}; give one of them a name= or an action="
            )
        actions[action] = method
        yield operation


def _describe_operation(
    cls: type, method: str, contract: str, namespace: str
) -> OperationDescription:
    function = vars(cls)[method]
    where = f"{cls.__name__}.{method}"
    note: OperationNote = getattr(function, OPERATION_NOTE)
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ContractError(f"{where}: an annotation cannot be resolved: {error}") from None
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[1:]
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ContractError(f"{where}: an operation has no parameter like {parameter}")
        if parameter.name not in hints:
            raise ContractError(f"{where}: the parameter {parameter.name} has no annotation")
    if "return" not in hints and not note.one_way:
        raise ContractError(f"{where}: the result has no annotation (-> None for none)")

    result, awaited = _awaited(hints.get("return", type(None)))
    if note.one_way and (result is not type(None) or note.out or note.faults):
        raise ContractError(f"{where}: a one-way operation has no result and no fault")
    name = note.name
    if name is None:
        awaited = awaited or inspect.iscoroutinefunction(function)
        name = method.removesuffix("Async") or method if awaited else method

    unknown = set(note.names) - {p.name for p in parameters} - set(note.out)
    if unknown:
        raise ContractError(f"{where}: names= is for parameters, and none is {unknown.pop()!r}")
    names = _Names(where, contract, namespace, encode_name(name), note)
    given = [(p.name, hints[p.name]) for p in parameters]
    request = names.request(given)
    reply = None if note.one_way else names.reply(result, dict(given))
    if getattr(function, XML_FORMAT_NOTE, False) or getattr(cls, XML_FORMAT_NOTE, False):
        request = dataclasses.replace(request, xml_namespace=namespace)
        reply = None if reply is None else dataclasses.replace(reply, xml_namespace=namespace)
    faults = tuple(names.fault(declared) for declared in note.faults)
    return OperationDescription(
        name,
        method,
        request,
        reply,
        signature.replace(parameters=parameters, return_annotation=signature.empty),
        note.is_initiating,
        note.is_terminating,
        faults,
        note.known_types,
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """Where an operation is, for the names that its messages derive from that."""

    where: str
    contract: str
    namespace: str
    operation: str
    note: OperationNote

    def action(self, suffix: str = "") -> str:
        """
        ``{namespace}/{contract}/{operation}``, with one slash between; [WCF: NamingHelper]. The
        operation's name is in it as it is said in C#, and not as it is written in XML.
        """
        base = self.namespace or "urn:"
        slash = "" if base.endswith("/") or not self.namespace else "/"
        return f"{base}{slash}{self.contract}/{decode_name(self.operation)}{suffix}"

    def request(self, given: list[tuple[str, Any]]) -> MessageDescription:
        action = self.note.action if self.note.action is not None else self.action()
        if len(given) == 1:
            whole = self.whole(given[0][1], action)
            if whole is not None:
                return whole
        parts = tuple(self.part(name, hint) for name, hint in given)
        return self.wrapped(action, self.operation, parts)

    def reply(self, result: Any, given: dict[str, Any]) -> MessageDescription:
        note = self.note
        action = note.reply_action if note.reply_action is not None else self.action("Response")
        whole = self.whole(result, action)
        if whole is not None and not note.out:
            return whole
        results = self.results(result)
        parts = []
        if len(results) == len(note.out) + 1:
            own = results.pop(0)
            if own is not type(None):
                name = encode_name(note.result_name or f"{self.operation}Result")
                parts.append(PartDescription(name, self.namespace, own, ""))
        if len(results) != len(note.out):
            raise ContractError(
                f"{self.where}: out= names {len(note.out)} results, so the method returns a tuple "
                f"of {len(note.out) + 1}, or of {len(note.out)} when it is void in C#"
            )
        for name, hint in zip(note.out, results, strict=True):
            if name in given and given[name] != hint:
                raise ContractError(f"{self.where}: {name} is of another type among the results")
            parts.append(self.part(name, hint))
        return self.wrapped(action, f"{self.operation}Response", tuple(parts))

    def results(self, result: Any) -> list[Any]:
        if self.note.out and get_origin(result) is tuple and Ellipsis not in get_args(result):
            return list(get_args(result))
        if self.note.out and (result is tuple or get_origin(result) is tuple):
            raise ContractError(
                f"{self.where}: out= needs the types of all results, such as tuple[bool, int]"
            )
        return [result]

    def part(self, name: str, hint: Any) -> PartDescription:
        if hint is Message or hasattr(hint, MESSAGE_NOTE):
            raise ContractError(
                f"{self.where}: a message, or a message contract, is the only parameter, or the "
                "only result"
            )
        said = encode_name(self.note.names.get(name, name))
        return PartDescription(said, self.namespace, hint, name)

    def wrapped(
        self, action: str, wrapper: str, parts: tuple[PartDescription, ...]
    ) -> MessageDescription:
        self.check(parts)
        return MessageDescription(action, (wrapper, self.namespace), parts)

    def check(self, parts: tuple[PartDescription, ...]) -> None:
        names = [(part.name, part.namespace) for part in parts]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ContractError(f"{self.where}: two elements of a message are called {twice[0]!r}")
        if len(parts) > 1 and any(part.is_stream for part in parts):
            raise ContractError(f"{self.where}: a stream is alone in its body")

    def whole(self, hint: Any, action: str) -> MessageDescription | None:
        """The description of a message that is described by one type, None if it is not."""
        if hint is Message:
            return MessageDescription(action, None, (), untyped=True)
        note = getattr(hint, MESSAGE_NOTE, None)
        if not isinstance(note, MessageNote):
            return None
        headers: list[HeaderDescription] = []
        members: list[tuple[tuple[int, int, str], PartDescription]] = []
        hints = get_type_hints(hint, include_extras=True)
        for member in dataclasses.fields(hint):
            kind = member.metadata.get(PART_NOTE)
            if not isinstance(kind, PartNote):
                raise ContractError(
                    f"{hint.__name__}.{member.name}: a message contract's member is a header() or "
                    "a body()"
                )
            name = encode_name(kind.name or member.name)
            namespace = self.namespace if kind.namespace is None else kind.namespace
            of_type = hints[member.name]
            if kind.is_header:
                optional = kind.array and type(None) in get_args(of_type)
                if kind.array:
                    of_type = self.item_of(of_type, f"{hint.__name__}.{member.name}")
                headers.append(
                    HeaderDescription(
                        name,
                        namespace,
                        of_type,
                        member.name,
                        kind.must_understand,
                        kind.array,
                        optional,
                    )
                )
            else:
                order = (0, 0, name) if kind.order is None else (1, kind.order, name)
                members.append((order, PartDescription(name, namespace, of_type, member.name)))
        parts = tuple(part for _, part in sorted(members, key=lambda one: one[0]))
        heads = [(head.name, head.namespace) for head in headers]
        if len(set(heads)) < len(heads):
            raise ContractError(f"{hint.__name__}: two headers have the same name")
        self.check(parts)
        wrapper = None
        if note.wrapped:
            ns = note.wrapper_namespace
            name = encode_name(note.wrapper_name or hint.__name__)
            wrapper = (name, self.namespace if ns is None else ns)
        return MessageDescription(action, wrapper, parts, tuple(headers), hint)

    def item_of(self, hint: Any, where: str) -> Any:
        """:returns: the type of the items of a member that is several headers."""
        for option in get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,):
            if get_origin(option) in (list, collections.abc.Sequence):
                return get_args(option)[0]
        raise ContractError(f"{where}: header(array=True) is for a list, such as list[int]")

    def fault(self, declared: Any) -> FaultDescription:
        if not isinstance(declared, FaultContract):
            declared = FaultContract(declared)
        action = declared.action
        if action is None:
            try:
                action = self.action(declared.name or f"{_clr_name(declared.detail)}Fault")
            except InvalidDataContract as error:
                raise ContractError(f"{self.where}: faults: {error}") from None
        name = None if declared.name is None else encode_name(declared.name)
        return FaultDescription(declared.detail, action, name, declared.namespace)


#: What a collection is called in .NET; a list counts as an array.
_COLLECTIONS = {dict: "Dictionary", set: "HashSet", frozenset: "HashSet", tuple: "Tuple"}


def _clr_name(detail: Any) -> str:
    """The name that a type has in a fault's action. [WCF: NamingHelper.TypeName]"""
    origin, arguments = get_origin(detail), get_args(detail)
    if origin is list or (origin is tuple and Ellipsis in arguments):
        return f"ArrayOf{_clr_name(arguments[0])}"
    if origin in (Union, types.UnionType):
        return _clr_name(next(one for one in arguments if one is not type(None)))
    name = _COLLECTIONS.get(origin)
    if name is None and isinstance(origin, type) and dataclasses.is_dataclass(origin):
        name = origin.__name__
    if name is not None:
        return f"{name}Of{''.join(f'_{_clr_name(argument)}' for argument in arguments)}"
    if isinstance(detail, type) and dataclasses.is_dataclass(detail):
        return detail.__name__
    return contract_of(detail).clr


def _awaited(hint: Any) -> tuple[Any, bool]:
    """What comes out of a result that has to be awaited, and whether it has."""
    origin = get_origin(hint)
    if hint in _AWAITED:
        return type(None), True
    if origin in _AWAITED:
        inside = get_args(hint)[-1]
        return type(None) if inside is None else inside, True
    if origin in (Union, types.UnionType):
        # ``int | Deferred[int]``: both kinds of implementation are welcome.
        others = [one for one in get_args(hint) if get_origin(one) not in _AWAITED]
        if len(others) < len(get_args(hint)):
            return functools.reduce(operator.or_, others) if others else type(None), False
    return hint, False
