"""
The ways to a worker.

Every worker can be given connections one by one over its control link (:class:`AmpLane`); one
that asks for it when it registers gets a link of their own for them (:mod:`.fastlane`). What is
under way is counted, capped and timed alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from twisted.internet import defer
from twisted.internet.error import ConnectionClosed
from twisted.protocols import amp
from zope.interface import implementer

from netshare.addresses import BaseAddress
from netshare.control.commands import Busy, Duplicate, RoutesChanged
from netshare.control.gathering import NotCarried
from netshare.control.protocol import ControlProtocol
from netshare.interfaces import IErrand, IWorkerLane
from netshare.reactors import IReactor
from netshare.service.quotas import Quotas
from netshare.service.records import Handed, LaneState
from netshare.service.workers.inflight import Freed, InFlight
from netshare.service.workers.rests import BUSY_PAUSE, Rests
from netshare.timing import Timeouts


@implementer(IWorkerLane)
class Lane(ABC):
    """
    What both lanes have: a count, a cap, a deadline.

    :param limit: how many connections may be under way at once
    :param name: the worker, for people
    :param trusted: the worker could stop the service anyway, being of its user or root
    :param inFlight: the budgets of descriptors under way; None: of this lane alone
    :param uid: the worker's user
    """

    def __init__(
        self,
        reactor: IReactor,
        limit: int,
        quotas: Quotas,
        name: str,
        trusted: bool = False,
        inFlight: InFlight | None = None,
        uid: int = 0,
    ) -> None:
        self._reactor = reactor
        self._inFlight = inFlight = inFlight or InFlight()
        self._all, self._user = inFlight.all, inFlight.of(uid)
        self._onFreed = Freed(self.tellFreed)
        inFlight.add(self._onFreed)
        #: How many may be under way now: all that the limit allows, or, when nothing could be
        #: carried to the worker, one and then twice as many with each that it takes;
        #: none while it rests.
        self._window = limit
        #: Addresses that the worker has said that it is busy with.
        self._rests = Rests(reactor, limit, self.tellFreed)
        self._rest: Any = None
        self.name = name
        self._trusted = trusted
        self._limit = limit
        self._timeout = quotas.dispatchTimeout
        self._deadlines: Timeouts[IErrand] = Timeouts(
            reactor, quotas.dispatchTimeout, self._tooLate
        )
        self.outstanding = 0
        self.live: int | None = None
        #: The worker let a deadline pass and has said nothing since.
        self.stuck = False
        #: Nothing is given to it now: the service is about to be taken over, or it is silent.
        self.closed = False
        self._frozen = self._silent = False
        self.freed: list[Callable[[int], None]] = []

    def __str__(self) -> str:
        return self.name

    @property
    def available(self) -> bool:
        return (
            self.outstanding < self._window
            and not self.stuck
            and not self.closed
            and self._user.used < self._user.most
            and self._all.used < self._all.most
        )

    def takes(self, address: BaseAddress) -> bool:
        return self.available and (not self._rests or self._rests.takes(address))

    def stateFor(self, address: BaseAddress) -> str:
        if self.stuck:
            return "stuck"
        return "silent" if self._silent else "ready" if self.takes(address) else "busy"

    def freeze(self, frozen: bool) -> None:
        """The service is about to be taken over, or is not after all."""
        self._frozen = frozen
        self._closeOrOpen()

    def silence(self, silent: bool) -> None:
        """The worker does not answer when it is asked how it is, or does again."""
        self._silent = silent
        self._closeOrOpen()

    def _closeOrOpen(self) -> None:
        opens = self.closed
        self.closed = self._frozen or self._silent
        if opens and not self.closed:
            self.tellFreed()

    @abstractmethod
    def give(self, errand: IErrand) -> None:
        """See :meth:`IWorkerLane.give <netshare.interfaces.IWorkerLane.give>`."""

    @abstractmethod
    def routesChanged(self, address: BaseAddress) -> None:
        """
        Tell the worker that sockets it has may belong to other addresses when they are used again.

        It must reach the worker behind everything that was given before.
        """

    @property
    @abstractmethod
    def settled(self) -> bool:
        """Whether no connection is in this process's hands and the worker's at once."""

    def handed_over(self) -> Iterator[Handed]:
        """What is queued here and has not been sent, for another process."""
        return iter(())

    @abstractmethod
    def letGo(self) -> None:
        """
        Another process is the worker's service now. What was sent is the worker's.
        """

    def overdue(self, errand: IErrand) -> None:
        """Too late: the worker may have it in its hands."""
        errand.failed(self, defer.TimeoutError(f"no answer within {self._timeout:g} s"))

    def stop(self) -> None:
        """No deadline any more; the link is gone."""
        self._deadlines.clear()
        self._rests.stop()
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def begin(self, errand: IErrand) -> None:
        """One more is under way."""
        self.outstanding += 1
        self._user.used += 1
        self._all.used += 1
        self._deadlines.add(errand)
        if self._rests:
            self._rests.gave(errand)

    def reported(self, connections: int) -> None:
        """The worker has said how many connections it has; from now on it is reckoned on."""
        self.live = connections

    def end(self, count: int, answered: int = 0) -> None:
        """
        So many are under way no longer: let those who wait for the lane try again.

        :param answered: for how many of them the worker has answered
        """
        user, everyone = self._user, self._all
        full = user.used >= user.most or everyone.used >= everyone.most
        self.outstanding -= count
        if self.live is not None:
            self.live += answered
        user.used -= count
        everyone.used -= count
        for freed in tuple(self.freed):
            freed(answered)
        if len(self.freed) > 1:
            self.freed.append(self.freed.pop(0))  # another one comes first the next time
        if full:
            self._inFlight.tell_freed()

    def rest(self) -> None:
        """
        Nothing can be carried to the worker: give it nothing for a while, and then one, to see
        whether that can be.
        """
        self._window = 0
        if self._rest is None:
            self._rest = self._reactor.callLater(BUSY_PAUSE, self._rested)

    def adoptedSome(self) -> None:
        """The worker takes connections: it may be given more at once, unless it is to rest."""
        self._window = min(2 * self._window, self._limit)

    def _rested(self) -> None:
        self._rest = None
        self._window = 1
        self.tellFreed()

    def tellFreed(self) -> None:
        """Let those who wait for the lane try again."""
        for freed in tuple(self.freed):
            freed(0)

    def _tooLate(self, errand: IErrand) -> None:
        self.stuck = True
        self.overdue(errand)


class AmpLane(Lane):
    """
    Connections travel one by one, as AMP ``Duplicate`` commands over the control link.
    """

    def __init__(
        self,
        reactor: IReactor,
        link: ControlProtocol,
        limit: int,
        quotas: Quotas,
        name: str,
        trusted: bool = False,
        inFlight: InFlight | None = None,
        uid: int = 0,
    ) -> None:
        super().__init__(reactor, limit, quotas, name, trusted, inFlight, uid)
        self._link = link
        self._isCongested = False
        #: Addresses to tell of when the worker reads again.
        self._changed: dict[BaseAddress, None] = {}

    @property
    def settled(self) -> bool:
        return not self.outstanding

    def letGo(self) -> None:
        self._deadlines.clear()
        self._rests.stop()

    def plain_state(self) -> LaneState:
        """
        The lane, for another process: only its limits, for nothing may be under way.
        """
        changed = tuple(map(str, self._changed))
        return LaneState("", self._limit, self._window, self.stuck, False, changed)

    def congested(self, congested: bool) -> None:
        """
        The worker does not read its link, or reads again.
        """
        self._isCongested = congested
        if not congested:
            changed, self._changed = self._changed, {}
            for address in changed:
                self.routesChanged(address)

    def give(self, errand: IErrand) -> None:
        self.begin(errand)
        arrival = errand.arrival
        arguments = {
            "via": arrival.via,
            "baseAddress": str(errand.address),
            "peer": arrival.peer,
            "local": arrival.local,
            "readData": arrival.readData,
            "socket": arrival.held.fileno(),
        }
        try:
            self._link.ask(Duplicate, arguments, partial(self._answered, errand))
        except (NotCarried, amp.TooLong, ConnectionClosed) as error:
            self._answered(errand, error)

    def routesChanged(self, address: BaseAddress) -> None:
        if self._isCongested:
            self._changed[address] = None  # once is enough, however often they change
            return
        try:
            self._link.callRemote(RoutesChanged, baseAddress=str(address))
        except ConnectionClosed:
            pass  # its registrations are about to be dropped

    def _answered(self, errand: IErrand, error: Exception | None) -> None:
        self._deadlines.discard(errand)
        if isinstance(error, NotCarried):
            if self.outstanding > 1:
                self._window = self.outstanding - 1  # their answers tell when there is room
            else:
                self.rest()
            errand.failed(self, Busy(str(error)))
            self.end(1)
            return
        if not isinstance(error, ConnectionClosed):
            self.stuck = False
        if isinstance(error, Busy):
            self._rests.busy(errand.address)
        elif self._window < self._limit:
            self.adoptedSome()
        if self._rests:
            self._rests.answered((errand,), not isinstance(error, Busy))
        if error is None:
            errand.arrival.held.close(self._trusted)
            errand.adopted(self)
        else:
            errand.failed(self, error)
        self.end(1, 1)
