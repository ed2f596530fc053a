"""
What the faces of the client for other programs than Twisted's have in common: one channel, whose
factory is closed with it, and whose calls are carried to the reactor and back.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from netshare.reactors import IReactor
from netshare.transport.calls.callers import Caller
from netshare.transport.calls.lifetime import CommunicationState
from netshare.transport.calls.messagelog import MessageLog
from netshare.transport.calls.proxy import Proxy
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.clients.channel import ServiceChannel
from netshare.transport.clients.channelfactory import ChannelFactory
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.contracts.streams import Stream
from netshare.transport.security.credentials import ClientCredentials
from netshare.transport.security.endpointidentity import EndpointIdentity
from netshare.transport.soap import Message, MessageHeader

__all__ = ["ClientFace"]


class ClientFace:
    """
    A channel in a reactor of another thread.

    :param contract: a class with ``@service_contract``
    :param address: of the endpoint
    :param binding: as the service's
    :param reactor: where everything happens
    :param caller: calls what the user gave
    :param via: where to connect instead
    :param callback: carries out the callback contract, if there is one
    :param pool: of connections; None: one of its own
    :param credentials: the client's, where the binding has security
    :param message_log: what is logged of messages; None: nothing
    :param tracing: an :class:`.ITracing` that follows each call, such as
        :class:`netshare.transport.opentelemetry.Tracing`; None: nothing does
    :param identity: what the service has to be; None: the host of the address
    :raises ContractError: contract and binding do not go together
    """

    def __init__(
        self,
        contract: type,
        address: str,
        binding: NetTcpBinding,
        reactor: IReactor,
        caller: Caller,
        via: str | None,
        callback: Any,
        pool: ConnectionPool | None = None,
        credentials: ClientCredentials | None = None,
        identity: EndpointIdentity | None = None,
        message_log: MessageLog | None = None,
        tracing: Any = None,
    ) -> None:
        self._reactor = reactor
        self._traced = tracing is not None
        self._factory = ChannelFactory(
            contract,
            binding,
            reactor,
            callback=callback,
            caller=caller,
            pool=pool,
            credentials=credentials,
            message_log=message_log,
            tracing=tracing,
        )
        self._channel: ServiceChannel = self._factory.create_channel(address, via, identity)

    @property
    def state(self) -> CommunicationState:
        """What the channel is at the moment."""
        return self._channel.state

    def on_closed(self, function: Callable[[BaseException | None], Any]) -> None:
        """
        Call a function when the channel is over; at once if it is.

        :param function: called as the methods of a callback object are, with None when the channel
            was closed, and otherwise with what went wrong
        """
        self._reactor.callFromThread(self._channel.on_closed, function)

    # ---- in the reactor's thread

    def _close_all(self) -> Deferred[None]:
        """Close the channel, and then the factory even if that fails."""
        return ensureDeferred(self._closing())

    async def _closing(self) -> None:
        try:
            await self._channel.close()
        finally:
            await self._factory.close()

    def _abort_all(self) -> Deferred[None]:
        """Abort the channel and close the factory."""
        self._channel.abort()
        return self._factory.close()

    # ---- calls

    def _proxy(
        self,
        headers: Iterable[MessageHeader],
        timeout: float | None,
        replies: list[Message] | None,
        carry: Callable[[OperationDescription, Callable[[], Deferred[Any]]], Any],
    ) -> Any:
        """
        The operations of the contract.

        :param headers: as the other parameters, see :meth:`.ServiceChannel.using`
        :param carry: calls a function in the reactor and gives what its Deferred becomes,
            :meth:`_readable`
        """
        inner = self._channel.using(headers, timeout, replies)

        def invoke(
            operation: OperationDescription, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Any:
            call = functools.partial(getattr(inner, operation.method), *args, **kwargs)
            if self._traced:
                # What is traced belongs to what is current here, not in the reactor's thread.
                call = functools.partial(contextvars.copy_context().run, call)
            return carry(operation, call)

        return Proxy(self._factory.contract, invoke, self)

    def _readable(self, operation: OperationDescription, result: Any) -> Any:
        """:returns: a result, with its stream as the user can read it."""
        reply = operation.reply
        part = None if reply is None else reply.stream
        if part is None:
            return result
        if isinstance(result, Stream):
            return self._stream(result)
        inside = getattr(result, part.member)
        if isinstance(inside, Stream):
            setattr(result, part.member, self._stream(inside))
        return result

    def _stream(self, stream: Stream) -> Any:
        """:returns: a stream that arrives, as the user can read it."""
        raise NotImplementedError
