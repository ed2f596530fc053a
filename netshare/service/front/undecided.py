"""
A connection whose via is not known yet, and what is wrong with bytes that have none.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from netshare.framing.faults import Fault
from netshare.framing.preamble import (
    Malformed,
    Preamble,
    foreign_protocol,
    read_preamble,
)
from netshare.outcomes import Outcome
from netshare.reactors import IConnection
from netshare.service.front.arrival import FAULTS, Arrival
from netshare.service.front.crowd import client_of
from netshare.service.proxyprotocol import (
    NoProxyHeader,
    ProxyHeader,
    read_proxy_header,
)
from netshare.service.records import Handed, UndecidedRecord
from netshare.sockets.held import HeldSocket, NotPassable
from netshare.sockets.names import address_text, host_of

_CROWDED = "no room for one more undecided connection, and its client has the most of them"

_BY_FAULT = {fault: outcome for outcome, fault in FAULTS.items()}


@dataclass(frozen=True, slots=True)
class Begun:
    """
    What is known of a connection that begins to be read here.
    """

    #: What was read of its preamble, or of the header in front of it.
    readData: bytes
    peer: str
    local: str
    #: Whether a PROXY protocol header is still to come.
    headed: bool = False
    #: Seconds that its client still has, where it began in another process.
    left: float | None = None


class PreambleProtocol(Protocol):
    """
    One undecided connection.
    """

    transport: IConnection
    factory: Any  # a SharedPortFactory

    _summedUp = False

    def __init__(
        self,
        factory: Any,
        peer: str,
        peerHost: str,
        begun: Begun | None = None,
    ) -> None:
        self.factory = factory
        self._peer = peer
        self._peerHost = peerHost
        self._local = ""
        self._begun = begun
        #: Whether a PROXY protocol header is still to come.
        self._headed = begun is not None and begun.headed
        self._received = bytearray()
        self._decided = False
        self._holdsDescriptor = True
        self._since = factory.ending.reactor.seconds()
        if begun is not None and begun.left is not None:
            self._since -= max((self._limit(bool(begun.readData)) or 0.0) - begun.left, 0.0)

    def connectionMade(self) -> None:
        front, begun = self.factory, self._begun
        self._local = address_text(self.transport.getHost()) if begun is None else begun.local
        if begun is None:
            front.ending.recorder.connectionAccepted()
        left = None if begun is None else begun.left
        front.deadlines.add(self, self._limit(False) if left is None else left)
        front.makeRoom()
        front.ending.admission.enter()
        self._count()
        if begun is not None and begun.readData and not self._decided:
            self.dataReceived(begun.readData)

    def _limit(self, begun: bool) -> float | None:
        """How long the client has for all of it, or, before its first byte, for that."""
        quotas = self.factory.ending.admission.quotas
        if begun:
            return quotas.receiveTimeout  # type: ignore[no-any-return]
        return _soonest(quotas.firstByteTimeout, quotas.receiveTimeout)

    def _count(self) -> None:
        """Count this one among those of its client."""
        front = self.factory
        limit = front.ending.admission.quotas.maxPendingPerPeer
        if front.undecided.add(self, client_of(self._peerHost)) > limit:
            self._refuse(
                Outcome.SERVER_TOO_BUSY, f"more than {limit} undecided connections from this client"
            )

    def dataReceived(self, data: bytes) -> None:
        if self._decided:
            return
        front = self.factory
        if not self._received:
            self._restOfTime()
            if self._begun is None:
                # Behind a balancer only now is the client known: its address came before this.
                self._known(
                    address_text(self.transport.getPeer()), address_text(self.transport.getHost())
                )
        self._received += data
        front.ending.admission.received(len(data))
        if self._headed and not self._readHeader():
            return
        reading = read_preamble(self._received)
        if isinstance(reading, Preamble):
            self._arrive(reading)
        elif isinstance(reading, Malformed):
            self._refuse(*judge(reading, self._received))

    def _restOfTime(self) -> None:
        """The first byte is here; for all of it there is what is left of receiveTimeout."""
        front = self.factory
        limit = front.ending.admission.quotas.receiveTimeout
        if limit is not None:
            limit = max(0.0, self._since + limit - front.ending.reactor.seconds())
        front.deadlines.add(self, limit)

    def _readHeader(self) -> bool:
        """
        :returns: whether it is read, and the connection still undecided
        """
        header = read_proxy_header(self._received)
        if isinstance(header, NoProxyHeader):
            self._refuse(Outcome.NO_PROXY_HEADER, header.reason)
        elif isinstance(header, ProxyHeader):
            self._headed = False
            del self._received[: header.end]
            self.factory.ending.admission.received(-header.end)
            if header.peer:
                self._known(header.peer, header.local)
            return not self._decided
        return False

    def _known(self, peer: str, local: str) -> None:
        """This is the client, and not what the socket says."""
        self._local = local
        if peer != self._peer:
            self._peer = peer
            self._peerHost = host_of(peer)
            self.factory.undecided.discard(self)
            self._count()

    def handed_over(self, left: float | None) -> Handed | None:
        """
        This connection, for another process; None where it cannot be passed.

        :param left: seconds that the client still has
        """
        handle = self.transport.getHandle()
        if ISSLTransport.providedBy(self.transport) or not isinstance(handle, socket.socket):
            return None
        record = UndecidedRecord(bytes(self._received), self._peer, self._local, self._headed, left)
        return Handed(record, (handle.fileno(),))

    def leave(self) -> None:
        """
        Another process has it now: nothing is recorded here.
        """
        try:
            held = HeldSocket.from_transport(self.transport)
        except NotPassable:
            return
        self._decide()
        self._holdsDescriptor = False
        self.factory.ending.admission.release()
        held.close()

    def crowdedOut(self) -> None:
        """
        Make room for another client: this one's has the most of all that are undecided.
        """
        self._summedUp = True
        try:
            held = HeldSocket.from_transport(self.transport)
        except NotPassable:
            self._end(Outcome.SERVER_TOO_BUSY, _CROWDED)
            self.transport.abortConnection()
            return
        self._holdsDescriptor = False
        self._end(Outcome.SERVER_TOO_BUSY, _CROWDED)
        self.factory.ending.lastWords(held, Fault.SERVER_TOO_BUSY)

    def timedOut(self) -> None:
        """
        The preamble took longer than ``receiveTimeout``.
        """
        count = len(self._received)
        if self._headed:
            self._end(Outcome.NO_PROXY_HEADER, f"no PROXY header after {count} bytes in its time")
        else:
            self._end(Outcome.RECEIVE_TIMEOUT, f"no via after {count} bytes within the time")
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._decided:
            if self.factory.stopping:
                self._end(Outcome.SHUTDOWN, "the service stopped")
            elif not self._received:
                self._end(Outcome.EMPTY, "closed without a byte")
            else:
                count = len(self._received)
                what = "PROXY header" if self._headed else "preamble"
                outcome = Outcome.NO_PROXY_HEADER if self._headed else Outcome.INCOMPLETE
                self._end(outcome, f"closed inside the {what}, after {count} bytes")
        if self._holdsDescriptor:
            self.factory.ending.admission.release()

    def _arrive(self, preamble: Preamble) -> None:
        arrival = self._letGo(preamble.via)
        if arrival is not None:
            self.factory.route(arrival)

    def _refuse(self, outcome: Outcome, detail: str) -> None:
        arrival = self._letGo("")
        if arrival is not None:
            arrival.refuse(outcome, detail)

    def _letGo(self, via: str) -> Arrival | None:
        try:
            held = HeldSocket.from_transport(self.transport)
        except NotPassable as error:
            self._end(Outcome.NOT_PASSABLE, f"{error}; listen on a plain tcp: endpoint", via)
            self.transport.write(Fault.CONNECTION_DISPATCH_FAILED.record)
            self.transport.loseConnection()
            return None
        self._decide()
        self._holdsDescriptor = False
        arrival: Arrival = self.factory.arrival(
            held, via, bytes(self._received), self._peer, self._local
        )
        return arrival

    def _end(self, outcome: Outcome, detail: str, via: str = "") -> None:
        self._decide()
        self.factory.ending.record(outcome, via, self._peer, self._local, detail, self._summedUp)

    def _decide(self) -> None:
        self._decided = True
        self.factory.undecided.discard(self)
        self.factory.deadlines.discard(self)
        self.factory.ending.admission.decided(len(self._received))


def _soonest(*timeouts: float | None) -> float | None:
    """The shortest of some times, where None is for ever."""
    return min((one for one in timeouts if one is not None), default=None)


def judge(malformed: Malformed, data: bytes | bytearray) -> tuple[Outcome, str]:
    """
    The outcome of bytes that are no preamble, and the sentence for the log.
    """
    outcome = Outcome.MALFORMED
    if malformed.fault is not None:
        outcome = _BY_FAULT.get(malformed.fault, outcome)
    foreign = foreign_protocol(data)
    if foreign:
        return outcome, f"this is {foreign}, not net.tcp"
    return outcome, f"byte {malformed.offset}: {malformed.reason}"
