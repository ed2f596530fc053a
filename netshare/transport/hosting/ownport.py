"""
Ports that this process opens for itself, with all its services that listen there.

Services of one process share their ports, as WCF's do, whichever host opened them first. So there
is one table of them for a reactor, :meth:`OwnPorts.of`.
"""

from __future__ import annotations

import errno
import socket
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from zope.interface import implementer

from netshare.addresses import AddressError, parse_via
from netshare.framing.faults import Fault
from netshare.framing.records import Mode
from netshare.reactors import IReactor, PausablePort
from netshare.sockets.listening import WCF_CLIENT_SEGMENT, listening_socket
from netshare.sockets.privatenames import makes_tcp_servers
from netshare.transport.channels.errors import CommunicationError
from netshare.transport.channels.factory import FramingServerFactory
from netshare.transport.channels.interfaces import (
    IChannel,
    IChannelAcceptor,
    IChannelReceiver,
)
from netshare.transport.channels.settings import Acceptance
from netshare.transport.contracts.binding import NetTcpBinding
from netshare.transport.hosting.listeners import ChannelListener

__all__ = ["AddressInUseError", "OwnPort", "OwnPorts"]

#: How many connections may wait to be accepted; the kernel's own limit (somaxconn) is 4096.
BACKLOG = 4096

#: Addresses that clients have asked for, and whose listener is remembered.
_MAX_KNOWN = 256


class AddressInUseError(CommunicationError):
    """Another listener is there already. (AddressAlreadyInUseException)"""


class OwnPorts:
    """
    The ports that a process has opened in one reactor.
    """

    _of_reactors: WeakKeyDictionary[Any, OwnPorts] = WeakKeyDictionary()

    def __init__(self) -> None:
        #: By interface and number.
        self.ports: dict[tuple[str, int], OwnPort] = {}

    @classmethod
    def of(cls, reactor: IReactor) -> OwnPorts:
        """:returns: those that all hosts of this process share."""
        found = cls._of_reactors.get(reactor)
        if found is None:
            found = cls._of_reactors[reactor] = cls()
        return found

    def listen(self, reactor: IReactor, listener: ChannelListener) -> OwnPort:
        """
        Listen for a listener, with those that are there already.

        :param reactor: the one that these ports are in
        :returns: the port; :meth:`OwnPort.leave` it in the end
        :raises AddressInUseError: another process, or another listener, is there
        """
        key = _split(listener)
        port = self.ports.get(key)
        if port is None:
            port = OwnPort(reactor, self, *key, listener.binding)
            port.open(listener.uri)
            self.ports[key] = port
        port.join(listener)
        return port

    def forget(self, key: tuple[str, int]) -> None:
        """A port is closed."""
        self.ports.pop(key, None)


@implementer(IChannelAcceptor)
class OwnPort:
    """
    A port that this process has opened, with a listener for each address there.

    :param ports: those of the process; this one leaves them when its last listener does
    :param host: the interface's address; empty: all
    :param binding: of the first listener, whose limits are the port's
    """

    def __init__(
        self, reactor: IReactor, ports: OwnPorts, host: str, number: int, binding: NetTcpBinding
    ) -> None:
        self._reactor = reactor
        self._process = ports
        self._key = host, number
        self._listeners: list[ChannelListener] = []
        self.factory = FramingServerFactory(
            self, reactor, binding.channel_settings(), binding.max_pending_connections()
        )
        self._ports: list[IListeningPort] = []
        #: By via: who answers to it.
        self._known: dict[str, ChannelListener] = {}

    def join(self, listener: ChannelListener) -> None:
        """
        Listen for one listener more.

        :raises AddressInUseError: another one listens at this address
        """
        for other in self._listeners:
            if other.address.key == listener.address.key:
                raise AddressInUseError(f"{listener.uri}: this process listens there already")
        self._listeners.append(listener)
        self._known.clear()

    def leave(self, listener: ChannelListener) -> Deferred[None]:
        """
        The listener wants no more channels; those it has live on.

        :returns: a Deferred that fires when the port is closed, if no other listener needs it
        """
        if listener in self._listeners:
            self._listeners.remove(listener)
            self._known.clear()
        if self._listeners or not self._ports:
            return succeed(None)
        self._process.forget(self._key)
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

    def open(self, uri: str) -> None:
        """
        :param uri: for whom
        :raises AddressInUseError: another process has the port
        """
        host, number = self._key
        interfaces = [host] if host else ["0.0.0.0", "::"]
        for interface in interfaces:
            try:
                port = self._listen(interface, number)
            except CannotListenError as error:
                without = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
                if interface == "::" and error.socketError.errno in without:
                    continue  # a machine without IPv6
                for opened in self._ports:
                    opened.stopListening()
                raise AddressInUseError(
                    f"{uri}: port {number} cannot be opened: {error.socketError}; behind a shared "
                    "port, use port_sharing_enabled=True"
                ) from None
            self._ports.append(port)
            if isinstance(port, PausablePort):
                self.factory.listeningOn(port)

    def _listen(self, interface: str, number: int) -> IListeningPort:
        if interface == "::" and makes_tcp_servers(self._reactor):
            port = self._adopt(interface, number)
        else:
            factory: Any = self.factory
            port = self._reactor.listenTCP(number, factory, BACKLOG, interface)
        handle = getattr(port, "socket", None)
        if isinstance(handle, socket.socket):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, WCF_CLIENT_SEGMENT)
        return port

    def _adopt(self, interface: str, number: int) -> IListeningPort:
        try:
            bound = listening_socket(interface, number, BACKLOG)
        except OSError as error:
            raise CannotListenError(interface, number, error) from None
        with bound:  # the reactor has a copy
            factory: Any = self.factory
            return self._reactor.adoptStreamPort(bound.fileno(), bound.family, factory)

    # ---- for the connections

    def channelOpening(
        self, via: str, mode: Mode, contentType: str, peer: IAddress
    ) -> Acceptance | Fault | Deferred[Acceptance | Fault | None] | None:
        listener = self._listener(via)
        if listener is None:
            return Fault.ENDPOINT_NOT_FOUND
        return listener.channelOpening(via, mode, contentType, peer)

    def channelOpened(self, channel: IChannel) -> IChannelReceiver:
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
