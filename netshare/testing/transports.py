"""
TCP connections and control links for tests, carried forward by hand.
"""

from __future__ import annotations

import os
import select
import socket
from collections import deque
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IUNIXTransport
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

#: Seconds to look for bytes that the kernel may still be carrying from one socket to the other.
_IN_FLIGHT = 0.002


def tcpPair(family: socket.AddressFamily = socket.AF_INET) -> tuple[socket.socket, socket.socket]:
    """
    A TCP connection on the loopback interface.

    :param family: AF_INET or AF_INET6
    :returns: the client's end, which blocks for at most five seconds, and the server's, which
        does not block
    """
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        listener.listen(1)
        client = socket.create_connection(listener.getsockname()[:2], 5)
        server, _ = listener.accept()
    for end in (client, server):  # what is sent is there at once
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.setblocking(False)
    return client, server


def _address(name: tuple[Any, ...]) -> IPv4Address | IPv6Address:
    kind = IPv6Address if ":" in name[0] else IPv4Address
    return kind("TCP", name[0], name[1])


class FakeStreamTransport(StringTransport):
    """
    A TCP transport over a real, connected socket.

    What is written to it really arrives at the other end, and :meth:`StringTransport.value` has
    it, too. As with Twisted's own transports, ``abortConnection`` and ``loseConnection`` tell the
    protocol later, and ``getHandle()`` is a socket object that can be detached.

    :param connection: the socket, owned by the transport from now on
    :param reactor: whose time it is
    :param protocol: who gets what arrives
    """

    def __init__(self, connection: socket.socket, reactor: Any, protocol: Any) -> None:
        super().__init__(_address(connection.getsockname()), _address(connection.getpeername()))
        self.protocol = protocol
        self.connected = True
        self._socket = connection
        self._reactor = reactor
        self._outgoing = bytearray()
        self._readClosed = False
        self._writeClosing = False
        self._writeClosed = False
        self._aborting = False
        connection.setblocking(False)

    def getHandle(self) -> socket.socket:
        """The socket object."""
        return self._socket

    def write(self, data: bytes) -> None:
        if self.connected and not self._writeClosing:
            super().write(data)
            self._outgoing += data

    def loseWriteConnection(self) -> None:
        """Close our half, once everything is written."""
        self._writeClosing = True

    def loseConnection(self) -> None:
        self.disconnecting = True

    def abortConnection(self) -> None:
        if self.connected and not self._aborting:
            self._aborting = self.disconnecting = True
            self._reactor.callLater(0, self._lose, ConnectionAborted())

    def unregisterProducer(self) -> None:
        self.producer = self.streaming = None  # Twisted's own allow it when there is none

    def deliver(self) -> bool:
        """
        Let the protocol have what has arrived, if it wants it now, and send what it wrote before:
        in this order, as a reactor does.

        :returns: whether there was anything
        """
        received = self.connected and not self._aborting and self._receive()
        sent = self.connected and not self._aborting and self._send()
        return received or sent

    def _receive(self) -> bool:
        if self._readClosed or self.disconnecting or self.producerState != "producing":
            return False
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            self._lose(ConnectionLost())
            return True
        if data:
            self.protocol.dataReceived(data)
        elif IHalfCloseableProtocol.providedBy(self.protocol):
            self._readClosed = True
            self.protocol.readConnectionLost()
        else:
            self._lose(ConnectionDone())
        return True

    def _send(self) -> bool:
        before = len(self._outgoing)
        try:
            while self._outgoing:
                del self._outgoing[: self._socket.send(self._outgoing)]
        except BlockingIOError:
            return len(self._outgoing) < before
        except OSError:
            self._lose(ConnectionLost())
            return True
        if self.disconnecting:
            self._lose(ConnectionDone())
            return True
        if self._writeClosing and not self._writeClosed:
            self._writeClosed = True
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the far end has left altogether
            if IHalfCloseableProtocol.providedBy(self.protocol):
                self.protocol.writeConnectionLost()
            return True
        return before > 0

    def _lose(self, reason: Exception) -> None:
        if self.connected:
            self.connected = False
            self._socket.close()
            self.protocol.connectionLost(Failure(reason))


