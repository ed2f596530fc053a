"""
The registration desk: the service's side of the control socket.

One connection is one :class:`DeskProtocol`. A worker's registrations live as long as its
connection; connections that were given to it live on without either.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.addresses import AddressError, BaseAddress, parse_via
from netshare.control import commands, management
from netshare.control.commands import ServiceFault
from netshare.control.lanes import LaneForm
from netshare.control.protocol import MAX_BOX, declared
from netshare.interfaces import ILinkWatcher, IWorkerLink, IWorkerManager
from netshare.logger import Logger
from netshare.service.desk.budget import (
    BOX_TIMEOUT,
    SHORT_BOX,
    UNREAD_TIMEOUT,
    Budgets,
)
from netshare.service.desk.management import ManagingLink
from netshare.service.desk.refusals import Refusals
from netshare.service.desk.registry import Registration, Registry
from netshare.service.desk.reports import Reports
from netshare.service.desk.requests import (
    check_version,
    requested_address,
    requested_generation,
    requested_lane,
    requested_limit,
)
from netshare.service.desk.returns import Returns
from netshare.service.desk.status import Status
from netshare.service.front.ports import PortNotAllowed, PortUnavailable
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.workers.fastlane import FastLane
from netshare.service.workers.lanes import AmpLane
from netshare.service.workers.route import WorkerRoute
from netshare.sockets.credentials import Peer
from netshare.sockets.held import HeldSocket
from netshare.timing import Deadlines

#: How many registrations one page of a listing holds.
PAGE = 100


@implementer(IWorkerLink)
class DeskProtocol(ManagingLink):
    """
    One worker, or one ``netshare`` command.

    :param granted: addresses that need no permission, since the service itself started this
        worker for them
    :param peer: the process at the other end, where it is known
    :param watcher: is told when this worker, which the service has started, serves its address
    """

    log = Logger()

    def __init__(
        self,
        desk: RegistrationDesk,
        granted: Sequence[BaseAddress] = (),
        peer: Peer | None = None,
        watcher: ILinkWatcher | None = None,
    ) -> None:
        super().__init__(watcher)
        self.grantedAs = tuple(map(str, granted))
        self._knownPeer = peer
        self.desk = desk
        self.registry = desk.registry
        self.granted = {address.key for address in granted}
        self.registrations: dict[str, Registration] = {}
        self.lane: AmpLane | FastLane | None = None
        self._laneHanded = False
        #: Ports on which connections may have come for it: what it gives back is from one of them,
        #: also when its registrations are gone.
        self._served: set[int] = set()
        self.reader.longest = SHORT_BOX
        self.peer: Peer
        #: The worker's number as it knows it itself, which is another in another PID namespace.
        self.claimedPid: int | None = None
        #: Which of several programs it is, as it says itself.
        self.generation = ""

    def connectionMade(self) -> None:
        super().connectionMade()
        self.peer = self._knownPeer or Peer.of(self.transport.getHandle())
        self.registry.links.add(self)
        self.registry.ports.admission.linkOpened()
        trusted = self.registry.accounts.trusts(self.peer)
        self._allowance = self.desk.budgets.enter(self, self.peer.uid, trusted)

    def congested(self, congested: bool) -> None:
        super().congested(congested)
        if isinstance(self.lane, AmpLane):
            self.lane.congested(congested)

    def fileDescriptorReceived(self, descriptor: int) -> None:
        super().fileDescriptorReceived(descriptor)
        self.account()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.forget()
        expected = self.registry.quotas.expectAfterLoss
        for registration in list(self.registrations.values()):
            self._drop(registration, "its worker's link is gone", expected)
        super().connectionLost(reason)
        if self._watcher is not None:
            self._watcher.lost(self)
        if self.lane is not None:
            self.lane.stop()

    def __str__(self) -> str:
        return f"worker {self.peer.pid} of {self.peer.user}"

    @declared(commands.Register, ServiceFault)
    def register(
        self, version: int, baseAddress: str | None = None, **wishes: Any
    ) -> dict[str, Any]:
        try:
            return self._register(version, baseAddress, **wishes)
        except commands.RegistrationError as why:
            self.desk.refusals.refused(self.peer.uid, str(self), baseAddress, why)
            raise

    def _register(
        self,
        version: int,
        baseAddress: str | None = None,
        hostNameComparisonMode: str | None = None,
        pid: int | None = None,
        unique: bool = False,
        shared: bool = False,
        maxOutstanding: int | None = None,
        lane: str | None = None,
        drains: bool = False,
        pings: bool = False,
        generation: str | None = None,
    ) -> dict[str, Any]:
        check_version(version)
        self.claimedPid = pid
        self.drains, self.pings = bool(drains), bool(pings)
        self.generation = requested_generation(generation)
        limit = requested_limit(maxOutstanding, self.registry.quotas.maxOutstandingPerWorker)
        address = requested_address(baseAddress, hostNameComparisonMode, bool(unique))
        self._checkPermission(address)
        self.registry.check_room(self.peer, address)
        if self.lane is None:
            self.lane = self._makeLane(requested_lane(lane), limit)
        registration = Registration(address, self, self.lane, bool(shared))
        try:
            self.enter(registration)
        except (PortNotAllowed, PortUnavailable) as error:
            raise commands.FailedToListen(str(error)) from None
        self._served.add(address.port)
        self.registry.activate(registration)
        if self._watcher is not None:
            self._watcher.registered(self)
        if self.pings:
            self.desk.reports.add(self)
        self._allowance.register()
        self.reader.longest = MAX_BOX
        answer: dict[str, Any] = {"baseAddress": str(address)}
        if isinstance(self.lane, FastLane) and not self._laneHanded:
            self._laneHanded = True
            answer["lane"] = self.lane.workersEnd()
        return answer

    @declared(commands.ValidateUriRoute, ServiceFault)
    def validateUriRoute(self, uri: str) -> dict[str, Any]:
        try:
            found = self.registry.tree.find(parse_via(uri))
        except AddressError:
            return {"valid": False}
        route = found.resource.route if found else None
        return {"valid": isinstance(route, WorkerRoute) and self.lane in route.lanes}

    @declared(commands.Return, ServiceFault)
    def takeBack(self, readData: bytes, socket: int, peer: str | None = None) -> dict[str, Any]:
        self._takeBack(HeldSocket(self.claim(socket)), readData, peer or "")
        return {}

    @declared(commands.ListRegistrations, ServiceFault)
    def listRegistrations(self, start: int) -> dict[str, Any]:
        page, following = self.desk.status.registrations(start, PAGE)
        return {"json": json.dumps(page).encode("utf-8"), "next": following}

    @declared(commands.WhoServes, ServiceFault)
    def whoServes(self, uri: str) -> dict[str, Any]:
        try:
            answer = self.desk.status.who(uri)
        except AddressError as error:
            raise commands.InvalidArgument(f"{uri}: {error}") from None
        return {"json": json.dumps(answer).encode("utf-8")}

    @declared(commands.Stats, ServiceFault)
    def stats(self) -> dict[str, Any]:
        return {"json": json.dumps(self.desk.status.stats()).encode("utf-8")}

    @declared(management.Reload, ServiceFault)
    async def reload(self) -> dict[str, Any]:
        if not self.registry.accounts.trusts(self.peer):
            raise commands.AccessDenied(
                f"user {self.peer.user} may not reload: root and the service's own user may"
            )
        if self.desk.reload is None:
            raise management.ReloadFailed("this service was not made of a configuration")
        return {"json": json.dumps(await self.desk.reload()).encode("utf-8")}

    @declared(commands.TakeOver, ServiceFault)
    def takeOver(self, format: int, workers: bool = False) -> dict[str, Any]:
        if not self.registry.accounts.trusts(self.peer):
            raise commands.AccessDenied(
                f"user {self.peer.user} may not take over: root and the service's own user may"
            )
        if self.desk.takeOver is None:
            raise commands.TakeOverRefused("this service was not started to be taken over")
        return {"channel": self.desk.takeOver(format, self.peer, bool(workers))}

    @declared(management.Replace, ServiceFault)
    async def replace(self) -> dict[str, Any]:
        if not self.registry.accounts.trusts(self.peer) or self._is_spawned():
            raise commands.AccessDenied(
                f"user {self.peer.user} may not have the service replaced: root and the service's "
                "own user may"
            )
        if self.desk.replace is None:
            raise commands.TakeOverRefused("this service was not started by a command line")
        return {"pid": await self.desk.replace()}

    def _takeBack(self, held: HeldSocket, readData: bytes, peer: str) -> None:
        """
        :raises NotReturnable: it is nothing that could be given back
        """
        self.desk.returns.take(held, readData, peer, str(self), self._served)

    def _takeBackFromLane(self, held: HeldSocket, readData: bytes, peer: str) -> None:
        try:
            self._takeBack(held, readData, peer)
        except commands.NotReturnable:
            pass  # logged; a lane has no way of telling

    def _laneBroken(self, reason: str) -> None:
        self.cut(reason)

    def _checkPermission(self, address: BaseAddress) -> None:
        """
        :raises AccessDenied: this process may not register this address
        """
        if address.key in self.granted or self._is_back(address):
            return
        # Not over the control socket either, where it would be as trusted as the service itself.
        # With a user of its own it is not, and may register what this user may.
        if self.registry.accounts.trusts(self.peer) and self._is_spawned():
            raise commands.AccessDenied(
                f"{address}: a worker that the service starts may register only the address it was "
                "started for, over the link it inherits: give this address a [[worker]] of its "
                "own, or the worker a user who may register it"
            )
        refusal = self.registry.accounts.refusal(self.peer, address)
        if refusal is not None:
            raise commands.AccessDenied(refusal)

    def _is_back(self, address: BaseAddress) -> bool:
        """Whether this is a worker that the service has started, whose first link was lost."""
        workers = self.desk.workers
        if self.granted or workers is None:
            return False
        watcher = workers.comesBack(self.peer.pid, self.peer.uid, address)
        if watcher is None:
            return False
        self._watcher = watcher
        self.granted, self.grantedAs = {address.key}, (str(address),)
        return True

    def _makeLane(
        self,
        form: LaneForm | None,
        limit: int,
        ends: tuple[socket.socket, socket.socket] | None = None,
    ) -> AmpLane | FastLane:
        quotas, reactor = self.registry.quotas, self.registry.reactor
        trusted = self.registry.accounts.trusts(self.peer)
        inFlight = self.registry.inFlight
        if form is None:
            self.gathering = self.desk.turn
            return AmpLane(
                reactor, self, limit, quotas, str(self), trusted, inFlight, self.peer.uid
            )
        return FastLane(
            reactor,
            self.desk.turn,
            form,
            limit,
            quotas,
            str(self),
            self._takeBackFromLane,
            self._laneBroken,
            trusted,
            inFlight,
            self.peer.uid,
            ends,
        )


class RegistrationDesk(Factory):
    """
    Listen with this on the control socket.
    """

    noisy = False

    def __init__(self, registry: Registry, front: SharedPortFactory, status: Status) -> None:
        self.registry = registry
        self.status = status
        self.departures = status.departures
        self.refusals = Refusals(registry.reactor)
        #: Gives everything to another process; fails with :class:`commands.TakeOverRefused`.
        self.takeOver: Callable[[int, Peer, bool], int] | None = None
        #: Starts another process that takes over, and gives its number when it has; fails with
        #: :class:`commands.TakeOverRefused`.
        self.replace: Callable[[], Awaitable[int]] | None = None
        #: Reads the configuration again; fails with :class:`management.ReloadFailed`.
        self.reload: Callable[[], Awaitable[Mapping[str, Any]]] | None = None
        self.returns = Returns(front, registry.ports)
        self.budgets = Budgets()
        #: Asks workers that share an address what they have.
        self.reports = Reports(registry.reactor, registry.quotas.pingTimeout)
        #: Whether a process is a worker that the service has started, or belongs to one.
        self.isSpawned: Callable[[int], bool] = lambda pid: False
        #: Has the workers that the service starts, if it starts any.
        self.workers: IWorkerManager | None = None
        #: Links on which a box has begun.
        self.unfinished: Deadlines[DeskProtocol] = Deadlines(registry.reactor, self._boxTooLate)
        #: Links whose other end does not read.
        self.unread: Deadlines[DeskProtocol] = Deadlines(registry.reactor, self._unreadTooLong)
        #: When lanes send what was accepted together.
        self.turn = front.ending.turn

    def buildProtocol(self, addr: IAddress | None) -> DeskProtocol:
        return DeskProtocol(self)

    @staticmethod
    def _unreadTooLong(link: DeskProtocol) -> None:
        link.cut(f"it has not read what was written to it for {UNREAD_TIMEOUT:g} seconds")

    @staticmethod
    def _boxTooLate(link: DeskProtocol) -> None:
        link.cut(f"a box was not complete after {BOX_TIMEOUT:g} s")
