"""
Behind the listening port: read the preamble until the via is known, then let go.

The service writes nothing before it decides, so that whoever gets the connection gets it
untouched.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from netshare.framing.faults import Fault
from netshare.framing.preamble import (
    KNOWN_VIAS,
    NEED_MORE,
    Malformed,
    Preamble,
    Reading,
    foreign_protocol,
    read_preamble,
)
from netshare.service.front.arrival import FAULTS, Arrival, Ending
from netshare.service.outcomes import Outcome
from netshare.sockets.adoption import ClientGone, adopt
from netshare.sockets.held import HeldSocket, NotPassable
from netshare.sockets.names import address_text
from netshare.timing import Deadlines

#: Takes a connection whose via is known.
Router = Callable[[Arrival], None]

#: How many bytes the first read of a connection asks for: a whole preamble and a message.
_FIRST_READ = 65536

_BY_FAULT = {fault: outcome for outcome, fault in FAULTS.items()}


class PreambleProtocol(Protocol):
    """
    One undecided connection.
    """

    transport: Any
    factory: Any  # a SharedPortFactory

    def __init__(
        self, factory: SharedPortFactory, peer: str, peerHost: str, begun: bytes | None = None
    ) -> None:
        self.factory = factory
        self._peer = peer
        self._peerHost = peerHost
        self._local = ""
        self._begun = begun
        self._received = bytearray()
        self._decided = False
        self._holdsDescriptor = True

    def connectionMade(self) -> None:
        self._local = address_text(self.transport.getHost())
        if self._begun is None:
            self.factory.ending.recorder.connectionAccepted()
        self.factory.deadlines.add(self, self.factory.ending.admission.quotas.receiveTimeout)
        if not self.factory.ending.admission.enter(self._peerHost):
            limit = self.factory.ending.admission.quotas.maxPendingPerPeer
            self._refuse(
                Outcome.SERVER_TOO_BUSY, f"more than {limit} undecided connections from this client"
            )
        elif self._begun:
            self.dataReceived(self._begun)

    def dataReceived(self, data: bytes) -> None:
        if self._decided:
            return
        if self._begun is None and not self._received:
            # Behind a balancer only now is the client known: its address came before this.
            self._peer = address_text(self.transport.getPeer())
            self._local = address_text(self.transport.getHost())
        self._received += data
        self.factory.ending.admission.received(len(data))
        reading = read_preamble(self._received)
        if isinstance(reading, Preamble):
            self._arrive(reading)
        elif isinstance(reading, Malformed):
            self._refuse(*judge(reading, self._received))

    def timedOut(self) -> None:
        """
        The preamble took longer than ``receiveTimeout``.
        """
        self._end(
            Outcome.RECEIVE_TIMEOUT, f"no via after {len(self._received)} bytes within the time"
        )
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._decided:
            if self.factory.stopping:
                self._end(Outcome.SHUTDOWN, "the service stopped")
            elif not self._received:
                self._end(Outcome.EMPTY, "closed without a byte")
            else:
                count = len(self._received)
                self._end(Outcome.INCOMPLETE, f"closed inside the preamble, after {count} bytes")
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
        self.factory.ending.record(outcome, via, self._peer, self._local, detail)

    def _decide(self) -> None:
        self._decided = True
        self.factory.undecided.discard(self)
        self.factory.deadlines.discard(self)
        self.factory.ending.admission.decided(self._peerHost, len(self._received))


class SharedPortFactory(Factory):
    """
    Listen with this on any endpoint whose connections are plain TCP: ``tcp:``, ``systemd:``,
    ``haproxy:tcp:``.

    :param router: takes each connection whose via is known
    """

    noisy = False
    log = Logger()

    def __init__(self, router: Router, ending: Ending) -> None:
        self.router = router
        self.ending = ending
        self.deadlines = Deadlines(ending.reactor, PreambleProtocol.timedOut)
        self.undecided: set[PreambleProtocol] = set()
        #: The ports on which a connection that comes back is closed.
        self.closing: set[int] = set()
        self.stopping = False

    def buildProtocol(self, addr: IAddress | None) -> PreambleProtocol:
        protocol = PreambleProtocol(self, address_text(addr), str(getattr(addr, "host", addr)))
        self.undecided.add(protocol)
        return protocol

    def arrival(
        self, held: HeldSocket, via: str, readData: bytes, peer: str, local: str
    ) -> Arrival:
        """
        A connection whose client's address may be known from somebody else than its socket.
        """
        arrival = Arrival(self.ending, held, via, readData, peer, local)
        arrival.named = held.peer() != peer
        return arrival

    def route(self, arrival: Arrival) -> None:
        """
        Let the router have a connection; it is not lost when a route, or a resource of the
        embedding program, fails.
        """
        try:
            self.router(arrival)
        except Exception:
            self.log.failure("routing {arrival} failed", arrival=arrival)
            arrival.abandon("its route failed; the log says how")

    def accepted(self, held: HeldSocket, peer: str, local: str) -> None:
        """
        Take a connection that was just accepted, and decide on it at once if its preamble is
        there already.

        :param held: non-blocking; it is ours from now on
        :param peer: the client's address, as text
        :param local: the address that the client connected to
        """
        ending = self.ending
        ending.recorder.connectionAccepted()
        try:
            data = os.read(held.fileno(), _FIRST_READ)
        except BlockingIOError:
            self._readOn(held, b"", peer, local)
            return
        except OSError:
            data = b""  # reset before it said anything
        reading = KNOWN_VIAS[data]
        if not isinstance(reading, Preamble):
            self._notYet(reading, held, data, peer, local)
            return
        ending.admission.hold()
        self.route(Arrival(ending, held, reading.via, data, peer, local))

    def _notYet(
        self, reading: Reading, held: HeldSocket, data: bytes, peer: str, local: str
    ) -> None:
        """
        The first bytes of a connection do not say where it goes.
        """
        if isinstance(reading, Malformed):
            self.ending.admission.hold()
            Arrival(self.ending, held, "", data, peer, local).refuse(*judge(reading, data))
        elif not data:
            self.ending.record(Outcome.EMPTY, "", peer, local, "closed without a byte")
            held.close()
        else:
            self._readOn(held, data, peer, local)

    def _readOn(self, held: HeldSocket, data: bytes, peer: str, local: str) -> None:
        """
        Wait for the rest of a preamble.
        """
        try:
            adopt(self.ending.reactor, held, _Begun(self, data, peer))
        except ClientGone as error:
            self.ending.record(Outcome.CLIENT_GONE, "", peer, local, str(error))

    def receiveReturned(self, held: HeldSocket, readData: bytes, peer: str, local: str) -> None:
        """
        Route a connection that a worker, or a relay, gave back, as if it had just been accepted.

        On a port whose clients a front chose for us by their first preamble it is closed instead:
        the client asks for its new address on a new connection, which the front routes.

        :param readData: what was read of the next preamble, perhaps not the whole via
        """
        self.ending.recorder.connectionReturned()
        if self.closing and int(local.rpartition(":")[2]) in self.closing:
            held.close()
            self.ending.record(
                Outcome.SENT_BACK, "", peer, local, "its next preamble is for the front to route"
            )
            return
        reading = read_preamble(readData)
        if reading is NEED_MORE:
            self._readOn(held, readData, peer, local)
            return
        self.ending.admission.hold()
        if isinstance(reading, Preamble):
            self.route(self.arrival(held, reading.via, readData, peer, local))
        else:
            arrival = self.arrival(held, "", readData, peer, local)
            arrival.refuse(*judge(reading, readData))

    def refuseReturned(
        self, held: HeldSocket, outcome: Outcome, detail: str, peer: str, local: str
    ) -> None:
        """
        Refuse a connection that a worker gave back, without reading its preamble.
        """
        self.ending.recorder.connectionReturned()
        self.ending.admission.hold()
        Arrival(self.ending, held, "", b"", peer, local).refuse(outcome, detail)

    def stop(self) -> None:
        """
        Drop what is still undecided; called when the ports are closed.
        """
        self.stopping = True
        for protocol in list(self.undecided):
            transport: Any = protocol.transport
            transport.abortConnection()
        self.deadlines.clear()


class _Begun(Factory):
    """
    Makes the protocol of one connection whose preamble has begun to come.
    """

    noisy = False

    def __init__(self, front: SharedPortFactory, readData: bytes, peer: str) -> None:
        self._front = front
        self._readData = readData
        self._peer = peer

    def buildProtocol(self, addr: IAddress | None) -> PreambleProtocol:
        peerHost = str(getattr(addr, "host", addr))
        protocol = PreambleProtocol(self._front, self._peer, peerHost, self._readData)
        self._front.undecided.add(protocol)
        return protocol


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