class AdoptingReactor(MemoryReactorClock):
    """
    A ``MemoryReactorClock`` whose ``adoptStreamConnection`` makes :class:`FakeStreamTransport`.

    :ivar transports: every transport made so far, in order
    """

    def __init__(self) -> None:
        super().__init__()
        self.transports: list[FakeStreamTransport] = []

    def adoptStreamConnection(
        self, fileDescriptor: int, addressFamily: socket.AddressFamily, factory: Any
    ) -> FakeStreamTransport | None:
        """
        Make a duplicate of a connected socket a transport.

        :raises OSError: it is not connected
        """
        connection = socket.fromfd(fileDescriptor, addressFamily, socket.SOCK_STREAM)
        try:
            return self.connect(factory, connection)
        except BaseException:
            connection.close()
            raise

    def connect(self, factory: Any, connection: socket.socket) -> FakeStreamTransport | None:
        """
        What a listening port does with a connection that it accepted.

        :param connection: owned by the transport from now on
        :returns: the transport, or None where the Factory wanted no protocol
        """
        protocol = factory.buildProtocol(_address(connection.getpeername()))
        if protocol is None:
            connection.close()
            return None
        transport = FakeStreamTransport(connection, self, protocol)
        self.transports.append(transport)
        protocol.makeConnection(transport)
        return transport

    def settle(self) -> None:
        """
        Let everything happen that can happen without time passing.
        """
        moved = True
        while moved:
            self.advance(0)
            moved = False
            for transport in list(self.transports):
                moved = transport.deliver() or moved
            if not moved:
                # No bytes any more, but a call may have come due, or bytes be on their way.
                due = any(call.getTime() <= self.seconds() for call in self.getDelayedCalls())
                moved = due or self._arriving()

    def close(self) -> None:
        """Close what is still connected, without a word to anybody."""
        for transport in self.transports:
            transport.connected = False
            transport.getHandle().close()

    def _arriving(self) -> bool:
        readable = [
            transport.getHandle()
            for transport in self.transports
            if transport.connected
            and not (transport._readClosed or transport.disconnecting)
            and transport.producerState == "producing"
            and transport.getHandle().fileno() >= 0
        ]
        return bool(select.select(readable, [], [], _IN_FLIGHT)[0]) if readable else False


@implementer(IUNIXTransport)
class FakeUNIXTransport(StringTransport):
    """
    One end of a :class:`UNIXLink`.
    """

    def __init__(self, handle: socket.socket) -> None:
        super().__init__(UNIXAddress(b""), UNIXAddress(b""))
        self.queue: deque[bytes | int | None] = deque()
        self._handle = handle

    def getHandle(self) -> socket.socket:
        """
        A UNIX socket, for asking the kernel who is at its other end: this process.
        """
        return self._handle

    def write(self, data: bytes) -> None:
        if not self.disconnecting:
            super().write(data)
            self.queue.append(bytes(data))

    def sendFileDescriptor(self, descriptor: int) -> None:
        """
        Queue a descriptor; as in Twisted it has to stay open until it is sent.
        """
        self.queue.append(descriptor)

    def loseConnection(self) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            self.queue.append(None)

    abortConnection = loseConnection


class UNIXLink:
    """
    Two protocols joined in memory.

    :ivar connected: whether they still are
    """

    def __init__(self, one: Any, other: Any) -> None:
        self.connected = True
        self._handles = socket.socketpair()
        self._protocols = (one, other)
        self._transports = tuple(FakeUNIXTransport(handle) for handle in self._handles)
        for protocol, transport in zip(self._protocols, self._transports, strict=True):
            protocol.makeConnection(transport)

    def flush(self) -> None:
        """
        Carry everything to the other side, and the answers back, until there is no more.

        :raises OSError: a descriptor was closed before it was sent
        """
        moved = True
        while moved and self.connected:
            moved = False
            for transport, receiver in zip(
                self._transports, reversed(self._protocols), strict=True
            ):
                while self.connected and transport.queue:
                    moved = True
                    item = transport.queue.popleft()
                    if item is None:
                        self.lose(ConnectionDone())
                    elif isinstance(item, int):
                        receiver.fileDescriptorReceived(os.dup(item))
                    else:
                        receiver.dataReceived(item)

    def lose(self, reason: Exception | None = None) -> None:
        """
        Cut the connection; what was not carried over yet is lost.

        :param reason: ``ConnectionLost`` unless said otherwise
        """
        if self.connected:
            self.connected = False
            for protocol in self._protocols:
                protocol.connectionLost(Failure(reason or ConnectionLost()))
            for handle in self._handles:
                handle.close()


def linkedUNIXTransports(one: Any, other: Any) -> UNIXLink:
    """
    Connect two protocols that speak over a UNIX socket, and may send descriptors, in memory.

    :returns: the link, which carries what they send when it is told to
    """
    return UNIXLink(one, other)
