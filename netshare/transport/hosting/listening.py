"""
Where a service listens: on ports of its own, or behind the machine's shared port.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from zope.interface import implementer

from netshare.addresses import AddressError, parse_base_address, parse_via
from netshare.framing.faults import Fault
from netshare.framing.records import Mode
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.channels.interfaces import IChannelAcceptor
from netshare.transport.channels.mallochint import expect_messages
from netshare.transport.channels.server import ServerChannelFactory
from netshare.transport.channels.settings import Acceptance
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.hosting.dispatcher import Dispatcher
from netshare.transport.hosting.servicechannels import RequestChannel, SessionChannel
from netshare.worker.endpoint import SharedPortServerEndpoint
from netshare.worker.link import Wish

__all__ = ["AddressInUseError", "ChannelListener", "OwnPort", "listen_behind_shared_port"]

#: Segments this long keep WCF clients on the same machine, whose receive buffers are 8 KiB, from
#: crawling: loopback's own segments are larger than those buffers. Networks have smaller ones.
LOOPBACK_SEGMENT = 16000

#: Addresses that clients have asked for, and whose listener is remembered.
_MAX_KNOWN = 256


class AddressInUseError(CommunicationError):
    """Somebody else listens there. (AddressAlreadyInUseException)"""


@implementer(IChannelAcceptor)
class ChannelListener:
    """
    The listener of one listen URI.

    :param address: the listen URI
    :param binding: of its endpoints
    :param dispatcher: serves the requests
    :param clock: where timeouts are set
    """

    log = Logger()

    def __init__(
        self, address: str, binding: NetTcpBinding, dispatcher: Dispatcher, clock: Any
    ) -> None:
        self.address = parse_base_address(address, binding.host_name_comparison_mode)
        self.uri = address
        self.binding = binding
        #: Every channel there is.
        self.channels: set[SessionChannel | RequestChannel] = set()
        self.accepting = True
        self._dispatcher = dispatcher
        self._clock = clock
        self._settings = binding.channel_settings()
        self._accepted = Acceptance(self._settings)
        self._encoder = binding.make_encoder()
        if not binding.streamed:
            expect_messages(binding.max_received_message_size)

    def channelOpening(self, via: str, mode: Mode, contentType: str) -> Any:
        if not self.accepting:
            return Fault.ENDPOINT_NOT_FOUND
        if mode is not self.binding.transfer_mode.framing:
            return Fault.UNSUPPORTED_MODE
        encoder = self._encoder
        if contentType != encoder.content_type and not encoder.accepts(contentType):
            return Fault.CONTENT_TYPE_INVALID
        if mode is Mode.DUPLEX:
            possible = self._dispatcher.throttles.session_possible()
            if possible is not None:
                return possible.addCallback(lambda _: self.channelOpening(via, mode, contentType))
        return self._accepted

    def channelOpened(self, channel: Any) -> Any:
        made: SessionChannel | RequestChannel
        if channel.mode is Mode.DUPLEX:
            binding = self.binding
            made = SessionChannel(
                channel,
                self._encoder,
                self._dispatcher,
                self._clock,
                binding.send_timeout,
                binding.close_timeout,
            )
            receiver: Any = made.receiver
        else:
            made = RequestChannel(
                channel,
                self._encoder,
                self._dispatcher,
                self.binding.buffer_size,
            )
            receiver = made
        self.channels.add(made)
        made.gone = lambda: self.channels.discard(made)
        return receiver


@implementer(IChannelAcceptor)
class OwnPort:
    """
    A port that this process has opened, with a listener for each address there. Services of one
    process share their ports, as WCF's do.
    """

    _all: WeakKeyDictionary[Any, dict[tuple[str, int], OwnPort]] = WeakKeyDictionary()

    def __init__(self, reactor: Any, interface: str, number: int, binding: NetTcpBinding) -> None:
        self._reactor = reactor
        self._key = interface, number
        self._listeners: list[ChannelListener] = []
        self.factory = ServerChannelFactory(
            self, reactor, binding.channel_settings(), binding.max_pending_connections()
        )
        self._ports: list[Any] = []
        #: By via: who answers to it.
        self._known: dict[str, ChannelListener] = {}

    @classmethod
    def listen(cls, reactor: Any, listener: ChannelListener) -> OwnPort:
        """
        Listen for a listener, with those that are there already.

        :returns: the port; :meth:`leave` it in the end
        :raises AddressInUseError: another process, or another listener, is there
        """
        host, number = _split(listener)
        ports = cls._all.setdefault(reactor, {})
        port = ports.get((host, number))
        if port is None:
            port = cls(reactor, host, number, listener.binding)
            port._open(host, number, listener.uri)
            ports[host, number] = port
        for other in port._listeners:
            if other.address.key == listener.address.key:
                raise AddressInUseError(f"{listener.uri}: this process listens there already")
        port._listeners.append(listener)
        port._known.clear()
        return port

    def leave(self, listener: ChannelListener) -> Deferred[None]:
        """
        The listener wants no more channels; those it has live on.

        :returns: a Deferred that fires when the port is closed, if nobody else needs it
        """
        if listener in self._listeners:
            self._listeners.remove(listener)
            self._known.clear()
        if self._listeners or not self._ports:
            return succeed(None)
        self._all[self._reactor].pop(self._key, None)
        ports, self._ports = self._ports, []
        stopped = gatherResults([maybeDeferred(port.stopListening) for port in ports])
        return stopped.addCallback(lambda _: None)

    def closeConnections(self) -> Deferred[None]:
        """
        Close connections without a channel, and the others after theirs.

        :returns: a Deferred that fires when none is left, at once if others need the port
        """
        return succeed(None) if self._listeners else self.factory.close()

    def abortConnections(self) -> None:
        """End all connections at once, unless others need the port."""
        if not self._listeners:
            self.factory.abort()

    def _open(self, host: str, number: int, uri: str) -> None:
        interfaces = [host] if host else ["0.0.0.0", "::"]
        for interface in interfaces:
            try:
                port = self._listen(interface, number)
            except CannotListenError as error:
                if interface == "::" and not socket.has_dualstack_ipv6():
                    continue  # a machine without IPv6
                for opened in self._ports:
                    opened.stopListening()
                raise AddressInUseError(
                    f"{uri}: port {number} cannot be opened: {error.socketError}; behind a shared "
                    "port, use port_sharing_enabled=True"
                ) from None
            self._ports.append(port)
            self.factory.listeningOn(port)

    def _listen(self, interface: str, number: int) -> Any:
        port = self._reactor.listenTCP(number, self.factory, interface=interface)
        handle = getattr(port, "socket", None)
        if isinstance(handle, socket.socket):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, LOOPBACK_SEGMENT)
        return port

    # ---- for the connections

    def channelOpening(self, via: str, mode: Mode, contentType: str) -> Any:
        listener = self._listener(via)
        if listener is None:
            return Fault.ENDPOINT_NOT_FOUND
        return listener.channelOpening(via, mode, contentType)

    def channelOpened(self, channel: Any) -> Any:
        listener = self._listener(channel.via)
        if listener is None:
            raise CommunicationError(f"{channel.via}: the service was closed meanwhile")
        return listener.channelOpened(channel)

    def _listener(self, via: str) -> ChannelListener | None:
        known = self._known.get(via)
        if known is None:
            known = self._find(via)
            if known is not None:
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[via] = known
        return known

    def _find(self, via: str) -> ChannelListener | None:
        try:
            asked = parse_via(via)
        except AddressError:
            return None
        best: ChannelListener | None = None
        rank: tuple[int, int] = (0, -1)
        for listener in self._listeners:
            own = listener.address
            modes = list(type(own.mode))
            if own.host not in ("+", "*", asked.host):
                continue
            depth = len(own.segments)
            if asked.segments[:depth] != own.segments:
                continue
            # Strong wildcards come first, then exact hosts; among those the deepest path.
            here = (len(modes) - modes.index(own.mode), depth)
            if best is None or here > rank:
                best, rank = listener, here
        return best


def _split(listener: ChannelListener) -> tuple[str, int]:
    """The interface to listen on, empty for all, and the port number."""
    via = parse_via(listener.uri)
    host = via.host.strip("[]")
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return host, via.port
    return "", via.port


async def listen_behind_shared_port(
    reactor: Any, listener: ChannelListener, control: Path | str | None, shared: bool = False
) -> tuple[Any, ServerChannelFactory]:
    """
    Register a listener's address with the sharing service.

    :param control: the service's control socket; None: where it usually is
    :param shared: whether others may register the address, too
    :returns: the port, and the factory of the connections that come over it
    """
    binding = listener.binding
    factory = ServerChannelFactory(
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
