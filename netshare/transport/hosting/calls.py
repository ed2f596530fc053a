"""
A single call that a service serves, where messages are streamed.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.logger import Logger
from netshare.transport.calls.exchange import Exchange
from netshare.transport.calls.interfaces import IChannelKeeper, ICommunicationObject, IExchangeUser
from netshare.transport.calls.invoker import Answer, Refused
from netshare.transport.calls.lifetime import CommunicationState, Lifetime
from netshare.transport.calls.messagelog import LinkLog
from netshare.transport.calls.securedlink import secure_again
from netshare.transport.calls.session import SessionState, address_reply
from netshare.transport.channels.errors import ProtocolError, QuotaExceededError
from netshare.transport.channels.interfaces import ISingletonChannel
from netshare.transport.contracts.streams import Stream
from netshare.transport.encoders import MessageEncoder
from netshare.transport.hosting.dispatcher import Dispatcher
from netshare.transport.hosting.messagesecurity import log_refusal, refusal_of
from netshare.transport.security.secureconversation import SecurityInvalid, ServiceMessageSecurity
from netshare.transport.soap import Message

__all__ = ["ServedCall"]


@implementer(IExchangeUser, ICommunicationObject)
class ServedCall:
    """
    One call, on a singleton channel.

    :param channel: the :class:`~.interfaces.ISingletonChannel`
    :param encoder: of the endpoint's messages
    :param dispatcher: serves the request
    :param max_buffer_size: bytes that headers, and a body that is no stream, may have
    :param keeper: told when the call begins and when it is over
    :param log: of its messages; None: there is none
    :param security: verifies its messages; None: nothing does
    """

    log = Logger()

    def __init__(
        self,
        channel: ISingletonChannel,
        encoder: MessageEncoder,
        dispatcher: Dispatcher,
        max_buffer_size: int,
        keeper: IChannelKeeper,
        log: LinkLog | None = None,
        security: ServiceMessageSecurity | None = None,
    ) -> None:
        self._security = security
        #: The channel's receiver.
        self.exchange = Exchange(encoder, max_buffer_size, self, channel, log)
        self._channel = channel
        self._dispatcher = dispatcher
        self._keeper = keeper
        self._lifetime = Lifetime(dispatcher.invoker.caller)
        self._lifetime.state = CommunicationState.OPENED
        self._serving: Deferred[None] | None = None
        self._state = SessionState(channel.via, channel.peer, channel.security, channel, None)
        keeper.channel_opened(self)

    @property
    def state(self) -> CommunicationState:
        """What the call's channel is at the moment."""
        return self._lifetime.state

    def on_closed(self, function: Callable[[BaseException | None], Any]) -> None:
        self._lifetime.on_closed(function)

    def close(self) -> Deferred[None]:
        if self._serving is None:
            closed: Deferred[None] = self._channel.close()
            return closed
        done: Deferred[None] = Deferred()
        self._serving.addBoth(lambda _: done.callback(None))
        return done

    def abort(self) -> None:
        self._channel.abort()

    # ---- the exchange

    def is_streamed(self, message: Message) -> bool:
        try:
            operation = self._dispatcher.operation(self._state, message)
        except Refused:
            return False  # it will be refused again, when it is dispatched
        return operation.request.stream is not None

    def message_arrived(self, message: Message, stream: Stream | None) -> None:
        self._begin(self._serve(message, stream))

    def message_unreadable(self, message: Message | None, error: Exception) -> None:
        if message is None:
            # WCF has no fault for what is no message.
            self._channel.fail(
                ProtocolError(f"{self._channel.via}: the request cannot be read: {error}")
            )
        elif self._serving is None:
            self._begin(self._refuse(message, error))
        # Otherwise the operation is told by its stream.

    def stream_abandoned(self) -> None:
        # The operation wants no more of the request: let the rest go by.
        self._channel.resumeReceiving()

    def end_received(self) -> None:
        """The client sends nothing more; the channel closes after the reply."""

    def exchange_over(self, reason: Failure | None) -> None:
        if reason is not None:
            broken = isinstance(reason.value, ProtocolError | QuotaExceededError)
            tell = self.log.warn if broken else self.log.debug
            tell(
                "the call of {peer} has ended: {reason}",
                peer=self._state.peer,
                reason=reason.value,
            )
        self._keeper.channel_over(self)
        if reason is None:
            self._lifetime.over(CommunicationState.CLOSED, None)
        else:
            self._lifetime.over(CommunicationState.FAULTED, reason.value)

    # ---- serving

    def _begin(self, serving: Coroutine[Deferred[Any], Any, None]) -> None:
        self._serving = ensureDeferred(serving)
        self._serving.addErrback(self._failed)

    async def _serve(self, message: Message, stream: Stream | None) -> None:
        answer: Answer | None = None
        if await self._is_let_in(message):
            answer = await self._dispatcher.dispatch(self._state, message, stream)
        if stream is not None and not stream.ended:
            stream.close()
        if answer is not None:
            await self._send(answer, message)

    async def _refuse(self, message: Message, error: Exception) -> None:
        if await self._is_let_in(message):
            await self._send(self._dispatcher.refuse(self._state, message, error), message)

    async def _is_let_in(self, message: Message) -> bool:
        """
        Verify the request.

        :returns: whether there is more to be done; otherwise it was answered here
        """
        security = self._security
        if security is None:
            return True
        try:
            received = await security.receive(message)
        except SecurityInvalid as refused:
            log_refusal(self._channel.via, self._state.peer, message, refused)
            answer, secure = refusal_of(message, refused), False
        else:
            if received.identity is not None:
                self._state.security = received.identity
            if received.answer is None:
                return True
            answer, secure = received.answer, received.secured
        if answer is None:
            self._channel.finish()
            return False
        address_reply(answer, message, self._state)
        start = (self._start_of if secure else self.exchange.start_of)(answer)
        await self.exchange.send(start, None, self._dispatcher.invoker.caller)
        return False

    def _start_of(self, message: Message) -> bytes:
        if self._security is not None:
            secure_again(message, self._security.secure)
        return self.exchange.start_of(message)

    async def _send(self, answer: Answer, message: Message) -> None:
        invoker = self._dispatcher.invoker
        try:
            if answer.message is None:
                self._channel.finish()
            else:
                start = invoker.answer_with(self._start_of, answer, message, self._state)
                await self.exchange.send(start, answer.stream, invoker.caller)
        except Exception as error:
            answer.error = error
            raise
        finally:
            if answer.traced is not None:
                answer.traced.over(answer.error)

    def _failed(self, failure: Failure) -> None:
        self.log.failure("{via}: the reply could not be sent", failure, via=self._channel.via)
        self._channel.abort()
