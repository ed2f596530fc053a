"""
The ways to a worker.

Every worker can be given connections one by one over its control link (:class:`AmpLane`); one
that asks for it when it registers gets a link of their own for them (:mod:`.fastlane`). What is
under way is counted, capped and timed alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet import defer
from twisted.internet.error import ConnectionClosed
from twisted.protocols import amp
from zope.interface import implementer

from netshare.addresses import BaseAddress
from netshare.control.commands import Duplicate, RoutesChanged
from netshare.control.protocol import ControlProtocol
from netshare.interfaces import IErrand, IWorkerLane
from netshare.service.quotas import Quotas
from netshare.timing import Deadlines


@implementer(IWorkerLane)
class Lane(ABC):
    """
    What both lanes have: a count, a cap, a deadline.

    :param limit: how many connections may be under way at once
    :param name: the worker, for people
    :param trusted: the worker could stop the service anyway, being of its user or root
    """

    def __init__(
        self, reactor: Any, limit: int, quotas: Quotas, name: str, trusted: bool = False
    ) -> None:
        self.name = name
        self._trusted = trusted
        self._limit = limit
        self._timeout = quotas.dispatchTimeout
        self._deadlines: Deadlines[IErrand] = Deadlines(reactor, self._tooLate, keep=True)
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

    @abstractmethod
    def give(self, errand: IErrand) -> None:
        """See :meth:`IWorkerLane.give <netshare.interfaces.IWorkerLane.give>`."""

    @abstractmethod
    def routesChanged(self, address: BaseAddress) -> None:
        """
        Tell the worker that sockets it has may belong to other addresses when they are used again.

        It must reach the worker behind everything that was given before.
        """

    def overdue(self, errand: IErrand) -> None:
        """Too late: the worker may have it in its hands."""
        errand.failed(self, defer.TimeoutError(f"no answer within {self._timeout:g} s"))

    def stop(self) -> None:
        """No deadline any more; the link is gone."""
        self._deadlines.clear()

    def begin(self, errand: IErrand) -> None:
        """One more is under way."""
        self.outstanding += 1
        self._deadlines.add(errand, self._timeout)

    def tellFreed(self, count: int) -> None:
        """Let those who wait for the lane try again: so many were answered for."""
        for freed in tuple(self.freed):
            freed(count)

    def _tooLate(self, errand: IErrand) -> None:
        self.stuck = True
        self.overdue(errand)


class AmpLane(Lane):
    """
    Connections travel one by one, as AMP ``Duplicate`` commands over the control link.
    """

    def __init__(
        self,
        reactor: Any,
        link: ControlProtocol,
        limit: int,
        quotas: Quotas,
        name: str,
        trusted: bool = False,
    ) -> None:
        super().__init__(reactor, limit, quotas, name, trusted)
        self._link = link

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
        except (amp.TooLong, ConnectionClosed) as error:
            self._answered(errand, error)

    def routesChanged(self, address: BaseAddress) -> None:
        try:
            self._link.callRemote(RoutesChanged, baseAddress=str(address))
        except ConnectionClosed:
            pass  # its registrations are about to be dropped

    def _answered(self, errand: IErrand, error: Exception | None) -> None:
        self._deadlines.discard(errand)
        self.outstanding -= 1
        if not isinstance(error, ConnectionClosed):
            self.stuck = False
        if error is None:
            errand.arrival.held.close(self._trusted)
            errand.adopted(self)
        else:
            errand.failed(self, error)
        self.tellFreed(1)
