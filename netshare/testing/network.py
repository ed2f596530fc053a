"""
A TCP network in memory: what connects to a port meets what listens on it, in one process and
without a socket.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.base import BaseConnector
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import CannotListenError, ConnectionRefusedError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IPushProducer,
    IReactorTCP,
)
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.testing.threads import MemoryThreads
from netshare.testing.wire import MemoryTransport, Wire

#: The ports of clients, and of servers that asked for port 0.
_FIRST_FREE_PORT = 49152


def _address(host: str, port: int) -> IPv4Address | IPv6Address:
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)


@implementer(IReactorTCP)
class MemoryNetwork(MemoryReactorClock):
    """
    A reactor whose TCP clients reach its TCP servers. Any host name reaches any server on the
    port, since there is one machine only. A connection is made in the turn after ``connectTCP``,
    refused if the port is not listened on, and waits while the port is paused.

    Time passes with ``advance``, bytes move with :meth:`settle`.

    :ivar wires: every connection that was made, in order; ``spoken`` of each has its bytes
    """

    def __init__(self) -> None:
        super().__init__()
        self.wires: list[Wire] = []
        #: Those that are listened on, by family and number.
        self.ports: dict[tuple[type, int], MemoryPort] = {}
        self._threads = MemoryThreads()
        self._lastPort = _FIRST_FREE_PORT

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> MemoryPort:
        """
        Listen.

        :param port: 0: a free one is chosen
        :raises CannotListenError: the port is listened on already
        """
        number = port or self._freePort()
        made = MemoryPort(self, factory, _address(interface or "0.0.0.0", number))
        if made.key in self.ports:
            raise CannotListenError(interface, number, OSError("Address already in use"))
        made.startListening()
        return made

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> MemoryConnector:
        """
        Connect, in the next turn.
        """
        connector = MemoryConnector(self, factory, _address(host, port), timeout)
        connector.connect()
        return connector

    def settle(self) -> None:
        """
        Let everything happen that can happen without time passing.
        """
        moved = True
        while moved:
            self.advance(0)
            moved = False
            for wire in list(self.wires):
                moved = wire.flow() or moved
            moved = self._threads.flow() or moved
            moved = moved or any(call.getTime() <= self.seconds() for call in self.calls)

    def result(self, waited_for: Deferred[Any] | Coroutine[Any, Any, Any]) -> Any:
        """
        What a Deferred or a coroutine comes to, without time passing.

        :raises AssertionError: it has not come to anything; time may have to pass
        :raises Exception: what it fails with
        """
        results: list[Any] = []
        ensureDeferred(waited_for).addBoth(results.append)
        self.settle()
        if not results:
            raise AssertionError("there is no result yet; does it wait for time to pass?")
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def callFromThread(self, function: Any, *args: Any, **kwargs: Any) -> None:
        """Do something in the test's thread, at the next :meth:`settle`."""
        self._threads.callFromThread(function, *args, **kwargs)

    def getThreadPool(self) -> MemoryThreads:
        """Where blocking functions are called. :meth:`settle` waits for them."""
        return self._threads

    def join(
        self, client: Any, server: Any, address: IPv4Address | IPv6Address, lost: Any
    ) -> MemoryTransport:
        """
        Make a connection of two protocols.

        :param address: the server's
        :param lost: told why, when the client's end is gone
        :returns: the client's end
        """
        mine = _address("::1" if ":" in address.host else "127.0.0.1", self._freePort())
        wire = Wire(client, server, (mine, address))
        end: MemoryTransport = wire.ends[0]
        end.whenLost = lost
        self.wires.append(wire)
        return end

    def _freePort(self) -> int:
        self._lastPort += 1
        return self._lastPort


@implementer(IListeningPort, IPushProducer)
class MemoryPort:
    """
    A port of a :class:`MemoryNetwork` that is listened on.

    :ivar connected: whether it still is
    """

    def __init__(
        self,
        network: MemoryNetwork,
        factory: IProtocolFactory,
        address: IPv4Address | IPv6Address,
    ) -> None:
        self.connected = False
        self.factory = factory
        self.key = (type(address), address.port)
        self._network = network
        self._address = address
        self._paused = False
        self._waiting: list[_Attempt] = []

    def startListening(self) -> None:
        """Begin to accept."""
        self.connected = True
        self._network.ports[self.key] = self
        self.factory.doStart()

    def stopListening(self) -> None:
        """Accept no more; clients that wait are refused."""
        if not self.connected:
            return
        self.connected = False
        del self._network.ports[self.key]
        waiting, self._waiting = self._waiting, []
        for attempt in waiting:
            attempt.failIfNotConnected(ConnectionRefusedError())
        self.factory.doStop()

    def getHost(self) -> IPv4Address | IPv6Address:
        """The address that is listened on."""
        return self._address

    def pauseProducing(self) -> None:
        """Let clients wait."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Accept those that wait, and new ones."""
        self._paused = False
        while self._waiting and not self._paused:
            self.accept(self._waiting.pop(0))

    def stopProducing(self) -> None:
        """See :meth:`stopListening`."""
        self.stopListening()

    def accept(self, attempt: _Attempt) -> None:
        """A client has come."""
        if self._paused:
            self._waiting.append(attempt)
        else:
            attempt.accepted(self.factory)


class MemoryConnector(BaseConnector):
    """
    A client's way to a port of a :class:`MemoryNetwork`.
    """

    def __init__(
        self,
        network: MemoryNetwork,
        factory: Any,
        address: IPv4Address | IPv6Address,
        timeout: float,
    ) -> None:
        super().__init__(factory, timeout, cast(Any, network))
        self._network = network
        self._address = address

    def getDestination(self) -> IPv4Address | IPv6Address:
        """Where it leads."""
        return self._address

    def _makeTransport(self) -> Any:
        return _Attempt(self, self._network)

    def connected(self, server: Any) -> None:
        """A port has made a protocol for this client."""
        client = self.buildProtocol(self._address)
        if client is None:
            self.state = "disconnected"
            return
        end = self._network.join(client, server, self._address, self.connectionLost)
        self.transport = cast(Any, end)


class _Attempt:
    """
    What a connector has for a transport as long as it has no connection.
    """

    def __init__(self, connector: MemoryConnector, network: MemoryNetwork) -> None:
        self._connector = connector
        self._network = network
        self._over = False
        self._arriving = network.callLater(0, self._arrive)

    def _arrive(self) -> None:
        address = self._connector.getDestination()
        port = self._network.ports.get((type(address), address.port))
        if port is None:
            self.failIfNotConnected(ConnectionRefusedError())
        else:
            port.accept(self)

    def accepted(self, server: IProtocolFactory) -> None:
        """The port takes it."""
        if self._over:
            return  # given up while it waited
        made = server.buildProtocol(self._connector.getDestination())
        if made is None:
            self.failIfNotConnected(ConnectionRefusedError())
        else:
            self._over = True
            self._connector.connected(made)

    def failIfNotConnected(self, reason: Exception) -> None:
        """It is refused, too late, or given up."""
        if self._over:
            return
        self._over = True
        if self._arriving.active():
            self._arriving.cancel()
        self._connector.connectionFailed(Failure(reason))
