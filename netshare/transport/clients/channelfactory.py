"""
Clients in a Twisted program: channels to a service, as objects with its operations.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterable
from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from netshare.transport.calls.callbacks import call_operation
from netshare.transport.calls.callers import Caller
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.invoker import Invoker
from netshare.transport.calls.proxy import Proxy
from netshare.transport.channels.errors import ChannelClosedError, CommunicationObjectAbortedError
from netshare.transport.channels.mallochint import expect_messages
from netshare.transport.channels.pool import ConnectionPool
from netshare.transport.clients.callbacks import CallbackDispatcher
from netshare.transport.clients.streamedcall import StreamedCall
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.contracts.derivation import describe
from netshare.transport.contracts.description import ContractDescription, OperationDescription
from netshare.transport.contracts.endpoint import check_endpoint
from netshare.transport.hosting.dispatcher import Session
from netshare.transport.hosting.servicechannels import new_session_id
from netshare.transport.soap.message import Message, MessageHeader

__all__ = ["ChannelFactory", "ClientChannel", "CommunicationState"]


class CommunicationState(Enum):
    """What a channel is at the moment."""

    CREATED = "Created"
    OPENING = "Opening"
    OPENED = "Opened"
    CLOSING = "Closing"
    CLOSED = "Closed"
    FAULTED = "Faulted"


class ChannelFactory:
    """
    Makes channels to services of a contract::

        factory = ChannelFactory(ICalculator, NetTcpBinding(security=SecurityMode.NONE), reactor)
        channel = factory.create_channel("net.tcp://localhost/calculator")
        assert await channel.operations.Add(1, 2) == 3
        await channel.close()
        await factory.close()

    Connections whose channel is closed are kept for the factory's next one, to whatever path.

    :param contract: a class with ``@service_contract``
    :param binding: as the service's
    :param reactor: where it runs
    :param callback: carries out the callback contract, if there is one
    :param caller: how the callback's methods are called; None: in the reactor's thread
    :param pool: of connections; None: one of its own
    :raises ContractError: contract and binding do not go together
    """

    def __init__(
        self,
        contract: type,
        binding: NetTcpBinding,
        reactor: Any,
        *,
        callback: Any = None,
        caller: Caller | None = None,
        pool: ConnectionPool | None = None,
    ) -> None:
        self.contract: ContractDescription = describe(contract)
        check_endpoint(self.contract, binding)
        if self.contract.callback is not None and callback is None:
            raise TypeError(f"{contract.__name__} has a callback contract: give callback=")
        self.binding = binding
        self.reactor = reactor
        self.callback = callback
        self.caller = caller or Caller()
        self.encoder = binding.make_encoder()
        if not binding.streamed:
            expect_messages(binding.max_received_message_size)
        self.settings = binding.channel_settings(server=False)
        self._ownPool = pool is None
        self.pool = pool or ConnectionPool(
            reactor,
            idle_timeout=binding.idle_timeout,
            lease_timeout=binding.lease_timeout,
            max_outbound_connections_per_endpoint=binding.max_connections or 10,
        )
        self._channels: set[ClientChannel] = set()

    def create_channel(self, address: str, via: str | None = None) -> ClientChannel:
        """
        Make a channel. It opens with its first call.

        :param address: of the endpoint
        :param via: where to connect instead
        """
        return ClientChannel(self, address, address if via is None else via)

    def close(self) -> Deferred[None]:
        """Close all channels, and the connections that are kept."""
        return ensureDeferred(self._close())

    def abort(self) -> None:
        """Abort all channels."""
        for channel in list(self._channels):
            channel.abort()

    async def _close(self) -> None:
        for channel in list(self._channels):
            try:
                await channel.close()
            except Exception:
                channel.abort()
        if self._ownPool:
            await self.pool.close()

    def opened(self, channel: ClientChannel) -> None:
        """A channel is open."""
        self._channels.add(channel)

    def over(self, channel: ClientChannel) -> None:
        """A channel is closed."""
        self._channels.discard(channel)


class ClientChannel:
    """
    A channel to a service; made by :meth:`ChannelFactory.create_channel`.
    """

    log = Logger()

    def __init__(self, factory: ChannelFactory, address: str, via: str) -> None:
        self.address = address
        self.via = via
        self.state = CommunicationState.CREATED
        self._factory = factory
        self._conversation: Conversation | None = None
        self._opening: Deferred[Any] | None = None
        self._waiting: list[Deferred[None]] = []
        self._callbacks: CallbackDispatcher | None = None
        self._failure: Failure | None = None
        self._calls: set[Any] = set()
        #: The operations, as methods that return Deferreds.
        self.operations: Any = self.using()

    # ---- the user

    def using(
        self,
        headers: Iterable[MessageHeader] = (),
        timeout: float | None = None,
        replies: list[Message] | None = None,
    ) -> Any:
        """
        The operations, with something special about their calls.

        :param headers: to send with each request
        :param timeout: seconds for each call, instead of the binding's send_timeout
        :param replies: where each reply is put, for its headers
        """
        given = list(headers)
        seconds = self._factory.binding.send_timeout if timeout is None else timeout

        def invoke(
            operation: OperationDescription, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Deferred[Any]:
            if self.state is CommunicationState.OPENED and self._conversation is not None:
                try:
                    return self._ask(operation, args, kwargs, given, seconds, replies)
                except Exception:
                    return fail()
            return ensureDeferred(self._call(operation, args, kwargs, given, seconds, replies))

        return Proxy(self._factory.contract, invoke)

    def open(self) -> Deferred[None]:
        """
        Open the channel. Where messages are streamed nothing is connected yet.

        :returns: a Deferred that fails with a :class:`~.errors.TransportError`
        """
        if self.state is CommunicationState.CREATED:
            self.state = CommunicationState.OPENING
            self._start()
        if self.state is CommunicationState.OPENING:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            return waiting
        try:
            self._check()
        except Exception as error:
            failed: Deferred[None] = Deferred()
            failed.errback(error)
            return failed
        return succeed(None)

    def close(self) -> Deferred[None]:
        """
        End the session when the calls under way have been answered.
        """
        return ensureDeferred(self._close())

    def abort(self) -> None:
        """Give the channel up, and its connection."""
        if self.state in (CommunicationState.CLOSED, CommunicationState.FAULTED):
            return
        self.state = CommunicationState.CLOSED
        self._failure = Failure(CommunicationObjectAbortedError(f"{self.via}: it was aborted"))
        if self._conversation is not None and self._conversation.channel is not None:
            self._conversation.channel.abort()
        for call in list(self._calls):
            call.abort()
        if self._opening is not None:
            self._opening.cancel()
        self._factory.over(self)

    @property
    def session_id(self) -> str | None:
        """The identifier of the session, on this side; None: there is none."""
        return None if self._callbacks is None else self._callbacks.session.identifier

    # ---- opening and closing

    def _start(self) -> None:
        factory = self._factory
        factory.opened(self)
        if factory.binding.streamed:
            self._opened(None)
            return
        self._callbacks = CallbackDispatcher(
            factory.contract.callback,
            factory.callback,
            Invoker(factory.caller),
            Session(self.via, None, None, None, new_session_id()),
            self.address,
        )
        conversation = Conversation(
            factory.encoder, factory.reactor, self._callbacks.requestReceived
        )
        self._callbacks.conversation = conversation
        conversation.ended = self._ended
        conversation.lost = self._lost
        self._conversation = conversation
        context = contextvars.Context()
        # In a context of its own: what the connection does later is nobody's call.
        opening = context.run(
            factory.pool.open_channel,
            self.via,
            conversation,
            content_type=factory.encoder.content_type,
            settings=factory.settings,
        )
        self._opening = opening
        opening.addCallbacks(self._connected, self._refused)

    def _connected(self, channel: Any) -> None:
        assert self._conversation is not None
        self._opening = None
        self._conversation.channel = channel
        if self._callbacks is not None:
            self._callbacks.session.peer = channel.peer
            self._callbacks.session.security = channel.security
        if self.state is CommunicationState.CLOSED:
            channel.abort()
        else:
            self._opened(None)

    def _refused(self, failure: Failure) -> None:
        self._opening = None
        if self.state is not CommunicationState.CLOSED:
            self.state = CommunicationState.FAULTED
            self._failure = failure
        self._factory.over(self)
        self._opened(failure)

    def _opened(self, failure: Failure | None) -> None:
        if failure is None:
            self.state = CommunicationState.OPENED
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if failure is None:
                one.callback(None)
            else:
                one.errback(failure)

    def _ended(self) -> None:
        # The service sends no more, and so takes no more, as WCF has it.
        conversation = self._conversation
        if conversation is not None and self.state is CommunicationState.OPENED:
            self.state = CommunicationState.FAULTED
            self._failure = Failure(
                ChannelClosedError(f"{self.via}: the service has ended the session")
            )
            if conversation.channel is not None:
                conversation.channel.close().addErrback(lambda failure: None)

    def _lost(self, reason: Failure | None) -> None:
        if self.state is CommunicationState.OPENED:
            self.state = CommunicationState.FAULTED
            self._failure = reason
        self._factory.over(self)

    async def _close(self) -> None:
        if self.state is CommunicationState.OPENING:
            await self.open()
        if self.state is not CommunicationState.OPENED:
            if self.state is CommunicationState.CREATED:
                self.state = CommunicationState.CLOSED
            return
        self.state = CommunicationState.CLOSING
        try:
            conversation = self._conversation
            if conversation is not None:
                await conversation.idle()
                await conversation.close(self._factory.binding.close_timeout)
            for call in list(self._calls):
                await call.done()
        finally:
            self.state = CommunicationState.CLOSED
            self._factory.over(self)

    def _check(self) -> None:
        if self.state is CommunicationState.OPENED:
            return
        if self._failure is not None:
            self._failure.raiseException()
        raise ChannelClosedError(f"{self.via}: the channel is {self.state.value.lower()}")

    # ---- calling

    async def _call(
        self,
        operation: OperationDescription,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        headers: list[MessageHeader],
        timeout: float | None,
        replies: list[Message] | None,
    ) -> Any:
        if self.state in (CommunicationState.CREATED, CommunicationState.OPENING):
            await self.open()
        self._check()
        if self._conversation is None:
            call = StreamedCall(self._factory, operation, timeout)
            self._calls.add(call)
            try:
                return await call.run(self.address, self.via, args, kwargs, headers, replies)
            finally:
                call.done().addCallback(lambda _: self._calls.discard(call))
        return await self._ask(operation, args, kwargs, headers, timeout, replies)

    def _ask(
        self,
        operation: OperationDescription,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        headers: list[MessageHeader],
        timeout: float | None,
        replies: list[Message] | None,
    ) -> Deferred[Any]:
        assert self._conversation is not None
        return call_operation(
            self._conversation,
            operation,
            args,
            kwargs,
            self.address,
            timeout,
            headers,
            self._factory.caller,
            replies=replies,
        )
