"""
Any protocol behind a shared port: the preamble is read and answered here, and the Factory sees
only what follows it.

The preamble then is no more than an envelope with an address on it. What is inside can be HTTP,
SSH or anything else that TCP carries; :mod:`netshare.endpoints.client` writes such envelopes.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from twisted.internet.interfaces import IAddress, IProtocolFactory, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

from netshare.framing.faults import Fault
from netshare.framing.preamble import KNOWN_PREAMBLES, NEED_MORE, Malformed
from netshare.framing.records import PREAMBLE_ACK, Mode
from netshare.timing import Deadlines

#: Modes whose preamble is acknowledged; clients in the others expect no answer.
_ANSWERED = (Mode.DUPLEX, Mode.SINGLETON)


class PreambleUse(Enum):
    """
    What a Factory behind a shared port wants to see of the framing preamble.
    """

    #: Every byte: it speaks net.tcp itself.
    PASS = "pass"
    #: Nothing: it is read and answered for it.
    CONSUME = "consume"


class LateWrapper(ProtocolWrapper):
    """
    A wrapper whose wrapped protocol is made, and connected, only after something was settled on
    the connection first.
    """

    transport: Any
    wrappedProtocol: Any

    def __init__(self, factory: Any, addr: IAddress | None) -> None:
        super().__init__(factory, None)  # type: ignore[arg-type]
        self._addr = addr
        self.settled = False

    def makeConnection(self, transport: Any) -> None:
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)

    def dataReceived(self, data: bytes) -> None:
        if self.settled:
            self.wrappedProtocol.dataReceived(data)
        else:
            self.unsettledDataReceived(data)

    def unsettledDataReceived(self, data: bytes) -> None:
        """Bytes that came before :meth:`settle`."""
        raise NotImplementedError

    def settle(self, rest: bytes) -> None:
        """
        Make and connect the wrapped protocol.

        :param rest: bytes that are meant for it
        """
        protocol = self.factory.wrappedFactory.buildProtocol(self._addr)
        if protocol is None:
            self.transport.abortConnection()
            return
        self.wrappedProtocol = protocol
        self.settled = True
        protocol.makeConnection(self)
        if rest and not self.disconnecting:
            protocol.dataReceived(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.settled:
            super().connectionLost(reason)
        else:
            self.factory.unregisterProtocol(self)


class ConsumingProtocol(LateWrapper):
    """
    Reads a preamble, answers it, and lets the wrapped protocol have the rest.
    """

    log = Logger()
    factory: ConsumingFactory

    def connectionMade(self) -> None:
        self._received = b""
        self.factory.undecided.add(self, self.factory.timeout)

    def unsettledDataReceived(self, data: bytes) -> None:
        received = self._received = self._received + data
        reading = KNOWN_PREAMBLES[received]
        if reading is NEED_MORE:
            return
        if isinstance(reading, Malformed):
            self._refuse(reading.fault, reading.reason)
        elif reading.upgrade is not None:
            self._refuse(Fault.UPGRADE_INVALID, f"the upgrade {reading.upgrade} is not offered")
        else:
            self._accept(reading.mode, received[reading.end :])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.undecided.discard(self)
        super().connectionLost(reason)

    def timedOut(self) -> None:
        """The preamble was not complete in time."""
        peer, timeout = self.transport.getPeer(), self.factory.timeout
        self.log.warn("no complete preamble from {peer} in {timeout} s", peer=peer, timeout=timeout)
        self.transport.abortConnection()

    def _accept(self, mode: Mode, rest: bytes) -> None:
        self.factory.undecided.discard(self)
        self._received = b""
        if mode in _ANSWERED:
            self.transport.write(PREAMBLE_ACK)
        self.settle(rest)

    def _refuse(self, fault: Fault | None, reason: str) -> None:
        self.factory.undecided.discard(self)
        self.log.warn("refused {peer}: {reason}", peer=self.transport.getPeer(), reason=reason)
        if fault is not None:
            self.transport.write(fault.record)
        self.transport.loseConnection()


class ConsumingFactory(WrappingFactory):
    """
    Wraps any Factory so that it can serve behind a shared port.

    :param timeout: seconds that a client may take for the rest of its preamble
        (ChannelInitializationTimeout)
    """

    noisy = False

    def __init__(
        self, wrapped: IProtocolFactory, reactor: IReactorTime, timeout: float | None = 30.0
    ) -> None:
        super().__init__(wrapped)
        self.timeout = timeout
        #: Connections whose preamble is not complete.
        self.undecided = Deadlines(reactor, ConsumingProtocol.timedOut)

    def doStart(self) -> None:
        super().doStart()
        self.undecided.keep = True

    def doStop(self) -> None:
        super().doStop()
        self.undecided.keep = False
        self.undecided.tidy()

    def buildProtocol(self, addr: IAddress | None) -> ConsumingProtocol:
        return ConsumingProtocol(self, addr)
