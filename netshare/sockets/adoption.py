"""
Making a socket that another process accepted a connection of this one's reactor.

``IReactorSocket.adoptStreamConnection`` does it on every reactor, and leaves room: it copies the
descriptor, asks for the socket's name twice, and the first bytes, which are here already, have to
be delivered behind its back, so that the answer to them waits for the reactor's next turn.
Reactors that would make a :class:`twisted.internet.tcp.Server` anyway are spared that: here it is
made straight from the descriptor, and it joins the reactor when its first bytes are dealt with and
their answer is sent.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocolFactory, IReactorSocket
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.tcp import Server
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.sockets.held import HeldSocket, forbid_lingering

#: Whoever else has a socket can make it a blocking one at any time.
_NO_WAITING = int(socket.MSG_DONTWAIT)

#: Errors that do not end a connection.
_LATER = (errno.EWOULDBLOCK, errno.ENOBUFS)

_log = Logger(namespace="netshare.sockets.adoption")

#: Told of a transport when its protocol is connected, before the first byte.
Connected = Callable[[Any], None]


class ClientGone(Exception):
    """
    The far end had left before the socket could be adopted.
    """


def adopt(
    reactor: IReactorSocket,
    held: HeldSocket,
    factory: IProtocolFactory,
    readData: bytes = b"",
    connected: Connected | None = None,
) -> Any:
    """
    Make a held socket a transport of this process's reactor.

    The held socket is closed, or given up to the transport, unless the factory wanted no protocol.

    :param readData: bytes that were read already; the protocol gets them first, or when it reads
        again. As on any other
        connection, a protocol that fails then loses it, and nobody else hears of it
    :param connected: called with the transport behind ``connectionMade``, before those bytes
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


def _deliver(transport: Any, readData: bytes, connected: Connected | None) -> None:
    try:
        if connected is not None:
            connected(transport)
        if not readData:
            return
        if isinstance(transport, AdoptedConnection):
            transport.receiveFirst(readData)
        elif not (transport.disconnecting or getattr(transport, "_aborting", False)):
            transport.protocol.dataReceived(readData)
    except Exception:
        _log.failure("the protocol of {transport} failed", transport=transport)
        transport.abortConnection()


def makes_tcp_servers(reactor: Any) -> bool:
    """
    Whether adopting on this reactor makes a :class:`twisted.internet.tcp.Server`, as it does on
    all that Twisted has for UNIX.
    """
    return (
        getattr(type(reactor), "adoptStreamConnection", None)
        is PosixReactorBase.adoptStreamConnection
    )


class AdoptedConnection(Server):
    """
    A connection that is made and used before its reactor knows of it, until :meth:`join`.
    """

    reactor: Any

    _joined = False
    _reads = False
    _writes = False
    _halfClosing = False
    #: What was read before, for a protocol that does not read now.
    _first = b""

    def startReading(self) -> None:
        """See :meth:`stopWriting`."""
        self._reads = True
        if self._joined:
            if self._first:
                self.reactor.callLater(0, self._receiveKept)
            else:
                self.reactor.addReader(self)

    def stopReading(self) -> None:
        """See :meth:`stopWriting`."""
        if self._reads:
            self._reads = False
            if self._joined:
                self.reactor.removeReader(self)

    def startWriting(self) -> None:
        """See :meth:`stopWriting`."""
        self._writes = True
        if self._joined:
            self.reactor.addWriter(self)

    def stopWriting(self) -> None:
        """Until :meth:`join` only noted, like the other three."""
        if self._writes:
            self._writes = False
            if self._joined:
                self.reactor.removeWriter(self)

    def receiveFirst(self, data: bytes) -> None:
        """
        Let the protocol have its first bytes; if it does not read now, when it does.
        """
        if self._reads:
            self.protocol.dataReceived(data)
        else:
            self._first = data

    def doRead(self) -> Any:
        """As ever; but it never waits, though others who have the socket may want it to."""
        try:
            data = self.socket.recv(self.bufferSize, _NO_WAITING)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        return self._dataReceived(data)

    def loseWriteConnection(self) -> None:
        """As ever; :meth:`join` has to know."""
        self._halfClosing = True
        super().loseWriteConnection()

    def writeSomeData(self, data: bytes) -> Any:
        """As ever, with the same precaution."""
        if len(data) > self.SEND_LIMIT:
            data = memoryview(data)[: self.SEND_LIMIT]  # type: ignore[assignment]
        try:
            return self.socket.send(data, _NO_WAITING)
        except OSError as error:
            return 0 if error.errno in _LATER else CONNECTION_LOST

    def readConnectionLost(self, reason: Failure) -> None:
        """As ever, without looking for somebody who would make the protocol half-closeable."""
        if IHalfCloseableProtocol.providedBy(self.protocol):
            super().readConnectionLost(reason)
        else:
            self.connectionLost(reason)

    def join(self) -> None:
        """
        Send what was written so far, and let the reactor do the rest.
        """
        if self._writes and not self._callsBack():
            self.doWrite()  # an error is met by the reactor, which tries again
        self._joined = True
        if self._reads:
            self.reactor.addReader(self)
        if self._writes:
            self.reactor.addWriter(self)

    def _receiveKept(self) -> None:
        first, self._first = self._first, b""
        if first:
            _deliver(self, first, None)
            if self._reads:
                self.reactor.addReader(self)

    def _closeSocket(self, orderly: bool) -> None:
        if orderly:
            with suppress(OSError):  # somebody has taken the socket out
                forbid_lingering(self.socket)
        super()._closeSocket(orderly)

    def _callsBack(self) -> bool:
        """
        Whether somebody is called when all is written: that is for the reactor to do.
        """
        if self.disconnecting or self._halfClosing:
            return True
        return self.producer is not None and (self.producerPaused or not self.streamingProducer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.logstr}>"


def _adopt_directly(reactor: Any, held: HeldSocket, factory: IProtocolFactory) -> Any:
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
            transport = AdoptedConnection(
                connection,
                protocol,
                name,
                None,  # type: ignore[arg-type]  # there is no port, as with Twisted's own
                name[1],
                reactor,
            )
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


def _adopt_by_interface(reactor: Any, held: HeldSocket, factory: IProtocolFactory) -> Any:
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
        transport = reactor.adoptStreamConnection(descriptor, family, noting)
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
    transport already, of which nobody else would know.
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
