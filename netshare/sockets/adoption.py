"""
Making a socket that another process accepted a connection of this one's reactor.

``IReactorSocket.adoptStreamConnection`` does it on every reactor. Reactors that would make a
:class:`twisted.internet.tcp.Server` of it get one that is cheaper
(:class:`~netshare.sockets.privatenames.AdoptedConnection`): it is made straight from the
descriptor, and joins the reactor when its first bytes are dealt with and their answer is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IProtocolFactory
from zope.interface import implementer

from netshare.logger import Logger
from netshare.reactors import IConnection, IReactor
from netshare.sockets.held import HeldSocket
from netshare.sockets.privatenames import AdoptedConnection, is_closing, makes_tcp_servers

_log = Logger(namespace="netshare.sockets.adoption")

#: Told of a transport when its protocol is connected, before the first byte.
Connected = Callable[[Any], None]


class ClientGone(Exception):
    """
    The far end had left before the socket could be adopted.
    """


def adopt(
    reactor: IReactor,
    held: HeldSocket,
    factory: IProtocolFactory,
    readData: bytes = b"",
    connected: Connected | None = None,
) -> Any:
    """
    Make a held socket a transport of this process's reactor.

    The held socket is closed, or given up to the transport, unless the factory wanted no protocol.

    :param readData: bytes that were read already; the protocol gets them first, or when it reads
        again. A protocol that fails then loses its connection, as on any port
    :param connected: called with the transport after ``connectionMade``, before those bytes
    :returns: the transport, or None where the factory wanted no protocol
    :raises ClientGone: the far end has left, or the descriptor is not a connected TCP socket
    """
    if not makes_tcp_servers(reactor):
        transport = _adopt_by_interface(reactor, held, factory)
        if transport is not None:
            _deliver(transport, readData, connected)
        return transport
    transport = _adopt_directly(reactor, held, factory)
    if transport is not None:
        _deliver(transport, readData, connected)
        transport.join()
    return transport


def _deliver(
    transport: IConnection | AdoptedConnection, readData: bytes, connected: Connected | None
) -> None:
    try:
        if connected is not None:
            connected(transport)
        if not readData:
            return
        if isinstance(transport, AdoptedConnection):
            transport.receiveFirst(readData)
        elif not is_closing(transport):
            transport.protocol.dataReceived(readData)
    except Exception:
        _log.failure("the protocol of {transport} failed", transport=transport)
        transport.abortConnection()


def _adopt_directly(reactor: IReactor, held: HeldSocket, factory: IProtocolFactory) -> Any:
    """
    :returns: a connection that has not joined its reactor yet, or None
    """
    try:
        connection = held.view()
    except OSError as error:
        held.close()
        raise ClientGone(os.strerror(error.errno or 0)) from None
    transport: AdoptedConnection | None = None
    protocol: Any = False
    try:
        name, address = _peer(connection)
        protocol = factory.buildProtocol(address)
        if protocol is not None:
            transport = AdoptedConnection(connection, protocol, name, reactor)
            held.release()
            protocol.makeConnection(transport)
    except BaseException:
        if transport is not None:
            transport.abortConnection()
        raise
    finally:
        if transport is None:
            connection.detach()
            if protocol is not None:
                held.close()
    return transport


def _peer(connection: socket.socket) -> tuple[Any, IPv4Address | IPv6Address]:
    """
    The far end of a connection, as the socket has it and as an address.

    :raises ClientGone: there is none
    """
    family = super(socket.socket, connection).family  # the number: its enum member takes time
    if family not in (socket.AF_INET, socket.AF_INET6):
        raise ClientGone(f"the descriptor is not a TCP connection but {connection.family!r}")
    try:
        name = connection.getpeername()
    except OSError as error:
        raise ClientGone(os.strerror(error.errno or 0)) from None
    if len(name) == 2:
        return name, IPv4Address("TCP", *name)
    if name[3]:  # Twisted has the interface of a link-local address in its host
        host, _ = socket.getnameinfo(name, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        name = (host, *name[1:])
    return name, IPv6Address("TCP", *name)


def _adopt_by_interface(reactor: IReactor, held: HeldSocket, factory: IProtocolFactory) -> Any:
    transport: Any = False
    noting = _Noting(factory)
    try:
        descriptor = held.fileno()
        view = held.view()
        try:
            family = view.family
        finally:
            view.detach()
        os.set_blocking(descriptor, False)
        if family not in (socket.AF_INET, socket.AF_INET6):
            raise ClientGone(f"the descriptor is not a TCP connection but {family!r}")
        adopt_stream: Any = reactor.adoptStreamConnection  # returns what its interface leaves out
        transport = adopt_stream(descriptor, family, noting)
    except Exception as error:
        if isinstance(error, OSError) and not noting.asked:
            raise ClientGone(os.strerror(error.errno or 0)) from None
        noting.abort()
        raise
    finally:
        if transport is not None:
            held.close()
    return transport


@implementer(IProtocolFactory)
class _Noting:
    """
    Remembers the protocol that a factory made: one that fails in ``connectionMade`` has a
    transport already, of which nothing else would know.
    """

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory
        self._protocol: Any = None
        self.asked = False

    def buildProtocol(self, addr: Any) -> Any:
        self.asked = True
        self._protocol = self._factory.buildProtocol(addr)
        return self._protocol

    def doStart(self) -> None:
        """Not ours to do: a factory is started with its port."""

    def doStop(self) -> None:
        """See :meth:`doStart`."""

    def abort(self) -> None:
        if self._protocol is not None and self._protocol.transport is not None:
            self._protocol.transport.abortConnection()
