"""
The route of a relay: its servers, its settings and its books.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zope.interface import implementer

from netshare.interfaces import IArrival, IRoute
from netshare.outcomes import Outcome
from netshare.reactors import IReactor
from netshare.service.proxyprotocol import proxy_header
from netshare.service.quotas import Admission
from netshare.service.routing.relay.connection import RelayedConnection
from netshare.service.routing.relay.poller import poller_of
from netshare.service.routing.relay.servers import RelayedServer
from netshare.sockets.held import HeldSocket
from netshare.timing import Deadlines, IdleWatch

#: Seconds that a relayed server may take to accept.
CONNECT_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """
    How a relay treats its connections.
    """

    #: Begin with a PROXY protocol version 2 header that names the client.
    proxy: bool = False
    #: Seconds that each server may take to accept.
    connectTimeout: float = CONNECT_TIMEOUT
    #: Seconds without a byte from either side after which a connection is cut; None: any time.
    idleTimeout: float | None = None


#: Routes a connection anew: the held socket, what was read of it, its client's and its own address.
GiveBack = Callable[[HeldSocket, bytes, str, str], None]


@implementer(IRoute)
class RelayRoute:
    """
    Connections go on to another server.

    :param servers: which of them can be chosen; at least one
    :param leadsTo: the route of a via, as the tree of addresses has it now
    :param giveBack: takes a client whose next preamble is not for this relay's servers
    """

    kind = "relay"

    def __init__(
        self,
        reactor: IReactor,
        servers: Sequence[RelayedServer],
        admission: Admission,
        settings: RelaySettings,
        leadsTo: Callable[[str], IRoute | None],
        giveBack: GiveBack,
    ) -> None:
        self.poller = poller_of(reactor)
        self.servers = tuple(servers)
        self.settings = settings
        #: The connections that go both ways.
        self.active: set[RelayedConnection] = set()
        self._undecided: set[RelayedConnection] = set()
        self._admission = admission
        self._leadsTo = leadsTo
        self._giveBack = giveBack
        self._deadlines: Deadlines[RelayedConnection] = Deadlines(
            reactor, RelayedConnection.timedOut
        )
        self._idle: IdleWatch[RelayedConnection] = IdleWatch(
            reactor, settings.idleTimeout, lambda one: one.moved, RelayedConnection.idle
        )

    @property
    def where(self) -> str:
        """The servers, for people."""
        return " or ".join(server.where for server in self.servers)

    @property
    def busy(self) -> int:
        """How many connections are relayed, or are about to be."""
        return len(self.active) + len(self._undecided)

    @property
    def state(self) -> str:
        """``ready``, or ``down`` when no server could be reached the last time."""
        return "down" if all(server.trouble for server in self.servers) else "ready"

    def check(self) -> None:
        """
        Find out about servers of which nothing is known from the last seconds. On the same machine
        it is known at once.
        """
        for server in self.servers:
            server.check(self.settings.connectTimeout)

    def render(self, arrival: IArrival) -> None:
        connection = RelayedConnection(self, arrival)
        self._undecided.add(connection)
        connection.start()

    def stop(self) -> None:
        """Cut the connections that are relayed, and those that were to be."""
        for connection in [*self._undecided, *self.active]:
            connection.stop()
        self._deadlines.clear()
        self.poller.rest()

    # What a connection needs: see :class:`netshare.service.routing.relay.search.Relay`.

    @property
    def receiveTimeout(self) -> float | None:
        return self._admission.quotas.receiveTimeout

    @property
    def connectTimeout(self) -> float:
        return self.settings.connectTimeout

    def header(self, arrival: IArrival) -> bytes:
        return proxy_header(arrival.peer, arrival.local) if self.settings.proxy else b""

    def wait(self, connection: RelayedConnection, timeout: float | None) -> None:
        self._deadlines.add(connection, timeout)

    def waitNoMore(self, connection: RelayedConnection) -> None:
        self._deadlines.discard(connection)

    def opened(self, connection: RelayedConnection, where: str) -> None:
        self._deadlines.discard(connection)
        self._undecided.discard(connection)
        self.active.add(connection)
        self._idle.add(connection)
        connection.arrival.take(Outcome.RELAYED, where, keeps=2)

    def closed(self, connection: RelayedConnection) -> None:
        self.active.discard(connection)
        self._idle.discard(connection)
        self._admission.release(2)

    def left(self, connection: RelayedConnection) -> None:
        self._undecided.discard(connection)

    def leadsHere(self, via: str) -> bool:
        return self._leadsTo(via) is self

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str, local: str) -> None:
        self._giveBack(held, readData, peer, local)
