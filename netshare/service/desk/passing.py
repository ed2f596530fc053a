"""
A link that goes from one service process to the next, in mid-stream.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionClosed

from netshare.addresses import AddressKey, parse_base_address
from netshare.control import commands
from netshare.control.lanes import LaneForm
from netshare.control.protocol import MAX_BOX
from netshare.interfaces import IErrand
from netshare.service.desk.questions import QuestionedLink
from netshare.service.desk.registry import Registration
from netshare.service.front.ports import PortNotAllowed, PortUnavailable
from netshare.service.records import Handed, LaneState, LeavingState, LinkRecord
from netshare.service.workers.fastlane import FastLane
from netshare.service.workers.lanes import AmpLane, Lane
from netshare.sockets.credentials import Peer


class PassableLink(QuestionedLink):
    """
    What the service's end of a link has for that.
    """

    peer: Peer
    claimedPid: int | None
    drains: bool
    generation: str
    pings: bool
    granted: set[AddressKey]
    lane: AmpLane | FastLane | None
    registrations: dict[str, Registration]
    grantedAs: tuple[str, ...]
    _served: set[int]
    _laneHanded: bool

    def state_for(self) -> Handed | None:
        """
        This link, for another process; None where it cannot go now, and its worker has to come
        again.
        """
        if self.lane is not None and not self.lane.settled:
            return None
        passed = self.conversation(self.undealt())
        if passed is None:
            return None
        conversation, unclaimed = passed
        lane, ends = self._lane_state()
        record = LinkRecord(
            self.peer.pid,
            self.peer.uid,
            tuple(self.peer.groups),
            self.claimedPid,
            self.grantedAs,
            tuple(self.registry.state_of(one) for one in self.registrations.values()),
            tuple(self._served),
            conversation,
            lane,
            self._allowance.registered,
            self.drains,
            self.generation,
            self.leaving(),
            self.pings,
        )
        return Handed(record, (self.transport.getHandle().fileno(), *ends, *unclaimed))

    def handed_over(self, link: Handed) -> Iterator[Handed]:
        """
        All of it: the link as :meth:`state_for` gave it, and what its worker was sent.
        """
        yield link
        if isinstance(self.lane, FastLane):
            yield from self.lane.sent()

    def resume(
        self,
        record: LinkRecord,
        ends: tuple[socket.socket, socket.socket] | None,
        unclaimed: Sequence[int],
        errands: Callable[[], Sequence[IErrand]],
    ) -> None:
        """
        Be the link that another process had; the transport is connected.

        :param ends: of the fast lane, if it has one: ours, and the worker's
        :param unclaimed: the descriptors that came and no command has claimed
        :param errands: gives what the worker has not answered for; asked when the addresses are
            registered
        :raises RegistrationError: this service does not let the worker have its address
        :raises PortNotAllowed: nor that port
        :raises PortUnavailable: the port cannot be opened
        """
        self.claimedPid = record.claimedPid
        self.drains = record.drains
        self.generation = record.generation
        self.pings = record.pings
        self._served = set(record.served)
        self._laneHanded = ends is not None
        if record.registered:
            self._allowance.register()
            self.reader.longest = MAX_BOX
        state = record.lane
        if state is not None:
            form = LaneForm(state.form) if state.form else None
            self.lane = self._makeLane(form, state.limit, ends)
            if self.pings and record.registrations:
                self.desk.reports.add(self)
            for one in record.registrations:
                address = parse_base_address(one.address)
                registration = Registration(address, self, self.lane, one.shared, one.since)
                self.enter(registration)
                self.registry.goOn(registration, one.given)
            self.goOnLeaving(record.leaving, self.lane)
        self.goOn(record.conversation, unclaimed)
        if isinstance(self.lane, FastLane) and state is not None:
            self.lane.goOn(state, errands())
        if record.conversation.unread:
            self.dataReceived(record.conversation.unread)

    def enter(self, registration: Registration) -> None:
        """
        Claim an address, and have its port open.

        :raises ConflictingRegistration: it is another worker's
        :raises PortNotAllowed: policy forbids the port
        :raises PortUnavailable: the system does
        """
        address = registration.address
        self.registry.claim(registration)
        try:
            self.registry.ports.acquire(address.port)
        except (PortNotAllowed, PortUnavailable):
            self.registry.disclaim(registration)
            raise
        self.registrations[str(address)] = registration

    def _makeLane(
        self,
        form: LaneForm | None,
        limit: int,
        ends: tuple[socket.socket, socket.socket] | None = None,
    ) -> AmpLane | FastLane:
        raise NotImplementedError

    def leaving(self) -> tuple[LeavingState, ...]:
        """What the worker was told to drain, and has not said of that it is."""
        raise NotImplementedError

    def goOnLeaving(self, leaving: Sequence[LeavingState], lane: Lane) -> None:
        """The same, of another process."""
        raise NotImplementedError

    def close(self) -> None:
        """
        End the link; its registrations go with it.
        """
        self.transport.loseConnection()

    def sayServiceEnds(self) -> Deferred[None]:
        """
        Have the worker give nothing back any more.

        :returns: fires when what it gave back before is here, or when the link is gone
        """
        try:
            answer: Deferred[None] = self.callRemote(commands.ServiceEnds)
        except ConnectionClosed:
            return succeed(None)
        return answer.addBoth(lambda _: None)

    def letGo(self) -> None:
        """
        Another process is the service now, and this link could not go there: end it, and leave
        what is in its lane to the worker, which comes again.
        """
        if self.lane is not None:
            self.lane.letGo()
        self.close()

    def leave(self) -> None:
        """
        Another process has the link: close what is here, without a word to the worker.
        """
        if self.lane is not None:
            self.lane.letGo()
        self.transport.stopReading()
        self.transport.stopWriting()
        self.transport.getHandle().close()
        self.forget()
        self.closeUnclaimed()

    def forget(self) -> None:
        """Leave the service's books, but for the registrations."""
        self.registry.links.discard(self)
        self.desk.reports.discard(self)
        self.registry.ports.admission.linkClosed()
        super().forget()

    def _lane_state(self) -> tuple[LaneState | None, tuple[int, ...]]:
        if isinstance(self.lane, FastLane):
            return self.lane.state_for(), self.lane.ends()
        if self.lane is None:
            return None, ()
        return self.lane.plain_state(), ()
