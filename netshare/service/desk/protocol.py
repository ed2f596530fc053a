"""
The registration desk: the service's side of the control socket.

One connection is one :class:`DeskProtocol`. A worker's registrations live as long as its
connection; connections that were given to it live on without either.
"""

from __future__ import annotations

import json
import socket
import struct
import uuid
from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.addresses import (
    AddressError,
    BaseAddress,
    HostNameComparisonMode,
    parse_base_address,
    parse_via,
)
from netshare.control import commands
from netshare.control.commands import ServiceFault
from netshare.control.lanes import LaneForm
from netshare.control.protocol import ControlProtocol, declared
from netshare.service.desk.registry import Registration, Registry
from netshare.service.desk.returns import Bounces
from netshare.service.desk.status import Status
from netshare.service.front.ports import PortNotAllowed, PortUnavailable
from netshare.service.front.preamble import SharedPortFactory
from netshare.service.outcomes import Outcome
from netshare.service.workers.fastlane import FastLane
from netshare.service.workers.lanes import AmpLane
from netshare.service.workers.route import WorkerRoute
from netshare.sockets.credentials import Peer
from netshare.sockets.held import HeldSocket
from netshare.sockets.names import socket_address_text

#: How many bytes may come with a connection that is given back: a first read, and the part of a
#: preamble before it.
LONGEST_RETURN = 68 * 1024

#: How many registrations one page of a listing holds.
PAGE = 100

#: The kernel's struct tcp_info begins with the connection's state.
_TCP_ESTABLISHED, _TCP_CLOSE_WAIT = 1, 8


class DeskProtocol(ControlProtocol):
    """
    One worker, or one ``netshare`` command.

    :param granted: addresses that need no permission, since the service itself started this
        worker for them
    """

    log = Logger()

    def __init__(self, desk: RegistrationDesk, granted: Sequence[BaseAddress] = ()) -> None:
        super().__init__()
        self.desk = desk
        self.registry = desk.registry
        self.granted = {address.key for address in granted}
        self.registrations: dict[str, Registration] = {}
        self.lane: AmpLane | FastLane | None = None
        self._laneHanded = False
        #: Ports on which connections may have come for it: what it gives back is from one of them,
        #: also when its registrations are gone.
        self._served: set[int] = set()
        self.peer: Peer

    def connectionMade(self) -> None:
        super().connectionMade()
        self.peer = Peer.of(self.transport.getHandle())
        self.transport.registerProducer(_Questions(self.transport), True)
        self.registry.links.add(self)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.registry.links.discard(self)
        for registration in list(self.registrations.values()):
            self._drop(registration, "its worker's link is gone")
        super().connectionLost(reason)
        if self.lane is not None:
            self.lane.stop()

    def __str__(self) -> str:
        return f"worker {self.peer.pid} of {self.peer.user}"

    @declared(commands.Register, ServiceFault)
    def register(
        self,
        version: int,
        baseAddress: str | None = None,
        hostNameComparisonMode: str | None = None,
        pid: int | None = None,
        unique: bool = False,
        shared: bool = False,
        maxOutstanding: int | None = None,
        lane: str | None = None,
    ) -> dict[str, Any]:
        if version != commands.PROTOCOL_VERSION:
            raise commands.VersionUnsupported(
                f"this service speaks version {commands.PROTOCOL_VERSION}, the worker {version}"
            )
        if maxOutstanding is not None and maxOutstanding < 1:
            raise commands.InvalidArgument(
                f"maxOutstanding is {maxOutstanding}; it has to be at least 1"
            )
        address = _address(baseAddress, hostNameComparisonMode, bool(unique))
        if address.key not in self.granted:
            refusal = self.registry.accounts.refusal(self.peer, address)
            if refusal is not None:
                raise commands.AccessDenied(refusal)
        self.registry.check_room(self.peer)
        if self.lane is None:
            self.lane = self._makeLane(lane, maxOutstanding)
        registration = Registration(address, self, self.lane, bool(shared))
        self.registry.claim(registration)
        try:
            self.registry.ports.acquire(address.port)
        except (PortNotAllowed, PortUnavailable) as error:
            self.registry.disclaim(registration)
            raise commands.FailedToListen(str(error)) from None
        self.registrations[str(address)] = registration
        self._served.add(address.port)
        self.registry.activate(registration)
        answer: dict[str, Any] = {"baseAddress": str(address)}
        if isinstance(self.lane, FastLane) and not self._laneHanded:
            self._laneHanded = True
            answer["lane"] = self.lane.workersEnd()
        return answer

    @declared(commands.Unregister, ServiceFault)
    def unregister(self, baseAddress: str) -> dict[str, Any]:
        registration = self.registrations.get(baseAddress)
        if registration is None:
            raise commands.InvalidArgument(f"{baseAddress} is not registered by this worker")
        self._drop(registration, "its worker unregistered it")
        if isinstance(self.lane, FastLane):
            self.lane.flush()  # behind the answer the worker expects nothing more
        return {}

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
        page, following = self.desk.status.registrations(max(start, 0), PAGE)
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

    def _takeBack(self, held: HeldSocket, readData: bytes, peer: str) -> None:
        """
        :raises NotReturnable: it is nothing that could be given back
        """
        try:
            if len(readData) > LONGEST_RETURN:
                raise commands.NotReturnable(f"more than {LONGEST_RETURN} bytes come with it")
            seen, local = self._checkReturned(held)
        except commands.NotReturnable as error:
            held.close()
            self.log.warn("{worker} returned a socket: {error}", worker=str(self), error=error)
            raise
        front, peer = self.desk.front, peer or seen
        if self.desk.bounces.exceeded(held):
            front.refuseReturned(
                held,
                Outcome.CONNECTION_DISPATCH_FAILED,
                f"{self} gave the same preamble back once more: no worker takes it for its own",
                peer,
                local,
            )
        else:
            front.receiveReturned(held, readData, peer, local)

    def _takeBackFromLane(self, held: HeldSocket, readData: bytes, peer: str) -> None:
        try:
            self._takeBack(held, readData, peer)
        except commands.NotReturnable:
            pass  # logged; a lane has no way of telling

    def _laneBroken(self, reason: str) -> None:
        self.log.warn("{worker}: {reason}", worker=str(self), reason=reason)
        self.transport.abortConnection()

    def _makeLane(self, form: str | None, maxOutstanding: int | None) -> AmpLane | FastLane:
        quotas, reactor = self.registry.quotas, self.registry.reactor
        limit = min(
            maxOutstanding or quotas.maxOutstandingPerWorker, quotas.maxOutstandingPerWorker
        )
        trusted = self.registry.accounts.trusts(self.peer)
        if form is None:
            return AmpLane(reactor, self, limit, quotas, str(self), trusted)
        try:
            laneForm = LaneForm(form)
        except ValueError:
            names = " or ".join(f.value for f in LaneForm)
            raise commands.InvalidArgument(f"lane is {form!r}; it can be {names}") from None
        return FastLane(
            reactor,
            self.desk.front.ending.turn,
            laneForm,
            limit,
            quotas,
            str(self),
            self._takeBackFromLane,
            self._laneBroken,
            trusted,
        )

    def _drop(self, registration: Registration, reason: str) -> None:
        self.registrations.pop(str(registration.address), None)
        self.registry.deactivate(registration, reason)
        self.registry.ports.release(registration.address.port)

    def _checkReturned(self, held: HeldSocket) -> tuple[str, str]:
        """
        What a worker gives back can be anything: a file, a pipe, a socket of its own making.
        """
        view = None
        try:
            view = held.view()
            if view.family not in (socket.AF_INET, socket.AF_INET6):
                raise commands.NotReturnable("it is not a TCP socket")
            state = view.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
            if state not in (_TCP_ESTABLISHED, _TCP_CLOSE_WAIT):
                raise commands.NotReturnable("it is not connected any more")
            local, peer = view.getsockname(), view.getpeername()
        except (OSError, struct.error) as error:
            raise commands.NotReturnable(f"it is not a connected TCP socket: {error}") from None
        finally:
            if view is not None:
                view.detach()
        if local[1] not in self._served | self.registry.ports.namedNumbers():
            raise commands.NotReturnable(
                f"it came in on port {local[1]}, where this worker never had a registration"
            )
        return socket_address_text(peer), socket_address_text(local)


