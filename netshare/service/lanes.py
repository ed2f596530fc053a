"""
The ways to a worker.

Every worker can be given connections one by one over its control link (:class:`AmpLane`); one
that asks for it when it registers gets a link of their own for them (:mod:`.fastlane`). What is
under way is counted, capped and timed alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed
from twisted.protocols import amp
from twisted.python.failure import Failure
from zope.interface import implementer

from netshare.addresses import BaseAddress
from netshare.interfaces import IArrival, IWorkerLane
from netshare.service.quotas import Deadlines, Quotas
from netshare.worker.commands import ControlProtocol, Duplicate, RoutesChanged


class Errand:
    """
    One connection under way to a worker.
    """

    __slots__ = ("_lane", "arrival", "done")

    def __init__(self, lane: Lane, arrival: IArrival) -> None:
        self._lane = lane
        self.arrival = arrival
        self.done: Deferred[None] = Deferred()

    def timedOut(self) -> None:
        """The worker has not answered for it in time."""
        self._lane.overdue(self)

    def finish(self, result: Any) -> None:
        """
        The worker has answered, or never will.

        :param result: a Failure, or anything else when the worker has adopted it
        """
        if self.done.called:
            return  # after its deadline; all that is left of the answer was counting
        if isinstance(result, Failure):
            self.done.errback(result)
        else:
            self.done.callback(None)


@implementer(IWorkerLane)
class Lane:
    """
    What both lanes have: a count, a cap, a deadline.

    :param limit: how many connections may be under way at once
    :param name: the worker, for people
    """

    def __init__(self, reactor: Any, limit: int, quotas: Quotas, name: str) -> None:
        self.name = name
        self._limit = limit
        self._deadlines = Deadlines(reactor, quotas.dispatchTimeout, lingers=True)
        self._timeout = quotas.dispatchTimeout
        self.outstanding = 0
        #: The worker let a deadline pass and has said nothing since.
        self.stuck = False
        #: Called when the lane may have become available.
        self.freed: list[Callable[[int], None]] = []

    def __str__(self) -> str:
        return self.name

    @property
    def available(self) -> bool:
        return not self.stuck and self.outstanding < self._limit

    @property
    def state(self) -> str:
        return "stuck" if self.stuck else "ready" if self.available else "busy"

    def give(self, arrival: IArrival, baseAddress: BaseAddress) -> Deferred[None]:
        """See :meth:`IWorkerLane.give <netshare.interfaces.IWorkerLane.give>`."""
        raise NotImplementedError

    def routesChanged(self, address: BaseAddress) -> None:
        """
        Tell the worker that sockets it has may be somebody else's when they are used again.

        It must reach the worker behind everything that was given before.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """No deadline any more; the link is gone."""
        self._deadlines.cancel()

    def begin(self, arrival: IArrival) -> Errand:
        """One more is under way."""
        self.outstanding += 1
        errand = Errand(self, arrival)
        self._deadlines.add(errand)
        return errand

    def end(self, errand: Errand, result: Any) -> None:
        """One less is; :meth:`tellFreed` is to follow."""
        self._deadlines.discard(errand)
        self.outstanding -= 1
        errand.finish(result)

    def tellFreed(self, count: int) -> None:
        """Let those who wait for the lane try again: so many were answered for."""
        for freed in list(self.freed):
            freed(count)

    def overdue(self, errand: Errand) -> None:
        """The worker is stuck; what it was given may be in its hands."""
        self.stuck = True
        errand.finish(Failure(defer.TimeoutError(f"no answer within {self._timeout:g} s")))


class AmpLane(Lane):
    """
    Connections travel one by one, as AMP ``Duplicate`` commands over the control link.
    """

    def __init__(
        self, reactor: Any, link: ControlProtocol, limit: int, quotas: Quotas, name: str
    ) -> None:
        super().__init__(reactor, limit, quotas, name)
        self._link = link

    def give(self, arrival: IArrival, baseAddress: BaseAddress) -> Deferred[None]:
        errand = self.begin(arrival)
        try:
            answer = self._link.callRemote(
                Duplicate,
                via=arrival.via,
                baseAddress=str(baseAddress),
                peer=arrival.peer,
                local=arrival.local,
                readData=arrival.readData,
                socket=arrival.held.fileno(),
            )
        except (amp.TooLong, ConnectionClosed) as error:
            answer = defer.fail(error)
        answer.addBoth(self._answered, errand)
        return errand.done

    def routesChanged(self, address: BaseAddress) -> None:
        try:
            self._link.callRemote(RoutesChanged, baseAddress=str(address))
        except ConnectionClosed:
            pass  # its registrations are about to be dropped

    def _answered(self, result: Any, errand: Errand) -> None:
        if not (isinstance(result, Failure) and result.check(ConnectionClosed)):
            self.stuck = False
        self.end(errand, result)
        self.tellFreed(1)
