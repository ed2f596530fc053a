"""
A worker's link to the service: registrations, and the connections that come for them.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IDelayedCall
from twisted.protocols import amp
from twisted.python.failure import Failure

from netshare.control import commands
from netshare.control.commands import WorkerFault
from netshare.control.lanes import LaneForm
from netshare.control.protocol import ControlProtocol, declared
from netshare.logger import Logger
from netshare.reactors import IReactor
from netshare.sockets.credentials import Peer, user_number
from netshare.sockets.descriptors import nearly_the_last, room_for
from netshare.sockets.held import HeldSocket
from netshare.worker.intake import Intake, Intakes
from netshare.worker.lane import ROOM_PAUSE, FastLaneReader
from netshare.worker.returns import ReturnWay


class UntrustedService(Exception):
    """
    The control socket belongs to a process that may not be the service.
    """


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a worker asks the service for.
    """

    #: ``net.tcp://host[:port]/path``; None only when ``unique``.
    address: str | None
    #: StrongWildcard, Exact or WeakWildcard; None: the host of the address tells.
    hostNameComparisonMode: str | None = None
    #: An address of one's own, below the given one.
    unique: bool = False
    #: Served together with other workers of the same user that say the same.
    shared: bool = False
    #: How many connections may be under way to this worker; None: as many as the service likes.
    maxOutstanding: int | None = None
    #: Whether to ask for a fast lane; without it connections come as AMP commands, one by one.
    fast: bool = True
    #: Which of several programs this is, for people: shown by ``netshare list``.
    generation: str | None = None

    def arguments(self) -> dict[str, Any]:
        """The arguments of :class:`netshare.control.commands.Register`."""
        return {
            "version": commands.PROTOCOL_VERSION,
            "baseAddress": self.address,
            "hostNameComparisonMode": self.hostNameComparisonMode,
            "pid": os.getpid(),
            "unique": self.unique,
            "shared": self.shared,
            "maxOutstanding": self.maxOutstanding,
            "lane": LaneForm.ADDRESSED.value if self.fast else None,
            "drains": True,
            "pings": True,
            "generation": self.generation,
        }


class LinkOwner(Intakes, ReturnWay, Protocol):
    """
    Whose link it is.
    """

    reactor: IReactor

    def intakes(self) -> list[Intake]:
        """All that it has."""

    def drain(self, address: str, seconds: float) -> None:
        """
        The service sends no more for an address.

        :param seconds: that the connections which are here may take to end
        """

    def serviceEnds(self, link: WorkerLink) -> None:
        """The link ends in a moment: what would go back is for the next one."""

    def lost(self, link: WorkerLink) -> None:
        """The link has ended."""


class WorkerLink(ControlProtocol):
    """
    The worker's end of a control connection.
    """

    log = Logger()

    def __init__(self, owner: LinkOwner) -> None:
        super().__init__()
        self._owner = owner
        self.lane: FastLaneReader | None = None
        self._pause: IDelayedCall | None = None

    def check(self, trusted: frozenset[int] | None) -> None:
        """
        Make sure that the service is who it should be.

        :param trusted: user numbers that the service may run as; None: any
        :raises UntrustedService: it runs as another user; the link is closed
        """
        service = Peer.of(self.transport.getHandle())
        if trusted is not None and service.uid not in trusted:
            self.transport.loseConnection()
            raise UntrustedService(
                f"the control socket belongs to user {service.user}, who is neither root, nor "
                "you, nor the user netshare: name the service's user with serviceUser="
            )

    async def register(self, wish: Wish) -> str:
        """
        :returns: the address as it is registered
        :raises RegistrationError: the service refuses
        """
        answer = await self.callRemote(commands.Register, **wish.arguments())
        if answer["lane"] is not None:
            lane = socket.socket(fileno=self.claim(answer["lane"]))
            self.lane = FastLaneReader(self._owner.reactor, lane, self._owner, self._laneBroken)
        return str(answer["baseAddress"])

    def giveBack(self, held: HeldSocket, readData: bytes, peer: str) -> Deferred[None]:
        """See :meth:`~netshare.worker.returns.ReturnWay.giveBack`."""
        try:
            answer = self.callRemote(
                commands.Return, peer=peer, readData=readData, socket=held.fileno()
            )
        except (amp.TooLong, ConnectionClosed) as error:
            answer = defer.fail(error)

        def answered(result: Any) -> Any:
            held.close()
            return result if isinstance(result, Failure) else None

        return answer.addBoth(answered)  # type: ignore[no-any-return]

    @declared(commands.Duplicate, WorkerFault)
    def duplicate(
        self, via: str, baseAddress: str, peer: str, local: str, readData: bytes, socket: int
    ) -> dict[str, Any]:
        held = HeldSocket(self.claim(socket))
        try:
            intake = self._owner.find(baseAddress)
            if intake is None:
                raise commands.NotMine(f"{baseAddress} is not registered by this process")
            intake.receive(held, via, readData, peer)
        finally:
            held.close()
        return {}

    @declared(commands.RoutesChanged, WorkerFault)
    def routesChanged(self, baseAddress: str) -> dict[str, Any]:
        self._owner.routesChanged(baseAddress)
        return {}

    @declared(commands.Ping, WorkerFault)
    def pinged(self) -> dict[str, Any]:
        intakes = self._owner.intakes()
        return {
            "connections": sum(len(intake.open()) for intake in intakes),
            "returning": sum(intake.returning for intake in intakes),
        }

    @declared(commands.Drain, WorkerFault)
    def drained(self, baseAddress: str, deadline: int) -> dict[str, Any]:
        # In the reactor's next turn, when the answer has been written.
        self._owner.reactor.callLater(0, self._owner.drain, baseAddress, float(deadline))
        return {}

    @declared(commands.ServiceEnds, WorkerFault)
    def serviceEnds(self) -> dict[str, Any]:
        self._owner.serviceEnds(self)
        return {}

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        super().connectionLost(reason)
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._owner.lost(self)
        if self.lane is not None:
            self.lane.finish()

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """
        As every control connection does; but before this process has no room for one more, which
        the kernel would drop without a word, the link is not read for a while.
        """
        super().fileDescriptorReceived(descriptor)
        if nearly_the_last(descriptor, 1) and self._pause is None:
            self.log.warn(
                "this process has nearly no descriptors left (see ulimit -n): it takes no more "
                "connections until there are some"
            )
            self.transport.pauseProducing()
            self._pause = self._owner.reactor.callLater(ROOM_PAUSE, self._lookForRoom)

    def _lookForRoom(self) -> None:
        self._pause = None
        if room_for(1):
            self.transport.resumeProducing()
        else:
            self._pause = self._owner.reactor.callLater(ROOM_PAUSE, self._lookForRoom)

    def _laneBroken(self) -> None:
        """A link without its lane would be given connections that do not arrive."""
        self.transport.abortConnection()


def trusted_users(serviceUser: str | None = None) -> frozenset[int]:
    """
    The user numbers that a service may run as: root, ourselves, and a user by name (``netshare``
    if there is one and no other is named).

    :raises ValueError: there is no user of that name
    """
    trusted = {0, os.geteuid()}
    if serviceUser is not None:
        trusted.add(user_number(serviceUser))
    else:
        try:
            trusted.add(user_number("netshare"))
        except ValueError:
            pass
    return frozenset(trusted)
