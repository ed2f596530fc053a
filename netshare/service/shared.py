"""
:class:`SharedPort`: the whole sharing service as one object, for ``twistd netshare`` and for
programs that embed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.task import deferLater
from zope.interface import implementer

from netshare.addresses import BaseAddress, parse_base_address
from netshare.endpoints.address import SharedPortAddress
from netshare.endpoints.preamble import ConsumingFactory, PreambleUse
from netshare.interfaces import IOutcomeRecorder, IRoute
from netshare.logger import Logger
from netshare.service.connectionlog import ConnectionLog
from netshare.service.desk.accounts import Accounts
from netshare.service.desk.memory import AddressMemory
from netshare.service.desk.notebook import FileNotebook, MemoryNotebook, Notebook
from netshare.service.desk.protocol import RegistrationDesk
from netshare.service.desk.registry import Registry
from netshare.service.desk.status import Status
from netshare.service.front.arrival import Ending
from netshare.service.front.ports import DEFAULT_ALLOWED, AllowedPorts, Ports
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.quotas import Admission, Quotas
from netshare.service.recorders import OutcomeCounts, Recorders
from netshare.service.routing.grace import Grace
from netshare.service.routing.relay import (
    CONNECT_TIMEOUT,
    RelayedServer,
    RelayRoute,
    RelaySettings,
)
from netshare.service.routing.router import Router
from netshare.service.routing.routes import LocalRoute
from netshare.service.routing.tree import RoutingTree

#: Seconds that a service which stops has for what it has accepted.
LAST_SECOND = 1.0


class SharedPort:
    """
    One or more TCP ports whose connections are told apart by the address they ask for.

    As ``twisted.web.server.Site`` is a Factory over a tree of resources, this is one over a
    tree of addresses::

        shared = SharedPort(reactor)
        await shared.endpointFor("net.tcp://+:8808/orders").listen(ordersFactory)
        await shared.listen(serverFromString(reactor, "tcp:8808"))

    :param quotas: limits and timeouts
    :param accounts: who may register at the :attr:`desk`
    :param openPorts: open the port of any address that is registered, within ``allowedPorts``
        and on ``interfaces``; without it only :meth:`listen` and :attr:`factory` bring clients
    :param recorder: told of every connection, beside the counters of :attr:`status`
    :param settings: further settings to be shown by :attr:`status`
    :param connectionLog: a file for one JSON line a connection; served ones are then left out of
        Twisted's log
    :param aliases: public ports, and the registered ports that they stand for, where clients come
        through a forwarder
    :raises OSError: the connection log cannot be opened
    """

    def __init__(
        self,
        reactor: Any,
        quotas: Quotas | None = None,
        accounts: Accounts | None = None,
        *,
        openPorts: bool = False,
        allowedPorts: AllowedPorts = DEFAULT_ALLOWED,
        interfaces: Sequence[str] = (),
        recorder: IOutcomeRecorder | None = None,
        settings: dict[str, Any] | None = None,
        connectionLog: Path | None = None,
        aliases: Mapping[int, int] | None = None,
    ) -> None:
        self.reactor = reactor
        self.quotas = quotas or Quotas()
        self.admission = Admission(self.quotas)
        self.counts = OutcomeCounts()
        self._ending = Ending(
            reactor,
            self.admission,
            Recorders(self.counts, recorder) if recorder else self.counts,
            ConnectionLog(reactor, connectionLog) if connectionLog else None,
        )
        #: The tree of addresses; see :meth:`RoutingTree.putChild` for resources of one's own.
        self.tree = RoutingTree(aliases)
        accounts = accounts or Accounts.default()
        for reservation in accounts.reservations:
            self.tree.reserve(reservation.address)
        #: What waits for a route in the first moments.
        self.grace = Grace(reactor, self.quotas, self.admission, self.tree, self._resume)
        self._router = Router(self.tree, self.grace.wait)
        #: Listen with this on any endpoint whose connections are plain TCP.
        self.factory = SharedPortFactory(self._router.route, self._ending)
        self.ports = Ports(
            reactor, self.factory, self.admission, allowedPorts, interfaces, onDemand=openPorts
        )
        self.registry = Registry(reactor, self.tree, self.ports, accounts, self.quotas)
        self.status = Status(
            self.registry, self.admission, self.counts, self.factory, settings or {}
        )
        #: Listen with this on the control socket.
        self.desk = RegistrationDesk(self.registry, self.factory, self.status)
        self._relays: list[RelayRoute] = []
        self._memory: AddressMemory | None = None

    def resume(self, memory: Path, afresh: bool = True, state: int | None = None) -> None:
        """
        Go on where another service, or an earlier process of this one, ended: connections wait for
        workers that were registered then. To be called before the first client can come.

        :param afresh: whether that one has ended; False: this service takes it over, and is told
            what to expect
        :param memory: a file in which this service notes what is registered, from now on; its
            directory has to be writable. Where there is none yet, no address is expected
        :param state: a file in memory for the same, which outlives this process elsewhere and is
            read first; it belongs to the service now
        """
        notebooks: list[Notebook] = [FileNotebook(memory)]
        if state is not None:
            notebooks.insert(0, MemoryNotebook(state))
        self._memory = AddressMemory(self.reactor, notebooks, self.registry.addresses)
        if afresh:
            for address in self._memory.read():
                self.registry.expect(address, self.quotas.expectAfterStart)
            self.grace.begin()
        self.registry.changed = self._memory.changed

    def letGo(self) -> None:
        """
        Another process goes on with everything but links, which follow, and what is relayed or
        being refused.
        """
        if self._memory is not None:
            self._memory.freeze()
        self.ports.letGo()
        self.factory.letGo()
        self.grace.letGo()

    @property
    def busy(self) -> int:
        """How many connections are relayed, or being refused: they need this process."""
        return self._ending.refusing + sum(relay.busy for relay in self._relays)

    def listen(
        self, endpoint: IStreamServerEndpoint, closeReturned: bool = False, name: str = ""
    ) -> Deferred[IListeningPort]:
        """
        Accept clients on an endpoint, until :meth:`stop`.

        Unlike ``endpoint.listen(shared.factory)`` this stops accepting at the limits.

        :param closeReturned: for clients that come through a front which chose this service by
            their first preamble: a connection whose next preamble is not for the worker that has
            it is closed instead of routed, so that the front routes the client's next one
        :param name: the endpoint as text, by which a service that takes over finds its socket
        """
        return ensureDeferred(self.ports.listen(endpoint, closeReturned, name))

    def endpointFor(self, address: str, preamble: PreambleUse = PreambleUse.PASS) -> LocalEndpoint:
        """
        An endpoint in this process, for any Factory.

        :param address: ``net.tcp://host[:port]/path``
        :param preamble: whether the Factory sees the preamble, or only what follows it
        :raises AddressError: that is not a base address
        """
        return LocalEndpoint(self, parse_base_address(address), preamble)

    def relay(
        self,
        address: str | BaseAddress,
        servers: str | IStreamClientEndpoint | Sequence[str | IStreamClientEndpoint],
        where: str = "",
        proxy: bool = False,
        connectTimeout: float = CONNECT_TIMEOUT,
        idleTimeout: float | None = None,
    ) -> RelayRoute:
        """
        Bring connections for an address to a server that knows nothing of sharing, or to one of
        several.

        :param servers: Twisted client endpoints, or strings that describe them, such as
            ``"tcp:127.0.0.1:9000"``; in a string a ``|`` stands between several. A connection goes
            to the one with the fewest; when that does not accept, or says no, to the next
        :param where: a single endpoint, for people
        :param proxy: tell the server the client's address by a PROXY protocol version 2 header
        :param connectTimeout: seconds that each server may take to accept
        :param idleTimeout: seconds without a byte from either side until a connection is cut
        :raises AddressError: that is not a base address
        :raises AddressTaken: the address has a route
        :raises ValueError: a string describes no endpoint, or there is none
        """
        if isinstance(address, str):
            address = parse_base_address(address)
        if isinstance(servers, str):
            servers = servers.split("|")
        elif IStreamClientEndpoint.providedBy(servers):
            servers = [servers]
        known = [
            RelayedServer.from_string(self.reactor, server)
            if isinstance(server, str)
            else RelayedServer(self.reactor, server, where or repr(server))
            for server in servers
        ]
        if not known:
            raise ValueError(f"{address}: a relay needs a server")
        route = RelayRoute(
            self.reactor,
            known,
            self.admission,
            RelaySettings(proxy, connectTimeout, idleTimeout),
            self._router.leadsTo,
            self.factory.receiveReturned,
        )
        self.tree.put(address, route)
        self._relays.append(route)
        return route

    def unrelay(self, address: BaseAddress) -> None:
        """
        Bring no more connections to a relay's servers; those that it has live on.
        """
        self.tree.remove(address)

    def permit(self, accounts: Accounts) -> None:
        """
        Let others register from now on. What is registered stays, until it is made again.

        :param accounts: who, and what is reserved
        """
        for reservation in self.registry.accounts.reservations:
            self.tree.unreserve(reservation.address)
        for reservation in accounts.reservations:
            self.tree.reserve(reservation.address)
        self.registry.accounts = accounts

    async def stopAccepting(self) -> None:
        """
        Close the ports, and give what was accepted before to its workers, for a second at most.
        """
        if self._memory is not None:
            self._memory.freeze()
        await self.ports.stop()
        await self._settle(lambda: True)

    async def stop(self) -> None:
        """
        Close the ports, refuse what waits, cut what is relayed. What was given to workers, or
        to a Factory in this process, lives on; what workers would give back they keep.
        """
        await self.stopAccepting()
        # What they would give back from now on would be lost with their links.
        said = gatherResults([link.sayServiceEnds() for link in self.registry.links])
        await self._settle(lambda: bool(said.called))
        self.grace.stop()
        self.factory.stop()
        self.registry.stop()
        for relay in self._relays:
            relay.stop()
        self._ending.stop()

    async def _settle(self, told: Callable[[], bool]) -> None:
        """
        Wait, for a second at most, until nothing is on its way from a client to a worker.

        :param told: whether nothing more can come
        """
        end = self.reactor.seconds() + LAST_SECOND
        while not (told() and self._isQuiet()) and self.reactor.seconds() < end:
            await deferLater(self.reactor, 0.01)

    def _resume(self, arrival: Any) -> None:
        self.factory.route(arrival)

    def _isQuiet(self) -> bool:
        """Whether no connection is on its way from a client to a worker that could take it."""
        return not self.factory.holds and not self.registry.isBusy()


@implementer(IStreamServerEndpoint)
class LocalEndpoint:
    """
    An address of a shared port in the same process, as an endpoint.
    """

    def __init__(self, shared: SharedPort, address: BaseAddress, preamble: PreambleUse) -> None:
        self._shared = shared
        self._address = address
        self._preamble = preamble

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        :returns: the port; fails with AddressTaken, PortNotAllowed or PortUnavailable
        """
        return maybeDeferred(self._listen, protocolFactory)

    def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        if self._preamble is PreambleUse.CONSUME:
            factory = ConsumingFactory(factory, self._shared.reactor)
        port = LocalListeningPort(self._shared, self._address, factory)
        self._shared.tree.put(self._address, port.route)
        try:
            self._shared.ports.acquire(self._address.port)
        except Exception:
            self._shared.tree.remove(self._address)
            raise
        factory.doStart()
        return port


@implementer(IListeningPort)
class LocalListeningPort:
    """
    What :meth:`LocalEndpoint.listen` gives.
    """

    log = Logger()

    def __init__(self, shared: SharedPort, address: BaseAddress, factory: IProtocolFactory) -> None:
        self.route: IRoute = LocalRoute(shared.reactor, factory)
        self._shared = shared
        self._address = address
        self._factory = factory
        self._listening = True

    def getHost(self) -> SharedPortAddress:
        return SharedPortAddress(str(self._address))

    def startListening(self) -> None:
        """Nothing: :meth:`LocalEndpoint.listen` has done it."""

    def stopListening(self) -> Deferred[None] | None:
        """
        Connections come no more; those that came live on.
        """
        if self._listening:
            self._listening = False
            self._shared.tree.remove(self._address)
            self._shared.ports.release(self._address.port)
            self._factory.doStop()
        return None
