"""
A service calls its client back, in the same session.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from zope.interface import implementer

from netshare.logger import Logger
from netshare.transport.calls.callers import Caller
from netshare.transport.calls.context import served_here
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.interfaces import (
    ICallbacks,
    ICommunicationObject,
    ITracedCall,
    ITracing,
)
from netshare.transport.calls.lifetime import CommunicationState, Lifetime
from netshare.transport.calls.operations import CallOptions, call_operation, call_traced
from netshare.transport.calls.proxy import Proxy
from netshare.transport.calls.slots import Turn
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.contracts.behavior import ConcurrencyMode
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.endpoint import ServiceEndpoint

__all__ = ["CallbackChannel", "CallbackProxies"]


@implementer(ICallbacks)
class CallbackProxies:
    """
    Makes the callback object of a session, and carries its calls out.

    :param session_id: of the session whose client is called
    :param peer: the client's address
    :param channel: of the session, as users see it
    :param conversation: through which its client is called
    :param mode: of the service
    :param timeout: seconds for a reply
    :param caller: how the service's operations are called
    :param tracing: follows each call; None: nothing does
    """

    log = Logger()

    def __init__(
        self,
        session_id: str,
        peer: Any,
        channel: ICommunicationObject,
        conversation: Conversation,
        mode: ConcurrencyMode,
        timeout: float | None,
        caller: Caller,
        tracing: ITracing | None = None,
    ) -> None:
        self._tracing = tracing
        self._session_id = session_id
        self._peer = peer
        self._channel = channel
        self._conversation = conversation
        self._mode = mode
        self._caller = caller
        self._contract = ""
        self._options = CallOptions(conversation.anonymous, timeout)

    def for_endpoint(self, endpoint: ServiceEndpoint) -> Proxy | None:
        """
        :param endpoint: that the session is with
        :returns: the callback object; None: the contract has no callbacks
        """
        if endpoint.contract.callback is None:
            return None
        self._options = replace(self._options, reply_to=endpoint.listen_uri)
        self._contract = endpoint.contract.callback.name
        return Proxy(endpoint.contract.callback, self._invoke, self._channel)

    def _invoke(
        self, operation: OperationDescription, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        turn = None
        if not operation.one_way and self._mode is not ConcurrencyMode.MULTIPLE:
            turn = self._turn(operation)
        call = functools.partial(self._ask, operation, args, kwargs, self._traced(operation))
        return self._caller.wait(self._call, turn, operation, call)

    def _traced(self, operation: OperationDescription) -> ITracedCall | None:
        if self._tracing is None:
            return None
        return self._tracing.call_made(operation, self._contract, self._conversation.link.via)

    def _ask(
        self,
        operation: OperationDescription,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        traced: ITracedCall | None,
    ) -> Deferred[Any]:
        return call_traced(
            traced,
            self._options,
            lambda options: call_operation(self._conversation, operation, args, kwargs, options),
        )

    def _turn(self, operation: OperationDescription) -> Turn | None:
        """The turn of the call that asks, which is given up while it waits."""
        here = served_here()
        if here is None or here.turn is None or here.turn.over:
            return None
        if self._mode is ConcurrencyMode.SINGLE and here.session_id == self._session_id:
            raise RuntimeError(
                f"{operation.method} would wait for ever: its reply is not taken before this call "
                "is over; make the service's concurrency mode REENTRANT or MULTIPLE, or the "
                "callback one-way"
            )
        return here.turn if self._mode is ConcurrencyMode.REENTRANT else None

    def _call(
        self,
        turn: Turn | None,
        operation: OperationDescription,
        call: Callable[[], Deferred[Any]],
    ) -> Deferred[Any]:
        return ensureDeferred(self._calling(turn, operation, call))

    async def _calling(
        self,
        turn: Turn | None,
        operation: OperationDescription,
        call: Callable[[], Deferred[Any]],
    ) -> Any:
        if operation.one_way:
            return await self._tell(operation, call)
        if turn is not None:
            turn.give()
        try:
            return await call()
        finally:
            waiting = None if turn is None else turn.take()
            if waiting is not None:
                await waiting

    async def _tell(
        self, operation: OperationDescription, call: Callable[[], Deferred[Any]]
    ) -> None:
        """Call what is one-way. That its client has left is no error of the service's."""
        try:
            await call()
        except CommunicationError as error:
            self.log.warn(
                "{operation} was not sent to {peer}, who has left: {error}",
                operation=operation.method,
                peer=self._peer,
                error=error,
            )
        else:
            self._conversation.keep_alive()


@implementer(ICommunicationObject)
class CallbackChannel:
    """
    A session as the service's operations see it (:func:`.channel_of`), also in threads.

    :param lifetime: of the session
    :param session: what is closed
    :param caller: how the operations are called
    """

    def __init__(self, lifetime: Lifetime, session: ICommunicationObject, caller: Caller) -> None:
        self._lifetime = lifetime
        self._session = session
        self._caller = caller

    @property
    def state(self) -> CommunicationState:
        """What the session is at the moment."""
        return self._lifetime.state

    def on_closed(self, function: Callable[[BaseException | None], Any]) -> None:
        self._lifetime.on_closed(function)

    def close(self) -> Deferred[None]:
        done: Deferred[None] = self._caller.wait(self._session.close)
        return done

    def abort(self) -> None:
        self._caller.wait(maybeDeferred, self._session.abort)
