"""
A channel to a service: opened with its first call, one session or a session for each call.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.logger import Logger
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.interfaces import (
    IChannelKeeper,
    ICommunicationObject,
    IConversationUser,
    IMessageLink,
)
from netshare.transport.calls.invoker import Invoker
from netshare.transport.calls.lifetime import CommunicationState, Lifetime
from netshare.transport.calls.link import MessageLink
from netshare.transport.calls.operations import CallOptions, call_operation, call_traced
from netshare.transport.calls.proxy import Proxy
from netshare.transport.calls.session import SessionState, new_session_id
from netshare.transport.channels.errors import ChannelClosedError, CommunicationObjectAbortedError
from netshare.transport.channels.interfaces import IDuplexChannel
from netshare.transport.clients.callbacks import CallbackDispatcher
from netshare.transport.clients.messagesecurity import ContextKeeper, MessageRefused, SigningLink
from netshare.transport.clients.setup import ChannelSetup
from netshare.transport.clients.streamedcall import call_streamed
from netshare.transport.clients.streamedrequest import StreamedRequest
from netshare.transport.contracts.description import OperationDescription
from netshare.transport.security.endpointidentity import EndpointIdentity
from netshare.transport.soap import Message, MessageHeader

__all__ = ["ServiceChannel"]


@implementer(ICommunicationObject, IConversationUser)
class ServiceChannel:
    """
    A channel to a service; made by :meth:`.ChannelFactory.create_channel`.

    :param setup: what it is made of
    :param keeper: told when it opens and when it is over
    :param address: of the endpoint
    :param via: where to connect
    :param identity: what the service has to be; None: the host of the address
    """

    log = Logger()

    def __init__(
        self,
        setup: ChannelSetup,
        keeper: IChannelKeeper,
        address: str,
        via: str,
        identity: EndpointIdentity | None = None,
    ) -> None:
        self.address = address
        self.via = via
        self._lifetime = Lifetime(setup.caller)
        self._setup = setup
        self._identity = identity
        self._upgrade = setup.upgrade(address, via, identity)
        self._keeper = keeper
        self._link: MessageLink | None = None
        #: The security context, where messages have one.
        self._context: ContextKeeper | None = None
        self._conversation: Conversation | None = None
        self._opening: Deferred[Any] | None = None
        self._waiting: list[Deferred[None]] = []
        self._callbacks: CallbackDispatcher | None = None
        self._failure: Failure | None = None
        self._calls: set[StreamedRequest] = set()
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
        options = CallOptions(
            to=self.address,
            timeout=self._setup.binding.send_timeout if timeout is None else timeout,
            headers=tuple(headers),
            replies=replies,
            caller=self._setup.caller,
        )
        invoke = self._invoke if self._setup.tracing is None else self._invoke_traced
        return Proxy(self._setup.contract, functools.partial(invoke, options), self)

    @property
    def state(self) -> CommunicationState:
        """What the channel is at the moment."""
        return self._lifetime.state

    def on_closed(self, function: Callable[[BaseException | None], Any]) -> None:
        """
        Call a function when the channel is over; at once if it is.

        :param function: called with None when the channel was closed, and otherwise with what went
            wrong
        """
        self._lifetime.on_closed(function)

    def open(self) -> Deferred[None]:
        """
        Open the channel. Where messages are streamed nothing is connected yet, but for a security
        context.

        :returns: a Deferred that fails with a :class:`~.errors.TransportError`
        """
        if self.state is CommunicationState.CREATED:
            self._lifetime.state = CommunicationState.OPENING
            self._start()
        if self.state is CommunicationState.OPENING:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            return waiting
        try:
            self._check()
        except Exception:
            return fail()
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
        error = CommunicationObjectAbortedError(f"{self.via}: it was aborted")
        self._failure = Failure(error)
        self._lifetime.over(CommunicationState.CLOSED, error)
        if self._link is not None:
            self._link.abort()
        for call in list(self._calls):
            call.abort()
        if self._opening is not None:
            self._opening.cancel()
        self._over()

    @property
    def session_id(self) -> str | None:
        """The identifier of the session, on this side; None: there is none."""
        return None if self._callbacks is None else self._callbacks.session.identifier

    # ---- opening

    def _start(self) -> None:
        setup = self._setup
        self._keeper.channel_opened(self)
        context = None
        if setup.message_security is not None:
            security = setup.message_security(self.address, self.via, self._identity)
            context = self._context = ContextKeeper(
                setup, security, self.address, self.via, self._upgrade
            )
        if setup.binding.streamed:
            if context is None:
                self._opened(None)
            else:
                asking = ensureDeferred(context.ask())
                self._opening = asking
                asking.addCallbacks(self._ready, self._refused)
            return
        self._link = MessageLink(setup.encoder, log=setup.log_of_link())
        link: IMessageLink = self._link
        if context is not None:
            link = SigningLink(link, context)
        self._conversation = Conversation(link, setup.reactor, self)
        self._callbacks = CallbackDispatcher(
            setup.contract.callback,
            setup.callback,
            Invoker(setup.caller),
            SessionState(self.via, None, None, None, new_session_id(), answer_to=self.address),
            self._conversation,
            setup.tracing,
        )
        # In a context of its own: what the connection does later belongs to no call.
        opening: Deferred[Any] = contextvars.Context().run(self._connect, self._link)
        self._opening = opening
        opening.addCallbacks(self._connected, self._refused)

    def _connect(self, link: MessageLink) -> Deferred[Any]:
        setup, context = self._setup, self._context
        connect = functools.partial(
            setup.pool.open_channel,
            self.via,
            link,
            content_type=setup.encoder.content_type,
            settings=setup.settings,
            upgrade=self._upgrade,
        )
        return connect() if context is None else ensureDeferred(context.before(connect))

    def _connected(self, channel: IDuplexChannel) -> None:
        assert self._link is not None
        assert self._callbacks is not None
        self._opening = None
        self._link.channel = channel
        session = self._callbacks.session
        session.channel, session.peer, session.security = channel, channel.peer, channel.security
        if self.state is CommunicationState.CLOSED:
            channel.abort()
        else:
            self._opened(None)

    def _ready(self, _: object) -> None:
        """There is a security context for streamed messages."""
        self._opening = None
        if self.state is not CommunicationState.CLOSED:
            self._opened(None)

    def _refused(self, failure: Failure) -> None:
        self._opening = None
        if self.state is not CommunicationState.CLOSED:
            self._failure = failure
            self._lifetime.over(CommunicationState.FAULTED, failure.value)
        self._over()
        self._opened(self._failure or failure)

    def _opened(self, failure: Failure | None) -> None:
        if failure is None:
            self._lifetime.state = CommunicationState.OPENED
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if failure is None:
                one.callback(None)
            else:
                one.errback(failure)

    # ---- the conversation

    def request_received(self, message: Message) -> Deferred[None] | None:
        assert self._callbacks is not None
        return self._callbacks.serve(message)

    def request_unreadable(self, message: Message, error: Exception) -> Deferred[None] | None:
        assert self._callbacks is not None
        return self._callbacks.refuse(message, error)

    def other_side_ended(self) -> None:
        # The service sends no more, and so takes no more, as WCF has it.
        if self.state is CommunicationState.OPENED and self._link is not None:
            error = ChannelClosedError(f"{self.via}: the service has ended the session")
            self._failure = Failure(error)
            self._lifetime.over(CommunicationState.FAULTED, error)
            self._link.close().addErrback(lambda failure: None)

    def conversation_over(self, reason: Failure | None) -> None:
        if self.state is CommunicationState.OPENED:
            self._failure = reason
            error = None if reason is None else reason.value
            self._lifetime.over(CommunicationState.FAULTED, error)
        self._over()

    # ---- closing

    async def _close(self) -> None:
        if self.state is CommunicationState.OPENING:
            await self.open()
        if self.state is not CommunicationState.OPENED:
            if self.state is CommunicationState.CREATED:
                self._lifetime.over(CommunicationState.CLOSED, None)
            return
        self._lifetime.state = CommunicationState.CLOSING
        error: BaseException | None = None
        try:
            conversation = self._conversation
            if conversation is not None:
                await conversation.idle()
            for call in list(self._calls):
                await call.done()
            if self._context is not None:
                await self._context.cancel(conversation)
            if conversation is not None:
                await conversation.close(self._setup.binding.close_timeout)
        except BaseException as failed:
            error = failed
            raise
        finally:
            self._lifetime.over(CommunicationState.CLOSED, error)
            self._over()

    def _over(self) -> None:
        if self._context is not None:
            self._context.stop()
        self._keeper.channel_over(self)

    def _check(self) -> None:
        if self.state is CommunicationState.OPENED:
            return
        if self._failure is not None:
            self._failure.raiseException()
        raise ChannelClosedError(f"{self.via}: the channel is {self.state.value.lower()}")

    # ---- calling

    def _invoke_traced(
        self,
        options: CallOptions,
        operation: OperationDescription,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Deferred[Any]:
        tracing = self._setup.tracing
        assert tracing is not None
        traced = tracing.call_made(operation, self._setup.contract.name, self.address)
        return call_traced(
            traced,
            options,
            lambda with_headers: self._invoke(with_headers, operation, args, kwargs),
        )

    def _invoke(
        self,
        options: CallOptions,
        operation: OperationDescription,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Deferred[Any]:
        if self._lifetime.state is CommunicationState.OPENED and self._conversation is not None:
            try:
                return call_operation(self._conversation, operation, args, kwargs, options)
            except Exception:
                return fail()
        return ensureDeferred(self._open_and_call(options, operation, args, kwargs))

    async def _open_and_call(
        self,
        options: CallOptions,
        operation: OperationDescription,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if self.state in (CommunicationState.CREATED, CommunicationState.OPENING):
            await self.open()
        self._check()
        if self._conversation is not None:
            return await call_operation(self._conversation, operation, args, kwargs, options)
        carrier = StreamedRequest(self._setup, self._upgrade)
        self._calls.add(carrier)
        try:
            return await call_streamed(
                carrier, self.via, operation, args, kwargs, options, self._context
            )
        except MessageRefused as error:
            self._fault(error)
            raise
        finally:
            carrier.done().addCallback(lambda _: self._calls.discard(carrier))

    def _fault(self, error: MessageRefused) -> None:
        """The context is good for nothing more, and so the channel."""
        if self.state is CommunicationState.OPENED:
            self._failure = Failure(error)
            self._lifetime.over(CommunicationState.FAULTED, error)
            self._over()
