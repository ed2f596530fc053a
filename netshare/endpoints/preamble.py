"""
Any protocol behind a shared port: the preamble is read and answered here, and the Factory sees
only what follows it.

The preamble then is no more than an envelope with an address on it. What is inside can be HTTP,
SSH or anything else that TCP carries; :mod:`netshare.endpoints.client` writes such envelopes.
"""

from __future__ import annotations

import socket
from enum import Enum
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import alsoProvides, directlyProvides, implementer, providedBy

from netshare.endpoints.refusal import Refusal
from netshare.framing.faults import Fault
from netshare.framing.preamble import KNOWN_PREAMBLES, NEED_MORE, Malformed, Preamble
from netshare.framing.records import PREAMBLE_ACK, Mode
from netshare.logger import Logger
from netshare.reactors import IConnection
from netshare.sockets.keepalive import bytes_moved
from netshare.timing import Deadlines, IdleWatch

#: Modes whose preamble is acknowledged; clients in the others expect no answer.
_ANSWERED = (Mode.DUPLEX, Mode.SINGLETON)

#: How many refused connections of one Factory are waited for at once.
MAX_REFUSING = 256


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
    A wrapper whose wrapped protocol is connected only after something was settled on the
    connection first.
    """

    transport: IConnection
    wrappedProtocol: Any

    def __init__(self, factory: Any, addr: IAddress | None) -> None:
        super().__init__(factory, None)  # type: ignore[arg-type]
        self._addr = addr
        self.settled = False

    def makeConnection(self, transport: IConnection) -> None:
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

    def build(self) -> Any:
        """
        Ask the wrapped Factory.

        :returns: its protocol, or None
        """
        return self.factory.wrappedFactory.buildProtocol(self._addr)

    def settle(self, protocol: Any, rest: bytes) -> None:
        """
        Connect the wrapped protocol.

        :param protocol: what :meth:`build` returned
        :param rest: bytes that are meant for it
        """
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

    :param built: the wrapped protocol, if the wrapped Factory was asked for it already
    """

    log = Logger()
    factory: ConsumingFactory

    def __init__(self, factory: ConsumingFactory, addr: IAddress | None, built: Any = None) -> None:
        super().__init__(factory, addr)
        self._built = built
        self._received = b""
        self._refusal: Refusal | None = None

    def connectionMade(self) -> None:
        self.factory.undecided.add(self, self.factory.timeout)

    def unsettledDataReceived(self, data: bytes) -> None:
        if self._refusal is not None:
            self._refusal.received(data)
            return
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
        self.factory.idle.discard(self)
        if self._refusal is not None:
            self._refusal.over()
            self.factory.refusing.discard(self)
        super().connectionLost(reason)

    def readConnectionLost(self) -> None:
        """The client that is refused has closed its half."""
        if self._refusal is not None:
            self._refusal.client_closed()

    def writeConnectionLost(self) -> None:
        """The fault is out."""

    def timedOut(self) -> None:
        """The preamble was not complete in time."""
        peer, timeout = self.transport.getPeer(), self.factory.timeout
        self.log.warn("no complete preamble from {peer} in {timeout} s", peer=peer, timeout=timeout)
        self.transport.abortConnection()

    def idled(self) -> None:
        """Nothing has come or gone for longer than the limit."""
        peer, timeout = self.transport.getPeer(), self.factory.idleTimeout
        self.log.info("{peer} is cut: it was idle for {timeout} s", peer=peer, timeout=timeout)
        self.transport.abortConnection()

    def moved(self) -> object:
        """How much has come and gone; never the same twice where the system does not count it."""
        try:
            return bytes_moved(_tcp_socket(self.transport))
        except OSError:
            return object()

    def _accept(self, mode: Mode, rest: bytes) -> None:
        self._received = b""
        protocol = self._built if self._built is not None else self.build()
        if protocol is None:
            self._refuse(Fault.SERVER_TOO_BUSY, "the Factory wants no more connections")
            return
        self.factory.undecided.discard(self)
        if mode in _ANSWERED:
            self.transport.write(PREAMBLE_ACK)
        self.factory.idle.add(self)
        self.settle(protocol, rest)

    def _refuse(self, fault: Fault | None, reason: str) -> None:
        factory = self.factory
        factory.undecided.discard(self)
        self.log.warn("refused {peer}: {reason}", peer=self.transport.getPeer(), reason=reason)
        if fault is None:
            self.transport.loseConnection()
        elif len(factory.refusing) < MAX_REFUSING:
            alsoProvides(self, IHalfCloseableProtocol)
            factory.refusing.add(self)
            self._refusal = Refusal(factory.clock, self.transport, fault)
        else:  # under attack: the fault still goes out, but is not waited for
            self.transport.write(fault.record)
            self.transport.loseConnection()


