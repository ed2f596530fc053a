"""
One call: a request and its reply; where messages carry credentials, with what comes before and
after, each on a channel of its own, as WCF does it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from twisted.internet.endpoints import HostnameEndpoint

from netshare.cli.call.exchange import Exchange
from netshare.cli.call.security import Secured
from netshare.cli.target import Target
from netshare.framing.records import Mode
from netshare.reactors import IReactor
from netshare.transport.channels.errors import MessageSecurityError, TransportError
from netshare.transport.channels.pool import open_channel
from netshare.transport.channels.settings import ChannelSettings
from netshare.transport.encoders import MessageEncoder
from netshare.transport.security.secureconversation import ClientMessageSecurity, SecurityInvalid
from netshare.transport.soap import Message, MessageInvalid, SoapFault, new_message_id
from netshare.transport.xml import XmlException

__all__ = ["Call"]


@dataclass(frozen=True, slots=True)
class Call:
    """
    What a call needs besides its request.

    :param target: where to
    :param encoding: gives an encoder for one session
    :param content_type: what the service calls the encoding
    :param timeout: seconds for each connection, and for each reply
    """

    reactor: IReactor
    target: Target
    mode: Mode
    encoding: Callable[[], MessageEncoder]
    content_type: str
    secured: Secured
    timeout: float
    max_size: int

    async def run(self, request: Message, one_way: bool) -> Message | None:
        """
        :returns: the reply; None if there is none to wait for
        :raises TransportError: it did not come about
        :raises XmlException: the request cannot be written
        """
        security = self.secured.messages
        if security is None:
            return await self._exchange(request, one_way)
        to = request.to or self.target.via
        if security.negotiates:
            try:
                await security.negotiate(to, self._asked, request.version)
            except SecurityInvalid as error:
                raise MessageSecurityError(str(error)) from None
        await self._settle(security, security.ask(to, request.version), security.answered)
        security.secure(request)
        reply = await self._exchange(request, one_way)
        if reply is not None:
            _verify(security, reply)
        with suppress(TransportError):  # the service forgets the context by itself
            await self._settle(security, security.cancel(to), security.cancelled)
        return reply

    async def _settle(
        self,
        security: ClientMessageSecurity,
        request: Message,
        answered: Callable[[Message], None],
    ) -> None:
        """Send a request that is about the security context."""
        reply = await self._asked(request)
        _verify(security, reply)
        try:
            answered(reply)
        except SecurityInvalid as error:
            raise MessageSecurityError(f"the answer to {request.action}: {error}") from None

    async def _asked(self, request: Message) -> Message:
        request.version = self.encoding().version
        request.message_id = new_message_id()
        request.reply_to = request.version.addressing.anonymous or None
        reply = await self._exchange(request, False)
        assert reply is not None
        if reply.is_fault:
            raise _refused(reply)
        return reply

    async def _exchange(self, request: Message, one_way: bool) -> Message | None:
        exchange = Exchange(self.encoding(), request, one_way)
        channel = await open_channel(
            self.reactor,
            self.target.via,
            exchange,
            endpoint=HostnameEndpoint(self.reactor, self.target.host, self.target.port),
            mode=self.mode,
            content_type=self.content_type,
            upgrade=self.secured.upgrade,
            settings=ChannelSettings(
                open_timeout=self.timeout,
                send_timeout=self.timeout,
                close_timeout=min(self.timeout, 5.0),
                max_received_message_size=self.max_size,
            ),
        )
        return await exchange.run(self.reactor, channel, self.timeout)


def _verify(security: ClientMessageSecurity, reply: Message) -> None:
    try:
        security.receive(reply)
    except SecurityInvalid as error:
        if reply.is_fault:
            raise _refused(reply) from None
        raise MessageSecurityError(f"the reply of the service: {error}") from None


def _refused(reply: Message) -> MessageSecurityError:
    try:
        reason = SoapFault.from_message(reply).reason
    except (MessageInvalid, XmlException) as error:
        reason = f"a fault that cannot be read ({error})."
    return MessageSecurityError(
        f"the service has refused the security of a message: {reason} Is the credential right, and "
        "are both clocks? The service's log has the reason"
    )
