"""
Servers whose connection is not a plain socket: TLS, say, or a transport of the user's own.

The relay itself works with sockets. Such a transport gets a pair of them, one for the relay and
one for itself, and the bytes are carried across in this process.
"""

from __future__ import annotations

import socket

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.reactors import IConnection
from netshare.service.routing.relay.ends import SocketEnd
from netshare.service.routing.relay.owner import EndOwner
from netshare.service.routing.relay.poller import Poller
from netshare.sockets.held import HeldSocket, NotPassable


@implementer(IHalfCloseableProtocol, IPushProducer)
class ServerProtocol(Protocol):
    """
    The protocol of a connection that an endpoint has made. :meth:`end` takes its socket; where
    there is none, this joins it to one.
    """

    transport: IConnection

    def __init__(self) -> None:
        self._near: SocketEnd | None = None
        #: What came before :meth:`end` was asked for.
        self.early = b""
        self._lost = False

    def end(self, poller: Poller, owner: EndOwner[SocketEnd]) -> SocketEnd:
        """
        The relay's end of this connection.
        """
        try:
            held = HeldSocket.from_transport(self.transport)
        except NotPassable:
            ours, theirs = socket.socketpair()
            for one in (ours, theirs):
                one.setblocking(False)
            self._near = SocketEnd(poller, ours, self)
            self._near.resume()
            self.transport.registerProducer(self, True)
            self._near.write(self.early)
            self.early = b""
            if self._lost:
                self._near.lose()
            return SocketEnd(poller, theirs, owner)
        return SocketEnd(poller, socket.socket(fileno=held.release()), owner)

    # The transport's side.

    def dataReceived(self, data: bytes) -> None:
        if self._near is None:
            self.early += data
        else:
            self._near.write(data)

    def readConnectionLost(self) -> None:
        if self._near is not None:
            self._near.loseWrite()

    def writeConnectionLost(self) -> None:
        """What the relay sent is out."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        if self._near is not None:
            self._near.lose()

    def pauseProducing(self) -> None:
        """The transport takes no more for now."""
        if self._near is not None:
            self._near.pause()

    def resumeProducing(self) -> None:
        """It does again."""
        if self._near is not None:
            self._near.resume()

    def stopProducing(self) -> None:
        """It is gone; :meth:`connectionLost` follows."""

    # The relay's side.

    def dialled(self, end: SocketEnd) -> None:
        """A pair is connected from the start."""

    def received(self, end: SocketEnd, data: bytes) -> None:
        self.transport.write(data)

    def moved_on(self, end: SocketEnd, count: int) -> None:
        """Nothing is passed on unread."""

    def readEnded(self, end: SocketEnd) -> None:
        self.transport.unregisterProducer()
        if end.writeDone or ISSLTransport.providedBy(self.transport):  # TLS has no half-close
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()

    def filled(self, end: SocketEnd) -> None:
        self.transport.pauseProducing()

    def drained(self, end: SocketEnd) -> None:
        self.transport.resumeProducing()

    def lost(self, end: SocketEnd | None, reason: str) -> None:
        self.transport.abortConnection()
