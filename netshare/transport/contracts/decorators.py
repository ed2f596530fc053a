"""
Service contracts as Python classes: the decorators.

::

    @service_contract(namespace="urn:example:calc")
    class ICalculator:
        @operation
        def Add(self, a: int, b: int) -> int: ...

        @operation(out=("remainder",))
        def Divide(self, a: int, b: int) -> tuple[int, int]: ...

        @operation(one_way=True)
        def Note(self, text: str) -> None: ...

The names on the wire are those that WCF derives from the same C# interface; each can be given.
A C# method's ``out`` and ``ref`` parameters are further results in Python: ``out`` names them, in
C#'s order, and the method returns a tuple, first the result if it is not void, then these. A name
that is also a parameter of the method is a ``ref`` parameter.

The decorators only leave a note on what they decorate, so that classes and methods stay what they
are. What the notes amount to is in :mod:`netshare.transport.contracts.description`.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar, dataclass_transform, overload

__all__ = [
    "ANY_ACTION",
    "FaultContract",
    "SessionMode",
    "body",
    "fault",
    "header",
    "message_contract",
    "operation",
    "service_contract",
    "xml_serializer_format",
]

T = TypeVar("T", bound=type)
D = TypeVar("D", bound=Callable[..., Any])
F = TypeVar("F", bound=Callable[..., Any])

#: The action of an operation that takes every message which no other operation takes.
ANY_ACTION = "*"

#: WCF's namespace for contracts that name none.
DEFAULT_NAMESPACE = "http://tempuri.org/"

CONTRACT_NOTE = "__netshare_contract__"
OPERATION_NOTE = "__netshare_operation__"
MESSAGE_NOTE = "__netshare_message__"
PART_NOTE = "netshare"
XML_FORMAT_NOTE = "__netshare_xml_format__"


class SessionMode(Enum):
    """Whether a contract needs a session, which with NetTcpBinding a buffered channel has."""

    ALLOWED = "Allowed"
    REQUIRED = "Required"
    NOT_ALLOWED = "NotAllowed"


@dataclass(frozen=True, slots=True)
class FaultContract:
    """
    A declared fault, where the names that WCF derives will not do; see :func:`fault`.
    """

    detail: Any
    action: str | None = None
    name: str | None = None
    namespace: str | None = None


def fault(
    detail: Any, *, action: str | None = None, name: str | None = None, namespace: str | None = None
) -> FaultContract:
    """
    Declare a fault of an operation, for its ``faults``. (FaultContractAttribute)

    :param detail: the type of the detail, a data contract
    :param action: the fault message's action; None: ``{ns}/{contract}/{operation}`` and the name,
        or without one the name of the detail's type and ``Fault``
    :param name: of the fault, and of the detail's element; None: the data contract's
    :param namespace: of the detail's element; None: that of the data contract
    """
    return FaultContract(detail, action, name, namespace)


@dataclass(frozen=True, slots=True)
class ContractNote:
    """What :func:`service_contract` was told."""

    name: str | None
    namespace: str
    callback: type | None
    session_mode: SessionMode


@dataclass(frozen=True, slots=True)
class OperationNote:
    """What :func:`operation` was told."""

    name: str | None = None
    action: str | None = None
    reply_action: str | None = None
    one_way: bool = False
    is_initiating: bool = True
    is_terminating: bool = False
    out: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    result_name: str | None = None
    faults: tuple[Any, ...] = ()
    known_types: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageNote:
    """What :func:`message_contract` was told."""

    wrapped: bool
    wrapper_name: str | None
    wrapper_namespace: str | None


@dataclass(frozen=True, slots=True)
class PartNote:
    """What :func:`header` or :func:`body` was told."""

    is_header: bool
    name: str | None
    namespace: str | None
    must_understand: bool = False
    order: int | None = None
    array: bool = False


@overload
def service_contract(cls: T, /) -> T: ...
@overload
def service_contract(
    *,
    name: str | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    callback: type | None = None,
    session_mode: SessionMode = SessionMode.ALLOWED,
) -> Callable[[T], T]: ...
def service_contract(
    cls: T | None = None,
    /,
    *,
    name: str | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    callback: type | None = None,
    session_mode: SessionMode = SessionMode.ALLOWED,
) -> T | Callable[[T], T]:
    """
    Make a class a service contract. (ServiceContractAttribute)

    :param name: None: the name of the class
    :param namespace: of the operations' elements, and the beginning of their actions
    :param callback: the class whose operations the service may call on its client
    :param session_mode: whether the contract needs a session
    """
    note = ContractNote(name, namespace, callback, session_mode)

    def decorate(cls: T) -> T:
        setattr(cls, CONTRACT_NOTE, note)
        return cls

    return decorate if cls is None else decorate(cls)


@overload
def operation(method: F, /) -> F: ...
@overload
def operation(
    *,
    name: str | None = None,
    action: str | None = None,
    reply_action: str | None = None,
    one_way: bool = False,
    is_initiating: bool = True,
    is_terminating: bool = False,
    out: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    result_name: str | None = None,
    faults: Sequence[Any] = (),
    known_types: Sequence[Any] = (),
) -> Callable[[F], F]: ...
def operation(
    method: F | None = None,
    /,
    *,
    name: str | None = None,
    action: str | None = None,
    reply_action: str | None = None,
    one_way: bool = False,
    is_initiating: bool = True,
    is_terminating: bool = False,
    out: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    result_name: str | None = None,
    faults: Sequence[Any] = (),
    known_types: Sequence[Any] = (),
) -> F | Callable[[F], F]:
    """
    Make a method an operation of its contract. (OperationContractAttribute)

    :param name: None: the name of the method; of one that is awaited (``async def``, or with a
        Deferred or Awaitable as result) without ``Async`` at its end
    :param action: of the request; ``"*"``: any that no other operation has
    :param reply_action: of the reply
    :param one_way: there is no reply, and no fault
    :param is_initiating: whether it may be the first of a session
    :param is_terminating: whether it is the last of a session
    :param out: names of the further results, see the module
    :param names: the names on the wire of parameters that differ from Python's
        (MessageParameterAttribute)
    :param result_name: the name on the wire of the result; None: ``{operation}Result``
    :param faults: the declared faults: types of details, or :func:`fault`
    :param known_types: types that may stand where the contract says less, such as ``object``
        (ServiceKnownTypeAttribute)
    """
    for what, value in (("out", out), ("faults", faults), ("known_types", known_types)):
        if isinstance(value, str | type):
            raise TypeError(f"@operation: {what} is a list or tuple, such as {what}=[{value!r}]")
    note = OperationNote(
        name,
        action,
        reply_action,
        one_way,
        is_initiating,
        is_terminating,
        tuple(out),
        dict(names or {}),
        result_name,
        tuple(faults),
        tuple(known_types),
    )

    def decorate(method: F, depth: int = 2) -> F:
        _check_new(method, sys._getframe(depth - 1).f_locals)
        setattr(method, OPERATION_NOTE, note)
        return method

    return decorate if method is None else decorate(method, 3)


def _check_new(method: Any, namespace: Mapping[str, Any]) -> None:
    """
    :param namespace: of the class that is being made, where the method will stand
    :raises TypeError: another operation stands there, which this one would replace
    """
    name = getattr(method, "__name__", "")
    if "__qualname__" in namespace and hasattr(namespace.get(name), OPERATION_NOTE):
        raise TypeError(
            f"{namespace['__qualname__']}: a second {name} would replace the first; overloads "
            'of C# need a method each, and a name on the wire: @operation(name="…")'
        )


def xml_serializer_format(contract: D, /) -> D:
    """
    Make the messages of a contract, of a callback contract or of one operation those of the other
    serializer, whose types are in :mod:`netshare.transport.xmlserializer`. The details of faults
    stay data contracts, as in WCF. (XmlSerializerFormatAttribute)

    :param contract: the class, or the method
    :returns: the same
    """
    setattr(contract, XML_FORMAT_NOTE, True)
    return contract


def header(
    *,
    name: str | None = None,
    namespace: str | None = None,
    must_understand: bool = False,
    array: bool = False,
    default: Any = None,
) -> Any:
    """
    A member of a message contract that travels as a header. (MessageHeaderAttribute)

    :param name: None: the name of the member
    :param namespace: None: that of the service contract
    :param must_understand: whether a receiver that does not know the header has to refuse
    :param array: the member is a list, each of whose items is a header of its own
        (MessageHeaderArrayAttribute)
    :param default: what the member is when it is not given
    """
    note = PartNote(True, name, namespace, must_understand, array=array)
    return dataclasses.field(default=default, metadata={PART_NOTE: note})


def body(
    *,
    name: str | None = None,
    namespace: str | None = None,
    order: int | None = None,
    default: Any = None,
) -> Any:
    """
    A member of a message contract that travels in the body. (MessageBodyMemberAttribute)

    :param order: members without one come first, by name; then those with one, by it
    """
    note = PartNote(False, name, namespace, order=order)
    return dataclasses.field(default=default, metadata={PART_NOTE: note})


@overload
def message_contract(cls: T, /) -> T: ...
@overload
def message_contract(
    *,
    wrapped: bool = True,
    wrapper_name: str | None = None,
    wrapper_namespace: str | None = None,
) -> Callable[[T], T]: ...
@dataclass_transform(field_specifiers=(header, body))
def message_contract(
    cls: T | None = None,
    /,
    *,
    wrapped: bool = True,
    wrapper_name: str | None = None,
    wrapper_namespace: str | None = None,
) -> T | Callable[[T], T]:
    """
    Make a class the whole of a message: a dataclass whose members are :func:`header` or
    :func:`body`. An operation with one as its only parameter, or as its result, sends it in place
    of the usual wrapper. (MessageContractAttribute)

    :param wrapped: whether an element is around the members in the body
    :param wrapper_name: None: the name of the class
    :param wrapper_namespace: None: that of the service contract
    """

    def decorate(cls: T) -> T:
        dataclasses.dataclass(cls)  # changes the class itself
        setattr(cls, MESSAGE_NOTE, MessageNote(wrapped, wrapper_name, wrapper_namespace))
        return cls

    return decorate if cls is None else decorate(cls)
