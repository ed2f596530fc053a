"""
What a service contract amounts to on the wire: operations, their messages and the names in them.

Pure data: :mod:`netshare.transport.contracts.derivation` makes it, and nothing here reads or
writes a message.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any, get_args

from netshare.transport.contracts.decorators import ANY_ACTION, SessionMode
from netshare.transport.contracts.streams import Stream

__all__ = [
    "ContractDescription",
    "ContractError",
    "FaultDescription",
    "HeaderDescription",
    "MessageDescription",
    "OperationDescription",
    "PartDescription",
]


class ContractError(TypeError):
    """
    A class cannot be a contract, or a service, as it is written.
    """


@dataclass(frozen=True, slots=True)
class PartDescription:
    """
    One element in a body.
    """

    name: str
    namespace: str
    #: The Python type.
    hint: Any
    #: The parameter, further result or member that it is; empty for an operation's result.
    member: str

    @property
    def is_stream(self) -> bool:
        """Whether its content is a stream of bytes."""
        return self.hint is Stream or Stream in get_args(self.hint)


@dataclass(frozen=True, slots=True)
class HeaderDescription:
    """
    A member of a message contract that is a header.
    """

    name: str
    namespace: str
    hint: Any
    member: str
    must_understand: bool
    #: Whether the member is a list whose items are a header each.
    array: bool = False
    #: Whether such a list may be None, which it then is when there is no header.
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MessageDescription:
    """
    A request or a reply.
    """

    #: ``*``: none in particular.
    action: str
    #: The element around the parts; None: there is none.
    wrapper: tuple[str, str] | None
    parts: tuple[PartDescription, ...]
    headers: tuple[HeaderDescription, ...] = ()
    #: The message contract, where there is one.
    type: Any = None
    #: The message is passed as it is.
    untyped: bool = False
    #: Where the message is XmlSerializer's: the namespace of types that say none. None: it is
    #: DataContractSerializer's.
    xml_namespace: str | None = None
    #: The part that is a stream, where there is one. Every call asks for it.
    stream: PartDescription | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        stream = next((part for part in self.parts if part.is_stream), None)
        object.__setattr__(self, "stream", stream)


@dataclass(frozen=True, slots=True)
class FaultDescription:
    """
    A declared fault. Names that are None are those of the detail's data contract.
    """

    detail: Any
    action: str
    name: str | None
    namespace: str | None


@dataclass(frozen=True, slots=True, eq=False)
class OperationDescription:
    """
    An operation. Every call looks something up by it: each is equal to itself only.
    """

    name: str
    #: What the method is called in Python.
    method: str
    request: MessageDescription
    #: None: the operation is one-way.
    reply: MessageDescription | None
    parameters: inspect.Signature
    is_initiating: bool
    is_terminating: bool
    faults: tuple[FaultDescription, ...]
    known_types: tuple[Any, ...]

    @property
    def one_way(self) -> bool:
        """Whether there is no reply."""
        return self.reply is None


@dataclass(frozen=True, slots=True)
class ContractDescription:
    """
    A service contract.
    """

    name: str
    namespace: str
    type: type
    session_mode: SessionMode
    operations: tuple[OperationDescription, ...]
    #: What the service may call on its client.
    callback: ContractDescription | None
    _by_action: dict[str | None, OperationDescription] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        actions = {one.request.action: one for one in self.operations}
        object.__setattr__(self, "_by_action", actions)

    def operation_for(self, action: str | None) -> OperationDescription | None:
        """
        :param action: of a request
        :returns: the operation that takes it
        """
        return self._by_action.get(action) or self._by_action.get(ANY_ACTION)
