"""
Saying no so that the client hears it.

A fault is written, our half of the connection is closed, and what the client still sends is read
and thrown away until it closes too (RS: ConnectionModeReader's drain): closing with unread bytes
would reset the connection and could take the fault with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.framing.faults import Fault

#: How much a refused client may still send, in bytes; the original's SharedMaxDrainSize.
MAX_DRAIN_SIZE = 65536


@implementer(IHalfCloseableProtocol)
class RefusalProtocol(Protocol):
    """
    Writes a fault, half-closes, drains, closes.

    :param timeout: seconds until a client that does not close is cut off
    :param done: called when the connection is over
    """

    transport: Any

    def __init__(
        self, reactor: IReactorTime, fault: Fault, timeout: float, done: Callable[[], None]
    ) -> None:
        self._fault = fault
        self._done = done
        self._drained = 0
        self._cutOff = reactor.callLater(timeout, self._abort)

    def connectionMade(self) -> None:
        self.transport.write(self._fault.record)
        self.transport.loseWriteConnection()

    def dataReceived(self, data: bytes) -> None:
        self._drained += len(data)
        if self._drained > MAX_DRAIN_SIZE:
            self._abort()

    def readConnectionLost(self) -> None:
        """The client has closed its half: nothing is left but to finish writing."""
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """The fault is out."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._cutOff.active():
            self._cutOff.cancel()
        self._done()

    def _abort(self) -> None:
        self.transport.abortConnection()


class RefusalFactory(Factory):
    """
    Makes one :class:`RefusalProtocol` for one held socket.
    """

    noisy = False

    def __init__(self, protocol: RefusalProtocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> RefusalProtocol:
        return self._protocol
