"""
Letting a worker go, without its clients noticing.

In this order: no connection is given to it any more; it is told so; it gives back what it has been
sent and has not taken, and every pooled socket at its next preamble, for which its link stays up;
when it has no connection left it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionClosed
from twisted.protocols import amp
from twisted.python.failure import Failure

from netshare.addresses import parse_base_address
from netshare.control import commands
from netshare.control.commands import ServiceFault
from netshare.control.protocol import declared
from netshare.interfaces import ILinkWatcher
from netshare.logger import Logger
from netshare.service.desk.departures import Leaving
from netshare.service.desk.registry import Registration
from netshare.service.desk.reports import ReportingLink
from netshare.service.records import LeavingState
from netshare.service.workers.fastlane import FastLane
from netshare.service.workers.lanes import Lane


class DrainableLink(ReportingLink):
    """
    What the service's end of a link has for that.
    """

    log = Logger()

    def __init__(self, watcher: ILinkWatcher | None = None) -> None:
        super().__init__(watcher)
        #: Whether the worker has said that it knows ``Drain``.
        self.drains = False
        #: What the worker was told to drain and has not said of that it is, by address.
        self._leaving: dict[str, Leaving] = {}
        self._whenDrained: list[Deferred[None]] = []

    @property
    def given(self) -> int:
        """See :attr:`netshare.interfaces.IWorkerLink.given`."""
        return sum(self.registry.state_of(one).given for one in self.registrations.values())

    def withdraw(self) -> None:
        """See :meth:`netshare.interfaces.IWorkerLink.withdraw`."""
        for registration in list(self.registrations.values()):
            self._drop(registration, "it is to end")
        if isinstance(self.lane, FastLane):
            self.lane.flush()  # what is behind it comes behind all connections

    def drain(self, seconds: float) -> None:
        """See :meth:`netshare.interfaces.IWorkerLink.drain`."""
        leaving = list(self.registrations.values())
        self.withdraw()
        for registration in leaving:
            address = str(registration.address)
            self._leaving[address] = self.desk.departures.begin(registration, seconds)
            try:
                answer = self.callRemote(
                    commands.Drain, baseAddress=address, deadline=max(round(seconds), 0)
                )
            except ConnectionClosed:
                continue  # connectionLost follows
            answer.addErrback(self._notDrained, address)

    def leaving(self) -> tuple[LeavingState, ...]:
        """See :meth:`PassableLink.leaving`."""
        now = self.registry.reactor.seconds()
        return tuple(
            LeavingState(
                address, one.registration.shared, one.registration.since, max(one.until - now, 0.0)
            )
            for address, one in self._leaving.items()
        )

    def goOnLeaving(self, leaving: Sequence[LeavingState], lane: Lane) -> None:
        """See :meth:`PassableLink.goOnLeaving`."""
        for one in leaving:
            address = parse_base_address(one.address)
            registration = Registration(address, self, lane, one.shared, one.since)
            self._leaving[one.address] = self.desk.departures.begin(registration, one.left)

    def whenDrained(self) -> Deferred[None]:
        """
        :returns: fires when nothing is to be drained any more, or the worker is gone
        """
        if not self._leaving:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._whenDrained.append(waiting)
        return waiting

    @declared(commands.Unregister, ServiceFault)
    def unregister(self, baseAddress: str) -> dict[str, Any]:
        registration = self.registrations.get(baseAddress)
        if registration is None:
            raise commands.InvalidArgument(f"{baseAddress} is not registered by this worker")
        self._drop(registration, "its worker unregistered it")
        if isinstance(self.lane, FastLane):
            self.lane.flush()  # behind the answer the worker expects nothing more
        return {}

    @declared(commands.Drained, ServiceFault)
    def drained(self, baseAddress: str, connections: int) -> dict[str, Any]:
        if baseAddress not in self._leaving:
            raise commands.InvalidArgument(f"{baseAddress} was not to be drained")
        self._isDrained(baseAddress, max(connections, 0))
        return {}

    def _notDrained(self, failure: Failure, address: str) -> None:
        if failure.check(ConnectionClosed) or address not in self._leaving:
            return
        if not failure.check(amp.UnhandledCommand):
            self.log.warn(
                "{worker} cannot drain {address}: {why}",
                worker=str(self),
                address=address,
                why=failure.getErrorMessage(),
            )
        self._isDrained(address, None)

    def _isDrained(self, address: str, connections: int | None) -> None:
        leaving = self._leaving.pop(address)
        self.desk.departures.end(leaving)
        self.log.info(
            "{worker} is drained of {address}; connections left: {connections}",
            worker=str(self),
            address=address,
            connections="unknown" if connections is None else connections,
        )
        if self._leaving:
            return
        if self._watcher is not None:
            self._watcher.drained(connections)
        self._tellDrained()

    def _tellDrained(self) -> None:
        waiting, self._whenDrained = self._whenDrained, []
        for one in waiting:
            one.callback(None)

    def forget(self) -> None:
        super().forget()
        for leaving in self._leaving.values():
            self.desk.departures.end(leaving)
        self._leaving.clear()
        self._tellDrained()

    def _drop(self, registration: Registration, reason: str, expected: float = 0.0) -> None:
        self.registrations.pop(str(registration.address), None)
        self.registry.deactivate(registration, reason, expected)
        self.registry.ports.release(registration.address.port)
