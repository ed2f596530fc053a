"""
A session that a service serves: its calls, its callbacks, and its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.logger import Logger
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.instances import client_of
from netshare.transport.calls.interfaces import (
    IChannelKeeper,
    ICommunicationObject,
    IConversationUser,
    IMessageLink,
)
from netshare.transport.calls.invoker import Answer
from netshare.transport.calls.lifetime import CommunicationState, Lifetime
from netshare.transport.calls.session import SessionState, new_session_id
from netshare.transport.calls.slots import begin
from netshare.transport.channels.errors import CommunicationError, ProtocolError, QuotaExceededError
from netshare.transport.channels.interfaces import IDuplexChannel
from netshare.transport.contracts.behavior import ConcurrencyMode
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.hosting.callbacks import CallbackChannel, CallbackProxies
from netshare.transport.hosting.dispatcher import Dispatcher
from netshare.transport.hosting.messagesecurity import VerifiedLink
from netshare.transport.security.identity import Identity
from netshare.transport.security.secureconversation import ServiceMessageSecurity
from netshare.transport.soap import Message

__all__ = ["ServedSession"]


@implementer(IConversationUser, ICommunicationObject)
class ServedSession:
    """
    A session with a client.

    :param link: carries its messages
    :param channel: the :class:`~.interfaces.IDuplexChannel` that it began on
    :param dispatcher: serves the requests
    :param clock: where timeouts are set
    :param binding: of the endpoints
    :param keeper: told when the session begins and when it is over
    :param security: verifies its messages; None: nothing does
    """

    log = Logger()

    def __init__(
        self,
        link: IMessageLink,
        channel: IDuplexChannel,
        dispatcher: Dispatcher,
        clock: IReactorTime,
        binding: NetTcpBinding,
        keeper: IChannelKeeper,
        security: ServiceMessageSecurity | None = None,
    ) -> None:
        if security is not None:
            link = VerifiedLink(link, security, channel.peer, self._identified)
        self._link = link
        self._dispatcher = dispatcher
        self._clock = clock
        self._keeper = keeper
        self._close_timeout = binding.close_timeout
        self._closing = False
        self._ending: IDelayedCall | None = None
        self._conversation = Conversation(link, clock, self)
        behavior, caller = dispatcher.behavior, dispatcher.invoker.caller
        self._lifetime = Lifetime(caller)
        self._lifetime.state = CommunicationState.OPENED
        session_id = new_session_id()
        serial = behavior.concurrency_mode is not ConcurrencyMode.MULTIPLE
        self._state = SessionState(
            channel.via,
            channel.peer,
            channel.security,
            channel,
            session_id,
            answer_to=self._conversation.anonymous,
            lock=dispatcher.instances.lock() if serial else None,
            callbacks=CallbackProxies(
                session_id,
                channel.peer,
                CallbackChannel(self._lifetime, self, caller),
                self._conversation,
                behavior.concurrency_mode,
                binding.send_timeout,
                caller,
                dispatcher.tracing,
            ),
        )
        dispatcher.throttles.session_begun(client_of(channel.peer))
        keeper.channel_opened(self)

    def _identified(self, identity: Identity) -> None:
        self._state.security = identity

    @property
    def state(self) -> CommunicationState:
        """What the session is at the moment."""
        return self._lifetime.state

    def on_closed(self, function: Callable[[BaseException | None], Any]) -> None:
        self._lifetime.on_closed(function)

    def close(self) -> Deferred[None]:
        return ensureDeferred(self._close())

    def abort(self) -> None:
        self._link.abort()

    async def _close(self) -> None:
        await self._conversation.idle()
        self._closing = True
        await self._link.close()

    # ---- the conversation

    def request_received(self, message: Message) -> Deferred[None] | None:
        return begin(self._answer(message))

    def request_unreadable(self, message: Message, error: Exception) -> Deferred[None] | None:
        return begin(self._send(self._dispatcher.refuse(self._state, message, error), message))

    async def _answer(self, message: Message) -> None:
        await self._send(await self._dispatcher.dispatch(self._state, message), message)

    async def _send(self, answer: Answer, message: Message) -> None:
        try:
            if answer.message is not None:
                sent = self._dispatcher.invoker.answer_with(
                    self._conversation.send, answer, message, self._state
                )
                if sent is not None:
                    await sent
        except CommunicationError as error:
            answer.error = error
            return  # the link is over, which it says itself
        finally:
            if answer.traced is not None:
                answer.traced.over(answer.error)
        if self._conversation.closed:
            return
        if answer.broken:
            # As WCF: after an unexpected exception the session is not trusted.
            self._end()
        elif answer.terminates:
            self._end_soon()

    def other_side_ended(self) -> None:
        # The client sends no more: answer what is under way, then end, too.
        if self._conversation.busy:
            self._conversation.idle().addCallback(lambda _: self._end())
        else:
            self._end()

    def conversation_over(self, reason: Failure | None) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if reason is not None:
            broken = isinstance(reason.value, ProtocolError | QuotaExceededError)
            tell = self.log.warn if broken else self.log.debug
            tell(
                "the session of {peer} has ended: {reason}",
                peer=self._state.peer,
                reason=reason.value,
            )
        self._dispatcher.session_over(self._state)
        self._dispatcher.throttles.session_over(client_of(self._state.peer))
        self._keeper.channel_over(self)
        if reason is None:
            self._lifetime.over(CommunicationState.CLOSED, None)
        else:
            self._lifetime.over(CommunicationState.FAULTED, reason.value)

    # ---- the end

    def _end(self) -> None:
        if not self._closing:
            self._closing = True
            self._link.close().addErrback(lambda failure: None)

    def _end_soon(self) -> None:
        """The session is over; give the client the time to close it."""
        if self._ending is None and self._close_timeout is not None:
            self._ending = self._clock.callLater(self._close_timeout, self._waited_enough)

    def _waited_enough(self) -> None:
        self._ending = None
        self._link.abort()
