"""
The listeners of a service's addresses, and their way behind the machine's shared port.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime
from zope.interface import implementer

from netshare.addresses import parse_base_address
from netshare.framing.faults import Fault
from netshare.framing.records import Mode
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.transport.calls.instances import client_of
from netshare.transport.calls.interfaces import IChannelKeeper, ICommunicationObject
from netshare.transport.calls.link import MessageLink
from netshare.transport.calls.messagelog import LinkLog, MessageLog
from netshare.transport.channels.factory import FramingServerFactory
from netshare.transport.channels.interfaces import (
    IChannel,
    IChannelAcceptor,
    IChannelReceiver,
    IDuplexChannel,
    ISingletonChannel,
)
from netshare.transport.channels.mallochint import expect_messages
from netshare.transport.channels.settings import Acceptance
from netshare.transport.channels.upgrades import IUpgradeAcceptor
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.hosting.calls import ServedCall
from netshare.transport.hosting.dispatcher import Dispatcher
from netshare.transport.hosting.sessions import ServedSession
from netshare.transport.security.secureconversation import ServiceMessageSecurity
from netshare.worker.endpoint import SharedPortServerEndpoint
from netshare.worker.link import Wish

__all__ = ["ChannelListener", "address_below", "listen_behind_shared_port"]


@implementer(IChannelAcceptor, IChannelKeeper)
class ChannelListener:
    """
    The listener of one listen URI.

    :param address: the listen URI
    :param binding: of its endpoints
    :param dispatcher: serves the requests
    :param clock: where timeouts are set
    :param upgrades: to a secure stream, of which clients have to ask for one; None: there are none
    :param message_log: what is logged of messages; None: nothing
    :param message_security: verifies messages; None: nothing does
    """

    log = Logger()

    def __init__(
        self,
        address: str,
        binding: NetTcpBinding,
        dispatcher: Dispatcher,
        clock: IReactorTime,
        upgrades: IUpgradeAcceptor | None = None,
        message_log: MessageLog | None = None,
        message_security: ServiceMessageSecurity | None = None,
    ) -> None:
        self._message_security = message_security
        self._message_log = message_log
        self.address = parse_base_address(address, binding.host_name_comparison_mode)
        self.uri = address
        self.binding = binding
        #: Every channel there is.
        self.channels: set[ICommunicationObject] = set()
        self.accepting = True
        self._dispatcher = dispatcher
        self._clock = clock
        self._settings = binding.channel_settings()
        self._accepted = Acceptance(self._settings, upgrades, upgrade_required=upgrades is not None)
        self._encoder = binding.make_encoder()
        if not binding.streamed:
            expect_messages(binding.max_received_message_size)

    def channelOpening(
        self, via: str, mode: Mode, contentType: str, peer: IAddress
    ) -> Acceptance | Fault | Deferred[Acceptance | Fault | None] | None:
        if not self.accepting:
            return Fault.ENDPOINT_NOT_FOUND
        if mode is not self.binding.transfer_mode.framing:
            return Fault.UNSUPPORTED_MODE
        encoder = self._encoder
        if contentType != encoder.content_type and not encoder.accepts(contentType):
            return Fault.CONTENT_TYPE_INVALID
        if mode is Mode.DUPLEX:
            possible = self._dispatcher.throttles.session_possible(client_of(peer))
            if possible is not None:
                return possible.addCallback(
                    lambda _: self.channelOpening(via, mode, contentType, peer)
                )
        return self._accepted

    def channelOpened(self, channel: IChannel) -> IChannelReceiver:
        binding, encoder, dispatcher = self.binding, self._encoder, self._dispatcher
        if channel.mode is Mode.DUPLEX:
            duplex = IDuplexChannel(channel)
            link = MessageLink(encoder, duplex, self._log_of_link())
            ServedSession(
                link, duplex, dispatcher, self._clock, binding, self, self._message_security
            )
            return link
        return ServedCall(
            ISingletonChannel(channel),
            encoder,
            dispatcher,
            binding.buffer_size,
            self,
            self._log_of_link(),
            self._message_security,
        ).exchange

    def _log_of_link(self) -> LinkLog | None:
        return None if self._message_log is None else LinkLog(self._message_log, self._clock)

    def channel_opened(self, channel: ICommunicationObject) -> None:
        self.channels.add(channel)

    def channel_over(self, channel: ICommunicationObject) -> None:
        self.channels.discard(channel)


async def listen_behind_shared_port(
    reactor: IReactor, listener: ChannelListener, control: Path | str | None, shared: bool = False
) -> tuple[IListeningPort, FramingServerFactory]:
    """
    Register a listener's address with the sharing service.

    :param control: the service's control socket; None: where it usually is
    :param shared: whether others may register the address, too
    :returns: the port, and the factory of the connections that come over it
    """
    binding = listener.binding
    factory = FramingServerFactory(
        listener, reactor, binding.channel_settings(), binding.max_pending_connections()
    )
    wish = Wish(listener.uri, binding.host_name_comparison_mode.value, shared=shared)
    endpoint = SharedPortServerEndpoint(reactor, wish, control)
    port = await endpoint.listen(factory)
    return port, factory


def address_below(base: str, path: str) -> str:
    """
    :param base: a base address
    :param path: below it, or an absolute address
    :returns: the absolute address
    """
    if "://" in path:
        return path
    return f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base
