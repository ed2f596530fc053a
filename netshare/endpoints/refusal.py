"""
Saying no so that the client hears it.

A fault is written, our half of the connection is closed, and what the client still sends is read
and thrown away until it closes too (RS: ConnectionModeReader's drain): closing with unread bytes
would reset the connection and could take the fault with it.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IHalfCloseableProtocol, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.faults import Fault
from netshare.reactors import IConnection

#: How much a refused client may still send, in bytes; the original's SharedMaxDrainSize.
MAX_DRAIN_SIZE = 65536

#: Seconds until a refused client that does not close is cut off, where no setting says otherwise.
CLOSE_TIMEOUT = 10.0


class Refusal:
    """
    Refuses on a transport: writes a fault, half-closes, drains, closes.

    Its protocol passes on what happens to the transport, and provides
    :class:`~twisted.internet.interfaces.IHalfCloseableProtocol` from now on.

    :param transport: one that cannot be half-closed is closed instead
    :param timeout: seconds until a client that does not close is cut off
    """

    def __init__(
        self,
        clock: IReactorTime,
        transport: IConnection,
        fault: Fault,
        timeout: float = CLOSE_TIMEOUT,
    ) -> None:
        self._transport = transport
        self._drained = 0
        self._cut_off = clock.callLater(timeout, transport.abortConnection)
        transport.write(fault.record)
        getattr(transport, "loseWriteConnection", transport.loseConnection)()

    def received(self, data: bytes) -> None:
        """The client still sends."""
        self._drained += len(data)
        if self._drained > MAX_DRAIN_SIZE:
            self._transport.abortConnection()

    def client_closed(self) -> None:
        """The client has closed its half: nothing is left but to finish writing."""
        self._transport.loseConnection()

    def over(self) -> None:
        """The connection is lost."""
        if self._cut_off.active():
            self._cut_off.cancel()


@implementer(IHalfCloseableProtocol)
class RefusalProtocol(Protocol):
    """
    A connection that is there to be refused.

    :param timeout: seconds until a client that does not close is cut off
    :param done: called when the connection is over
    """

    transport: IConnection

    def __init__(
        self, reactor: IReactorTime, fault: Fault, timeout: float, done: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._fault = fault
        self._timeout = timeout
        self._done = done
        self._refusal: Refusal | None = None

    def connectionMade(self) -> None:
        self._refusal = Refusal(self._reactor, self.transport, self._fault, self._timeout)

    def dataReceived(self, data: bytes) -> None:
        if self._refusal is not None:
            self._refusal.received(data)

    def readConnectionLost(self) -> None:
        if self._refusal is not None:
            self._refusal.client_closed()

    def writeConnectionLost(self) -> None:
        """The fault is out."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._refusal is not None:
            self._refusal.over()
        self._done()


class RefusalFactory(Factory):
    """
    Makes one :class:`RefusalProtocol` for one held socket.
    """

    noisy = False

    def __init__(self, protocol: RefusalProtocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> RefusalProtocol:
        return self._protocol