class ConsumingFactory(WrappingFactory):
    """
    Wraps any Factory so that it can serve behind a shared port.

    :param timeout: seconds that a client may take for the rest of its preamble
        (ChannelInitializationTimeout)
    :param idleTimeout: seconds without a byte in either direction after which a TCP connection is
        cut, up to a quarter later; None: it may rest as long as its far end is there
    """

    noisy = False

    def __init__(
        self,
        wrapped: IProtocolFactory,
        reactor: IReactorTime,
        timeout: float | None = 30.0,
        idleTimeout: float | None = None,
    ) -> None:
        super().__init__(wrapped)
        self.timeout = timeout
        self.idleTimeout = idleTimeout
        self.clock = reactor
        #: Connections whose preamble is not complete.
        self.undecided = Deadlines(reactor, ConsumingProtocol.timedOut)
        #: Connections that are being told why they are refused.
        self.refusing: set[ConsumingProtocol] = set()
        #: Connections that the wrapped Factory has.
        self.idle: IdleWatch[ConsumingProtocol] = IdleWatch(
            reactor, idleTimeout, ConsumingProtocol.moved, ConsumingProtocol.idled
        )

    def doStart(self) -> None:
        super().doStart()
        self.undecided.keep = True

    def doStop(self) -> None:
        super().doStop()
        self.undecided.keep = False
        self.undecided.tidy()

    def buildProtocol(self, addr: IAddress | None) -> ConsumingProtocol:
        return ConsumingProtocol(self, addr)


def _tcp_socket(transport: Any) -> socket.socket:
    """
    The socket below a transport, and below TLS.

    :raises OSError: there is none
    """
    while transport is not None:
        handle = transport.getHandle()
        if isinstance(handle, socket.socket):
            return handle
        transport = getattr(transport, "transport", None)
    raise OSError("no socket")


def factory_for(factory: IProtocolFactory, readData: bytes) -> IProtocolFactory:
    """
    The Factory to ask for the protocol of one connection whose first bytes are known.

    A :class:`ConsumingFactory` makes its own protocol of any connection, and asks the Factory it
    wraps when the preamble is complete. When it is complete already it can be asked at once: if it
    wants no more connections, that is known while the socket is still whole.

    :param readData: what was read of the connection so far
    """
    if isinstance(factory, ConsumingFactory):
        reading = KNOWN_PREAMBLES[readData]
        if isinstance(reading, Preamble) and reading.upgrade is None:
            return _AskedFirst(factory)
    return factory


@implementer(IProtocolFactory)
class _AskedFirst:
    """
    Asks the wrapped Factory before it makes a :class:`ConsumingProtocol`.
    """

    __slots__ = ("__provides__", "_factory")

    def __init__(self, factory: ConsumingFactory) -> None:
        self._factory = factory

    def buildProtocol(self, addr: IAddress) -> Any:
        built = self._factory.wrappedFactory.buildProtocol(addr)
        return None if built is None else ConsumingProtocol(self._factory, addr, built)

    def doStart(self) -> None:
        """Not ours to do: a factory is started with its port."""

    def doStop(self) -> None:
        """See :meth:`doStart`."""
