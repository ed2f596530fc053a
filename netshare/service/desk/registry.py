"""
What is registered: the book that the desk keeps, over the routing tree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from typing import Protocol

from twisted.internet.defer import Deferred

from netshare.addresses import AddressKey, BaseAddress
from netshare.control.commands import ConflictingRegistration, RegistrationQuotaExceeded
from netshare.interfaces import IRoute
from netshare.logger import Logger
from netshare.outcomes import Outcome
from netshare.reactors import IReactor
from netshare.service.desk.accounts import Accounts
from netshare.service.front.ports import PortNotAllowed, Ports, PortUnavailable
from netshare.service.quotas import Quotas
from netshare.service.records import RegistrationState
from netshare.service.routing.tree import AddressTaken, RoutingTree
from netshare.service.workers.inflight import InFlight
from netshare.service.workers.lanes import Lane
from netshare.service.workers.route import WorkerRoute
from netshare.sockets.credentials import Peer

#: How many path segments a user's addresses may have on average, when there are as many addresses
#: as the user may register.
SEGMENTS_EACH = 8


class Link(Protocol):
    """
    What the registry knows of a control connection.
    """

    #: The process at the other end.
    peer: Peer
    #: Its number as it says itself: another one, in another PID namespace.
    claimedPid: int | None
    #: Which of several programs it is, as it says itself.
    generation: str

    @property
    def granted(self) -> Set[AddressKey]:
        """The addresses that the service started this worker for."""

    def sayServiceEnds(self) -> Deferred[None]:
        """Have nothing given back any more; fires when what was before is here."""

    def close(self) -> None:
        """End it; its registrations go with it."""


@dataclass(eq=False, slots=True)
class Registration:
    """
    One worker's claim to one address.
    """

    address: BaseAddress
    link: Link
    lane: Lane
    #: The worker shares the address with others that say the same.
    shared: bool
    #: When it was made, in seconds since the epoch.
    since: float = 0.0


@dataclass(eq=False, slots=True)
class _Place:
    """An address in the tree that workers serve."""

    route: WorkerRoute
    #: The service starts workers for it itself: it stays known while none is up.
    supervised: bool = False
    #: These are for several processes: others that are let may join them.
    joinable: bool = False
    #: Its port is kept open for a worker that is expected.
    keepsPort: bool = False
    registrations: list[Registration] = field(default_factory=list)


class Registry:
    """
    Claims, conflicts and quotas; who has to be told of what.
    """

    log = Logger()

    def __init__(
        self, reactor: IReactor, tree: RoutingTree, ports: Ports, accounts: Accounts, quotas: Quotas
    ) -> None:
        self.reactor = reactor
        self.tree = tree
        self.ports = ports
        self.accounts = accounts
        self.quotas = quotas
        #: How many descriptors may be on their way to workers.
        self.inFlight = InFlight()
        #: Every control connection that is open.
        self.links: set[Link] = set()
        self._places: dict[AddressKey, _Place] = {}
        self._perUser: Counter[int] = Counter()
        #: Path segments of each user's addresses, which is what they cost.
        self._segments: Counter[int] = Counter()
        self._count = 0
        #: Called when :meth:`addresses` may have changed.
        self.changed: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return self._count

    def supervise(self, address: BaseAddress, joinable: bool = False) -> None:
        """
        Keep an address for workers that this service starts: while none of them is up, clients
        are told that it is unavailable, not that it is unknown.

        :param joinable: workers that say ``shared``, and for whom the address is reserved, may
            serve it beside them
        :raises AddressTaken: it has a route
        """
        place = self._places.get(address.key) or self._makePlace(address)
        place.supervised = True
        place.joinable = joinable

    def unsupervise(self, address: BaseAddress) -> None:
        """
        The service starts no workers for this address any more.
        """
        place = self._places.get(address.key)
        if place is not None:
            place.supervised = place.joinable = False
            if not place.registrations:
                place.route.stop("the service starts no workers for it any more")
            self._tidy(place)

    def expect(self, address: BaseAddress, seconds: float) -> None:
        """
        A worker of this address will come: connections for it wait, at most so long, and go to
        no shorter prefix meanwhile. This gives no permission to register it, and takes none.

        An address that has a route which is no worker's, or whose port cannot be opened, is left
        as it is.
        """
        place = self._places.get(address.key)
        if place is None:
            try:
                place = self._makePlace(address)
            except AddressTaken:
                return
        if seconds > 0 and not place.registrations:
            place.route.expect(seconds)
            self._keepPort(place)
        self._tidy(place)

    def unexpect(
        self, address: BaseAddress, reason: str, outcome: Outcome = Outcome.ENDPOINT_UNAVAILABLE
    ) -> None:
        """
        No worker of this address comes: unless one is up, what waits is refused.

        :param outcome: what the clients are told
        """
        place = self._places.get(address.key)
        if place is not None and not place.registrations:
            place.route.stop(reason, outcome)
            self._releasePort(place)
            self._tidy(place)

    def addresses(self) -> list[BaseAddress]:
        """
        The addresses that workers have registered, or are expected to.
        """
        return [place.route.address for place in self._places.values()]

    def _makePlace(self, address: BaseAddress) -> _Place:
        """
        :raises AddressTaken: it has a route
        """
        route = WorkerRoute(self.reactor, address, self.quotas, admission=self.ports.admission)
        self.tree.put(address, route)
        place = self._places[address.key] = _Place(route)

        def inVain() -> None:
            self._releasePort(place)
            self._tidy(place)

        route.inVain = inVain
        return place

    def check_room(self, peer: Peer, address: BaseAddress) -> None:
        """
        :raises RegistrationQuotaExceeded: there are too many registrations already
        """
        if self._count >= self.quotas.maxRegistrations:
            raise RegistrationQuotaExceeded(
                f"the service has {self._count} registrations, as many as maxRegistrations allows"
            )
        used = self._perUser[peer.uid]
        if used >= self.quotas.maxRegistrationsPerUser and not self.accounts.trusts(peer):
            raise RegistrationQuotaExceeded(
                f"user {peer.user} has {used} registrations, as many as maxRegistrationsPerUser "
                "allows"
            )
        segments = self._segments[peer.uid] + len(address.segments)
        most = SEGMENTS_EACH * self.quotas.maxRegistrationsPerUser
        if segments > most and not self.accounts.trusts(peer):
            raise RegistrationQuotaExceeded(
                f"the addresses of user {peer.user} would have {segments} segments; "
                f"{most} are possible ({SEGMENTS_EACH} times maxRegistrationsPerUser)"
            )

    def claim(self, registration: Registration) -> None:
        """
        Enter a registration; connections come to it only when it is activated.

        :raises ConflictingRegistration: the address is another worker's
        """
        address, link = registration.address, registration.link
        place = self._places.get(address.key)
        if place is None:
            try:
                place = self._makePlace(address)
            except AddressTaken:
                taken = self.tree.get(address)
                kind = taken.kind if taken is not None else "resource"
                raise ConflictingRegistration(
                    f"{address} is a {kind} route of the service's own configuration"
                ) from None
        elif any(other.link is link for other in place.registrations):
            raise ConflictingRegistration(f"{address} is registered by this very worker")
        elif place.supervised:
            joins = place.joinable and registration.shared
            if address.key not in link.granted and not (
                joins and self.accounts.joins(link.peer, address)
            ):
                raise ConflictingRegistration(
                    f"{address} belongs to a worker that the service starts itself"
                )
        else:
            for other in place.registrations:
                together = registration.shared and other.shared
                if not together or not self.accounts.together(other.link.peer, link.peer, address):
                    raise ConflictingRegistration(
                        f"{address} is registered already, by {other.link} "
                        f"({other.link.peer.commandLine or 'its command line is hidden'}): "
                        "see netshare list"
                    )
        if not place.registrations:
            place.route.address = address  # as this worker writes it
        place.registrations.append(registration)
        self._count += 1
        self._perUser[link.peer.uid] += 1
        self._segments[link.peer.uid] += len(address.segments)

    def goOn(self, registration: Registration, given: int) -> None:
        """
        Go on with a registration of another process's.

        :param given: how many connections the worker has been given for it
        """
        place = self._places[registration.address.key]
        place.route.addLane(registration.lane)
        place.route.given[registration.lane] = given
        self._releasePort(place)
        self.changed()

    def activate(self, registration: Registration) -> None:
        """
        Connections come to this registration from now on.
        """
        place = self._places[registration.address.key]
        registration.since = self.reactor.seconds()
        for route in self.tree.overshadowed(registration.address):
            if isinstance(route, WorkerRoute):
                self._tellRoutesChanged(route)
        place.route.addLane(registration.lane)
        self._releasePort(place)
        self.changed()
        # Not at once: a worker is to read the answer to Register before its first connection.
        self.reactor.callLater(0, place.route.pump)
        self.log.info(
            "registered {address} for {worker}",
            address=str(registration.address),
            worker=str(registration.link),
        )

    def deactivate(self, registration: Registration, reason: str, expected: float = 0.0) -> None:
        """
        No connection comes to this registration any more.

        :param expected: for so many seconds the worker, or another one in its place, is expected
            back
        """
        place = self._places[registration.address.key]
        if expected > 0 and len(place.registrations) == 1:
            place.route.expect(expected)
            self._keepPort(place)
        place.route.removeLane(registration.lane)
        self.disclaim(registration)
        self.log.info(
            "unregistered {address} of {worker}: {reason}",
            address=str(registration.address),
            worker=str(registration.link),
            reason=reason,
        )

    def disclaim(self, registration: Registration) -> None:
        """
        Strike a claim out.
        """
        place = self._places[registration.address.key]
        place.registrations.remove(registration)
        self._count -= 1
        uid = registration.link.peer.uid
        self._perUser[uid] -= 1
        self._segments[uid] -= len(registration.address.segments)
        if not self._perUser[uid]:
            del self._perUser[uid]
            del self._segments[uid]
        self._tidy(place)

    def state_of(self, registration: Registration) -> RegistrationState:
        """A registration, for another process."""
        given = self._places[registration.address.key].route.given[registration.lane]
        return RegistrationState(
            str(registration.address), registration.shared, registration.since, given
        )

    def places(self) -> Iterator[tuple[WorkerRoute, list[Registration]]]:
        """Every address that workers serve, or are expected to: its route, and who serves it."""
        for place in self._places.values():
            yield place.route, place.registrations

    def isBusy(self) -> bool:
        """
        Whether connections wait for a worker that is up, or for the answer of one.
        """
        return any(
            place.route.waiting > 0 or any(lane.outstanding > 0 for lane in place.route.lanes)
            for place in self._places.values()
            if place.route.lanes
        )

    def rows(self, start: int) -> Iterator[tuple[int, BaseAddress, IRoute, list[Registration]]]:
        """
        Every address from a number on, with its number, its route and, for workers, its
        registrations; oldest first.
        """
        for number, address, route in self.tree.since(start):
            if isinstance(route, WorkerRoute):
                address = route.address  # as its workers write it
            yield number, address, route, self.registrationsOf(address)

    def registrationsOf(self, address: BaseAddress) -> list[Registration]:
        """The workers of exactly this address."""
        place = self._places.get(address.key)
        return [] if place is None else place.registrations

    def stop(self) -> None:
        """Refuse what waits for a worker, and close every control connection."""
        for place in list(self._places.values()):
            place.route.stop("the service stopped")
            self._tidy(place)
        for link in list(self.links):
            link.close()

    def _tidy(self, place: _Place) -> None:
        """
        Forget an address that has no workers, and for which none is expected.
        """
        if not place.registrations and not place.supervised and not place.route.expected:
            del self._places[place.route.address.key]
            self.tree.remove(place.route.address)
            place.route.stop("its worker went away")
            self.changed()

    def _keepPort(self, place: _Place) -> None:
        if not place.keepsPort:
            try:
                self.ports.acquire(place.route.address.port)
                place.keepsPort = True
            except (PortNotAllowed, PortUnavailable) as error:
                self.log.info(
                    "{address} is expected, but {error}", address=place.route.address, error=error
                )

    def _releasePort(self, place: _Place) -> None:
        if place.keepsPort:
            place.keepsPort = False
            self.ports.release(place.route.address.port)

    def _tellRoutesChanged(self, route: WorkerRoute) -> None:
        for registration in self._places[route.address.key].registrations:
            registration.lane.routesChanged(route.address)
