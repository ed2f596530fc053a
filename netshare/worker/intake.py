"""
Where handed-over connections enter a worker: they become connections of its Factory.
"""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakSet

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from netshare.addresses import AddressError, parse_via
from netshare.control import commands
from netshare.endpoints.preamble import factory_for
from netshare.framing.preamble import KNOWN_VIAS, Preamble
from netshare.interfaces import ISharedConnection, ISharedConnectionReceiver
from netshare.reactors import IConnection, IReactor
from netshare.sockets.adoption import ClientGone, adopt
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import address_from_text, address_text
from netshare.sockets.privatenames import AdoptedConnection
from netshare.worker.returns import ReturnWay


class Intake:
    """
    Makes connections that are handed over connections of a Factory.

    It outlives links: connections that came over a link that is gone are still counted here.

    :param way: where connections go back to the service
    :ivar returning: how many are on their way back, and not answered for
    """

    def __init__(self, reactor: IReactor, factory: IProtocolFactory, way: ReturnWay) -> None:
        self.reactor = reactor
        self.factory = factory
        self.returning = 0
        self._way = way
        #: Changes whenever sockets that came before may belong to another worker now.
        self.epoch = 0
        self.accepting = True
        self._open: set[Any] = set()
        #: Those of reactors whose transports do not say when they are lost.
        self._others: WeakSet[Any] = WeakSet()

    def open(self) -> list[Any]:
        """The transports of all connections that came and are open."""
        return [*self._open, *(other for other in self._others if other.connected)]

    def mayGiveBack(self) -> bool:
        """Whether one of them may have to go back to the service."""
        return any(
            ISharedConnectionReceiver.providedBy(_receiver(transport)) for transport in self.open()
        )

    def receive(self, held: HeldSocket, via: str | None, readData: bytes, peer: str) -> None:
        """
        Adopt a connection. One that is refused stays held.

        :param via: what it asked for; None: as its first bytes say
        :param peer: the client's address as text; empty: as the socket says
        :raises Gone: the client has left
        :raises NotMine: this worker takes no more connections
        :raises Busy: the Factory wants no more
        """
        if not self.accepting:
            raise commands.NotMine("this worker has stopped listening")
        factory = factory_for(self.factory, readData)
        if peer:
            real = _address_or_none(peer)
            if real is not None:
                factory = _NamedPeer(factory, real)

        def connected(transport: IConnection | AdoptedConnection) -> None:
            if isinstance(transport, AdoptedConnection):
                transport.among = self._open
                self._open.add(transport)
            else:
                self._others.add(transport)
            protocol = transport.protocol
            if isinstance(protocol, _PeerWrapper):
                protocol = protocol.wrappedProtocol
            if ISharedConnectionReceiver.providedBy(protocol):
                asked = _via(readData) if via is None else via
                protocol.connectionShared(SharedConnection(self, transport, asked, peer))

        try:
            transport = adopt(self.reactor, held, factory, readData, connected)
        except ClientGone as error:
            raise commands.Gone(str(error)) from None
        if transport is None:
            raise commands.Busy("the Factory wants no more connections")

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str) -> Deferred[None]:
        """
        Return a connection to the service.

        :param held: it belongs to this object now
        """
        self.returning += 1

        def answered(result: Any) -> Any:
            self.returning -= 1
            return result

        return self._way.giveBack(held, readData, peer).addBoth(answered)

    def routesChanged(self) -> None:
        """
        A socket that is here already may not be ours when it is used again.
        """
        self.epoch += 1


class Intakes(Protocol):
    """
    Those of one process.

    :ivar asking: whether the service is asked to register something, and has not answered
    """

    @property
    def asking(self) -> bool: ...

    def find(self, address: str) -> Intake | None:
        """
        :param address: as the service has registered it
        :returns: None: it is not registered by this process
        """

    def routesChanged(self, address: str) -> None:
        """Sockets that came for an address before may belong to another worker now."""

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str) -> Deferred[None]:
        """See :meth:`~netshare.worker.returns.ReturnWay.giveBack`."""


@implementer(ISharedConnection)
class SharedConnection:
    """
    See :class:`~netshare.interfaces.ISharedConnection`.
    """

    def __init__(
        self, intake: Intake, transport: IConnection | AdoptedConnection, via: str, peer: str
    ) -> None:
        self.via = via
        self._intake = intake
        self._transport: Any = transport  # Twisted's classes do not say that they are IConnection
        self._peer = peer
        self._epoch = intake.epoch

    def isMine(self, via: str) -> bool:
        if not self._intake.accepting or self._epoch != self._intake.epoch:
            return False
        try:
            return via == self.via or parse_via(via) == parse_via(self.via)
        except AddressError:
            return False

    def giveBack(self, readData: bytes) -> Deferred[None]:
        held = HeldSocket.from_transport(self._transport)
        return self._intake.giveBack(held, readData, self._peer)


def _receiver(transport: IConnection) -> Any:
    """The Factory's own protocol."""
    protocol = transport.protocol
    return protocol.wrappedProtocol if isinstance(protocol, _PeerWrapper) else protocol


def _address_or_none(peer: str) -> Any:
    """A balancer may have named the client in another way than by host and port."""
    try:
        return address_from_text(peer)
    except ValueError:
        return None


def _via(readData: bytes) -> str:
    reading = KNOWN_VIAS[readData]
    return reading.via if isinstance(reading, Preamble) else ""


class _PeerWrapper(ProtocolWrapper):
    def __init__(self, factory: Any, wrapped: Any, peer: Any) -> None:
        super().__init__(factory, wrapped)
        self._peer = peer

    def getPeer(self) -> Any:
        return self._peer


class _NamedPeer(WrappingFactory):
    """
    Lets a protocol see the client's address, where the socket only knows the address of a
    balancer before the shared port.
    """

    noisy = False

    def __init__(self, wrapped: IProtocolFactory, peer: Any) -> None:
        super().__init__(wrapped)
        self._peer = peer

    def buildProtocol(self, addr: Any) -> Any:
        if address_text(addr) == address_text(self._peer):
            return self.wrappedFactory.buildProtocol(addr)
        wrapped = self.wrappedFactory.buildProtocol(self._peer)
        return None if wrapped is None else _PeerWrapper(self, wrapped, self._peer)
