"""
A client's channel with message credentials: a security context before its first message, signed
messages, a new key in time, and the end of the context with the channel's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.logger import Logger
from netshare.transport.calls.conversation import Conversation
from netshare.transport.calls.interfaces import IConversationUser, IMessageLink
from netshare.transport.calls.link import MessageLink
from netshare.transport.calls.securedlink import SecuredLink
from netshare.transport.channels.errors import MessageSecurityError, TransportError
from netshare.transport.channels.interfaces import IDuplexChannel
from netshare.transport.channels.upgrades import IUpgradeInitiator
from netshare.transport.clients.setup import ChannelSetup
from netshare.transport.clients.streamedrequest import Expected, StreamedRequest
from netshare.transport.security.secureconversation import (
    ClientMessageSecurity,
    SecurityInvalid,
    Send,
)
from netshare.transport.soap import Message, MessageInvalid, SoapFault
from netshare.transport.xml import XmlException

__all__ = ["ContextKeeper", "MessageRefused", "SigningLink"]


class MessageRefused(MessageSecurityError):
    """The security of a message does not hold: its channel is good for nothing more."""


class SigningLink(SecuredLink):
    """
    The client's side: signs what is sent, and looks at the security of what comes.

    :param link: carries the messages
    :param context: of the channel
    """

    def __init__(self, link: IMessageLink, context: ContextKeeper) -> None:
        super().__init__(link)
        self._context = context

    def secure(self, message: Message) -> None:
        self._context.sign(message)

    def message_received(self, message: Message) -> None:
        if self._holds(message):
            super().message_received(message)

    def message_unreadable(self, message: Message, error: Exception) -> None:
        if self._holds(message):
            super().message_unreadable(message, error)

    def _holds(self, message: Message) -> bool:
        try:
            self._context.verify(message)
        except MessageRefused as error:
            self.fail(error)
            return False
        return True


class ContextKeeper:
    """
    The security context of one channel.

    :param setup: of the channel
    :param security: signs its messages
    :param address: of the endpoint
    :param via: where to connect
    :param upgrade: the secure stream to ask for
    """

    log = Logger()

    def __init__(
        self,
        setup: ChannelSetup,
        security: ClientMessageSecurity,
        address: str,
        via: str,
        upgrade: IUpgradeInitiator | None,
    ) -> None:
        self.security = security
        self._setup = setup
        self._address = address
        self._via = via
        self._upgrade = upgrade
        self._timer: IDelayedCall | None = None
        self._renewing: Deferred[None] | None = None

    def sign(self, message: Message) -> None:
        """
        Give a message the header that the service looks for.

        :raises MessageSecurityError: the context is over
        """
        if not self.security.is_open:
            raise MessageSecurityError(f"{self._via}: the security context is over")
        self.security.secure(message)

    def verify(self, message: Message) -> None:
        """
        Look at the security of a message from the service.

        :raises MessageRefused: it does not hold
        """
        try:
            self.security.receive(message)
        except SecurityInvalid as error:
            if message.is_fault:
                raise _refused(self._via, message) from None
            raise MessageRefused(f"{self._via}: a message of the service's: {error}") from None

    async def before(self, connect: Callable[[], Deferred[Any]]) -> Any:
        """
        Get a context, then connect.

        :returns: the channel
        :raises TransportError: one of both has failed
        """
        await self.ask()
        return await connect()

    async def ask(self) -> None:
        """
        Get a context, or a new key for the one there is.

        :raises TransportError: there is none
        """
        if self.security.negotiates:
            await self._alone(self._negotiate)
        await self._alone(self._ask)
        self._wait()

    async def cancel(self, conversation: Conversation | None) -> None:
        """
        End the context. A service that does not, forgets it when it expires.

        :param conversation: the channel's; None: messages are streamed
        """
        self.stop()
        if not self.security.is_open or (conversation is not None and conversation.closed):
            return
        request = self.security.cancel(self._address)
        try:
            if conversation is None:
                await self._alone(lambda send: self._cancel(request, send))
            else:
                # The link looks at its security, as at that of all that comes.
                reply = self._no_fault(await self._exchange(conversation, request))
                self.security.cancelled(reply)
        except (TransportError, SecurityInvalid) as error:
            self.log.warn(
                "{via}: the security context could not be cancelled: {error}",
                via=self._via,
                error=error,
            )

    def stop(self) -> None:
        """The channel is over: renew nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._renewing is not None:
            self._renewing.cancel()

    # ---- inside

    async def _negotiate(self, send: Send) -> None:
        version = self._setup.encoder.version
        try:
            await self.security.negotiate(self._address, send, version)
        except SecurityInvalid as error:
            raise MessageSecurityError(f"{self._via}: {error}") from error

    async def _ask(self, send: Send) -> None:
        request = self.security.ask(self._address, self._setup.encoder.version)
        reply = await send(request)
        self.verify(reply)
        try:
            self.security.answered(reply)
        except SecurityInvalid as error:
            raise MessageSecurityError(
                f"{self._via}: the answer to {request.action} is none: {error}"
            ) from error

    async def _cancel(self, request: Message, send: Send) -> None:
        reply = await send(request)
        self.verify(reply)
        self.security.cancelled(reply)

    async def _alone(self, talk: Callable[[Send], Awaitable[None]]) -> None:
        """
        Talk to the service outside of the channel's own session, as WCF does.

        :param talk: is given what sends a request, and gives the reply, which is no fault
        """
        if self._setup.binding.streamed:
            await talk(self._send_streamed)
        else:
            await self._in_session(talk)

    def _no_fault(self, reply: Message) -> Message:
        if reply.is_fault:
            raise _refused(self._via, reply)
        return reply

    async def _in_session(self, talk: Callable[[Send], Awaitable[None]]) -> None:
        setup = self._setup
        link = MessageLink(setup.encoder, log=setup.log_of_link())
        conversation = Conversation(link, setup.reactor, _Asking())

        async def send(request: Message) -> Message:
            # A service that refuses ends the session by itself.
            return self._no_fault(await self._exchange(conversation, request))

        opened = await setup.pool.open_channel(
            self._via,
            link,
            content_type=setup.encoder.content_type,
            settings=setup.settings,
            upgrade=self._upgrade,
        )
        link.channel = IDuplexChannel(opened)
        try:
            await talk(send)
            await conversation.close(setup.binding.close_timeout)
        except BaseException:
            link.abort()
            raise

    async def _send_streamed(self, request: Message) -> Message:
        carrier = StreamedRequest(self._setup, self._upgrade)
        carrier.address_reply(request)
        expected = Expected("the request for a context", self._setup.binding.send_timeout)
        try:
            reply, _ = await carrier.send(self._via, request, None, expected)
            self._no_fault(reply)
            await carrier.done()
        except BaseException:
            carrier.abort()
            raise
        return reply

    async def _exchange(self, conversation: Conversation, request: Message) -> Message:
        request.reply_to = conversation.anonymous
        return await conversation.request(request, self._setup.binding.send_timeout)

    def _wait(self) -> None:
        """For the time to renew the context."""
        self._timer = self._setup.reactor.callLater(self.security.due_in, self._due)

    def _due(self) -> None:
        self._timer = None
        self._renewing = ensureDeferred(self._renew())

    async def _renew(self) -> None:
        try:
            await self.ask()
        except CancelledError:
            pass
        except Exception as error:
            self.log.warn(
                "{via}: the security context could not be renewed: {error}",
                via=self._via,
                error=error,
            )
            if self.security.is_expired:
                self.log.error(
                    "{via}: the security context has expired: the channel's next call will be "
                    "refused, and a new channel is needed",
                    via=self._via,
                )
            else:
                self._wait()
        finally:
            self._renewing = None


@implementer(IConversationUser)
class _Asking:
    """A session in which the service asks nothing."""

    def request_received(self, message: Message) -> Deferred[None] | None:
        return None

    def request_unreadable(self, message: Message, error: Exception) -> Deferred[None] | None:
        return None

    def other_side_ended(self) -> None:
        """Its answer, or the lack of one, says what is to be said."""

    def conversation_over(self, reason: Failure | None) -> None:
        """As above."""


def _refused(via: str, message: Message) -> MessageRefused:
    reason: Any
    try:
        reason = SoapFault.from_message(message).reason
    except (MessageInvalid, XmlException) as error:
        reason = f"a fault that cannot be read ({error})"
    return MessageRefused(
        f"{via}: the service has refused the security of a message: {reason} Is the credential "
        "right, and are both clocks? The service's log has the reason"
    )
