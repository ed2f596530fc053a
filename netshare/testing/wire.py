"""
TCP in memory: transports that pause, half-close, reset and fill up as real ones do, and a wire
between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(ITCPTransport)
class MemoryTransport:
    """
    A TCP transport whose far end is the test, or a :class:`Wire`.

    :param peer: the far end's address
    :param host: this end's
    :ivar written: what the protocol wrote since it was last taken
    :ivar state: ``open``, ``closing`` (loseConnection), ``aborting`` or ``lost``
    """

    def __init__(self, protocol: Any, peer: Any = None, host: Any = None) -> None:
        self.protocol = protocol
        self.peer = peer or IPv4Address("TCP", "192.0.2.1", 5000)
        self.host = host or self.peer
        #: Told why, when the connection is over and the protocol knows.
        self.whenLost: Callable[[Failure], object] = lambda reason: None
        self.written = b""
        self.state = "open"
        self.halfClosed = False
        self.paused = False
        self.eof = False
        self.noDelay = False
        self.producer: Any = None
        self._streaming = False
        self._full = False

    # ---- what protocols call

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        if self.state in ("open", "closing") and not self.halfClosed:
            self.written += data

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def loseConnection(self) -> None:
        if self.state == "open":
            self.state = "closing"

    def loseWriteConnection(self) -> None:
        self.halfClosed = True

    def abortConnection(self) -> None:
        if self.state != "lost":
            self.state = "aborting"

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        assert not self.eof, "reading again what has ended"
        self.paused = False

    def stopProducing(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError("there is a producer already")
        if self.state == "lost":
            producer.stopProducing()
            return
        self.producer, self._streaming, self._full = producer, streaming, False
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.noDelay = enabled

    def getTcpNoDelay(self) -> bool:
        return self.noDelay

    def setTcpKeepAlive(self, enabled: bool) -> None:
        raise NotImplementedError

    def getTcpKeepAlive(self) -> bool:
        return False

    def getPeer(self) -> Any:
        return self.peer

    def getHost(self) -> Any:
        return self.host

    # ---- what tests call

    def take(self) -> bytes:
        """What was written, which then has left."""
        written, self.written = self.written, b""
        if self.producer is not None and (not self._streaming or self._full):
            self._full = False
            self.producer.resumeProducing()
        return written

    def fill(self) -> None:
        """The buffer is full until :meth:`take`."""
        self._full = True
        self.producer.pauseProducing()

    def receive(self, data: bytes) -> None:
        """The far end wrote."""
        assert not self.paused, "reading is paused"
        if self.state == "open":
            self.protocol.dataReceived(data)

    def receiveEof(self) -> None:
        """The far end closed its half."""
        if self.state != "open":
            return
        self.eof = True
        half: Any = IHalfCloseableProtocol(self.protocol, None)
        if half is not None:
            half.readConnectionLost()
        else:
            self.lose(ConnectionDone())

    def lose(self, reason: Exception) -> None:
        """The connection is over."""
        if self.state != "lost":
            self.state = "lost"
            if self.producer is not None:
                self.producer.stopProducing()
            failure = Failure(reason)
            self.protocol.connectionLost(failure)
            self.whenLost(failure)

    def settle(self) -> None:
        """What loseConnection and abortConnection promised happens now."""
        if self.state == "closing" and self.producer is None:
            self.take()
            self.lose(ConnectionDone())
        elif self.state == "aborting":
            self.lose(ConnectionAborted())


def connect(protocol: Any) -> Any:
    """
    Make a transport and connect it.

    :returns: the :class:`MemoryTransport`
    """
    transport = MemoryTransport(protocol)
    protocol.makeConnection(transport)
    return transport


class Wire:
    """
    Two transports whose bytes reach each other.

    :param addresses: the client's and the server's
    :ivar spoken: everything that left: (0 or 1 for the side, the bytes)
    """

    def __init__(self, client: Any, server: Any, addresses: tuple[Any, Any] = (None, None)) -> None:
        mine, its = addresses
        self.ends: tuple[Any, Any] = (
            MemoryTransport(client, its, mine),
            MemoryTransport(server, mine, its),
        )
        self.spoken: list[tuple[int, bytes]] = []
        self._eofSent = [False, False]
        server.makeConnection(self.ends[1])
        client.makeConnection(self.ends[0])

    def flow(self) -> bool:
        """
        Carry bytes and ends until nothing moves.

        :returns: whether anything did
        """
        moved = False
        while self._step():
            moved = True
        return moved

    def _step(self) -> bool:
        moved = False
        for side, here in enumerate(self.ends):
            there = self.ends[1 - side]
            if not there.paused or there.state != "open":
                data = here.take()
                if data:
                    moved = True
                    self.spoken.append((side, data))
                    there.receive(data) if there.state == "open" else None
            if here.halfClosed and not here.written and not self._eofSent[side]:
                self._eofSent[side] = moved = True
                there.receiveEof()
            if here.state == "closing" and not here.written and here.producer is None:
                moved = True
                here.lose(ConnectionDone())
                if not self._eofSent[side]:
                    self._eofSent[side] = True
                    there.receiveEof()
            if here.state == "aborting":
                moved = True
                here.lose(ConnectionAborted())
                there.lose(ConnectionLost())
        return moved
