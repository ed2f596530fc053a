"""
What an operation may know of the call that it serves, and add to its answer.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from netshare.transport.calls.interfaces import ITracedCall
from netshare.transport.calls.slots import Turn
from netshare.transport.security.identity import Identity
from netshare.transport.soap import Message, MessageHeader

__all__ = ["OperationContext", "context_with", "served_here"]

_CURRENT: contextvars.ContextVar[OperationContext] = contextvars.ContextVar("OperationContext")


@dataclass(slots=True)
class OperationContext:
    """
    The call that is being served. :meth:`current` finds it, also after an ``await`` and in a
    thread that the call runs in.
    """

    #: The request, as it came.
    incoming: Message
    #: The address that the client's connection asked for.
    via: str
    #: The client's address (:class:`~twisted.internet.interfaces.IAddress`).
    peer: Any
    #: Of a session, otherwise None.
    session_id: str | None = None
    #: The client's callback contract, as an object to call; None if it has none.
    callback: Any = None
    #: What the upgrade of the stream knows of the client; None without one.
    security: Any = None
    #: The :class:`~netshare.transport.contracts.endpoint.ServiceEndpoint`; None in a callback.
    endpoint: Any = None
    #: The :class:`~.interfaces.IChannel` that the call came through.
    channel: Any = None
    #: The call's turn at its instance; None in a callback.
    turn: Turn | None = None
    #: Follows the call; None: nothing does.
    traced: ITracedCall | None = None
    #: Headers for the reply.
    outgoing_headers: list[MessageHeader] = field(default_factory=list)

    @staticmethod
    def current() -> OperationContext:
        """
        :raises RuntimeError: no call is being served here
        """
        try:
            return _CURRENT.get()
        except LookupError:
            raise RuntimeError("no operation is being served here") from None

    @property
    def identity(self) -> Identity | None:
        """Who the client is; None: it is anonymous."""
        return self.security if isinstance(self.security, Identity) else None

    @property
    def action(self) -> str | None:
        """The request's action."""
        return self.incoming.action

    @property
    def to(self) -> str | None:
        """Whom the request is addressed to."""
        return self.incoming.to

    @property
    def headers(self) -> list[MessageHeader]:
        """The request's headers, but for WS-Addressing's."""
        return self.incoming.headers

    def header(self, name: str, namespace: str = "") -> MessageHeader | None:
        """
        :returns: a header of the request; None: it has none of this name
        """
        return self.incoming.header(name, namespace)


def served_here() -> OperationContext | None:
    """:returns: the call that is being served here; None: there is none."""
    return _CURRENT.get(None)


def context_with(operation: OperationContext) -> contextvars.Context:
    """
    :returns: a copy of the current context, in which :meth:`OperationContext.current` is this call
    """
    context = contextvars.copy_context()
    context.run(_CURRENT.set, operation)
    if operation.traced is not None:
        context.run(operation.traced.enter)
    return context


@contextmanager
def serving(operation: OperationContext) -> Iterator[OperationContext]:
    """In its block this call is current."""
    before = _CURRENT.set(operation)
    try:
        yield operation
    finally:
        _CURRENT.reset(before)