@implementer(IPushProducer)
class _Questions:
    """
    Reads nothing more from a link whose other end does not read the answers: they are kept for it.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def pauseProducing(self) -> None:
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        if self._transport.disconnecting:
            self._transport.unregisterProducer()  # which waited for us
        else:
            self._transport.resumeProducing()

    def stopProducing(self) -> None:
        """The link is gone."""


def _address(text: str | None, modeName: str | None, unique: bool) -> BaseAddress:
    mode = None
    if modeName:
        try:
            mode = HostNameComparisonMode(modeName)
        except ValueError:
            names = ", ".join(m.value for m in HostNameComparisonMode)
            raise commands.InvalidArgument(f"{modeName!r} is none of {names}") from None
    if unique:
        # The original keeps addresses nobody chose apart by mode, so that + and * of different
        # programs never shadow each other; a fresh name does the same.
        if text is None:
            text = "net.tcp://+/Temporary_Listen_Addresses"
        text = f"{text.rstrip('/')}/{uuid.uuid4()}"
    elif text is None:
        raise commands.InvalidArgument("an address is needed unless it is to be unique")
    if len(text.encode("utf-8", "surrogatepass")) > 2048:
        raise commands.PathTooLong("the address has more than 2048 bytes")
    if not text.lower().startswith("net.tcp:"):
        raise commands.ProtocolUnsupported(f"{text}: only net.tcp can be shared")
    try:
        return parse_base_address(text, mode)
    except AddressError as error:
        raise commands.InvalidArgument(f"{text}: {error}") from None


class RegistrationDesk(Factory):
    """
    Listen with this on the control socket.
    """

    noisy = False

    def __init__(
        self, registry: Registry, front: SharedPortFactory, status: Status, bounces: Bounces
    ) -> None:
        self.registry = registry
        self.front = front
        self.status = status
        self.bounces = bounces

    def buildProtocol(self, addr: IAddress | None) -> DeskProtocol:
        return DeskProtocol(self)
